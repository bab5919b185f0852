from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from catalog.heads import HeadWeights
from catalog.store import CatalogWriter, StoredFeatures, open_catalog
from specializer.cascade import CascadeRates
from specializer.cascade_threshold import CascadeAim
from specializer.errors import HeadRejected, NotTrainable, TrainerBroke
from specializer.generic_answers import prior_shift
from specializer.order_execution import OrderDesk, warm_up
from specializer.special_head import SecondHead, SpecialHead
from specializer.training_messages import (
    Errand,
    Made,
    SecondErrand,
    errand_to_line,
    made_to_line,
    outcome_from_line,
)
from tests.catalog_builder import build_catalog


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return build_catalog(tmp_path)


@pytest.fixture
def errand(root: Path) -> Errand:
    parts = open_catalog(root, verify=False).trunks["wide"].parts
    return Errand("wide", parts, "identity", (7, 2), 3, CascadeAim(0.9, 0.9))


def answer(errand: Errand, root: Path) -> Made | Exception:
    return outcome_from_line(OrderDesk(root).answer(errand_to_line(errand)))


def test_an_order_gives_a_head_and_the_time_it_took(root: Path, errand: Errand) -> None:
    made = answer(errand, root)
    assert isinstance(made, Made)
    assert made.head.dominant == (7, 2)
    assert made.processor_s > 0.0


@pytest.mark.parametrize(("generic_accuracy", "falls_short"), [(0.9, False), (1.0, True)])
def test_whether_a_head_falls_short_of_its_aim_comes_with_it(
    root: Path, errand: Errand, generic_accuracy: float, falls_short: bool
) -> None:
    made = answer(replace(errand, aim=CascadeAim(0.9, generic_accuracy)), root)
    assert isinstance(made, Made)
    assert made.head.falls_short is falls_short


def test_a_catalog_that_was_compiled_again_is_noticed(root: Path, errand: Errand) -> None:
    desk, line = OrderDesk(root), errand_to_line(errand)
    assert isinstance(outcome_from_line(desk.answer(line)), Made)
    build_catalog(root, seed=1)
    refused = outcome_from_line(desk.answer(line))
    assert isinstance(refused, NotTrainable)
    assert "the catalog has changed" in str(refused)


def test_without_stored_features_an_order_names_them(root: Path, errand: Errand) -> None:
    (root / "features" / "wide.identity.train.npy").unlink()
    refused = answer(errand, root)
    assert isinstance(refused, NotTrainable)
    assert "stored features cannot be read" in str(refused)


def test_a_task_of_another_input_type_is_not_known(root: Path, errand: Errand) -> None:
    refused = answer(replace(errand, task="absent"), root)
    assert isinstance(refused, NotTrainable)
    assert str(refused) == "wide/absent: not in the catalog"


def test_a_head_that_fails_its_validation_is_thrown_away_with_its_cost(root: Path, errand: Errand) -> None:
    rng = np.random.default_rng(0)
    labels = np.arange(400, dtype=np.int64) % 10
    for split in ("train", "validation"):
        noise = StoredFeatures(rng.standard_normal((400, 32)).astype(np.float16), labels)
        CatalogWriter(root).write_features("wide", "identity", split, noise)
    rejected = answer(replace(errand, aim=CascadeAim(0.9, 0.95)), root)
    assert isinstance(rejected, HeadRejected)
    assert str(rejected).startswith("wide/identity: special head of classes [7, 2]: ")
    assert rejected.processor_s > 0.0


def test_whatever_goes_wrong_there_is_an_answer(root: Path) -> None:
    broke = outcome_from_line(OrderDesk(root).answer(b"{}\n"))
    assert isinstance(broke, TrainerBroke)
    assert "KeyError" in broke.__notes__[0]


@pytest.mark.parametrize("others", [(), (4,), (0, 5)])
def test_a_head_comes_back_as_it_was_made(others: tuple[int, ...]) -> None:
    rng = np.random.default_rng(2)
    weights, other = (
        HeadWeights(
            rng.standard_normal((3, d)).astype(np.float32), rng.standard_normal(3).astype(np.float32), 1.5
        )
        for d in (4, 6)
    )
    rates = CascadeRates(0.9, 0.05, 0.8, -0.25, 0.125, 0.3, 0.6, -0.01, 0.02, 0.15, 0.03)
    second = SecondHead("wide", other, 0.75, others)
    head = SpecialHead(weights, (7, 2), rates, 0.5, True, second, 1.25, others[::-1])
    made = outcome_from_line(made_to_line(Made(head, 0.0625)))
    assert isinstance(made, Made)
    assert made.processor_s == 0.0625
    found = made.head
    assert found.second is not None
    for sent, came in ((weights, found.weights), (other, found.second.weights)):
        assert np.array_equal(sent.weight, came.weight)
        assert np.array_equal(sent.bias, came.bias)
        assert sent.temperature == came.temperature
    same = replace(found.second, weights=other)
    assert replace(found, weights=weights, second=same) == head


def test_a_head_leans_what_lies_behind_it_as_the_share_of_its_classes_says(
    root: Path, errand: Errand
) -> None:
    made = answer(replace(errand, trunk="wide", generic_trunk="wide"), root)
    assert isinstance(made, Made)
    assert made.head.prior_shift == prior_shift(2, 10, errand.aim.skew) > 0.0
    unknown = answer(errand, root)  # nobody says what lies behind
    assert isinstance(unknown, Made)
    assert unknown.head.prior_shift == 0.0


@pytest.mark.parametrize("line", [b"", b"Loading model...", b"[]", b'{"head": "AAAA", "dominant": [1]}'])
def test_an_answer_that_makes_no_sense_is_the_end_of_an_order(line: bytes) -> None:
    broke = outcome_from_line(line)
    assert isinstance(broke, TrainerBroke)
    assert str(broke) == "the training process answered nonsense"


def test_warming_up_needs_no_catalog() -> None:
    warm_up()


def second_on(root: Path, trunk: str, cost: float = 0.2) -> SecondErrand:
    return SecondErrand(trunk, open_catalog(root, verify=False).trunks[trunk].parts, cost)


def test_a_second_head_comes_back_with_its_trunk(root: Path, errand: Errand) -> None:
    rng = np.random.default_rng(1)
    for split in ("train", "validation"):
        known = open_catalog(root, verify=False).features("wide", "identity", split)
        blurred = np.asarray(known.features)[:, :8] + rng.normal(0.0, 6.0, (len(known.labels), 8))
        CatalogWriter(root).write_features("small", "identity", split, StoredFeatures(blurred, known.labels))
    parts = open_catalog(root, verify=False).trunks["small"].parts
    order = replace(errand, trunk="small", part_ids=parts, second=second_on(root, "wide"))
    made = answer(order, root)
    assert isinstance(made, Made)
    assert made.head.second is not None
    assert made.head.second.trunk == "wide"
    assert made.head.second.weights.weight.shape[1] == 32
    assert made.head.rates.second_in > 0.0


def test_a_second_trunk_that_is_gone_or_has_changed_is_named(root: Path, errand: Errand) -> None:
    for second, message in (
        (SecondErrand("gone", (), 0.2), "gone/identity: not in the catalog"),
        (replace(second_on(root, "small"), part_ids=("other",)), "small/identity: the catalog has changed"),
    ):
        refused = answer(replace(errand, second=second), root)
        assert isinstance(refused, NotTrainable)
        assert message in str(refused)


def test_rows_in_another_order_give_no_second_head(root: Path, errand: Errand) -> None:
    known = open_catalog(root, verify=False).features("small", "identity", "validation")
    turned = StoredFeatures(np.asarray(known.features)[::-1], known.labels[::-1])
    CatalogWriter(root).write_features("small", "identity", "validation", turned)
    made = answer(replace(errand, second=second_on(root, "small", 1e-6)), root)
    assert isinstance(made, Made)
    assert made.head.second is None
