"""Never lost: kills, full disks and folders that cannot be written to. What was learned stays, to the bit."""

from __future__ import annotations

import itertools
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from core.config import RunConfig
from core.data import datasets
from core.evaluation import results
from core.failures import words
from core.jobs import run_queue
from core.runs import records, run_folder
from core.runs.run_folder import State, Status
from core.runs.warm_start import Lesson
from core.settings import Settings
from core.sweeps import optuna_study, runner, sweeps
from core.sweeps.search_space import Span
from core.sweeps.sweeps import Sweep
from core.worker import __main__ as worker
from core.worker import training
from core.worker.training import train
from tests.conftest import Hired, filled, wait_for_end, wait_until
from tests.support.inprocess import CALLS, SMALL, assert_same, at_the_writing_of, meanwhile, trained

posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
PROJECT = Path(run_folder.__file__).parents[2]
KILLED = (
    "The training process ended without an error message. It was killed, or the machine was switched off."
)
FULL = "The disk is full. Free some disk space, then resume."

# Many short epochs, so that there is time to disturb it.
BUSY = RunConfig(hidden_units=(8,), dropout=0.2, training_images=500, batch_size=4, epochs=25)


def kill(run: Path) -> None:
    """Kill the run's worker, as the system does when memory is short."""
    os.kill(run_folder.status(run).pid, signal.SIGKILL)
    wait_until(lambda: not run_folder.worker_is_alive(run), "the worker was dead", every=0.01)


# --------------------------------------------------------------------------------------- real kills


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Status]:
    """A run that was killed within an epoch and resumed, and how it stood in between."""
    settings = Settings(runs=tmp_path_factory.mktemp("killed"))
    run = run_queue.submit(BUSY, settings)
    wait_until(lambda: len(records.metrics(run)) >= 3, "three epochs were done", every=0.01)
    kill(run)
    status = run_folder.status(run)
    run_queue.resume(run, settings)
    wait_for_end(run)
    return run, status


@posix
def test_a_killed_run_is_interrupted_and_says_so(killed: tuple[Path, Status]) -> None:
    _run, status = killed
    assert (status.state, status.phase, words(status.failure)) == ("interrupted", "", KILLED)
    assert 3 <= status.epoch < BUSY.epochs
    assert status.started < status.ended == status.heartbeat


@posix
def test_a_killed_and_resumed_run_is_the_undisturbed_one(killed: tuple[Path, Status], tmp_path: Path) -> None:
    run, _status = killed
    assert_same(run, trained(tmp_path, BUSY))
    status = run_folder.status(run)
    assert (status.state, status.epoch, status.failure) == ("finished", BUSY.epochs, None)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(tmp_path_factory.mktemp("undisturbed"), SMALL)


def disturb(monkeypatch: pytest.MonkeyPatch, hired: Hired, calls: int, do: Callable[[], object]) -> None:
    """Have the workers work, and do something after so many calls of their training."""
    with monkeypatch.context() as patch:
        patch.setattr(
            training, "train", lambda run, journal, ask: train(run, journal, meanwhile((calls, do), then=ask))
        )
        hired.work()


@posix
def test_a_run_whose_process_the_system_ends_is_paused_and_can_be_resumed(
    runs_folder: Path, undisturbed: Path, hired: Hired, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = run_queue.submit(SMALL, Settings())
    before = signal.getsignal(signal.SIGTERM)
    worker.heed_sigterm()
    disturb(monkeypatch, hired, CALLS + 1, lambda: signal.raise_signal(signal.SIGTERM))
    signal.signal(signal.SIGTERM, before)
    worker._leaving.clear()  # with the process
    status = run_folder.status(run)
    assert (status.state, status.failure) == ("paused", None)
    assert (status.epoch, status.step) == (2, 16)
    run_queue.resume(run, Settings())
    hired.work()
    assert_same(run, undisturbed)


# So long that a dozen kills fit into their training.
KILLED_OFTEN = [
    BUSY.but(epochs=300),
    BUSY.but(epochs=300, rotation=10, learning_rate_schedule="one-cycle", optimizer="rmsprop"),
    RunConfig.read(
        {
            "architecture": "cnn", "conv_blocks": "2:3:stride", "dense_units": 0, "dropout": 0.2,
            "dropout_place": "everywhere", "batch_normalization": True, "training_images": 500,
            "batch_size": 4, "epochs": 300, "learning_rate_schedule": "plateau",
            "early_stopping_patience": 100,
        }
    ),
]  # fmt: skip


class Killer:
    """Kills a run's worker again and again, at random moments.

    Attributes:
        phases: how often, by what the worker was doing.
        latest: the longest that it took until the run was seen as interrupted, in seconds.
    """

    def __init__(self, seed: int) -> None:
        self.draw = random.Random(seed)
        self.phases: Counter[str] = Counter()
        self.latest = 0.0

    def moments(self) -> list[tuple[str, float]]:
        """After which phase has begun, and how many seconds later."""
        moments = [("", self.draw.uniform(0, 3)) for _ in range(6)]
        moments += [("training", self.draw.uniform(0, 1)) for _ in range(11)]
        self.draw.shuffle(moments)
        return [*moments, ("evaluating", 0), ("evaluating", self.draw.uniform(0, 0.5))]

    def disturb(self, run: Path, settings: Settings) -> None:
        """Kill it at all these moments, and resume it each time."""
        for phase, later in self.moments():
            wait_until(lambda phase=phase: self.reached(run, phase), f"it was {phase}", every=0.005)
            time.sleep(later)
            if self.kill(run):
                run_queue.resume(run, settings)

    def reached(self, run: Path, phase: str) -> bool:
        status = run_folder.status(run)
        return status.pid > 0 and (not phase or status.phase == phase or status.state in run_folder.RESTING)

    def kill(self, run: Path) -> bool:
        """Kill its worker, unless it has left by itself."""
        status = run_folder.status(run)
        if status.state in run_folder.RESTING:
            return False
        os.kill(status.pid, signal.SIGKILL)
        began = time.monotonic()
        wait_until(
            lambda: run_folder.status(run).state in run_folder.RESTING, "it rested", seconds=10, every=0.005
        )
        if run_folder.status(run).state != "interrupted":
            return False  # it had just finished
        self.latest = max(self.latest, time.monotonic() - began)
        assert words(run_folder.status(run).failure) == KILLED
        self.phases[status.phase or status.state] += 1
        return True


@pytest.mark.full
@posix
@pytest.mark.timeout(3600)
def test_fifty_kills_at_random_moments_leave_no_trace(tmp_path: Path) -> None:
    """They hit the import, the training, the checkpoints and the export."""
    settings = Settings(runs=tmp_path / "killed", max_epochs=1000)
    killer = Killer(seed=0)
    began = time.monotonic()
    for number, config in enumerate(itertools.cycle(KILLED_OFTEN)):
        if number >= len(KILLED_OFTEN) and killer.phases.total() >= 50:
            break
        run = run_queue.submit(config.but(seed=number), settings)
        killer.disturb(run, settings)
        assert wait_for_end(run).state == "finished"
        assert_same(run, trained(tmp_path / "undisturbed", config.but(seed=number)))
    print(
        f"{killer.phases.total()} kills of {number} runs in {time.monotonic() - began:.0f} s: "
        f"{dict(killer.phases)}; interrupted was seen after at most {killer.latest:.2f} s"
    )


# ------------------------------------------------------------------------------- somebody else's pid


@pytest.fixture
def innocent() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as process:
        yield process
        process.kill()


@pytest.mark.parametrize("state", ["queued", "running", "paused", "failed", "finished", "stopped"])
def test_the_process_that_a_recycled_pid_belongs_to_is_never_touched(
    runs_folder: Path, hired: Hired, innocent: subprocess.Popen[bytes], state: State
) -> None:
    run = run_folder.create(runs_folder, SMALL)
    for ask in (
        lambda: run_queue.pause(run),
        lambda: run_queue.stop(run),
        lambda: run_queue.steer(run, dropout=0.1),
        lambda: run_queue.resume(run, Settings()),
        lambda: run_folder.status(run),
    ):
        run_folder.write_status(run, Status(state=state, pid=innocent.pid, created=1, queued=1, heartbeat=1))
        ask()
        assert innocent.poll() is None
    with pytest.raises(subprocess.TimeoutExpired):
        innocent.wait(0.2)


# ------------------------------------------------------------------------- memory, and TensorFlow


@pytest.mark.parametrize(
    ("fail", "code"),
    [
        (lambda: np.ones(10**15), "out_of_memory"),
        (lambda: tf.zeros([2**40, 2**10]), "out_of_memory"),
        (lambda: tf.ones((2, 3)) @ tf.ones((2, 3)), "unexpected"),
    ],
)
def test_whatever_fails_within_the_training_is_told_and_it_goes_on_from_its_checkpoint(
    runs_folder: Path, undisturbed: Path, hired: Hired, monkeypatch: pytest.MonkeyPatch,
    fail: Callable[[], object], code: str,
) -> None:  # fmt: skip
    run = run_queue.submit(SMALL, Settings())
    disturb(monkeypatch, hired, CALLS + 1, fail)
    status = run_folder.status(run)
    assert status.failure is not None
    assert (status.state, status.failure.code, status.can_resume) == ("failed", code, True)
    run_queue.resume(run, Settings())
    hired.work()
    assert (run_folder.status(run).state, run_folder.status(run).failure) == ("finished", None)
    assert_same(run, undisturbed)


# ------------------------------------------------------------------------- nothing can be written


# What a worker writes, in this order.
WRITTEN = (
    "status", "environment", "batches", "epochs/", "layers", "metrics", "checkpoint", "model.*keras",
    "model.*onnx", "evaluation",
)  # fmt: skip


def test_a_disk_that_is_full_at_any_write_is_a_clear_verdict_and_with_room_it_goes_on(
    disk: Path, undisturbed: Path, hired: Hired
) -> None:
    """Even where there is room again before anybody looks."""
    run = run_queue.submit(SMALL, Settings(runs=disk / "runs"))
    for written in WRITTEN:
        with ExitStack() as room:
            fill = partial(lambda stack: stack.enter_context(filled(disk)), room)
            with at_the_writing_of(f"{run.name}/.*{written}", fill):
                hired.work()
            assert (run_folder.status(run).state, words(run_folder.status(run).failure)) == (
                "failed",
                FULL,
            ), written
            with pytest.raises(OSError, match="No space left"):
                run_queue.resume(run, Settings(runs=run.parent))
        assert (run_folder.status(run).state, words(run_folder.status(run).failure)) == ("failed", FULL), (
            written
        )
        assert records.config(run) == SMALL
        # No temporary file was left behind.
        assert [file.name for file in run.rglob(".*")] == []
        run_queue.resume(run, Settings(runs=run.parent))
    hired.work()
    assert run_folder.status(run).state == "finished"
    assert_same(run, undisturbed)


def test_a_worker_whose_log_is_on_the_full_disk_says_so_all_the_same(disk: Path) -> None:
    run = run_queue.submit(BUSY.but(epochs=100), Settings(runs=disk / "runs"))
    wait_until(lambda: records.metrics(run), "it had trained an epoch")
    with filled(disk):
        wait_until(lambda: not run_folder.worker_is_alive(run), "its worker had left")
    assert (run_folder.status(run).state, words(run_folder.status(run).failure)) == ("failed", FULL)
    run_queue.resume(run, Settings(runs=run.parent))
    run_queue.stop(run)
    assert wait_for_end(run).state == "stopped"


def test_a_run_that_the_disk_has_no_room_for_leaves_nothing(
    disk: Path, hired: Hired, mnist_5k: datasets.Dataset
) -> None:
    """Whichever of its files is the first that finds none."""
    root = disk / "runs"
    root.mkdir()
    lesson = Lesson(mnist_5k.x_test[:30], mnist_5k.y_test[:30], 1, "", {})
    for pages in itertools.count():
        with filled(disk, but=4096 * pages):
            with suppress(OSError):
                run = run_queue.submit(SMALL, Settings(runs=root), lesson)
                break
            assert list(root.iterdir()) == []
    assert pages >= 8  # it failed in so many different ways
    hired.work()
    assert wait_for_end(run).state == "finished"


def test_a_sweep_on_a_full_disk_says_so_and_leaves_no_half_made_run(disk: Path, hired: Hired) -> None:
    root = disk / "runs"
    knobs = {"learning_rate": Span(low=0.001, high=0.01), "dropout": Span(low=0, high=0.5)}
    wanted = Sweep(name="Full", base=SMALL, knobs=knobs, method="random", trials=2)
    with filled(disk), pytest.raises(OSError, match="No space left"):
        sweeps.submit(wanted, Settings(runs=root))
    assert sweeps.every(root) == []
    assert [file for file in root.rglob("*") if file.is_file()] == []
    folder = sweeps.submit(wanted, Settings(runs=root))
    for written in ("study", "config", "status"):  # its own; its run's, which is then not there; its own
        with ExitStack() as room:
            fill = partial(lambda stack: stack.enter_context(filled(disk)), room)
            with at_the_writing_of(f"runs/.*{written}", fill):
                runner.main(folder)
        assert (run_folder.status(folder).state, words(run_folder.status(folder).failure)) == (
            "failed",
            FULL,
        ), written
        assert run_folder.every(root) == []
        sweeps.go_on(folder, Settings(runs=root))
    assert len(optuna_study.read(folder)) == 1


# The worker, whose folder is made read-only after four calls; what it comes to is printed.
READ_ONLY = f"""
import sys
from contextlib import suppress
from pathlib import Path
from core.runs import run_folder
from core.worker import __main__ as worker, training
from tests.support.inprocess import meanwhile
run, train = Path(sys.argv[1]), training.train
training.train = lambda run, journal, ask: train(
    run, journal, meanwhile(({CALLS + 1}, lambda: run.chmod(0o555)), then=ask))
with suppress(OSError):
    worker.attempt(run)
print(run_folder.status(run).model_dump_json())
"""


@posix
def test_a_folder_made_read_only_is_a_clear_verdict_and_when_it_can_be_written_to_it_goes_on(
    undisturbed: Path, runs_folder: Path, hired: Hired
) -> None:
    command = [sys.executable, "-c", READ_ONLY]
    if os.geteuid() == 0:  # for whom the mode means nothing, unless that is taken away
        if not shutil.which("setpriv"):
            pytest.skip("root may write everywhere, and setpriv is not there to change that")
        command = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", *command]
    run = run_queue.submit(SMALL, Settings())
    hired.runs.clear()
    done = subprocess.run([*command, str(run)], cwd=PROJECT, capture_output=True, text=True, check=True)
    status = Status.model_validate_json(done.stdout.splitlines()[-1])
    run.chmod(0o755)
    assert (status.state, words(status.failure)) == (
        "interrupted", "The folder cannot be written to. Make the folder writable, then resume.",
    )  # fmt: skip
    assert [row["epoch"] for row in records.metrics(run)][:1] == [1]
    run_queue.resume(run, Settings())
    hired.work()
    assert run_folder.status(run).state == "finished"
    assert_same(run, undisturbed)


def test_what_was_finished_stays_readable_when_more_is_asked_of_a_full_disk(
    disk: Path, undisturbed: Path, hired: Hired
) -> None:
    run = Path(shutil.copytree(undisturbed, disk / undisturbed.name))
    run_queue.resume(run, Settings(runs=disk), epochs=4)
    with filled(disk):
        hired.work()
        assert (run_folder.status(run).state, words(run_folder.status(run).failure)) == ("failed", FULL)
        assert records.metrics(run)[:3] == records.metrics(undisturbed)
        assert results.load(run).accuracy == results.load(undisturbed).accuracy
        assert (run / "model.onnx").read_bytes() == (undisturbed / "model.onnx").read_bytes()
        with pytest.raises(OSError, match="No space left"):
            run_queue.resume(run, Settings(runs=disk))
