"""Write files as a whole, and read archives that may be damaged."""

from __future__ import annotations

import io
import os
import secrets
import struct
import time
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

# The errors of `zipfile` for an archive, such as an .npz file, that is incomplete, damaged or encrypted.
DAMAGED_ARCHIVE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    KeyError,
    OSError,
    RuntimeError,
    ValueError,
)


_END_RECORD = 22  # bytes of the record at the end of an archive


def refuse_a_large_directory(file: BinaryIO, most: int) -> None:
    """Check the size of an archive's directory before `zipfile` reads it. It may have millions of entries.

    Args:
        file: the opened archive. Its position is the beginning afterwards.
        most: the largest allowed size of the directory, in bytes. An entry takes about 50 bytes and its name.

    Raises:
        BadZipFile: the directory is larger.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _END_RECORD - 0xFFFF))  # a comment of at most 0xFFFF bytes may follow
    end = file.read()
    at = end.rfind(b"PK\x05\x06")
    if at >= 0 and int.from_bytes(end[at + 12 : at + 16], "little") > most:
        raise zipfile.BadZipFile("The archive has far more entries than it should have.")
    file.seek(0)


def read_npz(file: Path) -> dict[str, NDArray[Any]]:
    """The arrays in an ``.npz`` file, by their names.

    Raises:
        FileNotFoundError: there is no such file.
        One of DAMAGED_ARCHIVE: the file is damaged, or has other contents than numbers and texts.
    """
    with zipfile.ZipFile(file) as archive:
        return {
            # Each array is read completely, so that its checksum is verified before NumPy parses it.
            name.removesuffix(".npy"): np.lib.format.read_array(io.BytesIO(archive.read(name)))
            for name in archive.namelist()
        }


@contextmanager
def replacing(path: Path, *, durable: bool = False) -> Iterator[Path]:
    """Give the path of a temporary file, which replaces ``path`` at the end of the block.

    If the block raises an error, ``path`` does not change and the temporary file is deleted.

    Args:
        durable: whether a power cut leaves either the old or the new file. Otherwise, the file may be empty.

    Raises:
        OSError: the folder is missing or cannot be written to.
    """
    # The suffix stays, because some writers use it (NumPy adds ".npz" if it is missing).
    temporary = path.with_name(f".{path.stem}-{secrets.token_hex(4)}{path.suffix}")
    try:
        yield temporary
        if durable:
            with temporary.open("r+b") as file:
                os.fsync(file.fileno())
        _replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _replace(source: Path, target: Path) -> None:
    """`Path.replace` with several attempts, because Windows cannot replace a file while somebody reads it."""
    for _attempt in range(50):
        try:
            source.replace(target)
            return
        except PermissionError:
            if os.name != "nt":
                raise
            time.sleep(0.01)
    source.replace(target)
