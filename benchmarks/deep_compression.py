"""How small Deep Compression makes two classic networks on handwritten digits, and what it costs in error.

    python -m benchmarks.deep_compression [--quick] [--jobs N]

scikit-learn's 1797 digits in five folds, five times with other folds and other seeds: each network is
trained on four folds, pruned and trained on, its weights shared and trained on, written to compressed
files, read back, and asked about the fifth fold after every stage. How far each network is pruned was
looked for beforehand on four folds within the training folds of a single split, with other seeds; the
shares that are kept here are above those that still did well there.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context

import numpy as np
import numpy.typing as npt
from onnx import ModelProto

from benchmarks.compression_stages import (
    LayerFigures,
    besides_bytes,
    layer_figures,
    medians,
    pruned_bytes,
    raw_bytes,
    shared_bytes,
)
from benchmarks.lenets import DIGIT_SIDE_PX, SIDE_PX, lenet_5, lenet_300_100, lenet_300_100_of_8_px
from benchmarks.report import Row, markdown_table, write_report
from catalog.canonical import canonical_bytes
from catalog.deep_compression.compressed_file import (
    compressed_head,
    compressed_part,
    decompressed_head,
    decompressed_part,
)
from catalog.deep_compression.retraining import CompressedNet, CompressionPlan
from catalog.heads import HeadWeights
from catalog.labelled_windows import LabelledWindows
from catalog.store import content_id, head_from_bytes, head_to_bytes
from catalog.training.schedule import Progress, Schedule

Bools = npt.NDArray[np.bool_]

FOLDS = 5
_SEEDS = 5
_STAGES = ("trained", "pruned", "shared", "Huffman-coded")
_RESAMPLES = 10_000
_TARGET_RATIO, _TARGET_POINTS = 25.0, 0.3


@dataclass(frozen=True, slots=True)
class Case:
    """A network and how it is trained and compressed.

    Args:
        fresh: the network for a seed.
        epochs: of its first training.
    """

    name: str
    side_px: int
    fresh: Callable[[int], tuple[ModelProto, HeadWeights]]
    epochs: int
    plan: CompressionPlan


CASES = (
    Case(
        "LeNet-300-100", SIDE_PX, lenet_300_100, 15,
        CompressionPlan(
            0.07, rungs=4, rung_epochs=4, settling_epochs=9, weight_values=16,
            sharing_epochs=3, pruning_rate=4e-3,
        ),
    ),
    Case(
        "LeNet-5", SIDE_PX, lenet_5, 8,
        CompressionPlan(0.06, rungs=3, rung_epochs=2, settling_epochs=5, sharing_epochs=2),
    ),
    Case(
        "LeNet-300-100 of 8 px", DIGIT_SIDE_PX, lenet_300_100_of_8_px, 40,
        CompressionPlan(
            0.1, rungs=5, rung_epochs=8, settling_epochs=24, weight_values=16,
            sharing_epochs=6, pruning_rate=8e-3,
        ),
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class FoldResult:
    """What became of one network.

    Args:
        rows: digits of the held-out fold, (N,).
        wrong: which of them were answered wrongly after each stage, (stages, N).
        sizes_bytes: after each stage.
        layers: at the end.
    """

    rows: npt.NDArray[np.int64]
    wrong: Bools
    sizes_bytes: tuple[int, ...]
    layers: list[LayerFigures]


def digits(side_px: int) -> LabelledWindows:
    """Return all digits in their stored order, enlarged by linear interpolation."""
    import cv2
    from sklearn.datasets import load_digits

    pixels, labels = load_digits(return_X_y=True)
    grey = [p.reshape(DIGIT_SIDE_PX, DIGIT_SIDE_PX) for p in (pixels * (255.0 / 16.0)).astype(np.float32)]
    if side_px != DIGIT_SIDE_PX:
        grey = [cv2.resize(g, (side_px, side_px), interpolation=cv2.INTER_LINEAR) for g in grey]
    windows = np.round(np.stack(grey)).clip(0, 255).astype(np.uint8)  # (N, S, S)
    return LabelledWindows(np.repeat(windows[..., np.newaxis], 3, axis=3), labels.astype(np.int64))


def fold_result(case: Case, seed: int, fold: int) -> FoldResult:
    """Train and compress a network on all folds but one, asking it about that one after every stage.

    Raises:
        SystemExit: a file did not decode to what was encoded.
    """
    from sklearn.model_selection import StratifiedKFold

    data = digits(case.side_px)
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(data.windows, data.labels)
    train, held_out = list(folds)[fold]
    model, head = case.fresh(FOLDS * seed + fold)
    net = CompressedNet([model], head, FOLDS * seed + fold, _silent)
    training = LabelledWindows(data.windows[train], data.labels[train])
    asked = LabelledWindows(data.windows[held_out], data.labels[held_out])
    net.train(training, Schedule(case.epochs))
    wrong = [_wrong(*_stored(net), asked)]
    net.prune(training, case.plan)
    wrong.append(_wrong(*_stored(net), asked))
    pruned = pruned_bytes(net.graphs()[0], net.head())
    net.share(training, case.plan)
    part, stored_head = _stored(net)
    wrong.append(_wrong(part, stored_head, asked))
    files = compressed_part(part), compressed_head(stored_head)
    decoded = decompressed_part(files[0], "part"), decompressed_head(files[1], "head")
    if decoded != (part, stored_head) or content_id(decoded[0]) != content_id(part):
        raise SystemExit(f"{case.name}: what was decoded is not what was encoded")
    wrong.append(_wrong(*decoded, asked))
    final, final_head = net.graphs()[0], net.head()
    coded = len(files[0]) + len(files[1])
    besides = besides_bytes(final, final_head, coded)
    sizes = (
        raw_bytes(final, final_head),
        pruned + besides,
        shared_bytes(final, final_head) + besides,
        coded,
    )
    return FoldResult(held_out, np.stack(wrong), sizes, layer_figures(final, final_head))


def _silent(_: Progress) -> None:
    """Report nothing."""


def _stored(net: CompressedNet) -> tuple[bytes, bytes]:
    """Return the part and the head as a catalog stores them."""
    return canonical_bytes(net.graphs()[0]), head_to_bytes(net.head())


def _wrong(part: bytes, head: bytes, asked: LabelledWindows) -> Bools:
    """Return which windows a stored part and head answer wrongly, run as any catalog is."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(part, options, providers=["CPUExecutionProvider"])
    (features,) = session.run(None, {session.get_inputs()[0].name: asked.windows})
    answers = head_from_bytes(head, "head").confidences(features).argmax(axis=1)
    return np.asarray(answers != asked.labels)


def stage_rows(case: Case, results: Sequence[FoldResult]) -> list[Row]:
    """Return size and error after each stage, pooled over all networks."""
    raw_size = float(np.median([r.sizes_bytes[0] for r in results]))
    left = [sum(f.left_pct * f.weights for f in r.layers) / sum(f.weights for f in r.layers) for r in results]
    wrong = np.concatenate([r.wrong for r in results], axis=1)
    rows: list[Row] = []
    for k, stage in enumerate(_STAGES):
        size = float(np.median([r.sizes_bytes[k] for r in results]))
        low, high = change_interval(results, k)
        weights = results[0].sizes_bytes[0] / 4
        share = 1.0 if k == 0 else float(np.median(left)) / 100
        rows.append(
            {
                "network": case.name,
                "stage": stage,
                "size_bytes": round(size),
                "times_smaller": raw_size / size,
                "bits_a_weight_left": 8 * size / (weights * share),
                "weights_left_pct": 100 * share,
                "error_pct": 100 * float(wrong[k].mean()),
                "change_points": 100 * float(wrong[k].mean() - wrong[0].mean()),
                "change_95_low": low,
                "change_95_high": high,
                "answers": wrong.shape[1],
            }
        )
    return rows


def change_interval(results: Sequence[FoldResult], stage: int) -> tuple[float, float]:
    """Return the 95 % interval of the change in error, in points, by resampling digits.

    A digit stands for all its answers, one of each seed: they are not independent.
    """
    rows = np.concatenate([r.rows for r in results])
    change = np.concatenate([r.wrong[stage].astype(float) - r.wrong[0] for r in results])
    known, of_digit = np.unique(rows, return_inverse=True)
    mean = np.bincount(of_digit, change) / np.bincount(of_digit)  # (digits,)
    rng = np.random.default_rng(0)
    draws = [mean[rng.integers(0, len(known), len(known))].mean() for _ in range(_RESAMPLES)]
    low, high = np.percentile(draws, (2.5, 97.5))
    return 100 * float(low), 100 * float(high)


def layer_rows(case: Case, results: Sequence[FoldResult]) -> list[Row]:
    """Return what each layer is like at the end, medians over all networks."""
    return [{"network": case.name, **asdict(f)} for f in medians([r.layers for r in results])]


def compare(case: Case, seeds: int, folds: int, jobs: int) -> tuple[list[Row], list[Row]]:
    """Run a network on every fold of every seed; the rows of its stages and of its layers."""
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        runs = [pool.submit(fold_result, case, s, f) for s in range(seeds) for f in range(folds)]
        results = [run.result() for run in runs]
    return stage_rows(case, results), layer_rows(case, results)


def verdict(row: Row) -> str:
    """Say how the last stage of a network stands to the target."""
    smaller, points = float(row["times_smaller"] or 0.0), float(row["change_points"] or 0.0)
    reached = smaller >= _TARGET_RATIO and points <= _TARGET_POINTS
    return (
        f"{row['network']}: {smaller:.1f} times smaller, error {points:+.2f} points "
        f"({row['change_95_low']:+.2f} to {row['change_95_high']:+.2f}): "
        f"at least {_TARGET_RATIO:g} times at most {_TARGET_POINTS:+g} points is "
        f"{'reached' if reached else 'not reached'}."
    )


_NOTES = (
    "Error is that of all answers pooled, each network asked about the fold that it never saw; change is "
    "against the same network before pruning, with a 95 % interval from resampling digits. Sizes are "
    "medians over the networks; the first is four bytes a weight and nothing else, the last the two "
    "compressed files (graph and head) whole.",
    "Every file was decoded and the result compared byte by byte with what was encoded; a difference would "
    "have stopped the run.",
    "28 x 28 pixels, as published, are the 8 x 8 digits enlarged: neighbouring pixels tell the same, which "
    "leaves more to prune than 28 x 28 pixels of ink would.",
    "Biases are not pruned but share values too. The layers' table gives bits of a stored entry, fillers "
    "counted.",
)

_NOTE_OF_8_PX = (
    "The network of 8 px reads the digits as they are, has a fifth of the weights and is the harder case."
)


def notes(names: Sequence[str]) -> list[str]:
    """Say how the networks of these names were trained and measured."""
    ran = [case for case in CASES if case.name in names]
    passes = [f"{c.name} {c.epochs} and {c.plan.all_epochs}" for c in ran]
    trained = (
        f"Passes over the training digits before pruning and after: {'; '.join(passes)}. The later ones come "
        "on top, so that where the error falls, part of it is the longer training."
    )
    smaller = [_NOTE_OF_8_PX] if any(c.side_px == DIGIT_SIDE_PX for c in ran) else []
    return [*_NOTES, trained, *smaller]


def main() -> None:
    """Run, print and write docs/results/deep_compression."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="two networks of 8 px; writes nothing")
    parser.add_argument("--jobs", type=int, default=1, help="processes of one thread each")
    args = parser.parse_args()
    if args.quick:
        stages, layers = compare(CASES[-1], 1, 2, args.jobs)
        print(*markdown_table(stages), *markdown_table(layers), sep="\n")
        return
    stages, layers = [], []
    for case in CASES:
        of_case = compare(case, _SEEDS, FOLDS, args.jobs)
        stages += of_case[0]
        layers += of_case[1]
        print(_report(stages, layers), flush=True)


def _report(stages: Sequence[Row], layers: Sequence[Row]) -> str:
    """Write what is there so far, so that hours are not lost with the last network."""
    verdicts = [f"- {verdict(row)}" for row in stages[len(_STAGES) - 1 :: len(_STAGES)]]
    body = [*verdicts, "", *markdown_table(stages), "", *markdown_table(layers)]
    packages = ("torch", "onnxruntime", "onnx", "scikit-learn", "numpy")
    title = "Deep Compression of two classic networks on the digits"
    told = notes([str(row["network"]) for row in stages])
    return write_report(
        "deep_compression", title, stages, told, packages, body=body, tables={"layers": layers}
    )


if __name__ == "__main__":
    main()
