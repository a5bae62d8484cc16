"""The space that a sweep searches: the knobs that it can turn, and what each of them takes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from core.config import Activation, Initializer, OptimizerName, RunConfig, Schedule
from core.i18n import _

MOST_POINTS = 20  # of a grid, along one knob


class BadSweep(ValueError):
    """A sweep that cannot be run. The message says what was received and what is allowed."""


class Number(NamedTuple):
    """A setting that is a number.

    Attributes:
        low, high: the least and the greatest that it can be.
        step: how far apart the numbers are that a range is offered to begin or end at. Where steps are
            factors it is 2, for the powers of two, or 10, for 1, 2 and 5 of every power of ten.
        log: whether steps are factors.
        whole: whether it is a whole number.
        usual: the range in which people begin to look; None where that is all of it.
    """

    low: float
    high: float
    step: float = 1
    log: bool = False
    whole: bool = False
    usual: tuple[float, float] | None = None

    def places(self) -> list[float]:
        """The numbers that a range is offered to begin or end at, in their order."""
        if not self.log:
            steps = round((self.high - self.low) / self.step)
            return [round(self.low + number * self.step, 4) for number in range(steps + 1)]
        if self.step == 2:
            found = {2.0**power for power in range(round(self.high).bit_length())}
        else:
            found = {float(f"{figure}e{power}") for power in range(-7, 6) for figure in (1, 2, 5)}
        return sorted(value for value in {*found, self.high} if self.low <= value <= self.high)

    def between(self, low: float, high: float, points: int) -> list[float]:
        """So many numbers from `low` to `high`, in even steps or factors; fewer where they are the same."""
        found = (np.geomspace if self.log else np.linspace)(low, high, points)
        if self.whole:
            return sorted({round(value) for value in found})
        # Three figures say what is meant; but the ends are what they are, or they would lie outside.
        return sorted({low, *(float(f"{value:.3g}") for value in found[1:-1]), high})


class Knob(NamedTuple):
    """A setting that can be swept.

    Attributes:
        takes: the numbers that it can be, or the options.
        architecture: the only kind of network that has it; None where both do.
        turned: the settings that it stands for; None where it is a setting itself.
    """

    takes: Number | tuple[str, ...]
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


_WIDTH = Number(4, 1024, 2, log=True, whole=True, usual=(16, 256))

KNOBS: dict[str, Knob] = {
    "learning_rate": Knob(Number(1e-5, 1, 10, log=True, usual=(1e-4, 1e-1))),
    "batch_size": Knob(Number(8, 1024, 2, log=True, whole=True, usual=(16, 256))),
    "units": Knob(_WIDTH, "mlp", lambda config, units: {"hidden_units": (units,) * len(config.hidden_units)}),
    "hidden_layers": Knob(
        Number(1, 4, whole=True), "mlp", lambda config, n: {"hidden_units": config.hidden_units[:1] * n}
    ),
    "filters": Knob(Number(2, 128, 2, log=True, whole=True, usual=(4, 32)), "cnn", _filters),
    "kernel_size": Knob(Number(1, 7, whole=True, usual=(3, 5)), "cnn", _kernels),
    "dense_units": Knob(_WIDTH, "cnn"),
    "dropout": Knob(Number(0, 0.9, 0.05, usual=(0, 0.6))),
    "l2": Knob(Number(1e-6, 0.1, 10, log=True, usual=(1e-6, 1e-2))),
    "label_smoothing": Knob(Number(0, 0.5, 0.05, usual=(0, 0.2))),
    "training_images": Knob(Number(100, 60_000, 10, log=True, whole=True)),
    "optimizer": Knob(get_args(OptimizerName)),
    "activation": Knob(get_args(Activation)),
    "kernel_initializer": Knob(get_args(Initializer)),
    "learning_rate_schedule": Knob(get_args(Schedule)),
    "batch_normalization": Knob(("false", "true")),
    "rotation": Knob(Number(0, 45, usual=(0, 20))),
    "shift": Knob(Number(0, 8, 0.5, usual=(0, 4))),
    "zoom": Knob(Number(0, 0.5, 0.05, usual=(0, 0.25))),
    "elastic": Knob(Number(0, 3, 0.25, usual=(0, 1.5))),
}


def knobs(config: RunConfig) -> list[str]:
    """The names of the knobs that these settings have."""
    return [name for name, knob in KNOBS.items() if knob.architecture in (None, config.architecture)]


def turn(config: RunConfig, name: str, value: Any) -> RunConfig:
    """The settings with this knob turned. Raises `core.config.ConfigError`."""
    turned = KNOBS[name].turned
    return config.but(**(turned(config, value) if turned else {name: value}))


class Frozen(BaseModel):
    """What a sweep is written as."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Span(Frozen):
    """The numbers that a knob takes.

    Attributes:
        low, high: the least and the greatest.
        points: how many of them a grid tries.
    """

    low: float
    high: float
    points: int = Field(3, ge=2, le=MOST_POINTS)


class Choice(Frozen):
    """The options that a knob takes."""

    options: tuple[str, ...]


Values = Span | Choice


def points(name: str, values: Values) -> Sequence[Any]:
    """What a grid tries of one knob. The values must be such as it takes, see `check`."""
    takes = KNOBS[name].takes
    if isinstance(takes, Number):
        assert isinstance(values, Span)
        return takes.between(values.low, values.high, values.points)
    assert isinstance(values, Choice)
    return values.options


def ways(name: str, values: Values) -> float:
    """In how many ways a knob can be set within these values; infinity for a range of fractions."""
    if isinstance(values, Choice):
        return len(values.options)
    takes = KNOBS[name].takes
    whole = isinstance(takes, Number) and takes.whole
    return 1 + round(values.high) - round(values.low) if whole else math.inf


def check(name: str, values: Values, config: RunConfig) -> None:
    """Whether a knob of these settings can take these values. Raises BadSweep."""
    if name not in knobs(config):
        raise BadSweep(
            _("{name} is no knob of this network. Choose of {names}.").format(
                name=repr(name), names=", ".join(knobs(config))
            )
        )
    takes = KNOBS[name].takes
    if isinstance(takes, Number):
        if not isinstance(values, Span):
            raise BadSweep(_("{name} needs {what}.").format(name=name, what=_("a range of numbers")))
        if not takes.low <= values.low < values.high <= takes.high:
            raise BadSweep(
                _(
                    "{name} was to go from {low:g} to {high:g}. Its range lies between {least:g} and "
                    "{most:g}."
                ).format(name=name, low=values.low, high=values.high, least=takes.low, most=takes.high)
            )
    elif not isinstance(values, Choice):
        raise BadSweep(_("{name} needs {what}.").format(name=name, what=_("options to choose from")))
    elif (
        len(values.options) < 2
        or len(set(values.options)) < len(values.options)
        or not set(values.options) <= set(takes)
    ):
        raise BadSweep(
            _("{name} was given {received}. Choose two or more of {options}.").format(
                name=name, received=", ".join(values.options) or _("nothing"), options=", ".join(takes)
            )
        )


def short(value: object) -> str:
    """A knob's value in as few characters as say it."""
    return f"{value:.3g}" if isinstance(value, float) else str(value)
