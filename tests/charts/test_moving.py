"""The mean over the last steps, derived from rows that hold the mean since the start of their epoch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.charts.moving import Stretches, smoothed

Rows = list[dict[str, Any]]


@st.composite
def rows_of_a_run(draw: st.DrawFn) -> tuple[np.ndarray, Rows, Rows, int, int]:
    """The loss of each image of a run, epoch by epoch, the rows that its worker writes, and its batches.

    Rows within an epoch come at any steps, as on a machine that is fast at times and slow at others.
    """
    images, batch_size = draw(st.integers(1, 60)), draw(st.integers(1, 25))
    done = draw(st.integers(1, 4))
    losses = np.random.default_rng(draw(st.integers(0, 1000))).exponential(size=(done, images))
    steps = -(-images // batch_size)

    def row(epoch: int, step: int, name: str) -> dict[str, Any]:
        return {"epoch": epoch, name: step, "loss": float(losses[epoch - 1, : step * batch_size].mean())}

    batches = [
        row(epoch, step, "step")
        for epoch in range(1, done + 1)
        for step in sorted(draw(st.sets(st.integers(1, steps), max_size=6)))
    ]
    epochs = [row(epoch, steps, "steps") for epoch in range(1, done + 1)]
    return losses, batches, epochs, images, batch_size


@given(rows_of_a_run())
def test_the_means_of_the_stretches_of_an_epoch_are_together_its_own_mean(
    run: tuple[np.ndarray, Rows, Rows, int, int],
) -> None:
    losses, batches, epochs, images, batch_size = run
    stretches = Stretches.of("loss", batches, epochs, images, batch_size)
    epoch = np.ceil(stretches.last / stretches.steps)
    for row in epochs:
        of_epoch = epoch == row["epoch"]
        assert stretches.images[of_epoch].sum() == images
        means = stretches.total[of_epoch] / stretches.images[of_epoch]
        assert np.average(means, weights=stretches.images[of_epoch]) == pytest.approx(row["loss"])
    # And each of them is the mean of its images.
    for first, last, number, total in zip(
        stretches.first, stretches.last, stretches.images, stretches.total, strict=True
    ):
        row, begin = divmod(int(first), stretches.steps)
        its = losses[row, begin * batch_size : int(last - row * stretches.steps) * batch_size]
        assert (number, total) == (len(its), pytest.approx(its.sum()))


@given(rows_of_a_run())
def test_the_moving_mean_at_a_row_is_that_of_the_steps_before_it_where_they_are_known(
    run: tuple[np.ndarray, Rows, Rows, int, int],
) -> None:
    losses, batches, epochs, images, batch_size = run
    stretches = Stretches.of("loss", batches, epochs, images, batch_size)
    padded = np.full((len(losses), stretches.steps * batch_size), np.nan)
    padded[:, :images] = losses
    by_step = padded.reshape(-1, batch_size)
    for last, mean in zip(stretches.last, stretches.moving_mean(), strict=True):
        first = max(0, int(last) - stretches.window)
        if first in {0, *stretches.last}:
            assert mean == pytest.approx(np.nanmean(by_step[first : int(last)]))


def test_the_moving_mean_goes_on_from_one_epoch_to_the_next() -> None:
    # Ten steps of two images, of which the last has one. The sums over the images, worked out by hand:
    # steps 1-5: 10 x 2.0; 6-10: 9 x 1.0; 11-15: 10 x 0.8; 16-20: 9 x 0.6.
    batches = [{"epoch": 1, "step": 5, "loss": 2.0}, {"epoch": 2, "step": 5, "loss": 0.8}]
    epochs = [
        {"epoch": 1, "steps": 10, "loss": 29 / 19},
        {"epoch": 2, "steps": 10, "loss": (8 + 5.4) / 19},
    ]
    stretches = Stretches.of("loss", batches, epochs, images=19, batch_size=2)
    np.testing.assert_allclose(stretches.last, [5, 10, 15, 20])
    np.testing.assert_allclose(stretches.images, [10, 9, 10, 9])
    np.testing.assert_allclose(stretches.total, [20, 9, 8, 5.4])
    assert stretches.window == 5
    np.testing.assert_allclose(stretches.moving_mean(), [2.0, 1.0, 0.8, 0.6])


def test_a_window_that_begins_within_a_stretch_takes_its_mean_for_the_part() -> None:
    # The window of ten steps at step 14 holds six of the steps 1-10 and the steps 11-14.
    stretches = Stretches.of(
        "loss", [{"epoch": 1, "step": 10, "loss": 2.0}, {"epoch": 1, "step": 14, "loss": 1.5}], [], 20, 1
    )
    assert stretches.window == 10
    assert stretches.total[1] == pytest.approx(14 * 1.5 - 10 * 2.0)
    assert stretches.moving_mean()[1] == pytest.approx((6 * 2.0 + 1.0) / 10)


@pytest.mark.parametrize(
    ("gap", "steps", "window"), [(1, 8, 1), (3, 100, 10), (16, 100, 20), (30, 100, 50), (60, 70, 70)]
)
def test_the_window_is_a_round_number_of_steps_that_no_stretch_exceeds(
    gap: int, steps: int, window: int
) -> None:
    batches = [{"epoch": 1, "step": step, "loss": 1.0} for step in range(gap, steps + 1, gap)]
    stretches = Stretches.of("loss", batches, [], images=steps, batch_size=1)
    assert stretches.window == window


def test_a_row_that_was_lost_leaves_the_steps_around_it_out() -> None:
    # On a full disk, the row of the first epoch was lost: what came after its third step is unknown.
    batches = [{"epoch": 1, "step": 3, "loss": 2.0}, {"epoch": 2, "step": 2, "loss": 1.0}]
    stretches = Stretches.of("loss", batches, [], images=10, batch_size=1)
    np.testing.assert_allclose(stretches.first, [0, 10])
    np.testing.assert_allclose(stretches.images, [3, 2])
    np.testing.assert_allclose(stretches.moving_mean(), [2.0, 1.0])
    assert not len(Stretches.of("loss", [], [], images=10, batch_size=1).moving_mean())


@given(
    st.lists(st.floats(-1e3, 1e3) | st.just(np.nan), max_size=30),
    st.sampled_from([0.0, 0.05, 0.5, 0.9, 0.95]),
)
def test_smoothing_is_the_exponential_mean_that_does_not_begin_too_low(
    values: list[float], weight: float
) -> None:
    expected = pd.Series(values, dtype=float).ewm(alpha=1 - weight, ignore_na=True).mean()
    expected[np.isnan(values)] = np.nan  # pandas repeats the mean there
    np.testing.assert_allclose(smoothed(values, weight), expected, rtol=1e-7, atol=1e-6)


def test_a_smoothed_constant_is_the_constant_from_the_first_point_on() -> None:
    np.testing.assert_allclose(smoothed([0.7] * 20, 0.95), [0.7] * 20)
    assert smoothed([3.0, 1.0], 0.5)[1] == pytest.approx((0.5 * 3 + 1) / 1.5)
