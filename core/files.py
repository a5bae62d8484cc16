"""Writing files so that a reader never sees half of one, and reading files that are broken all the same."""

from __future__ import annotations

import os
import secrets
import struct
import time
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

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
