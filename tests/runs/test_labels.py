"""What people write on runs: it comes back as it was, and nothing else of the run changes."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.config import RunConfig
from core.runs import labels, runs
from core.runs.labels import Labels


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return runs.create(tmp_path, RunConfig())


def test_a_run_has_nothing_written_on_it_at_first(run: Path) -> None:
    assert labels.read(run) == Labels()


def test_what_was_written_is_read_and_what_was_not_stays(run: Path) -> None:
    before = {file.name: file.read_bytes() for file in run.iterdir()}
    labels.write(run, name="  Ada's\n first ", tags=("class 4b", " ", "class 4b", "mlp"))
    labels.write(run, starred=True)
    assert labels.read(run) == Labels(name="Ada's first", tags=("class 4b", "mlp"), starred=True)
    assert before == {file.name: file.read_bytes() for file in run.iterdir() if file.name != "labels.json"}


@given(st.text(max_size=200), st.lists(st.text(max_size=40), max_size=15), st.text(max_size=2500))
def test_any_text_is_kept_or_refused_in_words(
    tmp_path_factory: pytest.TempPathFactory, name: str, tags: list[str], note: str
) -> None:
    run = runs.create(tmp_path_factory.mktemp("labels"), RunConfig())
    try:
        written = labels.write(run, name=name, tags=tuple(tags), note=note)
    except labels.BadLabels:
        written = Labels()
    assert labels.read(run) == written
    assert len(written.name) <= labels.MOST_NAME
    assert written.name.isprintable()


def test_what_is_too_long_is_said_to_be(run: Path) -> None:
    for changes in ({"name": "a" * 81}, {"tags": tuple("abcdefghijk")}, {"note": "a" * 2001}):
        with pytest.raises(labels.BadLabels, match="Make it shorter"):
            labels.write(run, **changes)


@pytest.mark.parametrize("content", [b"", b"[]", b'{"name": 1}', b'{"more": 1}', b"\xff"])
def test_what_cannot_be_read_is_as_good_as_nothing(run: Path, content: bytes) -> None:
    (run / "labels.json").write_bytes(content)
    assert labels.read(run) == Labels()
    labels.write(run, name="anew")
    assert labels.read(run).name == "anew"


def test_a_run_that_is_gone_is_not_made_anew(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        labels.write(tmp_path / "gone", name="a")
    assert not (tmp_path / "gone").exists()
