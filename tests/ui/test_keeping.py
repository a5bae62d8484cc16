"""Automatic runs are deleted after a day. Each page that shows one says so, and what keeps it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from streamlit.proto.WidgetStates_pb2 import WidgetState
from streamlit.testing.v1 import AppTest

from core.exports import downloads
from core.runs import notes, run_folder
from core.runs.run_table import Entry
from core.ui import keeping
from tests.conftest import Hired, filled
from tests.support.pages import again, open_page, texts

SAID = "This run was started automatically. It is deleted after a day, unless somebody keeps it."


@pytest.fixture
def run(mlp_run: Path, runs_folder: Path) -> Path:
    """A finished run that was started automatically."""
    copied = Path(shutil.copytree(mlp_run, runs_folder / mlp_run.name))
    notes.write(copied, automatic=True)
    return copied


def opened(page: str, run: Path) -> AppTest:
    if page != "start":
        return open_page(page, run=run.name)
    app = open_page("start")
    app.session_state["app.run"] = run.name
    return again(app)


@pytest.mark.parametrize("page", ["start", "train", "evaluate", "draw"])
def test_a_page_says_what_becomes_of_an_automatic_run_and_one_click_keeps_it(page: str, run: Path) -> None:
    app = opened(page, run)
    assert SAID in texts(app)
    app.button(key="app.keep").click()
    again(app)
    assert not notes.is_temporary(run)
    assert SAID not in texts(app)
    assert [toast.value for toast in app.toast] == ["The run is kept."]


def test_a_run_that_cannot_be_kept_is_not_said_to_be_kept(
    mlp_run: Path, disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MNIST_LAB_RUNS", str(disk))
    run = Path(shutil.copytree(mlp_run, disk / mlp_run.name))
    notes.write(run, automatic=True)
    app = open_page("train", run=run.name)
    with filled(disk):
        app.button(key="app.keep").click()
        again(app)
        assert [toast.value for toast in app.toast] == ["The run could not be kept: No space left on device."]
        assert notes.is_temporary(run)
        assert SAID in texts(app)


def test_a_run_that_somebody_asked_for_needs_no_keeping(run: Path) -> None:
    notes.pin(run)
    assert SAID not in texts(opened("train", run))


def test_who_opens_the_link_to_copy_keeps_the_run(run: Path) -> None:
    app = opened("train", run)
    states = app._tree.get_widget_states()
    states.widgets.append(WidgetState(id=app.get_by_key("train.link").proto.popover.id, bool_value=True))
    app._run(states)
    assert not app.exception
    assert not notes.is_temporary(run)
    assert SAID not in texts(app)


@pytest.mark.parametrize("ending", ["zip", "py"])
def test_who_downloads_a_run_keeps_it(run: Path, ending: str) -> None:
    export = downloads.exports()[ending]
    content = keeping.download(run, export.write)
    assert not notes.is_temporary(run)
    assert run_folder.every(run.parent) == [run]
    assert len(content) > 100


def test_a_download_that_fails_says_so(run: Path) -> None:
    def write(entry: Entry) -> bytes:
        assert not entry.labels.automatic
        raise OSError("full")

    with pytest.raises(OSError, match="full"):
        keeping.download(run, write)


def test_who_asks_for_more_seeds_keeps_the_first(run: Path, hired: Hired) -> None:
    app = open_page("runs", runs=run.name)
    app.button(key="runs.seeds_3").click()
    again(app)
    assert len(run_folder.every(run.parent)) == 3
    assert not any(notes.is_temporary(seed) for seed in run_folder.every(run.parent))
