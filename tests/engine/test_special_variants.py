from __future__ import annotations

import numpy as np

from catalog.heads import HeadWeights
from engine.special_variants import special_variants
from specializer.cascade import CascadeRates
from specializer.special_head import SecondHead, SpecialHead

CLASSES = ("cat", "dog", "cow", "owl")
RATES = CascadeRates(0.9, 0.05, 0.9)


def weights(rows: int) -> HeadWeights:
    return HeadWeights(np.zeros((rows, 2), np.float32), np.zeros(rows, np.float32), 1.0)


def new_id(trunk: str, task: str) -> str:
    return f"{trunk}.{task}.special"


def test_rows_of_other_classes_have_their_names_only_where_the_head_tells_them_apart() -> None:
    apart = SecondHead("wide", weights(4), 0.7, (3, 1))
    alike = SecondHead("wide", weights(3), 0.7)
    for head in (
        SpecialHead(weights(3), (2, 0), RATES, 0.5, second=apart),
        SpecialHead(weights(4), (2, 0), RATES, 0.5, second=alike, others=(3, 1)),
    ):
        found = special_variants("small", "pet", CLASSES, head, new_id)
        told = {len(v.classes): v.classes for v in found}
        assert told == {4: ("cow", "cat", "owl", "dog"), 3: ("cow", "cat", "")}
        assert {v.id for v in found} == {"small/pet[cat,cow]", "wide/pet[cat,cow]"}
        assert [(v.trunk, v.head, v.threshold) for v in found] == [
            ("small", "small.pet.special", 0.5),
            ("wide", "wide.pet.special", 0.7),
        ]
        assert [v.favoured for v in found] == [("cow", "cat")] * 2


def test_a_head_with_several_rows_for_others_that_mean_nothing_more_passes_all_of_them_on() -> None:
    head = SpecialHead(weights(4), (2, 0), RATES, 0.5, prior_shift=1.5)
    (found,) = special_variants("small", "pet", CLASSES, head, new_id)
    assert (found.classes, found.favoured, found.prior_shift) == (("cow", "cat", "", ""), ("cow", "cat"), 1.5)


def test_a_class_that_is_named_surely_is_answered_whichever_it_is() -> None:
    head = SpecialHead(weights(4), (2, 0), RATES, 0.5, others=(3, 1))
    (found,) = special_variants("small", "pet", CLASSES, head, new_id)
    assert [found.answers(name, 0.5) for name in found.classes] == [True] * 4
    assert not any(found.answers(name, 0.49) for name in found.classes)
    assert not found.answers("", 0.9)
