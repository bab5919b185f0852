"""Making one trunk from its recipe to stored parts, features, heads and measured accuracy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from catalog.backends.part_chain import PartChain
from catalog.backends.table import backend_for_parts
from catalog.class_balance import balanced_rows
from catalog.compiler.benches import bench_for
from catalog.compiler.outcomes import Outcome
from catalog.compiler.workplace import Workplace
from catalog.datasets.data_spec import SPLITS
from catalog.deep_compression.compressed_file import compressed_part
from catalog.errors import RunFailed
from catalog.graph_costs import describe_part
from catalog.head_training import TrainedHead, calibrated_head, train_head
from catalog.heads import Head, HeadWeights
from catalog.parts import Part, Trunk
from catalog.store import CatalogWriter, StoredFeatures, part_file
from catalog.tasks import Task
from catalog.training.batches import in_order
from catalog.training.schedule import Progress
from catalog.training.trunk_training import seed_of
from catalog.transforms.recipe import Bench, Candidate, StoredTrunk
from catalog.variants import Variant

Float32 = npt.NDArray[np.float32]

_BATCH = 32


@runtime_checkable
class BringsHead(Protocol):
    """A recipe whose trunk comes with a head."""

    def brought_head(self, bench: Bench) -> HeadWeights | None:
        """Return a head for the classes of the leading task; None where it has none for them."""


def make_candidate(
    place: Workplace,
    candidate: Candidate,
    finished: Mapping[str, StoredTrunk],
    report: Callable[[Progress], None],
) -> Outcome:
    """Make and store one trunk with heads for every task of its input type.

    Accuracy is that of the stored parts, run in the precision that they are stored for.

    Raises:
        McdnnError: it cannot be made.
    """
    tasks = place.tasks_on(candidate.input_type)
    leading = tasks[0]
    bench = bench_for(place, candidate, finished, report)
    writer = CatalogWriter(place.root)
    parts = tuple(_store_part(writer, data) for data in candidate.recipe.make(bench))
    trunk = _trunk(candidate, parts)
    paths = [part_file(place.root, p.id) for p in parts]
    chain = PartChain(backend_for_parts(parts), paths)
    brought = None
    if isinstance(candidate.recipe, BringsHead):
        brought = candidate.recipe.brought_head(replace(bench, classes=len(leading.classes)))
    heads, variants = [], []
    for owner in [t for t in tasks if t.parent is None]:
        features = _store_features(place, writer, owner, trunk, chain)
        for task in [t for t in tasks if t.data_task == owner.name]:
            head, variant = _store_head(writer, task, trunk, features, brought if task is leading else None)
            heads.append(head)
            variants.append(variant)
    return Outcome(trunk, parts, tuple(heads), tuple(variants))


def _store_part(writer: CatalogWriter, data: bytes) -> Part:
    part = describe_part(data, writer.write_part(data))
    return replace(part, download_bytes=len(compressed_part(data)))


def _trunk(candidate: Candidate, parts: tuple[Part, ...]) -> Trunk:
    last = parts[-1].output_shape
    if len(last) != 1:
        raise RunFailed(f"{candidate.name}: its last part gives {last}: expected one vector a window")
    ids = tuple(p.id for p in parts)
    return Trunk(candidate.name, candidate.input_type, candidate.size_px, ids, last[0], candidate.lineage)


def _store_features(
    place: Workplace, writer: CatalogWriter, owner: Task, trunk: Trunk, chain: PartChain
) -> dict[str, tuple[Float32, npt.NDArray[np.int64]]]:
    """Run all windows of a task through a trunk; test features are used once and not stored.

    Of large splits some rows are stored, the same for every trunk of the task.
    """
    result = {}
    for split in SPLITS:
        data = place.windows(owner.name, split, trunk.size_px)
        features = np.concatenate([chain(w) for w in in_order(data.windows, _BATCH)])
        with np.errstate(over="ignore"):
            halves = features.astype(np.float16)
        if not np.isfinite(halves).all():
            raise RunFailed(f"{trunk.name}: features of {owner.name} are not finite as float16")
        if split != "test":
            rng = np.random.default_rng(seed_of(f"{owner.name}.{split}", place.seed))
            rows = balanced_rows(data.labels, place.effort.stored_features, rng)
            writer.write_features(
                trunk.name, owner.name, split, StoredFeatures(halves[rows], data.labels[rows])
            )
        result[split] = (features, data.labels)
    return result


def _store_head(
    writer: CatalogWriter,
    task: Task,
    trunk: Trunk,
    features: Mapping[str, tuple[Float32, npt.NDArray[np.int64]]],
    brought: HeadWeights | None,
) -> tuple[Head, Variant]:
    labelled = {split: (x, _labels_of(task, labels)) for split, (x, labels) in features.items()}
    classes = len(task.classes)
    trained = train_head(labelled["train"], labelled["validation"], classes)
    if brought is not None:
        trained = _better(calibrated_head(brought.weight, brought.bias, labelled["validation"]), trained)
    head_id = writer.write_head(trained.weights, _variant_id(trunk, task))
    head = Head(head_id, trunk.name, task.name, 4 * classes * (trunk.feature_dim + 1))
    return head, _variant(task, trunk, head_id, trained, labelled["test"])


def _better(brought: TrainedHead, trained: TrainedHead) -> TrainedHead:
    """Keep a brought head unless it is worse on the validation split: its classes may be in another order."""
    return trained if trained.accuracy > brought.accuracy else brought


def _labels_of(task: Task, labels: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    return labels if task.parent is None else np.asarray(task.relabel, np.int64)[labels]


def _variant(
    task: Task, trunk: Trunk, head_id: str, trained: TrainedHead, test: tuple[Float32, npt.NDArray[np.int64]]
) -> Variant:
    answers = trained.weights.confidences(test[0]).argmax(axis=1)
    return Variant(
        _variant_id(trunk, task),
        task.name,
        trunk.name,
        head_id,
        trained.accuracy,
        float((answers == test[1]).mean()),
        trained.calibration_error,
    )


def _variant_id(trunk: Trunk, task: Task) -> str:
    return f"{trunk.name}/{task.name}"
