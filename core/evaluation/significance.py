"""Confidence intervals, and tests of whether a difference is significant."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.data.specs import MNIST, DatasetSpec
from core.i18n import _
from core.lazy import special, stats

LEVEL = 0.95  # of the intervals
MEANINGFUL = 0.05  # a difference with a p-value below this is significant


class Interval(NamedTuple):
    """The confidence interval of a share, 0 to 1."""

    low: float
    high: float


def wilson(right: int, total: int) -> Interval:
    """The 95% confidence interval of a share (Wilson, "Probable inference, the law of succession", 1927).

    Args:
        right: the number of correct predictions, 0 to `total`.
        total: the number of predictions, at least 1.

    Raises:
        ValueError: `right` is not between 0 and `total`.
    """
    if not 0 <= right <= total:
        raise ValueError(f"{right} of {total} predictions cannot be correct.")
    # As scipy.stats.binomtest does, which takes half a second and 50 MB to import.
    z, share = NormalDist().inv_cdf((1 + LEVEL) / 2), right / total
    scale = 2 * (total + z**2)
    centre = float((2 * total * share + z**2) / scale)
    margin = float(z / scale * math.sqrt(4 * total * share * (1 - share) + z**2))
    return Interval(centre - margin if right else 0.0, centre + margin if right < total else 1.0)


class Mean(NamedTuple):
    """The mean of several measurements of the same quantity.

    Attributes:
        mean: the mean.
        margin: half the width of its 95% confidence interval.
        lowest, highest: the smallest and the largest measurement.
    """

    mean: float
    margin: float
    lowest: float
    highest: float


def mean(values: Sequence[float]) -> Mean:
    """The mean and its confidence interval, with Student's t ("The probable error of a mean", 1908).

    Args:
        values: at least 2 values.
    """
    margin = _student(len(values) - 1) * np.std(values, ddof=1) / math.sqrt(len(values))
    return Mean(float(np.mean(values)), float(margin), min(values), max(values))


def _student(freedom: int) -> float:
    """The t of Student's distribution with these degrees of freedom that ends a 95% interval."""
    # As scipy.stats.t.ppf does, which takes half a second to import.
    return float(special.stdtrit(freedom, (1 + LEVEL) / 2))


class Difference(NamedTuple):
    """How two groups of measurements differ.

    Attributes:
        difference: the second mean minus the first mean.
        p_value: the probability of such a difference, or a larger one, between groups with the same mean.
    """

    difference: float
    p_value: float

    @property
    def is_meaningful(self) -> bool:
        return self.p_value < MEANINGFUL


def welch(first: Sequence[float], second: Sequence[float]) -> Difference:
    """Welch's t-test, for groups with different variances ("The generalization of 'Student's' problem
    when several different population variances are involved", 1947).

    Args:
        first, second: at least 2 values each.
    """
    groups = [(np.mean(values), np.std(values, ddof=1), len(values)) for values in (first, second)]
    p_value = stats.ttest_ind_from_stats(*groups[0], *groups[1], equal_var=False).pvalue
    # If all values are equal, the variance is 0 and the test is not defined. There is no difference.
    return Difference(float(np.mean(second) - np.mean(first)), float(np.nan_to_num(p_value, nan=1.0)))


class Spread(NamedTuple):
    """How much a measurement varies by chance.

    Attributes:
        deviation: the standard deviation.
        freedom: the degrees of freedom of its estimate: the number of measurements less 1.
    """

    deviation: float
    freedom: int


def within_chance(first: Sequence[float], second: Sequence[float], expected: Spread) -> bool:
    """Whether chance alone often causes as large a difference of the means: in more than 5% of all cases.

    If both groups have several values, this is Welch's test. If one group has a single value, it is whether
    this value is within the prediction interval of the other group (Hahn, "Factors for calculating two-sided
    prediction intervals for samples from a normal distribution", 1969). If none has several values, or they
    are all equal, `expected` replaces the spread of the values.

    Args:
        first, second: at least 1 value each.
        expected: the spread of a single value, from other measurements.
    """
    several = [values for values in (first, second) if len(values) > 1 and max(values) > min(values)]
    if len(several) == 2:
        return not welch(first, second).is_meaningful
    spread = expected
    if len(several) == 1 and min(len(first), len(second)) == 1:
        (values,) = several
        spread = Spread(float(np.std(values, ddof=1)), len(values) - 1)
    margin = _student(spread.freedom) * spread.deviation * (1 / len(first) + 1 / len(second)) ** 0.5
    return bool(abs(np.mean(second) - np.mean(first)) <= margin)


class Disagreement(NamedTuple):
    """How two networks differ on the same images.

    Attributes:
        first_only: the number of images that only the first network classifies correctly.
        second_only: the number of images that only the second network classifies correctly.
        p_value: the probability of such a difference, or a larger one, between equally accurate networks.
    """

    first_only: int
    second_only: int
    p_value: float

    @property
    def is_meaningful(self) -> bool:
        return self.p_value < MEANINGFUL


def mcnemar(first_right: NDArray[np.bool_], second_right: NDArray[np.bool_]) -> Disagreement:
    """McNemar's exact test ("Note on the sampling error of the difference between correlated proportions",
    1947): a binomial test on the images that only one of the networks classifies correctly.

    Args:
        first_right, second_right: whether each prediction is correct, for the same images, bool ``(n,)``.
    """
    first_only = int(np.sum(first_right & ~second_right))
    second_only = int(np.sum(second_right & ~first_right))
    differing = first_only + second_only
    p_value = float(stats.binomtest(first_only, differing).pvalue) if differing else 1.0
    return Disagreement(first_only, second_only, p_value)


def in_words(right: int, total: int, spec: DatasetSpec = MNIST) -> str:
    """An accuracy in words: how many of how many."""
    words = _("{right:,} of {total:,} digits are read correctly.")
    if not spec.are_digits:
        words = _("{right:,} of {total:,} images are read correctly.")
    return words.format(right=right, total=total)


def interval_in_words(right: int, total: int, spec: DatasetSpec = MNIST) -> str:
    """How much the accuracy says about other images: its confidence interval, in words."""
    low, high = wilson(right, total)
    words = _(
        "The share of these {total:,} digits that are read correctly. With other digits, it would be a "
        "little higher or lower. The share of all digits of this kind is probably between {low:.2%} and "
        "{high:.2%} (95% interval, Wilson)."
    )
    if not spec.are_digits:
        words = _(
            "The share of these {total:,} images that are read correctly. With other images, it would be a "
            "little higher or lower. The share of all images of this kind is probably between {low:.2%} and "
            "{high:.2%} (95% interval, Wilson)."
        )
    return words.format(total=total, low=low, high=high)
