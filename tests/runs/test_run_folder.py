"""The run directory's promises: whatever is half written, copied or killed, a reader copes with it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from core.config import RunConfig
from core.data import datasets
from core.evaluation import results
from core.failures import Failure, words
from core.network import predict
from core.runs import records, run_folder
from core.runs.run_folder import Request, Status, UnknownRun
from tests.conftest import PATIENCE, wait_until
from tests.support.strategies import configs


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A new, queued run without a worker."""
    return run_folder.create(tmp_path / "runs", RunConfig())


def assert_unknown(read: Callable[[Path], object], run: Path) -> None:
    with pytest.raises(UnknownRun, match=run.name):
        read(run)


# ------------------------------------------------------------------------------------- creating


@given(configs)
@settings(max_examples=20)
def test_a_new_run_is_queued_and_keeps_its_settings(
    tmp_path_factory: pytest.TempPathFactory, config: RunConfig
) -> None:
    root = tmp_path_factory.mktemp("new") / "not there yet"
    run = run_folder.create(root, config)
    assert run.parent == root
    assert records.config(run) == config
    assert run_folder.status(run).state == "queued"
    assert run_folder.every(root) == [run]
    assert run_folder.find(root, run.name) == run
    assert records.metrics(run) == records.batches(run) == []


def test_runs_are_listed_newest_first_and_no_two_share_a_name(tmp_path: Path) -> None:
    made = []
    for _ in range(50):
        made.append(run_folder.create(tmp_path, RunConfig()))
        # The name tells milliseconds.
        time.sleep(0.0011)
    assert run_folder.every(tmp_path) == made[::-1]
    at_once = {run_folder.create(tmp_path, RunConfig()) for _ in range(50)}
    assert len(at_once) == 50
    assert set(run_folder.every(tmp_path)) == at_once | set(made)
    assert max(made) < min(at_once)


def test_there_are_no_runs_where_there_is_no_folder(tmp_path: Path) -> None:
    assert run_folder.every(tmp_path / "runs") == []


# ---------------------------------------------------------------------------------- half written


def test_settings_and_status_that_are_cut_anywhere_are_an_unknown_run(run: Path) -> None:
    readers: dict[str, Callable[[Path], object]] = {
        "config.json": records.config,
        "status.json": run_folder.status,
    }
    for name, read in readers.items():
        whole = (run / name).read_bytes()
        expected = read(run)
        for length in range(len(whole)):
            (run / name).write_bytes(whole[:length])
            assert_unknown(read, run)
        (run / name).write_bytes(whole)
        assert read(run) == expected


@pytest.mark.parametrize("name", ["config.json", "status.json"])
@given(content=st.binary() | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(
    lambda value: json.dumps(value).encode()))  # fmt: skip
@settings(max_examples=50)
def test_settings_and_status_that_are_something_else_are_an_unknown_run(
    tmp_path_factory: pytest.TempPathFactory, name: str, content: bytes
) -> None:
    run = run_folder.create(tmp_path_factory.mktemp("runs"), RunConfig())
    (run / name).write_bytes(content)
    assert_unknown(records.config if name == "config.json" else run_folder.status, run)


def test_a_request_is_kept_whatever_else_is_asked_and_nonsense_is_none(run: Path) -> None:
    assert run_folder.request(run) == Request()
    for change_of in ({"dropout": 0.5}, {"action": "pause"}, {"learning_rate": 0.1, "epochs": 7}):
        with run_folder.changing_request(run) as change:
            change(**change_of)
    assert run_folder.request(run) == Request(action="pause", learning_rate=0.1, dropout=0.5, epochs=7)
    assert records.plan(run) == RunConfig(learning_rate=0.1, dropout=0.5, epochs=7)
    for nonsense in ("", "{", "[]", '{"action": "dance"}'):
        (run / "request.json").write_text(nonsense)
        assert run_folder.request(run) == Request()
    (run / "request.json").write_text('{"dropout": 7}')
    assert records.plan(run) == RunConfig()


def test_a_request_for_a_deleted_run_does_not_make_its_folder_anew(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), run_folder.changing_request(tmp_path / "gone"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_status_that_has_settled_is_read_once_and_a_new_one_at_once(run: Path) -> None:
    settled = time.time_ns() - 60 * 10**9
    for step in range(5):
        run_folder.write_status(run, Status(state="finished", step=step))
        assert run_folder.status(run).step == step
        os.utime(run / "status.json", ns=(settled, settled + step))
        assert run_folder.status(run) is run_folder.status(run)
    # However fast they follow each other, within a tick of the clock.
    for step in range(200):
        run_folder.write_status(run, Status(state="finished", step=step))
        assert run_folder.status(run).step == step


def test_a_half_made_folder_is_not_listed_before_it_can_be_read(tmp_path: Path, run: Path) -> None:
    empty = run.parent / "20200101-000000-000-0000"
    empty.mkdir()
    without_config = run.parent / "20200101-000000-001-0000"
    shutil.copytree(run, without_config)
    (without_config / "config.json").unlink()
    (run.parent / "notes.txt").write_text("a file among the runs")
    (run.parent / ".slots").mkdir()
    assert run_folder.every(run.parent) == [run]
    for half in (empty, without_config):
        assert_unknown(records.config, half)
        with pytest.raises(UnknownRun):
            run_folder.find(run.parent, half.name)
    assert_unknown(run_folder.status, empty)


def test_every_moment_of_making_a_run_shows_a_whole_run_or_none(tmp_path: Path) -> None:
    """Another process makes runs, while this one looks."""
    script = (
        "import sys; from pathlib import Path\n"
        "from core.config import RunConfig; from core.runs import run_folder\n"
        "for _ in range(200): run_folder.create(Path(sys.argv[1]), RunConfig())"
    )
    project = Path(run_folder.__file__).parents[2]
    maker = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], cwd=project)
    looks = set()
    while maker.poll() is None:
        for run in run_folder.every(tmp_path)[:3]:
            looks.add(run)
            assert run_folder.status(run).state == "queued"
            assert records.config(run) == RunConfig()
    assert maker.returncode == 0
    assert len(run_folder.every(tmp_path)) == 200
    assert looks


# ---------------------------------------------------------------------------------- hostile names

HOSTILE = ["", ".", "..", "../outside", "..\\outside", "/etc", "inside/run", "run/", "run\0", "run\n", " run",
           "-run", ".slots", "ｒｕｎ", "r" * 65, "r" * 100_000, "%2e%2e", "~", "run*"]  # fmt: skip


@given(st.text() | st.sampled_from(HOSTILE) | st.text("./\\abc-_\0\n~", max_size=8))
@example("run")
@settings(max_examples=500)
def test_a_name_leads_to_a_run_in_the_folder_or_nowhere(
    tmp_path_factory: pytest.TempPathFactory, name: str
) -> None:
    # Every folder that a name might lead to is one that could be taken for a run.
    outer = tmp_path_factory.getbasetemp() / "names"
    root = outer / "runs"
    folders = [outer, root, outer / "outside", root / "run", root / ".slots", root / "inside" / "run"]
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.json").touch()
    if name in ("run", "inside") and (root / name / "config.json").is_file():
        assert run_folder.find(root, name) == root / name
    else:
        with pytest.raises(UnknownRun) as refused:
            run_folder.find(root, name)
        assert len(str(refused.value)) < 1_000


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_an_unknown_run(tmp_path: Path, name: str) -> None:
    with pytest.raises(UnknownRun, match=r"^There is no run '.*It may have been deleted; choose another\.$"):
        run_folder.find(tmp_path, name)


# ---------------------------------------------------------------------------------------- moving


def test_a_run_can_be_copied_elsewhere(tmp_path: Path, mlp_run: Path, mnist_5k: datasets.Dataset) -> None:
    moved = tmp_path / "another machine" / mlp_run.name
    shutil.copytree(mlp_run, moved)
    assert run_folder.find(moved.parent, moved.name) == moved
    assert run_folder.every(moved.parent) == [moved]
    assert run_folder.has_model(moved)
    for read in (records.config, run_folder.status, records.metrics, records.batches):
        assert read(moved) == read(mlp_run)
    assert results.load(moved).accuracy == results.load(mlp_run).accuracy
    images = mnist_5k.x_test[:10]
    assert (predict.load(moved).probabilities(images) == predict.load(mlp_run).probabilities(images)).all()


# ---------------------------------------------------------------------------------------- dying


def test_a_run_waits_as_long_as_it_takes_and_a_sweep_while_its_process_may_come(run: Path) -> None:
    fresh = run_folder.written_status(run)
    week = 7 * 24 * 3600
    run_folder.write_status(run, fresh.model_copy(update={"queued": time.time() - week}))
    assert run_folder.status(run).state == "queued"
    run_folder.write_json(run / "coming.json", {"pid": 2**31 - 1, "born": 1})  # there is no such process
    for age, state in ((5, "queued"), (15, "interrupted")):
        run_folder.write_status(run, fresh.model_copy(update={"queued": time.time() - age}))
        assert run_folder.status(run).state == state
    assert words(run_folder.status(run).failure).endswith("It was killed, or the machine was switched off.")


def test_a_run_is_alive_while_its_worker_holds_the_lock(run: Path) -> None:
    """With a process that does nothing but hold the lock, and is killed."""
    training = Status(state="running", phase="training", pid=1, created=1, started=2, heartbeat=3, epoch=2)
    script = (
        "import sys, time; from pathlib import Path; from core.runs import run_folder\n"
        "with run_folder.worker_lock(Path(sys.argv[1])): print(flush=True); time.sleep(600)"
    )
    project = Path(run_folder.__file__).parents[2]
    with subprocess.Popen(
        [sys.executable, "-c", script, str(run)], cwd=project, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        run_folder.write_status(run, training)
        assert run_folder.status(run) == training
        for action, state in (("stop", "stopping"), ("pause", "pausing"), ("run", "running")):
            with run_folder.changing_request(run) as change:
                change(action=action)
            assert run_folder.status(run) == training.model_copy(update={"state": state})
        holder.kill()
    wait_until(lambda: not run_folder.worker_is_alive(run), "the lock was free")
    status = run_folder.status(run)
    assert (status.state, status.phase, status.ended) == ("interrupted", "", training.heartbeat)
    assert words(status.failure) == (
        "The training process ended without an error message. It was killed, or the machine was switched off."
    )
    # It is a reading of the files: nothing is written.
    assert run_folder.written_status(run) == training


def test_a_worker_that_takes_long_to_come_up_is_waited_for_while_it_lives(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_folder, "_START_TIME", 0)  # the time is over from the first
    run_folder.write_status(run, Status(state="queued", created=1, queued=1))
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as slow:
        assert run_folder.status(run).state == "queued"  # nobody was announced
        run_folder.announce(run, slow.pid)
        assert run_folder.status(run).state == "queued"
        told = json.loads((run / "coming.json").read_text())
        run_folder.write_json(run / "coming.json", told | {"born": told["born"] - 1})
        assert run_folder.status(run).state == "interrupted"  # a later process of the same number
        run_folder.write_json(run / "coming.json", told)
        slow.kill()
        wait_until(lambda: run_folder.status(run).state == "interrupted", "its end was seen")
    assert run_folder.status(run).state == "interrupted"
    run_folder.announce(run, slow.pid)  # gone already
    for damaged in ("", "[]", "{}", '{"pid": "x", "born": 1}', '{"pid": -1, "born": 1}', '{"pid": 1e99}'):
        (run / "coming.json").write_text(damaged)
        assert run_folder.status(run).state == "interrupted"


@pytest.mark.parametrize("state", sorted(run_folder.ENDED | {"paused"}))
def test_a_run_that_rests_stays_as_it_is(run: Path, state: run_folder.State) -> None:
    ended = Status(
        state=state, pid=1, created=1, ended=2, failure=Failure.of("disk_full") if state == "failed" else None
    )
    run_folder.write_status(run, ended)
    with run_folder.changing_request(run) as change:
        change(action="stop")
    assert run_folder.status(run) == ended


def test_a_look_at_a_lock_that_is_held_waits_for_nothing(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twenty runs in line made a page take a second and a half: it waited 30 ms for each, twice."""
    with run_folder.worker_lock(run):
        monkeypatch.setattr(time, "sleep", lambda seconds: pytest.fail(f"it slept for {seconds} s"))
        assert run_folder.worker_is_alive(run)
    assert not run_folder.worker_is_alive(run)


def test_who_looks_is_never_taken_for_a_worker(run: Path) -> None:
    run_folder.worker_lock(run).acquire().lock.release()  # a worker was there
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            run_folder.worker_is_alive(run)

    lookers = [threading.Thread(target=look) for _ in range(4)]
    for looker in lookers:
        looker.start()
    try:
        assert not any(run_folder.worker_is_alive(run) for _ in range(2_000))
    finally:
        done.set()
        for looker in lookers:
            looker.join()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
def test_a_run_in_a_folder_that_can_only_be_read_is_looked_at_as_well(run: Path) -> None:
    with run_folder.worker_lock(run):
        (run / "worker.lock").chmod(0o444)
        run.chmod(0o555)
        assert run_folder.worker_is_alive(run)
    assert not run_folder.worker_is_alive(run)
    run.chmod(0o755)


def test_looking_whether_a_worker_lives_does_not_keep_it_from_starting(run: Path) -> None:
    """A look takes the lock for a moment; a worker that finds it taken tries again."""
    with run_folder.worker_lock(run):
        assert run_folder.worker_is_alive(run)
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            run_folder.worker_is_alive(run)

    looker = threading.Thread(target=look)
    looker.start()
    try:
        for _ in range(10):
            with run_folder.worker_lock(run).acquire(timeout=PATIENCE):
                pass
    finally:
        done.set()
        looker.join()
    assert not run_folder.worker_is_alive(run)
