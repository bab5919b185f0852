"""Results files as figures over time."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

from catalog.errors import BadInput
from engine.results import Result
from engine.sinks.result_lines import result_to_line
from mcdnn.result_history import UNSERVED, read_history, read_results
from tests.engine.media import result, unserved


def results_file(folder: Path, results: Iterable[Result]) -> Path:
    path = folder / "results.jsonl"
    path.write_text("".join(f"{result_to_line(r)}\n" for r in results), encoding="utf-8")
    return path


def half_served(i: int) -> Result:
    if i < 600:
        return result(i, variant="large/who", truth="7", energy_j=0.5)
    return unserved(i, truth="7")


def test_accuracy_mix_and_energy_follow_the_run(tmp_path: Path) -> None:
    history = read_history(results_file(tmp_path, map(half_served, range(1200))))
    assert history.t_s[-1] == pytest.approx(119.9)
    assert history.accuracy is not None
    assert history.accuracy[30] == 1.0
    assert history.accuracy[-1] == 0.0
    assert history.served[-1] == 0.0
    assert history.mix["large"][30] == 1.0
    assert history.mix[UNSERVED][-1] == 1.0
    assert history.energy_j[-1] == pytest.approx(300.0)
    assert (np.diff(history.energy_j) >= 0.0).all()


def test_shares_of_all_trunks_add_up_wherever_something_was_asked(tmp_path: Path) -> None:
    results = [result(i, variant=f"t{i % 3}/who") if i % 5 else unserved(i) for i in range(0, 400, 7)]
    history = read_history(results_file(tmp_path, results))
    asked = ~np.isnan(history.served)
    assert sum(history.mix.values())[asked] == pytest.approx(1.0)
    assert history.accuracy is None


def test_one_single_result_is_enough(tmp_path: Path) -> None:
    history = read_history(results_file(tmp_path, [result(0, truth="7")]))
    assert np.nansum(history.energy_j) > 0.0


def test_a_last_line_that_was_cut_off_is_left_out(tmp_path: Path) -> None:
    path = results_file(tmp_path, [result(0), result(1)])
    path.write_text(path.read_text() + '{"t_s": 3.0, "sou')
    assert len(list(read_results(path))) == 2


def test_what_is_wrong_is_named_by_file_and_line(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"gone\.jsonl: cannot be read"):
        read_history(tmp_path / "gone.jsonl")
    with pytest.raises(BadInput, match=r"results\.jsonl: no result in it"):
        read_history(results_file(tmp_path, []))
    path = results_file(tmp_path, [result(0)])
    path.write_text(path.read_text() + "{}\n")
    with pytest.raises(BadInput, match=r"results\.jsonl, line 2: no 't_s'"):
        read_history(path)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadInput, match=r"cannot be read"):
        read_history(path)
