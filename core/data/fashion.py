"""The test images of Fashion-MNIST: clothes in the size of digits, to test a network on images of no digit.

Xiao, Rasul and Vollgraf, 2017. The files are those of Keras, in the cache of Keras.
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
MEGABYTES = 4.4  # the size of the download
_IMAGE = specs.MNIST.image


class _File(NamedTuple):
    """A file: its name, the number of bytes before the data, and the sha256 digest when decompressed."""

    name: str
    header: int
    digest: str


_X = _File(
    "t10k-images-idx3-ubyte.gz", 16, "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b"
)
_Y = _File("t10k-labels-idx1-ubyte.gz", 8, "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34")


def folder() -> Path:
    """The folder where Keras stores Fashion-MNIST."""
    return datasets.keras_folder() / "fashion-mnist"


def names() -> tuple[str, ...]:
    """The names of the classes 0 to 9."""
    return (
        _("T-shirt"), _("trousers"), _("pullover"), _("dress"), _("coat"), _("sandal"), _("shirt"),
        _("sneaker"), _("bag"), _("ankle boot"),
    )  # fmt: skip


def stamp() -> float:
    """When the files were last written, in seconds since 1970; 0 if they are missing."""
    try:
        return (folder() / _X.name).stat().st_mtime
    except OSError:
        return 0.0


def load() -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The test images, uint8 ``(10000, height, width)``, and their classes, uint8 ``(10000,)``.

    Raises:
        DatasetMissing, DatasetDamaged: the images must be downloaded first.
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
    """Download the two files into the cache of Keras, and verify them. Valid files are kept.

    Args:
        base: the address of the folder with the files.
        progress: called with the number of bytes so far and the total number of bytes, for each file.

    Raises:
        FetchFailed, BadDataFile, CannotKeep: like `core.data.datasets.fetch`.
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
