"""Fashion-MNIST's test images: clothes in the size of digits, to test a network with images of no digit.

Xiao, Rasul and Vollgraf, 2017. The files are Keras's own, where Keras keeps them.
"""

from __future__ import annotations

import gzip
import hashlib
import math
from pathlib import Path
from typing import NamedTuple

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from core.data import datasets, specs
from core.data.datasets import BadDataFile, DatasetDamaged, DatasetMissing
from core.data.download import Progress, download
from core.files import DAMAGED_ARCHIVE, replacing
from core.i18n import _

NAME = "fashion_mnist"
IMAGES = 10_000
MEGABYTES = 4.4  # to fetch
_IMAGE = specs.MNIST.image


class _File(NamedTuple):
    """One of the files: its name, the bytes before its numbers, and the sha256 of all of them unpacked."""

    name: str
    header: int
    digest: str


_X = _File(
    "t10k-images-idx3-ubyte.gz", 16, "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b"
)
_Y = _File("t10k-labels-idx1-ubyte.gz", 8, "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34")


def folder() -> Path:
    """Where Keras keeps it."""
    return datasets.keras_folder() / "fashion-mnist"


def names() -> tuple[str, ...]:
    """What each class is, from 0 to 9."""
    return (
        _("T-shirt"), _("trousers"), _("pullover"), _("dress"), _("coat"), _("sandal"), _("shirt"),
        _("sneaker"), _("bag"), _("ankle boot"),
    )  # fmt: skip


def stamp() -> float:
    """When the files were last written; 0 where they are not."""
    try:
        return (folder() / _X.name).stat().st_mtime
    except OSError:
        return 0.0


def load() -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The test images, uint8 ``(10000, height, width)``, and their classes, uint8 ``(10000,)``.

    Raises:
        DatasetMissing, DatasetDamaged: they have to be fetched first.
    """
    try:
        images, labels = (_read(folder() / file.name, file) for file in (_X, _Y))
    except FileNotFoundError:
        raise DatasetMissing("fashion_missing") from None
    except BadDataFile as error:
        raise DatasetDamaged("fashion_damaged", reason=error, folder=folder()) from error
    return images.reshape(IMAGES, *_IMAGE), labels


def _read(path: Path, file: _File) -> NDArray[np.uint8]:
    try:
        with gzip.open(path) as opened:
            data = opened.read(file.header + IMAGES * math.prod(_IMAGE) + 1)
    except FileNotFoundError:
        raise
    except DAMAGED_ARCHIVE as error:
        raise BadDataFile(_("{file} is damaged.").format(file=file.name)) from error
    if hashlib.sha256(data).hexdigest() != file.digest:
        raise BadDataFile(_("{file} is not Fashion-MNIST.").format(file=file.name))
    return np.frombuffer(data, np.uint8)[file.header :]


def fetch(base: str, progress: Progress = lambda done, total: None) -> None:
    """Download the two files into Keras's cache, and verify them. What is there already stays.

    Args:
        base: the address of their folder.
        progress: called with the bytes so far and the bytes in all, for each file.

    Raises:
        FetchFailed, BadDataFile, CannotKeep: as `core.data.datasets.fetch`; what did not come whole is not
            kept.
    """
    with datasets.keeping(folder()), FileLock(folder() / "fetch.lock"):
        for file in (_X, _Y):
            path = folder() / file.name
            try:
                _read(path, file)
            except (FileNotFoundError, BadDataFile):
                with replacing(path) as temporary:
                    download(f"{base.rstrip('/')}/{file.name}", temporary, progress)
                    _read(temporary, file)
