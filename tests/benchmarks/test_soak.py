"""The soak, made short: faults come and go, every frame is counted, and nothing is left behind."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.process_family import Holdings
from benchmarks.soak import Sample, Soaked, soak, summary_row, verdict, write_soak
from benchmarks.soak_faults import ResultTail, Struck
from tests.outside_data import outside_file


@pytest.mark.data
def test_faults_leave_every_frame_counted_and_nothing_behind(tmp_path: Path) -> None:
    data = outside_file("videos/shopping_street_13s.mp4").parents[1]
    soaked = soak(data, tmp_path, minutes=0.25, every_s=5.0)
    assert soaked.miscounted() == []
    assert (soaked.status, soaked.left) == (0, 0)
    assert [s.fault for s in soaked.struck][:2] == ["server killed", "server frozen"]
    sources = {s["source"]: s for s in soaked.summary["standing"]["sources"]}
    assert sources["door"]["report"]["connects"] >= 2
    assert sources["yard"]["report"] == {**sources["yard"]["report"], "connects": 1, "failures": 0}
    assert sources["gate"]["report"]["failures"] >= 3
    assert sources["lane"]["report"]["failures"] >= 3
    text = write_soak(soaked, tmp_path / "out")
    assert "server killed" in text
    assert "| webhook |" in text
    assert json.loads((tmp_path / "out/soak.json").read_text())["rows"][0]["counts_wrong"] == 0


def test_what_is_missed_is_said() -> None:
    def source(left: int) -> dict[str, object]:
        report = {"connects": 1, "failures": 0, "restarts": 0}
        return {"source": "door", "read": 9, "taken": 7, "dropped": {"x": 1}, "left": left, "report": report}

    memory_mb = [100.0, 100.0, 101.0, 101.0, 104.0, 104.0, 108.0, 108.0]
    held = [Holdings(5, 9, 20)] * 7 + [Holdings(5, 9, 21)]
    samples = [Sample(float(i), m, h) for i, (m, h) in enumerate(zip(memory_mb, held, strict=True))]
    summary = {"frames": 7, "apps": [{"requests": 7}], "standing": {"sources": [source(1)], "sinks": []}}
    struck = [Struck("server killed", 0.0, 12.0, awaited=True)]
    soaked = Soaked(1.0, samples, struck, 7, 0, summary, 0)
    assert soaked.miscounted() == []
    row = summary_row(soaked)
    assert verdict(row, []) == "**Missed: memory changed by 6.9 %, asked: 5; back within 10 s 0 times of 1.**"
    nothing = dict.fromkeys(("recovered", "waiting", "spooled", "retries"), 0)
    sink = {"sink": "webhook", "accepted": 9, "delivered": 7, "dropped": {"full": 1}, **nothing}
    soaked.summary = {**summary, "frames": 6, "standing": {"sources": [source(0)], "sinks": [sink]}}
    soaked.lines = 5
    assert len(soaked.miscounted()) == 4


def test_the_tail_of_a_file_is_read_once_a_line_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    tail = ResultTail(path)
    tail.look()
    assert (tail.lines, tail.latest_s("door")) == (0, 0.0)
    path.write_text('{"source": "door"}\n{"source": "ya')
    tail.look()
    assert (tail.lines, tail.latest_s("yard")) == (1, 0.0)
    with path.open("a") as file:
        file.write('rd"}\n')
    tail.look()
    assert tail.lines == 2
    assert tail.latest_s("yard") >= tail.latest_s("door") > 0.0
