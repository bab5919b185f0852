"""What results add up to."""

from __future__ import annotations

import pytest

from engine.capture import CaptureCounts
from engine.energy_origin import EnergyOrigin
from engine.ledger import Category, LedgerLine
from engine.snapshot import MemoryFigures, Standing
from engine.summary import Summary
from tests.engine.media import result, unserved


def test_requests_are_counted_by_app_served_and_reason() -> None:
    summary = Summary()
    for r in (result(0), unserved(1), unserved(2), unserved(3, "late"), result(0, app="parity")):
        summary.add(r)
    who, parity = summary.finish().apps
    assert (who.app, who.requests, who.served) == ("who", 4, 1)
    assert who.unserved == {"energy budget gone": 2, "late": 1}
    assert who.served_share == 0.25
    assert (parity.app, parity.requests, parity.served_share) == ("parity", 1, 1.0)


def test_an_unserved_request_counts_as_wrong_and_unknown_truth_not_at_all() -> None:
    summary = Summary()
    for r in (
        result(answer="7", truth="7"),
        result(answer="7", truth="1"),
        result(answer="7", truth=None),
        unserved(truth="7"),
        result(answer="7", truth="7", served=False, reason="late"),
    ):
        summary.add(r)
    snapshot = summary.finish()
    assert (snapshot.apps[0].known, snapshot.apps[0].correct) == (4, 1)
    assert snapshot.apps[0].accuracy == snapshot.accuracy == 0.25


def test_figures_that_nothing_is_known_of_are_none() -> None:
    summary = Summary()
    assert (summary.latest.accuracy, summary.latest.served_share) == (None, None)
    summary.add(unserved())
    app = summary.finish().apps[0]
    assert (app.accuracy, app.latency_mean_s, app.latency_p95_s, app.variant) == (None, None, None, None)


def test_late_answers_are_part_of_the_latency() -> None:
    summary = Summary()
    for latency_s, served in ((0.001, True), (0.003, False)):
        summary.add(result(latency_s=latency_s, served=served, reason="" if served else "late"))
    app = summary.finish().apps[0]
    assert app.latency_mean_s == pytest.approx(0.002)
    assert app.latency_p95_s == pytest.approx(0.003, rel=0.01)


def test_energy_of_different_origin_is_kept_apart() -> None:
    summary = Summary()
    summary.add(result(energy_j=1.0, energy_origin="modelled"))
    summary.add(result(energy_j=2.0, energy_origin="measured"))
    summary.add(result(energy_j=4.0, energy_origin="modelled"))
    assert summary.finish().apps[0].energy_j == {"modelled": 5.0, "measured": 2.0}


def test_variants_are_counted_and_the_last_one_is_known() -> None:
    summary = Summary()
    for variant in ("large/a", "small/a", "small/a"):
        summary.add(result(variant=variant))
    app = summary.finish().apps[0]
    assert app.variants == {"large/a": 1, "small/a": 2}
    assert app.variant == "small/a"


def test_what_is_reused_is_no_request_but_counts_for_the_accuracy() -> None:
    summary = Summary()
    summary.add(result(0, truth="7"))
    summary.add(result(1, truth="7", place="reused", latency_s=None))
    summary.add(result(2, truth="3", place="reused", latency_s=None))
    summary.add(result(3, place="reused", latency_s=None))
    snapshot = summary.finish()
    (who,) = snapshot.apps
    assert (who.requests, who.served, who.reused) == (1, 1, 3)
    assert (who.reused_known, who.reused_correct) == (2, 1)
    assert (snapshot.requests, snapshot.reused) == (1, 3)
    assert who.accuracy == snapshot.accuracy == 2 / 3
    assert who.places == {"device": 1}
    assert who.variants == {"small/identity": 1}


def test_ever_new_reasons_do_not_fill_the_memory() -> None:
    summary = Summary()
    for i in range(1000):
        summary.add(unserved(reason=f"part {i} is damaged"))
    unserved_by_reason = summary.finish().apps[0].unserved
    assert len(unserved_by_reason) <= 51
    assert sum(unserved_by_reason.values()) == 1000


def test_the_latest_snapshot_is_renewed_four_times_a_second() -> None:
    now_s = [10.0]
    asked = []

    def standing() -> Standing:
        asked.append(now_s[0])
        return Standing(captured=CaptureCounts(read=len(asked)))

    summary = Summary(standing, clock=lambda: now_s[0])
    seen = []
    for _ in range(20):
        summary.add(result())
        summary.frame_done(0.0)
        seen.append(summary.latest.frames)
        now_s[0] += 0.1
    assert seen == [1, 1, 1, 4, 4, 4, 7, 7, 7, 10, 10, 10, 13, 13, 13, 16, 16, 16, 19, 19]
    assert summary.finish().frames == 20
    assert summary.latest.elapsed_s == pytest.approx(2.0)


def test_a_run_without_frames_is_still_looked_at() -> None:
    now_s = [0.0]
    summary = Summary(lambda: Standing(captured=CaptureCounts(read=int(now_s[0]))), clock=lambda: now_s[0])
    summary.idle()
    now_s[0] = 7.0
    summary.idle()
    assert (summary.latest.frames, summary.latest.elapsed_s, summary.latest.standing.captured.read) == (
        0,
        7.0,
        7,
    )


def test_the_course_follows_energy_and_memory_on_the_sources_clock() -> None:
    spent_j = [0.0]

    def standing() -> Standing:
        line = LedgerLine(Category.EXECUTION, EnergyOrigin.MODELLED, spent_j[0], 0.0)
        return Standing(spent=(line, line), memory=MemoryFigures(used_bytes=7))

    summary = Summary(standing, clock=lambda: 0.0)
    for i in range(11):
        spent_j[0] = float(i)
        summary.frame_done(i / 10.0)
    summary.finish()
    assert [(p.t_s, p.spent_j, p.memory_bytes) for p in summary.course] == [
        (0.0, 0.0, 7),
        (0.3, 6.0, 7),
        (0.6, 12.0, 7),
        (0.9, 18.0, 7),
        (1.0, 20.0, 7),
    ]


def test_reasons_of_all_apps_are_put_together_the_most_frequent_first() -> None:
    summary = Summary()
    for r in (unserved(reason="late"), unserved(app="parity"), unserved(), unserved(reason="late", app="b")):
        summary.add(r)
    summary.add(unserved())
    assert list(summary.finish().unserved.items()) == [("energy budget gone", 3), ("late", 2)]
