"""What happens while Keras trains: metrics are written, a request to stop is obeyed."""

from __future__ import annotations

import math
import time
from typing import Any

import keras

from core import jobs
from core.i18n import _
from core.worker.journal import Journal

_INTERVAL = 0.25  # seconds between two rows within an epoch


class Diverged(ArithmeticError):
    """The loss is no longer a number. The message says where, and what to try."""


class LiveMetrics(keras.callbacks.Callback):
    """Writes a row about four times a second, and one after each epoch.

    Raises `Diverged` as soon as the loss is NaN or infinite.
    """

    def __init__(self, journal: Journal, steps_per_epoch: int) -> None:
        super().__init__()
        self.journal = journal
        self.steps_per_epoch = steps_per_epoch
        self.written = 0.0

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self.epoch = epoch + 1
        self.began = time.perf_counter()
        self.steps = 0
        self.journal.update(epoch=self.epoch, step=0, phase="training")

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        logs = logs or {}
        # Where several steps are one call, Keras counts the last call of an epoch as a full one.
        self.steps = min(batch + 1, self.steps_per_epoch)
        if not math.isfinite(logs["loss"]):
            raise Diverged(
                _(
                    "The loss stopped being a number in epoch {epoch}, step {step}: the steps were too "
                    "large. Try a learning rate ten times smaller."
                ).format(epoch=self.epoch, step=self.steps)
            )
        now = time.perf_counter()
        if now - self.written >= _INTERVAL:
            self.written = now
            self.journal.batch(self._row(logs))

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        row = self._row(logs or {})
        row["steps"] = row.pop("step")
        self.journal.epoch(row)

    def _row(self, logs: dict[str, float]) -> dict[str, Any]:
        seconds = time.perf_counter() - self.began
        numbers = {name: float(value) for name, value in logs.items()}
        return {"epoch": self.epoch, "step": self.steps, "seconds": seconds} | numbers


class StopOnRequest(keras.callbacks.Callback):
    """Ends the training after the step in which somebody asks for it."""

    def __init__(self, journal: Journal) -> None:
        super().__init__()
        self.journal = journal

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        if jobs.stop_requested(self.journal.run):
            self.model.stop_training = True
