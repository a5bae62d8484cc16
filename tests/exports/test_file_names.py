"""What a file is called that somebody takes away: what is in it, in letters that every system takes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.config import PRESETS, RunConfig
from core.exports import downloads, file_names
from core.runs import notes, run_folder
from core.runs.run_folder import Status
from tests.support.strategies import configs


def make(root: Path, config: RunConfig, accuracy: float | None = 0.96861, name: str = "") -> Path:
    run = run_folder.create(root, config)
    state = "paused" if accuracy is None else "finished"
    run_folder.write_status(run, Status(state=state, created=1, test_accuracy=accuracy))
    if name:
        notes.write(run, name=name)
    return run


def test_it_says_network_data_and_accuracy(tmp_path: Path) -> None:
    mlp = PRESETS["tutorial-mlp"].but(dataset="mnist")
    assert downloads.file_name(make(tmp_path, mlp), "h5") == "mlp-128-mnist-96.86.h5"
    assert file_names.stem(make(tmp_path, PRESETS["tutorial-cnn"], 0.991)) == "cnn-32-64-64-mnist-5k-99.10"
    assert file_names.stem(make(tmp_path, mlp.but(hidden_units="256,64"), 1.0)) == "mlp-256-64-mnist-100.00"
    assert re.fullmatch(r"starter-cnn-32-48-64-mnist-99\.\d\d", file_names.stem(run_folder.STARTER))


def test_a_run_that_has_not_ended_says_so(tmp_path: Path) -> None:
    assert file_names.stem(make(tmp_path, RunConfig(), None)) == "mlp-128-mnist-5k-paused"
    assert file_names.stem(tmp_path / "20261125-010423-560-de14") == "20261125-010423-560-de14"  # is gone


@pytest.mark.parametrize(
    ("given", "begins"),
    [
        ("Anna's best!", "anna-s-best-mlp-"),
        ("../../etc/passwd", "etc-passwd-mlp-"),
        ("CON", "con-mlp-"),
        ("Лучший 2", "лучший-2-mlp-"),
        ("हिन्दी", "हिन्दी-mlp-"),
        ("½ ﬁve", "1-2-five-mlp-"),
        ('<b>"|?*:\\', "b-mlp-"),
        ("🎉 \u202e.exe", "exe-mlp-"),
        ("…", "mlp-"),
        ("a" * 80, "a" * 40 + "-mlp-"),
    ],
)
def test_what_somebody_called_the_run_comes_first(given: str, begins: str, tmp_path: Path) -> None:
    assert file_names.stem(make(tmp_path, RunConfig(), name=given)).startswith(begins)


@given(configs, st.text(max_size=80), st.floats(0, 1) | st.none())
def test_every_system_takes_it(
    tmp_path_factory: pytest.TempPathFactory, config: RunConfig, name: str, accuracy: float | None
) -> None:
    run = make(tmp_path_factory.mktemp("runs"), config, accuracy, notes.tidy(name))
    longest = max((downloads.file_name(run, ending) for ending in downloads.exports()), key=len)
    assert len(longest.encode()) <= 255
    assert re.fullmatch(r"[\w.-]+", re.sub(r"[^\x00-\x7f]", "x", longest))
    assert not longest.startswith((".", "-"))
    (run.parent / longest).write_bytes(b"")  # this system at least
    assert (run.parent / longest).name in {file.name for file in run.parent.iterdir()}


def test_two_runs_of_one_name_can_be_told_apart_where_they_meet(tmp_path: Path) -> None:
    first, second = (make(tmp_path, RunConfig()) for _ in range(2))
    assert file_names.stem(first) == file_names.stem(second)
    assert file_names.unique(first) != file_names.unique(second)
