"""Means over the last steps of a run, and smoothed curves."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.charts.common import Row

Numbers = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Stretches:
    """A metric of the training images, from one row of a run to the next.

    A row holds the mean since the start of its epoch, so two neighbouring rows give the sum over the images
    between them. The row of the whole epoch is the last of its rows.

    Attributes:
        first, last: the steps between which a stretch lies, counted over all epochs: float64 ``(n,)``.
        images: number of images in each stretch, float64 ``(n,)``.
        total: the sum of the metric over these images, float64 ``(n,)``.
        steps: number of steps in an epoch.
    """

    first: Numbers
    last: Numbers
    images: Numbers
    total: Numbers
    steps: int

    @classmethod
    def of(
        cls, metric: str, batches: Sequence[Row], epochs: Sequence[Row], images: int, batch_size: int
    ) -> Stretches:
        """Read the stretches from the rows of `core.runs.records.batches` and `core.runs.records.metrics`.

        Args:
            metric: ``"loss"`` or ``"accuracy"``.
            images: number of training images in an epoch.
        """
        means = {
            (row["epoch"], row[at]): row[metric]
            for rows, at in ((batches, "step"), (epochs, "steps"))
            for row in rows
            if row.get(metric) is not None
        }
        points = np.array([(*place, mean) for place, mean in sorted(means.items())], float)
        epoch, step, mean = points.reshape(-1, 3).T
        steps = max(math.ceil(images / batch_size), int(step.max(initial=1)))
        seen = np.minimum(step * batch_size, images)
        goes_on = np.diff(epoch, prepend=0) == 0  # whether the row before is of the same epoch

        def at_row_before(values: Numbers) -> Numbers:
            return np.where(goes_on, np.roll(values, 1), 0.0)

        begin = (epoch - 1) * steps
        total = mean * seen
        return cls(
            begin + at_row_before(step), begin + step,
            seen - at_row_before(seen), total - at_row_before(total), steps,
        )  # fmt: skip

    @property
    def window(self) -> int:
        """The number of steps of the moving mean: 1, 2 or 5 times a power of ten, at most an epoch.

        It is at least the longest stretch, because no shorter mean is known, and a tenth of an epoch.
        """
        least = max(1.0, self.steps / 10, (self.last - self.first).max(initial=0))
        power: int = 10 ** math.floor(math.log10(least))
        return min(self.steps, next(n * power for n in (1, 2, 5, 10) if n * power >= least))

    def moving_mean(self) -> Numbers:
        """The mean over the last `window` steps at the end of each stretch, float64 ``(n,)``.

        It goes on from one epoch to the next. If the window begins within a stretch, the mean of that stretch
        stands for the part of it in the window. NaN if there is no image in the window.
        """
        ends = np.stack([self.first, self.last], axis=1).ravel()

        def in_window(values: Numbers) -> Numbers:
            until = np.cumsum(values)
            known = np.stack([until - values, until], axis=1).ravel()
            return until - np.interp(self.last - self.window, ends, known) if len(until) else until

        total, images = in_window(self.total), in_window(self.images)
        return np.divide(total, images, out=np.full_like(total, np.nan), where=images > 0)


def smoothed(values: Iterable[Any], weight: float) -> Numbers:
    """An exponential moving average that does not begin too low, float64 ``(n,)``.

    TensorBoard smooths its curves in the same way (``classicSmoothing`` in its file
    ``line_chart_v2/data_transformer.ts``). It is the mean of all values so far, in which each value counts
    ``weight`` times as much as the next one.

    Args:
        values: numbers; NaN stays NaN and counts for nothing.
        weight: 0, for the values themselves, to less than 1.
    """
    means, total, count = [], 0.0, 0.0
    for value in values:
        if math.isfinite(value):
            total, count = weight * total + value, weight * count + 1
        means.append(total / count if math.isfinite(value) else math.nan)
    return np.array(means, float)
