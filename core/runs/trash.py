"""Delete runs, and restore them within a day."""

from __future__ import annotations

import os
import secrets
import shutil
import time
from collections.abc import Iterable
from pathlib import Path

from core.i18n import ngettext
from core.runs import run_folder

KEPT = 24 * 3600.0  # seconds for which a deleted run can be restored
_FOLDER = ".deleted"  # the name of a run never begins with a dot


class StillTraining(ValueError):
    """Some of the runs are training or waiting. The message says how many and what to do."""


def delete(root: Path, names: Iterable[str]) -> list[str]:
    """Delete runs so that they can be restored. Runs that were deleted long ago are removed.

    Returns:
        The names of the runs that can be restored with `restore`: those that existed.

    Raises:
        StillTraining: one of the runs is training or waiting. Then no run is deleted.
        OSError: the runs folder cannot be written to.
    """
    runs = [root / name for name in names if _is_run(root, name)]
    busy = sum(not _rests(run) for run in runs)
    if busy:
        raise StillTraining(
            ngettext(
                "{n} of the runs is training or waiting. Stop it first.",
                "{n} of the runs are training or waiting. Stop them first.",
                busy,
            ).format(n=busy)
        )
    _empty(root)
    (root / _FOLDER).mkdir(exist_ok=True)
    deleted = []
    for run in runs:
        try:
            run.rename(root / _FOLDER / run.name)
        except FileNotFoundError:
            continue  # another process has deleted the run
        os.utime(root / _FOLDER / run.name)
        deleted.append(run.name)
    return deleted


def _is_run(root: Path, name: str) -> bool:
    try:
        return run_folder.find(root, name).is_dir()
    except run_folder.UnknownRun:
        return False


def _rests(run: Path) -> bool:
    try:
        return run_folder.status(run).state in run_folder.RESTING
    except run_folder.UnknownRun:
        return True  # an unreadable run is not in training


def deleted(root: Path) -> list[Path]:
    """The folders of the runs that can be restored, the latest deletion first."""
    try:
        folders = [(_age(entry), Path(entry.path)) for entry in os.scandir(root / _FOLDER)]
    except OSError:
        return []
    return [run for age, run in sorted(folders) if age < KEPT and _is_run(root / _FOLDER, run.name)]


def _age(entry: os.DirEntry[str]) -> float:
    """The seconds since the deletion."""
    return time.time() - entry.stat().st_mtime


def restore(root: Path, names: Iterable[str]) -> list[str]:
    """Restore runs. Returns the names of the restored ones."""
    restored = [name for name in names if _is_run(root / _FOLDER, name) and not (root / name).exists()]
    for name in restored:
        (root / _FOLDER / name).rename(root / name)
    return restored


def _empty(root: Path) -> None:
    """Remove the runs that were deleted long ago."""
    try:
        old = [entry for entry in os.scandir(root / _FOLDER) if _age(entry) >= KEPT]
    except OSError:
        return
    for entry in old:
        remove(Path(entry.path))


def remove(folder: Path) -> None:
    """Delete a folder for good. Raises OSError if it cannot be moved."""
    # Moved first, so that nobody reads or restores a half-deleted run.
    gone = folder.parent / f".{secrets.token_hex(4)}"
    folder.rename(gone)
    shutil.rmtree(gone, ignore_errors=True)
