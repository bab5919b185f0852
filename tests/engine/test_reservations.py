from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.reservations import Reservations


def test_what_is_held_adds_up_until_it_is_let_go_of() -> None:
    held = Reservations()
    first, second = held.hold(4.0, 0.5), held.hold(2.0, 0.25)
    assert (first, second) == ((0, 4.0, 0.5), (1, 2.0, 0.25))
    assert (held.energy_j, held.cost_usd) == (6.0, 0.75)
    held.let_go(first)
    assert (held.energy_j, held.cost_usd) == (2.0, 0.25)


def test_letting_go_twice_is_an_error_and_changes_nothing() -> None:
    held = Reservations()
    first, _ = held.hold(4.0, 0.5), held.hold(2.0, 0.25)
    held.let_go(first)
    with pytest.raises(KeyError):
        held.let_go(first)
    assert (held.energy_j, held.cost_usd) == (2.0, 0.25)


@given(
    st.lists(st.tuples(st.floats(0.0, 1e9), st.floats(0.0, 1e9)), min_size=1, max_size=20),
    st.randoms(use_true_random=False),
)
def test_once_all_is_let_go_of_nothing_is_held(amounts: list[tuple[float, float]], order: Random) -> None:
    held = Reservations()
    each = [held.hold(energy_j, cost_usd) for energy_j, cost_usd in amounts]
    for reservation in order.sample(each, len(each)):
        held.let_go(reservation)
    assert (held.energy_j, held.cost_usd) == (0.0, 0.0)
