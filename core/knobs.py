"""The description of each setting: its title and hint, its limits, and the values of its slider.

All of this is declared with the field of the setting: the limits and options in the type of the field, the
rest in a `Knob` in its annotations. `read` combines both for the form, the sweeps and the command line.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import NoneType
from typing import Any, Literal, NamedTuple, TypedDict, get_args, get_origin

import numpy as np
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from core.i18n import _


class Number(NamedTuple):
    """The numbers that a knob offers.

    Attributes:
        low, high: the smallest and the largest number.
        step: the distance between two numbers. If `log`, 2 means the powers of two, and 10 means 1, 2 and 5
            times every power of ten.
        log: whether the scale is logarithmic.
        whole: whether only whole numbers are allowed.
        usual: the range that is offered first; None for the whole range.
    """

    low: float
    high: float
    step: float = 1
    log: bool = False
    whole: bool = False
    usual: tuple[float, float] | None = None

    def places(self) -> list[float]:
        """The positions of a slider, in ascending order."""
        if not self.log:
            steps = round((self.high - self.low) / self.step)
            return [round(self.low + number * self.step, 4) for number in range(steps + 1)]
        if self.step == 2:
            stops = {2.0**power for power in range(round(self.high).bit_length())}
        else:
            stops = {float(f"{figure}e{power}") for power in range(-7, 6) for figure in (1, 2, 5)}
        return sorted(stop for stop in {*stops, self.high} if self.low <= stop <= self.high)

    def between(self, low: float, high: float, points: int) -> list[float]:
        """Evenly spaced numbers from `low` to `high`, on the scale of the knob, without repetitions."""
        spaced = (np.geomspace if self.log else np.linspace)(low, high, points)
        if self.whole:
            return sorted({round(value) for value in spaced})
        # Three digits are enough, but the ends stay exact: a rounded end could be outside of the limits.
        return sorted({low, *(float(f"{value:.3g}") for value in spaced[1:-1]), high})


class Swept(TypedDict, total=False):
    """The fields of `Number` that differ between a sweep and the form."""

    low: float
    high: float
    step: float
    log: bool
    usual: tuple[float, float]


@dataclass(frozen=True, eq=False)
class Knob:
    """The description of a setting.

    Texts are English and marked by `core.i18n.N_`. They are translated when they are shown. `read` sets the
    attributes from `setting` on, from the type of the field.

    Attributes:
        title: the name that people see.
        hint: the effect on training, in one or two sentences.
        keras: the name in a Keras script; "" if Keras has no such setting.
        words: the names of the options that people see, if they differ from the options.
        step: the distance between two numbers, see `Number`.
        log: whether the scale is logarithmic.
        least: the smallest number above 0 on a logarithmic scale.
        live: whether the setting can be changed while a run trains.
        swept: the differences for a sweep; None if a sweep cannot vary the setting.
        swept_title: the name in a sweep, if the sweep varies several layers at once.
        architecture: the only architecture with this setting; None for both.
        name: the name in programs; by default, the name of the field.
        setting: the name of the setting, or of the setting of which this is a part.
        kind: the type: bool, int, float, or str for one of several options.
        low, high: the limits. Both are allowed, unless `above`. 0 if the setting is not a number.
        above: whether the value must be above `low`.
        options: the allowed options; empty if the setting is a number.
        optional: whether the setting may be empty.
        counts: whether this is the length of a list.
    """

    title: str
    hint: str
    keras: str = ""
    words: Mapping[str, str] = field(default_factory=dict)
    step: float = 1
    log: bool = False
    least: float = 0
    live: bool = False
    swept: Swept | None = None
    swept_title: str = ""
    architecture: Literal["mlp", "cnn"] | None = None
    name: str = ""
    setting: str = ""
    kind: type = str
    low: float = 0
    high: float = 0
    above: bool = False
    options: tuple[str, ...] = ()
    optional: bool = False
    counts: bool = False

    @property
    def places(self) -> list[float]:
        """The positions of a slider, in ascending order, within the limits."""
        lowest = set() if self.above else {float(self.low)}
        return sorted(lowest.union(self._numbers.places()))

    @property
    def takes(self) -> Number | tuple[str, ...]:
        """The values that a sweep can choose: numbers, or options."""
        return self.options or self._numbers._replace(**(self.swept or {}))

    @property
    def _numbers(self) -> Number:
        return Number(self.least or self.low, self.high, self.step, self.log, self.kind is int)

    def option(self, value: str) -> str:
        """The name of an option, in the current language."""
        return _(self.words[value]) if value in self.words else value

    def allowed(self) -> str:
        """The allowed values, in words."""
        if self.options:
            return _("one of {options}").format(options=", ".join(self.options))
        words = _("above {low} and at most {high}") if self.above else _("from {low} to {high}")
        return words.format(low=self.low, high=self.high)


def read(model: type[BaseModel], setting: str = "") -> dict[str, Knob]:
    """The knobs of a model's fields by their names, in the order of the fields.

    A field that is a list has a knob for its length, and the knobs of an item.

    Args:
        setting: the setting of which the fields are parts; "" if each field is a setting.
    """
    knobs: dict[str, Knob] = {}
    for name, described in model.model_fields.items():
        knobs |= _read(described, name, setting or name)
    return knobs


def _read(described: FieldInfo, name: str, setting: str) -> dict[str, Knob]:
    knob = next((item for item in described.metadata if isinstance(item, Knob)), None)
    if knob is None:
        return {}
    either = get_args(described.annotation)
    kind: Any = either[0] if NoneType in either else described.annotation
    many = get_origin(kind) is tuple
    bounds = limits(described)
    knob = replace(
        knob,
        name=knob.name or name,
        setting=setting,
        kind=int if many else kind if isinstance(kind, type) else str,
        low=next((bounds[key] for key in ("ge", "gt", "min_length") if key in bounds), 0),
        high=next((bounds[key] for key in ("le", "max_length") if key in bounds), bounds.get("lt", 1) - 1),
        above="gt" in bounds,
        optional=NoneType in either,
        counts=many,
        options=("false", "true") if kind is bool else get_args(kind) if get_origin(kind) is Literal else (),
    )
    knobs = {knob.name: knob}
    if many:
        item = get_args(kind)[0]
        is_model = isinstance(item, type) and issubclass(item, BaseModel)
        parts = read(item, setting) if is_model else _read(FieldInfo.from_annotation(item), name, setting)
        knobs |= {part: replace(inner, architecture=knob.architecture) for part, inner in parts.items()}
    return knobs


def limits(described: FieldInfo) -> dict[str, Any]:
    """The limits of a field, by the names that pydantic uses."""
    return {key: getattr(item, key) for item in described.metadata for key in _LIMITS if hasattr(item, key)}


_LIMITS = ("ge", "gt", "le", "lt", "min_length", "max_length")
