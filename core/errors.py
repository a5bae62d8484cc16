"""What an error comes down to, for the person who reads of it."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from core.i18n import _

# What the system says when nothing more can be written.
DISK_FULL = {errno.ENOSPC, errno.EDQUOT}
READ_ONLY = {errno.EACCES, errno.EPERM, errno.EROFS}
_LITTLE = 100_000  # bytes: a disk with less than that is full


def causes(error: BaseException) -> Iterator[BaseException]:
    """An error and all that it came of; some libraries hand errors on as arguments and as reasons."""
    waiting, seen = [error], set()
    while waiting:
        one = waiting.pop(0)
        if id(one) not in seen:
            seen.add(id(one))
            yield one
            found = (one.__cause__, one.__context__, getattr(one, "reason", None), *one.args)
            waiting += [cause for cause in found if isinstance(cause, BaseException)]


def is_disk_full(error: BaseException) -> bool:
    return _has(error, DISK_FULL)


def _has(error: BaseException, codes: set[int]) -> bool:
    return any(isinstance(cause, OSError) and cause.errno in codes for cause in causes(error))


def sentence(error: BaseException) -> str:
    """Why a run or a sweep failed: our own errors say it all, others need their kind in front of them."""
    if is_disk_full(error):
        return _disk_full()
    if _has(error, READ_ONLY):
        return _read_only()
    if type(error).__module__.startswith("core."):
        return str(error)
    first_line = (str(error).splitlines() or [""])[0]
    return _("It failed with {kind}: {message}").format(kind=type(error).__name__, message=first_line[:300])


def why_lost(folder: Path) -> str:
    """Why a run or a sweep has lost its process, as far as that can be seen from outside."""
    try:
        free = shutil.disk_usage(folder).free
    except OSError:
        free = _LITTLE
    if free < _LITTLE:
        return _disk_full()
    if not os.access(folder, os.W_OK):
        return _read_only()
    return _("The training process ended without a word: it was killed, or the machine went down.")


def _disk_full() -> str:
    return _("The disk is full. Make room, then resume.")


def _read_only() -> str:
    return _("The run's folder cannot be written to. Make it writable, then resume.")
