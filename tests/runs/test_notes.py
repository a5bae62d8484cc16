"""What people write on runs: it comes back as it was, and nothing else of the run changes."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.config import RunConfig
from core.runs import notes, run_folder
from core.runs.notes import Labels


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return run_folder.create(tmp_path, RunConfig())


def test_a_run_has_nothing_written_on_it_at_first(run: Path) -> None:
    assert notes.read(run) == Labels()


def test_what_was_written_is_read_and_what_was_not_stays(run: Path) -> None:
    before = {file.name: file.read_bytes() for file in run.iterdir()}
    notes.write(run, name="  Ada's\n first ", tags=("class 4b", " ", "class 4b", "mlp"))
    notes.write(run, starred=True)
    assert notes.read(run) == Labels(name="Ada's first", tags=("class 4b", "mlp"), starred=True)
    assert before == {file.name: file.read_bytes() for file in run.iterdir() if file.name != "labels.json"}


@given(st.text(max_size=200), st.lists(st.text(max_size=40), max_size=15), st.text(max_size=2500))
def test_any_text_is_kept_or_refused_in_words(
    tmp_path_factory: pytest.TempPathFactory, name: str, tags: list[str], note: str
) -> None:
    run = run_folder.create(tmp_path_factory.mktemp("labels"), RunConfig())
    try:
        written = notes.write(run, name=name, tags=tuple(tags), note=note)
    except notes.BadLabels:
        written = Labels()
    assert notes.read(run) == written
    assert len(written.name) <= notes.MOST_NAME
    assert written.name.isprintable()


def test_what_is_too_long_is_said_to_be(run: Path) -> None:
    for changes in ({"name": "a" * 81}, {"tags": tuple("abcdefghijk")}, {"note": "a" * 2001}):
        with pytest.raises(notes.BadLabels, match="Make the text shorter"):
            notes.write(run, **changes)


@pytest.mark.parametrize("content", [b"", b"[]", b'{"name": 1}', b'{"more": 1}', b"\xff"])
def test_what_cannot_be_read_is_as_good_as_nothing(run: Path, content: bytes) -> None:
    (run / "labels.json").write_bytes(content)
    assert notes.read(run) == Labels()
    notes.write(run, name="anew")
    assert notes.read(run).name == "anew"


def test_a_run_that_is_gone_is_not_made_anew(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        notes.write(tmp_path / "gone", name="a")
    assert not (tmp_path / "gone").exists()


def test_an_automatic_run_is_temporary_until_somebody_cares_for_it(run: Path) -> None:
    assert not notes.is_temporary(run)
    notes.write(run, automatic=True)
    assert notes.is_temporary(run)
    for changes in ({"name": "a"}, {"tags": ("a",)}, {"note": "a"}, {"starred": True}):
        notes.write(run, **changes)
        assert not notes.is_temporary(run)
        notes.write(run, name="", tags=(), note="", starred=False)
        assert notes.is_temporary(run)
    notes.pin(run)
    assert notes.read(run) == Labels()


def test_to_pin_an_ordinary_run_writes_nothing(run: Path) -> None:
    notes.pin(run)
    assert not (run / "labels.json").exists()


def test_the_mark_goes_with_a_copy_of_the_run(run: Path, tmp_path: Path) -> None:
    notes.write(run, automatic=True)
    assert notes.is_temporary(Path(shutil.copytree(run, tmp_path / "copy")))
