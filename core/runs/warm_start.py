"""The start of a fine-tuned run: the weights of another run, and drawings to train on.

A lesson is a file in the run's directory. So the run can be resumed, and copied to another machine, without
the other run and the drawings.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.data.datasets import Dataset
from core.data.specs import DatasetSpec
from core.files import DAMAGED_ARCHIVE, read_npz, replacing
from core.network import architectures as arch
from core.network.onnx_graph import Weights, flatten, numbers, unflatten
from core.runs import records, run_folder

_FILE = "lesson.npz"
_WEIGHTS = "weights/"
# The limit for a lesson with all its copies. It is much larger than any real lesson, and fits into memory.
_MOST_IMAGES = 1_000_000


class DamagedLesson(run_folder.CannotGoOn):
    """The lesson cannot be read."""


@dataclass(frozen=True, eq=False)
class Lesson:
    """Drawings to train on, and initial weights.

    Attributes:
        images: drawings, uint8 ``(n, *spec.image)``.
        labels: their labels, uint8 ``(n,)``.
        copies: how many times each drawing is used in an epoch.
        parent: the name of the run with the initial weights, or "".
        weights: the initial weights, float32 in the shapes of Keras; empty for new weights.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    copies: int
    parent: str
    weights: Weights

    def mixed(self, dataset: Dataset) -> Dataset:
        """The data set with the drawings added to its training images.

        The drawings come first. Validation uses the last images, so the validation images do not change.
        """
        return replace(
            dataset,
            x_train=np.concatenate([*[self.images] * self.copies, dataset.x_train]),
            y_train=np.concatenate([*[self.labels] * self.copies, dataset.y_train]),
        )


def keep(run: Path, lesson: Lesson) -> None:
    """Write the lesson into the run's directory. Raises OSError."""
    weights = {f"{_WEIGHTS}{name}": values for name, values in flatten(lesson.weights).items()}
    with replacing(run / _FILE) as temporary:
        np.savez_compressed(
            temporary, allow_pickle=False, images=lesson.images, labels=lesson.labels,
            copies=np.array(lesson.copies), parent=np.array(lesson.parent), **weights,
        )  # fmt: skip


def has(run: Path) -> bool:
    """Whether the run was trained on drawings, or began with the weights of another run."""
    return (run / _FILE).is_file()


def read(run: Path) -> Lesson | None:
    """Read the lesson of a run; None if there is none.

    Raises:
        DamagedLesson: the lesson cannot be read.
    """
    try:
        return _lesson(read_npz(run / _FILE), records.spec(run))
    except FileNotFoundError:
        return None
    except DAMAGED_ARCHIVE as error:
        raise DamagedLesson("lesson_damaged", name=run.name) from error


def training_images(run: Path) -> int:
    """The number of images in each epoch of the run, with all copies of the drawings of its lesson.

    Raises:
        UnknownRun: the settings or the spec of the data set are missing or cannot be read.
        DamagedLesson: the lesson cannot be read.
    """
    try:
        added = run_folder.settled(_drawings, run / _FILE)
    except FileNotFoundError:
        added = 0
    trained, _validated = arch.split(records.config(run), records.spec(run).train + added)
    return trained


def _drawings(file: Path) -> int:
    lesson = read(file.parent)
    return lesson.copies * len(lesson.images) if lesson else 0


def _lesson(arrays: dict[str, NDArray[Any]], spec: DatasetSpec) -> Lesson:
    """Make a lesson of these arrays. Raises ValueError or KeyError if they are not valid."""
    images, labels = _bytes(arrays["images"]), _bytes(arrays["labels"])
    if images.shape != (len(labels), *spec.image) or labels.ndim != 1 or (labels >= len(spec.classes)).any():
        raise ValueError(f"A lesson cannot have images {images.shape} and labels {labels.shape}.")
    copies, parent = arrays["copies"].item(), arrays["parent"].item()
    if not isinstance(copies, int) or not 1 <= copies <= _MOST_IMAGES // max(1, len(images)):
        raise ValueError(f"A lesson cannot have {copies!r} copies of {len(images)} drawings.")
    if not isinstance(parent, str) or (parent and not run_folder.is_name(parent)):
        raise ValueError(f"A lesson cannot go on from {parent!r}.")
    weights = {
        name.removeprefix(_WEIGHTS): numbers(values)
        for name, values in arrays.items()
        if name.startswith(_WEIGHTS)
    }
    return Lesson(images, labels, copies, parent, unflatten(weights))


def _bytes(values: NDArray[Any]) -> NDArray[np.uint8]:
    if values.dtype != np.uint8:
        raise ValueError(f"Images and labels cannot be {values.dtype}.")
    return values
