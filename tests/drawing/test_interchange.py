"""Drawings in a file: what was put in comes out, and what is no drawing is refused in a sentence."""

from __future__ import annotations

import base64
import gzip
import io
import json
import re
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from core.drawing import collection, interchange, strokes
from core.drawing.collection import Drawing
from core.drawing.interchange import BadDrawings
from tests.support.drawings import PLENTY, SEVEN, all_same, drawing, refusal, same, some_drawings


@settings(max_examples=50)
@given(several=st.lists(some_drawings, max_size=4))
def test_a_file_gives_back_what_was_put_in_gzipped_or_not(several: list[Drawing]) -> None:
    data = interchange.pack(several)
    assert all_same(interchange.unpack(data), several)
    assert all_same(interchange.unpack(gzip.decompress(data)), several)
    assert interchange.pack(interchange.unpack(data)) == data


def test_what_is_kept_goes_to_another_server_and_comes_back_as_known(file: Path) -> None:
    kept = [drawing(1, strokes=SEVEN, writer=" Ann ", run="r", answer=7, confidence=0.9), drawing(2)]
    collection.add(file, kept, PLENTY)
    taken = interchange.unpack(interchange.pack(collection.every(file)))
    other = file.with_name("other.sqlite")
    assert collection.add(other, taken, PLENTY) == 2
    assert all_same(collection.every(other), collection.every(file))
    assert collection.add(file, taken, PLENTY) == 0


def test_the_file_has_the_keys_of_the_shared_format_and_ours() -> None:
    entries = json.loads(gzip.decompress(interchange.pack([drawing(strokes=SEVEN, writer="Ann"), drawing()])))
    assert {(entry["label"], entry["writer"], str(entry["strokes"])) for entry in entries} == {
        (7, "Ann", str(SEVEN)),
        (7, "", "[]"),
    }
    assert all(
        set(entry) == {"writer", "label", "strokes", "image", "answer", "confidence", "run", "time"}
        for entry in entries
    )
    assert base64.b64decode(entries[0]["image"]) == drawing().image.tobytes()


def test_strokes_alone_are_drawn_and_brought_to_their_unit() -> None:
    large = [[[10 + 50 * x, 20 + 50 * y] for x, y in SEVEN[0]]]
    entries = [{"writer": "w101", "label": 7, "strokes": lines, "unknown": {}} for lines in (SEVEN, large)]
    for read in interchange.unpack(json.dumps(entries).encode()):
        assert same(read, Drawing(7, strokes.image(SEVEN), SEVEN, "w101"))


def test_handwriting_is_read_as_it_is(file: Path, handwriting: Path) -> None:
    entries = json.loads(gzip.decompress(handwriting.read_bytes()))[:200]
    drawings = interchange.unpack(gzip.compress(json.dumps(entries).encode()))
    assert [each.label for each in drawings] == [entry["label"] for entry in entries]
    assert [each.strokes for each in drawings] == [entry["strokes"] for entry in entries]
    assert collection.add(file, drawings, PLENTY) == len(entries)
    assert collection.writers(file) == sorted({entry["writer"] for entry in entries})


GOOD: dict[str, Any] = {
    "writer": "Ann",
    "label": 7,
    "strokes": SEVEN,
    "image": base64.b64encode(bytes(784)).decode(),
    "answer": 1,
    "confidence": 0.5,
    "run": "a-run",
    "time": 1e9,
}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            {"label": 10},
            "The label of drawing 2 in the file is 10, but it must be a whole number from 0 to 9.",
        ),
        ({"label": True}, "label .* is True"),
        ({"label": "7"}, "label .* is '7'"),
        ({"label": 7.0}, "label .* is 7.0"),
        ({"label": None}, "label .* is None"),
        ({"answer": -1}, "answer .* is -1"),
        ({"confidence": 1.5}, "confidence .* is 1.5, but it must be a number from 0 to 1"),
        ({"confidence": float("nan")}, "confidence .* is nan"),
        ({"time": float("inf")}, "time .* is inf"),
        ({"time": 10**400}, "time .* must be a time in seconds since 1970"),
        ({"time": -1}, "time .* is -1"),
        ({"writer": "x" * 65}, "writer .* must be a text of at most 64 characters"),
        ({"writer": 5}, "writer .* is 5"),
        ({"run": ["a"]}, "run .* must be a text"),
        ({"strokes": None}, "strokes .* must be a list of lists of points"),
        ({"strokes": [[[0, 10**400]]]}, "strokes .* points"),
        ({"strokes": [[[0, float("nan")]]]}, "strokes .* points"),
        ({"strokes": [[[0, 0]] * 20_001]}, "strokes .* at most 20,000 points"),
        ({"strokes": "7"}, "strokes .* is '7'"),
        ({"strokes": [[]]}, "strokes .* points"),
        ({"image": "not base64"}, "image .* must be 28×28 bytes in base64"),
        ({"image": base64.b64encode(bytes(783)).decode()}, "image .* 28×28"),
        ({"image": 5}, "image .* 28×28"),
        ({"strokes": [], "image": None}, "Drawing 2 in the file has neither strokes nor an image"),
    ],
)
def test_a_drawing_that_is_none_is_named_with_what_is_allowed(change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(BadDrawings, match=sentence):
        interchange.unpack(json.dumps([GOOD, GOOD | change]).encode())


def test_a_label_is_needed_and_little_else() -> None:
    with pytest.raises(BadDrawings, match="The label of drawing 1 in the file is missing, but it must be"):
        interchange.unpack(json.dumps([{"strokes": SEVEN}]).encode())
    for key in ("strokes", "image"):
        (read,) = interchange.unpack(json.dumps([{"label": 7, key: GOOD[key]}]).encode())
        assert (read.writer, read.answer, read.confidence, read.run, read.time) == (
            "",
            None,
            None,
            "",
            0,
        )


def test_control_characters_in_a_name_are_dropped() -> None:
    (read,) = interchange.unpack(json.dumps([GOOD | {"writer": "A\x00n\x1b\n" + "n" * 62}]).encode())
    assert read.writer == "An" + "n" * 62


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"null",
        b"[",
        b'{"label": 7}',
        b"[1]",
        b"\xff\xfe\xfa",
        b"[" * 100_000,
        b'[{"label":7,"strokes":' + b"[" * 600 + b"]" * 600 + b"}]",
        b"[" + b"9" * 5_000 + b"]",
        b'[{"label":7,"writer":"\\ud800","image":"\\ud800"}]',
        b"\x1f\x8b",
        interchange.pack([drawing()])[:-1],
        interchange.pack([drawing()])[:-8] + bytes(8),
        gzip.compress(b"no JSON", mtime=0),
    ],
)
def test_what_is_no_list_of_drawings_is_refused_in_a_sentence(data: bytes) -> None:
    with pytest.raises(BadDrawings, match=r"^(The|Drawing) .*\.$"):
        interchange.unpack(data)


def traced(data: bytes) -> int:
    """The most memory that it takes to refuse these bytes."""
    tracemalloc.start()
    try:
        with pytest.raises(BadDrawings, match=r"at most .* are allowed|which is the maximum"):
            interchange.unpack(data)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def bomb(piece: bytes, pieces: int) -> bytes:
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=1) as zipped:
        for _number in range(pieces):
            zipped.write(piece)
    return packed.getvalue()


def test_a_gzip_bomb_is_given_up_where_it_gets_too_large() -> None:
    assert traced(bomb(b" " * 1_000_000, 200)) < 150_000_000


def test_what_would_be_large_in_memory_only_is_refused_before_it_is() -> None:
    assert traced(bomb(b"[" + b"[]," * 333_333, 20)) < 100_000_000


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b" " * 20_000_001, "20,000,001 bytes or more; at most 20,000,000 are allowed"),
        (b"[" + b"0," * 20_000 + b"0]", "20,001 drawings; at most 20,000 are allowed"),
    ],
)
def test_too_large_a_file_is_refused_with_the_limit(data: bytes, sentence: str) -> None:
    with pytest.raises(BadDrawings, match=sentence):
        interchange.unpack(data)


def drawings_or_a_sentence(data: bytes) -> None:
    """Read it; whatever it is, that gives drawings, or the one error with a sentence."""
    drawings: list[Drawing] = []
    sentence = refusal(lambda: drawings.extend(interchange.unpack(data)), BadDrawings)
    assert sentence is None or re.fullmatch(r"(The|Drawing) .*\.", sentence, re.DOTALL)
    images, labels = collection.arrays(drawings)
    assert images.shape == (len(drawings), 28, 28)
    assert (labels < 10).all()
    assert all_same(interchange.unpack(interchange.pack(drawings)), drawings)


@given(data=st.binary(max_size=300))
@example(data=b"[]")
def test_any_bytes_give_drawings_or_a_sentence(data: bytes) -> None:
    drawings_or_a_sentence(data)
    drawings_or_a_sentence(b"\x1f\x8b" + data)
    drawings_or_a_sentence(gzip.compress(data))


@given(data=st.data())
def test_a_changed_file_gives_drawings_or_a_sentence(data: st.DataObject) -> None:
    content = bytearray(
        data.draw(st.sampled_from([json.dumps([GOOD]).encode(), interchange.pack([drawing(strokes=SEVEN)])]))
    )
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), max_size=3)):
        content[place] = data.draw(st.integers(0, 255) | st.sampled_from(b'[]{},:"-.0e9'))
    drawings_or_a_sentence(bytes(content[: data.draw(st.integers(0, len(content)))]))
    drawings_or_a_sentence(bytes(content))


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just(10**400),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=12,
)


@given(
    entry=st.fixed_dictionaries(
        {"label": st.just(7) | anything},
        optional=dict.fromkeys(list(GOOD)[2:], anything) | {"writer": anything},
    )
)
def test_any_json_gives_drawings_or_a_sentence(entry: dict[str, object]) -> None:
    drawings_or_a_sentence(json.dumps([entry]).encode())
    drawings_or_a_sentence(json.dumps([GOOD | {key: entry[key]} for key in entry]).encode())
    drawings_or_a_sentence(json.dumps(entry).encode())
