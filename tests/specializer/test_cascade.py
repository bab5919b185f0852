from __future__ import annotations

import pytest

from specializer.cascade import CascadeRates


def test_a_perfect_special_model_answers_its_classes_and_passes_on_the_rest() -> None:
    perfect = CascadeRates(1.0, 0.0, 1.0)
    assert perfect.accuracy(0.9, 0.7) == pytest.approx(0.9 + 0.1 * 0.7)
    assert perfect.passed_on(0.9) == pytest.approx(0.1)


def test_what_is_passed_on_by_mistake_is_as_right_as_the_generic_model() -> None:
    doubting = CascadeRates(0.0, 1.0, 1.0)
    assert doubting.accuracy(0.8, 0.7) == pytest.approx(0.7)
    assert doubting.passed_on(0.8) == 1.0


def test_the_published_figures_of_f2_at_ten_classes() -> None:
    f2 = CascadeRates(0.9019, 0.0813, 0.9338)
    assert f2.accuracy(0.9, 0.958) == pytest.approx(0.9 * (0.9019 + 0.0813 * 0.958) + 0.1 * 0.9338 * 0.958)
