from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from catalog.compiler.events import Event, ModelsTried
from catalog.compiler.planning import plan_candidates
from catalog.compiler.pool import WorkerPool
from catalog.compiler.rehearsal import Trial, rehearse, trials
from catalog.compiler.request import CompileRequest, ModelSpec, TaskSpec
from catalog.compiler.share_depths import plan_share_depths
from catalog.datasets.data_spec import DataSpec
from catalog.errors import ModelError
from catalog.labelled_windows import LabelledWindows
from catalog.models.architecture import Architecture
from catalog.training.schedule import Progress
from catalog.transforms.recipe import Bench, Effort, StoredTrunk
from catalog.transforms.trained_trunks import TrainTrunk
from tests.catalog.compiler.bright_windows import SIDE
from tests.tiny_compile import compile_tiny, tiny_request

HERE = "tests.catalog.compiler.architectures"


def brought(name: str) -> Architecture:
    return Architecture(f"{HERE}:{name}")


def trial(name: str) -> Trial:
    return Trial(brought(name), 16, 4, 0)


def tried(request: CompileRequest) -> list[tuple[str, int]]:
    candidates = (*plan_candidates(request), *plan_share_depths(request))
    return [(t.architecture.arch, t.classes) for t in trials(request, candidates)]


def test_what_users_bring_is_tried_out_once_for_an_input_type_at_full_size() -> None:
    deeper = Architecture("resnet", (("blocks", 2),))
    models = (ModelSpec(brought("fixed"), ("int8",)), ModelSpec(deeper, ("scale",)), ModelSpec(techniques=()))
    request = replace(tiny_request(), models=models)
    assert tried(request) == [(f"{HERE}:fixed", 10), ("resnet", 10)]


def test_a_built_in_family_as_it_comes_needs_no_trial() -> None:
    assert tried(tiny_request()) == []


def test_it_is_told_the_classes_of_all_tasks_that_train_it_together() -> None:
    request = replace(tiny_request(), models=(ModelSpec(brought("fixed"), ()),))
    again = TaskSpec("again", "digit", DataSpec("digits"), trunk_weight=1.0)
    assert tried(replace(request, tasks=(*request.tasks, again))) == [(f"{HERE}:fixed", 20)]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("scripted", "the exporter cannot express the architecture: "),
        ("maps", r"the last part gives \(4, 3, 2, 2\) float32: expected \(N, D\) float32"),
        ("stillborn", r"cannot be built: ZeroDivisionError: a slip .* \(architectures\.py, line \d+\)"),
    ],
)
def test_what_cannot_be_used_is_refused_with_the_reason(name: str, reason: str) -> None:
    with pytest.raises(ModelError, match=f"^model {HERE}:{name}: {reason}"):
        rehearse(trial(name))


def test_a_list_of_parts_may_permute_pixels_and_call_view_without_contiguous() -> None:
    rehearse(trial("permuted"))
    rng = np.random.default_rng(0)
    windows = rng.integers(0, 256, (40, SIDE, SIDE, 3), dtype=np.uint8)
    data = LabelledWindows(windows, rng.integers(0, 2, 40))
    parts = TrainTrunk(brought("permuted")).make(Bench(0, SIDE, 2, data, Effort(1, 1, 1), none, unheard))
    assert len(parts) == 2


def unheard(progress: Progress) -> None:
    pass


def none(name: str) -> StoredTrunk:
    raise KeyError(name)


def test_models_are_tried_out_in_the_workers_before_there_is_a_place_to_work_at() -> None:
    with WorkerPool(2) as pool:
        pool.rehearse([])
        pool.rehearse([trial("fixed"), trial("permuted"), trial("fixed")])
        with pytest.raises(ModelError, match=f"^model {HERE}:fatal: its process ended with status -9"):
            pool.rehearse([trial("fixed"), trial("fatal")])


def test_a_compile_ends_before_it_prepares_data(tmp_path: Path) -> None:
    events: list[Event] = []
    models = (ModelSpec(brought("fixed"), ()), ModelSpec(brought("maps"), ()))
    with pytest.raises(ModelError, match="the last part gives"):
        compile_tiny(replace(tiny_request(), models=models), tmp_path / "c", events=events)
    assert events == [ModelsTried((f"{HERE}:fixed", f"{HERE}:maps"))]
