"""Pause, resume, train on: however often a run was disturbed, it ends to the bit as if it had not been."""

from __future__ import annotations

import itertools
import json
import re
import shutil
import zipfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.config import RunConfig
from core.data import datasets
from core.evaluation import results
from core.failures import words
from core.jobs import run_queue, turns
from core.network import architectures
from core.runs import records, run_folder
from core.runs.run_folder import Action
from core.settings import Settings
from core.worker import checkpoint, keras_model
from core.worker.checkpoint import DamagedCheckpoint
from tests.conftest import Hired
from tests.support.inprocess import CALLS, SMALL, after, assert_same, trained, work

# Everything that has a state: dropout, augmentation, a schedule over all steps, Adam's moments.
MLP = SMALL.but(
    dropout=0.3,
    rotation=10,
    shift=1,
    elastic=1,
    learning_rate_schedule="one-cycle",
    early_stopping_patience=2,
)  # fmt: skip
CNN = RunConfig.read(
    {
        "architecture": "cnn", "conv_blocks": "2:3:stride", "dense_units": 0, "batch_normalization": True,
        "dropout": 0.2, "dropout_place": "everywhere", "optimizer": "sgd", "learning_rate": 0.05,
        "learning_rate_schedule": "plateau", "plateau_patience": 1,
        "training_images": 200, "batch_size": 4, "epochs": 2,
    }
)  # fmt: skip


def disturbed(root: Path, config: RunConfig, pauses: Iterator[int]) -> Path:
    """A run that is paused again and again, after so many calls each time."""
    run = run_folder.create(root, config)
    for calls in pauses:
        status = work(run, after(calls))
        assert status.state in ("paused", "finished")
        if status.state == "finished":
            return run
        assert run_folder.has_checkpoint(run)
    assert work(run).state == "finished"
    return run


def test_an_mlp_paused_after_every_single_call_is_the_undisturbed_one(tmp_path: Path) -> None:
    config = MLP.but(epochs=2)
    run = disturbed(tmp_path, config, itertools.repeat(1))
    assert_same(run, trained(tmp_path, config))


def test_a_cnn_paused_within_and_between_epochs_is_the_undisturbed_one(tmp_path: Path) -> None:
    # Within the first epoch, and between the first and the second.
    pauses = iter([1, CALLS - 1])
    assert_same(disturbed(tmp_path, CNN, pauses), trained(tmp_path, CNN))


def number_the_arrays(run: Path) -> None:
    """Write a run's checkpoint as it was before its arrays had names: numbered, in Keras's order."""
    saved = checkpoint.load(run / "checkpoint.npz")
    model = keras_model.model(architectures.layers(records.config(run)))
    keras_model.compile_model(model, records.config(run))
    best = saved.restore(model)
    groups = {"model": model.variables, "optimizer": model.optimizer.variables}
    arrays = {
        f"{group}_{number}": variable.numpy()
        for group, variables in groups.items()
        for number, variable in enumerate(variables)
    }
    keras_model.assign(model, best)
    arrays |= {f"best_{number}": variable.numpy() for number, variable in enumerate(model.weights)}
    progress = np.array(json.dumps(asdict(saved.progress)))
    np.savez(run / "checkpoint.npz", allow_pickle=False, progress=progress, **arrays)


@pytest.mark.parametrize("config", [MLP, CNN.but(early_stopping_patience=1)], ids=["mlp", "cnn"])
def test_a_checkpoint_of_before_its_arrays_had_names_is_gone_on_from(
    config: RunConfig, tmp_path: Path
) -> None:
    run = run_folder.create(tmp_path, config)
    assert work(run, after(CALLS + 1)).state == "paused"
    number_the_arrays(run)
    assert work(run).state == "finished"
    assert_same(run, trained(tmp_path, config))


# They are made once; who changes one changes a copy.


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(tmp_path_factory.mktemp("finished"), SMALL)


@pytest.fixture(scope="module")
def halted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Paused after the first call of the second epoch."""
    run = run_folder.create(tmp_path_factory.mktemp("halted"), SMALL)
    work(run, after(CALLS + 1))
    return run


@pytest.fixture
def paused(halted: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(halted, tmp_path / halted.name))


def test_a_paused_run_stands_where_it_was_paused(halted: Path) -> None:
    status = run_folder.status(halted)
    assert (status.state, status.phase, status.failure) == ("paused", "", None)
    assert (status.epoch, status.step, status.steps) == (2, 16, 40)
    assert [row["epoch"] for row in records.metrics(halted)] == [1]
    assert not run_folder.has_model(halted)
    assert not run_folder.worker_is_alive(halted)
    assert turns.active(halted.parent) == []


def test_a_pause_that_is_taken_back_at_once_changes_nothing(tmp_path: Path, finished: Path) -> None:
    """The worker hears of it, and before it has left it is to go on."""
    run = run_folder.create(tmp_path, SMALL)
    answers: list[Action] = ["run", "pause"]  # after the first call; asked again under the lock: "run"
    assert work(run, lambda: answers.pop(0) if answers else "run").state == "finished"
    assert_same(run, finished)


def test_a_run_that_is_wanted_again_while_it_stops_waits_for_its_next_turn(
    tmp_path: Path, finished: Path
) -> None:
    run = run_folder.create(tmp_path, SMALL)
    # After the first call; asked again when its model is written: "run".
    answers: list[Action] = ["run", "stop"]
    status = work(run, lambda: answers.pop(0) if answers else "run")
    assert (status.state, status.pid, run_folder.has_model(run)) == ("queued", 0, True)
    assert work(run).state == "finished"
    assert_same(run, finished)


def test_more_epochs_for_a_finished_run_are_as_good_as_all_from_the_start(
    tmp_path: Path, finished: Path, hired: Hired
) -> None:
    run = trained(tmp_path, SMALL.but(epochs=1))
    run_queue.resume(run, Settings(runs=tmp_path), epochs=3)
    assert (run_folder.status(run).state, records.plan(run).epochs, records.config(run).epochs) == (
        "queued",
        3,
        1,
    )
    hired.work()
    assert run_folder.status(run).state == "finished"
    assert_same(run, finished)
    assert run_folder.status(run).test_loss == run_folder.status(finished).test_loss
    assert (run / "model.onnx").read_bytes() == (finished / "model.onnx").read_bytes()


def test_a_paused_run_that_is_stopped_has_a_model_and_can_still_go_on_to_the_end(
    paused: Path, finished: Path, hired: Hired
) -> None:
    run_queue.stop(paused)
    assert run_folder.status(paused).state == "stopping"
    hired.work()
    status = run_folder.status(paused)
    assert (status.state, status.failure) == ("stopped", None)
    assert [row["steps"] for row in records.metrics(paused)] == [40, 16]
    kernel = keras.saving.load_model(paused / "model.keras").get_layer("dense_1").kernel
    learned = np.asarray(checkpoint.load(paused / "checkpoint.npz").model["dense_1/kernel"])
    assert (np.asarray(kernel) == learned).all()
    assert status.test_accuracy == results.load(paused).accuracy

    assert resumed(paused, hired).state == "finished"
    assert_same(paused, finished)


def resumed(run: Path, hired: Hired) -> run_folder.Status:
    run_queue.resume(run, Settings(runs=run.parent))
    hired.work()
    return run_folder.status(run)


# ------------------------------------------------------------------------------- what is in the way


def test_other_data_than_before_is_a_clear_verdict(paused: Path, hired: Hired) -> None:
    known = records.environment(paused)
    run_folder.write_json(paused / "environment.json", known | {"dataset_sha256": "0" * 64})
    status = resumed(paused, hired)
    assert (status.state, words(status.failure)) == (
        "failed", "mnist-5k has changed since the run began, so the run cannot be resumed. Train a new run.",
    )  # fmt: skip
    # And it stays so, however often it is asked.
    assert resumed(paused, hired).failure == status.failure
    assert [row["epoch"] for row in records.metrics(paused)] == [1]


def test_a_deleted_data_file_is_a_clear_verdict_and_its_return_mends_it(
    tmp_path: Path, hired: Hired, no_mnist: Path, mnist_npz: Path
) -> None:
    file = no_mnist / "datasets" / "mnist.npz"
    file.parent.mkdir(parents=True)
    file.symlink_to(mnist_npz)
    run = run_folder.create(tmp_path, SMALL.but(dataset="mnist", epochs=1))
    assert work(run, after(1)).state == "paused"
    run_queue.resume(run, Settings(runs=tmp_path))
    file.unlink()
    hired.work()
    status = run_folder.status(run)
    assert (status.state, status.can_resume) == ("failed", True)
    assert words(status.failure).startswith(
        f"mnist is not on this machine yet: there is no {file}. Download it on the Data"
    )
    with pytest.raises(datasets.DatasetMissing):
        run_queue.resume(run, Settings(runs=tmp_path))
    file.symlink_to(mnist_npz)
    assert resumed(run, hired).state == "finished"
    assert run_folder.status(run).failure is None


def test_a_damaged_checkpoint_is_a_clear_verdict_and_what_was_finished_stays(
    tmp_path: Path, finished: Path, hired: Hired
) -> None:
    run = Path(shutil.copytree(finished, tmp_path / finished.name))
    whole = (run / "checkpoint.npz").read_bytes()
    (run / "checkpoint.npz").write_bytes(whole[: len(whole) // 2])
    run_queue.resume(run, Settings(runs=tmp_path), epochs=4)
    hired.work()
    status = run_folder.status(run)
    assert (status.state, words(status.failure)) == (
        "failed",
        "The checkpoint is damaged, so the run cannot be resumed. Train a new run with the same settings.",
    )
    assert not status.can_resume
    assert records.metrics(run) == records.metrics(finished)
    assert results.load(run).accuracy == run_folder.status(finished).test_accuracy
    assert (run / "model.onnx").read_bytes() == (finished / "model.onnx").read_bytes()


def test_a_checkpoint_of_another_network_is_a_clear_verdict(paused: Path, hired: Hired) -> None:
    run_folder.write_json(paused / "config.json", SMALL.but(hidden_units=(9,)).model_dump(mode="json"))
    status = resumed(paused, hired)
    assert (status.state, words(status.failure)) == (
        "failed", "The checkpoint belongs to another network, so the run cannot be resumed. Train a new run.",
    )  # fmt: skip


@pytest.fixture(scope="module")
def archive(finished: Path) -> bytes:
    return (finished / "checkpoint.npz").read_bytes()


@given(data=st.data())
@settings(max_examples=150)
def test_a_checkpoint_that_is_cut_anywhere_is_damaged(
    archive: bytes, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    file = tmp_path_factory.getbasetemp() / "cut.npz"
    file.write_bytes(archive[: data.draw(st.integers(0, len(archive) - 1))])
    with pytest.raises(DamagedCheckpoint):
        checkpoint.load(file)


@given(data=st.data())
@settings(max_examples=200)
def test_a_checkpoint_with_a_changed_byte_is_damaged_or_the_same(
    archive: bytes, finished: Path, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    # Most bytes are weights; the archive's own are near its members' starts and at the end.
    starts = [match.start() for match in re.finditer(b"PK", archive)]
    near = st.sampled_from(starts).flatmap(lambda at: st.integers(at, min(at + 180, len(archive) - 1)))
    position = data.draw(near | st.integers(0, len(archive) - 1))
    changed = bytearray(archive)
    changed[position] ^= data.draw(st.integers(1, 255))
    file = tmp_path_factory.getbasetemp() / "changed.npz"
    file.write_bytes(changed)
    try:
        loaded = checkpoint.load(file)
    except DamagedCheckpoint:
        return
    # A byte that says nothing of the content, such as a member's date; or a member's name, which is
    # missed when the checkpoint is restored.
    expected = checkpoint.load(finished / "checkpoint.npz")
    assert loaded.progress == expected.progress
    for group in ("model", "optimizer", "best"):
        known = {array.tobytes() for array in getattr(expected, group).values()}
        assert {array.tobytes() for array in getattr(loaded, group).values()} <= known


NOT_CHECKPOINTS: dict[str, Any] = {
    "nothing": b"",
    "text": b"This is no checkpoint.",
    "a zip": None,
    "an array": None,
    "other arrays": None,
    "other progress": None,
}


@pytest.mark.parametrize("kind", NOT_CHECKPOINTS)
def test_a_file_that_is_something_else_is_a_damaged_checkpoint(kind: str, tmp_path: Path) -> None:
    file = tmp_path / "checkpoint.npz"
    match kind:
        case "a zip":
            with zipfile.ZipFile(file, "w") as archive:
                archive.writestr("progress.npy", "not an array")
        case "an array":
            with file.open("wb") as opened:
                np.save(opened, np.zeros(3))
        case "other arrays":
            np.savez(file, allow_pickle=False, weights=np.zeros(3))
        case "other progress":
            np.savez(file, allow_pickle=False, progress=np.array(json.dumps({"epoch": 1, "luck": 7})))
        case _:
            file.write_bytes(NOT_CHECKPOINTS[kind])
    with pytest.raises(DamagedCheckpoint):
        checkpoint.load(file)


def test_a_checkpoint_that_is_not_there_is_a_damaged_one(tmp_path: Path) -> None:
    with pytest.raises(DamagedCheckpoint):
        checkpoint.load(tmp_path / "checkpoint.npz")
