"""The Optuna study of a sweep: the settings that were tried, and their results, in a journal file."""

from __future__ import annotations

import math
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import numpy as np
from filelock import FileLock
from pydantic import TypeAdapter

from core.failures import Failure, Written
from core.i18n import _
from core.knobs import Number
from core.lazy import optuna
from core.sweeps import sweeps
from core.sweeps.search_space import SWEPT, Choice, Values
from core.sweeps.sweeps import State, Sweep, Trial

_NAME = "sweep"
# No run is pruned before this many runs have finished.
_BEFORE_PRUNING = 4
ENOUGH = 6  # finished runs that are needed to compute the importance of the knobs

# What Optuna raises for a damaged journal. It has no error of its own for that.
_DAMAGED = (
    ValueError, TypeError, KeyError, IndexError, AttributeError, AssertionError, OSError, RuntimeError,
)  # fmt: skip

_FAILURE: TypeAdapter[Failure | None] = TypeAdapter(Written)

# By the names of `optuna.trial.TrialState`.
_STATES: dict[str, State] = {
    "WAITING": "waiting",
    "RUNNING": "running",
    "COMPLETE": "complete",
    "PRUNED": "pruned",
    "FAIL": "failed",
}


class DamagedStudy(LookupError):
    """The journal of a sweep cannot be read. The message names the sweep and the file."""


def _storage(folder: Path) -> optuna.storages.JournalStorage:
    from optuna.storages.journal import JournalFileBackend

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    # The system frees this lock when the process dies. The locks of Optuna would remain.
    lock = cast(Any, FileLock(folder / "study.lock"))
    return optuna.storages.JournalStorage(JournalFileBackend(str(folder / "study.log"), lock))


def study(folder: Path, sweep: Sweep) -> optuna.Study:
    """Open the study of a sweep to write to it. The trials of a grid are added to it.

    Only the process of the sweep may call this.
    """
    _mend(folder)
    search = optuna.create_study(
        storage=_storage(folder), study_name=_NAME, direction="maximize", load_if_exists=True,
        pruner=_pruner(sweep),
    )  # fmt: skip
    # With the same seed, a sweep that continues after a pause would draw the same numbers again.
    seed = sweep.base.seed + len(search.trials)
    if sweep.method == "random":
        search.sampler = optuna.samplers.RandomSampler(seed=seed)
    else:  # if a grid gets more runs than points, their values lie between the points
        search.sampler = optuna.samplers.TPESampler(seed=seed)
    if sweep.method == "grid":
        places = sweep.grid()
        # In random order, so that a sweep that is stopped early has tried all parts of the grid. An earlier
        # process may have added the trials already.
        for place in np.random.default_rng(sweep.base.seed).permutation(len(places)):
            search.enqueue_trial(places[place], skip_if_exists=True)
    return search


def _mend(folder: Path) -> None:
    """Remove an incomplete last line, as a full disk leaves it. Optuna would join it with the next line."""
    with suppress(FileNotFoundError), (folder / "study.log").open("r+b") as file:
        file.truncate(file.read().rfind(b"\n") + 1)


def _pruner(sweep: Sweep) -> optuna.pruners.BasePruner:
    if not sweep.pruning:
        return optuna.pruners.NopPruner()
    return optuna.pruners.MedianPruner(n_startup_trials=_BEFORE_PRUNING, n_min_trials=_BEFORE_PRUNING)


def space(knobs: dict[str, Values]) -> dict[str, optuna.distributions.BaseDistribution]:
    """The distribution from which Optuna draws each knob."""
    return {name: _distribution(name, values) for name, values in knobs.items()}


def _distribution(name: str, values: Values) -> optuna.distributions.BaseDistribution:
    if isinstance(values, Choice):
        return optuna.distributions.CategoricalDistribution(values.options)
    takes = SWEPT[name].takes
    assert isinstance(takes, Number)
    if takes.whole:
        return optuna.distributions.IntDistribution(round(values.low), round(values.high), log=takes.log)
    return optuna.distributions.FloatDistribution(values.low, values.high, log=takes.log)


def read(folder: Path) -> list[Trial]:
    """The trials of a sweep, with the waiting trials of a grid; an empty list before the sweep has begun.

    Raises:
        UnknownSweep: the sweep cannot be read.
        DamagedStudy: the journal of the sweep cannot be read.
    """
    if not _has_begun(folder):
        return []
    knobs = sweeps.read(folder).knobs
    try:
        trials = [_trial(trial) for trial in _load(folder).get_trials(deepcopy=False)]
    except _DAMAGED as error:
        raise _damaged(folder) from error
    if not all(_is_possible(trial, knobs) for trial in trials):
        raise _damaged(folder)
    return trials


def _damaged(folder: Path) -> DamagedStudy:
    return DamagedStudy(
        _("The results of sweep {name} cannot be read: {file} is damaged. The runs are on the Runs " "page.")
        .format(name=folder.name, file="study.log")
    )  # fmt: skip


def _has_begun(folder: Path) -> bool:
    """Whether the journal has a complete line. The first line creates the study."""
    try:
        return b"\n" in (folder / "study.log").read_bytes()
    except OSError:
        return False


def _load(folder: Path) -> optuna.Study:
    return optuna.load_study(study_name=_NAME, storage=_storage(folder))


def _is_possible(trial: Trial, knobs: dict[str, Values]) -> bool:
    """Whether a sweep with these knobs can have written this trial."""
    return (
        (trial.accuracy is None or _is_number(trial.accuracy, 0, 1))
        and isinstance(trial.run, str)
        # A trial that has just begun may not have all its values yet.
        and set(trial.values) <= set(knobs)
        and (trial.accuracy is None or len(trial.values) == len(knobs))
        and all(_takes(knobs[name], value) for name, value in trial.values.items())
    )


def _takes(values: Values, value: object) -> bool:
    if isinstance(values, Choice):
        return value in values.options
    return _is_number(value, values.low, values.high)


def _is_number(value: object, low: float, high: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high


def _trial(frozen: optuna.trial.FrozenTrial) -> Trial:
    steps = frozen.intermediate_values
    last = steps[max(steps)] if steps else None
    value = frozen.value if frozen.state == optuna.trial.TrialState.COMPLETE else last
    return Trial(
        number=frozen.number,
        state=_STATES[frozen.state.name],
        values=frozen.params or frozen.system_attrs.get("fixed_params", {}),
        accuracy=value,
        epochs=max(steps, default=0),
        run=frozen.user_attrs.get("run", ""),
        failure=_FAILURE.validate_python(frozen.user_attrs.get("reason")),
    )


def importance(folder: Path) -> dict[str, float]:
    """The importance of each knob, 0 to 1, with sum 1: how much it separates the best runs from the others.

    Empty if fewer than `ENOUGH` runs have finished, or if all have the same accuracy. Raises like `read`.

    Computed with PED-ANOVA (Watanabe, Bansal and Hutter, 2023).
    """
    complete = [trial for trial in read(folder) if trial.state == "complete"]
    if len(complete) < ENOUGH or len({trial.accuracy for trial in complete}) < 2:
        return {}
    weights = optuna.importance.get_param_importances(_load(folder))
    return weights if all(map(math.isfinite, weights.values())) else {}
