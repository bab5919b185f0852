from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.variants import MeasuredVariant, Variant, pareto_front


def measured(name: str, accuracy: float, memory_bytes: int, latency_s: float) -> MeasuredVariant:
    variant = Variant(name, "task", "trunk", "head", accuracy, accuracy, 0.0)
    return MeasuredVariant(variant, memory_bytes, latency_s, 2 * latency_s, 0.0)


def figures(m: MeasuredVariant) -> tuple[float, int, float]:
    return m.variant.validation_accuracy, m.memory_bytes, m.latency_s


# Few different values, so that ties are common.
FIGURES = st.tuples(st.sampled_from([0.5, 0.7, 0.9]), st.integers(1, 4), st.sampled_from([0.1, 0.2, 0.3]))
VARIANTS = st.lists(FIGURES, max_size=12).map(
    lambda rows: [measured(f"v{i}", *row) for i, row in enumerate(rows)]
)


@given(VARIANTS)
def test_no_variant_of_the_front_dominates_another(variants: list[MeasuredVariant]) -> None:
    front = pareto_front(variants)
    assert not any(a.dominates(b) for a in front for b in front)


@given(VARIANTS)
def test_what_is_left_out_is_dominated_or_equalled_by_one_on_the_front(
    variants: list[MeasuredVariant],
) -> None:
    front = pareto_front(variants)
    for out in (v for v in variants if v not in front):
        assert any(f.dominates(out) or figures(f) == figures(out) for f in front)


@given(VARIANTS)
def test_the_front_is_part_of_what_was_given_most_accurate_first_and_none_twice(
    variants: list[MeasuredVariant],
) -> None:
    front = pareto_front(variants)
    assert all(f in variants for f in front)
    accuracies = [f.variant.validation_accuracy for f in front]
    assert accuracies == sorted(accuracies, reverse=True)
    assert len({figures(f) for f in front}) == len(front)
    assert bool(front) == bool(variants)


@given(VARIANTS.flatmap(lambda v: st.tuples(st.just(v), st.permutations(v))))
def test_the_order_of_what_is_given_does_not_matter(
    both: tuple[list[MeasuredVariant], list[MeasuredVariant]],
) -> None:
    assert pareto_front(both[0]) == pareto_front(both[1])


@given(VARIANTS)
def test_the_front_of_the_front_is_itself(variants: list[MeasuredVariant]) -> None:
    front = pareto_front(variants)
    assert pareto_front(front) == front


@pytest.mark.parametrize(
    ("other", "dominated"),
    [
        ((0.9, 100, 0.1), False),
        ((0.8, 100, 0.1), True),
        ((0.9, 101, 0.1), True),
        ((0.9, 100, 0.2), True),
        ((0.91, 500, 0.9), False),
        ((0.1, 99, 0.9), False),
        ((0.1, 500, 0.05), False),
    ],
)
def test_one_dominates_where_it_is_nowhere_worse_and_somewhere_better(
    other: tuple[float, int, float], dominated: bool
) -> None:
    assert measured("a", 0.9, 100, 0.1).dominates(measured("b", *other)) is dominated
