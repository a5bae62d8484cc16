"""What several test modules share: a runs folder, and runs that the real worker trained."""

from __future__ import annotations

import atexit
import math
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from functools import cached_property
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from numpy.typing import NDArray
from streamlit.runtime.pages_manager import PagesManager
from streamlit.runtime.scriptrunner import script_runner
from streamlit.testing.v1 import app_test

from core.config import RunConfig
from core.data import datasets
from core.jobs import executor, run_queue
from core.jobs.local import PROJECT, Local, Started
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


class _AfterTheFirstPage(PagesManager):
    """AppTest runs each page as in a server where nobody has opened a page yet: without app.py.

    See `core.ui.heading`. A page that runs again by itself is then another page, and its widgets are empty.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        PagesManager.uses_pages_directory = False


app_test.PagesManager = _AfterTheFirstPage


# The modules that take longest begin first, so that at the end no worker is left alone with one of them.
LONG = (
    "access_browser",
    "draw_browser",
    "browser",
    "history_browser",
    "bench_browser",
    "model_formats",
    "old_keras",
    "markup",
    "between_pages",
    "keras_script",
    "local",
    "train_page",
    "adviser",
    "survival",
    "runs_browser",
    "curves_browser",
    "cli",
    "start_browser",
    "forged",
    "other_data",
    "first_opening",
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


class Trainer(Local):
    """Has all runs trained by one process, and converts models in this one.

    To import TensorFlow takes most of the seconds.
    """

    @cached_property
    def process(self) -> subprocess.Popen[bytes]:
        """It leaves with this one."""
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.trainer"], cwd=PROJECT, stdin=subprocess.PIPE
        )
        atexit.register(process.communicate)  # closes its input, and waits
        return process

    def serve(self, settings: Settings, run: Path | None = None) -> None:
        if run:
            self.conclude(run)

    def conclude(self, run: Path) -> None:
        assert self.process.stdin
        self.process.stdin.write(str(run.absolute()).encode() + b"\n")
        self.process.stdin.flush()

    def convert(self, words: Sequence[str], seconds: float) -> tuple[int, str]:
        from core.worker.convert import main

        with redirect_stdout(StringIO()) as printed:
            return main(words), printed.getvalue()


TRAINER = Trainer()


def train(root: Path, **values: object) -> Path:
    """A run that the worker has trained to its end, in a process that does so again and again."""
    with executor.using(TRAINER):
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


class NotStarted(NamedTuple):
    """In place of a process: it has the number of this one, and has ended."""

    pid: int

    def poll(self) -> int:
        return 0


class Hired(Local):
    """The executor where no worker comes by itself.

    Attributes:
        runs: those that are to be worked on, in the order of asking.
        started: the folders in which another process was asked for.
    """

    def __init__(self) -> None:
        super().__init__(attends=False)
        self.runs: list[Path] = []
        self.started: list[Path] = []

    def serve(self, settings: Settings, run: Path | None = None) -> None:
        if run:
            self.runs.append(run)

    def conclude(self, run: Path) -> None:
        self.runs.append(run)

    def prepare(self, settings: Settings) -> None:
        """No worker is ready."""

    def start(self, task: str, folder: Path) -> Started:
        self.started.append(folder)
        return NotStarted(os.getpid())

    def work(self) -> None:
        """Have the worker work on the runs, one after the other, in this process."""
        from core.worker.__main__ import attempt

        while self.runs:
            attempt(self.runs.pop(0))


@pytest.fixture
def hired() -> Iterator[Hired]:
    """No worker's process is started: what is asked for can be seen, and is done in this one."""
    workers = Hired()
    with executor.using(workers):
        yield workers


@pytest.fixture
def trainer() -> Iterator[Trainer]:
    """What a page has trained is trained by a process that has imported TensorFlow already."""
    with executor.using(TRAINER):
        yield TRAINER


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
