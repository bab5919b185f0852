"""What a camera's apps notice when the way to the cloud, or the cloud itself, fails for half a minute.

    python -m benchmarks.cloud_faults [--catalog DIR] [--out DIR] [--quick]

A real engine on the digit camera, in real time, with memory for the smallest models only; `mcdnn serve`
in a process of its own; between them a link that is shaped in this process. The fault begins and ends in
the middle of each run. The catalog is that of `mcdnn demo`, which compiles it.
"""

from __future__ import annotations

import argparse
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import monotonic

import numpy as np

from benchmarks.killable_server import KillableServer
from benchmarks.report import RESULTS, Row, markdown_table, write_report
from catalog.errors import McdnnError
from catalog.store import Catalog, open_catalog
from cloud.link_conditions import Cut
from cloud.shaper import ShapedLink, shaped
from engine.results import Result
from mcdnn.cloud_demonstration import LINK, cloud_config
from mcdnn.demonstration import camera, catalog_folder
from mcdnn.engine import Engine

Timed = list[tuple[float, Result]]

_SLOW_BYTES_PER_S = 100_000 / 8
_PACKAGES = ("mcdnn", "grpcio", "numpy", "onnxruntime")
_WORST_START_S = 60.0

NOTES = [
    "Four apps on the digit camera (15 frames a second), each with a latency limit of 0.5 s; policy `paced`; "
    "the link takes 10 ms each way and carries 20 Mbit/s. A request is one app asking about one window. "
    "Latency counts from the frame's capture. `away` is the share of requests that the cloud answered, alone "
    "or from the second part on; `accuracy` counts an unserved request as wrong. `again_s` is the time from "
    "the end of the fault to the cloud's next answer, a new server's own start included.",
    "Asked: every request served within its limit, by the device where the cloud is silent, and answered "
    "once; the server healthy at the end.",
]


@dataclass(frozen=True, slots=True)
class Scale:
    """When the fault begins, when it ends, and how long a run is, in seconds."""

    begins_s: float
    ends_s: float
    run_s: float


FULL = Scale(15.0, 45.0, 70.0)
QUICK = Scale(3.0, 6.0, 10.0)


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that goes wrong, and is put right.

    Args:
        name: for the report.
        begin: makes it happen.
        end: makes it good.
        memory_share: of what the server's largest trunk needs that it has; inf for no limit.
    """

    name: str
    begin: Callable[[ShapedLink, KillableServer], None]
    end: Callable[[ShapedLink, KillableServer], None]
    memory_share: float = float("inf")


def _nothing(link: ShapedLink, server: KillableServer) -> None:
    """Leave all as it is."""


def _mend(link: ShapedLink, server: KillableServer) -> None:  # noqa: ARG001
    link.change(LINK)


def _kill(link: ShapedLink, server: KillableServer) -> None:  # noqa: ARG001
    server.kill()


def _restart(link: ShapedLink, server: KillableServer) -> None:  # noqa: ARG001
    server.start()


FAULTS = (
    Fault("none", _nothing, _nothing),
    Fault("the link swallows everything", lambda k, _: k.change(replace(LINK, cut=Cut.STALL)), _mend),
    Fault("connections are reset and refused", lambda k, _: k.change(replace(LINK, cut=Cut.RESET)), _mend),
    Fault("20 % of the segments are lost", lambda k, _: k.change(replace(LINK, loss=0.2)), _mend),
    Fault(
        "100 kbit/s",
        lambda k, _: k.change(
            replace(LINK, up_bytes_per_s=_SLOW_BYTES_PER_S, down_bytes_per_s=_SLOW_BYTES_PER_S)
        ),
        _mend,
    ),
    Fault("SIGKILL, and a new server at its address", _kill, _restart),
    Fault("SIGSTOP and SIGCONT", lambda _, s: s.freeze(), lambda _, s: s.thaw()),
    Fault("no memory for the largest trunk", _nothing, _nothing, memory_share=0.9),
)


@dataclass(slots=True)
class Watch:
    """What a run's results say, by time since the first of them."""

    began_s: float | None = None
    results: Timed = field(default_factory=list)
    begun: threading.Event = field(default_factory=threading.Event)

    def __call__(self, result: Result) -> None:
        """Take a result."""
        now_s = monotonic()
        if self.began_s is None:
            self.began_s = now_s
            self.begun.set()
        self.results.append((now_s - self.began_s, result))


def main() -> None:
    """Measure, print and write docs/results/cloud_faults."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--catalog", type=Path, help="default: that of mcdnn demo")
    parser.add_argument("--out", type=Path, default=RESULTS, help="where the report goes")
    parser.add_argument("--quick", action="store_true", help="ten seconds a fault")
    args = parser.parse_args()
    try:
        print(run(open_catalog(args.catalog or catalog_folder()), QUICK if args.quick else FULL, args.out))
    except McdnnError as e:
        sys.exit(f"cloud_faults: {e}")


def run(catalog: Catalog, scale: Scale, out: Path, faults: tuple[Fault, ...] = FAULTS) -> str:
    """Go through the faults and write the report.

    Raises:
        McdnnError: something does not run.
    """
    rows = []
    for fault in faults:
        rows.append(row_of(catalog, fault, scale))
        print(rows[-1], file=sys.stderr, flush=True)
    about = f"The fault lasts from {scale.begins_s:g} s to {scale.ends_s:g} s of {scale.run_s:g} s."
    title = "What the apps notice of a failing cloud"
    return write_report("cloud_faults", title, rows, [*NOTES, about], _PACKAGES, out, markdown_table(rows))


def row_of(catalog: Catalog, fault: Fault, scale: Scale) -> Row:
    """Return what became of a run's requests with one fault in it.

    Raises:
        McdnnError: something does not run.
    """
    memory_mb = fault.memory_share * _largest_mb(catalog)
    watch = Watch()
    with KillableServer(catalog.root, memory_mb) as server, shaped(server.endpoint, LINK) as link:
        engine = Engine(cloud_config(catalog, link.endpoint)).on_result(watch)
        failing = threading.Thread(target=_fail, args=(fault, scale, link, server, watch.begun), daemon=True)
        failing.start()
        engine.run(camera(scale.run_s))
        failing.join(scale.run_s)
        healthy = server.is_healthy()
    return figures(fault.name, watch.results, scale) | {"server_healthy_at_end": "yes" if healthy else "no"}


def _fail(
    fault: Fault, scale: Scale, link: ShapedLink, server: KillableServer, begun: threading.Event
) -> None:
    if not begun.wait(_WORST_START_S):
        return
    pause = threading.Event()
    pause.wait(scale.begins_s)
    fault.begin(link, server)
    pause.wait(scale.ends_s - scale.begins_s)
    fault.end(link, server)


def _largest_mb(catalog: Catalog) -> float:
    parts = {p.id: p for p in catalog.contents.parts}
    return max(sum(parts[p].weight_bytes for p in t.parts) for t in catalog.contents.trunks) / 1e6


def figures(name: str, results: Timed, scale: Scale) -> dict[str, str | float | int | None]:
    """Return the figures of a run.

    Args:
        name: of the fault.
        results: with the time since the first of them, in the order in which they came.
        scale: when the fault was.
    """
    asked = Counter((r.window, r.app) for _, r in results)
    meanwhile = [r for t, r in results if scale.begins_s <= t < scale.ends_s]
    again = [t for t, r in results if t >= scale.ends_s and r.place in ("cloud", "split")]
    latencies_ms = [1e3 * r.latency_s for _, r in results if r.latency_s is not None]
    p50, p99, most = np.percentile(latencies_ms, [50, 99, 100])
    return {
        "fault": name,
        "requests": len(results),
        "unserved": sum(not r.served for _, r in results),
        "why_unserved": _why(r for _, r in results if not r.served),
        "late": sum(r.latency_s is not None and not r.served for _, r in results),
        "answered_twice": sum(n > 1 for n in asked.values()),
        "p50_ms": float(p50),
        "p99_ms": float(p99),
        "most_ms": float(most),
        "away_before_pct": _away_pct([r for t, r in results if t < scale.begins_s]),
        "away_meanwhile_pct": _away_pct(meanwhile),
        "away_after_pct": _away_pct([r for t, r in results if t >= scale.ends_s]),
        "accuracy_before_pct": _right_pct([r for t, r in results if t < scale.begins_s]),
        "accuracy_meanwhile_pct": _right_pct(meanwhile),
        "accuracy_after_pct": _right_pct([r for t, r in results if t >= scale.ends_s]),
        "again_s": again[0] - scale.ends_s if again else None,
    }


def _why(unserved: Iterable[Result]) -> str:
    """Return the reasons, the most frequent first, with how many requests each."""
    return "; ".join(f"{reason}: {n}" for reason, n in Counter(r.reason for r in unserved).most_common())


def _away_pct(results: list[Result]) -> float | None:
    return 100.0 * sum(r.place in ("cloud", "split") for r in results) / len(results) if results else None


def _right_pct(results: list[Result]) -> float | None:
    return 100.0 * sum(r.served and r.answer == r.truth for r in results) / len(results) if results else None


if __name__ == "__main__":
    main()
