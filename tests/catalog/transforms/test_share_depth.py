from __future__ import annotations

from dataclasses import replace

import pytest

from catalog.compiler.benches import bench_for
from catalog.compiler.candidate_work import make_candidate
from catalog.compiler.compile_log import CompileLog, CompilePlan
from catalog.compiler.workplace import Workplace
from catalog.datasets.data_spec import SPLITS
from catalog.models.architecture import Architecture, WeightsFile
from catalog.store import open_catalog
from catalog.tasks import InputType
from catalog.transforms.recipe import Bench, Candidate, StoredTrunk
from catalog.transforms.share_depth import NotNeeded, TrainLastParts
from catalog.transforms.trained_trunks import TrainTrunk
from tests.catalog.compiler.bright_windows import EFFORT, SIDE, rough_windows, workplace, write_windows

COUNTS = {"train": (40, 40, 40), "validation": (10, 10, 10), "test": (8, 8, 8)}
RESNET = Architecture("resnet", (("blocks", 1), ("channels", 8)))
TRAINED = replace(RESNET, weights=WeightsFile("published.pt", "0" * 64))
BASE = Candidate("base", "patch", SIDE, TrainTrunk(RESNET), ("train base",))
ON_TWO = TrainLastParts(RESNET, "base", 1, "sides", "whole", (), 0.02)


def own(name: str, recipe: TrainLastParts) -> Candidate:
    return replace(BASE, name=name, recipe=recipe, lineage=(name,), after=("base",), task="sides")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    root = tmp_path_factory.mktemp("place")
    made = workplace(root, COUNTS, replace(EFFORT, epochs=12), sides=1)
    for k, split in enumerate(SPLITS):
        write_windows(made.folder("sides"), split, *rough_windows(160, k))
    return made


@pytest.fixture(scope="module")
def log(place: Workplace) -> CompileLog:
    """A trunk of three parts that "level" trained."""
    plan = CompilePlan(place, (InputType("patch", SIDE),), (BASE, own("on two", ON_TWO)), "", {})
    begun = CompileLog(plan, {}, lambda: "2026-01-01T00:00:00Z")
    begun.finish(make_candidate(place, BASE, {}, lambda _: None))
    return begun


def with_accuracy(log: CompileLog, **accuracy: float) -> dict[str, StoredTrunk]:
    """The base trunk under several names, claiming accuracies for "sides"."""
    base = log.finished()["base"]
    return {name: replace(base, accuracy={"sides": value}) for name, value in accuracy.items()}


def bench(place: Workplace, recipe: TrainLastParts, finished: dict[str, StoredTrunk]) -> Bench:
    return bench_for(place, own("trial", recipe), finished, lambda _: None)


@pytest.mark.parametrize("arch", [RESNET, TRAINED], ids=["fresh parts", "copies of trained ones"])
def test_the_first_parts_are_shared_and_the_last_is_the_tasks_own(
    place: Workplace, log: CompileLog, arch: Architecture
) -> None:
    finished = with_accuracy(log, base=0.5, whole=0.99)
    made = make_candidate(place, own("on two", replace(ON_TWO, arch=arch)), finished, lambda _: None)
    log.finish(made)
    base = open_catalog(place.root).trunks["base"]
    assert made.trunk.parts[:2] == base.parts[:2]
    assert made.trunk.parts[2] != base.parts[2]
    variants = open_catalog(place.root).variants
    assert set(variants) >= {"on two/sides", "on two/level"}
    assert variants["base/sides"].test_accuracy < variants["on two/sides"].test_accuracy


def test_it_is_trained_by_the_tasks_own_windows(place: Workplace, log: CompileLog) -> None:
    made = bench(place, ON_TWO, with_accuracy(log, base=0.5, whole=0.9))
    assert (made.classes, made.tasks) == (2, None)
    assert len(made.data) == 160


def test_the_same_seed_gives_the_same_parts(place: Workplace, log: CompileLog) -> None:
    finished = with_accuracy(log, base=0.5, whole=0.9)
    assert ON_TWO.make(bench(place, ON_TWO, finished)) == ON_TWO.make(bench(place, ON_TWO, finished))


@pytest.mark.parametrize(
    ("accuracy", "reason"),
    [
        (
            {"base": 0.89, "whole": 0.9},
            "sides loses 1.0 points on base, which shares more, against whole",
        ),
        ({"base": 0.95, "whole": 0.9}, "sides loses -5.0 points on base"),
        ({"base": 0.5, "less": 0.885, "whole": 0.9}, "sides loses 1.5 points on less"),
    ],
)
def test_where_sharing_more_is_good_enough_nothing_is_trained(
    place: Workplace, log: CompileLog, accuracy: dict[str, float], reason: str
) -> None:
    recipe = replace(ON_TWO, own=2, deeper=("less",) if "less" in accuracy else ())
    with pytest.raises(NotNeeded, match=reason):
        recipe.make(bench(place, recipe, with_accuracy(log, **accuracy)))


def test_a_trunk_that_would_share_nothing_is_not_made(place: Workplace, log: CompileLog) -> None:
    recipe = replace(ON_TWO, own=3)
    with pytest.raises(NotNeeded, match="base has no part left to share"):
        recipe.make(bench(place, recipe, with_accuracy(log, base=0.1, whole=0.9)))
