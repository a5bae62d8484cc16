"""Runs in the real worker process: they take turns, give Keras's numbers, and end as they should."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from core import architectures, datasets, jobs, predict, runs
from core.config import RunConfig
from core.jobs import NotAllowed
from core.settings import Settings
from tests.conftest import wait_for_end, wait_until

# The settings of the fixture `mlp_run`.
MLP = RunConfig(hidden_units=(32,), epochs=3, batch_size=64)
DIVERGING = RunConfig(
    hidden_units=(64, 64, 64, 64), optimizer="sgd", learning_rate=10, batch_size=32, epochs=3
)
LONG = RunConfig(hidden_units=(16,), epochs=1000, batch_size=16)


# ------------------------------------------------------------------------------------ taking turns


class Queue:
    """Three runs, asked for one after the other with one slot; the third was stopped while it waited.

    Attributes:
        states: the states that each run was seen in, in order.
        together: the most runs that were seen running at the same time.
    """

    def __init__(self, root: Path) -> None:
        settings = Settings(runs=root, slots=1)
        self.trained, self.diverged, self.stopped = self.runs = [
            jobs.submit(config, settings) for config in (MLP, DIVERGING, MLP)
        ]
        self.line = [jobs.place_in_line(run) for run in self.runs]
        self.states: dict[Path, list[str]] = defaultdict(list)
        self.together = 0
        wait_until(lambda: "running" in self.look(), "the first ran")
        jobs.stop(self.stopped)
        wait_until(lambda: self.look() <= set(runs.ENDED), "all ended")

    def look(self) -> set[str]:
        now = {run: runs.status(run).state for run in self.runs}
        for run, state in now.items():
            if self.states[run][-1:] != [state]:
                self.states[run].append(state)
        self.together = max(self.together, list(now.values()).count("running"))
        return set(now.values())


@pytest.fixture(scope="module")
def queue(tmp_path_factory: pytest.TempPathFactory) -> Queue:
    return Queue(tmp_path_factory.mktemp("queue"))


def test_runs_train_one_after_the_other_and_the_oldest_first(queue: Queue) -> None:
    assert queue.line == [0, 1, 2]
    assert queue.together == 1
    assert queue.states[queue.trained] == ["queued", "running", "finished"]
    assert queue.states[queue.diverged] == ["queued", "running", "failed"]
    first, second = runs.status(queue.trained), runs.status(queue.diverged)
    assert first.created < second.created
    assert first.started < first.ended <= second.started < second.ended
    assert jobs.active(queue.trained.parent) == []


def test_a_run_that_is_stopped_while_it_waits_never_trains(queue: Queue) -> None:
    assert queue.states[queue.stopped][0] == "queued"
    assert queue.states[queue.stopped][-1] == "stopped"
    assert "running" not in queue.states[queue.stopped]
    status = runs.status(queue.stopped)
    assert (status.started, status.epoch) == (0, 0)
    # It did not wait for the run ahead of it, either.
    assert status.ended < runs.status(queue.diverged).ended
    assert not runs.has_model(queue.stopped)
    assert runs.environment(queue.stopped) == {}
    assert runs.metrics(queue.stopped) == []


def test_a_run_that_diverges_says_so_in_a_sentence(queue: Queue) -> None:
    status = runs.status(queue.diverged)
    assert re.fullmatch(
        r"The loss stopped being a number in epoch 1, step \d+: the steps were too large\. "
        r"Try a learning rate ten times smaller\.",
        status.error,
    )
    assert "Diverged" in (queue.diverged / "log.txt").read_text("utf-8")
    assert not runs.has_model(queue.diverged)


# ------------------------------------------------------------------------------ a run that finished


def test_a_finished_run_leaves_every_file_that_the_contract_names(mlp_run: Path) -> None:
    assert runs.__doc__ is not None
    files = set(re.findall(r"^``(\w[\w.]*)`` +(?:creator|worker|anyone)", runs.__doc__, re.MULTILINE))
    assert {"config.json", "model.onnx", "log.txt"} <= files
    assert {file.name for file in mlp_run.iterdir()} == files - {"stop"}
    status = runs.status(mlp_run)
    assert status.created < status.started < status.ended <= status.heartbeat
    assert (status.epoch, status.step, status.steps) == (3, 50, 50)
    assert status.error == ""
    environment = runs.environment(mlp_run)
    assert environment["dataset_sha256"] == datasets.load("mnist-5k").digest
    assert (environment["keras"], environment["seed"]) == (keras.__version__, 0)


def test_rows_within_an_epoch_lead_to_the_epochs_own(mlp_run: Path) -> None:
    seen = [(row["epoch"], row["step"], row["seconds"]) for row in runs.batches(mlp_run)]
    assert seen == sorted(seen)
    assert seen
    assert all(1 <= epoch <= 3 and 1 <= step <= 50 for epoch, step, _seconds in seen)
    assert [(row["epoch"], row["steps"]) for row in runs.metrics(mlp_run)] == [(1, 50), (2, 50), (3, 50)]


def numbers(rows: list[dict[str, Any]]) -> list[dict[str, float]]:
    """A run's rows without the time they took."""
    return [{key: value for key, value in row.items() if key != "seconds"} for row in rows]


def test_the_same_seed_gives_the_same_numbers(queue: Queue, mlp_run: Path) -> None:
    assert runs.config(queue.trained) == runs.config(mlp_run) == MLP
    assert numbers(runs.metrics(queue.trained)) == numbers(runs.metrics(mlp_run))
    assert runs.status(queue.trained).test_loss == runs.status(mlp_run).test_loss


def mlp_by_hand() -> keras.Model:
    return keras.Sequential(
        [
            layers.Input((28, 28)),
            layers.Flatten(),
            layers.Dense(32, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )


def cnn_by_hand() -> keras.Model:
    """The network of the fixture `cnn_run`."""
    return keras.Sequential(
        [
            layers.Input((28, 28)),
            layers.Reshape((28, 28, 1)),
            layers.Conv2D(8, 3, use_bias=False),
            layers.BatchNormalization(),
            layers.Activation("relu"),
            layers.MaxPooling2D(),
            layers.Dropout(0.2),
            layers.Conv2D(8, 3, use_bias=False),
            layers.BatchNormalization(),
            layers.Activation("relu"),
            layers.AveragePooling2D(2),
            layers.Dropout(0.2),
            layers.Flatten(),
            layers.Dense(16, use_bias=False),
            layers.BatchNormalization(),
            layers.Activation("relu"),
            layers.Dropout(0.2),
            layers.Dense(10, activation="softmax"),
        ]
    )


@pytest.mark.parametrize(
    ("fixture", "by_hand", "images", "epochs", "batch_size"),
    [("mlp_run", mlp_by_hand, 4_000, 3, 64), ("cnn_run", cnn_by_hand, 1_000, 2, 128)],
)
def test_the_numbers_are_those_of_a_tutorial_in_keras(
    fixture: str,
    by_hand: Any,
    images: int,
    epochs: int,
    batch_size: int,
    request: pytest.FixtureRequest,
    mnist_5k: datasets.Dataset,
) -> None:
    run: Path = request.getfixturevalue(fixture)
    keras.utils.set_random_seed(0)
    model = by_hand()
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(
        mnist_5k.x_train[:images].astype("float32") / 255,
        mnist_5k.y_train[:images],
        batch_size=batch_size,
        epochs=epochs,
        validation_split=0.2,
        verbose=0,
    )
    rows = runs.metrics(run)
    assert set(history.history) == {"loss", "accuracy", "val_loss", "val_accuracy"}
    for name, expected in history.history.items():
        assert [row[name] for row in rows] == pytest.approx(expected, abs=1e-6), name
    loss, accuracy = model.evaluate(mnist_5k.x_test.astype("float32") / 255, mnist_5k.y_test, verbose=0)
    status = runs.status(run)
    assert (status.test_loss, status.test_accuracy) == pytest.approx((loss, accuracy), abs=1e-5)


# ------------------------------------------------------------------------------------- interrupted


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Three runs with an hour ahead of them: asked to stop, ended by the system, and killed."""
    settings = Settings(runs=tmp_path_factory.mktemp("interrupted"), slots=3, max_epochs=1000)
    names = ["stopped", "ended", "killed"]
    found = {name: jobs.submit(LONG, settings) for name in names}
    for run in found.values():
        wait_until(lambda run=run: runs.metrics(run), f"{run} had trained an epoch")
    if sys.platform != "win32":
        os.kill(runs.status(found["killed"]).pid, signal.SIGKILL)
        os.kill(runs.status(found["ended"]).pid, signal.SIGTERM)
    jobs.stop(found["stopped"])
    assert runs.status(found["stopped"]).state in ("stopping", "stopped")
    for name in names if sys.platform != "win32" else ["stopped"]:
        wait_for_end(found[name])
    return found


posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")


@pytest.mark.parametrize("how", ["stopped", pytest.param("ended", marks=posix)])
def test_what_was_learned_is_kept_when_a_run_is_stopped(
    how: str, interrupted: dict[str, Path], mnist_5k: datasets.Dataset
) -> None:
    run = interrupted[how]
    status = runs.status(run)
    assert (status.state, status.error) == ("stopped", "")
    metrics = runs.metrics(run)
    assert 1 <= len(metrics) < LONG.epochs
    assert [row["epoch"] for row in metrics] == list(range(1, len(metrics) + 1))
    assert [row["steps"] for row in metrics[:-1]] == [200] * (len(metrics) - 1)
    answers = predict.load(run).probabilities(mnist_5k.x_test).argmax(axis=1)
    assert np.mean(answers == mnist_5k.y_test) == status.test_accuracy > 0.5
    loaded = keras.saving.load_model(run / "model.keras")
    assert loaded.count_params() == architectures.parameters(architectures.layers(LONG))
    # Asking again changes nothing.
    jobs.stop(run)
    assert runs.status(run) == status


@posix
def test_a_run_that_was_killed_has_failed_and_its_numbers_stay(interrupted: dict[str, Path]) -> None:
    run = interrupted["killed"]
    status = runs.status(run)
    assert (status.state, status.phase) == ("failed", "")
    assert "it was killed, or the machine went down" in status.error
    assert status.started < status.ended <= time.time()
    assert runs.metrics(run)
    assert not runs.has_model(run)
    assert runs.config(run) == LONG
    assert run not in jobs.active(run.parent)


# -------------------------------------------------------------------------------------- the limits


@pytest.mark.parametrize(
    ("config", "limits", "message"),
    [
        (
            {"hidden_units": (128,)},
            {"max_parameters": 101_769},
            r"has 101,770 parameters; at most 101,769 are",
        ),
        ({"epochs": 1000}, {"max_epochs": 999}, r"asked for 1,000 epochs; at most 999 are"),
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
        jobs.submit(RunConfig(**config), Settings(**limits))
    assert not runs_folder.exists()
    # One more is enough.
    jobs.check(RunConfig(**config), Settings(**{name: limit + 1 for name, limit in limits.items()}))


def test_more_images_than_there_are_do_not_count(runs_folder: Path) -> None:
    jobs.check(RunConfig(training_images=60_000), Settings(max_images=4_000))
    assert not runs_folder.exists()


def test_a_network_that_cannot_be_is_refused_before_anything_is_made(runs_folder: Path) -> None:
    config = RunConfig.read({"architecture": "cnn", "conv_blocks": "8:7:max,8:7:max,8:7:max"})
    with pytest.raises(architectures.ImpossibleNetwork, match="block 3"):
        jobs.submit(config, Settings())
    assert not runs_folder.exists()


def test_a_data_set_that_is_not_at_hand_is_refused_before_anything_is_made(
    runs_folder: Path, no_mnist: Path
) -> None:
    with pytest.raises(datasets.DatasetMissing, match=r"^mnist is not on this machine yet\."):
        jobs.submit(RunConfig(dataset="mnist"), Settings(max_images=60_000))
    assert not runs_folder.exists()


def test_a_full_queue_takes_no_more(runs_folder: Path) -> None:
    waiting = [runs.create(runs_folder, MLP) for _ in range(2)]
    with pytest.raises(NotAllowed, match=r"^2 runs are training or waiting already"):
        jobs.submit(MLP, Settings(max_waiting=2))
    assert set(runs_folder.iterdir()) == set(waiting)


def test_a_full_folder_takes_no_more(runs_folder: Path) -> None:
    ended = [runs.create(runs_folder, MLP) for _ in range(3)]
    for run in ended:
        runs.write_status(run, runs.Status(state="finished"))
    with pytest.raises(NotAllowed, match=r"^There are 3 runs already, which is as many as are kept here"):
        jobs.submit(MLP, Settings(max_runs=3))
    assert set(runs_folder.iterdir()) == set(ended)


def test_a_full_disk_share_takes_no_more(runs_folder: Path) -> None:
    run = runs.create(runs_folder, MLP)
    runs.write_status(run, runs.Status(state="finished"))
    (run / "model.keras").write_bytes(bytes(2_000_000))
    with pytest.raises(NotAllowed, match=r"take 2 MB of disk, and at most 2 are"):
        jobs.submit(MLP, Settings(max_megabytes=2))
    assert list(runs_folder.iterdir()) == [run]


def test_stopping_a_run_that_was_deleted_does_nothing(runs_folder: Path) -> None:
    jobs.stop(runs_folder / "gone")
    assert not runs_folder.exists()


def test_a_run_that_vanishes_while_others_wait_is_not_waited_for(runs_folder: Path) -> None:
    first, second = (runs.create(runs_folder, MLP) for _ in range(2))
    time.sleep(0.002)
    third = runs.create(runs_folder, MLP)
    assert jobs.place_in_line(third) == 2
    (first / "status.json").unlink()
    assert jobs.place_in_line(third) == 1
    (second / "status.json").write_text(json.dumps({"state": "finished"}))
    assert jobs.place_in_line(third) == 0
    assert jobs.active(runs_folder) == [third]
