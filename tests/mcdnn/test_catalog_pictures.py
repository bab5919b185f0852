from __future__ import annotations

import pytest

from mcdnn.catalog_pictures import DrawnVariant, draw_trade_off, png, technique_of


@pytest.mark.parametrize(
    ("lineage", "expected"),
    [
        (("train convnet width=1",), "trained"),
        (("train convnet width=0.5", "first part of convnet-w100"), "trained"),
        (("train convnet width=1", "int8 static per-channel"), "int8"),
        (("train convnet width=1", "lowrank kept=0.5", "int8 static"), "lowrank + int8"),
        ((), "trained"),
    ],
)
def test_techniques_are_the_first_words_of_what_follows_training(
    lineage: tuple[str, ...], expected: str
) -> None:
    assert technique_of(lineage) == expected


def variant(k: int, energy_j: float | None = 1e-3) -> DrawnVariant:
    return DrawnVariant(f"v{k}", f"technique {k % 9}", 0.9 - k / 100, 10_000 * (k + 1), 1e-3, energy_j, k, "")


@pytest.mark.parametrize("count", [0, 1, 40])
def test_any_number_of_variants_is_drawn(count: int) -> None:
    figure = draw_trade_off("task", "about", [variant(k) for k in range(count)])
    assert png(figure).startswith(b"\x89PNG")


def test_variants_of_which_energy_is_not_known_are_drawn_without() -> None:
    figure = draw_trade_off("task", "about", [variant(0), variant(1, None)])
    assert [sum(1 for line in ax.lines if line.get_gid()) for ax in figure.axes] == [2, 2, 1]
