"""Real clips of a real RTSP server: whatever happens to one source, the others keep their rate."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import pytest

from engine.capture import SourceFigures
from engine.results import Result
from engine.snapshot import Snapshot
from engine.sources.decoder_link import StreamOrder
from engine.sources.retrying import Patience
from engine.sources.stream_tally import DAMAGED
from engine.sources.watched_stream import WatchedStream
from engine.summary import Summary
from mcdnn.engine import Engine
from tests.catalog_builder import build_catalog
from tests.engine.sources.served import LONG_S, held, wait_until
from tests.outside_data import outside_file
from tests.system.rtsp_clips import RtspServer, byte_stream, write_stream

pytestmark = pytest.mark.data

_SMALL, _LARGE = (480, 270), (640, 360)
_BACK_WITHIN_S = 30.0  # 10 s are asked for; three times that on a machine that does other things, too
_LONGEST_GAP_S = 3.0  # of a source that nothing happens to, in its own time
_OUTAGE_FRAMES = 90  # of the other source: 6 s, twice the gap that it may have


class Run:
    """An engine on the sources "door" and "yard", in a thread of its own, and what it answered."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine.on_result(lambda r: self.answered[r.source].append(r))
        self._thread = threading.Thread(target=self._run)
        self._ends: list[Snapshot] = []
        self._summaries: list[Summary] = []
        self.answered: dict[str, list[Result]] = defaultdict(list)
        self._thread.start()

    def wait_for(self, source: str, further: int, limit_s: float = LONG_S) -> None:
        """Wait until so many further frames of a source are answered."""
        wanted = len(self.answered[source]) + further
        wait_until(lambda: len(self.answered[source]) >= wanted, limit_s)

    def dropped(self, source: str) -> Mapping[str, int]:
        """Return the frames of a source that were dropped so far, by reason."""
        sources = self._summaries[0].latest.standing.sources if self._summaries else ()
        return next((s.dropped for s in sources if s.source == source), {})

    def end(self) -> dict[str, SourceFigures]:
        """Stop; return what was counted, which must add up."""
        self._engine.stop()
        self._thread.join(LONG_S)
        figures = {s.source: s for s in self._ends[0].standing.sources}
        for name, f in figures.items():
            assert f.read == f.taken + sum(f.dropped.values()) + f.left
            assert f.taken == len(self.answered[name])
        return figures

    def _run(self) -> None:
        self._ends.append(self._engine.run(on_start=self._summaries.append))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("rtsp")
    build_catalog(root / "catalog")
    shop, crowd = (
        outside_file(f"videos/{n}") for n in ("store_aisle_4s.mp4", "faces_two_people_headpose_5s.mp4")
    )
    small, large = byte_stream(shop, _SMALL), byte_stream(crowd, _LARGE)
    write_stream(root / "shop.h264", 60 * [small])
    write_stream(root / "sizes.h264", 30 * [small, large])
    half = small[: len(small) // 2 + 7]
    write_stream(root / "cut.h264", [small, half])
    write_stream(root / "holes.h264", 20 * [small, half])
    Engine(config(root, {"uri": str(shop)})).run(
        duration_s=0.5
    )  # some libraries keep files open from here on
    return root


@contextmanager
def serving(folder: Path, name: str) -> Iterator[RtspServer]:
    server = RtspServer({name: folder / f"{name}.h264"})
    try:
        yield server
    finally:
        server.kill()


def config(folder: Path, *sources: dict[str, Any]) -> dict[str, Any]:
    """Windows are whole frames, none of which is passed over, so that every frame has one."""
    return {
        "catalog": str(folder / "catalog"),
        "extractor": {"digit": "whole-frame"},
        "app": [{"name": "who", "task": "identity"}],
        "motion_gate": {"on": False},
        "source": list(sources),
    }


def run_on(folder: Path, door: str, yard: str) -> Run:
    addresses = {"door": door, "yard": yard}
    sources = [{"uri": uri, "name": name, "timeout_s": 2.0} for name, uri in addresses.items()]
    return Run(Engine(config(folder, *sources)))


def assert_undisturbed(run: Run, yard: SourceFigures) -> None:
    """A source that nothing happened to was connected once, lost nothing and never stood still."""
    assert (yard.report.connects, yard.report.failures, yard.report.restarts) == (1, 0, 0)
    gaps_s = [b.t_s - a.t_s for a, b in pairwise(run.answered["yard"])]
    assert max(gaps_s) < _LONGEST_GAP_S


def test_a_server_that_dies_or_freezes_slows_no_other_and_is_found_again(folder: Path) -> None:
    with serving(folder, "shop") as other, serving(folder, "shop") as server:
        before = held()
        run = run_on(folder, server.url("shop"), other.url("shop"))
        run.wait_for("door", 10)
        run.wait_for("yard", 10)
        for harm, remedy in ((server.kill, server.start), (server.freeze, server.thaw)):
            harm()
            run.wait_for("yard", _OUTAGE_FRAMES)
            remedy()
            run.wait_for("door", 1, _BACK_WITHIN_S)
            run.wait_for("door", 20)
        figures = run.end()
        assert figures["door"].report.failures >= 2
        assert_undisturbed(run, figures["yard"])
        assert held().grown_since(before) == {}


def test_pictures_that_change_their_size_in_mid_stream_are_all_answered(folder: Path) -> None:
    with serving(folder, "shop") as other, serving(folder, "sizes") as server:
        run = run_on(folder, server.url("sizes"), other.url("shop"))
        wait_until(lambda: {_SMALL, _LARGE} <= {r.box[2:] for r in list(run.answered["door"])}, LONG_S)
        run.wait_for("door", 70)  # longer than one size lasts
        figures = run.end()
        assert (figures["door"].report.connects, figures["door"].report.failures) == (1, 0)
        assert_undisturbed(run, figures["yard"])


def test_a_stream_that_is_cut_off_in_a_picture_is_opened_again_and_again(folder: Path) -> None:
    with serving(folder, "shop") as other, serving(folder, "cut") as server:
        run = run_on(folder, server.url("cut"), other.url("shop"))
        run.wait_for("door", 250)  # a hundred a connection at most
        figures = run.end()
        assert figures["door"].report.connects >= 3
        assert_undisturbed(run, figures["yard"])


def test_pictures_that_are_cut_off_are_counted_and_left_out(folder: Path) -> None:
    with serving(folder, "shop") as other, serving(folder, "holes") as server:
        run = run_on(folder, server.url("holes"), other.url("shop"))
        wait_until(lambda: run.dropped("door").get(DAMAGED, 0) > 0, LONG_S)
        run.wait_for("door", 20)
        figures = run.end()
        assert (figures["door"].report.connects, figures["door"].report.failures) == (1, 0)
        assert_undisturbed(run, figures["yard"])


def test_two_hundred_refused_viewers_leave_nothing_behind(folder: Path) -> None:
    patience = Patience(least_pause_s=0.001, most_pause_s=0.001, attempts=80)
    with serving(folder, "shop") as server:
        before = held()
        order = StreamOrder(server.url("nothing"))
        with closing(WatchedStream(order, "door", patience, Random(0))) as stream:
            reading = threading.Thread(target=stream.read)
            reading.start()
            wait_until(lambda: stream.report().failures >= 30, LONG_S)
            early = held()
            wait_until(lambda: stream.report().failures >= 230, LONG_S)
            assert held().grown_since(early) == {}
            stream.interrupt()
            reading.join(LONG_S)
        assert held().grown_since(before) == {}
