"""The kept drawings: nothing is lost, kept twice or believed unseen, however many people write."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.drawing import collection, interchange, store
from core.drawing.collection import Drawing, TooMany
from tests.conftest import PATIENCE
from tests.support.drawings import (
    PLENTY,
    SEVEN,
    all_same,
    drawing,
    same,
    some_drawings,
)

PROJECT = Path(__file__).parents[2]


# ------------------------------------------------------------------------------------- kept


def test_where_nothing_is_kept_there_is_nothing_and_no_file_is_made(file: Path) -> None:
    assert collection.every(file) == []
    assert collection.count(file) == 0
    assert collection.writers(file) == []
    assert collection.delete(file, [1]) == []
    collection.relabel(file, 1, 3)
    assert not file.parent.exists()


@settings(max_examples=25)
@given(
    several=st.lists(
        some_drawings, max_size=5, unique_by=(lambda each: each.time, lambda each: each.image.tobytes())
    )
)
def test_what_is_kept_comes_back_as_it_was_newest_first(
    tmp_path_factory: pytest.TempPathFactory, several: list[Drawing]
) -> None:
    file = tmp_path_factory.mktemp("kept") / "drawings.sqlite"
    new = collection.add(file, several, PLENTY)
    kept = collection.every(file)
    assert len({each.id for each in kept}) == collection.count(file) == new == len(several)
    assert all_same(kept, sorted(several, key=lambda each: -each.time))


def test_of_the_same_time_the_last_to_be_kept_comes_first(file: Path) -> None:
    kept = [drawing(n, time=5) for n in range(3)]
    collection.add(file, kept, PLENTY)
    assert all_same(collection.every(file), kept[::-1])


def test_numbers_may_be_numpys(file: Path) -> None:
    numbers: dict[str, Any] = {"answer": np.int64(3), "confidence": np.float32(0.5), "time": np.float64(9)}
    collection.add(file, [drawing(label=np.uint8(8), **numbers)], PLENTY)
    (kept,) = collection.every(file, label=np.int64(8))
    assert same(kept, drawing(label=8, answer=3, confidence=0.5, time=9))
    assert same(interchange.unpack(interchange.pack([drawing(label=np.uint8(8), **numbers)]))[0], kept)


def test_a_drawing_without_a_time_gets_the_time_it_is_kept(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collection.time, "time", lambda: 1234.5)
    collection.add(file, [drawing(), drawing(1, time=99)], PLENTY)
    assert [each.time for each in collection.every(file)] == [1234.5, 99]


def test_the_same_drawing_is_kept_once_and_another_label_writer_or_stroke_makes_another(file: Path) -> None:
    original = drawing(strokes=SEVEN, writer="Ann", time=5)
    assert collection.add(file, [original, original], PLENTY) == 1
    assert collection.add(file, [replace(original, time=6, run="other", answer=1)], PLENTY) == 0
    others = [
        replace(original, label=1),
        replace(original, writer="Ben"),
        replace(original, strokes=[[[0.0, 0.0], [0.0, 1.0]]]),
        replace(original, image=drawing(1).image),
    ]
    assert collection.add(file, others, PLENTY) == 4
    assert collection.count(file) == 5


def test_drawings_are_found_by_writer_and_label(file: Path) -> None:
    kept = [
        drawing(n, label=n % 3, writer=name, time=n + 1) for n, name in enumerate(["Ann", "ben", "", "Ann"])
    ]
    collection.add(file, kept, PLENTY)
    assert collection.writers(file) == ["Ann", "ben"]
    assert all_same(collection.every(file, writer="Ann"), [kept[3], kept[0]])
    assert all_same(collection.every(file, writer=""), [kept[2]])
    assert all_same(collection.every(file, label=0), [kept[3], kept[0]])
    assert all_same(collection.every(file, writer="ben", label=1), [kept[1]])
    assert collection.every(file, writer="ben", label=2) == []


def test_a_name_is_kept_without_control_characters_and_cut(file: Path) -> None:
    collection.add(file, [drawing(writer="A\x00n\n\u202en\ud800" + "x" * 100)], PLENTY)
    assert collection.writers(file) == ["Ann" + "x" * 61]


def test_over_the_limit_none_is_kept_and_the_sentence_counts(file: Path) -> None:
    assert collection.add(file, [drawing(n) for n in range(3)], most=4) == 3
    with pytest.raises(
        TooMany, match=r"There are 3 drawings, and with 2 more there would be over 4,.*Delete"
    ):
        collection.add(file, [drawing(n) for n in range(1, 5)], most=4)
    assert collection.count(file) == 3
    assert collection.add(file, [drawing(n) for n in range(4)], most=4) == 1
    # The operator lowers the limit: what is there stays, and brings no error when it comes again.
    assert collection.add(file, [drawing(0)], most=1) == 0


@pytest.mark.parametrize(
    "bad",
    [
        drawing(label=10),
        drawing(label=-1),
        drawing(answer=11),
        Drawing(1, np.zeros((28, 28))),
        Drawing(1, np.zeros((20, 20), np.uint8)),
        drawing(strokes=[[[0, float("nan")]]]),
    ],
    ids=["label", "negative", "answer", "type", "shape", "nan"],
)
def test_what_is_no_drawing_is_refused_and_the_others_with_it(file: Path, bad: Drawing) -> None:
    with pytest.raises(ValueError, match=r"digit from 0 to 9|28, 28|Out of range"):
        collection.add(file, [drawing(1), bad], PLENTY)
    assert collection.count(file) == 0


def test_a_drawing_gets_another_label(file: Path) -> None:
    collection.add(file, [drawing(1, time=1), drawing(2, time=2)], PLENTY)
    newest, oldest = collection.every(file)
    collection.relabel(file, oldest.id, 1)
    collection.relabel(file, 999, 1)
    assert [(each.id, each.label) for each in collection.every(file)] == [(newest.id, 7), (oldest.id, 1)]
    with pytest.raises(ValueError, match="10 is not"):
        collection.relabel(file, oldest.id, 10)


def test_a_label_that_makes_two_drawings_the_same_leaves_one_of_them(file: Path) -> None:
    collection.add(file, [drawing(label=1, time=1), drawing(label=7, time=2)], PLENTY)
    seven, relabelled = collection.every(file)
    collection.relabel(file, relabelled.id, 7)
    assert [(each.id, each.label) for each in collection.every(file)] == [(relabelled.id, 7)]
    assert seven.id != relabelled.id


def test_what_was_deleted_can_be_put_back(file: Path) -> None:
    kept = [
        drawing(n, strokes=SEVEN, writer="Ann", run="r", answer=1, confidence=0.25, time=n + 1)
        for n in range(4)
    ]
    collection.add(file, kept, PLENTY)
    before = collection.every(file)
    gone = collection.delete(file, [before[1].id, before[3].id, 999, before[1].id])
    assert all_same(gone, [before[1], before[3]], but=())
    assert all_same(collection.every(file), [before[0], before[2]], but=())
    assert collection.add(file, gone, PLENTY) == 2
    after = collection.every(file)
    assert all_same(after, before)
    # A page that still shows what was deleted means nothing else by it.
    assert not {each.id for each in gone} & {each.id for each in after}


def test_more_can_be_deleted_at_once_than_sqlite_takes_parameters(file: Path) -> None:
    collection.add(file, [drawing(n) for n in range(50)], PLENTY)
    assert len(collection.delete(file, range(40_000))) == 50
    assert collection.every(file) == []


def test_arrays_are_a_test_set_also_of_nothing() -> None:
    images, labels = collection.arrays([drawing(n, label=n) for n in range(3)])
    assert (images.shape, images.dtype, labels.dtype) == ((3, 28, 28), np.uint8, np.uint8)
    assert labels.tolist() == [0, 1, 2]
    assert all(np.array_equal(image, drawing(n).image) for n, image in enumerate(images))
    images, labels = collection.arrays([])
    assert (images.shape, images.dtype, labels.shape, labels.dtype) == ((0, 28, 28), np.uint8, (0,), np.uint8)


# ------------------------------------------------------------------------------------- by many at once


def test_thirty_people_who_write_at_once_lose_nothing(file: Path) -> None:
    people, each_draws = 30, 6
    barrier = threading.Barrier(people)

    def person(number: int) -> None:
        barrier.wait()  # all find that there is no file
        for n in range(each_draws):
            assert collection.add(file, [drawing(number * 100 + n, writer=f"w{number}")], PLENTY) == 1
            mine = collection.every(file, writer=f"w{number}")
            assert len(mine) == (n > 0) + 1
            collection.relabel(file, mine[-1].id, n)
            if n:
                assert len(collection.delete(file, [min(each.id for each in mine)])) == 1

    with ThreadPoolExecutor(people) as threads:
        for done in [threads.submit(person, number) for number in range(people)]:
            done.result()
    kept = collection.every(file)
    assert {each.writer for each in kept} == {f"w{number}" for number in range(people)}
    assert len(kept) == people
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_processes_that_write_at_once_lose_nothing(file: Path) -> None:
    # Its drawings are those of `drawing`, without pytest, which takes its time to come up.
    script = """
import sys
from pathlib import Path
import numpy as np
from core.drawing import collection

def drawing(number):
    image = np.zeros((28, 28), np.uint8)
    image[0, :4] = list(number.to_bytes(4, "big"))
    return collection.Drawing(7, image)

process = int(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
for n in range(25):
    collection.add(Path(sys.argv[2]), [drawing(n), drawing(1000 * process + n)], 10_000)
"""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(number), str(file)],
            cwd=PROJECT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(1, 5)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    for process in processes:
        _output, errors = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, errors
    expected = {drawing(1000 * number + n).image.tobytes() for number in range(5) for n in range(25)}
    images = [each.image.tobytes() for each in collection.every(file)]
    assert len(images) == len(expected)
    assert set(images) == expected


def test_the_limit_holds_for_all_who_write_at_once(file: Path) -> None:
    def person(number: int) -> int:
        try:
            return collection.add(file, [drawing(number)], most=5)
        except TooMany:
            return 0

    with ThreadPoolExecutor(12) as threads:
        assert sum(threads.map(person, range(12))) == collection.count(file) == 5


def test_who_reads_does_not_wait_for_who_writes_and_who_writes_gives_up_in_the_end(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    collection.add(file, [drawing()], PLENTY)
    monkeypatch.setattr(store, "_PATIENCE", 0.1)
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert collection.count(file) == len(collection.every(file)) == 1
        with pytest.raises(OSError, match=r"drawings\.sqlite cannot be used now: database is locked"):
            collection.add(file, [drawing(1)], PLENTY)
    assert collection.add(file, [drawing(1)], PLENTY) == 1


def test_drawings_can_be_read_without_their_strokes(tmp_path: Path) -> None:
    file = tmp_path / "drawings.sqlite"
    whole = Drawing(3, np.full((28, 28), 7, np.uint8), [[[0.0, 0.0], [1.0, 1.0]]])
    collection.add(file, [whole], 10)
    (bare,) = collection.every(file, strokes=False)
    assert (bare.label, bare.strokes) == (3, [])
    np.testing.assert_array_equal(bare.image, whole.image)
    assert collection.every(file)[0].strokes == whole.strokes
