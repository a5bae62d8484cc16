"""Intervals and tests: statsmodels and SciPy are the oracles."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.proportion import proportion_confint
from statsmodels.stats.weightstats import DescrStatsW, ttest_ind

from core.data.specs import MNIST
from core.evaluation import significance
from core.evaluation.significance import Spread

Answers = NDArray[np.bool_]


@given(st.integers(1, 100_000), st.data())
def test_the_interval_is_wilson_s(total: int, data: st.DataObject) -> None:
    right = data.draw(st.integers(0, total))
    interval = significance.wilson(right, total)
    assert interval == pytest.approx(proportion_confint(right, total, method="wilson"), abs=1e-9)
    assert 0 <= interval.low <= right / total <= interval.high + 1e-12 <= 1 + 2e-12


@pytest.mark.parametrize(("right", "total"), [(1, 0), (5, 4), (-1, 4)])
def test_there_cannot_be_more_right_answers_than_answers(right: int, total: int) -> None:
    with pytest.raises(ValueError, match=r".+"):
        significance.wilson(right, total)


@st.composite
def two_runs(draw: st.DrawFn) -> tuple[Answers, Answers]:
    """Two networks' right answers on the same images."""
    random = np.random.default_rng(draw(st.integers(0, 999)))
    n = draw(st.integers(1, 400))
    first = random.random(n) < draw(st.floats(0, 1))
    return first, np.where(random.random(n) < draw(st.floats(0, 1)), first, random.random(n) < 0.5)


@given(two_runs())
def test_the_p_value_is_that_of_mcnemar_s_exact_test(runs: tuple[Answers, Answers]) -> None:
    first, second = runs
    result = significance.mcnemar(first, second)
    table = [[np.sum(first & second), result.first_only], [result.second_only, np.sum(~first & ~second)]]
    assert np.sum(table) == len(first)
    expected = mcnemar(table, exact=True).pvalue if result.first_only + result.second_only else 1.0
    assert result.p_value == pytest.approx(min(1.0, expected))
    other = significance.mcnemar(second, first)
    assert other == (result.second_only, result.first_only, pytest.approx(result.p_value))


accuracies = st.lists(st.integers(8_000, 10_000).map(lambda right: right / 10_000), min_size=2, max_size=9)


@given(accuracies.filter(lambda values: len(set(values)) > 1))
def test_the_interval_of_a_mean_is_student_s(values: list[float]) -> None:
    interval = significance.mean(values)
    low, high = DescrStatsW(values).tconfint_mean(1 - significance.LEVEL)
    assert (interval.mean - interval.margin, interval.mean + interval.margin) == pytest.approx((low, high))
    assert (interval.lowest, interval.highest) == (min(values), max(values))


def test_measurements_that_are_all_the_same_leave_no_margin() -> None:
    assert significance.mean([0.5, 0.5, 0.5]) == (0.5, 0, 0.5, 0.5)


@given(accuracies, accuracies)
def test_the_p_value_of_two_groups_is_that_of_welch_s_test(first: list[float], second: list[float]) -> None:
    assume(len(set(first)) > 1 or len(set(second)) > 1)
    result = significance.welch(first, second)
    _t, expected, _freedom = ttest_ind(first, second, usevar="unequal")
    assert result.p_value == pytest.approx(expected)
    assert result.is_meaningful == (result.p_value < 0.05)
    assert significance.welch(second, first) == pytest.approx((-result.difference, result.p_value))


def test_groups_that_are_all_the_same_do_not_differ() -> None:
    result = significance.welch([0.5, 0.5], [0.5, 0.5, 0.5])
    assert result == (0, 1)
    assert not result.is_meaningful


@given(accuracies, st.integers(8_000, 10_000).map(lambda right: right / 10_000), st.booleans())
def test_one_value_is_chance_within_the_prediction_interval(
    group: list[float], value: float, swap: bool
) -> None:
    assume(len(set(group)) > 1)
    # A single value has no variance of its own, so the t-test with a common one has the group's alone.
    expected = scipy.stats.ttest_ind(group, [value], equal_var=True).pvalue
    assume(abs(expected - 0.05) > 1e-9)
    pair = ([value], group) if swap else (group, [value])
    assert significance.within_chance(*pair, Spread(0.0, 1)) == (expected > 0.05)


@given(accuracies, accuracies)
def test_two_groups_are_chance_by_welch_s_test(first: list[float], second: list[float]) -> None:
    assume(len(set(first)) > 1 and len(set(second)) > 1)
    expected = scipy.stats.ttest_ind(first, second, equal_var=False).pvalue
    assert significance.within_chance(first, second, Spread(0.0, 1)) == (expected >= 0.05)


@given(st.floats(1e-4, 0.1), st.integers(1, 50), st.integers(1, 3), st.integers(1, 3))
def test_values_without_a_spread_are_judged_by_the_expected_one(
    deviation: float, freedom: int, first: int, second: int
) -> None:
    margin = scipy.stats.t.isf(0.025, freedom) * deviation * np.sqrt(1 / first + 1 / second)
    for factor, is_chance in ((0.999, True), (1.001, False)):
        groups = [0.5] * first, [0.5 + factor * margin] * second
        assert significance.within_chance(*groups, Spread(deviation, freedom)) is is_chance


def test_an_accuracy_is_told_in_digits_first_and_its_interval_apart() -> None:
    assert significance.in_words(917, 1_000) == "917 of 1,000 digits are read correctly."
    assert "between 99.62% and 100.00%" in significance.interval_in_words(1_000, 1_000)
    clothes = MNIST.model_copy(update={"classes": ("shirt", "coat")})
    assert significance.in_words(9_170, 10_000, clothes) == "9,170 of 10,000 images are read correctly."
    assert "With other images" in significance.interval_in_words(9_170, 10_000, clothes)
