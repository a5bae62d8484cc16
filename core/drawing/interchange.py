"""Read and write files of drawings, the format in which handwriting is shared.

A file is a gzipped JSON list of ``{"writer", "label", "strokes"}``. Files from here also have the image, and
the prediction of a run.
"""

from __future__ import annotations

import base64
import gzip
import json
import reprlib
import zlib
from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainValidator, ValidationError

from core.drawing import strokes
from core.drawing.collection import MOST_NAME, Drawing, tidy
from core.drawing.preprocess import SIZE
from core.drawing.strokes import Strokes
from core.i18n import _

# The lists of points in Python take many times the memory of their text, so the number of points is limited.
MOST_BYTES = 20_000_000
_MOST_UNZIPPED = 64_000_000
_MOST_DRAWINGS = 20_000
_MOST_POINTS = 1_000_000
_LATEST = 1e11  # seconds since 1970; Python has no years of five digits


class BadDrawings(ValueError):
    """An uploaded file holds no valid drawings. The message says what is wrong and what is allowed."""


def pack(drawings: Sequence[Drawing]) -> bytes:
    """Write drawings as a gzipped JSON list. The same drawings give the same bytes.

    The list has everything except the ids. It has the image as well as the strokes, because the image was the
    input of the network.
    """
    entries = [
        {
            "writer": drawing.writer,
            "label": int(drawing.label),
            "strokes": drawing.strokes,
            "image": base64.b64encode(drawing.image.tobytes()).decode(),
            "answer": None if drawing.answer is None else int(drawing.answer),
            "confidence": None if drawing.confidence is None else float(drawing.confidence),
            "run": drawing.run,
            "time": float(drawing.time),
        }
        for drawing in drawings
    ]
    return gzip.compress(json.dumps(entries, separators=(",", ":"), allow_nan=False).encode(), mtime=0)


def unpack(data: bytes) -> list[Drawing]:
    """Read drawings from an untrusted file, in the order of the file.

    Args:
        data: the bytes of a file as from `pack`, gzipped or not. A drawing needs ``label``, and ``strokes``
            (in any unit) or ``image``. Without an image, the strokes are drawn, which takes about 2 ms for
            each drawing. Unknown keys are ignored.

    Raises:
        BadDrawings: the data is not valid, or too large.
    """
    text = _unzipped(data)
    # A point "[x, y]," has three of these characters. They are counted before the text is parsed.
    if sum(text.count(mark) for mark in (b"[", b"{", b",")) > 3 * _MOST_POINTS:
        raise BadDrawings(
            _("The file has more than {most:,} points, which is the maximum. Split the file.").format(
                most=_MOST_POINTS
            )
        )
    try:
        entries = json.loads(text)
    except (ValueError, RecursionError):
        entries = None
    if not isinstance(entries, list):
        raise BadDrawings(
            _(
                "The file is not a list of drawings. Use a file that was saved here, or a JSON list of "
                "drawings such as {example}. The file may be compressed with gzip."
            ).format(example='{"writer": "Ann", "label": 7, "strokes": [[[0, 0], [1, 0], [0.5, 1]]]}')
        )
    if len(entries) > _MOST_DRAWINGS:
        raise BadDrawings(
            _("The file has {count:,} drawings; at most {most:,} are allowed. Split the file.").format(
                count=len(entries), most=_MOST_DRAWINGS
            )
        )
    # Each entry is freed after it was read, because JSON takes many times the memory of a drawing.
    entries.reverse()
    return [_read(entries.pop(), number) for number in range(1, len(entries) + 1)]


def _unzipped(data: bytes) -> bytes:
    """Decompress data, if it is gzipped.

    Raises:
        BadDrawings: the data is too large, damaged or incomplete.
    """
    if len(data) > MOST_BYTES:
        raise _too_large(len(data), MOST_BYTES)
    if not data.startswith(b"\x1f\x8b"):
        return data
    unzip = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)  # with the header of gzip
    try:
        text = unzip.decompress(data, _MOST_UNZIPPED + 1)
    except zlib.error:
        text = b""
    if len(text) > _MOST_UNZIPPED:
        raise _too_large(len(text), _MOST_UNZIPPED)
    if not unzip.eof:
        raise BadDrawings(_("The gzip file is damaged or incomplete. Download or copy it again."))
    return text


def _too_large(received: int, most: int) -> BadDrawings:
    return BadDrawings(
        _("The file has {received:,} bytes or more; at most {most:,} are allowed. Split the file.").format(
            received=received, most=most
        )
    )


def _strokes(value: object) -> Strokes:
    return strokes.unit(strokes.checked(value)) if value != [] else []


def _pixels(value: object) -> NDArray[np.uint8] | None:
    """Read an image from base64.

    Raises:
        ValueError: the text is not an image.
    """
    if value is None:
        return None
    if not isinstance(value, str):
        raise ValueError("not a text")
    return np.frombuffer(base64.b64decode(value, validate=True), np.uint8).reshape(SIZE, SIZE)


def _name(value: str) -> str:
    name = tidy(value)
    if len(name) > MOST_NAME:
        raise ValueError("too long")
    return name


_Digit = Annotated[int, Field(ge=0, le=9)]
_Name = Annotated[str, AfterValidator(_name)]


class _Entry(BaseModel):
    """A drawing in a file."""

    model_config = ConfigDict(strict=True, frozen=True, allow_inf_nan=False)

    label: _Digit
    strokes: Annotated[Any, PlainValidator(_strokes)] = []
    image: Annotated[Any, PlainValidator(_pixels)] = None
    writer: _Name = ""
    run: _Name = ""
    answer: _Digit | None = None
    confidence: float | None = Field(None, ge=0, le=1)
    time: float = Field(0, ge=0, le=_LATEST)


def _read(value: object, number: int) -> Drawing:
    """Read the drawing with this number from its entry in a file.

    Raises:
        BadDrawings: the entry is not a valid drawing.
    """
    try:
        entry = _Entry.model_validate(value)
    except ValidationError as error:
        raise BadDrawings(_explain(error, number)) from None
    if entry.image is None and not entry.strokes:
        raise BadDrawings(
            _(
                "Drawing {number} in the file has neither strokes nor an image. Add one of them, or remove "
                "the drawing."
            ).format(number=number)
        )
    image = strokes.image(entry.strokes) if entry.image is None else entry.image
    return Drawing(
        entry.label,
        image,
        entry.strokes,
        entry.writer,
        entry.run,
        entry.answer,
        entry.confidence,
        entry.time,
    )


def _explain(error: ValidationError, number: int) -> str:
    """The first error of a drawing, in a sentence."""
    finding = error.errors(include_url=False)[0]
    name = str(finding["loc"][0]) if finding["loc"] else ""
    received = _("missing") if finding["type"] == "missing" else reprlib.repr(finding["input"])
    if not name:
        return _("Drawing {number} in the file is {received}, but it must be {allowed}.").format(
            number=number, received=received, allowed=_allowed(name)
        )
    return _("The {name} of drawing {number} in the file is {received}, but it must be {allowed}.").format(
        name=name, number=number, received=received, allowed=_allowed(name)
    )


def _allowed(name: str) -> str:
    """The allowed values of a key, in words. With "", those of the whole drawing."""
    match name:
        case "label" | "answer":
            allowed = _("a whole number from 0 to 9")
        case "strokes":
            allowed = _("a list of lists of points [x, y], at most {most:,} points").format(
                most=strokes.MOST_POINTS
            )
        case "image":
            allowed = _("28×28 bytes in base64")
        case "writer" | "run":
            allowed = _("a text of at most {most} characters").format(most=MOST_NAME)
        case "confidence":
            allowed = _("a number from 0 to 1")
        case "time":
            allowed = _("a time in seconds since 1970")
        case _other:
            allowed = _("an object with label and strokes")
    return allowed
