"""What a still scene or a track spares in a whole pipeline: requests, energy, and what that buys."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from catalog.store import Catalog
from engine.frames import Frame, TruthWindow
from engine.gating.motion_gate import GateSettings
from engine.gating.still_scenes import StillScenes
from engine.ledger import Category
from engine.results import REUSED
from engine.tracking.box_tracker import TrackerSettings
from engine.tracking.standing_confidence import ReuseSettings
from engine.tracking.tracked_answers import TrackedAnswers
from tests.engine.media import picture
from tests.engine.rig import BOX, ODD, WHO, Scripted, make_rig, on_trunks, still
from tests.engine.test_pipeline import Line, make_line, seconds

THREE = TruthWindow(BOX, {"identity": "3", "parity": "odd"})


def tracking(least: float = 0.05, half_life_s: float = 1.0) -> TrackedAnswers:
    """Answers that stand for a second or more: those of random weights are not sure of anything."""
    return TrackedAnswers(["digit"], TrackerSettings(), ReuseSettings(least, half_life_s))


def changing(length_s: float, at_s: float, fps: float = 10.0) -> Iterator[Frame]:
    """One thing, and from a moment on another one in the same place."""
    for i in range(round(length_s * fps)):
        shown = still(i, fps)
        there = i / fps >= at_s
        yield replace(shown, pixels=picture(200), truth=(THREE,)) if there else shown


def scripted(catalog: Catalog) -> Scripted:
    return Scripted(on_trunks(catalog, who="small", odd="small"))


def asked_at(line: Line, app: str = "who") -> list[float]:
    return [r.t_s for r in line.results if r.app == app and r.place != REUSED]


def test_an_answer_stands_along_its_track_until_its_confidence_has_decayed(built_catalog: Catalog) -> None:
    policy = scripted(built_catalog)
    line = make_line(make_rig(built_catalog, policy), seconds(4.0), [WHO], kept=tracking())
    end = line.run()
    times = asked_at(line)
    assert 1 < len(times) < 20
    first = line.results[0]
    assert first.place == "device"
    assert first.confidence is not None
    for shown in line.results[1:5]:
        assert (shown.answer, shown.variant, shown.track) == (first.answer, first.variant, first.track)
        assert (shown.place, shown.latency_s, shown.energy_j, shown.served) == (REUSED, None, 0.0, True)
        assert shown.confidence == pytest.approx(first.confidence * 2.0**-shown.t_s)
    (who,) = end.apps
    assert (who.requests, who.reused) == (len(times), 40 - len(times))
    assert len(policy.states) == len(times)
    assert sum(who.variants.values()) == sum(who.places.values()) == len(times)
    assert who.served_share == 1.0


def test_less_sure_answers_are_asked_for_again_sooner(built_catalog: Catalog) -> None:
    asked = []
    for half_life_s in (0.5, 2.0):
        line = make_line(
            make_rig(built_catalog, scripted(built_catalog)),
            seconds(4.0),
            [WHO],
            kept=tracking(0.05, half_life_s),
        )
        line.run()
        asked.append(len(asked_at(line)))
    assert asked[0] > 2 * asked[1]


def test_another_thing_in_the_same_place_does_not_inherit_the_answer(built_catalog: Catalog) -> None:
    line = make_line(
        make_rig(built_catalog, scripted(built_catalog)),
        changing(2.0, 1.0),
        [WHO],
        kept=tracking(0.01, 100.0),
    )
    line.run()
    assert asked_at(line) == [0.0, 1.0]
    assert {r.track for r in line.results if r.t_s < 1.0} == {0}
    assert {r.track for r in line.results if r.t_s >= 1.0} == {1}


def test_each_app_asks_for_itself_and_results_stay_window_by_window(built_catalog: Catalog) -> None:
    seldom = replace(ODD, wanted_hz=1.0)
    line = make_line(
        make_rig(built_catalog, scripted(built_catalog)), seconds(3.0), [WHO, seldom], kept=tracking()
    )
    line.run()
    assert len([r for r in line.results if r.app == "odd"]) == 3
    assert len([r for r in line.results if r.app == "who"]) == 30
    windows = [r.window for r in line.results]
    assert windows == sorted(windows, key=lambda w: int(w.partition(".")[0]))


def test_right_answers_that_are_reused_count_and_are_told_apart(built_catalog: Catalog) -> None:
    line = make_line(
        make_rig(built_catalog, scripted(built_catalog)),
        changing(2.0, 1.0),
        [WHO],
        kept=tracking(0.01, 100.0),
    )
    (who,) = line.run().apps
    assert (who.known, who.reused_known) == (2, 18)
    right = sum(r.answer == r.truth for r in line.results)
    assert who.correct + who.reused_correct == right
    assert who.accuracy == right / 20


def test_only_what_is_asked_is_demand(built_catalog: Catalog) -> None:
    line = make_line(make_rig(built_catalog, "mcdnn2016"), seconds(20.0), [WHO], kept=tracking())
    line.run()
    line.pipeline.finish()
    asked_hz = len(asked_at(line)) / 20.0
    assert line.rig.answerer.problem.windows_hz["digit"] == pytest.approx(asked_hz, rel=0.2)
    assert asked_hz < 5.0


def test_what_is_saved_is_spent_on_better_models(built_catalog: Catalog) -> None:
    """Of 300 requests the budget bears the largest model for a few; of those still made, for nearly all."""
    shares = []
    for spared in ({}, {"kept": tracking()}):
        rig = make_rig(built_catalog, "paced", [WHO], energy_j=1.5, period_s=30.0)
        line = make_line(rig, seconds(30.0), [WHO], **spared)
        line.shelf.on_frame = lambda _, memory=rig.memory: memory.wait_for_loads()  # in no frame's time
        (who,) = line.run().apps
        shares.append(who.variants.get("wide/identity", 0) / sum(who.variants.values()))
        assert rig.spent_j(Category.EXECUTION) <= 1.5
    assert shares[0] < 0.5
    assert shares[1] > 0.8


def test_a_still_scene_makes_no_requests_and_leaves_none_unserved(built_catalog: Catalog) -> None:
    policy = scripted(built_catalog)
    gate = StillScenes(["clip"], GateSettings(refresh_s=4.95))
    line = make_line(make_rig(built_catalog, policy), seconds(12.0), finding_s=0.002, gate=gate)
    end = line.run()
    looked_at = [f.index for f, _ in line.shelf.kept if not f.still]
    assert looked_at == [*range(20), 69, 119]
    assert (end.frames, end.requests, end.served_share) == (120, 44, 1.0)
    assert [results for f, results in line.shelf.kept if f.still] == [[]] * 98
    assert line.rig.spent_j(Category.EXTRACTION) == pytest.approx(22 * 0.02)
    assert gate.figures.frames == {"clip": 98}
    assert gate.figures.requests == pytest.approx(2 * 98)
    answer_j = sum(r.energy_j for r in line.results) / 44
    assert gate.figures.saved_j == pytest.approx(98 * 0.02 + 196 * answer_j)


def test_a_change_is_answered_in_the_frame_in_which_it_comes(built_catalog: Catalog) -> None:
    gate = StillScenes(["clip"], GateSettings())
    line = make_line(make_rig(built_catalog, scripted(built_catalog)), changing(6.0, 5.0), [WHO], gate=gate)
    line.run()
    assert asked_at(line) == [*(i / 10 for i in range(20)), 5.0]


def test_tracks_outlast_a_still_scene(built_catalog: Catalog) -> None:
    gate = StillScenes(["clip"], GateSettings(refresh_s=4.95))
    kept = tracking(0.01, 100.0)
    line = make_line(
        make_rig(built_catalog, scripted(built_catalog)), seconds(20.0), [WHO], gate=gate, kept=kept
    )
    line.run()
    assert kept.tracks == 1
    assert asked_at(line) == [0.0]
