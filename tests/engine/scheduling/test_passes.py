from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.scheduling.passes import passes_in_memory
from engine.scheduling.problem import distinct_pieces, memory_bytes
from tests.scheduling_problems import app, option, shared_trunks

APPS = [app(f"app{i}") for i in range(6)]
PIECES = shared_trunks(APPS).pieces


def test_what_fits_together_is_one_pass() -> None:
    options = {"app0": option("app0", "large", 0.9), "app1": option("app1", "small", 0.6)}
    assert passes_in_memory(options, PIECES, 900) == [options]


def test_nothing_to_run_is_no_pass() -> None:
    assert passes_in_memory({}, PIECES, 900) == []


def test_apps_that_share_parts_stay_together() -> None:
    trunks = {"app0": "large", "app1": "middle", "app2": "large", "app3": "middle"}
    options = {a: option(a, t, 0.5) for a, t in trunks.items()}
    assert [list(p) for p in passes_in_memory(options, PIECES, 800)] == [["app0", "app2"], ["app1", "app3"]]


@given(
    trunks=st.lists(st.sampled_from(["large", "middle", "small"]), max_size=6),
    limit_bytes=st.sampled_from([800, 900, 1200, 1300]),
)
def test_every_app_runs_in_exactly_one_pass_and_every_pass_fits(trunks: list[str], limit_bytes: int) -> None:
    options = {f"app{i}": option(f"app{i}", t, 0.5) for i, t in enumerate(trunks)}
    passes = passes_in_memory(options, PIECES, limit_bytes)
    assert sorted(a for p in passes for a in p) == sorted(options)
    assert all(memory_bytes(PIECES, distinct_pieces(p.values())) <= limit_bytes for p in passes)
