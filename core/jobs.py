"""Start and stop runs; wait for a turn.

A run is trained by a process of its own, which waits for one of the slots, trains, and ends. No
scheduler is kept alive: the slots are file locks, which the system frees when a process dies, and
the oldest waiting run goes first.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

from filelock import FileLock, Timeout

from core import architectures, datasets, runs
from core.config import RunConfig
from core.i18n import _
from core.settings import Settings

PROJECT = Path(__file__).parents[1]
_BYTES = 8  # per activation while training: its value and its gradient, float32
_POLL = 0.3  # seconds between two looks at the queue


class NotAllowed(ValueError):
    """The operator's limits forbid this run. The message says which, and what would be allowed."""


def check(config: RunConfig, settings: Settings) -> None:
    """Whether a run with these settings can be trained here, as far as the settings alone tell.

    Raises:
        ImpossibleNetwork: its shapes do not work out.
        DatasetMissing: its data has to be fetched first.
        NotAllowed: it is larger than the operator allows.
    """
    network = architectures.layers(config)
    parameters = architectures.parameters(network)
    if parameters > settings.max_parameters:
        raise NotAllowed(
            _(
                "This network has {n:,} parameters; at most {most:,} are allowed here. "
                "Use fewer units, fewer filters or one more pooling."
            ).format(n=parameters, most=settings.max_parameters)
        )
    megabytes = architectures.activations(network) * config.batch_size * _BYTES / 1e6
    if megabytes > settings.max_step_megabytes:
        raise NotAllowed(
            _(
                "One step of this run needs {n:,.0f} MB; at most {most:,} are allowed here. "
                "Use smaller batches, fewer filters or one more pooling."
            ).format(n=megabytes, most=settings.max_step_megabytes)
        )
    multiplications = architectures.multiplications(network) * config.batch_size / 1e6
    if multiplications > settings.max_step_multiplications:
        raise NotAllowed(
            _(
                "One step of this run takes {n:,.0f} million multiplications; at most {most:,} are allowed "
                "here. Use smaller batches, fewer filters or one more pooling."
            ).format(n=multiplications, most=settings.max_step_multiplications)
        )
    if config.epochs > settings.max_epochs:
        raise NotAllowed(
            _("You asked for {n:,} epochs; at most {most:,} are allowed here.").format(
                n=config.epochs, most=settings.max_epochs
            )
        )
    images = min(config.training_images or sys.maxsize, datasets.NAMES[config.dataset].train)
    if images > settings.max_images:
        raise NotAllowed(
            _(
                "This run uses {n:,} training images; at most {most:,} are allowed here. "
                "Set the number of training images."
            ).format(n=images, most=settings.max_images)
        )
    if not datasets.at_hand(config.dataset):
        raise datasets.DatasetMissing(
            _("{name} is not on this machine yet. Get it on the Data page, or choose mnist-5k.").format(
                name=config.dataset
            )
        )


def submit(config: RunConfig, settings: Settings) -> Path:
    """Create a run and start its worker.

    Returns:
        The run's directory.

    Raises:
        ImpossibleNetwork, DatasetMissing, NotAllowed: as `check`, or the queue or the folder is full.
        OSError: the runs folder cannot be written to.
    """
    check(config, settings)
    every = runs.every(settings.runs)
    if len(every) >= settings.max_runs:
        raise NotAllowed(
            _("There are {n:,} runs already, which is as many as are kept here.").format(n=len(every))
        )
    megabytes = sum(runs.size(run) for run in every) / 1e6
    if megabytes >= settings.max_megabytes:
        raise NotAllowed(
            _("The runs take {n:,.0f} MB of disk, and at most {most:,} are allowed here.").format(
                n=megabytes, most=settings.max_megabytes
            )
        )
    waiting = len(active(settings.runs))
    if waiting >= settings.max_waiting:
        raise NotAllowed(
            _("{n} runs are training or waiting already. Try again when some have ended.").format(n=waiting)
        )
    run = runs.create(settings.runs.absolute(), config)
    start_worker(run, settings.slots)
    return run


def start_worker(run: Path, slots: int) -> None:
    """Start the process that trains this run. It outlives this one."""
    detached: dict[str, object] = (
        {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.DETACHED_PROCESS}  # type: ignore[attr-defined,unused-ignore]
        if sys.platform == "win32"
        else {"start_new_session": True}
    )
    with (run / "log.txt").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "core.worker", str(run.absolute()), str(slots)],
            cwd=PROJECT,
            env=os.environ | _environment(),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            **detached,  # type: ignore[call-overload]
        )
    # Somebody has to take note of its end, or it stays behind as a zombie.
    threading.Thread(target=process.wait, daemon=True).start()


def _environment() -> dict[str, str]:
    found = {"TF_CPP_MIN_LOG_LEVEL": "2", "KERAS_BACKEND": "tensorflow"}
    if home := os.environ.get("KERAS_HOME"):
        # The worker runs in another folder than whoever started it.
        found["KERAS_HOME"] = str(Path(home).absolute())
    return found


def stop(run: Path) -> None:
    """Ask a run to end after the step it is in. Asking again, or too late, changes nothing."""
    with contextlib.suppress(FileNotFoundError):  # the run was deleted: there is nothing to stop
        (run / "stop").touch()


def stop_requested(run: Path) -> bool:
    return (run / "stop").exists()


def active(root: Path) -> list[Path]:
    """The runs that train or wait, newest first."""
    return [run for run in runs.every(root) if _state(run) in ("queued", "running", "stopping")]


def _state(run: Path) -> runs.State | None:
    """The run's state; None if it has none, because it is half made or was deleted just now."""
    try:
        return runs.status(run).state
    except runs.UnknownRun:
        return None


def place_in_line(run: Path) -> int:
    """How many runs wait ahead of this one."""
    return sum(other.name < run.name and _state(other) == "queued" for other in runs.every(run.parent))


def wait_for_slot(run: Path, slots: int) -> FileLock | None:
    """Wait until it is this run's turn.

    Returns:
        The slot's lock, to be held while training; None if the run was stopped or deleted instead.
    """
    folder = run.parent / ".slots"
    folder.mkdir(exist_ok=True)
    while run.exists() and not stop_requested(run):
        if place_in_line(run) == 0:
            for number in range(slots):
                lock = FileLock(folder / f"{number}.lock")
                try:
                    lock.acquire(blocking=False)
                    return lock
                except Timeout:
                    continue
        time.sleep(_POLL)
    return None
