from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from catalog.heads import HeadWeights
from catalog.store import CatalogWriter, StoredFeatures, open_catalog
from specializer.generic_answers import Behind, GenericAnswers, generic_head, prior_shift, stored_answers
from tests.catalog_builder import build_catalog

# Four classes, of which a head has the first two. A lean of log 2 doubles what is said of these.
SAID = np.array(
    [
        [0.30, 0.10, 0.50, 0.10],  # 2, and 0 with the lean: .60 against .50
        [0.20, 0.10, 0.60, 0.10],  # 2 either way: .40 against .60
        [0.30, 0.10, 0.50, 0.10],
        [0.45, 0.40, 0.05, 0.10],  # 0 either way: the lean is the same for both of the head's classes
        [0.05, 0.05, 0.10, 0.80],  # 3 either way
        [0.20, 0.35, 0.40, 0.05],  # 2, and 1 with the lean
        [0.60, 0.10, 0.20, 0.10],  # 0 either way
    ],
    np.float32,
)
LABELS = np.array([2, 2, 0, 1, 3, 3, 2], np.int64)
DOUBLED = math.log(2.0)


def test_answers_lean_towards_the_classes_of_a_head_and_are_judged_alone_too() -> None:
    found = GenericAnswers(SAID, LABELS).shifted((0, 1), DOUBLED)
    assert found.right.tolist() == [True, True, False, False, True, False, False]
    assert found.right_behind.tolist() == [False, True, True, False, True, False, False]
    assert found.shift == DOUBLED


def test_what_the_lean_takes_is_of_another_class_and_was_not_the_heads_class_before() -> None:
    found = GenericAnswers(SAID, LABELS).shifted((0, 1), DOUBLED)
    # Not row 2, which is of class 0; not the last, of class 2, which is called 0 without the lean as well.
    assert found.taken.tolist() == [True, False, False, False, False, True, False]


def test_without_a_lean_the_model_answers_behind_a_head_as_it_does_alone() -> None:
    answers = GenericAnswers(SAID, LABELS)
    for found in (answers.shifted((0, 1), 0.0), Behind.unmoved(answers.shifted((0, 1), 1.0).right)):
        assert found.right_behind.tolist() == found.right.tolist()
        assert found.right.tolist() == [True, True, False, False, True, False, False]
        assert not found.taken.any()
        assert found.shift == 0.0


def test_a_class_of_which_nothing_is_said_stays_unsaid() -> None:
    sure = np.array([[0.0, 0.0, 1.0, 0.0]], np.float32)
    found = GenericAnswers(sure, np.array([2])).shifted((0, 1), 20.0)
    assert found.right_behind.tolist() == [True]
    assert found.taken.tolist() == [False]


def test_the_lean_is_half_of_what_the_new_priors_would_move_the_odds_by() -> None:
    # One class of four holds .9 of what is seen, each of three others a third of .1, where all held .25.
    moved = math.log((0.9 / 0.25) / ((0.1 / 3.0) / 0.25))
    assert prior_shift(1, 4, 0.9) == pytest.approx(0.5 * moved)
    assert GenericAnswers(SAID, LABELS).behind((2,), 0.9).shift == pytest.approx(0.5 * moved)
    assert prior_shift(2, 4, 0.9) == pytest.approx(0.5 * math.log(9.0))


def test_nothing_leans_away_from_the_classes_of_a_head() -> None:
    assert prior_shift(3, 4, 0.75) == pytest.approx(0.0)
    assert prior_shift(3, 4, 0.5) == 0.0
    assert GenericAnswers(SAID, LABELS).behind((0, 1, 2), 0.3).shift == 0.0


def test_rows_lean_as_the_head_does_that_answers_behind_a_cascade() -> None:
    rng = np.random.default_rng(4)
    head = HeadWeights(
        rng.standard_normal((6, 5)).astype(np.float32), rng.standard_normal(6).astype(np.float32), 1.7
    )
    features = (2.0 * rng.standard_normal((400, 5))).astype(np.float32)
    labels = rng.integers(6, size=400)
    found = GenericAnswers(head.confidences(features), labels).shifted((4, 1), 1.3)
    alone, leaning = (
        h.confidences(features).argmax(axis=1) for h in (head, head.with_prior_shift((4, 1), 1.3))
    )
    assert (alone != leaning).sum() > 40
    np.testing.assert_array_equal(found.right, alone == labels)
    np.testing.assert_array_equal(found.right_behind, leaning == labels)
    np.testing.assert_array_equal(
        found.taken, np.isin(leaning, (4, 1)) & ~np.isin(alone, (4, 1)) & ~np.isin(labels, (4, 1))
    )


def test_what_is_stored_of_a_trunk_tells_what_its_generic_model_says(tmp_path: Path) -> None:
    catalog = open_catalog(build_catalog(tmp_path), verify=False)
    rows = catalog.features("wide", "identity", "validation")
    head = catalog.head_weights(catalog.variants["wide/identity"].head)
    found = stored_answers(catalog, "wide", "identity", rows.labels)
    assert found is not None
    said = head.confidences(np.asarray(rows.features, np.float32)).argmax(axis=1)
    np.testing.assert_array_equal(found.shifted((0,), 0.0).right, said == rows.labels)
    assert 0 < (said == rows.labels).sum() < len(said)


def test_rows_that_are_not_those_of_the_generic_model_tell_nothing(tmp_path: Path) -> None:
    catalog = open_catalog(build_catalog(tmp_path), verify=False)
    labels = catalog.features("wide", "identity", "validation").labels
    assert stored_answers(catalog, "wide", "identity", labels[::-1].copy()) is None
    assert stored_answers(catalog, "absent", "identity", labels) is None
    assert generic_head(catalog, "wide", "absent") is None
    narrow = StoredFeatures(np.zeros((3, 12), np.float16), np.arange(3, dtype=np.int64))
    CatalogWriter(tmp_path).write_features("narrow", "identity", "validation", narrow)
    assert stored_answers(open_catalog(tmp_path, verify=False), "narrow", "identity", labels) is None
    (tmp_path / "features" / "small.identity.validation.npy").unlink()
    assert stored_answers(open_catalog(tmp_path, verify=False), "small", "identity", labels) is None
