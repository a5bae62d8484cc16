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

# The ways in which `zipfile` says that an archive, an .npz file for one, is cut short, damaged or encrypted.
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


_END_RECORD = 22  # bytes of the record at an archive's end


def refuse_a_large_directory(file: BinaryIO, most: int) -> None:
    """Look at an archive's last record before `zipfile` reads what may be millions of entries.

    Args:
        file: the opened archive; it is at its beginning afterwards.
        most: bytes that its directory may take; an entry takes some 50, and its name.

    Raises:
        BadZipFile: it takes more.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _END_RECORD - 0xFFFF))  # a comment of up to so many bytes may follow it
    end = file.read()
    at = end.rfind(b"PK\x05\x06")
    if at >= 0 and int.from_bytes(end[at + 12 : at + 16], "little") > most:
        raise zipfile.BadZipFile("The archive has far more entries than it should have.")
    file.seek(0)


def read_npz(file: Path) -> dict[str, NDArray[Any]]:
    """The arrays in an ``.npz`` file, by their names.

    Raises:
        FileNotFoundError: there is no such file.
        One of DAMAGED_ARCHIVE: it is damaged, or holds something else than numbers and texts.
    """
    with zipfile.ZipFile(file) as archive:
        return {
            # Each as a whole, so that its checksum is compared before NumPy looks into it.
            name.removesuffix(".npy"): np.lib.format.read_array(io.BytesIO(archive.read(name)))
            for name in archive.namelist()
        }


@contextmanager
def replacing(path: Path, *, durable: bool = False) -> Iterator[Path]:
    """The path of a temporary file that takes ``path``'s place when the block ends well.

    If the block raises, ``path`` stays as it was and the temporary file is gone.

    Args:
        durable: see to it that a power cut leaves one of the two; without it, the file may come
            out empty.

    Raises:
        OSError: the folder is not there or cannot be written to.
    """
    # The suffix stays, because some writers go by it (NumPy adds ".npz" where it is missing).
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
    """`Path.replace`, patient with Windows, where a file that someone reads cannot be replaced."""
    for _attempt in range(50):
        try:
            source.replace(target)
            return
        except PermissionError:
            if os.name != "nt":
                raise
            time.sleep(0.01)
    source.replace(target)
