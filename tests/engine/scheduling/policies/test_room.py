from __future__ import annotations

from engine.scheduling.policies.candidates import candidates_of
from engine.scheduling.policies.room import Room
from engine.scheduling.problem import Budget
from tests.scheduling_problems import app, shared_trunks

WHO, ODD = app("who"), app("odd")


def test_parts_that_are_there_already_need_no_further_room() -> None:
    problem = shared_trunks([WHO, ODD], Budget(memory_bytes=900))
    who, odd = (candidates_of(problem, a).best_first for a in (WHO, ODD))
    room = Room(problem)
    room.take(who[0])
    assert [room.holds(c) for c in odd] == [True, False, True]  # large is shared, small has 100 bytes left
    room.empty()
    assert all(room.holds(c) for c in odd)


def test_without_a_limit_that_binds_everything_has_room() -> None:
    problem = shared_trunks([WHO], Budget(memory_bytes=1300))
    room = Room(problem)
    for candidate in candidates_of(problem, WHO).best_first:
        assert room.holds(candidate)
        room.take(candidate)
