"""Sweeps: many runs that differ in a few knobs, tried by a grid, by chance, or by what came out before.

A sweep is a folder in ``.sweeps`` of the runs folder. Where it stands and what is asked of it is written as
for a run, see `core.runs`, and its process, `core.sweeper`, holds ``worker.lock`` and leaves ``coming.json``
and ``log.txt`` as a run's worker does. Besides that there are

==============  ==========  ==================================================================
file            written by  holds
==============  ==========  ==================================================================
``sweep.json``  anyone      the `Sweep`; only how many runs it is to have is ever changed
``study.log``   sweeper     Optuna's journal: what was tried and what came of it
==============  ==========  ==================================================================
"""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from itertools import product
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from core import jobs, runs, warm
from core.config import Activation, Initializer, OptimizerName, RunConfig, Schedule
from core.i18n import _
from core.labels import MOST_TAG, tidy
from core.settings import Settings

Method = Literal["grid", "random", "tpe"]
METHODS: tuple[Method, ...] = get_args(Method)
FEWEST, MOST = 2, 4  # knobs
_MOST_POINTS = 20  # of a grid, along one knob
FOLDER = ".sweeps"


class BadSweep(ValueError):
    """A sweep that cannot be run. The message says what was received and what is allowed."""


class UnknownSweep(LookupError):
    """There is no sweep of that name, or none that can be read."""


# ------------------------------------------------------------------------------------------- the knobs


class Knob(NamedTuple):
    """A setting that can be swept.

    Attributes:
        low, high: for a number, the least and the greatest that it can be.
        log: whether a step of a number is a factor.
        whole: whether it is a whole number.
        options: for a choice, what there is to choose from, as text.
        architecture: the only kind of network that has it; None where both do.
        turned: what turns it in some settings; None where it is a setting itself.
    """

    low: float = 0
    high: float = 0
    log: bool = False
    whole: bool = False
    options: tuple[str, ...] = ()
    architecture: Literal["mlp", "cnn"] | None = None
    turned: Callable[[RunConfig, Any], dict[str, Any]] | None = None


def _filters(config: RunConfig, first: int) -> dict[str, Any]:
    """The first block gets so many, and the others keep their share of it."""
    blocks = [block.model_dump() for block in config.conv_blocks]
    for block in blocks[1:]:
        block["filters"] = min(256, max(1, round(first * block["filters"] / blocks[0]["filters"])))
    blocks[0]["filters"] = first
    return {"conv_blocks": blocks}


def _kernels(config: RunConfig, size: int) -> dict[str, Any]:
    return {"conv_blocks": [block.model_dump() | {"kernel_size": size} for block in config.conv_blocks]}


KNOBS: dict[str, Knob] = {
    "learning_rate": Knob(1e-5, 1, log=True),
    "batch_size": Knob(8, 1024, log=True, whole=True),
    "units": Knob(
        4, 1024, log=True, whole=True, architecture="mlp",
        turned=lambda config, units: {"hidden_units": (units,) * len(config.hidden_units)},
    ),
    "hidden_layers": Knob(
        1, 4, whole=True, architecture="mlp",
        turned=lambda config, layers: {"hidden_units": config.hidden_units[:1] * layers},
    ),
    "filters": Knob(2, 128, log=True, whole=True, architecture="cnn", turned=_filters),
    "kernel_size": Knob(1, 7, whole=True, architecture="cnn", turned=_kernels),
    "dense_units": Knob(4, 1024, log=True, whole=True, architecture="cnn"),
    "dropout": Knob(0, 0.9),
    "l2": Knob(1e-6, 0.1, log=True),
    "label_smoothing": Knob(0, 0.5),
    "training_images": Knob(100, 60_000, log=True, whole=True),
    "optimizer": Knob(options=get_args(OptimizerName)),
    "activation": Knob(options=get_args(Activation)),
    "kernel_initializer": Knob(options=get_args(Initializer)),
    "learning_rate_schedule": Knob(options=get_args(Schedule)),
    "batch_normalization": Knob(options=("false", "true")),
    "rotation": Knob(0, 45),
    "shift": Knob(0, 8),
    "zoom": Knob(0, 0.5),
    "elastic": Knob(0, 3),
}  # fmt: skip


def knobs(config: RunConfig) -> list[str]:
    """The names of the knobs that these settings have."""
    return [name for name, knob in KNOBS.items() if knob.architecture in (None, config.architecture)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Span(_Frozen):
    """The numbers that a knob takes.

    Attributes:
        low, high: the least and the greatest.
        points: how many of them a grid tries.
    """

    low: float
    high: float
    points: int = Field(3, ge=2, le=_MOST_POINTS)


class Choice(_Frozen):
    """The options that a knob takes."""

    options: tuple[str, ...]


Values = Span | Choice


# ------------------------------------------------------------------------------------------- the sweep


class Sweep(_Frozen):
    """What is to be tried.

    Attributes:
        name: what people call it; its runs have it as a tag.
        base: the settings that all of its runs share, but for the knobs.
        knobs: what each of them takes.
        method: ``"grid"`` tries every combination, ``"random"`` draws each by itself, ``"tpe"`` draws where
            it was good before (tree-structured Parzen estimator: Bergstra et al., 2011).
        trials: how many runs it is to have in all.
        pruning: whether a run that is behind the median of those before is stopped early.
    """

    name: str
    base: RunConfig
    knobs: dict[str, Values]
    method: Method = "tpe"
    trials: int = Field(20, ge=1)
    pruning: bool = True

    def config(self, values: dict[str, Any]) -> RunConfig:
        """The settings of the run with these values of the knobs."""
        found = self.base
        for name, value in values.items():
            turned = KNOBS[name].turned
            found = found.but(**(turned(found, value) if turned else {name: value}))
        return found

    def grid(self) -> list[dict[str, Any]]:
        """Every combination that a grid tries."""
        lines = [points(name, values) for name, values in self.knobs.items()]
        return [dict(zip(self.knobs, found, strict=True)) for found in product(*lines)]


def points(name: str, values: Values) -> list[Any]:
    """What a grid tries of one knob: evenly spaced, or in even factors where a step is a factor."""
    if isinstance(values, Choice):
        return list(values.options)
    knob = KNOBS[name]
    space = np.geomspace if knob.log else np.linspace
    found = space(values.low, values.high, values.points)
    if knob.whole:
        return sorted({round(value) for value in found})
    # Three figures say what is meant; but the ends are what they are, or they would lie outside.
    inner = [float(f"{value:.3g}") for value in found[1:-1]]
    return [values.low, *inner, values.high]


def check(sweep: Sweep, settings: Settings) -> None:
    """Whether a sweep can be run here.

    Raises:
        BadSweep: something of it cannot be.
        ImpossibleNetwork, DatasetMissing, NotAllowed: as `core.jobs.check`, for the shared settings.
    """
    if not tidy(sweep.name):
        raise BadSweep(_("Give the sweep a name, to find its runs by."))
    if len(sweep.name) > MOST_TAG:
        raise BadSweep(
            _("The name has {n} characters; at most {most} are allowed.").format(
                n=len(sweep.name), most=MOST_TAG
            )
        )
    if not FEWEST <= len(sweep.knobs) <= MOST:
        raise BadSweep(
            _(
                "You chose {n} knobs. Choose {fewest} to {most}: with more, the runs are spread too thin."
            ).format(n=len(sweep.knobs), fewest=FEWEST, most=MOST)
        )
    for name, values in sweep.knobs.items():
        _check_values(sweep, name, values)
    if not sweep.base.validation_split:
        raise BadSweep(
            _(
                "A sweep chooses by the validation images, and these settings hold none back. Set a "
                "validation share above 0. To choose by the test images would make their accuracy too good "
                "to be true."
            )
        )
    number = len(sweep.grid()) if sweep.method == "grid" else sweep.trials
    if number > settings.max_trials:
        raise BadSweep(
            _("That makes {n:,} runs; at most {most:,} are allowed here. Try fewer values.").format(
                n=number, most=settings.max_trials
            )
        )
    jobs.check(sweep.base, settings)


def _check_values(sweep: Sweep, name: str, values: Values) -> None:
    if name not in knobs(sweep.base):
        raise BadSweep(
            _("{name} is no knob of this network. Choose of {names}.").format(
                name=repr(name), names=", ".join(knobs(sweep.base))
            )
        )
    knob = KNOBS[name]
    if isinstance(values, Choice) != bool(knob.options):
        raise BadSweep(_("{name} needs {what}.").format(
            name=name, what=_("options to choose from") if knob.options else _("a range of numbers")
        ))  # fmt: skip
    if isinstance(values, Choice):
        wrong = [option for option in values.options if option not in knob.options]
        if wrong or len(set(values.options)) < 2 or len(set(values.options)) < len(values.options):
            raise BadSweep(
                _("{name} was given {received}. Choose two or more of {options}.").format(
                    name=name, received=", ".join(values.options) or _("nothing"),
                    options=", ".join(knob.options),
                )
            )  # fmt: skip
    elif not knob.low <= values.low < values.high <= knob.high:
        raise BadSweep(
            _(
                "{name} was to go from {low:g} to {high:g}. Its range lies between {least:g} and {most:g}."
            ).format(name=name, low=values.low, high=values.high, least=knob.low, most=knob.high)
        )


def submit(sweep: Sweep, settings: Settings) -> Path:
    """Make a sweep and start it.

    Returns:
        Its folder.

    Raises:
        BadSweep, ImpossibleNetwork, DatasetMissing, NotAllowed: as `check`, or there is no room.
        OSError: the runs folder cannot be written to.
    """
    check(sweep, settings)
    jobs.check_room(settings)
    running = [found for found in every(settings.runs) if runs.status(found).state not in runs.RESTING]
    if len(running) >= settings.max_sweeps:
        raise jobs.NotAllowed(
            _("{n} sweeps are running already. Wait until one has ended, or pause one.").format(
                n=len(running)
            )
        )
    if sweep.method == "grid":
        sweep = sweep.model_copy(update={"trials": len(sweep.grid())})
    folder = runs.new_folder(settings.runs.absolute() / FOLDER)
    now = time.time()
    runs.write_status(folder, runs.Status(state="queued", created=now, queued=now, heartbeat=now))
    _write(folder, sweep)
    _start(folder)
    return folder


def _write(folder: Path, sweep: Sweep) -> None:
    runs.write_json(folder / "sweep.json", sweep.model_dump(mode="json"))


def _start(folder: Path) -> None:
    with (folder / "log.txt").open("ab") as log:
        process = warm.spawn([str(folder.absolute())], log, subprocess.DEVNULL, module="core.sweeper")
    runs.announce(folder, process.pid)


def read(folder: Path) -> Sweep:
    """What a sweep tries. Raises UnknownSweep."""
    try:
        return runs.settled(_read, folder / "sweep.json")
    except (OSError, ValidationError) as error:
        raise UnknownSweep(
            _("There is no sweep {name}. It may have been deleted; choose another.").format(
                name=repr(folder.name[:64])
            )
        ) from error


def _read(file: Path) -> Sweep:
    return Sweep.model_validate_json(file.read_bytes())


def every(root: Path) -> list[Path]:
    """The folders of the sweeps that can be read, newest first."""
    found = []
    folder = root / FOLDER
    for name in sorted((entry.name for entry in folder.iterdir()), reverse=True) if folder.is_dir() else []:
        try:
            if runs.is_name(name):
                read(folder / name)
                runs.written_status(folder / name)
                found.append(folder / name)
        except (UnknownSweep, runs.UnknownRun):
            continue  # half made, or damaged
    return found


def find(root: Path, name: str) -> Path:
    """The folder of the sweep of this name, which may come from a URL. Raises UnknownSweep."""
    folder = root / FOLDER / (name if runs.is_name(name) else "-")
    read(folder)
    return folder


# ------------------------------------------------------------------------------------------- what was tried

State = Literal["waiting", "running", "complete", "pruned", "failed"]


class Trial(NamedTuple):
    """One run of a sweep.

    Attributes:
        number: from 0, in the order in which they began.
        state: `waiting` is a place in a grid; `pruned` was stopped before its end.
        values: what the knobs were set to.
        accuracy: on the validation images, 0 to 1; of one that runs or was pruned, after its last epoch.
        epochs: how many have been seen of it.
        run: the name of its run; "" if it has none.
        reason: why it failed.
    """

    number: int
    state: State
    values: dict[str, Any]
    accuracy: float | None
    epochs: int
    run: str
    reason: str


def best(trials: Sequence[Trial]) -> Trial | None:
    """The finished run that reads the validation images best, the first of several."""
    complete = [one for one in trials if one.state == "complete" and one.accuracy is not None]
    return max(complete, key=lambda one: (one.accuracy or 0, -one.number), default=None)


def short(value: object) -> str:
    """A knob's value in as few characters as say it."""
    return f"{value:.3g}" if isinstance(value, float) else str(value)


# --------------------------------------------------------------------------------------- what is asked of it


def pause(folder: Path) -> None:
    """Pause the runs that train, and begin no other. Changes nothing where it rests."""
    with runs.changing_request(folder) as change:
        if runs.status(folder).state not in runs.RESTING:
            change(action="pause")


def stop(folder: Path) -> None:
    """Stop the runs that train or are paused, and begin no other. Changes nothing where it has ended."""
    with runs.changing_request(folder) as change:
        state = runs.status(folder).state
        if state in runs.ENDED:
            return
        change(action="stop")
        if state in runs.RESTING:
            _queue(folder)  # there may be paused runs to be stopped


def go_on(folder: Path, settings: Settings, more: int = 0) -> None:
    """Go on with a sweep that rests, or give one more runs.

    Raises:
        BadSweep: it would have more runs than are allowed.
        UnknownSweep: it is gone.
    """
    sweep = read(folder)
    if sweep.trials + more > settings.max_trials:
        raise BadSweep(
            _("That makes {n:,} runs; at most {most:,} are allowed here. Try fewer values.").format(
                n=sweep.trials + more, most=settings.max_trials
            )
        )
    with runs.changing_request(folder) as change:
        if more:
            _write(folder, sweep.model_copy(update={"trials": sweep.trials + more}))
        state = runs.status(folder).state
        change(action="run")
        if state in runs.RESTING or state in ("pausing", "stopping"):
            _queue(folder)  # who is about to leave makes room for the next


def _queue(folder: Path) -> None:
    if not runs.worker_is_alive(folder):
        now = time.time()
        status = runs.written_status(folder)
        runs.write_status(
            folder, status.model_copy(update={"state": "queued", "queued": now, "pid": 0, "error": ""})
        )
    _start(folder)


def forget(folder: Path) -> None:
    """Delete a sweep that rests. Its runs stay.

    Raises:
        BadSweep: it does not rest.
    """
    if runs.status(folder).state not in runs.RESTING:
        raise BadSweep(_("The sweep is running. Stop or pause it first."))
    shutil.rmtree(folder)
