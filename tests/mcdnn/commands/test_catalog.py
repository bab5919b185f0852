from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from catalog.backends import table
from catalog.store import open_catalog
from mcdnn.cli import main
from tests.catalog_builder import build_catalog


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return build_catalog(tmp_path / "built")


def test_every_variant_is_a_line_that_fits_a_terminal(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["catalog", "show", str(root)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert [line.split()[:2] for line in lines[1:4]] == [["1", "wide"], ["2", "narrow"], ["3", "small"]]
    assert lines[1].split()[2:4] == ["98.0%", "97.5%"]
    assert all(line.rstrip().endswith("*") for line in lines[1:4])


def test_programs_read_the_same_as_json(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["catalog", "show", str(root), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["complete"] is True
    first = told["tasks"]["identity"][0]
    assert first["trunk"] == "wide"
    assert first["latency_s"] == pytest.approx(1005e-6)
    assert first["on_front"] is True
    assert set(told["tasks"]) == {"identity", "parity"}
    assert first["further_app"] == {
        "size_bytes": 4 * 10 * (32 + 1),
        "latency_s": pytest.approx(5e-6),
        "share_of_trunk_latency": pytest.approx(0.005),
    }


def test_what_was_asked_for_and_not_made_is_told(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    contents = json.loads((root / "catalog.json").read_text())
    contents["compiled"] |= {"failed": {"tall": "too tall"}, "skipped": {"bf16": "no such processor"}}
    (root / "catalog.json").write_text(json.dumps(contents))
    assert main(["catalog", "show", str(root)]) == 0
    told = capsys.readouterr().out.splitlines()
    assert {"failed: tall: too tall", "skipped: bf16: no such processor"} <= set(told)
    del contents["compiled"]["skipped"]  # as catalogs were written before
    (root / "catalog.json").write_text(json.dumps(contents))
    assert main(["catalog", "show", str(root), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["skipped"] == {}


def test_what_a_trunk_takes_to_download_is_told_where_it_is_known(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    contents = json.loads((root / "catalog.json").read_text())
    wide, narrow = (t["parts"] for t in contents["trunks"] if t["name"] in ("wide", "narrow"))
    for part in contents["parts"]:
        del part["download_bytes"]  # as catalogs were written before
        if part["id"] in wide:
            part["download_bytes"] = 1000
    (root / "catalog.json").write_text(json.dumps(contents))
    assert main(["catalog", "show", str(root), "--json"]) == 0
    rows = {row["trunk"]: row for row in json.loads(capsys.readouterr().out)["tasks"]["identity"]}
    assert rows["wide"]["download_bytes"] == 1000 * len(wide)
    assert rows["narrow"]["download_bytes"] is None
    assert rows["narrow"]["file_bytes"] > 0
    assert not set(narrow) <= set(wide)


def test_what_made_a_trunk_and_what_runs_it_is_told(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["catalog", "show", str(root)]) == 0
    assert ["wide", "f32", "onnxruntime", "random"] in [
        line.split() for line in capsys.readouterr().out.splitlines()
    ]


def test_what_a_further_app_costs_on_a_trunk_that_runs_is_told(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["catalog", "show", str(root)]) == 0
    lines = capsys.readouterr().out.splitlines()
    start = next(k for k, line in enumerate(lines) if line.startswith("a further app"))
    told = [" ".join(line.split()) for line in lines[start + 1 : start + 3]]
    assert told == [
        "identity 0.36 kB - 1.32 kB 5 µs 0.5% - 5.0%",
        "parity 0.072 kB - 0.264 kB 5 µs 0.5% - 5.0%",
    ]


def profile(root: Path, *flags: str) -> int:
    return main(["catalog", "profile", str(root), "--budget-minutes", "0.0001", *flags])


def test_profile_measures_this_device(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert profile(root, "--device", "here") == 0
    assert "5 parts measured on" in capsys.readouterr().out
    catalog = open_catalog(root)
    assert catalog.devices() == ["here", "host"]
    measured = catalog.measurements("here")
    assert {m.part for m in measured.parts} == set(catalog.parts)
    assert {m.backend for m in measured.parts} == {"onnxruntime", "openvino"}
    assert {m.batch for m in measured.parts} == {1, 4, 8}
    assert all(m.energy_j is not None and m.energy_j >= 0.0 for m in measured.parts)


def test_profile_names_a_damaged_part_and_measures_the_others(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    catalog = open_catalog(root)
    part = catalog.trunks["small"].parts[1]
    catalog.part_path(part).write_bytes(b"nothing of use")
    assert profile(root, "--backends", "onnxruntime") == 0
    told = capsys.readouterr().out.replace("\n", " ")
    assert f"failed: part {part} of small by onnxruntime" in told
    assert [m.variant.trunk for m in open_catalog(root, verify=False).front("identity")] == ["wide", "narrow"]


def test_a_backend_that_is_not_installed_costs_only_itself(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = table.find_spec
    monkeypatch.setattr(table, "find_spec", lambda name: None if name == "openvino" else real(name))
    assert profile(root, "--backends", "openvino", "onnxruntime") == 0
    assert "left out: backend openvino needs openvino: pip install" in capsys.readouterr().err
    assert {m.backend for m in open_catalog(root).measurements().parts} == {"onnxruntime"}
    assert profile(root, "--backends", "openvino") == 2


@pytest.mark.parametrize(
    "flags", [("--threads", "0"), ("--budget-minutes", "0"), ("--device", "../up"), ("--backends", "abacus")]
)
def test_a_wrong_flag_of_profile_is_named(
    root: Path, flags: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert profile(root, *flags) == 2
    assert flags[1] in capsys.readouterr().err


def test_plot_draws_a_picture_and_a_page_for_each_task(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["catalog", "plot", str(root), "--out", str(tmp_path / "out")]) == 0
    written = [Path(line) for line in capsys.readouterr().out.splitlines()]
    assert [p.name for p in written] == ["identity.png", "identity.html", "parity.png", "parity.html"]
    assert all(p.read_bytes().startswith(b"\x89PNG") for p in written[::2])


def test_a_device_that_was_never_measured_is_named(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["catalog", "show", str(root), "--device", "moon"]) == 2
    assert "moon.json" in capsys.readouterr().err


def test_no_catalog_is_told_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["catalog", "show", str(tmp_path)]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_an_unfinished_catalog_says_so(
    tiny_catalog: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = Path(shutil.copytree(tiny_catalog, tmp_path / "c"))
    contents = (root / "catalog.json").read_text()
    (root / "catalog.json").write_text(contents.replace('"complete": true', '"complete": false'))
    assert main(["catalog", "show", str(root)]) == 0
    assert "not complete" in capsys.readouterr().out


def test_int8_that_is_slower_than_float_is_told(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    contents = json.loads((root / "catalog.json").read_text())
    narrow = next(t for t in contents["trunks"] if t["name"] == "narrow")
    narrow["lineage"] = ["random", "int8 static per-channel"]
    part = next(p for p in contents["parts"] if p["id"] == narrow["parts"][1])
    part["precision"] = "int8"
    (root / "catalog.json").write_text(json.dumps(contents))
    measured = json.loads((root / "profiles" / "host.json").read_text())
    row = next(m for m in measured["parts"] if m["part"] == part["id"])
    row.update(precision="int8", latency_p50_s=6e-3)
    (root / "profiles" / "host.json").write_text(json.dumps(measured))
    assert main(["catalog", "show", str(root)]) == 0
    told = capsys.readouterr().out
    assert [line.split()[-1] for line in told.splitlines()[1:4]] == ["*", "slow", "*"]
    assert "slow: narrow: kept off the front: int8 is slower here: 6.37 x wide" in told
