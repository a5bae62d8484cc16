"""The description of a data set: the shape of its images, its classes, its size, and its source.

All code that depends on these uses a `DatasetSpec`. Two specs are built in. A school may have more data sets.
Each is a folder in the operator's folder of data sets, with the spec in ``dataset.json`` and the images in
``arrays.npz``, see `core.data.datasets`.
"""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from core.config import ConfigError
from core.failures import KnownFailure
from core.i18n import N_, _
from core.settings import Settings

FILE = "dataset.json"
MOST_SIDE = 256  # pixels
MOST_CLASSES = 256  # the number of values of a byte
_MOST_BYTES = 100_000  # of a spec as JSON
_Side = Annotated[int, Field(ge=8, le=MOST_SIDE)]
_Size = Annotated[int, Field(ge=1, le=1_000_000)]
_Name = Annotated[str, Field(min_length=1, max_length=60)]
_Text = Annotated[str, Field(max_length=2_000)]


class DatasetSpec(BaseModel):
    """The description of a data set. Its texts are translated when they are shown.

    Attributes:
        name: the name in settings, addresses and file names.
        title: the name that people see.
        shape: the height and width of the images in pixels, and their number of channels, 1 or 3.
        classes: the names of the classes, 2 to 256. A label is an index in this list.
        train, test: the number of training and test images.
        source: a sentence about the origin.
        licence: the licence of the data.
        drawable: whether the classes can be drawn by hand and preprocessed like the digits of MNIST.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")
    title: _Name
    shape: tuple[_Side, _Side, Literal[1, 3]]
    classes: tuple[_Name, ...] = Field(min_length=2, max_length=MOST_CLASSES)
    train: _Size
    test: _Size
    source: _Text = ""
    licence: _Text = ""
    drawable: bool = False

    @field_validator("classes")
    @classmethod
    def _each_once(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(names)) < len(names):
            raise ValueError("Two classes have the same name.")
        return names

    @property
    def image(self) -> tuple[int, ...]:
        """The shape of an image as an array. A single channel is left out."""
        return self.shape[:2] if self.shape[2] == 1 else self.shape

    @property
    def side_by_side(self) -> str:
        """Height and width in words: "28×28"."""
        return f"{self.shape[0]}×{self.shape[1]}"

    @property
    def most_bytes(self) -> int:
        """The maximum size of the uncompressed images and labels, with their headers."""
        return (self.train + self.test) * (math.prod(self.shape) + 8) + 100_000

    @property
    def are_digits(self) -> bool:
        """Whether the classes are the ten digits, in ascending order."""
        return self.classes == MNIST.classes

    @property
    def takes_drawings(self) -> bool:
        """Whether a network for this data set can classify drawings, because its images are like MNIST's."""
        return self.drawable and self.reads_like(MNIST)

    def reads_like(self, other: DatasetSpec) -> bool:
        """Whether a network for one data set can classify the images of the other, with the same classes."""
        return self.image == other.image and self.classes == other.classes


_SOURCE = N_("MNIST's digits were written by employees of the US Census Bureau and by high-school students.")
_MNIST_LIKE = {
    "shape": (28, 28, 1), "classes": tuple("0123456789"), "source": _SOURCE,
    "licence": "CC BY-SA 3.0", "drawable": True,
}  # fmt: skip
BUILT_IN = {
    spec.name: spec
    for spec in (
        DatasetSpec.model_validate(_MNIST_LIKE | given)
        for given in (
            {"name": "mnist-5k", "title": N_("5,000 digits of MNIST"), "train": 4_000, "test": 1_000},
            {"name": "mnist", "title": "MNIST", "train": 60_000, "test": 10_000},
        )
    )
}
MNIST = BUILT_IN["mnist"]
MOST_IMAGES = max(spec.train for spec in BUILT_IN.values())  # the largest number that a form offers


class DatasetMissing(KnownFailure, LookupError):
    """The data set is missing on this machine. The message names the data set, and says what to do."""


class UnknownDataset(DatasetMissing, ConfigError):
    """There is no data set with this name. The message lists all data sets."""


def names() -> list[str]:
    """The names of all data sets, the built-in ones first."""
    root = Settings().datasets
    try:
        more = sorted(entry.name for entry in os.scandir(root)) if root else []
    except OSError:
        more = []
    return [*BUILT_IN, *(name for name in more if name not in BUILT_IN and find(name))]


def find(name: str) -> DatasetSpec | None:
    """The spec of the data set with this name; None if there is no such data set."""
    if name in BUILT_IN:
        return BUILT_IN[name]
    file = folder(name)
    spec = read(file / FILE) if file else None
    return spec if spec and spec.name == name else None


def of(name: str) -> DatasetSpec:
    """The spec of the data set with this name. Raises UnknownDataset."""
    if spec := find(name):
        return spec
    *others, last = map(repr, names())
    expected = f"{', '.join(others)} or {last}"
    raise UnknownDataset("dataset_unknown", received=f'"{name}"', expected=expected)


def folder(name: str) -> Path | None:
    """The folder of a data set that is not built in; None for an invalid name or without such folders."""
    root = Settings().datasets
    return root / name if root and Path(name).name == name else None


def read(file: Path) -> DatasetSpec | None:
    """Read a spec from an untrusted file; None if it is not valid."""
    try:
        with file.open("rb") as opened:
            return DatasetSpec.model_validate_json(opened.read(_MOST_BYTES))
    except (OSError, ValidationError):
        return None


def noun(spec: DatasetSpec) -> str:
    """The word for a class in a text: "digit" or "class", translated."""
    return _("digit") if spec.are_digits else _("class")
