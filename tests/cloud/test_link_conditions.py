from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.errors import BadInput
from cloud.link_conditions import LinkConditions, Losses, losses

NO_LINK = LinkConditions()


def drawn(*values: float):
    left = list(values)
    return lambda: left.pop(0)


def test_a_link_without_losses_loses_nothing_and_draws_nothing() -> None:
    assert losses(10_000, NO_LINK, drawn()) == Losses()


def test_a_lone_segment_is_repeated_after_a_timeout_that_doubles() -> None:
    link = LinkConditions(delay_s=0.05, loss=0.2)
    assert losses(100, link, drawn(0.9)) == Losses(0, 0.0)
    once, twice = losses(100, link, drawn(0.1, 0.9)), losses(100, link, drawn(0.1, 0.1, 0.9))
    assert once == Losses(100, pytest.approx(0.3))
    assert twice == Losses(200, pytest.approx(0.3 + 0.6))


def test_a_segment_with_three_others_behind_it_is_repeated_after_a_round_trip() -> None:
    link = LinkConditions(delay_s=0.05, loss=0.2)
    found = losses(4 * 1460, link, drawn(0.1, 0.9, 0.9, 0.9, 0.9))
    assert found == Losses(1460, pytest.approx(0.1))


@given(st.floats(0.0, 0.9), st.floats(0.0, 1.0), st.integers(0, 100_000), st.integers(0, 10))
def test_losses_are_finite_and_only_ever_delay(loss: float, delay_s: float, size: int, seed: int) -> None:
    found = losses(size, LinkConditions(delay_s=delay_s, loss=loss), random.Random(seed).random)
    assert 0.0 <= found.late_s < math.inf
    assert found.again_bytes >= 0


@pytest.mark.parametrize(
    ("figures", "told"),
    [
        ({"delay_s": -1.0}, "delay_s = -1.0"),
        ({"delay_s": math.nan}, "delay_s = nan"),
        ({"loss": 1.0}, "loss = 1.0"),
        ({"up_bytes_per_s": -5.0}, "-5.0 and inf bytes/s"),
        ({"down_bytes_per_s": math.nan}, "inf and nan bytes/s"),
    ],
)
def test_figures_that_are_none_are_bad_input(figures: dict[str, float], told: str) -> None:
    with pytest.raises(BadInput, match=told):
        LinkConditions(**figures)
