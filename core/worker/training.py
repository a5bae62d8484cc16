"""Train one run, from its settings to its evaluation. Importing this imports TensorFlow."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import onnxruntime
import tensorflow as tf

from core import architectures as arch
from core import datasets, runs
from core.architectures import Layer
from core.config import RunConfig
from core.datasets import Dataset
from core.preprocess import normalise
from core.worker import build
from core.worker.callbacks import LiveMetrics, StopOnRequest
from core.worker.export import export
from core.worker.journal import Journal

# One call of the compiled function does several steps, which saves Python's share of each step and
# changes no number. So many multiplications take about a tenth of a second on two cores: a request
# to stop waits no longer than that.
_MULTIPLICATIONS_PER_CALL = 3e9
_MOST_STEPS_PER_CALL = 16


def train(run: Path, journal: Journal) -> None:
    """Train the run and write everything that its directory holds when it has ended well.

    Raises:
        Anything: the caller records it as the run's failure.
    """
    config = runs.config(run)
    journal.update(phase="loading")
    dataset = datasets.load(config.dataset)
    runs.write_json(run / "environment.json", environment(config, dataset))
    journal.update(phase="compiling")
    keras.utils.set_random_seed(config.seed)
    network = arch.layers(config)
    model = build.model(network)
    build.compile_model(model, config, steps_per_call(network, config))
    steps = arch.steps_per_epoch(config, len(dataset.x_train))
    journal.update(steps=steps)
    fit(model, config, dataset, [LiveMetrics(journal, steps), StopOnRequest(journal)])
    journal.update(phase="evaluating")
    evaluation = export(run, model, network, dataset)
    journal.update(
        # Not whether a stop was asked for: that may have come when there was nothing left to stop.
        state="stopped" if model.stop_training else "finished",
        phase="",
        ended=time.time(),
        test_loss=evaluation.loss,
        test_accuracy=evaluation.accuracy,
    )


def fit(
    model: keras.Model,
    config: RunConfig,
    dataset: Dataset,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> None:
    """Train a compiled model as the settings say."""
    used = slice(config.training_images)
    model.fit(
        normalise(dataset.x_train[used]),
        dataset.y_train[used],
        batch_size=config.batch_size,
        epochs=config.epochs,
        validation_split=config.validation_split,
        callbacks=list(callbacks),
        verbose=0,
    )


def steps_per_call(network: Sequence[Layer], config: RunConfig) -> int:
    """How many steps to do in one call of the compiled training function, 1 to 16."""
    # Backwards takes about twice what forwards takes.
    step = 3 * arch.multiplications(network) * config.batch_size
    return int(np.clip(_MULTIPLICATIONS_PER_CALL / step, 1, _MOST_STEPS_PER_CALL))


def environment(config: RunConfig, dataset: Dataset) -> dict[str, Any]:
    """What the numbers of this run depend on, besides its settings."""
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
