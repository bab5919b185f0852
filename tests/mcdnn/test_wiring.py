from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import pytest

from catalog.backends import table
from catalog.backends.onnxruntime_backend import OnnxruntimePart
from catalog.backends.openvino_backend import OpenvinoPart
from catalog.store import CatalogWriter, open_catalog
from engine.runtime.loading import PieceMemory
from engine.runtime.residency import Residency
from mcdnn.engine_file import EngineFile
from mcdnn.wiring import Setup, make_pieces, open_setup
from tests.catalog_builder import build_catalog


@pytest.fixture
def setup(tmp_path: Path) -> Setup:
    """A catalog of which openvino runs the second part of "wide" fastest, and onnxruntime all others."""
    root = build_catalog(tmp_path / "catalog")
    catalog = open_catalog(root)
    measured = catalog.measurements()
    second = catalog.trunks["wide"].parts[1]
    faster = [
        replace(m, backend="openvino", latency_p50_s=0.5 * m.latency_p50_s)
        for m in measured.parts
        if m.part == second
    ]
    CatalogWriter(root).write_measurements(replace(measured, parts=(*measured.parts, *faster)))
    return open_setup(EngineFile.model_validate({"catalog": str(root)}))


def kinds(setup: Setup) -> list[type]:
    pieces = make_pieces(setup)
    memory = PieceMemory(pieces.storage, pieces.sizes, Residency())
    try:
        return [type(part) for part in memory.obtain(setup.catalog.trunks["wide"].parts)]
    finally:
        memory.close()


def test_the_engine_runs_each_part_by_what_was_picked_for_it(setup: Setup) -> None:
    assert kinds(setup) == [OnnxruntimePart, OpenvinoPart]


def test_the_engine_goes_on_without_a_backend_that_is_not_installed_and_says_so(
    setup: Setup, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(table, "find_spec", lambda package: None)
    with caplog.at_level(logging.WARNING):
        assert kinds(setup) == [OnnxruntimePart, OnnxruntimePart]
    assert "pip install 'mcdnn[openvino]'" in caplog.text
