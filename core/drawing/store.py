"""The SQLite file that drawings are kept in: its table, its transactions, and what can be wrong with it.

In WAL mode those who read never wait for those who write; it needs a disk of this machine, not a network's.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from core.drawing.preprocess import SIZE
from core.i18n import _

_PATIENCE = 30.0  # seconds to wait for somebody else's transaction, which takes some milliseconds
_VERSION = 1  # of the table; a change of it takes the next number

# No id is used twice: a page that still shows a deleted drawing must not mean another one by its id.
# The wide columns come last, so that to look for a writer or a label does not read them.
_SCHEMA = f"""
CREATE TABLE drawings (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    time REAL NOT NULL,
    label INTEGER NOT NULL CHECK (label BETWEEN 0 AND 9),
    writer TEXT NOT NULL,
    run TEXT NOT NULL,
    answer INTEGER,
    confidence REAL,
    digest BLOB NOT NULL,
    image BLOB NOT NULL CHECK (length(image) = {SIZE * SIZE}),
    strokes TEXT NOT NULL,
    UNIQUE (digest, label)
)
"""
# What SQLite says of a file that may be good but cannot be used now. All else is wrong with the file itself.
_UNAVAILABLE = {
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PROTOCOL,
}


class DamagedDrawings(RuntimeError):
    """The file is damaged, is something else, or is newer than this program. The message names it."""


@contextmanager
def _connection(path: Path) -> Iterator[sqlite3.Connection]:
    """An open file, without transactions that nobody asked for; SQLite's errors become ours."""
    try:
        with closing(sqlite3.connect(path, timeout=_PATIENCE, isolation_level=None)) as connection:
            yield connection
    except sqlite3.ProgrammingError:
        raise  # a bug of ours, not the file's
    except sqlite3.DatabaseError as error:
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF  # without the details
        if code in _UNAVAILABLE:
            raise OSError(
                _("The drawings in {file} cannot be used now: {reason}.").format(file=path, reason=error)
            ) from error
        raise damaged(path, error) from error


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection | None]:
    """An open file that holds the table; None where there is no file, or an empty one.

    Raises:
        DamagedDrawings: it is damaged, is something else, or is newer than this program.
        OSError: it cannot be used now.
    """
    if not path.is_file():  # SQLite would make one
        yield None
        return
    with _connection(path) as connection:
        yield connection if _is_made(connection, path) else None


@contextmanager
def writing(path: Path) -> Iterator[sqlite3.Connection]:
    """An open file that holds the table, and a transaction which ends with the block; raises as `reading`.

    The file is made where it is missing, but not its folder.
    """
    with _connection(path) as connection:
        _is_made(connection, path)  # before anything is changed in what may be another program's file
        # It fails while somebody else does the same. What else is wrong, the next line says.
        with suppress(sqlite3.OperationalError):
            connection.execute("PRAGMA journal_mode = WAL")
        # Not begun by reading: two who have read and then want to write would both have to give up.
        connection.execute("BEGIN IMMEDIATE")
        with connection:
            if not _is_made(connection, path):
                connection.execute(_SCHEMA)
                connection.execute(f"PRAGMA user_version = {_VERSION}")
            yield connection


def _is_made(connection: sqlite3.Connection, path: Path) -> bool:
    """Whether the table is there; without it, the file is empty.

    Raises:
        DamagedDrawings: the file is another program's, or of a newer version of this one.
    """
    # In this order: the table may come between the two questions, and its version with it.
    tables = connection.execute("SELECT 1 FROM sqlite_master").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > _VERSION:
        raise DamagedDrawings(
            _(
                "The drawings in {file} were kept by a newer version of this program. "
                "Update the program, or move the file away."
            ).format(file=path)
        )
    if tables and version != _VERSION:
        raise damaged(path, _("it holds other tables"))
    return bool(version == _VERSION)


def damaged(path: Path, reason: object) -> DamagedDrawings:
    """The error that names the file, says what is wrong with it, and what to do."""
    # A journal without its file would be taken for the next file's.
    return DamagedDrawings(
        _(
            "{file} is damaged or holds no drawings: {reason}. Move it away, and {name}-wal and {name}-shm "
            "with it if they are there. The next drawing begins a new file."
        ).format(file=path, reason=reason, name=path.name)
    )
