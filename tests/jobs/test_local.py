"""Workers that train run after run on this machine: when they start, what they train, when they exit."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from core.config import RunConfig
from core.data import datasets
from core.jobs import executor, run_queue, turns
from core.jobs.local import Local
from core.jobs.places import Places
from core.runs import run_folder
from core.runs.run_folder import State
from core.settings import Settings
from tests.conftest import wait_for_end, wait_until
from tests.support import light
from tests.support.inprocess import assert_same

posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")

TINY = RunConfig(hidden_units=(4,), training_images=100, epochs=1)
LONG = TINY.but(epochs=1000)
# Runs of several kinds. Each is trained after a run of another kind.
OTHERS = [
    TINY.but(dropout=0.5, seed=7),
    RunConfig.read({"architecture": "cnn", "conv_blocks": "2:3:max", "training_images": 100, "epochs": 1}),
    TINY.but(optimizer="sgd", learning_rate_schedule="one-cycle", rotation=10),
    TINY.but(batch_normalization=True, label_smoothing=0.1),
]


@pytest.fixture
def local() -> Iterator[Local]:
    """The executor of a server. It is dismissed after the test. Its workers train nothing."""
    server = Local(start=light.start)
    with executor.using(server):
        yield server
    server.dismiss()


@pytest.fixture
def kept(tmp_path: Path, local: Local) -> Settings:
    """Settings with one place, and with workers that wait for further runs."""
    return Settings(runs=tmp_path / "runs", slots=1, warm_minutes=10, max_epochs=1000)


def submit(settings: Settings, config: RunConfig = TINY, **changes: Any) -> Path:
    return run_queue.submit(config.but(**changes), settings)


def finish(settings: Settings, config: RunConfig = TINY, **changes: Any) -> Path:
    run = submit(settings, config, **changes)
    status = wait_for_end(run)
    assert status.state == "finished", (run / "log.txt").read_text()
    return run


def pid(run: Path) -> int:
    return run_folder.status(run).pid


def wait_for_training(run: Path) -> None:
    wait_until(lambda: run_folder.status(run).phase == "training", f"{run} trained")


def workers(settings: Settings) -> int:
    return Places(settings.runs, settings.slots).taken()


def test_one_worker_trains_run_after_run_and_leaves_with_the_last_server(
    kept: Settings, local: Local
) -> None:
    first, second = finish(kept), finish(kept, seed=1)
    assert pid(first) == pid(second)
    assert local.free(kept) == 1
    other = Local(start=light.start)
    other.prepare(kept)  # a second server uses the same worker, and starts no other
    local.dismiss()
    assert (workers(kept), psutil.pid_exists(pid(second))) == (1, True)
    third = submit(kept, seed=2)
    assert (wait_for_end(third).state, pid(third)) == ("finished", pid(first))
    local.dismiss()
    other.dismiss()
    wait_until(lambda: not workers(kept), "the worker had left")


def test_a_worker_trains_so_many_runs_and_another_one_those_that_wait(kept: Settings) -> None:
    few = kept.model_copy(update={"worker_runs": 2})
    runs = [submit(few, seed=seed) for seed in range(3)]
    assert [wait_for_end(run).state for run in runs] == ["finished"] * 3
    assert pid(runs[0]) == pid(runs[1]) != pid(runs[2])


def test_a_worker_that_has_grown_is_replaced(kept: Settings) -> None:
    small = kept.model_copy(update={"worker_megabytes": 1})
    assert pid(finish(small)) != pid(finish(small))


def test_without_minutes_no_worker_waits(kept: Settings, local: Local) -> None:
    hasty = kept.model_copy(update={"warm_minutes": 0})
    local.prepare(hasty)
    assert workers(hasty) == 0
    finish(hasty)
    wait_until(lambda: not workers(hasty), "the worker had left")


def test_an_idle_worker_leaves_after_its_minutes(kept: Settings, local: Local) -> None:
    local.prepare(kept.model_copy(update={"warm_minutes": 0.02}))
    wait_until(lambda: workers(kept), "a worker had come")
    wait_until(lambda: not workers(kept), "it had left")


def test_a_worker_is_prepared_once(kept: Settings, local: Local) -> None:
    for _ in range(3):
        local.prepare(kept)
    wait_until(lambda: local.free(kept), "a worker had come")
    local.prepare(kept)
    run = finish(kept)
    children = [
        child.pid for child in psutil.Process().children() if "tests.support.light" in child.cmdline()
    ]
    assert pid(run) in children
    assert sum(str(kept.runs) in " ".join(psutil.Process(child).cmdline()) for child in children) == 1


@posix
def test_a_kill_costs_only_the_run_in_hand(kept: Settings) -> None:
    """The worker has trained another run before. The worker that stands by takes its place."""
    before = finish(kept)
    inhand, *waiting = [submit(kept, LONG), submit(kept), submit(kept, seed=1)]
    wait_for_training(inhand)
    assert pid(inhand) == pid(before)
    assert [run_folder.status(run).state for run in waiting] == ["queued", "queued"]
    wait_until(Places(kept.runs, 1).has_stand_by, "another worker stood by")
    os.kill(pid(inhand), signal.SIGKILL)
    assert [wait_for_end(run).state for run in waiting] == ["finished", "finished"]
    assert run_folder.status(inhand).state == "interrupted"
    assert run_folder.status(before).state == "finished"


@posix
def test_an_idle_worker_that_is_killed_is_missed_by_nobody(kept: Settings, local: Local) -> None:
    first = finish(kept)
    os.kill(pid(first), signal.SIGKILL)
    wait_until(lambda: not workers(kept), "it was dead")
    assert local.free(kept) == 0
    assert pid(finish(kept)) != pid(first)


@posix
def test_a_worker_that_the_system_ends_pauses_its_run_and_takes_no_other(kept: Settings) -> None:
    inhand = submit(kept, LONG)
    wait_for_training(inhand)
    os.kill(pid(inhand), signal.SIGTERM)
    assert wait_for_end(inhand).state == "paused"
    wait_until(lambda: not workers(kept), "it had left")


def test_runs_that_wait_without_any_worker_are_trained_as_soon_as_somebody_looks(kept: Settings) -> None:
    """As after a restart of the machine."""
    run = run_folder.create(kept.runs, TINY)
    assert run_folder.status(run).state == "queued"
    run_queue.tend(kept)
    assert wait_for_end(run).state == "finished"


def test_a_folder_that_cannot_be_written_to_disturbs_only_who_submits_a_run(
    kept: Settings, local: Local
) -> None:
    """A file is where the folder should be, which stops root as well."""
    kept.runs.touch()
    local.prepare(kept)
    run_queue.tend(kept)
    assert local.free(kept) == 0
    with pytest.raises(OSError, match=r"exists|directory"):
        submit(kept)


@pytest.mark.parametrize("how", ["stop", "pause", "delete"])
def test_the_next_run_begins_when_the_one_in_hand_is_let_go(kept: Settings, how: str) -> None:
    inhand, following = submit(kept, LONG), submit(kept)
    wait_for_training(inhand)
    worker = pid(inhand)
    match how:
        case "stop":
            run_queue.stop(inhand)
        case "pause":
            run_queue.pause(inhand)
        case "delete":
            shutil.rmtree(inhand, ignore_errors=True)  # its worker takes away a file of it, too
    assert wait_for_end(following).state == "finished"
    assert pid(following) == worker
    left: dict[str, State] = {"stop": "stopped", "pause": "paused"}
    if how in left:
        assert run_folder.status(inhand).state == left[how]
    else:
        assert not inhand.exists()


def test_a_waiting_run_is_paused_and_stopped_at_once(kept: Settings) -> None:
    inhand, first, second = submit(kept, LONG), submit(kept), submit(kept)
    wait_for_training(inhand)
    run_queue.pause(first)
    run_queue.stop(second)
    assert [run_folder.status(run).state for run in (first, second)] == ["paused", "stopped"]
    run_queue.resume(first, kept)
    assert turns.line(kept.runs).waiting == [first]
    run_queue.stop(inhand)
    assert wait_for_end(first).state == "finished"


def test_a_paused_run_is_stopped_while_another_one_has_the_only_place(kept: Settings) -> None:
    paused = submit(kept, LONG)
    wait_for_training(paused)
    run_queue.pause(paused)
    wait_until(lambda: run_folder.status(paused).state == "paused", "it rested")
    inhand = submit(kept, LONG)
    wait_for_training(inhand)
    run_queue.stop(paused)
    wait_until(lambda: run_folder.status(paused).state == "stopped", "it was stopped")
    assert run_folder.has_model(paused)
    assert run_folder.status(inhand).state == "running"
    run_queue.stop(inhand)
    wait_for_end(inhand)


def test_a_run_that_is_wanted_again_while_it_stops_gets_its_turn(kept: Settings) -> None:
    run = submit(kept, LONG)
    wait_for_training(run)
    for _attempt in range(5):
        run_queue.stop(run)
        run_queue.resume(run, kept)
        wait_for_training(run)
    run_queue.stop(run)
    assert wait_for_end(run).state == "stopped"


def test_two_servers_never_train_more_runs_than_there_are_places(kept: Settings) -> None:
    several = kept.model_copy(update={"slots": 2, "warm_minutes": 0})
    servers = [Local(start=light.start), Local(start=light.start)]
    left = []
    for number in range(6):
        with executor.using(servers[number % 2]):
            left.append(submit(several, LONG))
    while left:
        wait_until(lambda: len(turns.line(kept.runs).training) == min(2, len(left)), "the places were taken")
        time.sleep(0.3)
        training = turns.line(kept.runs).training
        assert sorted(training) == left[:2]
        run_queue.stop(left.pop(0))
    for server in servers:
        server.dismiss()


# ------------------------------------------------------------------------------------- with TensorFlow


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Settings with one place, and a worker that trains with TensorFlow and waits for further runs."""
    server = Local()
    with executor.using(server):
        yield Settings(runs=tmp_path_factory.mktemp("real"), slots=1, warm_minutes=10)
    server.dismiss()


def test_a_run_ends_with_the_same_bits_as_the_first_and_the_twentieth_of_a_worker(real: Settings) -> None:
    mine = TINY.but(dropout=0.2, epochs=2, rotation=10)
    first = finish(real, mine)
    others = [submit(real, OTHERS[number % len(OTHERS)]) for number in range(18)]
    last = submit(real, mine)
    assert wait_for_end(last).state == "finished"
    assert {run_folder.status(run).state for run in others} == {"finished"}
    assert {pid(run) for run in (first, *others, last)} == {pid(first)}
    assert_same(first, last)


def test_each_run_prints_into_its_own_log(real: Settings) -> None:
    """The log of a failed run holds the reason. Another process trains the next run."""
    good, bad = finish(real), run_folder.create(real.runs, TINY)
    (bad / "metrics.jsonl").mkdir()
    run_queue.tend(real)
    assert wait_for_end(bad).state == "failed"
    assert pid(bad) == pid(good)
    assert "metrics.jsonl" in (bad / "log.txt").read_text()
    assert "metrics.jsonl" not in (good / "log.txt").read_text()
    after = finish(real)
    assert pid(after) != pid(bad)
    assert "metrics.jsonl" not in (after / "log.txt").read_text()


@pytest.mark.full
@pytest.mark.timeout(1800)
def test_a_worker_does_not_grow(real: Settings, mnist_5k: datasets.Dataset) -> None:
    """After 50 runs, a worker takes at most 1.3 times the memory that it took after five runs."""
    megabytes = []
    for number in range(50):
        run = finish(real, OTHERS[number % len(OTHERS)])
        megabytes.append(psutil.Process(pid(run)).memory_info().rss / 1e6)
    assert len({pid(run) for run in run_folder.every(real.runs)}) == 1
    print(f"{megabytes[4]:.0f} MB after 5 runs, {megabytes[-1]:.0f} MB after 50")
    assert megabytes[-1] <= 1.3 * megabytes[4]
