"""What several test modules share: a runs folder, and runs that the real worker trained."""

from __future__ import annotations

import atexit
import json
import math
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from numpy.typing import NDArray
from streamlit.runtime.scriptrunner import script_runner

from core.config import RunConfig
from core.data import datasets
from core.jobs import run_queue
from core.runs import run_folder
from core.settings import Settings

# What they assert is shown as in a test.
pytest.register_assert_rewrite("tests.support")

settings.register_profile(
    "project", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("project")


os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
# The tests that are about it ask for it; elsewhere nobody would need it.
os.environ.setdefault("MNIST_LAB_WARM_MINUTES", "0")

# After each run of a page Streamlit clears Keras's session, where Keras has been imported. The app's server
# never has. A test process has, as an oracle, and would collect TensorFlow's garbage for half a second.
script_runner._clean_problem_modules = lambda: None


# The modules that take longest begin first, so that at the end no worker is left alone with one of them.
LONG = (
    "access_browser",
    "draw_browser",
    "browser",
    "train_page",
    "other_data",
    "history_browser",
    "survival",
    "between_pages",
    "cli",
    "forged",
    "markup",
    "keras_script",
    "model_formats",
    "old_keras",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    places = {f"test_{name}": place for place, name in enumerate(LONG)}
    items.sort(key=lambda item: places.get(item.path.stem, len(LONG)))


def pytest_xdist_auto_num_workers() -> int:
    """How many ``-n auto`` is: more than there are cores, as much of the time is waiting for other processes.

    Each takes more than a gigabyte, because it imports TensorFlow.
    """
    return min(8, math.ceil(1.5 * (os.cpu_count() or 1)))


# Seconds after which whoever still waits does so in vain. A rented machine can be ten times slower than it
# was an hour before; nothing here is about how long something takes.
PATIENCE = 240


def wait_until(
    condition: Callable[[], object], event: str, seconds: float = PATIENCE, every: float = 0.05
) -> None:
    """Wait for something that another process does."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"waited {seconds} s in vain until {event}"
        time.sleep(every)


def wait_for_end(run: Path) -> run_folder.Status:
    """Wait until nobody works on the run, and the worker who did has left."""
    wait_until(lambda: run_folder.status(run).state in run_folder.RESTING, f"{run} rested")
    wait_until(lambda: not run_folder.worker_is_alive(run), f"the worker of {run} had left")
    return run_folder.status(run)


@lru_cache(maxsize=1)
def trainer() -> subprocess.Popen[bytes]:
    """A process that trains run after run. It leaves with this one."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.trainer"], cwd=Path(__file__).parents[1], stdin=subprocess.PIPE
    )
    atexit.register(process.communicate)  # closes its input, and waits
    return process


def train(root: Path, **values: object) -> Path:
    """A run that the worker has trained to its end, in a process that does so again and again."""

    def hand_over(run: Path, slots: int) -> None:
        pipe = trainer().stdin
        assert pipe
        pipe.write(json.dumps([str(run.absolute()), slots]).encode() + b"\n")
        pipe.flush()
        run_folder.announce(run, trainer().pid)

    with mock.patch.object(run_queue, "start_worker", hand_over):
        run = run_queue.submit(RunConfig.read(values), Settings(runs=root))
    status = wait_for_end(run)
    assert status.state == "finished", f"{status.failure}\n{(run / 'log.txt').read_text()}"
    return run


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A runs folder with one finished MLP. Read it, do not change it."""
    root = tmp_path_factory.mktemp("runs")
    train(root, hidden_units=(32,), epochs=3, batch_size=64)
    return root


@pytest.fixture(scope="session")
def mlp_run(trained: Path) -> Path:
    return run_folder.every(trained)[0]


@pytest.fixture(scope="session")
def cnn_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished CNN with everything that a network can have."""
    return train(
        tmp_path_factory.mktemp("cnn"),
        architecture="cnn",
        conv_blocks="8:3:max,8:3:average",
        dense_units=16,
        dropout=0.2,
        dropout_place="everywhere",
        batch_normalization=True,
        training_images=1000,
        epochs=2,
    )


@pytest.fixture(scope="session")
def mnist_5k() -> datasets.Dataset:
    return datasets.load("mnist-5k")


class Hired(list[tuple[Path, int]]):
    """The workers that were asked for. They do not come by themselves."""

    def work(self) -> None:
        """Have them work, one after the other, in this process."""
        from core.worker.__main__ import main

        while self:
            main(*self.pop(0))


@pytest.fixture
def hired(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hired]:
    """No worker's process is started: what is asked for can be seen, and is done in this one."""
    workers = Hired()
    monkeypatch.setattr(run_queue, "start_worker", lambda run, slots: workers.append((run, slots)))
    before = signal.getsignal(signal.SIGTERM)
    yield workers
    signal.signal(signal.SIGTERM, before)


@pytest.fixture
def runs_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty runs folder, set as the operator would."""
    root = tmp_path / "runs"
    monkeypatch.setenv("MNIST_LAB_RUNS", str(root))
    monkeypatch.setenv("MNIST_LAB_DRAWINGS", str(tmp_path / "drawings.sqlite"))
    return root


@pytest.fixture
def no_mnist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty Keras home: full MNIST is not at hand."""
    home = tmp_path / "keras"
    monkeypatch.setenv("KERAS_HOME", str(home))
    return home


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small disk of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)]
    if not shutil.which("mount") or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a disk cannot be mounted here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@contextmanager
def filled(disk: Path, but: int = 0) -> Iterator[None]:
    """Leave no room on this disk, or only so many bytes."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (4096, 1):
            try:
                while file.write(bytes(size)) == size:
                    pass
            except OSError:
                continue
        if but:
            file.truncate(file.tell() - but)
    yield
    filler.unlink()


def shared(path: str) -> Path:
    """What is too large for the repository, in a folder beside it; without it, the test is skipped."""
    location = Path(__file__).parents[2] / "shared" / path
    if not location.exists():
        pytest.skip(f"this needs {location}")
    return location


@pytest.fixture(scope="session")
def mnist_npz() -> Path:
    return shared("keras/datasets/mnist.npz")


@pytest.fixture(scope="session")
def handwriting() -> Path:
    """Digits that people wrote, as the strokes of their pens."""
    return shared("handwriting/strokes.json.gz")


def paste(image: NDArray[np.uint8], scale: int, top: int, left: int, side: int = 280) -> NDArray[np.uint8]:
    """An MNIST image, each pixel a square of `scale` pixels, on a black RGBA canvas."""
    large = np.kron(image, np.ones((scale, scale), np.uint8))
    canvas = np.zeros((side, side), np.uint8)
    canvas[top : top + large.shape[0], left : left + large.shape[1]] = large
    return np.dstack([canvas, canvas, canvas, np.full_like(canvas, 255)])
