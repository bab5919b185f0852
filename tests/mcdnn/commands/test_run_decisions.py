"""mcdnn run --decisions: a live run on the digit camera, replayed."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from engine.results import Result
from engine.scheduling.decision_replay import DecisionLogReader, replay
from engine.scheduling.policies.table import make_policy
from mcdnn.cli import main
from mcdnn.engine import Engine
from tests.catalog_builder import build_catalog

ENGINE = """
catalog = "catalog"
policy = "{policy}"
[budget]
energy_j = 8.3
period = "2s"
[[source]]
uri = "digits:?seed=7&pace=max"
[[app]]
name = "who"
task = "identity"
[[app]]
name = "odd"
task = "parity"
latency_limit_s = 0.5
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("run")
    build_catalog(root / "catalog")
    for policy in ("paced", "mcdnn2016"):
        (root / f"{policy}.toml").write_text(ENGINE.format(policy=policy))
    return root


@pytest.mark.parametrize("policy", ["paced", "mcdnn2016"])
def test_a_live_run_replayed_gives_identical_choices(policy: str, folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "decisions.jsonl"
    assert main(["run", str(folder / f"{policy}.toml"), "--duration", "4", "--decisions", str(path)]) == 0
    found = replay(DecisionLogReader(path), partial(make_policy, policy))
    assert found.choices > 50
    assert (found.differing, found.differences) == (0, ())


def test_choices_are_explained_on_request(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "decisions.jsonl"
    words = ["run", str(folder / "paced.toml"), "--duration", "1", "--decisions", str(path), "--explain"]
    assert main(words) == 0
    assert all('"ruled_out"' in line for line in path.read_text().splitlines() if '"choose"' in line)


def test_an_explanation_needs_a_log_to_go_into(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", str(folder / "paced.toml"), "--explain"]) == 2
    assert "--explain: goes into the decision log: give --decisions FILE.jsonl too" in capsys.readouterr().err


def test_a_log_that_cannot_be_created_stops_nothing_half_way(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", str(folder / "paced.toml"), "--decisions", str(tmp_path)]) == 2
    assert f"decision log {tmp_path}: cannot be created" in capsys.readouterr().err


def test_the_log_follows_apps_that_go_while_it_runs(folder: Path, tmp_path: Path) -> None:
    engine = Engine(folder / "paced.toml")
    engine.log_decisions(tmp_path / "d.jsonl")
    first: list[Result] = []

    def remove_once(result: Result) -> None:
        if not first:
            first.append(result)
            engine.remove_app("odd")

    engine.on_result(remove_once)
    engine.run(duration_s=4.0)
    log = DecisionLogReader(tmp_path / "d.jsonl")
    assert replay(log, partial(make_policy, "paced")).differing == 0
