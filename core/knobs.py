"""The description of each setting: its title and hint, its limits, and the values of its slider.

All of that stands beside the setting's field: its limits and options in the field's type, the rest in a
`Knob` among the field's annotations. `read` puts both together for the form, the sweeps and the terminal.
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
    """The numbers that a knob is turned to.

    Attributes:
        low, high: the least and the greatest that it can be.
        step: how far apart they are. Where steps are factors it is 2, for the powers of two, or 10, for
            1, 2 and 5 of every power of ten.
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
        """The numbers at which a slider stops, in their order."""
        if not self.log:
            steps = round((self.high - self.low) / self.step)
            return [round(self.low + number * self.step, 4) for number in range(steps + 1)]
        if self.step == 2:
            stops = {2.0**power for power in range(round(self.high).bit_length())}
        else:
            stops = {float(f"{figure}e{power}") for power in range(-7, 6) for figure in (1, 2, 5)}
        return sorted(stop for stop in {*stops, self.high} if self.low <= stop <= self.high)

    def between(self, low: float, high: float, points: int) -> list[float]:
        """So many numbers from `low` to `high`, in even steps or factors; fewer where they are the same."""
        spaced = (np.geomspace if self.log else np.linspace)(low, high, points)
        if self.whole:
            return sorted({round(value) for value in spaced})
        # Three digits are enough, but the ends stay exact: a rounded end could be outside of the limits.
        return sorted({low, *(float(f"{value:.3g}") for value in spaced[1:-1]), high})


class Swept(TypedDict, total=False):
    """In what a sweep turns a number otherwise than the form does, as the fields of `Number`."""

    low: float
    high: float
    step: float
    log: bool
    usual: tuple[float, float]


@dataclass(frozen=True, eq=False)
class Knob:
    """How a setting is turned.

    Texts are English, marked by `core.i18n.N_`; they are translated where they are shown.

    Attributes:
        title: what it is called.
        hint: what it does, in a sentence or two.
        keras: what it is called in a Keras script; "" where Keras has nothing of the kind.
        words: what its options are called, where they are not shown as they are written.
        step: how far apart the numbers are that are offered, as of `Number`.
        log: whether steps are factors.
        least: the least of these above 0, where steps are factors.
        live: whether it can be turned while a run trains.
        swept: how a sweep turns it; None where no sweep does.
        swept_title: what it is called in a sweep, where that turns several layers at once.
        architecture: the only kind of network that has it; None where both do.
        name: what it is called by programs; the field's name unless said otherwise.
        setting: the setting that it is, or is a part of. From here on, `read` fills in what the field says.
        kind: what it is: bool, int, float, or str where it is one of several options.
        low, high: its limits, both of them allowed unless `above`; 0 where it is no number.
        above: whether it has to be above `low`.
        options: what it can be; empty where it is a number.
        optional: whether it may be left empty.
        counts: whether it is the number of a list's items.
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
        """The numbers that a slider offers."""
        lowest = set() if self.above else {float(self.low)}
        return sorted(lowest.union(self._numbers.places()))

    @property
    def takes(self) -> Number | tuple[str, ...]:
        """What a sweep can turn it to: numbers, or options."""
        return self.options or self._numbers._replace(**(self.swept or {}))

    @property
    def _numbers(self) -> Number:
        return Number(self.least or self.low, self.high, self.step, self.log, self.kind is int)

    def option(self, value: str) -> str:
        """What one of its options is called, in the current language."""
        return _(self.words[value]) if value in self.words else value

    def allowed(self) -> str:
        """What it can be, in words."""
        if self.options:
            return _("one of {options}").format(options=", ".join(self.options))
        words = _("above {low} and at most {high}") if self.above else _("from {low} to {high}")
        return words.format(low=self.low, high=self.high)


def read(model: type[BaseModel], setting: str = "") -> dict[str, Knob]:
    """The knobs of a model's fields by their names, in the order of the fields.

    A field that is a list has one for the number of its items, and those of an item.

    Args:
        setting: the setting that they are parts of; "" where each field is a setting of its own.
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
    found = limits(described)
    knob = replace(
        knob,
        name=knob.name or name,
        setting=setting,
        kind=int if many else kind if isinstance(kind, type) else str,
        low=next((found[key] for key in ("ge", "gt", "min_length") if key in found), 0),
        high=next((found[key] for key in ("le", "max_length") if key in found), found.get("lt", 1) - 1),
        above="gt" in found,
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
    """A field's limits, under pydantic's names for them."""
    return {key: getattr(item, key) for item in described.metadata for key in _LIMITS if hasattr(item, key)}


_LIMITS = ("ge", "gt", "le", "lt", "min_length", "max_length")
