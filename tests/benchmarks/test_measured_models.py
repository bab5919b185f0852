from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.measured_models import Answers, HeadOn, MeasuredModels, Pairing, answers_to
from benchmarks.specialization_catalogs import Shown
from catalog.backends.part_chain import PartChain
from catalog.backends.table import open_backend
from catalog.heads import HeadWeights
from catalog.preprocessing import resize
from catalog.store import Catalog, open_catalog
from catalog.tasks import Resize
from specializer.cascade import CascadeRates, RatesByCount, Stakes
from specializer.policy import Active
from specializer.special_head import SecondHead, SpecialHead
from tests.catalog_builder import build_catalog

RATES = CascadeRates(0.9, 0.05, 0.9)


def test_every_trunk_sees_the_windows_at_its_own_side(tmp_path: Path) -> None:
    catalog = open_catalog(build_catalog(tmp_path / "catalog"))
    windows = np.random.default_rng(0).integers(0, 256, (20, 16, 16, 3), dtype=np.uint8)
    shown = Shown(catalog, "identity", windows, np.arange(20) % 10)
    stakes = Stakes(RatesByCount({2: RATES}), 0.98, 1.0, 0.1)
    costs, macs = {"small": 0.1, "narrow": 0.4}, {"small": 1, "narrow": 4}
    seconds = {"small": "narrow"}
    pairing = Pairing("wide/identity", {"small": stakes}, seconds, costs, stakes, 10, macs)
    answers = answers_to(shown, pairing)
    assert catalog.trunks["small"].size_px == 8
    parts = [catalog.part_path(p) for p in catalog.trunks["small"].parts]
    halved = np.stack([resize(window, 8, Resize.STRETCH) for window in windows])
    expected = PartChain(open_backend("onnxruntime"), parts)(halved)
    np.testing.assert_allclose(answers.features["small"], expected, rtol=1e-4, atol=1e-5)
    models = MeasuredModels(answers, pairing.costs, np.random.default_rng(0))
    assert models.special_cost == 0.0
    for threshold, cost in ((0.0, 0.1), (1.1, 0.1 + 0.4)):  # the first head answers, or is never sure
        head = special_head(catalog, threshold)
        models = MeasuredModels(answers, pairing.costs, np.random.default_rng(0))
        models.see(3)
        said = models.special(Active((3, 4), RATES), HeadOn("small", head))
        assert models.special_cost == pytest.approx(cost)
        assert said.second is (threshold > 1.0)
        assert said.class_id in (3, 4)


def test_what_the_first_head_calls_other_costs_the_second_nothing(tmp_path: Path) -> None:
    catalog = open_catalog(build_catalog(tmp_path / "catalog"), verify=False)
    bias = np.array([0.0, 0.0, 9.0], np.float32)
    says_other = HeadWeights(np.zeros((3, catalog.trunks["small"].feature_dim), np.float32), bias, 1.0)
    head = replace(special_head(catalog, 0.0), weights=says_other)
    features = {t: np.ones((1, catalog.trunks[t].feature_dim), np.float32) for t in ("small", "narrow")}
    answers = Answers((np.arange(1),), np.full((1, 10), 0.1, np.float32), features)
    models = MeasuredModels(answers, {"small": 0.1, "narrow": 0.4}, np.random.default_rng(0))
    models.see(0)
    said = models.special(Active((3, 4), RATES), HeadOn("small", head))
    assert said[::2] == (None, False)
    assert models.special_cost == pytest.approx(0.1)


def test_another_class_that_the_first_head_tells_apart_is_answered_where_it_is_sure(tmp_path: Path) -> None:
    catalog = open_catalog(build_catalog(tmp_path / "catalog"), verify=False)
    bias = np.array([0.0, 0.0, 9.0, 0.0], np.float32)
    names_six = HeadWeights(np.zeros((4, catalog.trunks["small"].feature_dim), np.float32), bias, 1.0)
    features = {t: np.ones((1, catalog.trunks[t].feature_dim), np.float32) for t in ("small", "narrow")}
    answers = Answers((np.arange(1),), np.full((1, 10), 0.1, np.float32), features)
    for threshold, expected, cost in ((0.5, (6, False), 0.1), (1.1, (3, True), 0.1 + 0.4)):
        head = replace(special_head(catalog, threshold), weights=names_six, others=(6, 5))
        models = MeasuredModels(answers, {"small": 0.1, "narrow": 0.4}, np.random.default_rng(0))
        models.see(0)
        said = models.special(Active((3, 4), RATES), HeadOn("small", head))
        assert said[::2] == expected
        assert models.special_cost == pytest.approx(cost)


def test_behind_a_head_the_generic_answer_leans_by_bayes_rule(tmp_path: Path) -> None:
    catalog = open_catalog(build_catalog(tmp_path / "catalog"), verify=False)
    head = replace(special_head(catalog, 0.0), prior_shift=math.log(3.0))
    said = np.array([[0.5, 0.1, 0.1, 0.1, 0.2]], np.float32)
    models = MeasuredModels(Answers((np.arange(1),), said, {}), {}, np.random.default_rng(0))
    models.see(0)
    behind = models.behind(HeadOn("small", head))
    assert behind.class_id == 4
    assert behind.confidence == pytest.approx(0.6 / (0.5 + 0.2 + 0.3 + 0.6))
    assert models.generic() == (0, 0.5, False)  # alone, and after that as before
    assert models.special_cost == 0.0


def special_head(catalog: Catalog, threshold: float) -> SpecialHead:
    """Heads of two rows, neither of which means "other"."""
    first, second = (
        HeadWeights(np.ones((2, catalog.trunks[t].feature_dim), np.float32), np.zeros(2, np.float32), 1.0)
        for t in ("small", "narrow")
    )
    return SpecialHead(first, (3, 4), RATES, threshold, second=SecondHead("narrow", second, 0.0))
