"""Automatic runs are deleted after a day: those alone, and none that somebody cares for or works on."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, get_args

import pytest
from filelock import FileLock
from hypothesis import given, settings
from hypothesis import strategies as st

from core.config import RunConfig
from core.runs import notes, run_folder, temporary, trash
from core.runs.run_folder import State

NOW = 2e9
DAY = 24 * 3600
OLD = NOW - 2 * DAY


def automatic(root: Path, state: State = "finished", age: float = 2 * DAY, **labels: Any) -> Path:
    run = run_folder.create(root, RunConfig())
    moment = NOW - age
    run_folder.write_status(run, run_folder.Status(state=state, created=moment - 60, ended=moment, pid=1))
    notes.write(run, **{"automatic": True} | labels)
    return run


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(get_args(State)),
            st.integers(-DAY, 3 * DAY),
            st.fixed_dictionaries(
                {},
                optional={
                    "automatic": st.just(False),
                    "name": st.text("ab", max_size=1),
                    "tags": st.lists(st.text("ab", max_size=1), max_size=1).map(tuple),
                    "note": st.text("ab", max_size=1),
                    "starred": st.booleans(),
                },
            ),
            st.booleans(),
        ),
        max_size=4,
    )
)
def test_what_is_old_automatic_and_of_no_interest_goes(
    tmp_path_factory: pytest.TempPathFactory, runs: list[tuple[State, int, dict[str, Any], bool]]
) -> None:
    root = tmp_path_factory.mktemp("runs")
    expected, locks = set(), []
    for state, age, labels, has_worker in runs:
        run = automatic(root, state, age, **labels)
        if has_worker:
            lock = FileLock(run / "worker.lock")
            lock.acquire()
            locks.append(lock)
        elif state not in run_folder.RESTING:
            state = "interrupted"  # its worker is gone
        cared_for = any(labels.get(name) for name in ("name", "tags", "note", "starred"))
        if labels.get("automatic", True) and not cared_for and not has_worker and age >= DAY:
            expected.add(run.name)
    before = {run.name for run in run_folder.every(root)}
    assert set(temporary.clear(root, NOW)) == expected
    assert {run.name for run in run_folder.every(root)} == before - expected
    assert {file.name for file in root.iterdir()} == before - expected
    assert temporary.clear(root, NOW) == []
    for lock in locks:
        lock.release()


def test_it_cannot_be_restored(tmp_path: Path) -> None:
    run = automatic(tmp_path)
    assert temporary.clear(tmp_path, NOW) == [run.name]
    assert trash.deleted(tmp_path) == []


def test_where_room_is_short_it_is_kept_for_less_time(tmp_path: Path) -> None:
    old, new = automatic(tmp_path, age=700), automatic(tmp_path, age=500)
    assert temporary.clear(tmp_path, NOW) == []
    assert temporary.clear(tmp_path, NOW, kept=600) == [old.name]
    assert run_folder.every(tmp_path) == [new]


def test_a_damaged_run_stays(tmp_path: Path) -> None:
    status, labels = automatic(tmp_path), automatic(tmp_path)
    (status / "status.json").write_text("{")
    (labels / "labels.json").write_text("{")
    assert temporary.clear(tmp_path, NOW) == []
    assert set(run_folder.every(tmp_path)) == {status, labels}


def test_a_folder_that_is_not_there_has_nothing_to_clear(tmp_path: Path) -> None:
    temporary.clear_hourly(tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_it_is_done_once_an_hour_for_each_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(time, "time", lambda: NOW)
    root, other = tmp_path / "root", tmp_path / "other"
    for folder in (root, other):
        automatic(folder)
        temporary.clear_hourly(folder)
        assert run_folder.every(folder) == []
    run = automatic(root)
    clock[0] += 3599
    temporary.clear_hourly(root)
    assert run_folder.every(root) == [run]
    clock[0] += 1
    temporary.clear_hourly(root)
    assert run_folder.every(root) == []
