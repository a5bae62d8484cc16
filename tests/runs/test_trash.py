"""Deleting runs: it can be undone, touches nothing else, and is over after a day."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from filelock import FileLock

from core.config import RunConfig
from core.runs import run_folder, trash


def ended(root: Path) -> Path:
    run = run_folder.create(root, RunConfig())
    run_folder.write_status(run, run_folder.Status(state="finished"))
    (run / "epochs").mkdir()
    (run / "epochs" / "0001.npz").write_bytes(b"weights")
    return run


def test_a_deleted_run_is_gone_and_comes_back_whole(tmp_path: Path) -> None:
    keep, gone = ended(tmp_path), ended(tmp_path)
    before = {file.name: file.read_bytes() for file in gone.rglob("*") if file.is_file()}
    assert trash.delete(tmp_path, [gone.name]) == [gone.name]
    assert run_folder.every(tmp_path) == [keep]
    assert [run.name for run in trash.deleted(tmp_path)] == [gone.name]
    assert trash.restore(tmp_path, [gone.name]) == [gone.name]
    assert trash.deleted(tmp_path) == []
    assert set(run_folder.every(tmp_path)) == {keep, gone}
    assert before == {file.name: file.read_bytes() for file in gone.rglob("*") if file.is_file()}
    assert trash.restore(tmp_path, [gone.name]) == []


def test_what_trains_is_not_deleted_and_neither_is_what_was_chosen_with_it(tmp_path: Path) -> None:
    resting, training = ended(tmp_path), ended(tmp_path)
    run_folder.write_status(training, run_folder.Status(state="running", pid=1))
    with FileLock(training / "worker.lock"), pytest.raises(trash.StillTraining, match="Stop it first"):
        trash.delete(tmp_path, [resting.name, training.name])
    assert set(run_folder.every(tmp_path)) == {resting, training}


@pytest.mark.parametrize("name", ["..", ".", "", "../other", "/etc", ".deleted", "nothing"])
def test_nothing_outside_of_the_folder_is_touched(tmp_path: Path, name: str) -> None:
    root, other = tmp_path / "runs", tmp_path / "other"
    kept, outside = ended(root), ended(tmp_path)
    outside.rename(other)
    assert trash.delete(root, [name]) == []
    assert trash.restore(root, [name]) == []
    assert kept.is_dir()
    assert (other / "config.json").is_file()


def test_a_run_that_cannot_be_read_can_be_deleted(tmp_path: Path) -> None:
    run = ended(tmp_path)
    (run / "status.json").write_text("{")
    assert trash.delete(tmp_path, [run.name]) == [run.name]


def test_after_a_day_it_is_gone_for_good(tmp_path: Path) -> None:
    old, new, other = (ended(tmp_path) for _number in range(3))
    trash.delete(tmp_path, [old.name, new.name])
    long_ago = time.time() - trash.KEPT - 1
    os.utime(tmp_path / ".deleted" / old.name, (long_ago, long_ago))
    assert [run.name for run in trash.deleted(tmp_path)] == [new.name]
    trash.delete(tmp_path, [other.name])
    assert trash.restore(tmp_path, [old.name, new.name]) == [new.name]
    assert [file.name for file in (tmp_path / ".deleted").iterdir()] == [other.name]
