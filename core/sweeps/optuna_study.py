"""The Optuna study of a sweep: the settings that were tried, and their results, in a journal file."""

from __future__ import annotations

import math
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import numpy as np
import optuna
from filelock import FileLock
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, TrialState
from pydantic import TypeAdapter

from core.failures import Failure, Written
from core.i18n import _
from core.knobs import Number
from core.sweeps import sweeps
from core.sweeps.search_space import SWEPT, Choice, Values
from core.sweeps.sweeps import State, Sweep, Trial

_NAME = "sweep"
# So many runs go to their end before one is measured against them.
_BEFORE_PRUNING = 4
ENOUGH = 6  # finished runs, to say anything about which knob matters

# What Optuna says of a journal that was cut or changed within: it has no error of its own for that.
_DAMAGED = (
    ValueError, TypeError, KeyError, IndexError, AttributeError, AssertionError, OSError, RuntimeError,
)  # fmt: skip

_FAILURE: TypeAdapter[Failure | None] = TypeAdapter(Written)

optuna.logging.set_verbosity(optuna.logging.WARNING)

_STATES: dict[TrialState, State] = {
    TrialState.WAITING: "waiting",
    TrialState.RUNNING: "running",
    TrialState.COMPLETE: "complete",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
}


class DamagedStudy(LookupError):
    """What a sweep has tried cannot be read."""


def _storage(folder: Path) -> optuna.storages.JournalStorage:
    # A file lock as Optuna wants one, which the system frees when a process dies: its own are left behind.
    lock = cast(Any, FileLock(folder / "study.lock"))
    return optuna.storages.JournalStorage(JournalFileBackend(str(folder / "study.log"), lock))


def study(folder: Path, sweep: Sweep) -> optuna.Study:
    """The study of a sweep, to go on with, for the one who writes it; a grid is laid out in it."""
    _mend(folder)
    found = optuna.create_study(
        storage=_storage(folder), study_name=_NAME, direction="maximize", load_if_exists=True,
        pruner=_pruner(sweep),
    )  # fmt: skip
    # With the same seed, a sweep that continues after a pause would draw the same numbers again.
    seed = sweep.base.seed + len(found.trials)
    if sweep.method == "random":
        found.sampler = optuna.samplers.RandomSampler(seed=seed)
    else:  # more runs after the whole grid lie between its points
        found.sampler = optuna.samplers.TPESampler(seed=seed)
    if sweep.method == "grid":
        places = sweep.grid()
        # In no order, so that a sweep that is stopped has seen a bit of everything. What an earlier process
        # has laid out is there already.
        for place in np.random.default_rng(sweep.base.seed).permutation(len(places)):
            found.enqueue_trial(places[place], skip_if_exists=True)
    return found


def _mend(folder: Path) -> None:
    """Cut off what a full disk left of a line: Optuna would add the next one to it, and read neither."""
    with suppress(FileNotFoundError), (folder / "study.log").open("r+b") as file:
        file.truncate(file.read().rfind(b"\n") + 1)


def _pruner(sweep: Sweep) -> optuna.pruners.BasePruner:
    if not sweep.pruning:
        return optuna.pruners.NopPruner()
    return optuna.pruners.MedianPruner(n_startup_trials=_BEFORE_PRUNING, n_min_trials=_BEFORE_PRUNING)


def space(knobs: dict[str, Values]) -> dict[str, BaseDistribution]:
    """What Optuna draws each knob from."""
    return {name: _distribution(name, values) for name, values in knobs.items()}


def _distribution(name: str, values: Values) -> BaseDistribution:
    if isinstance(values, Choice):
        return CategoricalDistribution(values.options)
    takes = SWEPT[name].takes
    assert isinstance(takes, Number)
    if takes.whole:
        return IntDistribution(round(values.low), round(values.high), log=takes.log)
    return FloatDistribution(values.low, values.high, log=takes.log)


def read(folder: Path) -> list[Trial]:
    """Everything that a sweep has tried or will try for certain; nothing before it has begun.

    Raises:
        UnknownSweep: the sweep cannot be read.
        DamagedStudy: what it has tried cannot be read.
    """
    if not _has_begun(folder):
        return []
    knobs = sweeps.read(folder).knobs
    try:
        found = [_trial(one) for one in _load(folder).get_trials(deepcopy=False)]
    except _DAMAGED as error:
        raise _damaged(folder) from error
    if not all(_is_possible(one, knobs) for one in found):
        raise _damaged(folder)
    return found


def _damaged(folder: Path) -> DamagedStudy:
    return DamagedStudy(
        _("The results of sweep {name} cannot be read: {file} is damaged. The runs are on the Runs " "page.")
        .format(name=folder.name, file="study.log")
    )  # fmt: skip


def _has_begun(folder: Path) -> bool:
    """Whether there is a whole line in its journal, the first of which makes the study."""
    try:
        return b"\n" in (folder / "study.log").read_bytes()
    except OSError:
        return False


def _load(folder: Path) -> optuna.Study:
    return optuna.load_study(study_name=_NAME, storage=_storage(folder))


def _is_possible(one: Trial, knobs: dict[str, Values]) -> bool:
    """Whether this trial can be one of a sweep with these settings."""
    return (
        (one.accuracy is None or _is_number(one.accuracy, 0, 1))
        and isinstance(one.run, str)
        # A trial that has just begun may not have all its values yet.
        and (set(one.values) == set(knobs) if one.accuracy is not None else set(one.values) <= set(knobs))
        and all(_takes(knobs[name], value) for name, value in one.values.items())
    )


def _takes(values: Values, value: object) -> bool:
    if isinstance(values, Choice):
        return value in values.options
    return _is_number(value, values.low, values.high)


def _is_number(value: object, low: float, high: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high


def _trial(found: FrozenTrial) -> Trial:
    steps = found.intermediate_values
    last = steps[max(steps)] if steps else None
    value = found.value if found.state == TrialState.COMPLETE else last
    return Trial(
        number=found.number,
        state=_STATES[found.state],
        values=found.params or found.system_attrs.get("fixed_params", {}),
        accuracy=value,
        epochs=max(steps, default=0),
        run=found.user_attrs.get("run", ""),
        failure=_FAILURE.validate_python(found.user_attrs.get("reason")),
    )


def importance(folder: Path) -> dict[str, float]:
    """How much of what makes the best runs differ from the others is each knob's doing, together 1.

    Empty before there are `ENOUGH` finished runs, or where they are all alike. Raises as `read`.

    The knobs' weights in PED-ANOVA: Watanabe, Bansal and Hutter, 2023.
    """
    complete = [one for one in read(folder) if one.state == "complete"]
    if len(complete) < ENOUGH or len({one.accuracy for one in complete}) < 2:
        return {}
    found = _load(folder)
    weights = optuna.importance.get_param_importances(found)
    return weights if all(map(math.isfinite, weights.values())) else {}
