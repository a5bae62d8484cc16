"""The file of the kept drawings: what is wrong with it is said, and what is another's stays as it was."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.drawing import collection
from core.drawing.store import DamagedDrawings
from tests.support.drawings import PLENTY, SEVEN, drawing, refusal

# ------------------------------------------------------------------------------------- damaged


def all_calls(file: Path) -> list[Callable[[], object]]:
    return [
        lambda: collection.every(file),
        lambda: collection.count(file),
        lambda: collection.writers(file),
        lambda: collection.add(file, [drawing(5)], PLENTY),
        lambda: collection.relabel(file, 1, 3),
        lambda: collection.delete(file, [1]),
    ]


def test_a_folder_that_cannot_be_made_or_a_file_that_is_a_folder_is_an_os_error(tmp_path: Path) -> None:
    (tmp_path / "a file").write_text("")
    with pytest.raises(OSError, match="a file"):
        collection.add(tmp_path / "a file" / "drawings.sqlite", [drawing()], PLENTY)
    with pytest.raises(OSError, match="cannot be used now: unable to open database file"):
        collection.add(tmp_path, [drawing()], PLENTY)
    assert collection.every(tmp_path / "a file" / "drawings.sqlite") == []


def test_another_programs_file_is_named_and_stays_as_it_was(file: Path) -> None:
    file.parent.mkdir()
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE bookmarks (url)")
    before = file.read_bytes()
    for call in all_calls(file):
        with pytest.raises(
            DamagedDrawings, match=r"drawings\.sqlite .* it holds other tables\. Move it away"
        ):
            call()
    assert file.read_bytes() == before


@pytest.mark.parametrize(
    "content", [b"no database at all, but long enough\n" * 100, b"short", b"SQLite format 3\0"]
)
def test_a_file_that_is_no_database_is_named_and_stays_as_it_was(file: Path, content: bytes) -> None:
    file.parent.mkdir()
    file.write_bytes(content)
    for call in all_calls(file):
        with pytest.raises(DamagedDrawings, match=r"drawings\.sqlite .* Move it away"):
            call()
    assert file.read_bytes() == content


def test_a_file_of_the_same_version_with_another_table_is_refused(file: Path) -> None:
    file.parent.mkdir()
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE drawings (id, label)")
        connection.execute("PRAGMA user_version = 1")
    for call in (all_calls(file)[0], all_calls(file)[3]):
        with pytest.raises(DamagedDrawings, match=r"no (such )?column"):
            call()


def test_a_newer_versions_file_is_left_to_it(file: Path) -> None:
    collection.add(file, [drawing()], PLENTY)
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA user_version = 2")
    for call in all_calls(file):
        with pytest.raises(DamagedDrawings, match=r"newer version of this program\. Update"):
            call()


def test_an_empty_file_holds_nothing_yet(file: Path) -> None:
    file.parent.mkdir()
    file.touch()
    assert collection.every(file) == []
    assert collection.count(file) == 0
    assert collection.add(file, [drawing()], PLENTY) == 1


@settings(max_examples=40)
@given(data=st.data())
def test_a_damaged_file_is_read_or_refused_and_nothing_else(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    file = tmp_path_factory.mktemp("damaged") / "drawings.sqlite"
    collection.add(file, [drawing(n, strokes=SEVEN, writer="Ann", time=n + 1) for n in range(6)], PLENTY)
    content = bytearray(file.read_bytes())
    # The header and the table's own rows are where it hurts.
    for place in data.draw(
        st.lists(st.integers(0, len(content) - 1) | st.integers(0, 200), min_size=1, max_size=30)
    ):
        content[place] = data.draw(st.integers(0, 255))
    file.write_bytes(content[: data.draw(st.just(len(content)) | st.integers(0, len(content)))])
    for call in all_calls(file):
        sentence = refusal(call, DamagedDrawings, OSError)
        assert sentence is None or "drawings.sqlite" in sentence
