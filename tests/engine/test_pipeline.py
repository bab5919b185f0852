"""The loop from frames to sinks: order, ends, changes, and the two promises about memory and energy."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace

import pytest

from catalog.store import Catalog
from engine.capture import Capture
from engine.errors import SinkError, SourceBroke, SourceError
from engine.frames import Frame
from engine.garbage_search import LEFT_TO_PYTHON, GarbageSearch
from engine.gating.still_scenes import NO_GATE, FrameGate
from engine.ledger import Category
from engine.pipeline import Pipeline
from engine.rates import RateGates
from engine.results import Result
from engine.scheduling.policies.table import POLICIES
from engine.scheduling.problem import App
from engine.snapshot import Snapshot
from engine.source_turns import SourceTurns
from engine.sources.frame_list import FrameList
from engine.summary import Summary
from engine.tracking.tracked_answers import NO_TRACKING, AnswerKeeper
from engine.window_finding import SourceFinders, WindowFinder
from tests.engine.rig import (
    ODD,
    PROFILE,
    WHO,
    OneBox,
    Rig,
    Scripted,
    UpTo,
    bytes_of,
    make_rig,
    on_trunks,
    option,
    still,
)

MJ = 1e-3


@dataclass
class Shelf:
    """A sink that keeps what it is given, and tells when it has enough."""

    kept: list[tuple[Frame, Sequence[Result]]] = field(default_factory=list)
    on_frame: Callable[[int], None] = lambda _: None

    def accept(self, frame: Frame, results: Sequence[Result]) -> None:
        self.kept.append((frame, results))
        self.on_frame(len(self.kept))

    def close(self) -> None:
        pass


@dataclass
class Line:
    """A pipeline over frames, ready to run."""

    rig: Rig
    pipeline: Pipeline
    gates: RateGates
    shelf: Shelf
    summary: Summary
    stop: threading.Event

    def run(self, duration_s: float = float("inf")) -> Snapshot:
        self.pipeline.run(self.stop, duration_s)
        return self.summary.finish()

    @property
    def results(self) -> list[Result]:
        return [r for _, results in self.shelf.kept for r in results]


def make_line(
    rig: Rig,
    frames: Iterable[Frame],
    apps: Iterable[App] = (WHO, ODD),
    finding_s: float = 0.0,
    reading_s: float = 0.0,
    live: bool = False,
    gate: FrameGate = NO_GATE,
    kept: AnswerKeeper = NO_TRACKING,
    garbage: GarbageSearch = LEFT_TO_PYTHON,
) -> Line:
    """Put a pipeline together.

    Args:
        finding_s: processor time to search a frame.
        reading_s: processor time to read one.
        gate: passes frames over.
        kept: gives answers again.
        garbage: searched for between frames.
    """
    ticks = iter(range(1_000_000))
    capture = Capture(FrameList(frames, live=live), 4, busy_clock=lambda: reading_s * next(ticks))
    finder = WindowFinder({"digit": OneBox(rig.clock, finding_s)})
    gates, shelf, summary = RateGates(apps), Shelf(), Summary()
    pipeline = Pipeline(
        capture,
        finder,
        rig.answerer,
        gates,
        rig.ledger,
        PROFILE,
        shelf,
        summary,
        clocks=rig.clocks,
        gate=gate,
        kept=kept,
        garbage=garbage,
    )
    return Line(rig, pipeline, gates, shelf, summary, threading.Event())


def seconds(length_s: float, fps: float = 10.0) -> Iterator[Frame]:
    return (still(i, fps) for i in range(round(length_s * fps)))


def test_every_frame_reaches_the_sink_in_order_with_its_results(built_catalog: Catalog) -> None:
    line = make_line(make_rig(built_catalog), seconds(2.0))
    end = line.run()
    assert [frame.index for frame, _ in line.shelf.kept] == list(range(20))
    assert [[r.window for r in results] for _, results in line.shelf.kept] == [
        2 * [f"{i}.digit.0"] for i in range(20)
    ]
    assert (end.frames, end.requests, end.served_share, end.t_s) == (20, 40, 1.0, 1.9)


@dataclass
class DueAgain:
    """A search that is due a few times."""

    times: int
    expected_s: float
    searched: int = 0

    @property
    def is_due(self) -> bool:
        return self.searched < self.times

    def held(self) -> AbstractContextManager[None]:
        return nullcontext()

    def search(self) -> None:
        self.searched += 1


def test_garbage_is_searched_for_between_frames_after_what_would_become_due_meanwhile(
    built_catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig, search = make_rig(built_catalog), DueAgain(3, 0.125)
    line = make_line(rig, seconds(2.0), garbage=search)
    attend, ahead = rig.answerer.attend, []

    def told(now: float, ahead_s: float = 0.0) -> bool:
        ahead.append((ahead_s, search.searched))
        return attend(now, ahead_s)

    monkeypatch.setattr(rig.answerer, "attend", told)
    assert line.run().frames == 20
    assert [each for each in ahead if each[0]] == [(0.125, 0), (0.125, 1), (0.125, 2)]
    assert search.searched == 3


def two_cameras(rig: Rig, length_s: float) -> Line:
    """A pipeline over two recordings in step, each with a window in every frame."""
    captures = [
        Capture(FrameList([replace(f, source=name) for f in seconds(length_s)], name), 64) for name in "ab"
    ]
    for thread in threading.enumerate():
        if thread.name in ("mcdnn-capture-a", "mcdnn-capture-b"):
            thread.join()
    turns = SourceTurns(captures, in_step=True)
    finder = SourceFinders(lambda: {"digit": OneBox(rig.clock)})
    gates, shelf, summary = RateGates((WHO, ODD)), Shelf(), Summary()
    pipeline = Pipeline(
        turns, finder, rig.answerer, gates, rig.ledger, PROFILE, shelf, summary, clocks=rig.clocks
    )
    return Line(rig, pipeline, gates, shelf, summary, threading.Event())


def test_what_two_cameras_show_at_one_moment_runs_at_once(built_catalog: Catalog) -> None:
    options = on_trunks(built_catalog, who="wide", odd="wide")
    line = two_cameras(make_rig(built_catalog, Scripted(options), sizes=UpTo(8)), 1.0)
    end = line.run()
    first = built_catalog.trunks["wide"].parts[0]
    assert [count for part, count in line.rig.pieces.ran if part == first] == 10 * [2]
    assert [(frame.source, frame.index, len(results)) for frame, results in line.shelf.kept] == [
        (name, i, 2) for i in range(10) for name in "ab"
    ]
    assert (end.frames, end.requests, end.served_share) == (20, 40, 1.0)


def test_a_run_of_two_cameras_ends_at_its_duration(built_catalog: Catalog) -> None:
    line = two_cameras(make_rig(built_catalog), 1.0)
    assert line.run(duration_s=0.5).frames == 10


def test_a_run_ends_at_its_duration_on_the_sources_clock(built_catalog: Catalog) -> None:
    line = make_line(make_rig(built_catalog), seconds(100.0))
    assert line.run(duration_s=1.0).frames == 10


def test_a_run_ends_after_the_frame_in_work_when_told(built_catalog: Catalog) -> None:
    line = make_line(make_rig(built_catalog), seconds(100.0))
    line.shelf.on_frame = lambda count: line.stop.set() if count == 3 else None
    assert line.run().frames == 3


def test_a_source_that_breaks_later_loses_nothing_that_came_before(built_catalog: Catalog) -> None:
    def breaking() -> Iterator[Frame]:
        yield from seconds(0.5)
        raise SourceError("clip: breaks off")

    line = make_line(make_rig(built_catalog), breaking())
    with pytest.raises(SourceBroke, match="clip: breaks off"):
        line.run()
    assert len(line.shelf.kept) == 5


def test_a_source_that_gives_nothing_is_bad_input(built_catalog: Catalog) -> None:
    def breaking() -> Iterator[Frame]:
        yield from ()
        raise SourceError("clip: no video")

    with pytest.raises(SourceError, match="clip: no video"):
        make_line(make_rig(built_catalog), breaking()).run()


def test_a_source_without_frames_is_an_empty_run(built_catalog: Catalog) -> None:
    line = make_line(make_rig(built_catalog), [])
    end = line.run()
    line.pipeline.finish()
    assert (end.frames, end.requests, end.accuracy) == (0, 0, None)


def test_a_live_source_that_gives_nothing_does_not_hold_the_end_up(built_catalog: Catalog) -> None:
    rig, gate = make_rig(built_catalog), threading.Event()

    def silent() -> Iterator[Frame]:
        gate.wait(60.0)
        yield from ()

    def later() -> float:
        rig.clock.now_s += 1.0
        return rig.clock.now_s

    hurried = replace(rig, clocks=replace(rig.clocks, wall_s=later))
    line = make_line(hurried, silent(), live=True)
    assert line.run(duration_s=3.0).frames == 0
    assert line.pipeline.heartbeat.silent_s() < 3.0
    gate.set()


def test_frames_whose_time_runs_backwards_are_stamped_with_the_latest(built_catalog: Catalog) -> None:
    times_s = [0.0, 1.0, 0.5, float("nan"), 2.0]
    frames = [replace(still(i), t_s=t) for i, t in enumerate(times_s)]
    line = make_line(make_rig(built_catalog), frames)
    line.run()
    assert [frame.t_s for frame, _ in line.shelf.kept] == [0.0, 1.0, 1.0, 1.0, 2.0]


def test_a_sink_that_cannot_write_ends_the_run(built_catalog: Catalog) -> None:
    line = make_line(make_rig(built_catalog), seconds(10.0))

    def full(count: int) -> None:
        if count == 4:
            raise SinkError("disk full")

    line.shelf.on_frame = full
    with pytest.raises(SinkError, match="disk full"):
        line.run()
    assert line.summary.finish().requests == 8


def test_reading_and_finding_are_charged_for_every_frame(built_catalog: Catalog) -> None:
    rig = make_rig(built_catalog, Scripted({}))
    make_line(rig, seconds(10.0), finding_s=0.002, reading_s=0.003).run()
    assert rig.spent_j(Category.EXTRACTION, 10.0) == pytest.approx(100 * 0.005 * 10.0)


def test_what_nobody_asks_about_is_not_looked_for(built_catalog: Catalog) -> None:
    rig = make_rig(built_catalog, Scripted({}), apps=[])
    line = make_line(rig, seconds(1.0), apps=[], finding_s=0.002)
    assert line.run().requests == 0
    assert rig.spent_j(Category.EXTRACTION, 1.0) == 0.0


def test_plans_follow_one_another_every_five_seconds(built_catalog: Catalog) -> None:
    policy = Scripted({})
    make_line(make_rig(built_catalog, policy), seconds(12.0)).run()
    assert policy.planned_s == [0.0, 5.0, 10.0]


def test_the_demand_of_the_first_seconds_reaches_the_policy(built_catalog: Catalog) -> None:
    policy = Scripted({})
    line = make_line(make_rig(built_catalog, policy), seconds(7.0), finding_s=0.004)
    line.run()
    (problem,) = policy.problems
    assert problem.windows_hz == {"digit": pytest.approx(10.0)}
    assert problem.frames_hz == pytest.approx(10.0)
    assert problem.frame_energy_j == pytest.approx(0.04)


def test_the_demand_of_a_short_run_is_learned_at_its_end(built_catalog: Catalog) -> None:
    policy = Scripted({})
    line = make_line(make_rig(built_catalog, policy), seconds(2.0))
    line.run()
    assert policy.problems == []
    line.pipeline.finish()
    assert policy.problems[-1].windows_hz == {"digit": pytest.approx(10.0)}


def test_a_plan_may_lower_rates(built_catalog: Catalog) -> None:
    policy = Scripted(on_trunks(built_catalog, who="small", odd="small"), rates_hz={"who": 1.0})
    line = make_line(make_rig(built_catalog, policy), seconds(10.0))
    who, odd = line.run().apps
    assert odd.requests == 100
    assert who.requests == pytest.approx(10, abs=1)


def test_a_new_period_is_planned_at_once(built_catalog: Catalog) -> None:
    policy = Scripted({})
    make_line(make_rig(built_catalog, policy, energy_j=1.0, period_s=3.0), seconds(4.0)).run()
    assert policy.planned_s == [0.0, 3.0]
    assert policy.problems[-1].budget.energy_j == 1.0


def test_changes_are_made_between_frames_and_planned_at_once(built_catalog: Catalog) -> None:
    policy = Scripted(on_trunks(built_catalog, who="small", odd="small"))
    line = make_line(make_rig(built_catalog, policy), seconds(1.0), apps=[WHO])

    def change(count: int) -> None:
        if count == 4:
            asking = threading.Thread(
                target=line.pipeline.between_frames, args=(lambda: line.gates.set_apps([ODD]),)
            )
            asking.start()
            asking.join()

    line.shelf.on_frame = change
    line.run()
    assert [r.app for r in line.results] == 4 * ["who"] + 6 * ["odd"]
    assert policy.planned_s == [0.0, 0.4]


def test_loads_under_way_at_the_end_are_in_the_books(built_catalog: Catalog) -> None:
    wide = option(built_catalog, WHO, "wide")
    rig = make_rig(built_catalog, Scripted({}, resident=wide.device_pieces))
    line = make_line(rig, seconds(0.1))
    line.run()
    line.pipeline.finish()
    assert rig.spent_j(Category.LOADING, 1.0) == pytest.approx(200 * MJ)
    assert rig.answerer.loads == len(wide.device_pieces)


def test_a_broken_part_ends_neither_the_run_nor_the_service(built_catalog: Catalog) -> None:
    rig = make_rig(built_catalog, "mcdnn2016")
    line = make_line(rig, seconds(20.0))

    def breaks(count: int) -> None:
        if count == 50:
            rig.pieces.cannot_run = {built_catalog.trunks["wide"].parts[1]}

    line.shelf.on_frame = breaks
    end = line.run()
    assert end.frames == 200
    for app in end.apps:
        assert app.requests - app.served == 2  # when it broke, and when it was tried again
    assert {r.reason for r in line.results if not r.served} == {
        f"{built_catalog.trunks['wide'].parts[1]} cannot be run"
    }


@pytest.mark.parametrize("policy", sorted(POLICIES))
def test_memory_for_one_of_three_models_is_never_exceeded(built_catalog: Catalog, policy: str) -> None:
    low = App("low", "identity", "digit")
    apps = {"who": (WHO, "wide"), "odd": (ODD, "narrow"), "low": (low, "small")}
    options = {name: (option(built_catalog, app, trunk),) for name, (app, trunk) in apps.items()}
    limit_bytes = max(bytes_of(built_catalog, *o) for o in options.values())
    asked = [app for app, _ in apps.values()]
    rig = make_rig(built_catalog, policy, asked, memory_bytes=limit_bytes, options=options)
    held: list[int] = []
    line = make_line(rig, seconds(6.0), asked)
    line.shelf.on_frame = lambda _: held.append(rig.memory.used_bytes)
    end = line.run()
    assert end.frames == 60
    assert max(held) <= rig.memory.peak_bytes <= limit_bytes
    if policy == "best-static":  # keeps what fits, and leaves the others unserved
        assert rig.answerer.evictions == 0
    elif policy == "server-only":  # there is no cloud
        assert end.served_share == 0.0
    else:
        assert end.served_share == 1.0
        assert rig.answerer.evictions > 0


def test_energy_for_half_the_time_of_the_largest_models_serves_every_request(built_catalog: Catalog) -> None:
    finding_s, length_s = 0.0002, 60.0
    finding_j = 600 * finding_s * 10.0
    largest_j = 200 * MJ + 600 * 10 * MJ
    ends = {}
    for policy in ("original", "mcdnn2016"):
        rig = make_rig(built_catalog, policy, energy_j=finding_j + largest_j / 2, period_s=length_s)
        ends[policy] = make_line(rig, seconds(length_s), finding_s=finding_s).run()
        assert rig.ledger.overdraft_j(length_s - 0.1) == 0.0
    assert ends["original"].served_share == pytest.approx(0.5, abs=0.05)
    assert ends["mcdnn2016"].served_share == 1.0
    assert all(len(a.variants) == 3 for a in ends["mcdnn2016"].apps)
