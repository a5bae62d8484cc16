"""The settings of the server's operator, from environment variables such as ``MNIST_LAB_RUNS=/data/runs``.

The limits hold for every run, wherever it is asked for: `core.jobs.run_queue.submit` checks them, so that
neither a hand-made request nor the terminal gets around them.
"""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import Field, HttpUrl
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """The operator's settings; each is an environment variable ``MNIST_LAB_`` plus its name.

    Attributes:
        runs: the folder that holds the run directories.
        datasets: a folder with further data sets, see `core.data.specs`; by default there are none.
        slots: how many runs train at the same time; by default one for every two cores.
        warm_minutes: how long a training process waits with TensorFlow imported after somebody has
            opened the Train page, so that a run starts at once; it takes about 600 MB. 0 for none.
        max_epochs: the most epochs a run may have.
        max_parameters: the most parameters, trained or not, a network may have.
        max_images: the most training images a run may use.
        max_step_megabytes: the most memory that the activations of one training step may take, in MB.
        max_step_multiplications: the most multiplications that one step may take forwards, in millions.
            A request to stop waits for the step; two cores do about ten thousand million a second.
        max_waiting: the most runs that may train or wait at the same time.
        max_runs: the most run directories; beyond it, nothing new is trained.
        max_trials: the most runs that one sweep may have.
        max_sweeps: the most sweeps that may run at the same time.
        max_megabytes: the most disk that all runs may take before nothing new is trained, in MB.
        drawings: the file that holds the drawings that people keep.
        max_drawings: how many of them there may be.
        fashion_url: the folder from which to fetch Fashion-MNIST's test images.
        mnist_url: where to fetch ``mnist.npz``, for a school with a mirror of its own.
    """

    model_config = SettingsConfigDict(env_prefix="MNIST_LAB_", frozen=True)

    runs: Path = Path("runs")
    datasets: Path | None = None
    slots: int = Field(default_factory=lambda: max(1, (os.cpu_count() or 1) // 2), ge=1, le=64)
    warm_minutes: float = Field(10, ge=0, le=24 * 60)
    max_epochs: int = Field(100, ge=1)
    max_parameters: int = Field(5_000_000, ge=1)
    max_images: int = Field(60_000, ge=100)
    max_step_megabytes: int = Field(1_500, ge=1)
    max_step_multiplications: int = Field(20_000, ge=1)
    max_waiting: int = Field(20, ge=1)
    max_runs: int = Field(1_000, ge=1)
    max_trials: int = Field(100, ge=2)
    max_sweeps: int = Field(4, ge=1)
    max_megabytes: int = Field(5_000, ge=1)
    drawings: Path = Path("drawings.sqlite")
    max_drawings: int = Field(5_000, ge=1)
    # The addresses that Keras itself uses, in keras.datasets.
    fashion_url: HttpUrl = HttpUrl("https://storage.googleapis.com/tensorflow/tf-keras-datasets/")
    mnist_url: HttpUrl = HttpUrl("https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz")
