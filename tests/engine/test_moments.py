"""Windows of one moment on real parts: what runs at once, what each window gets and pays, what breaks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from catalog.store import Catalog
from engine.frame_results import FrameResults
from engine.frames import Window
from engine.ledger import Category
from engine.results import Result
from engine.scheduling.problem import Option
from engine.scheduling.unserved import ENERGY_GONE, LATE
from engine.window_groups import Asked
from tests.engine.media import frame, picture
from tests.engine.rig import BOX, SEVEN, WHO, Rig, Scripted, UpTo, bytes_of, make_rig, on_trunks

MJ = 1e-3
RUN_WIDE_J, LOAD_WIDE_J = 10 * MJ, 200 * MJ


def seen(index: int, shade: int | None = None) -> Window:
    """A window of a source of its own."""
    shown = replace(frame(index, picture(25 * index if shade is None else shade)), source=f"camera-{index}")
    return Window(shown, "digit", 0, BOX, SEVEN)


def ask(rig: Rig, asked: Sequence[tuple[Window, Sequence[str]]], now: float = 0.0) -> list[list[Result]]:
    moment = [Asked(w, due, now, rig.clock.now_s, FrameResults(w.frame)) for w, due in asked]
    rig.answerer.answer_all(moment)
    return [a.into.results for a in moment]


def windows_run(rig: Rig) -> list[int]:
    """Numbers of windows of the calls of first parts."""
    firsts = {t.parts[0] for t in rig.catalog.contents.trunks}
    return [count for part, count in rig.pieces.ran if part in firsts]


@pytest.fixture
def wide(built_catalog: Catalog) -> dict[str, Option]:
    return on_trunks(built_catalog, who="wide", odd="wide")


def test_windows_of_one_moment_run_at_once_and_each_gets_its_own_answer(
    built_catalog: Catalog, wide: dict[str, Option]
) -> None:
    windows = [seen(i) for i in range(5)]
    alone = make_rig(built_catalog, Scripted(wide))
    together = make_rig(built_catalog, Scripted(wide), sizes=UpTo(8))
    expected = [ask(alone, [(w, ["who", "odd"])])[0] for w in windows]
    found = ask(together, [(w, ["who", "odd"]) for w in windows])
    assert windows_run(alone) == [1, 1, 1, 1, 1]
    assert windows_run(together) == [5]
    assert [[(r.source, r.window, r.app, r.answer) for r in rs] for rs in found] == [
        [(r.source, r.window, r.app, r.answer) for r in rs] for rs in expected
    ]
    for mine, other in zip(found, expected, strict=True):
        assert [r.confidence for r in mine] == pytest.approx([r.confidence for r in other], abs=1e-5)


def test_what_runs_at_once_is_paid_in_equal_parts(built_catalog: Catalog, wide: dict[str, Option]) -> None:
    rig = make_rig(built_catalog, Scripted(wide), sizes=UpTo(8))
    found = ask(rig, [(seen(i), ["who", "odd"]) for i in range(4)])
    # The claimed time of a call is the same whatever the number of windows.
    assert [r.energy_j for rs in found for r in rs] == pytest.approx(8 * [(LOAD_WIDE_J + RUN_WIDE_J) / 8])
    assert rig.spent_j(Category.EXECUTION) == pytest.approx(RUN_WIDE_J)
    assert rig.spent_j(Category.LOADING) == pytest.approx(LOAD_WIDE_J)


def test_who_asks_does_not_keep_windows_apart(built_catalog: Catalog, wide: dict[str, Option]) -> None:
    rig = make_rig(built_catalog, Scripted(wide), sizes=UpTo(8))
    ask(rig, [(seen(9), ["who", "odd"])])
    rig.pieces.ran.clear()
    spent_j = rig.spent_j(Category.EXECUTION)
    found = ask(rig, [(seen(0), ["who"]), (seen(1), ["who", "odd"]), (seen(2), ["odd"])])
    assert windows_run(rig) == [3]
    assert [[r.app for r in rs] for rs in found] == [["who"], ["who", "odd"], ["odd"]]
    assert [sum(r.energy_j for r in rs) for rs in found] == pytest.approx(3 * [RUN_WIDE_J / 3])
    assert rig.spent_j(Category.EXECUTION) - spent_j == pytest.approx(RUN_WIDE_J)


def test_other_trunks_run_by_themselves(built_catalog: Catalog) -> None:
    class ByCamera(Scripted):
        def choose(self, input_type, due, state, now):  # type: ignore[no-untyped-def]
            self.options = turns.pop(0)
            return super().choose(input_type, due, state, now)

    wide, small = on_trunks(built_catalog, who="wide"), on_trunks(built_catalog, who="small")
    turns = [wide, small, wide, small]
    rig = make_rig(built_catalog, ByCamera(wide), [WHO], sizes=UpTo(8))
    found = ask(rig, [(seen(i), ["who"]) for i in range(4)])
    assert windows_run(rig) == [2, 2]
    assert [r.variant for rs in found for r in rs] == [
        "wide/identity", "small/identity", "wide/identity", "small/identity",
    ]  # fmt: skip


def test_no_more_windows_than_pay_run_at_once(built_catalog: Catalog, wide: dict[str, Option]) -> None:
    rig = make_rig(built_catalog, Scripted(wide), sizes=UpTo(4))
    ask(rig, [(seen(i), ["who"]) for i in range(6)])
    assert windows_run(rig) == [4, 2]


def test_no_more_windows_run_at_once_than_would_be_in_time(built_catalog: Catalog) -> None:
    hasty = replace(WHO, latency_limit_s=0.0241)  # loading takes 20 ms, a window 1 ms
    rig = make_rig(built_catalog, Scripted(on_trunks(built_catalog, who="wide")), [hasty], sizes=UpTo(8))
    rig.answerer.correct(None)
    ask(rig, [(seen(9), ["who"])])
    rig.pieces.ran.clear()
    worst_s = sum(rig.answerer.problem.pieces[p].run_worst_s for p in built_catalog.trunks["wide"].parts)
    ask(rig, [(seen(i), ["who"]) for i in range(8)])
    counts = windows_run(rig)
    assert sum(counts) == 8
    assert max(counts) <= max(1, int(hasty.latency_limit_s / worst_s))


def test_a_late_moment_is_late_for_each_of_its_windows(built_catalog: Catalog) -> None:
    hasty = replace(WHO, latency_limit_s=0.0005)
    rig = make_rig(built_catalog, Scripted(on_trunks(built_catalog, who="wide")), [hasty], sizes=UpTo(8))
    found = ask(rig, [(seen(i), ["who"]) for i in range(2)])
    assert [(r.served, r.reason) for rs in found for r in rs] == 2 * [(False, LATE)]
    assert windows_run(rig) == [1, 1]  # as nothing would be in time, none waits for another


def test_a_budget_for_some_of_the_windows_serves_these(built_catalog: Catalog) -> None:
    who = on_trunks(built_catalog, who="wide")
    rig = make_rig(built_catalog, Scripted(who), [WHO], sizes=UpTo(8))
    here = rig.answerer.problem.pieces
    worst_j = sum(here[p].run_worst_energy_j for p in who["who"].device_pieces)
    poor = make_rig(built_catalog, Scripted(who), [WHO], energy_j=LOAD_WIDE_J + 2.5 * worst_j, sizes=UpTo(8))
    found = ask(poor, [(seen(i), ["who"]) for i in range(4)])
    assert [r.served for rs in found for r in rs] == [True, True, False, False]
    assert [rs[0].reason for rs in found[2:]] == 2 * [ENERGY_GONE]
    assert windows_run(poor) == [2]


def test_a_part_that_fails_is_the_reason_for_each_of_its_windows(
    built_catalog: Catalog, wide: dict[str, Option]
) -> None:
    rig = make_rig(built_catalog, Scripted(wide), sizes=UpTo(8))
    rig.pieces.cannot_run.add(built_catalog.trunks["wide"].parts[0])
    found = ask(rig, [(seen(i), ["who", "odd"]) for i in range(2)])
    reasons = {r.reason for rs in found for r in rs}
    assert len(reasons) == 1
    assert "cannot be run" in reasons.pop()
    assert not any(r.served for rs in found for r in rs)


def test_room_is_what_the_limit_leaves_beside_what_is_resident_and_what_comes(
    built_catalog: Catalog, wide: dict[str, Option]
) -> None:
    own_bytes = bytes_of(built_catalog, *wide.values())
    sizes = UpTo(8)
    rig = make_rig(built_catalog, Scripted(wide), memory_bytes=own_bytes + 1000, sizes=sizes)
    ask(rig, [(seen(i), ["who", "odd"]) for i in range(2)])
    ask(rig, [(seen(i), ["who", "odd"]) for i in range(2)])
    assert sizes.rooms == [1000, 1000]


def test_apps_that_do_not_fit_together_run_one_after_the_other(built_catalog: Catalog) -> None:
    options = on_trunks(built_catalog, who="wide", odd="small")
    limit = max(bytes_of(built_catalog, o) for o in options.values())
    rig = make_rig(built_catalog, Scripted(options), memory_bytes=limit, sizes=UpTo(8))
    found = ask(rig, [(seen(i), ["who", "odd"]) for i in range(2)])
    assert all(r.served for rs in found for r in rs)
    assert windows_run(rig) == [2, 2]
