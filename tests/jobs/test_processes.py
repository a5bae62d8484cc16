"""The worker that waits with TensorFlow imported: it takes a run, or it leaves."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.config import RunConfig
from core.jobs import processes, run_queue
from core.runs import run_folder
from core.settings import Settings
from tests.conftest import PATIENCE, wait_for_end, wait_until

TINY = RunConfig(hidden_units=(4,), training_images=100, epochs=1)


@pytest.fixture(autouse=True)
def none_is_left() -> Iterator[None]:
    yield
    if processes._waiting:
        end(processes._waiting)
        processes._waiting = None


def end(worker: subprocess.Popen[bytes]) -> None:
    worker.kill()
    worker.wait()
    assert worker.stdin
    worker.stdin.close()


def waiting() -> subprocess.Popen[bytes]:
    assert processes._waiting
    return processes._waiting


def test_a_warm_worker_trains_the_run_that_it_is_given_and_leaves(runs_folder: Path) -> None:
    """Others that nobody needs leave as well: one as its idle time is over, one as its server is gone."""
    idle = processes.spawn(["--warm", "0.01"], subprocess.DEVNULL, subprocess.PIPE)
    alone = processes.spawn(["--warm", "600"], subprocess.DEVNULL, subprocess.PIPE)
    assert alone.stdin
    alone.stdin.close()
    processes.prepare(10)
    assert processes.is_waiting()
    worker = waiting()
    processes.prepare(10)
    assert waiting() is worker  # one is enough

    run = run_queue.submit(TINY, Settings())
    assert not processes.is_waiting()
    status = wait_for_end(run)
    assert (status.state, status.pid) == ("finished", worker.pid), status.failure
    assert worker.wait(PATIENCE) == 0
    assert (run / "log.txt").is_file()
    assert idle.wait(PATIENCE) == 0
    assert alone.wait(PATIENCE) == 0
    assert idle.stdin
    idle.stdin.close()


def test_a_run_gets_a_cold_worker_where_the_warm_one_was_killed_a_moment_before(runs_folder: Path) -> None:
    processes.prepare(10)
    worker = waiting()
    worker.kill()
    worker.wait()
    run = run_folder.create(runs_folder, TINY)
    run_queue.start_worker(run, slots=0)  # it waits in line for ever: to train is not the point here
    wait_until(lambda: run_folder.status(run).pid, "a worker had the run")
    assert run_folder.status(run).pid != worker.pid
    run_queue.stop(run)
    assert wait_for_end(run).state == "stopped"


def test_a_worker_that_left_is_replaced_and_none_is_kept_for_0_minutes(runs_folder: Path) -> None:
    processes.prepare(0)
    assert not processes.is_waiting()
    processes.prepare(10)
    first = waiting()
    first.kill()
    first.wait()
    assert not processes.is_waiting()
    processes.prepare(10)
    assert processes.is_waiting()
    assert waiting() is not first


def test_no_warm_worker_takes_no_run(runs_folder: Path) -> None:
    run = run_folder.create(runs_folder, TINY)
    assert not processes.hand_over(run, 1)
    assert run_folder.status(run).state == "queued"
