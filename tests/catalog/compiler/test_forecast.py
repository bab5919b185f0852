"""What --dry-run says before anything is made."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

from catalog.compiler.forecast import forecast
from catalog.compiler.planning import plan_candidates
from catalog.compiler.request import ModelSpec, TaskSpec
from catalog.compiler.search_record import SearchLimits
from catalog.compiler.share_depths import plan_share_depths
from catalog.datasets.data_spec import DataSpec
from catalog.transforms.recipe import Effort
from tests.catalog.datasets.pictures import class_folders
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


def test_a_limit_on_time_leaves_the_full_size_of_every_model() -> None:
    models = (ModelSpec(techniques=("int8",)), ModelSpec(techniques=("int8",)))
    expected = forecast(replace(REQUEST, models=models), SearchLimits(budget_s=1e-3), 1, _Ticks()).expected
    assert [e.candidate for e in expected] == ["convnet-1-w100-d100-r16", "convnet-2-w100-d100-r16"]


def test_trunks_that_a_task_may_need_to_itself_are_counted_after_the_others(tmp_path: Path) -> None:
    grain = TaskSpec("grain", "digit", DataSpec(str(class_folders(tmp_path, {"x": 12, "y": 12}))))
    request = replace(REQUEST, tasks=(*REQUEST.tasks, grain))
    for limits in (None, SearchLimits(max_candidates=2)):
        expected = forecast(request, limits, 1, _Ticks()).expected
        first = len(plan_candidates(request)) if limits is None else 2
        assert [e.candidate for e in expected[first:]] == [c.name for c in plan_share_depths(request)]
        assert all(e.macs == expected[0].macs for e in expected[first:])


def test_deep_compression_is_not_expected_to_run_cheaper() -> None:
    request = replace(tiny_request(("deep-compress", "prune"), rendered_windows=300), effort=Effort(1, 1, 1))
    whole, deep, pruned = forecast(request, None, 1, _Ticks()).expected
    assert (deep.macs, deep.memory_bytes) == (whole.macs, whole.memory_bytes)
    assert pruned.macs < whole.macs


class _Ticks:
    """A clock that is a tenth of a second later at every look."""

    def __init__(self) -> None:
        self._now_s = 0.0

    def __call__(self) -> float:
        self._now_s += 0.1
        return self._now_s
