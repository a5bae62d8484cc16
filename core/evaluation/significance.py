"""How sure a number is, and whether a difference means anything."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

from core.i18n import _

LEVEL = 0.95  # of the intervals
MEANINGFUL = 0.05  # a p-value below this is taken for a difference


class Interval(NamedTuple):
    """Where a share may really lie, 0 to 1."""

    low: float
    high: float


def wilson(right: int, total: int) -> Interval:
    """The 95 % interval of a share (Wilson, "Probable inference, the law of succession", 1927).

    Args:
        right: how many of them were right, 0 to `total`.
        total: how many there were, at least 1.

    Raises:
        ValueError: there cannot be so many.
    """
    found = binomtest(right, total).proportion_ci(LEVEL, method="wilson")
    return Interval(float(found.low), float(found.high))


class Disagreement(NamedTuple):
    """How two networks differ on the same images.

    Attributes:
        first_only: images that only the first one reads right.
        second_only: images that only the second one reads right.
        p_value: the probability that two equally good networks differ as much or more by chance.
    """

    first_only: int
    second_only: int
    p_value: float

    @property
    def is_meaningful(self) -> bool:
        return self.p_value < MEANINGFUL


def mcnemar(first_right: NDArray[np.bool_], second_right: NDArray[np.bool_]) -> Disagreement:
    """McNemar's exact test ("Note on the sampling error of the difference between correlated proportions",
    1947): of the images that only one of the two reads right, does either get more than half?

    Args:
        first_right, second_right: for the same images, ``(n,)``.
    """
    first_only = int(np.sum(first_right & ~second_right))
    second_only = int(np.sum(second_right & ~first_right))
    differing = first_only + second_only
    p_value = float(binomtest(first_only, differing).pvalue) if differing else 1.0
    return Disagreement(first_only, second_only, p_value)


def in_words(right: int, total: int) -> str:
    """What the size of a test set lets one say about an accuracy."""
    low, high = wilson(right, total)
    accuracy = right / total
    # Half way to the end of the interval: a difference that chance alone often makes.
    other = (accuracy + (high if high > accuracy else low)) / 2
    return _(
        "{total:,} digits are a sample: {accuracy:.2%} stands for anything from {low:.2%} to {high:.2%} (95% "
        "interval), and cannot be told from {other:.2%}."
    ).format(total=total, accuracy=accuracy, low=low, high=high, other=other)
