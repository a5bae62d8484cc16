"""Runs in the real worker process take turns; what may be asked of them; and the operator's limits."""

from __future__ import annotations

import re
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from core.config import ConfigError, RunConfig
from core.data import datasets
from core.failures import Failure
from core.jobs import run_queue, turns
from core.jobs.run_queue import NotAllowed
from core.network import architectures, predict
from core.runs import notes, records, run_folder
from core.runs.run_folder import State, Status
from core.settings import Settings
from tests.conftest import Hired, wait_until
from tests.support.inprocess import assert_same

# The settings of the fixture `mlp_run`.
MLP = RunConfig(hidden_units=(32,), epochs=3, batch_size=64)
LONG = RunConfig(hidden_units=(16,), epochs=1000, batch_size=16)

# ------------------------------------------------------------------------------------ taking turns


class Queue:
    """Four runs, asked for one after the other with one slot.

    The first would train for minutes, and is stopped. The second is paused while it waits, resumed,
    and in the end stopped. The third just waits. The fourth is stopped while it waits.

    Attributes:
        lines: the places in line of all four, at first and after the second was resumed.
        states: the states that each run was seen in, in order.
        together: the most runs that were seen running at the same time.
    """

    def __init__(self, root: Path) -> None:
        settings = Settings(runs=root, slots=1, max_epochs=1000)
        self.long, self.resumed, self.trained, self.stopped = self.runs = [
            run_queue.submit(config, settings) for config in (LONG, MLP, MLP, MLP)
        ]
        self.lines = [self.line()]
        self.states: dict[Path, list[State]] = defaultdict(list)
        self.together = 0
        wait_until(lambda: self.look() and records.metrics(self.long), "the first had trained an epoch")
        run_queue.pause(self.resumed)
        run_queue.stop(self.stopped)
        gone = ["paused", "stopped"]
        wait_until(lambda: self.look()[1::2] == gone, "the second and the fourth had left the line")
        run_queue.resume(self.resumed, settings)
        self.lines.append(self.line())
        run_queue.stop(self.long)
        wait_until(lambda: self.look()[0] in run_folder.ENDED, "the first had ended")
        # That it does train can be seen elsewhere, and takes seconds.
        run_queue.stop(self.resumed)
        wait_until(lambda: set(self.look()) <= run_folder.RESTING, "all rested")

    def line(self) -> list[int]:
        return [turns.place_in_line(run) for run in self.runs]

    def look(self) -> list[State]:
        now = {run: run_folder.status(run).state for run in self.runs}
        for run, state in now.items():
            if self.states[run][-1:] != [state]:
                self.states[run].append(state)
        self.together = max(self.together, list(now.values()).count("running"))
        return list(now.values())


@pytest.fixture(scope="module")
def queue(tmp_path_factory: pytest.TempPathFactory) -> Queue:
    return Queue(tmp_path_factory.mktemp("queue"))


def test_runs_train_one_after_the_other(queue: Queue) -> None:
    assert queue.together == 1
    assert queue.states[queue.trained] == ["queued", "running", "finished"]
    first, second = run_folder.status(queue.long), run_folder.status(queue.trained)
    assert first.started < first.ended <= second.started < second.ended
    assert turns.active(queue.long.parent) == []


def test_the_oldest_request_goes_first_and_a_resumed_run_queues_behind(queue: Queue) -> None:
    assert queue.lines[0] == [0, 1, 2, 3]
    # By then the first trains, and the fourth is gone: nobody is ahead of the third any more.
    assert queue.lines[1][1:3] == [1, 0]
    assert run_folder.status(queue.resumed).created < run_folder.status(queue.trained).created


def test_a_run_that_is_paused_while_it_waits_leaves_the_line_until_it_is_resumed(queue: Queue) -> None:
    states = [state for state in queue.states[queue.resumed] if state not in ("pausing", "stopping")]
    assert states == ["queued", "paused", "queued", "stopped"]


def test_a_run_that_is_stopped_while_it_waits_never_trains(queue: Queue) -> None:
    states = [state for state in queue.states[queue.stopped] if state != "stopping"]
    assert states == ["queued", "stopped"]
    status = run_folder.status(queue.stopped)
    assert (status.started, status.epoch) == (0, 0)
    # It did not wait for the runs ahead of it, either.
    assert status.ended < run_folder.status(queue.long).ended
    assert not run_folder.has_model(queue.stopped)
    assert records.environment(queue.stopped) == {}
    assert records.metrics(queue.stopped) == []


def test_what_was_learned_is_kept_when_a_run_is_stopped(queue: Queue, mnist_5k: datasets.Dataset) -> None:
    run = queue.long
    status = run_folder.status(run)
    assert (status.state, status.failure) == ("stopped", None)
    metrics = records.metrics(run)
    assert 1 <= len(metrics) < LONG.epochs
    assert [row["epoch"] for row in metrics] == list(range(1, len(metrics) + 1))
    assert [row["steps"] for row in metrics[:-1]] == [200] * (len(metrics) - 1)
    answers = predict.load(run).probabilities(mnist_5k.x_test).argmax(axis=1)
    assert np.mean(answers == mnist_5k.y_test) == status.test_accuracy > 0.5
    loaded = keras.saving.load_model(run / "model.keras")
    assert loaded.count_params() == architectures.parameters(architectures.layers(LONG))
    # Asking again changes nothing.
    run_queue.stop(run)
    run_queue.pause(run)
    assert run_folder.status(run) == status


def test_the_same_seed_gives_the_same_numbers_to_the_bit(queue: Queue, mlp_run: Path) -> None:
    assert records.config(queue.trained) == records.config(mlp_run) == MLP
    assert_same(queue.trained, mlp_run)
    assert run_folder.status(queue.trained).test_loss == run_folder.status(mlp_run).test_loss


# ------------------------------------------------------------------------------ a run that finished


def test_a_finished_run_leaves_every_file_that_the_contract_names(mlp_run: Path) -> None:
    assert run_folder.__doc__ is not None
    files = set(re.findall(r"^``(\w[\w.]*)/?`` +(?:creator|worker|anyone)", run_folder.__doc__, re.MULTILINE))
    assert {"config.json", "model.onnx", "log.txt", "epochs", "request.json"} <= files
    # These come when somebody asks for something, or turns a knob, or estimates; the reserve goes at the end.
    optional = {
        "request.json", "request.lock", "changes.jsonl", "estimate.json", "lesson.npz", "labels.json",
        "robustness.json", "robustness.lock", "unmeasured.json", "reserve",
    }  # fmt: skip
    assert files - optional <= {file.name for file in mlp_run.iterdir()} <= files
    assert sorted(file.name for file in (mlp_run / "epochs").iterdir()) == [
        "0001.npz", "0002.npz", "0003.npz",
    ]  # fmt: skip
    status = run_folder.status(mlp_run)
    assert status.created == status.queued < status.started < status.ended <= status.heartbeat
    assert 0 < status.worked <= status.ended - status.started + 1e-3
    assert (status.epoch, status.step, status.steps) == (3, 50, 50)
    assert status.failure is None
    environment = records.environment(mlp_run)
    assert environment["dataset_sha256"] == datasets.load("mnist-5k").digest
    assert (environment["keras"], environment["seed"]) == (keras.__version__, 0)


def test_rows_within_an_epoch_lead_to_the_epochs_own(mlp_run: Path) -> None:
    seen = [(row["epoch"], row["step"]) for row in records.batches(mlp_run)]
    assert seen == sorted(seen)
    assert seen
    assert all(1 <= epoch <= 3 and 1 <= step <= 50 for epoch, step in seen)
    rows = records.metrics(mlp_run)
    assert [(row["epoch"], row["steps"]) for row in rows] == [(1, 50), (2, 50), (3, 50)]
    assert all(len(row["val_class_accuracy"]) == 10 for row in rows)


# --------------------------------------------------------------------- what may be asked, and when


def asked_for(root: Path, state: State, **values: Any) -> Path:
    """A run that was left in this state, without a worker."""
    run = run_folder.create(root, MLP)
    now = time.time()
    run_folder.write_status(run, Status(state=state, created=now, queued=now, heartbeat=now, **values))
    return run


@pytest.mark.parametrize("state", sorted(run_folder.RESTING - {"interrupted"}))
def test_a_run_that_rests_is_resumed_once_however_often_it_is_asked_for(
    runs_folder: Path, hired: Hired, state: State
) -> None:
    run = asked_for(runs_folder, state, failure=Failure.of("disk_full"), ended=1)
    for _ in range(3):
        run_queue.resume(run, Settings())
    status = run_folder.status(run)
    assert (status.state, status.failure, status.pid) == ("queued", None, 0)
    assert hired.runs == [run]
    assert run_folder.request(run).action == "run"


def test_a_lost_run_is_resumed(runs_folder: Path, hired: Hired) -> None:
    run = asked_for(runs_folder, "running", pid=1, epoch=2)
    assert run_folder.status(run).state == "interrupted"
    run_queue.resume(run, Settings())
    assert run_folder.status(run).state == "queued"
    assert len(hired.runs) == 1


@pytest.mark.parametrize("state", sorted(run_folder.ENDED))
def test_a_run_that_has_ended_cannot_be_paused_or_stopped(
    runs_folder: Path, hired: Hired, state: State
) -> None:
    run = asked_for(runs_folder, state)
    before = run_folder.status(run)
    run_queue.pause(run)
    run_queue.stop(run)
    assert run_folder.status(run) == before
    assert run_folder.request(run).action == "run"
    assert hired.runs == []


@pytest.mark.parametrize("state", ["paused", "running"])
def test_a_resting_run_without_a_checkpoint_is_stopped_at_once(
    runs_folder: Path, hired: Hired, state: State
) -> None:
    run = asked_for(runs_folder, state, pid=1)
    run_queue.stop(run)
    assert run_folder.status(run).state == "stopped"
    assert hired.runs == []


def test_a_paused_run_that_is_paused_again_stays_paused(runs_folder: Path, hired: Hired) -> None:
    run = asked_for(runs_folder, "paused")
    before = run_folder.status(run)
    run_queue.pause(run)
    assert (run_folder.status(run), run_folder.request(run).action, hired.runs) == (before, "run", [])


def test_a_waiting_run_is_paused_and_stopped_at_once_and_the_newest_word_counts(
    runs_folder: Path, hired: Hired
) -> None:
    run = run_queue.submit(MLP, Settings())
    run_queue.pause(run)
    assert run_folder.status(run).state == "paused"
    run_queue.stop(run)
    assert run_folder.status(run).state == "stopped"
    # And it can be had after all.
    run_queue.resume(run, Settings())
    assert run_folder.status(run).state == "queued"
    run_queue.pause(run)
    hired.work()
    assert run_folder.status(run).state == "paused"
    assert records.metrics(run) == []


def test_a_run_that_a_worker_has_taken_hears_what_is_asked_of_it(runs_folder: Path, hired: Hired) -> None:
    """Between the worker's taking it and its first step."""
    for ask, state in ((run_queue.pause, "paused"), (run_queue.stop, "stopped")):
        run = run_queue.submit(MLP, Settings())
        with run_folder.worker_lock(run):
            ask(run)
            assert run_folder.status(run).state == {"paused": "pausing", "stopped": "stopping"}[state]
        hired.work()
        assert run_folder.status(run).state == state
        assert records.metrics(run) == []


def test_the_line_is_by_the_time_of_the_request(runs_folder: Path) -> None:
    waiting = [run_folder.create(runs_folder, MLP) for _ in range(3)]
    now = time.time()
    for run, age in zip(waiting, (1, 3, 2), strict=True):
        run_folder.write_status(run, Status(state="queued", created=now, queued=now - age))
    assert [turns.place_in_line(run) for run in waiting] == [2, 0, 1]
    assert turns.line(runs_folder).ahead(waiting[0]) == [waiting[1], waiting[2]]


@pytest.mark.parametrize(
    "knobs", [{"learning_rate": 0.0}, {"learning_rate": float("nan")}, {"dropout": 1.0}, {"dropout": -0.1}]
)
def test_a_knob_cannot_be_turned_to_what_cannot_be(runs_folder: Path, knobs: dict[str, float]) -> None:
    run = run_folder.create(runs_folder, MLP)
    run_queue.steer(run, dropout=0.3)
    with pytest.raises(ConfigError):
        run_queue.steer(run, **knobs)
    assert run_folder.request(run) == run_folder.Request(dropout=0.3)
    assert records.plan(run) == MLP.but(dropout=0.3)


def test_a_knob_that_is_let_go_is_what_the_settings_say(runs_folder: Path) -> None:
    run = run_folder.create(runs_folder, MLP)
    run_queue.steer(run, learning_rate=0.1, dropout=0.3)
    run_queue.steer(run, learning_rate=None)
    assert records.plan(run) == MLP.but(dropout=0.3)
    assert records.config(run) == MLP


@pytest.mark.parametrize(
    ("epochs", "error", "message"),
    [
        (101, NotAllowed, "has 101 epochs; at most 100 are"),
        (-1, ConfigError, "at least 1"),
    ],
)
def test_train_on_keeps_to_the_limits(
    runs_folder: Path, hired: Hired, epochs: int, error: type[Exception], message: str
) -> None:
    run = asked_for(runs_folder, "finished")
    with pytest.raises(error, match=message):
        run_queue.resume(run, Settings(), epochs)
    assert run_folder.status(run).state == "finished"
    assert (hired.runs, run_folder.request(run)) == ([], run_folder.Request())


def test_resuming_keeps_to_the_limits_of_the_queue(runs_folder: Path, hired: Hired) -> None:
    run = asked_for(runs_folder, "paused")
    asked_for(runs_folder, "queued")
    with pytest.raises(NotAllowed, match=r"^1 runs are training or waiting, which"):
        run_queue.resume(run, Settings(max_waiting=1))
    assert (run_folder.status(run).state, hired.runs) == ("paused", [])


def test_asking_something_of_a_run_that_was_deleted_makes_nothing(runs_folder: Path, hired: Hired) -> None:
    run_queue.stop(runs_folder / "gone")
    run_queue.pause(runs_folder / "gone")
    with pytest.raises(run_folder.UnknownRun):
        run_queue.resume(runs_folder / "gone", Settings())
    with pytest.raises(run_folder.UnknownRun):
        run_queue.steer(runs_folder / "gone", dropout=0.1)
    assert not runs_folder.exists()
    assert hired.runs == []


def test_a_half_made_run_is_nobodys_to_pause_or_stop(runs_folder: Path, hired: Hired) -> None:
    run = run_folder.create(runs_folder, MLP)
    (run / "status.json").unlink()
    run_queue.pause(run)
    run_queue.stop(run)
    assert (run_folder.request(run), hired.runs) == (run_folder.Request(), [])


# -------------------------------------------------------------------------------------- the limits


@pytest.mark.parametrize(
    ("config", "limits", "message"),
    [
        (
            {"hidden_units": (128,)},
            {"max_parameters": 101_769},
            r"has 101,770 parameters; at most 101,769 are",
        ),
        ({"epochs": 1000}, {"max_epochs": 999}, r"has 1,000 epochs; at most 999 are"),
        # 784 + 128 + 10 values and their gradients, 4 bytes each, for 4096 images: 30.2 MB
        ({"batch_size": 4096}, {"max_step_megabytes": 30}, r"step of this run needs 30 MB; at most 30 are"),
        # (784 × 128 + 128 × 10) × 4096 / 10^6 = 416.3
        ({"batch_size": 4096}, {"max_step_multiplications": 416}, r"takes 416 million .*; at most 416 are"),
        ({}, {"max_images": 3_999}, r"uses 4,000 training images; at most 3,999 are"),
        ({"training_images": 2_001}, {"max_images": 2_000}, r"uses 2,001 training images; at most 2,000 are"),
    ],
)
def test_a_run_that_is_too_large_is_refused_with_its_size_and_the_limit(
    runs_folder: Path, config: dict[str, Any], limits: dict[str, int], message: str
) -> None:
    with pytest.raises(NotAllowed, match=message):
        run_queue.submit(RunConfig(**config), Settings(**limits))
    assert not runs_folder.exists()
    # One more is enough.
    run_queue.check(RunConfig(**config), Settings(**{name: limit + 1 for name, limit in limits.items()}))


def test_more_images_than_there_are_do_not_count(runs_folder: Path) -> None:
    run_queue.check(RunConfig(training_images=60_000), Settings(max_images=4_000))
    assert not runs_folder.exists()


def test_a_network_that_cannot_be_is_refused_before_anything_is_made(runs_folder: Path) -> None:
    config = RunConfig.read({"architecture": "cnn", "conv_blocks": "8:7:max,8:7:max,8:7:max"})
    with pytest.raises(architectures.ImpossibleNetwork, match="block 3"):
        run_queue.submit(config, Settings())
    assert not runs_folder.exists()


def test_a_data_set_that_is_not_at_hand_is_refused_before_anything_is_made(
    runs_folder: Path, no_mnist: Path
) -> None:
    with pytest.raises(datasets.DatasetMissing, match=r"^mnist is not on this machine yet: there is no "):
        run_queue.submit(RunConfig(dataset="mnist"), Settings(max_images=60_000))
    datasets.path("mnist").parent.mkdir(parents=True)
    datasets.path("mnist").write_bytes(b"PK\x03\x04 and not much else")
    with pytest.raises(
        datasets.DatasetDamaged, match=r"mnist\.npz does not hold mnist: the file is incomplete"
    ):
        run_queue.submit(RunConfig(dataset="mnist"), Settings(max_images=60_000))
    assert not runs_folder.exists()


def test_a_full_queue_takes_no_more(runs_folder: Path) -> None:
    waiting = [run_folder.create(runs_folder, MLP) for _ in range(2)]
    with pytest.raises(NotAllowed, match=r"^2 runs are training or waiting, which"):
        run_queue.submit(MLP, Settings(max_waiting=2))
    assert set(runs_folder.iterdir()) == set(waiting)


def test_a_full_folder_takes_no_more(runs_folder: Path) -> None:
    ended = [run_folder.create(runs_folder, MLP) for _ in range(3)]
    for run in ended:
        run_folder.write_status(run, run_folder.Status(state="finished"))
    with pytest.raises(NotAllowed, match=r"^There are 3 runs, which is the maximum"):
        run_queue.submit(MLP, Settings(max_runs=3))
    assert set(runs_folder.iterdir()) == set(ended)


def test_a_full_disk_share_takes_no_more(runs_folder: Path) -> None:
    run = run_folder.create(runs_folder, MLP)
    run_folder.write_status(run, run_folder.Status(state="finished"))
    (run / "model.keras").write_bytes(bytes(2_000_000))
    with pytest.raises(NotAllowed, match=r"use 2 MB of disk space; at most 2 are"):
        run_queue.submit(MLP, Settings(max_megabytes=2))
    assert list(runs_folder.iterdir()) == [run]


def test_a_run_that_vanishes_while_others_wait_is_not_waited_for(runs_folder: Path) -> None:
    first, second = (run_folder.create(runs_folder, MLP) for _ in range(2))
    time.sleep(0.002)
    third = run_folder.create(runs_folder, MLP)
    assert turns.place_in_line(third) == 2
    (first / "status.json").unlink()
    assert turns.place_in_line(third) == 1
    run_folder.write_status(second, Status(state="finished"))
    assert turns.place_in_line(third) == 0
    assert turns.active(runs_folder) == [third]


def test_an_automatic_run_is_marked_before_anybody_can_see_it(
    runs_folder: Path, hired: Hired, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bool] = []

    def serve(_settings: Settings, run: Path) -> None:
        seen.append(notes.is_temporary(run))

    monkeypatch.setattr(hired, "serve", serve)
    assert notes.is_temporary(run_queue.submit(MLP, Settings(), automatic=True))
    assert not notes.is_temporary(run_queue.submit(MLP, Settings()))
    assert seen == [True, False]


@pytest.mark.parametrize("asked", [run_queue.pause, lambda run: run_queue.resume(run, Settings())])
def test_an_automatic_run_that_somebody_pauses_or_continues_is_kept(
    runs_folder: Path, hired: Hired, asked: Callable[[Path], None]
) -> None:
    run = run_queue.submit(MLP, Settings(), automatic=True)
    asked(run)
    assert not notes.is_temporary(run)


def test_an_automatic_run_that_is_given_up_is_gone(runs_folder: Path, hired: Hired) -> None:
    run_queue.give_up(run_queue.submit(MLP, Settings(), automatic=True))
    assert list(runs_folder.iterdir()) == []


def test_a_folder_that_is_not_given_away_is_stopped_and_stays_temporary(
    runs_folder: Path, hired: Hired
) -> None:
    run = run_queue.submit(MLP, Settings(), automatic=True)
    # Windows refuses to rename a folder in use. Every system refuses to replace a folder that is not empty.
    (runs_folder / f".{run.name}").mkdir()
    (runs_folder / f".{run.name}" / "file").touch()
    with run_folder.worker_lock(run):
        run_queue.give_up(run)
        assert run_folder.status(run).state == "stopping"
    hired.work()
    assert run_folder.status(run).state == "stopped"
    assert notes.is_temporary(run)


def test_old_automatic_runs_make_room(runs_folder: Path, hired: Hired) -> None:
    old, new = (run_queue.submit(MLP, Settings(), automatic=True) for _number in range(2))
    for run, age in ((old, 900), (new, 0)):
        moment = time.time() - age
        run_folder.write_status(run, run_folder.Status(state="finished", created=moment, ended=moment))
    run = run_queue.submit(MLP, Settings(max_runs=2))
    assert run_folder.every(runs_folder) == [run, new]
    with pytest.raises(NotAllowed, match="which is the maximum"):
        run_queue.submit(MLP, Settings(max_runs=2))


def test_a_run_that_cannot_be_filled_is_gone(runs_folder: Path) -> None:
    def fill(run: Path) -> None:
        assert run_folder.every(runs_folder) == []  # nobody sees it yet
        raise OSError("full")

    with pytest.raises(OSError, match="full"):
        run_folder.create(runs_folder, MLP, fill)
    assert list(runs_folder.iterdir()) == []
