"""What --dry-run says before anything is made."""

from __future__ import annotations

import time
from dataclasses import replace

from catalog.compiler.forecast import forecast
from catalog.compiler.planning import plan_candidates
from catalog.compiler.search_record import SearchLimits
from catalog.transforms.recipe import Effort
from tests.tiny_compile import tiny_request

REQUEST = replace(tiny_request(("scale", "lowrank", "int8"), rendered_windows=300), effort=Effort(1, 1, 1))


def test_without_limits_it_is_what_the_request_lists() -> None:
    expected = forecast(REQUEST, None, 1, time.perf_counter)
    assert [e.candidate for e in expected.expected] == [c.name for c in plan_candidates(REQUEST)]
    assert expected.combinations == len(expected.expected)
    assert all(e.seconds > 0.0 and e.macs > 0.0 and e.memory_bytes > 0.0 for e in expected.expected)


def test_a_limit_on_candidates_is_kept_and_the_full_size_comes_first() -> None:
    expected = forecast(REQUEST, SearchLimits(max_candidates=5), 1, time.perf_counter)
    assert len(expected.expected) == 5
    assert expected.combinations > 100
    assert expected.expected[0].candidate == plan_candidates(REQUEST)[0].name


def test_a_limit_on_time_is_kept_and_more_processes_try_more() -> None:
    by_one, by_four = (forecast(REQUEST, SearchLimits(budget_s=3.0), jobs, _Ticks()) for jobs in (1, 4))
    assert by_one.seconds <= 3.0
    assert len(by_four.expected) > len(by_one.expected) >= 1


class _Ticks:
    """A clock that is a tenth of a second later at every look."""

    def __init__(self) -> None:
        self._now_s = 0.0

    def __call__(self) -> float:
        self._now_s += 0.1
        return self._now_s
