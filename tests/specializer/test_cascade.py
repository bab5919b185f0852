from __future__ import annotations

import pytest

from specializer.cascade import CascadeRates, HeadCost, RatesByCount, Stakes


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


def test_rates_are_interpolated_between_measured_numbers_of_classes() -> None:
    rates = RatesByCount({5: CascadeRates(0.9, 0.1, 0.9), 10: CascadeRates(0.8, 0.2, 0.7)})
    assert rates.of(2) == CascadeRates(0.9, 0.1, 0.9)
    between = rates.of(7)
    assert (between.accuracy_in, between.in_to_other) == (pytest.approx(0.86), pytest.approx(0.14))
    assert rates.of(10) == CascadeRates(0.8, 0.2, 0.7)


def test_the_least_skew_is_where_the_cascade_is_as_accurate() -> None:
    rates = CascadeRates(0.9, 0.08, 0.93)
    stakes = Stakes(RatesByCount({5: rates}), 0.958, 28.8, 1.93)
    skew = stakes.least_skew(rates, 0.958)
    assert rates.accuracy(skew, 0.958) == pytest.approx(0.958)
    assert stakes.least_skew(rates, 0.999) > 1.0
    assert stakes.least_skew(rates, 0.5) == 0.0


def test_what_is_saved_takes_off_what_is_passed_on_and_checked() -> None:
    rates = CascadeRates(0.9, 0.1, 1.0)
    stakes = Stakes(RatesByCount({5: rates}), 0.9, 10.0, 1.0)
    assert stakes.saved(rates, 1.0, 0.0) == pytest.approx(10.0 * 0.9 - 1.0)
    assert stakes.saved(rates, 1.0, 0.1) == pytest.approx(10.0 * 0.9 * 0.9 - 1.0)
    assert stakes.saved(rates, 0.0, 0.0) == pytest.approx(-1.0)


def test_what_is_passed_on_is_harder_for_the_generic_model_too() -> None:
    easy = CascadeRates(0.8, 0.15, 0.9)
    hard = CascadeRates(0.8, 0.15, 0.9, harder_in=0.2, harder_out=0.05)
    assert easy.accuracy(0.8, 0.9) == pytest.approx(0.8 * (0.8 + 0.15 * 0.9) + 0.2 * 0.9 * 0.9)
    assert hard.accuracy(0.8, 0.9) == pytest.approx(0.8 * (0.8 + 0.15 * 0.7) + 0.2 * 0.9 * 0.85)
    assert RatesByCount({2: easy, 4: hard}).of(3).harder_in == pytest.approx(0.1)


def test_what_is_passed_on_may_be_easier_for_a_generic_model_that_knows_the_classes() -> None:
    knowing = CascadeRates(0.5, 0.5, 0.9, harder_in=-0.2, harder_out=0.1)
    assert knowing.accuracy(0.8, 0.7) == pytest.approx(0.8 * (0.5 + 0.5 * 0.9) + 0.2 * 0.9 * 0.6)
    faultless = CascadeRates(0.5, 0.5, 0.9, harder_in=-0.6)
    assert faultless.accuracy(1.0, 0.7) == pytest.approx(1.0)  # and no better than that
    assert faultless.accuracy(0.8, 0.7) == pytest.approx(0.8 + 0.2 * 0.9 * 0.7)


# Of ten windows of its classes six are answered rightly, one is taken for another of them, one for another
# class, and of two that are passed on the generic model knows one; of ten others four are answered rightly,
# two are taken for what they are not, and of four that are passed on that model knows three.
TELLS_OTHERS = CascadeRates(0.6, 0.2, 0.4, 0.8 - 0.5, 0.8 - 0.75, right_out=0.4, strayed_in=0.1)


@pytest.mark.parametrize("skew", [0.0, 0.7, 1.0])
def test_what_is_answered_rightly_of_other_classes_counts_and_is_not_passed_on(skew: float) -> None:
    assert TELLS_OTHERS.accuracy(skew, 0.8) == pytest.approx(
        skew * (6 + 1) / 10 + (1.0 - skew) * (4 + 3) / 10
    )
    assert TELLS_OTHERS.passed_on(skew) == pytest.approx(skew * 0.2 + (1.0 - skew) * 0.4)


@pytest.mark.parametrize("skew", [0.0, 0.7, 1.0])
def test_only_what_is_mistaken_of_other_classes_seems_to_be_its_own(skew: float) -> None:
    own = (6 + 1 + 2 * 0.8) / 10  # the generic model is right on .8 of the two that it is asked about
    assert TELLS_OTHERS.seems(skew, 0.8) == pytest.approx(skew * own + (1.0 - skew) * 2 / 10)
    assert TELLS_OTHERS.skew_of(TELLS_OTHERS.seems(skew, 0.8), 0.8) == pytest.approx(skew)


def test_figures_of_other_classes_are_interpolated_as_well() -> None:
    plain = CascadeRates(0.6, 0.2, 0.4)
    between = RatesByCount({2: plain, 4: TELLS_OTHERS}).of(3)
    assert (between.right_out, between.strayed_in) == (pytest.approx(0.2), pytest.approx(0.05))


@pytest.mark.parametrize("skew", [0.0, 0.3, 0.95, 1.0])
def test_the_skew_is_told_from_what_it_seems_to_be(skew: float) -> None:
    rates = CascadeRates(0.85, 0.1, 0.7)
    assert rates.skew_of(rates.seems(skew, 0.9), 0.9) == pytest.approx(skew)
    assert rates.skew_of(0.0, 0.9) == 0.0


@pytest.mark.parametrize("cascaded", [0.0, 0.25, 0.5, 1.0])
@pytest.mark.parametrize("skew", [0.0, 0.3, 0.95, 1.0])
@pytest.mark.parametrize("rates", [CascadeRates(0.85, 0.1, 0.7), TELLS_OTHERS])
def test_what_the_generic_model_alone_answered_speaks_for_the_classes_as_often_as_that_is_right(
    rates: CascadeRates, skew: float, cascaded: float
) -> None:
    seeming = cascaded * rates.seems(skew, 0.8) + (1.0 - cascaded) * skew * 0.8
    assert rates.skew_of(seeming, 0.8, cascaded) == pytest.approx(skew)


@pytest.mark.parametrize("cascaded", [0.0, 0.5, 1.0])
def test_a_share_that_no_skew_explains_is_told_as_none_or_all(cascaded: float) -> None:
    rates = CascadeRates(0.85, 0.1, 0.7)
    assert rates.skew_of(-0.01, 0.8, cascaded) == 0.0
    assert rates.skew_of(1.0, 0.8, cascaded) == 1.0


def test_classes_that_are_hard_for_the_generic_model_too_are_compared_with_what_it_makes_of_them() -> None:
    hard = CascadeRates(0.8, 0.15, 0.9, harder_in=0.2, easier_in=-0.1)
    gained = 0.8 + 0.15 * (0.8 - 0.2) - 0.8
    assert hard.accuracy(1.0, 0.9) == pytest.approx(0.9 + gained)
    easy = CascadeRates(0.99, 0.01, 0.9, easier_in=0.08)
    assert easy.accuracy(1.0, 0.9) == pytest.approx(0.9 + 0.99 + 0.01 * 0.98 - 0.98)
    assert CascadeRates(1.0, 0.0, 1.0, easier_in=-0.2).accuracy(1.0, 0.9) == 1.0


def test_a_second_head_costs_where_it_is_asked() -> None:
    rates = CascadeRates(0.9, 0.1, 1.0, second_in=0.2, second_out=0.9)
    assert rates.second_asked(0.8) == pytest.approx(0.8 * 0.2 + 0.2 * 0.9)
    stakes = Stakes(RatesByCount({5: rates}), 0.9, 10.0, 1.0, second_cost=3.0)
    assert stakes.saved(rates, 1.0, 0.0) == pytest.approx(10.0 * 0.9 - 1.0 - 0.2 * 3.0)
    assert stakes.saved(rates, 0.0, 0.0) == pytest.approx(-1.0 - 0.9 * 3.0)
    assert stakes.saved(rates, 1.0, 0.0, HeadCost(2.0, 1.0)) == pytest.approx(10.0 * 0.9 - 2.0 - 0.2)
    assert (HeadCost(2.0, 1.0).of_window(False), HeadCost(2.0, 1.0).of_window(True)) == (2.0, 3.0)
