"""The queue: start, pause, stop and resume runs, and wait for a free slot.

A run is trained by a process of its own, which waits for one of the slots, trains, and ends. No
scheduler is kept alive: the slots are file locks, which the system frees when a process dies, and
the oldest waiting run goes first.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import takewhile
from pathlib import Path
from typing import NamedTuple

from filelock import FileLock, Timeout

from core.config import RunConfig
from core.data import datasets, specs
from core.failures import KnownFailure
from core.jobs import estimate, processes, requests
from core.network import architectures
from core.runs import records, run_folder, warm_start
from core.runs.warm_start import Lesson
from core.settings import Settings

Ask = Callable[[], run_folder.Action]

_BYTES = 8  # per activation while training: its value and its gradient, float32
_POLL = 0.3  # seconds between two looks at the queue


class NotAllowed(KnownFailure, ValueError):
    """The operator's limits do not allow this run. The message names the limit and what is allowed."""


def check(config: RunConfig, settings: Settings) -> None:
    """Check that a run with these settings can be trained on this server.

    Raises:
        ImpossibleNetwork: a layer cannot take its input shape.
        DatasetMissing: the data set must be downloaded first, or does not exist.
        NotAllowed: the run would exceed a limit of the operator.
    """
    network = architectures.layers(config)
    parameters = architectures.parameters(network)
    if parameters > settings.max_parameters:
        raise NotAllowed("too_many_parameters", n=parameters, most=settings.max_parameters)
    megabytes = architectures.activations(network) * config.batch_size * _BYTES / 1e6
    if megabytes > settings.max_step_megabytes:
        raise NotAllowed("too_much_memory", n=megabytes, most=settings.max_step_megabytes)
    multiplications = architectures.multiplications(network) * config.batch_size / 1e6
    if multiplications > settings.max_step_multiplications:
        raise NotAllowed(
            "too_many_multiplications", n=multiplications, most=settings.max_step_multiplications
        )
    if config.epochs > settings.max_epochs:
        raise NotAllowed("too_many_epochs", n=config.epochs, most=settings.max_epochs)
    images = min(config.training_images or sys.maxsize, specs.of(config.dataset).train)
    if images > settings.max_images:
        raise NotAllowed("too_many_images", n=images, most=settings.max_images)
    datasets.check(config.dataset)


def submit(config: RunConfig, settings: Settings, lesson: Lesson | None = None) -> Path:
    """Create a run and start its worker.

    Args:
        lesson: drawings to train on and initial weights.

    Returns:
        The run's directory.

    Raises:
        ImpossibleNetwork, DatasetMissing, NotAllowed: like `check`.
        NotAllowed: there are too many runs, too many of them wait, or they use too much disk space.
        OSError: the runs folder cannot be written to.
    """
    check(config, settings)
    check_room(settings)
    check_queue(settings)
    expected = estimate.estimate(config, estimate.history(settings.runs))
    run = run_folder.create(settings.runs.absolute(), config)
    with run_folder.whole_or_gone(run):
        if lesson:
            warm_start.keep(run, lesson)
        expected.keep(run)
        start_worker(run, settings.slots)
    return run


def check_room(settings: Settings) -> None:
    """Check the number of runs and their disk space. Raises NotAllowed if there is no room for another."""
    every = run_folder.every(settings.runs)
    if len(every) >= settings.max_runs:
        raise NotAllowed("too_many_runs", n=len(every))
    megabytes = sum(run_folder.size(run) for run in every) / 1e6
    if megabytes >= settings.max_megabytes:
        raise NotAllowed("too_much_disk", n=megabytes, most=settings.max_megabytes)


def check_queue(settings: Settings) -> None:
    """Whether one more run may wait. Raises NotAllowed."""
    waiting = len(active(settings.runs))
    if waiting >= settings.max_waiting:
        raise NotAllowed("too_many_waiting", n=waiting)


def pause(run: Path) -> None:
    """Ask a run to pause after its current step. Its progress is saved.

    Changes nothing if no worker trains the run, or if the run has been deleted.
    """
    with suppress(FileNotFoundError, run_folder.UnknownRun):
        requests.pause(run)


def stop(run: Path) -> None:
    """Ask a run to end after its current step. Its model gets the current weights.

    Changes nothing if the run has ended or has been deleted.
    """

    def wake() -> None:
        if run_folder.has_checkpoint(run):
            requests.queue(run)
            start_worker(run, slots=1)
        else:
            requests.write_in_its_place(run, state="stopped", ended=time.time())

    with suppress(FileNotFoundError, run_folder.UnknownRun):
        requests.stop(run, wake)


def resume(run: Path, settings: Settings, epochs: int | None = None) -> None:
    """Continue a paused or interrupted run exactly where it stopped, or give a finished run more epochs.

    Args:
        epochs: the total number of epochs; None does not change it.

    Raises:
        UnknownRun: the run cannot be read.
        ImpossibleNetwork, DatasetMissing, NotAllowed: like `submit`.
        ConfigError: this number of epochs is not allowed.
        OSError: the run's folder cannot be written to, or has been deleted.
    """
    planned = records.plan(run)
    check(planned.but(epochs=epochs or planned.epochs), settings)

    def may_wait(state: run_folder.State) -> None:
        if state in run_folder.RESTING:
            check_queue(settings)

    def wake(state: run_folder.State) -> None:
        # `diverged` stays, because the worker needs it. Only a run that has finished gets new epochs here; a
        # run whose process was lost continues where it was.
        requests.queue(run, **({"stopped_early": False, "best_epoch": 0} if state == "finished" else {}))
        # Even where its worker still lives: the new one waits until it has left.
        start_worker(run, settings.slots)

    requests.go_on(run, may_wait, wake, **({} if epochs is None else {"epochs": epochs}))


def steer(run: Path, **knobs: float | None) -> None:
    """Change ``learning_rate`` or ``dropout`` of a run from the next epoch on.

    Raises:
        UnknownRun: the run cannot be read.
        ConfigError: a value is not allowed.
        OSError: the run's folder cannot be written to, or has been deleted.
    """
    records.config(run).but(**{name: value for name, value in knobs.items() if value is not None})
    with run_folder.changing_request(run) as change:
        change(**knobs)


def start_worker(run: Path, slots: int) -> None:
    """Have a process train this run: the one that waits with TensorFlow imported, or a new one.

    It outlives this one.
    """
    pid = processes.hand_over(run, slots)
    if pid is None:
        with (run / "log.txt").open("ab") as log:
            pid = processes.spawn([str(run.absolute()), str(slots)], log, subprocess.DEVNULL).pid
    run_folder.announce(run, pid)


def active(root: Path) -> list[Path]:
    """The runs that train or wait, newest first."""
    return [run for run, _written in _going_on(root)]


def _going_on(root: Path) -> Iterator[tuple[Path, run_folder.Status]]:
    """The runs that train or wait, newest first, with what their workers have written."""
    for run in run_folder.every(root):
        try:
            # First what is written, because to see whether a worker lives takes longer.
            written = run_folder.written_status(run)
            if (
                written.state not in run_folder.RESTING
                and run_folder.status(run).state not in run_folder.RESTING
            ):
                yield run, written
        except run_folder.UnknownRun:
            continue  # half made, or deleted just now


class Line(NamedTuple):
    """The runs that have a slot, and those that wait for one.

    Attributes:
        training: the runs that train now, newest first.
        waiting: those that wait, the one that has waited longest first.
    """

    training: list[Path]
    waiting: list[Path]

    def ahead(self, run: Path) -> list[Path]:
        """The runs that wait ahead of this one, the next one first."""
        return list(takewhile(lambda other: other.name != run.name, self.waiting))


def line(root: Path) -> Line:
    """The queue of the runs in this folder."""
    going_on = list(_going_on(root))
    waiting = sorted((written.queued, run) for run, written in going_on if written.state == "queued")
    return Line(
        [run for run, written in going_on if written.state != "queued"], [run for _queued, run in waiting]
    )


def place_in_line(run: Path) -> int:
    """How many runs wait ahead of this one."""
    return len(line(run.parent).ahead(run))


def wait_for_slot(run: Path, slots: int, action: Ask) -> FileLock | run_folder.Action:
    """Wait until it is this run's turn.

    Returns:
        The slot's lock, to be held while training; or what was wanted instead. A run that was deleted
        is not wanted any more.
    """
    folder = run.parent / ".slots"
    folder.mkdir(exist_ok=True)
    while run.exists():
        if (wanted := action()) != "run":
            return wanted
        if place_in_line(run) == 0:
            for number in range(slots):
                lock = FileLock(folder / f"{number}.lock")
                try:
                    lock.acquire(blocking=False)
                    return lock
                except Timeout:
                    continue
        time.sleep(_POLL)
    return "stop"
