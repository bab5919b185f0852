from __future__ import annotations

import pytest

from catalog.devices import RadioProfile
from engine.radio_tail import TailRadio

PROFILE = RadioProfile(up_j_per_byte=1e-5, down_j_per_byte=2e-5, mbps=8.0, tail_w=0.5, tail_s=2.0)


def test_the_first_transfer_pays_a_whole_tail() -> None:
    assert TailRadio(PROFILE).up_j(10.0, 10.01, 10_000) == pytest.approx(0.1 + 0.5 * 2.0)


def test_a_later_one_pays_what_it_makes_the_tail_longer() -> None:
    radio = TailRadio(PROFILE)
    radio.up_j(10.0, 11.0, 0)  # on until 13
    assert radio.down_j(11.5, 11.5, 100) == pytest.approx(0.002 + 0.5 * 0.5)  # on until 13.5
    assert radio.up_j(13.0, 13.25, 0) == pytest.approx(0.5 * (2.0 - 0.5))  # on until 15.25
    assert radio.up_j(20.0, 20.0, 0) == pytest.approx(0.5 * 2.0)


def test_transfers_at_the_same_time_pay_one_tail() -> None:
    radio = TailRadio(PROFILE)
    radio.up_j(10.0, 12.0, 0)
    assert radio.down_j(10.5, 10.6, 0) == 0.0
