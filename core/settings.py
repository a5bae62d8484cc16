"""The settings of the server's operator, from environment variables such as ``MNIST_LAB_RUNS=/data/runs``.

The limits hold for every run: `core.jobs.run_queue.submit` checks them, for pages and for the command line.
"""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import Field, HttpUrl
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """The operator's settings. Each is an environment variable: ``MNIST_LAB_`` and the name in capitals.

    Attributes:
        runs: the folder that holds the run directories.
        datasets: a folder with further data sets, see `core.data.specs`; by default there are none.
        slots: how many runs train at the same time; by default one for every two cores.
        warm_minutes: how long an idle training process waits for the next run, in minutes. The next run then
            starts at once. The process takes about 600 MB, and 900 MB after it has trained. With 0, a process
            exits when no run waits.
        worker_runs: the largest number of runs of a training process. Another process trains the next run.
        worker_megabytes: the memory of a training process, in MB, above which another process trains the
            next run.
        max_epochs: the largest number of epochs of a run.
        max_parameters: the largest number of parameters of a network, trainable or not.
        max_images: the largest number of training images of a run.
        max_step_megabytes: the largest size of the activations of one training step, in MB.
        max_step_multiplications: the largest number of multiplications in the forward pass of a step, in
            millions. A request to stop waits for the step. Two cores do about 10,000 million per second.
        max_waiting: the largest number of runs that train or wait at the same time.
        max_runs: the largest number of runs. At this number, no new run is trained.
        max_trials: the largest number of runs of a sweep.
        max_sweeps: the largest number of sweeps that run at the same time.
        max_megabytes: the disk space of all runs, in MB, at which no new run is trained.
        drawings: the file with the saved drawings.
        max_drawings: the largest number of saved drawings.
        fashion_url: the address of the folder with the test images of Fashion-MNIST.
        mnist_url: the address of ``mnist.npz``, for a school with its own mirror.
    """

    model_config = SettingsConfigDict(env_prefix="MNIST_LAB_", frozen=True)

    runs: Path = Path("runs")
    datasets: Path | None = None
    slots: int = Field(default_factory=lambda: max(1, (os.cpu_count() or 1) // 2), ge=1, le=64)
    warm_minutes: float = Field(10, ge=0, le=24 * 60)
    worker_runs: int = Field(100, ge=1)
    worker_megabytes: int = Field(3_000, ge=1)
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
