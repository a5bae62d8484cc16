"""Train one run, from its settings or its checkpoint to its evaluation. Importing this imports TensorFlow."""

from __future__ import annotations

import math
import os
import platform
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import onnxruntime
import tensorflow as tf
from numpy.typing import NDArray

from core.config import RunConfig
from core.data import datasets
from core.data.datasets import Dataset
from core.failures import KnownFailure
from core.files import replacing
from core.network import architectures as arch
from core.network.architectures import Network
from core.network.onnx_graph import Weights, flatten
from core.runs import records, run_folder, warm_start
from core.runs.run_folder import Action, Ask
from core.training import schedules
from core.worker import checkpoint, histograms, keras_model, steps
from core.worker.checkpoint import Checkpoint, Progress
from core.worker.data import Batches
from core.worker.export import export
from core.worker.recorder import Journal

# One call of the compiled function does several steps. This saves the time of Python in each step, and does
# not change the results. This number of multiplications takes about 0.1 s on two cores, which is the longest
# time that a request to pause or stop waits.
_MULTIPLICATIONS_PER_CALL = 3e9
_MOST_STEPS_PER_CALL = 16
_INTERVAL = 0.25  # seconds between two rows within an epoch
_VALIDATED_AT_ONCE = 25_000_000  # activations in memory
_EPOCH_WEIGHTS = 100_000_000  # bytes of the saved weights of all epochs of a run

# A smaller decrease of the loss is no improvement (Keras: `min_delta`, whose default is 0).
_BETTER = 1e-4


class Diverged(KnownFailure, ArithmeticError):
    """The loss is not finite. The message says in which step, and what to try."""


class OtherData(run_folder.CannotGoOn):
    """The data set has changed since the run began."""


def train(run: Path, journal: Journal, action: Ask) -> None:
    """Train a run until it ends or is paused, and write the worker's files into its directory.

    Args:
        action: returns the requested action; called after every call of the compiled function.

    Raises:
        Exception: any error. The caller records it as the run's failure.
    """
    config = records.config(run).but(epochs=records.plan(run).epochs)
    journal.update(phase="loading")
    dataset = datasets.load(config.dataset)
    _keep_environment(run, config, dataset)
    journal.update(phase="compiling")
    saved = checkpoint.load(run / "checkpoint.npz") if run_folder.has_checkpoint(run) else None
    lesson = warm_start.read(run)
    batches = Batches(config, lesson.mixed(dataset) if lesson else dataset)
    training = Training(config, batches, journal, saved, lesson.weights if lesson else {})
    try:
        while (wanted := training.go_on(action)) == "pause":
            if journal.pause(action):
                return
    except Diverged as error:
        journal.end("failed", failure=error.failure, diverged=True)
        return
    journal.update(phase="evaluating")
    evaluation = export(run, training.model, training.network, dataset, batches)
    result = {"test_loss": evaluation.loss, "test_accuracy": evaluation.accuracy}
    if wanted == "stop":
        journal.stop(action, **result)
    else:
        journal.end("finished", **result)


class Training:
    """A network in training.

    A checkpoint holds everything that is needed to resume exactly: the variables of the model and of the
    optimizer, the `Progress`, and the best weights so far. The order of the images and their augmentation
    follow from the seed, the epoch and the step.

    Attributes:
        network: the layer specs, with the current dropout.
        model: the compiled `keras.Model`.
        progress: the epoch, the step and the current settings.
    """

    def __init__(
        self,
        config: RunConfig,
        batches: Batches,
        journal: Journal,
        saved: Checkpoint | None = None,
        weights: Weights | None = None,
    ) -> None:
        self.config = config
        self.spec = records.spec(journal.run)
        self.batches = batches
        self.progress = saved.progress if saved else Progress(config.learning_rate, config.dropout)
        self._journal = journal
        self._best: Weights = {}
        self._written = 0.0
        self._build(config.seed)
        if saved:
            self._best = saved.restore(self.model)
        elif weights:
            keras_model.assign(self.model, weights)
        if self.progress.over and not journal.status.stopped_early:
            # After early stopping, the run gets more epochs. The epochs without improvement count from 0.
            self.progress = replace(self.progress, over=False, waited=0, flat=0)
        journal.update(steps=batches.steps, stopped_early=self.progress.over)

    def _build(self, seed: int) -> None:
        """Create the network with the current dropout, and with new weights from this seed."""
        keras.utils.set_random_seed(seed % 2**32)
        self.network = arch.layers(self.config.but(dropout=self.progress.dropout), self.spec)
        self.model = keras_model.model(self.network)
        keras_model.compile_model(self.model, self.config)
        self._steps = steps.training(self.model, self.config.batch_size)
        self._validate = steps.validation(self.model)
        self._observe = histograms.observer(self.model)
        self._steps_per_call = steps_per_call(self.network, self.config)

    def save(self) -> None:
        path = self._journal.run / "checkpoint.npz"
        checkpoint.save(path, self.progress, self.model, self._best)

    def go_on(self, action: Ask) -> Action:
        """Train until all epochs are done, early stopping ends the run, or another action is requested.

        Returns:
            ``"run"`` when the training has ended; otherwise the requested action.
        """
        while self.progress.epoch <= self.config.epochs and not self.progress.over:
            if not self.progress.step or self._journal.had_diverged:
                # After a divergence also within an epoch: otherwise the run would diverge again before the
                # next epoch begins.
                self._journal.had_diverged = False
                self._turn_knobs()
            wanted = self._epoch(action)
            if wanted != "run":
                self.save()
                # The rows within an epoch also write the step, but not after every step.
                self._journal.update(step=self.progress.step)
                if wanted == "stop" and self.progress.step:
                    self._journal.epoch(self._row())  # of the part that was trained
                return wanted
            self._end_epoch()
        return "run"

    def _epoch(self, action: Ask) -> Action:
        """Do the remaining steps of the epoch, until another action is requested. Returns the action."""
        now = self.progress
        self._journal.update(epoch=now.epoch, step=now.step)
        seconds = now.seconds
        began = time.perf_counter()
        while now.step < self.batches.steps:
            if (wanted := action()) != "run":
                return wanted
            self._call()
            now.seconds = seconds + time.perf_counter() - began
            if self._journal.status.phase != "training":
                self._journal.update(phase="training")
            if time.perf_counter() - self._written >= _INTERVAL:
                self._written = time.perf_counter()
                self._journal.batch(self._running_row())
        return "run"

    def _call(self) -> None:
        """Call the compiled function once. Raises Diverged if the loss is not finite."""
        now = self.progress
        number = min(self._steps_per_call, self.batches.steps - now.step)
        images, labels = self.batches.take(now.epoch, now.step, number)
        lost, right = self._steps(images, labels, self._rates(number))
        now.step += number
        now.lost += float(lost)
        now.right += int(right)
        if not math.isfinite(now.lost):
            raise Diverged("diverged", epoch=now.epoch, step=now.step)

    def _rates(self, number: int) -> NDArray[np.float32]:
        """The learning rates of the next steps, float32 ``(number,)``."""
        now = self.progress
        first = (now.epoch - 1) * self.batches.steps + now.step
        shares = schedules.shares(self.config, np.arange(first, first + number), self.batches.steps)
        return (now.learning_rate * now.cut * shares).astype(np.float32)

    def _turn_knobs(self) -> None:
        """Apply the requested settings, at the beginning of an epoch."""
        now = self.progress
        wanted = records.plan(self._journal.run)
        self.config = self.config.but(epochs=wanted.epochs)
        if wanted.learning_rate != now.learning_rate:
            self._turned("learning_rate", now.learning_rate * now.cut, wanted.learning_rate, "visitor")
            now.learning_rate, now.cut = wanted.learning_rate, 1.0
        if wanted.dropout != now.dropout:
            self._turned("dropout", now.dropout, wanted.dropout, "visitor")
            now.dropout = wanted.dropout
            self._rebuild()

    def _turned(self, setting: str, before: float, after: float, by: str, epoch: int | None = None) -> None:
        self._journal.change(epoch or self.progress.epoch, setting, before, after, by)

    def _rebuild(self) -> None:
        """Create the network with other dropout layers, and copy the weights and the optimizer's state."""
        weights, optimizer = keras_model.weights(self.model), self.model.optimizer
        # With the same seed, the new dropout layers would repeat the random numbers of the old ones.
        self._build(self.config.seed + self.progress.epoch)
        keras_model.assign(self.model, weights)
        for variable, old in zip(self.model.optimizer.variables, optimizer.variables, strict=True):
            variable.assign(old)

    def _end_epoch(self) -> None:
        """Validate, write the results of the epoch, and save a checkpoint for the next epoch."""
        now, run = self.progress, self._journal.run
        row = self._row()
        self._journal.epoch(row)
        sample = slice(histograms.IMAGES)
        layers = self._observe(self.batches.x_train[sample], self.batches.y_train[sample])
        self._journal.layers(now.epoch, layers)
        self._keep_weights(run / "epochs", now.epoch)
        self._judge(row.get("val_loss", row["loss"]))
        self.progress = replace(now, epoch=now.epoch + 1, step=0, lost=0.0, right=0, seconds=0.0)
        # The checkpoint is saved last, because it marks the epoch as done.
        self.save()

    def _keep_weights(self, folder: Path, epoch: int) -> None:
        """Save the weights after each epoch, or after every few epochs if the files would be too large."""
        total = 4 * self.model.count_params() * self.config.epochs
        if epoch % math.ceil(total / _EPOCH_WEIGHTS) and epoch != self.config.epochs:
            return
        folder.mkdir(exist_ok=True)
        with replacing(folder / f"{epoch:04d}.npz") as temporary:
            np.savez(temporary, allow_pickle=False, **flatten(keras_model.weights(self.model)))

    def _judge(self, loss: float) -> None:
        """Reduce the learning rate, or end the training, if the loss has stopped falling."""
        now, config = self.progress, self.config
        patience = config.early_stopping_patience
        if now.best is None or loss < now.best - _BETTER:
            now.best, now.best_epoch, now.waited, now.flat = loss, now.epoch, 0, 0
            if patience and config.restore_best_weights:
                self._best = keras_model.weights(self.model)
            return
        now.waited += 1
        now.flat += 1
        if config.learning_rate_schedule == "plateau" and now.flat >= config.plateau_patience:
            before = now.learning_rate * now.cut
            now.cut *= config.decay_rate
            now.flat = 0
            if now.epoch < config.epochs:
                after = now.learning_rate * now.cut
                self._turned("learning_rate", before, after, "plateau", epoch=now.epoch + 1)
        if patience and now.waited >= patience:
            self._stop_early()

    def _stop_early(self) -> None:
        keras_model.assign(self.model, self._best)
        self.progress.over = True
        self._journal.update(stopped_early=True, best_epoch=self.progress.best_epoch if self._best else 0)

    def _running_row(self) -> dict[str, Any]:
        now = self.progress
        images = min(now.step * self.config.batch_size, len(self.batches.x_train))
        return {
            "epoch": now.epoch,
            "step": now.step,
            "seconds": now.seconds,
            "loss": now.lost / images,
            "accuracy": now.right / images,
        }

    def _row(self) -> dict[str, Any]:
        """The results of the epoch, with the names that Keras uses, and with the validation."""
        began = time.perf_counter()
        row = self._running_row()
        row["steps"] = row.pop("step")
        row["learning_rate"] = float(self.model.optimizer.learning_rate)
        row["dropout"] = self.progress.dropout
        row |= self._validation()
        row["seconds"] += time.perf_counter() - began
        return row

    def _validation(self) -> dict[str, Any]:
        images, labels = self.batches.x_validation, self.batches.y_validation
        if not len(images):
            return {}
        size = max(16, min(2_000, _VALIDATED_AT_ONCE // arch.activations(self.network)))
        parts = [
            self._validate(images[first : first + size], labels[first : first + size])
            for first in range(0, len(images), size)
        ]
        right = np.concatenate([read.numpy() for _lost, read in parts]) == labels
        return {
            "val_loss": sum(float(lost) for lost, _read in parts) / len(images),
            "val_accuracy": float(right.mean()),
            "val_class_accuracy": [
                float(right[labels == digit].mean()) if (labels == digit).any() else None
                for digit in range(len(self.spec.classes))
            ],
        }


def rehearse() -> None:
    """Train a network on empty images, because the first calls of TensorFlow and Keras take a second."""
    network = arch.layers(RunConfig())
    model = keras_model.model(network)
    keras_model.compile_model(model, RunConfig())
    images, labels = np.zeros((16, *network.image), np.uint8), np.zeros(16, np.uint8)
    steps.training(model, 16)(images, labels, np.zeros(1, np.float32))
    steps.validation(model)(images, labels)
    histograms.observer(model)(images, labels)


def steps_per_call(network: Network, config: RunConfig) -> int:
    """The number of steps in one call of the compiled training function, 1 to 16."""
    # The backward pass takes about twice the time of the forward pass.
    step = 3 * arch.multiplications(network) * config.batch_size
    return int(np.clip(_MULTIPLICATIONS_PER_CALL / step, 1, _MOST_STEPS_PER_CALL))


def _keep_environment(run: Path, config: RunConfig, dataset: Dataset) -> None:
    """Write ``environment.json``. Raises OtherData if the data has changed since the run began."""
    before = records.environment(run).get("dataset_sha256")
    if before not in (None, dataset.digest):
        raise OtherData("dataset_changed", name=dataset.name)
    run_folder.write_json(run / "environment.json", environment(config, dataset))


def environment(config: RunConfig, dataset: Dataset) -> dict[str, Any]:
    """Versions, machine and data, on which the results of a run depend besides its settings."""
    return {
        "python": platform.python_version(),
        "keras": keras.__version__,
        "tensorflow": tf.__version__,
        "numpy": np.__version__,
        "onnxruntime": onnxruntime.__version__,
        "platform": platform.platform(),
        "processor": platform.machine(),
        "cores": os.cpu_count(),
        "seed": config.seed,
        "dataset": dataset.name,
        "dataset_sha256": dataset.digest,
    }
