"""How much faster backends run a trunk than eager torch does, one window at a time.

    python -m benchmarks.backends [--quick] [--threads N]

Trunks of three families at 32 px, fresh weights (speed does not depend on them): the torch modules as
they were built, in inference mode, and the parts stored from them through each backend, on the same
uint8 windows. All take turns in one process, so that what disturbs a moment disturbs all alike.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.report import Row, write_report
from catalog.backends.part_chain import PartChain
from catalog.backends.table import installed_backends, offered_precisions, open_backend
from catalog.canonical import canonical_bytes
from catalog.models.architecture import Architecture
from catalog.models.assembly import assembled
from catalog.models.trunk_graphs import trunk_graphs
from catalog.transforms.int8 import quantised

Run = Callable[[npt.NDArray[np.uint8]], npt.NDArray[np.float32]]

_SIZE_PX = 32
_CLASSES = 10
# Mid-sized is ResNet-20, of 41 million multiply-accumulates a window.
_TRUNKS = (
    Architecture("resnet"),
    Architecture("mobilenet"),
    Architecture("vgg"),
    Architecture("convnet"),
)
_EAGER = "eager torch"
_FULL_ROUNDS, _QUICK_ROUNDS = 150, 5
_CALLS_A_TURN = 2
_CALIBRATION_WINDOWS = 64


def main() -> None:
    """Measure all trunks and write the report."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="a few rounds of one trunk; writes nothing")
    parser.add_argument("--threads", type=int, default=1, help="threads of one call")
    args = parser.parse_args()
    rows: list[Row] = []
    for architecture in _TRUNKS[:1] if args.quick else _TRUNKS:
        rows += measured(architecture, args.threads, _QUICK_ROUNDS if args.quick else _FULL_ROUNDS)
        print(*rows, sep="\n")
    if not args.quick:
        notes = [
            "One window a call. Ratios are of medians to that of eager torch in the same run, of the time "
            "that passed (speedup) and of processor time (work_ratio), which other processes disturb less. "
            "difference is the largest of any feature, as a share of the largest feature.",
            f"bf16: {'measured' if 'bf16' in offered_precisions('openvino') else 'this processor has none'}.",
        ]
        packages = ("torch", "onnxruntime", "openvino", "numpy")
        print(write_report("backends", "Backends against eager torch", rows, notes, packages))


def measured(architecture: Architecture, threads: int, rounds: int) -> list[Row]:
    """Measure one trunk by all backends that are installed, in f32 and int8, and bf16 where there is one."""
    import torch

    torch.set_num_threads(threads)
    window = np.random.default_rng(0).integers(0, 256, (1, _SIZE_PX, _SIZE_PX, 3), dtype=np.uint8)
    with tempfile.TemporaryDirectory() as folder:
        eager, paths, quantised_paths = _built(architecture, Path(folder))
        runs: dict[tuple[str, str], Run] = {(_EAGER, "f32"): eager}
        for name in installed_backends():
            for precision in offered_precisions(name):
                runs[name, precision] = PartChain(open_backend(name, threads, precision), paths)
            runs[name, "int8"] = PartChain(open_backend(name, threads), quantised_paths)
        samples = _samples(runs, window, rounds)
    expected = eager(window)
    base = np.median(samples[_EAGER, "f32"], axis=0)
    return [
        _row(str(architecture), kind, samples[kind], base, _difference(run(window), expected))
        for kind, run in runs.items()
    ]


def _built(architecture: Architecture, folder: Path) -> tuple[Run, list[Path], list[Path]]:
    """Return a trunk as an eager function, as stored parts, and as parts in int8."""
    import torch

    model = assembled(architecture, _SIZE_PX, _CLASSES, {}, seed=0)
    modules = torch.nn.Sequential(*model.parts).eval()
    example = torch.randint(0, 256, (2, _SIZE_PX, _SIZE_PX, 3), dtype=torch.uint8)

    def eager(windows: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        with torch.inference_mode():
            features: npt.NDArray[np.float32] = modules(torch.from_numpy(windows)).numpy()
        return features

    paths = []
    for k, graph in enumerate(trunk_graphs(model, example)):
        paths.append(folder / f"{k}.onnx")
        paths[-1].write_bytes(canonical_bytes(graph))
    return eager, paths, _quantised(paths, folder)


def _quantised(paths: Sequence[Path], folder: Path) -> list[Path]:
    rng = np.random.default_rng(1)
    batches: list[npt.NDArray[np.generic]] = [
        rng.integers(0, 256, (_CALIBRATION_WINDOWS, _SIZE_PX, _SIZE_PX, 3), dtype=np.uint8)
    ]
    made = []
    for path in paths:
        made.append(folder / f"int8-{path.name}")
        made[-1].write_bytes(canonical_bytes(quantised(path, batches, folder)))
        chain = PartChain(open_backend("onnxruntime"), [path])
        batches = [chain(b) for b in batches]
    return made


def _samples(
    runs: dict[tuple[str, str], Run], window: npt.NDArray[np.uint8], rounds: int
) -> dict[tuple[str, str], npt.NDArray[np.float64]]:
    """Return seconds and processor seconds of each call (calls, 2), after one that is not counted."""
    taken: dict[tuple[str, str], list[tuple[float, float]]] = {kind: [] for kind in runs}
    for done in range(rounds + 1):
        for kind, run in runs.items():
            for _ in range(_CALLS_A_TURN):
                start_s, busy_s = time.perf_counter(), time.process_time()
                run(window)
                if done:
                    taken[kind].append((time.perf_counter() - start_s, time.process_time() - busy_s))
    return {kind: np.array(calls) for kind, calls in taken.items()}


def _difference(found: npt.NDArray[np.float32], expected: npt.NDArray[np.float32]) -> float:
    return float(np.abs(found - expected).max() / np.abs(expected).max())


def _row(
    trunk: str,
    kind: tuple[str, str],
    samples_s: npt.NDArray[np.float64],
    base_s: npt.NDArray[np.float64],
    difference: float,
) -> Row:
    median_s = np.median(samples_s, axis=0)
    low_s, high_s = np.percentile(samples_s[:, 0], (25, 75))
    return {
        "trunk": trunk,
        "backend": kind[0],
        "precision": kind[1],
        "median_ms": 1e3 * float(median_s[0]),
        "quartiles_ms": f"{1e3 * low_s:.3g} to {1e3 * high_s:.3g}",
        "speedup": float(base_s[0] / median_s[0]),
        "work_ratio": float(base_s[1] / median_s[1]),
        "difference": difference,
    }


if __name__ == "__main__":
    main()
