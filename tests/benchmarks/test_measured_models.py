from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.measured_models import MeasuredModels, Pairing, answers_to
from benchmarks.specialization_catalogs import Shown
from catalog.backends.part_chain import PartChain
from catalog.backends.table import open_backend
from catalog.preprocessing import resize
from catalog.store import open_catalog
from catalog.tasks import Resize
from specializer.cascade import CascadeRates, RatesByCount, Stakes
from tests.catalog_builder import build_catalog


def test_every_trunk_sees_the_windows_at_its_own_side(tmp_path: Path) -> None:
    catalog = open_catalog(build_catalog(tmp_path / "catalog"))
    windows = np.random.default_rng(0).integers(0, 256, (20, 16, 16, 3), dtype=np.uint8)
    shown = Shown(catalog, "identity", windows, np.arange(20) % 10)
    stakes = Stakes(RatesByCount({2: CascadeRates(0.9, 0.05, 0.9)}), 0.98, 1.0, 0.1)
    pairing = Pairing("wide/identity", {"small": 0.1}, stakes, 10, {"small": 1})
    answers = answers_to(shown, pairing)
    assert catalog.trunks["small"].size_px == 8
    parts = [catalog.part_path(p) for p in catalog.trunks["small"].parts]
    halved = np.stack([resize(window, 8, Resize.STRETCH) for window in windows])
    expected = PartChain(open_backend("onnxruntime"), parts)(halved)
    np.testing.assert_allclose(answers.features["small"], expected, rtol=1e-4, atol=1e-5)
    models = MeasuredModels(answers, pairing.trunks, np.random.default_rng(0))
    assert models.special_cost == 0.0
