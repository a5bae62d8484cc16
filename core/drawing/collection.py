"""The drawings that people keep, with the right answer: the class's own test set.

They are the rows of one table in a file (`core.drawing.store`). Each function opens the file, does
one short transaction and closes it, so that threads and server processes may all call at once.

`core.drawing.interchange` takes them elsewhere and brings them back.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import time
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.drawing.preprocess import SIZE
from core.drawing.store import damaged, reading, writing
from core.drawing.strokes import Strokes
from core.i18n import _

MOST_NAME = 64  # characters of a writer's name


class TooMany(ValueError):
    """There is no room for so many drawings. The message says how many there are and may be."""


@dataclass(frozen=True, eq=False)
class Drawing:
    """A drawn digit and what it is.

    Attributes:
        label: what it is, 0 to 9.
        image: what the network got, uint8 ``(28, 28)``, 0 (paper) to 255 (ink).
        strokes: in the unit of `strokes.unit`; none where only the image is known.
        writer: the name that the visitor chose, or "".
        run: the run that read it, or "".
        answer: what that run read, 0 to 9.
        confidence: how sure the run was, 0 to 1.
        time: seconds since 1970; with 0, the time is taken when it is kept.
        id: its number among those that are kept; 0 before that.
    """

    label: int
    image: NDArray[np.uint8]
    strokes: Strokes = field(default_factory=list)
    writer: str = ""
    run: str = ""
    answer: int | None = None
    confidence: float | None = None
    time: float = 0
    id: int = 0


def tidy(name: str) -> str:
    """The name without what cannot be seen: control characters, marks of direction, half characters."""
    return "".join(letter for letter in name if unicodedata.category(letter) not in ("Cc", "Cf", "Cs"))


def arrays(drawings: Sequence[Drawing]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The images, uint8 ``(n, 28, 28)``, and their labels, uint8 ``(n,)``; n may be 0."""
    images = np.array([drawing.image for drawing in drawings], np.uint8).reshape(-1, SIZE, SIZE)
    return images, np.array([drawing.label for drawing in drawings], np.uint8)


def add(path: Path, drawings: Sequence[Drawing], most: int) -> int:
    """Keep drawings, all of them or, where there is an error, none.

    The file and its folder are made where they are missing. A drawing that is kept already, with the
    same image, strokes, label and writer, is not kept twice. Each gets a new id.

    Args:
        most: the most drawings that the file may hold.

    Returns:
        How many were new.

    Raises:
        TooMany: there would be more than that.
        DamagedDrawings: the file holds something else.
        OSError: it cannot be written to.
        ValueError: a label is no digit, or an image has another shape or type.
    """
    rows = [_row(drawing) for drawing in drawings]
    path.parent.mkdir(parents=True, exist_ok=True)
    with writing(path) as connection:
        before = _count(connection)
        connection.executemany(
            "INSERT INTO drawings (time, label, writer, run, answer, confidence, digest, image, strokes)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (digest, label) DO NOTHING",
            rows,
        )
        new = _count(connection) - before
        # The operator may have lowered the limit since: what brings nothing new is no error then.
        if new and before + new > most:
            raise TooMany(
                _(
                    "There are {before:,} drawings, and with {new:,} more there would be over {most:,}, "
                    "the most that are kept here. Delete some, or add fewer."
                ).format(before=before, new=new, most=most)
            )
    return new


def every(
    path: Path, *, writer: str | None = None, label: int | None = None, strokes: bool = True
) -> list[Drawing]:
    """The drawings, newest first; none where there is no file.

    Args:
        writer: only this writer's; "" for those who gave no name.
        label: only those of this digit.
        strokes: read their strokes as well, which takes most of the time.

    Raises:
        DamagedDrawings: the file holds something else.
        OSError: it cannot be read.
    """
    with reading(path) as connection:
        if connection is None:
            return []
        return _select(
            connection,
            path,
            "(:writer IS NULL OR writer = :writer) AND (:label IS NULL OR label = :label)",
            {"writer": writer, "label": None if label is None else int(label)},
            strokes=strokes,
        )


def count(path: Path) -> int:
    """How many drawings there are; raises as `every`."""
    with reading(path) as connection:
        return 0 if connection is None else _count(connection)


def writers(path: Path) -> list[str]:
    """The names of those who drew, in order, without those who gave none; raises as `every`."""
    with reading(path) as connection:
        if connection is None:
            return []
        found = connection.execute("SELECT DISTINCT writer FROM drawings WHERE writer != ''")
        return sorted((name for (name,) in found), key=lambda name: (name.casefold(), name))


def relabel(path: Path, id: int, label: int) -> None:
    """Say what a drawing really is. A drawing that somebody deleted meanwhile stays deleted.

    Where the same drawing is kept with that label already, one of the two stays.

    Raises:
        ValueError: the label is no digit.
        DamagedDrawings, OSError: as `add`.
    """
    values = (_digit(label), int(id))
    if not path.is_file():
        return
    with writing(path) as connection:
        connection.execute("UPDATE OR REPLACE drawings SET label = ? WHERE id = ?", values)


def delete(path: Path, ids: Iterable[int]) -> list[Drawing]:
    """Delete drawings. Ids that are not there any more are passed over.

    Returns:
        The deleted ones, newest first: `add` puts them back, under new ids.

    Raises:
        DamagedDrawings, OSError: as `add`.
    """
    # As JSON, because SQLite allows only so many parameters.
    chosen = {"ids": json.dumps([int(id) for id in ids])}
    if not path.is_file():
        return []
    with writing(path) as connection:
        found = _select(connection, path, "id IN (SELECT value FROM json_each(:ids))", chosen)
        connection.execute("DELETE FROM drawings WHERE id IN (SELECT value FROM json_each(:ids))", chosen)
    return found


def _row(drawing: Drawing) -> tuple[object, ...]:
    """A row without its id, in the order of `add`. SQLite takes Python's numbers, not NumPy's."""
    if drawing.image.shape != (SIZE, SIZE) or drawing.image.dtype != np.uint8:
        raise ValueError(
            _("The image of a drawing is uint8 (28, 28), but this one is {dtype} {shape}.").format(
                dtype=drawing.image.dtype, shape=drawing.image.shape
            )
        )
    image, writer = drawing.image.tobytes(), tidy(drawing.writer)[:MOST_NAME]
    lines = json.dumps(drawing.strokes, separators=(",", ":"), allow_nan=False)
    return (
        float(drawing.time or time.time()),
        _digit(drawing.label),
        writer,
        drawing.run,
        None if drawing.answer is None else _digit(drawing.answer),
        None if drawing.confidence is None else float(drawing.confidence),
        hashlib.sha256(b"\0".join([image, lines.encode(), writer.encode()])).digest(),
        image,
        lines,
    )


def _digit(label: int) -> int:
    if label not in range(10):
        raise ValueError(_("A label is a digit from 0 to 9, and {label} is not.").format(label=label))
    return int(label)


def _count(connection: sqlite3.Connection) -> int:
    found: int = connection.execute("SELECT count(*) FROM drawings").fetchone()[0]
    return found


def _select(
    connection: sqlite3.Connection,
    path: Path,
    where: str,
    values: Mapping[str, object],
    *,
    strokes: bool = True,
) -> list[Drawing]:
    lines = "strokes" if strokes else "'[]'"
    rows = connection.execute(
        f"SELECT id, time, label, writer, run, answer, confidence, image, {lines} FROM drawings"
        f" WHERE {where} ORDER BY time DESC, id DESC",
        dict(values),
    )
    try:
        return [_drawing(*row) for row in rows]
    except (TypeError, ValueError) as error:
        raise damaged(path, error) from error


def _drawing(
    id: int,
    time: float,
    label: int,
    writer: str,
    run: str,
    answer: int | None,
    confidence: float | None,
    image: bytes,
    lines: str,
) -> Drawing:
    pixels = np.frombuffer(image, np.uint8).reshape(SIZE, SIZE)
    return Drawing(label, pixels, json.loads(lines), writer, run, answer, confidence, time, id)
