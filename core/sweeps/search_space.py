"""The search space of a sweep: the settings that it can vary, and their values."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from core.config import KNOBS, RunConfig
from core.data import specs
from core.i18n import _
from core.knobs import Knob, Number, Swept

MOST_POINTS = 20  # of a grid, along one knob


class BadSweep(ValueError):
    """A sweep that cannot be run. The message says what was received and what is allowed."""


def _filters(config: RunConfig, first: int) -> dict[str, Any]:
    """The first block gets `first` filters. The other blocks keep their ratio to the first."""
    most = round(SWEPT["filters"].high)
    blocks = [block.model_dump() for block in config.conv_blocks]
    for block in blocks[1:]:
        block["filters"] = min(most, max(1, round(first * block["filters"] / blocks[0]["filters"])))
    blocks[0]["filters"] = first
    return {"conv_blocks": blocks}


def _kernels(config: RunConfig, size: int) -> dict[str, Any]:
    return {"conv_blocks": [block.model_dump() | {"kernel_size": size} for block in config.conv_blocks]}


# The settings that a value changes, for knobs that are not themselves a setting.
_TURNED: dict[str, Callable[[RunConfig, Any], dict[str, Any]]] = {
    "units": lambda config, units: {"hidden_units": (units,) * len(config.hidden_units)},
    "hidden_layers": lambda config, number: {"hidden_units": config.hidden_units[:1] * number},
    "filters": _filters,
    "kernel_size": _kernels,
}
FIRST = ("learning_rate", "batch_size")  # the most common choices
SWEPT: dict[str, Knob] = {
    name: KNOBS[name] for name in dict.fromkeys((*FIRST, *KNOBS)) if KNOBS[name].swept is not None
}
# The field of the setting has no upper limit, because the limit depends on the data set.
_IMAGES = SWEPT["training_images"]
SWEPT[_IMAGES.name] = replace(_IMAGES, swept=(_IMAGES.swept or Swept()) | Swept(high=specs.MOST_IMAGES))


def knobs(config: RunConfig) -> list[str]:
    """The names of the knobs that apply to these settings."""
    return [name for name, knob in SWEPT.items() if knob.architecture in (None, config.architecture)]


def turn(config: RunConfig, name: str, value: Any) -> RunConfig:
    """The settings with this value of the knob. Raises `core.config.ConfigError`."""
    return config.but(**(_TURNED[name](config, value) if name in _TURNED else {name: value}))


class Frozen(BaseModel):
    """A part of the file of a sweep. It does not change."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Span(Frozen):
    """A range of numbers for a knob.

    Attributes:
        low, high: the smallest and the largest number.
        points: how many numbers a grid tries.
    """

    low: float
    high: float
    points: int = Field(3, ge=2, le=MOST_POINTS)


class Choice(Frozen):
    """A list of options for a knob."""

    options: tuple[str, ...]


Values = Span | Choice


def points(name: str, values: Values) -> Sequence[Any]:
    """The values of a knob that a grid tries. The values must be valid, see `check`."""
    takes = SWEPT[name].takes
    if isinstance(takes, Number):
        assert isinstance(values, Span)
        return takes.between(values.low, values.high, values.points)
    assert isinstance(values, Choice)
    return values.options


def ways(name: str, values: Values) -> float:
    """The number of different values of a knob; infinity for a range of fractions."""
    if isinstance(values, Choice):
        return len(values.options)
    takes = SWEPT[name].takes
    whole = isinstance(takes, Number) and takes.whole
    return 1 + round(values.high) - round(values.low) if whole else math.inf


def check(name: str, values: Values, config: RunConfig) -> None:
    """Check that the knob applies to these settings and allows these values. Raises BadSweep."""
    if name not in knobs(config):
        raise BadSweep(
            _("{name} is not a setting of this network. Choose from {names}.").format(
                name=repr(name), names=", ".join(knobs(config))
            )
        )
    takes = SWEPT[name].takes
    if isinstance(takes, Number):
        if not isinstance(values, Span):
            raise BadSweep(_("{name} needs {what}.").format(name=name, what=_("a range of numbers")))
        if not takes.low <= values.low < values.high <= takes.high:
            raise BadSweep(
                _(
                    "{name} has the range {low:g} to {high:g}; a range from {least:g} to {most:g} is allowed."
                ).format(name=name, low=values.low, high=values.high, least=takes.low, most=takes.high)
            )
    elif not isinstance(values, Choice):
        raise BadSweep(_("{name} needs {what}.").format(name=name, what=_("a list of options")))
    elif (
        len(values.options) < 2
        or len(set(values.options)) < len(values.options)
        or not set(values.options) <= set(takes)
    ):
        raise BadSweep(
            _("{name} has {received}. Choose two or more of {options}.").format(
                name=name, received=", ".join(values.options) or _("no options"), options=", ".join(takes)
            )
        )


def short(value: object) -> str:
    """A short text for a value: three significant digits of a float."""
    return f"{value:.3g}" if isinstance(value, float) else str(value)
