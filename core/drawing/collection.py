"""The drawings that people save, with their labels. They are a test set, and can be trained on.

The drawings are the rows of one table in a file (`core.drawing.store`). Each function opens the file, does
one short transaction and closes the file. So threads and processes can call the functions at the same time.

`core.drawing.interchange` exports and imports drawings.
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
    """There would be too many drawings. The message says how many there are and how many are allowed."""


@dataclass(frozen=True, eq=False)
class Drawing:
    """A drawn digit with its label.

    Attributes:
        label: the digit that was drawn, 0 to 9.
        image: the input of the network, uint8 ``(28, 28)``, 0 (paper) to 255 (ink).
        strokes: in the unit of `strokes.unit`; empty if only the image is known.
        writer: the name that the visitor chose, or "".
        run: the name of the run that classified the drawing, or "".
        answer: the prediction of that run, 0 to 9; None without a run.
        confidence: the confidence of that run, 0 to 1; None without a run.
        time: seconds since 1970; 0 means the time at which the drawing is saved.
        id: the number of the saved drawing; 0 before it is saved.
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
    """Remove invisible characters from a name: control and format characters, and lone surrogates."""
    return "".join(letter for letter in name if unicodedata.category(letter) not in ("Cc", "Cf", "Cs"))


def arrays(drawings: Sequence[Drawing]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return the images, uint8 ``(n, 28, 28)``, and the labels, uint8 ``(n,)``, where n may be 0."""
    images = np.array([drawing.image for drawing in drawings], np.uint8).reshape(-1, SIZE, SIZE)
    return images, np.array([drawing.label for drawing in drawings], np.uint8)


def add(path: Path, drawings: Sequence[Drawing], most: int) -> int:
    """Save drawings. If there is an error, none of them is saved.

    If the file or its folder is missing, it is created. A drawing with the same image, strokes, label and
    writer as a saved one is not saved again. Each saved drawing gets a new id.

    Args:
        most: the largest number of drawings that the file may hold.

    Returns:
        The number of new drawings.

    Raises:
        TooMany: there would be more than `most` drawings.
        DamagedDrawings: the file is damaged, has other contents, or has a newer version.
        OSError: the file cannot be written to.
        ValueError: a label is not a digit, or an image is not uint8 ``(28, 28)``.
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
        # If the limit was lowered, there may be more than `most` already. Adding nothing is not an error.
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
    """The drawings, newest first; an empty list if there is no file.

    Args:
        writer: only the drawings of this writer; "" selects those without a name.
        label: only the drawings with this label, 0 to 9.
        strokes: whether to read the strokes, which takes most of the time.

    Raises:
        DamagedDrawings: the file is damaged, has other contents, or has a newer version.
        OSError: the file cannot be read.
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
    """The number of drawings. Raises like `every`."""
    with reading(path) as connection:
        return 0 if connection is None else _count(connection)


def writers(path: Path) -> list[str]:
    """The names of the writers, sorted, without the empty name. Raises like `every`."""
    with reading(path) as connection:
        if connection is None:
            return []
        rows = connection.execute("SELECT DISTINCT writer FROM drawings WHERE writer != ''")
        return sorted((name for (name,) in rows), key=lambda name: (name.casefold(), name))


def relabel(path: Path, id: int, label: int) -> None:
    """Change the label of a drawing. If the drawing has been deleted, nothing changes.

    If the same drawing is saved with that label already, one of the two is deleted.

    Raises:
        ValueError: the label is not a digit.
        DamagedDrawings, OSError: like `add`.
    """
    values = (_digit(label), int(id))
    if not path.is_file():
        return
    with writing(path) as connection:
        connection.execute("UPDATE OR REPLACE drawings SET label = ? WHERE id = ?", values)


def delete(path: Path, ids: Iterable[int]) -> list[Drawing]:
    """Delete drawings. Ids that do not exist are ignored.

    Returns:
        The deleted drawings, newest first. `add` restores them, with new ids.

    Raises:
        DamagedDrawings, OSError: like `add`.
    """
    # As JSON, because SQLite limits the number of parameters.
    chosen = {"ids": json.dumps([int(id) for id in ids])}
    if not path.is_file():
        return []
    with writing(path) as connection:
        drawings = _select(connection, path, "id IN (SELECT value FROM json_each(:ids))", chosen)
        connection.execute("DELETE FROM drawings WHERE id IN (SELECT value FROM json_each(:ids))", chosen)
    return drawings


def _row(drawing: Drawing) -> tuple[object, ...]:
    """A row without its id, in the order of `add`. SQLite accepts Python's numbers, but not NumPy's."""
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
    number: int = connection.execute("SELECT count(*) FROM drawings").fetchone()[0]
    return number


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
