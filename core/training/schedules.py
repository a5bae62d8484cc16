"""Learning-rate schedules: the learning rate of each step, as a share of the learning rate in the settings.

The same function gives the curve on the Train page and the learning rates of the worker. ``"plateau"`` is
constant here, because it depends on the loss. The worker reduces the learning rate when the loss stops
falling.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.config import RunConfig

_START = 25  # one-cycle begins at 1/25 of its maximum, as in Smith and Topin (2018)


def shares(config: RunConfig, steps: NDArray[np.int64], steps_per_epoch: int) -> NDArray[np.float32]:
    """The learning rate of each step, as a share of `RunConfig.learning_rate`.

    - ``"constant"`` and ``"plateau"``: 1.
    - ``"exponential"``: `decay_rate` to the power of the epochs done (in Keras: ``ExponentialDecay``).
    - ``"cosine"``: half a cosine from 1 to 0 at the last step (Loshchilov and Hutter, 2017; Keras:
      ``CosineDecay``).
    - ``"one-cycle"``: from 1/25 up to 1 in the first `warmup` of all steps, then down to 0, both as
      half a cosine (Smith and Topin, 2018).

    Args:
        config: the schedule, its settings and the number of epochs.
        steps: the numbers of the steps, from 0 over the whole run, any shape.
        steps_per_epoch: at least 1.

    Returns:
        Numbers from 0 to 1, in the shape of ``steps``.
    """
    total = config.epochs * steps_per_epoch
    done = np.asarray(steps) / total
    match config.learning_rate_schedule:
        case "exponential":
            share = config.decay_rate ** (np.asarray(steps) / steps_per_epoch)
        case "cosine":
            share = _fall(done)
        case "one-cycle":
            rising = done / max(config.warmup, 1 / total)
            falling = (done - config.warmup) / (1 - config.warmup)
            rise = 1 / _START + (1 - 1 / _START) * (1 - _fall(rising))
            share = np.where(done < config.warmup, rise, _fall(falling))
        case _:
            share = np.ones_like(done)
    return share.astype(np.float32)


def _fall(share: NDArray[np.float64]) -> NDArray[np.float64]:
    """Half a cosine from 1 at 0 to 0 at 1."""
    return 0.5 * (1 + np.cos(np.pi * np.clip(share, 0, 1)))


def curve(config: RunConfig, steps_per_epoch: int, points: int = 200) -> tuple[list[float], list[float]]:
    """The curve of a schedule: the epochs done, from 0 to all, and the learning rates."""
    steps = np.unique(np.linspace(0, config.epochs * steps_per_epoch, points).astype(np.int64))
    rates = config.learning_rate * shares(config, steps, steps_per_epoch)
    return list(steps / steps_per_epoch), [float(rate) for rate in rates]
