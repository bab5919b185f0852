from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from xml.dom import minidom

import pytest

from catalog.errors import RunFailed
from engine.scheduling.policies.table import make_policy
from engine.scheduling.problem import App, Budget, Problem
from sim.bound import Bound, clairvoyant_bound
from sim.day import simulate_scenario
from sim.html_report import report_page, write_report
from sim.html_tables import gap_closed, share_of_bound
from sim.report import DayResult
from sim.scenario import DeviceDay, Scenario
from sim.timeline import Timeline, TimelineRecorder
from tests.scheduling_problems import app, shared_trunks
from tests.sim.days import arrivals, device

POLICIES = ("paced", "best-static", "client-only")


def problem(**limits: float) -> Problem:
    return shared_trunks([app("who <1>"), app("odd", weight=2.0)], Budget(**limits), load_share=0.5)


def scenario(*days: DeviceDay) -> Scenario:
    return Scenario("a & b", days, about="Two apps.", parameters={"seed": 7})


def day(name: str = "left", windows: int = 40, **limits: float) -> DeviceDay:
    asked = arrivals(*(2.0 * i for i in range(windows)), due=("who <1>", "odd"))
    return device(problem(**limits), asked, name=name)


def live(
    lived: Scenario, policies: Sequence[str] = POLICIES
) -> tuple[list[DayResult], dict[str, Bound], dict[tuple[str, str], Timeline]]:
    results: list[DayResult] = []
    timelines: dict[tuple[str, str], Timeline] = {}
    for name in policies:
        recorders: dict[str, TimelineRecorder] = {}

        def observe(day: DeviceDay, recorders: dict[str, TimelineRecorder] = recorders) -> TimelineRecorder:
            return recorders.setdefault(day.name, TimelineRecorder())

        results += simulate_scenario(lived, partial(make_policy, name), observe)
        timelines |= {(name, device): recorder.timeline() for device, recorder in recorders.items()}
    return results, {d.name: clairvoyant_bound(d) for d in lived.devices}, timelines


def body(page: str) -> minidom.Document:
    """The page as a document: every tag is closed and everything is escaped."""
    return minidom.parseString(page[page.index("<body>") : page.index("</html>")])


def rows(page: str, table: int) -> list[list[str]]:
    found = body(page).getElementsByTagName("table")[table].getElementsByTagName("tr")
    return [[c.firstChild.data if c.firstChild else "" for c in row.childNodes] for row in found]


def test_the_page_compares_all_policies_and_the_bound() -> None:
    lived = scenario(day(energy_j=120.0, period_s=100.0))
    results, bounds, timelines = live(lived)
    page = report_page(lived, results, bounds, timelines)
    headings, *policies, bound = rows(page, 0)
    assert [row[0] for row in policies] == list(POLICIES)
    paced = dict(zip(headings, policies[0], strict=True))
    assert paced["accuracy"] == f"{100.0 * results[0].accuracy:.1f} %"
    assert paced["of the bound"] == f"{100.0 * results[0].accuracy / bounds['left'].accuracy:.1f} %"
    assert policies[1][headings.index("gap closed")] == "0.0 %"
    assert bound[:3] == ["clairvoyant bound", f"{100.0 * bounds['left'].accuracy:.1f} %", "100.0 %"]
    assert "Two apps." in page and "seed = 7" in page
    assert bounds["left"].relaxed[0].split(",")[0] in page


def test_the_page_says_why_requests_were_skipped_and_what_each_app_got() -> None:
    lived = scenario(day(energy_j=60.0, period_s=100.0))
    results, bounds, timelines = live(lived)
    page = report_page(lived, results, bounds, timelines)
    why = rows(page, 1)
    assert why[0] == ["not answered because", *POLICIES]
    assert {row[0] for row in why[1:]} == {reason for r in results for reason in r.unserved}
    apps = rows(page, 2)
    assert [row[:3] for row in apps[1:]] == [["who <1>", "1", "40"], ["odd", "2", "40"]]


def test_pictures_show_accuracy_spending_models_places_and_reasons() -> None:
    lived = scenario(day(energy_j=40.0, period_s=100.0))
    page = report_page(lived, *live(lived))
    headings = re.findall(r"<h3>(.*?)</h3>", page)
    assert headings[:2] == ["Accuracy", "Energy spent"]  # and no money, of which none was spent
    assert headings[2:5] == ["Models", "Places", "Skipped, and why"]
    labels = re.findall(r'aria-label="(.*?)"', page)
    assert "paced: places over time, share of requests" in labels


def test_each_input_type_has_models_of_its_own() -> None:
    mixed = shared_trunks([app("who"), App("where", "places", "scene")])
    faces = arrivals(0.0, 2.0, 4.0)
    places = [a._replace(t_s=a.t_s + 1.0, input_type="scene", due=("where",)) for a in faces]
    lived = scenario(device(mixed, sorted([*faces, *places], key=lambda a: a.t_s)))
    page = report_page(lived, *live(lived, ["paced"]))
    headings = re.findall(r"<h3>(.*?)</h3>", page)
    assert [h for h in headings if h.startswith("Models")] == ["Models for digit", "Models for scene"]


def test_the_page_needs_nothing_else_and_fits_a_phone() -> None:
    lived = scenario(day(energy_j=120.0, period_s=100.0))
    page = report_page(lived, *live(lived))
    assert not re.findall(r"<(script|link|img)|https?://|url\(", page)
    assert 'name="viewport"' in page
    assert "@media print" in page
    used = set(re.findall(r"var\((--[\w-]+)\)", page))
    assert used <= set(re.findall(r"(--[\w-]+):", page))


def test_several_devices_have_a_section_each() -> None:
    lived = scenario(day("left"), day("right"))
    results, bounds, timelines = live(lived, ["paced"])
    page = report_page(lived, results, bounds, timelines)
    assert [h for h in re.findall(r"<h2>(.*?)</h2>", page) if h in ("left", "right")] == ["left", "right"]
    assert page.count("<svg") == 2 * 4  # nothing was skipped
    assert report_page(lived, results, {}, {}).count("<svg") == 0


@pytest.mark.parametrize("limits", [{}, {"energy_j": 0.0, "cost_usd": 0.0, "period_s": 50.0}])
@pytest.mark.parametrize("windows", [0, 1, 40])
def test_days_without_limits_without_budgets_and_without_windows_are_clean(
    limits: dict[str, float], windows: int
) -> None:
    lived = scenario(day(windows=windows, **limits))
    page = report_page(lived, *live(lived, ["paced", "original"]))
    body(page)
    assert not re.search(r"\b(nan|inf|None)\b", page[page.index("<body>") :])


def test_a_scenario_that_no_policy_lived_says_so() -> None:
    assert "No policy was simulated." in report_page(scenario(day()), [], {}, {})


def test_the_file_is_whole_or_the_error_names_it(tmp_path: Path) -> None:
    lived = scenario(day(windows=3))
    write_report(tmp_path / "out" / "report.html", lived, *live(lived, ["paced"]))
    assert (tmp_path / "out" / "report.html").read_text(encoding="utf-8").endswith("</html>\n")
    (tmp_path / "file").touch()
    with pytest.raises(RunFailed, match="cannot be written"):
        write_report(tmp_path / "file" / "report.html", lived, [], {}, {})


def test_figures_of_comparison() -> None:
    assert share_of_bound(0.6, 0.8) == pytest.approx(0.75)
    assert share_of_bound(0.0, 0.0) is None
    assert gap_closed(0.7, 0.6, 0.8) == pytest.approx(0.5)
    assert gap_closed(0.6, 0.6, 0.6) is None
