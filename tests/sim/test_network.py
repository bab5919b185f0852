from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from sim.network import Network, NetworkNow, Steps

DAY = Network(Steps({0.0: 1.0, 10.0: 0.0, 20.0: 1.0}, 0.0), Steps({5.0: 2.0, 30.0: 0.0, 40.0: 3.0}, math.inf))


def test_a_link_without_speed_cannot_be_used() -> None:
    assert [DAY.is_connected(t) for t in (0.0, 9.9, 10.0, 20.0, 30.0, 40.0)] == [
        True, True, False, True, False, True,
    ]  # fmt: skip


def test_a_connection_breaks_where_it_ends_or_its_speed_does() -> None:
    assert [DAY.breaks_s(t) for t in (0.0, 25.0, 41.0)] == [10.0, 30.0, math.inf]


def test_without_a_link_nothing_is_ever_connected() -> None:
    assert not Network().is_connected(1e6)


@given(st.lists(st.floats(0.0, 60.0), max_size=20))
def test_moving_on_sees_what_looking_it_up_sees(moments_s: list[float]) -> None:
    now = NetworkNow(DAY)
    for t_s in sorted([0.0, 5.0, 10.0, *moments_s]):
        there = now.at(t_s)
        assert (there.is_connected, there.mbps) == (DAY.is_connected(t_s), DAY.mbps(t_s))
        assert there.breaks_s == DAY.breaks_s(t_s)
