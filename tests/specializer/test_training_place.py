from __future__ import annotations

import pytest

from catalog.devices import DeviceProfile, RadioProfile
from specializer.training_effort import TrainingEffort
from specializer.training_place import TrainingCost, TrainingPrices

DEVICE = DeviceProfile("made up", "nobody", 1.0, 2.0)
RADIO = RadioProfile(up_j_per_byte=1e-6, down_j_per_byte=2e-6, mbps=10.0, tail_w=0.1, tail_s=0.5)
HERE = TrainingEffort(0.5)
THERE = TrainingEffort(0.2, up_bytes=1_000.0, down_bytes=20_000.0)


def test_a_device_pays_for_its_processor_and_a_server_for_bytes_and_seconds() -> None:
    prices = TrainingPrices(DEVICE, RADIO, usd_per_s=0.01, usd_per_byte=1e-9)
    assert prices.here(HERE) == TrainingCost(1.0)
    there = prices.there(THERE)
    assert there.energy_j == pytest.approx(1e-3 + 0.04 + 0.1)
    assert there.cost_usd == pytest.approx(0.002 + 21_000e-9)
    assert there.value_usd(2.0) == pytest.approx(there.cost_usd + 2.0 * there.energy_j)


def test_what_was_sent_and_never_answered_costs_its_own_way_alone() -> None:
    prices = TrainingPrices(DEVICE, RADIO, usd_per_byte=1e-9)
    lost = prices.of(TrainingEffort(0.0, up_bytes=1_000.0))
    assert lost.energy_j == pytest.approx(1e-3 + 0.05)
    assert lost.cost_usd == pytest.approx(1_000e-9)
    assert prices.of(HERE) == prices.here(HERE)
    assert prices.of(THERE) == prices.there(THERE)


@pytest.mark.parametrize(
    ("usd_per_s", "usd_per_j", "there"), [(0.0, 1.0, True), (10.0, 1.0, False), (10.0, 10.0, True)]
)
def test_money_and_energy_decide_together(usd_per_s: float, usd_per_j: float, there: bool) -> None:
    prices = TrainingPrices(DEVICE, RADIO, usd_per_s=usd_per_s, usd_per_j=usd_per_j)
    assert prices.cheaper_there(HERE, THERE) is there


def test_of_equals_the_device_is_taken() -> None:
    free = TrainingPrices(DEVICE, RADIO, usd_per_j=0.0)
    assert not free.cheaper_there(HERE, THERE)


def test_an_estimate_follows_what_heads_take() -> None:
    estimate = HERE
    for _ in range(30):
        estimate = estimate.moved_to(THERE)
    assert estimate.processor_s == pytest.approx(THERE.processor_s, rel=1e-3)
    assert estimate.down_bytes == pytest.approx(THERE.down_bytes, rel=1e-3)
