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
from pathlib import Path

import pytest

from core import evaluate, jobs, runs
from core.config import RunConfig
from core.runs import State, Status
from core.settings import Settings
from core.worker import __main__ as worker
from core.worker import training
from core.worker.training import train
from tests.conftest import Hired, wait_for_end, wait_until
from tests.inprocess import CALLS, SMALL, assert_same, filled, meanwhile, trained

posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
PROJECT = Path(runs.__file__).parents[1]
KILLED = "The training process ended without a word: it was killed, or the machine went down."
FULL = "The disk is full. Make room, then resume."

# Many short epochs, so that there is time to disturb it.
BUSY = RunConfig(hidden_units=(8,), dropout=0.2, training_images=500, batch_size=4, epochs=25)


def kill(run: Path) -> None:
    """Kill the run's worker, as the system does when memory is short."""
    os.kill(runs.status(run).pid, signal.SIGKILL)
    wait_until(lambda: not runs.worker_is_alive(run), "the worker was dead", every=0.01)


# --------------------------------------------------------------------------------------- real kills


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Status]:
    """A run that was killed within an epoch and resumed, and how it stood in between."""
    settings = Settings(runs=tmp_path_factory.mktemp("killed"))
    run = jobs.submit(BUSY, settings)
    wait_until(lambda: len(runs.metrics(run)) >= 3, "three epochs were done", every=0.01)
    kill(run)
    status = runs.status(run)
    jobs.resume(run, settings)
    wait_for_end(run)
    return run, status


@posix
def test_a_killed_run_is_interrupted_and_says_so(killed: tuple[Path, Status]) -> None:
    _run, status = killed
    assert (status.state, status.phase, status.error) == ("interrupted", "", KILLED)
    assert 3 <= status.epoch < BUSY.epochs
    assert status.started < status.ended == status.heartbeat


@posix
def test_a_killed_and_resumed_run_is_the_undisturbed_one(killed: tuple[Path, Status], tmp_path: Path) -> None:
    run, _status = killed
    assert_same(run, trained(tmp_path, BUSY))
    status = runs.status(run)
    assert (status.state, status.epoch, status.error) == ("finished", BUSY.epochs, "")


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
    run = jobs.submit(SMALL, Settings())
    disturb(monkeypatch, hired, CALLS + 1, lambda: signal.raise_signal(signal.SIGTERM))
    worker._leaving.clear()  # with the process
    status = runs.status(run)
    assert (status.state, status.error) == ("paused", "")
    assert (status.epoch, status.step) == (2, 16)
    jobs.resume(run, Settings())
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
        found = [("", self.draw.uniform(0, 3)) for _ in range(6)]
        found += [("training", self.draw.uniform(0, 1)) for _ in range(11)]
        self.draw.shuffle(found)
        return [*found, ("evaluating", 0), ("evaluating", self.draw.uniform(0, 0.5))]

    def disturb(self, run: Path, settings: Settings) -> None:
        """Kill it at all these moments, and resume it each time."""
        for phase, later in self.moments():
            wait_until(lambda phase=phase: self.reached(run, phase), f"it was {phase}", every=0.005)
            time.sleep(later)
            if self.kill(run):
                jobs.resume(run, settings)

    def reached(self, run: Path, phase: str) -> bool:
        status = runs.status(run)
        return status.pid > 0 and (not phase or status.phase == phase or status.state in runs.RESTING)

    def kill(self, run: Path) -> bool:
        """Kill its worker, unless it has left by itself."""
        status = runs.status(run)
        if status.state in runs.RESTING:
            return False
        os.kill(status.pid, signal.SIGKILL)
        began = time.monotonic()
        wait_until(lambda: runs.status(run).state in runs.RESTING, "it rested", seconds=10, every=0.005)
        if runs.status(run).state != "interrupted":
            return False  # it had just finished
        self.latest = max(self.latest, time.monotonic() - began)
        assert runs.status(run).error == KILLED
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
        run = jobs.submit(config.but(seed=number), settings)
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
    run = runs.create(runs_folder, SMALL)
    for ask in (
        lambda: jobs.pause(run),
        lambda: jobs.stop(run),
        lambda: jobs.steer(run, dropout=0.1),
        lambda: jobs.resume(run, Settings()),
        lambda: runs.status(run),
    ):
        runs.write_status(run, Status(state=state, pid=innocent.pid, created=1, queued=1, heartbeat=1))
        ask()
        assert innocent.poll() is None
    with pytest.raises(subprocess.TimeoutExpired):
        innocent.wait(0.2)


# ------------------------------------------------------------------------- nothing can be written


# While it trains its second epoch, and just before its evaluation.
@pytest.mark.parametrize("calls", [CALLS + 1, 3 * CALLS - 1])
def test_a_full_disk_is_a_clear_verdict_and_with_room_it_goes_on(
    calls: int, disk: Path, undisturbed: Path, hired: Hired, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = jobs.submit(SMALL, Settings(runs=disk / "runs"))
    with ExitStack() as stack:
        with suppress(OSError):  # of which the process dies, where not even the verdict can be written
            disturb(monkeypatch, hired, calls, lambda: stack.enter_context(filled(disk)))
        status = runs.status(run)
        assert status.state in ("failed", "interrupted")
        assert status.error == FULL
        done = list(range(1, calls // CALLS + 1))
        assert [row["epoch"] for row in runs.metrics(run)][: len(done)] == done
        assert runs.config(run) == SMALL
        assert runs.has_checkpoint(run)
    jobs.resume(run, Settings(runs=run.parent))
    hired.work()
    assert runs.status(run).state == "finished"
    assert_same(run, undisturbed)
    # No temporary file was left behind.
    assert [file.name for file in run.iterdir() if file.name.startswith(".")] == []


# The worker, whose folder is made read-only after four calls; what it comes to is printed.
READ_ONLY = f"""
import sys
from contextlib import suppress
from pathlib import Path
from core import runs
from core.worker import __main__ as worker, training
from tests.inprocess import meanwhile
run, train = Path(sys.argv[1]), training.train
training.train = lambda run, journal, ask: train(
    run, journal, meanwhile(({CALLS + 1}, lambda: run.chmod(0o555)), then=ask))
with suppress(OSError):
    worker.main(run, 1)
print(runs.status(run).model_dump_json())
"""


@posix
def test_a_folder_made_read_only_is_a_clear_verdict_and_when_it_can_be_written_to_it_goes_on(
    undisturbed: Path, runs_folder: Path, hired: Hired
) -> None:
    words = [sys.executable, "-c", READ_ONLY]
    if os.geteuid() == 0:  # for whom the mode means nothing, unless that is taken away
        if not shutil.which("setpriv"):
            pytest.skip("root may write everywhere, and setpriv is not there to change that")
        words = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", *words]
    run = jobs.submit(SMALL, Settings())
    hired.clear()
    found = subprocess.run([*words, str(run)], cwd=PROJECT, capture_output=True, text=True, check=True)
    status = Status.model_validate_json(found.stdout.splitlines()[-1])
    run.chmod(0o755)
    assert (status.state, status.error) == (
        "interrupted", "The run's folder cannot be written to. Make it writable, then resume.",
    )  # fmt: skip
    assert [row["epoch"] for row in runs.metrics(run)][:1] == [1]
    jobs.resume(run, Settings())
    hired.work()
    assert runs.status(run).state == "finished"
    assert_same(run, undisturbed)


def test_what_was_finished_stays_readable_when_more_is_asked_of_a_full_disk(
    disk: Path, undisturbed: Path, hired: Hired, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Its worker cannot even say that it came; after half a minute it never will.
    monkeypatch.setattr(runs, "_START_TIME", 0)
    run = Path(shutil.copytree(undisturbed, disk / undisturbed.name))
    jobs.resume(run, Settings(runs=disk), epochs=4)
    with filled(disk):
        with suppress(OSError):
            hired.work()
        status = runs.status(run)
        assert (status.state in ("failed", "interrupted"), status.error) == (True, FULL)
        assert runs.metrics(run)[:3] == runs.metrics(undisturbed)
        assert evaluate.load(run).accuracy == evaluate.load(undisturbed).accuracy
        assert (run / "model.onnx").read_bytes() == (undisturbed / "model.onnx").read_bytes()
        with pytest.raises(OSError, match="No space left"):
            jobs.resume(run, Settings(runs=disk))
