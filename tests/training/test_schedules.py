"""Learning-rate schedules: what is known of their shape, and Keras's own where it has them."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from core.config import RunConfig, Schedule
from core.training import schedules

NAMES: list[Schedule] = ["constant", "exponential", "cosine", "one-cycle", "plateau"]

configs = st.builds(
    RunConfig,
    learning_rate_schedule=st.sampled_from(NAMES),
    learning_rate=st.floats(1e-6, 10),
    decay_rate=st.floats(0.01, 0.99),
    warmup=st.floats(0, 0.9),
    epochs=st.integers(1, 100),
)
steps_per_epoch = st.integers(1, 500)


def shares(config: RunConfig, per_epoch: int) -> NDArray[np.float32]:
    """The share of every step of the run."""
    return schedules.shares(config, np.arange(config.epochs * per_epoch), per_epoch)


@given(configs, steps_per_epoch)
def test_a_share_is_between_0_and_1_and_depends_on_the_step_alone(config: RunConfig, per_epoch: int) -> None:
    factors = shares(config, per_epoch)
    assert factors.dtype == np.float32
    assert (factors >= 0).all()
    assert (factors <= 1).all()
    for step in (0, len(factors) // 3, len(factors) - 1):
        assert schedules.shares(config, np.array(step), per_epoch) == factors[step]
    backwards = np.arange(len(factors))[::-1].reshape(-1, 1)
    assert (schedules.shares(config, backwards, per_epoch)[:, 0] == factors[::-1]).all()


@given(configs, steps_per_epoch)
def test_constant_is_constant_and_decay_and_cosine_only_fall(config: RunConfig, per_epoch: int) -> None:
    for name in ("constant", "plateau"):
        assert (shares(config.but(learning_rate_schedule=name), per_epoch) == 1).all()
    for name in ("exponential", "cosine"):
        factors = shares(config.but(learning_rate_schedule=name), per_epoch)
        assert factors[0] == 1
        assert (np.diff(factors) <= 0).all()


@given(configs, steps_per_epoch)
def test_one_cycle_rises_to_1_then_falls(config: RunConfig, per_epoch: int) -> None:
    config = config.but(learning_rate_schedule="one-cycle")
    factors = shares(config, per_epoch)
    peak = config.warmup * len(factors)
    rising = np.arange(len(factors)) < peak
    assert (np.diff(factors[rising]) >= 0).all()
    assert (np.diff(factors[~rising]) <= 0).all()
    if rising.any():
        assert factors[0] == pytest.approx(1 / 25)
    else:
        assert factors[0] == 1
    # The top is between two steps, of which the nearer one is at most half a step away.
    assert factors.max() >= 0.5 * (1 + np.cos(np.pi * min(1, 1 / max(peak, len(factors) - peak, 1)))) - 0.04
    at_the_end = schedules.shares(config, np.array(len(factors)), per_epoch)
    assert at_the_end == pytest.approx(0, abs=1e-6)


@given(configs, steps_per_epoch)
def test_exponential_decay_and_cosine_are_those_of_keras(config: RunConfig, per_epoch: int) -> None:
    total = config.epochs * per_epoch
    steps = np.unique(np.linspace(0, total - 1, 5).astype(int))
    theirs = {
        "exponential": keras.optimizers.schedules.ExponentialDecay(1.0, per_epoch, config.decay_rate),
        "cosine": keras.optimizers.schedules.CosineDecay(1.0, total),
    }
    for name, schedule in theirs.items():
        ours = schedules.shares(config.but(learning_rate_schedule=name), steps, per_epoch)
        assert ours.tolist() == pytest.approx([float(schedule(step)) for step in steps], rel=1e-4, abs=1e-6)


@given(configs, steps_per_epoch)
def test_the_curve_to_be_drawn_is_what_is_trained_with(config: RunConfig, per_epoch: int) -> None:
    epochs, rates = schedules.curve(config, per_epoch)
    assert (epochs[0], epochs[-1]) == (0, config.epochs)
    assert len(epochs) == len(rates) <= 200
    assert (np.diff(epochs) > 0).all()
    steps = np.round(np.array(epochs[:-1]) * per_epoch).astype(int)
    trained = config.learning_rate * shares(config, per_epoch)[steps]
    assert rates[:-1] == pytest.approx(trained.tolist(), rel=1e-6, abs=1e-12)
    assert max(rates) <= config.learning_rate * (1 + 1e-6)
