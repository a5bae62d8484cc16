"""Sweeps: many runs that differ in a few settings, chosen by a grid, at random or by earlier results.

A sweep is a folder in ``.sweeps`` of the runs folder. Its status, its request, ``worker.lock``,
``coming.json`` and ``log.txt`` are the same as those of a run, see `core.runs.run_folder`. Its process is
`core.sweeps.runner`. There are two other files:

==============  ==========  ==================================================================
file            written by  holds
==============  ==========  ==================================================================
``sweep.json``  anyone      the `Sweep`; only the number of runs can change
``study.log``   sweeper     the journal of Optuna: the trials and their results
==============  ==========  ==================================================================
"""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Sequence
from contextlib import suppress
from functools import reduce
from itertools import product
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pydantic import Field, ValidationError

from core.config import RunConfig
from core.failures import Failure, KnownFailure
from core.i18n import _
from core.jobs import executor, requests, run_queue
from core.runs import run_folder
from core.runs.notes import MOST_TAG, tidy
from core.settings import Settings
from core.sweeps import search_space
from core.sweeps.search_space import BadSweep, Frozen, Values

Method = Literal["grid", "random", "tpe"]
FEWEST, MOST = 1, 4  # knobs
FOLDER = ".sweeps"


class UnknownSweep(KnownFailure, LookupError):
    """There is no sweep with this name, or the sweep cannot be read."""


class Sweep(Frozen):
    """The settings of a sweep.

    Attributes:
        name: the name that the visitor chose; its runs have the name as a tag.
        base: the settings of all runs, except for the knobs.
        knobs: the values of each knob, by its name.
        method: ``"grid"`` tries every combination. ``"random"`` draws each run independently. ``"tpe"``
            prefers values near good ones (tree-structured Parzen estimator; Bergstra et al., 2011).
        trials: the total number of runs.
        pruning: whether a run that is worse than the median of the earlier runs is stopped early.
    """

    name: str
    base: RunConfig
    knobs: dict[str, Values]
    method: Method = "tpe"
    trials: int = Field(20, ge=1, le=10**6)
    pruning: bool = True

    def config(self, values: dict[str, Any]) -> RunConfig:
        """The settings of a run with these values of the knobs. Raises `core.config.ConfigError`."""
        return reduce(lambda config, turn: search_space.turn(config, *turn), values.items(), self.base)

    def grid(self) -> list[dict[str, Any]]:
        """Every combination that a grid tries."""
        lines = [search_space.points(name, values) for name, values in self.knobs.items()]
        return [dict(zip(self.knobs, point, strict=True)) for point in product(*lines)]


def check(sweep: Sweep, settings: Settings) -> None:
    """Check that a sweep can be run on this server.

    Raises:
        BadSweep: a setting of the sweep is not allowed.
        ImpossibleNetwork, DatasetMissing, NotAllowed: like `core.jobs.run_queue.check`, for the base.
    """
    if not tidy(sweep.name):
        raise BadSweep(_("Enter a name for the sweep. It is used to find its runs."))
    _check_what_it_tries(sweep)
    if not sweep.base.validation_split:
        raise BadSweep(
            _(
                "A sweep compares runs by their validation accuracy, but these settings have no validation "
                "images. Set a validation split above 0. A choice by the test images would make the test "
                "accuracy too optimistic."
            )
        )
    _check_repeats(sweep)
    _check_trials(len(sweep.grid()) if sweep.method == "grid" else sweep.trials, settings)
    run_queue.check(sweep.base, settings)


def _check_what_it_tries(sweep: Sweep) -> None:
    if len(sweep.name) > MOST_TAG:
        raise BadSweep(
            _("The name has {n} characters; at most {most} are allowed.").format(
                n=len(sweep.name), most=MOST_TAG
            )
        )
    if not FEWEST <= len(sweep.knobs) <= MOST:
        raise BadSweep(
            _(
                "You chose {n} settings. Choose {fewest} to {most}. With more, there are too few runs for "
                "each setting."
            ).format(n=len(sweep.knobs), fewest=FEWEST, most=MOST)
        )
    for name, values in sweep.knobs.items():
        search_space.check(name, values, sweep.base)


def _check_repeats(sweep: Sweep) -> None:
    """Check that no two runs have the same settings. With the same seed, their results would be equal."""
    ways = math.prod(search_space.ways(name, values) for name, values in sweep.knobs.items())
    if sweep.method != "grid" and sweep.trials > ways:
        raise BadSweep(
            _(
                "These settings have {ways} combinations, so some of the {n} runs would be the same. "
                "Choose grid search, or at most {ways} runs."
            ).format(ways=ways, n=sweep.trials)
        )


def _check_trials(number: int, settings: Settings) -> None:
    if number > settings.max_trials:
        raise BadSweep(
            _("The grid has {n:,} runs; at most {most:,} are allowed here. Choose fewer values.").format(
                n=number, most=settings.max_trials
            )
        )


def _check_running(settings: Settings) -> None:
    running = 0
    for folder in every(settings.runs):
        with suppress(run_folder.UnknownRun):  # the sweep has just been deleted
            running += run_folder.status(folder).state not in run_folder.RESTING
    if running >= settings.max_sweeps:
        raise run_queue.NotAllowed("too_many_sweeps", n=running)


def submit(sweep: Sweep, settings: Settings) -> Path:
    """Create a sweep and start it.

    Returns:
        The folder of the sweep.

    Raises:
        BadSweep, ImpossibleNetwork, DatasetMissing, NotAllowed: like `check`.
        NotAllowed: there is no room for another run, or too many sweeps are running.
        OSError: the runs folder cannot be written to.
    """
    check(sweep, settings)
    run_queue.check_room(settings)
    _check_running(settings)
    if sweep.method == "grid":
        sweep = sweep.model_copy(update={"trials": len(sweep.grid())})
    folder = run_folder.new_folder(settings.runs.absolute() / FOLDER)
    with run_folder.whole_or_gone(folder):
        run_folder.keep_room(folder)
        now = time.time()
        run_folder.write_status(
            folder, run_folder.Status(state="queued", created=now, queued=now, heartbeat=now)
        )
        _write(folder, sweep)
        _start(folder)
    return folder


def _write(folder: Path, sweep: Sweep) -> None:
    run_folder.write_json(folder / "sweep.json", sweep.model_dump(mode="json"))


def _start(folder: Path) -> None:
    process = executor.current().start("core.sweeps.runner", folder)
    run_folder.announce(folder, process.pid)


def read(folder: Path) -> Sweep:
    """The settings of a sweep. Raises UnknownSweep."""
    try:
        return run_folder.settled(_read, folder / "sweep.json")
    except (OSError, ValidationError, BadSweep) as error:
        raise UnknownSweep("unknown_sweep", name=repr(folder.name[:64])) from error


def _read(file: Path) -> Sweep:
    sweep = Sweep.model_validate_json(file.read_bytes())
    _check_what_it_tries(sweep)
    return sweep


def every(root: Path) -> list[Path]:
    """The folders of the sweeps that can be read, newest first."""
    return [folder for folder in _folders(root) if _can_be_read(folder)]


def damaged(root: Path) -> list[Path]:
    """The folders of the sweeps that cannot be read, newest first."""
    return [
        folder for folder in _folders(root) if (folder / "sweep.json").exists() and not _can_be_read(folder)
    ]


def _folders(root: Path) -> list[Path]:
    folder = root / FOLDER
    names = sorted((entry.name for entry in folder.iterdir()), reverse=True) if folder.is_dir() else []
    return [folder / name for name in names if run_folder.is_name(name)]


def _can_be_read(folder: Path) -> bool:
    try:
        read(folder)
        run_folder.written_status(folder)
    except (UnknownSweep, run_folder.UnknownRun):
        return False  # incomplete or damaged
    return True


# ---------------------------------------------------------------------------------------------- its trials

State = Literal["waiting", "running", "complete", "pruned", "failed"]


class Trial(NamedTuple):
    """One run of a sweep.

    Attributes:
        number: from 0, in the order in which the trials began.
        state: `waiting` is a point of a grid that has not begun; `pruned` was stopped early.
        values: the values of the knobs, by name.
        accuracy: on the validation images, 0 to 1. If the run has not finished, after its last epoch.
        epochs: the number of epochs with a reported accuracy.
        run: the name of the run; "" if there is none.
        failure: why the trial failed; None if it has not failed, or if the reason is unknown.
    """

    number: int
    state: State
    values: dict[str, Any]
    accuracy: float | None
    epochs: int
    run: str
    failure: Failure | None


def best(trials: Sequence[Trial]) -> Trial | None:
    """The finished run with the highest validation accuracy; the first of them if several are equal."""
    complete = [trial for trial in trials if trial.state == "complete" and trial.accuracy is not None]
    return max(complete, key=lambda trial: (trial.accuracy or 0, -trial.number), default=None)


# -------------------------------------------------------------------------------------------- its requests


def pause(folder: Path) -> None:
    """Pause the runs that train, and begin no other. See `core.jobs.requests.pause`."""
    requests.pause(folder)


def stop(folder: Path) -> None:
    """Stop all runs that have not ended, and begin no other. Changes nothing if the sweep has ended."""
    # The process is needed even for a paused sweep, because it stops the paused runs.
    requests.stop(folder, lambda: _wake(folder))


def go_on(folder: Path, settings: Settings, more: int = 0) -> None:
    """Continue a sweep, or give it more runs.

    Args:
        more: the number of runs to add.

    Raises:
        BadSweep: the sweep would have more runs than are allowed.
        NotAllowed: too many other sweeps are running.
        UnknownSweep: the sweep cannot be read.
        FileNotFoundError: the sweep has been deleted.
    """

    def extend(state: run_folder.State) -> None:
        if state in run_folder.RESTING:
            _check_running(settings)
        sweep = read(folder)
        _check_trials(sweep.trials + more, settings)
        if more:
            _write(folder, sweep.model_copy(update={"trials": sweep.trials + more}))

    requests.go_on(folder, extend, lambda _state: _wake(folder))


def _wake(folder: Path) -> None:
    requests.queue(folder)
    _start(folder)


def forget(folder: Path) -> None:
    """Delete a sweep that is not running. Its runs stay.

    Raises:
        BadSweep: the sweep is running.
        OSError: its folder cannot be deleted.
    """
    with suppress(run_folder.UnknownRun):  # an unreadable sweep can be deleted, too
        if run_folder.status(folder).state not in run_folder.RESTING:
            raise BadSweep(_("The sweep is running. Stop or pause it first."))
    if run_folder.worker_is_alive(folder):
        raise BadSweep(_("The sweep is running. Stop or pause it first."))
    shutil.rmtree(folder)
