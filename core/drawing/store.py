"""The SQLite file in which drawings are saved: its table, its transactions and its errors.

The file is in WAL mode, in which readers never wait for writers. This mode needs a local disk, not a network
file system.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from core.drawing.preprocess import SIZE
from core.i18n import _

_PATIENCE = 30.0  # seconds to wait for the transaction of another process, which takes some milliseconds
_VERSION = 1  # of the table; to be increased when the table changes

# An id is never used again: a page may still show a deleted drawing, and must not change another one.
# The large columns come last, so that a search for a writer or a label does not read them.
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
# SQLite's codes for a file that cannot be used at the moment. All other codes mean that the file is damaged.
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
    """The file is damaged, has other contents, or has a newer version. The message names the file."""


@contextmanager
def _connection(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection without implicit transactions. SQLite's errors become DamagedDrawings or OSError."""
    try:
        with closing(sqlite3.connect(path, timeout=_PATIENCE, isolation_level=None)) as connection:
            yield connection
    except sqlite3.ProgrammingError:
        raise  # a mistake in this program, not in the file
    except sqlite3.DatabaseError as error:
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF  # without the details
        if code in _UNAVAILABLE:
            raise OSError(
                _("The drawings in {file} cannot be used now: {reason}.").format(file=path, reason=error)
            ) from error
        raise damaged(path, error) from error


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection | None]:
    """A connection to the file; None if the file is missing or empty.

    Raises:
        DamagedDrawings: the file is damaged, has other contents, or has a newer version.
        OSError: the file cannot be used at the moment.
    """
    if not path.is_file():  # SQLite would create it
        yield None
        return
    with _connection(path) as connection:
        yield connection if _is_made(connection, path) else None


@contextmanager
def writing(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection to the file, with a transaction that ends with the block. Raises like `reading`.

    If the file is missing, it is created. Its folder is not.
    """
    with _connection(path) as connection:
        _is_made(connection, path)  # before anything is changed in what may be another program's file
        # This fails while another process does the same. Any other error is raised again by the next line.
        with suppress(sqlite3.OperationalError):
            connection.execute("PRAGMA journal_mode = WAL")
        # Not a transaction that begins with a read: two of them that then want to write would both fail.
        connection.execute("BEGIN IMMEDIATE")
        with connection:
            if not _is_made(connection, path):
                connection.execute(_SCHEMA)
                connection.execute(f"PRAGMA user_version = {_VERSION}")
            yield connection


def _is_made(connection: sqlite3.Connection, path: Path) -> bool:
    """Whether the file has the table. If not, the file is empty.

    Raises:
        DamagedDrawings: the file has other contents, or has a newer version.
    """
    # In this order, because another process may create the table, with its version, in between.
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
    """The error for a damaged file. Its message says what is wrong and what to do."""
    # SQLite would apply an old journal to the new file.
    return DamagedDrawings(
        _(
            "{file} is damaged or holds no drawings: {reason}. Move it away, and {name}-wal and {name}-shm "
            "with it if they are there. The next drawing begins a new file."
        ).format(file=path, reason=reason, name=path.name)
    )
