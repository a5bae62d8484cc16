"""Submit, pause, stop and resume runs, within the operator's limits.

A run that waits is a folder with the status "queued". The workers of the folder train one run after the
other, see `core.jobs.executor`.
"""

from __future__ import annotations

import shutil
import sys
import time
from contextlib import suppress
from pathlib import Path

from core.config import RunConfig
from core.data import datasets, specs
from core.failures import KnownFailure
from core.jobs import estimate, executor, requests, turns
from core.network import architectures
from core.runs import notes, records, run_folder, temporary, warm_start
from core.runs.warm_start import Lesson
from core.settings import Settings

_SHORTEST = 600.0  # seconds for which a temporary run is kept, even if there is no room for more runs
_BYTES = 8  # per activation while training: its value and its gradient, float32


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


def submit(
    config: RunConfig, settings: Settings, lesson: Lesson | None = None, *, automatic: bool = False
) -> Path:
    """Create a run, and have it trained when its turn comes.

    Args:
        lesson: drawings to train on and initial weights.
        automatic: whether no person asks for the run, see `core.runs.temporary`.

    Returns:
        The run's directory.

    Raises:
        ImpossibleNetwork, DatasetMissing, NotAllowed: like `check`.
        NotAllowed: there are too many runs, too many of them wait, or they use too much disk space.
        OSError: the runs folder cannot be written to.
    """
    check(config, settings)
    _make_room(settings)
    check_queue(settings)
    is_ready = executor.current().free(settings) > 0
    expected = estimate.estimate(config, estimate.history(settings.runs), is_ready=is_ready)

    def fill(run: Path) -> None:
        if lesson:
            warm_start.keep(run, lesson)
        expected.keep(run)
        if automatic:
            notes.write(run, automatic=True)

    run = run_folder.create(settings.runs.absolute(), config, fill)
    with run_folder.whole_or_gone(run):
        executor.current().serve(settings, run)
    return run


def _make_room(settings: Settings) -> None:
    """Like `check_room`. If there is no room, temporary runs are deleted earlier than after a day."""
    temporary.clear_hourly(settings.runs)
    try:
        check_room(settings)
    except NotAllowed:
        temporary.clear(settings.runs, time.time(), _SHORTEST)
        check_room(settings)


def give_up(run: Path) -> None:
    """End a run that was started by itself and that nobody has looked at until its end. Nothing of it stays.

    A run that has finished stays as it is. A folder that the system does not give away stays for a day.
    """
    with suppress(OSError, run_folder.UnknownRun):
        if run_folder.status(run).state in ("finished", "stopped"):
            return
        try:
            # Its worker cannot write into the folder any more, which frees the worker.
            gone = run.rename(run.with_name(f".{run.name}"))
        except OSError:
            # Windows refuses if a process has a file open there. The run then ends after its current step,
            # and is deleted with the other automatic runs.
            stop(run)
        else:
            shutil.rmtree(gone, ignore_errors=True)


def tend(settings: Settings) -> None:
    """Start a worker if runs wait and no worker is left, as after a restart of the machine."""
    # Where the folder cannot be written to, the runs go on waiting.
    with suppress(OSError):
        if turns.line(settings.runs).waiting:
            executor.current().serve(settings)


def check_room(settings: Settings) -> None:
    """Check the number of runs and their disk space. Raises NotAllowed if there is no room for another."""
    every = run_folder.every(settings.runs)
    if len(every) >= settings.max_runs:
        raise NotAllowed("too_many_runs", n=len(every))
    megabytes = sum(run_folder.size(run) for run in every) / 1e6
    if megabytes >= settings.max_megabytes:
        raise NotAllowed("too_much_disk", n=megabytes, most=settings.max_megabytes)


def check_queue(settings: Settings) -> None:
    """Check the length of the queue. Raises NotAllowed if no other run may wait."""
    waiting = len(turns.active(settings.runs))
    if waiting >= settings.max_waiting:
        raise NotAllowed("too_many_waiting", n=waiting)


def pause(run: Path) -> None:
    """Ask a run to pause after its current step. Its progress is saved.

    Changes nothing if no worker trains the run, or if the run has been deleted. An automatic run is kept.
    """
    with suppress(FileNotFoundError, run_folder.UnknownRun):
        notes.pin(run)
        requests.pause(run)


def stop(run: Path) -> None:
    """Ask a run to stop after its current step. Its model gets the current weights.

    Changes nothing if the run has ended or has been deleted.
    """

    def wake() -> None:
        if run_folder.has_checkpoint(run):
            requests.queue(run)
            executor.current().conclude(run)
        else:
            requests.write_in_its_place(run, state="stopped", ended=time.time())

    with suppress(FileNotFoundError, run_folder.UnknownRun):
        requests.stop(run, wake)


def resume(run: Path, settings: Settings, epochs: int | None = None) -> None:
    """Continue a paused or interrupted run exactly where it stopped, or give a finished run more epochs.

    An automatic run is kept.

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
    notes.pin(run)

    def may_wait(state: run_folder.State) -> None:
        if state in run_folder.RESTING:
            check_queue(settings)

    def wake(state: run_folder.State) -> None:
        # `diverged` stays, because the worker needs it. Only a finished run forgets that it stopped early:
        # an interrupted run continues where it stopped.
        requests.queue(run, **({"stopped_early": False, "best_epoch": 0} if state == "finished" else {}))
        executor.current().serve(settings, run)

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
