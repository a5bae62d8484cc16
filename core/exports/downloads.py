"""The downloads of a run, each as one file: for the Runs page and for the command line."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

from core.data import specs
from core.data.specs import DatasetSpec
from core.exports import file_names, keras_script, model_card, model_formats, run_archive, tensorboard
from core.files import replacing
from core.i18n import _
from core.runs import naming, records, run_folder, warm_start
from core.runs.run_table import Entry


class NotExported(RuntimeError):
    """The run has no such download, or the target cannot be written. The message says what to do."""


class Export(NamedTuple):
    """A kind of file.

    Attributes:
        name: the name that people see.
        mime: the media type.
        write: returns the content of the file. Raises CannotConvert, UnknownRun and OSError.
    """

    name: str
    mime: str
    write: Callable[[Entry], bytes]


def exports(spec: DatasetSpec = specs.MNIST) -> dict[str, Export]:
    """All downloads by the ending of the file name. The formats of the model come first."""
    models = {
        ending: Export(form.name, "application/octet-stream", partial(_convert, ending))
        for ending, form in model_formats.formats(spec).items()
    }
    return models | {
        "py": Export(_("Keras script"), "text/x-python", _script),
        "ipynb": Export(_("Notebook"), "application/x-ipynb+json", _notebook),
        "md": Export(
            _("Model card"),
            "text/markdown",
            lambda entry: model_card.card(entry, naming.name(entry.subject)).encode(),
        ),
        "csv": Export(_("Numbers"), "text/csv", lambda entry: model_card.metrics(entry).encode()),
        "tensorboard.zip": Export(
            _("TensorBoard logs"), "application/zip", lambda entry: tensorboard.logs(entry.run)
        ),
        "zip": Export(_("Everything"), "application/zip", lambda entry: run_archive.pack(entry.run)),
    }


def file_name(run: Path, ending: str) -> str:
    """The name of the file."""
    return f"{file_names.stem(run)}.{ending}"


def save(entry: Entry, words: str, target: str, *, replace: bool = False) -> Path:
    """Write a file.

    Args:
        words: the ending or the name of an export, in upper or lower case.
        target: the file; or a folder (an existing one, or a path with a slash at the end), in which the file
            gets its `file_name`.
        replace: whether an existing file may be replaced.

    Returns:
        The path of the file.

    Raises:
        NotExported: there is no such export, or not for this run; or the target is not allowed.
        CannotConvert: see `core.exports.model_formats.write`.
        OSError: the run cannot be read, or the target cannot be written.
    """
    ending = _find(words, records.spec(entry.run))
    if ending in model_formats.formats() and not run_folder.has_model(entry.run):
        raise NotExported(
            _(
                "Run {run} has no trained model yet, so it has no file in the format {format}. Wait until "
                "the run has ended."
            ).format(run=entry.run.name, format=exports()[ending].name)
        )
    file = Path(target) / file_name(entry.run, ending) if _is_folder(target) else Path(target)
    _check(file, ending, replace)
    content = exports()[ending].write(entry)
    with replacing(file) as temporary:
        temporary.write_bytes(content)
    return file


def _find(words: str, spec: DatasetSpec) -> str:
    """Find the ending for the words of the user."""
    formats = exports(spec)
    by_words = {export.name.casefold(): ending for ending, export in formats.items()} | {
        ending: ending for ending in formats
    }
    wanted = words.casefold().removeprefix(".")
    if wanted not in by_words:
        known = ", ".join(f"{ending} ({export.name})" for ending, export in formats.items())
        raise NotExported(
            _("There is no format {received}. The formats are {known}.").format(
                received=repr(words), known=known
            )
        )
    return by_words[wanted]


def _is_folder(target: str) -> bool:
    return Path(target).is_dir() or target.endswith(("/", os.sep))


def _check(file: Path, ending: str, replace: bool) -> None:
    """Refuse a target with a wrong ending, or one that would replace a file."""
    if not file.parent.is_dir():
        raise NotExported(
            _("There is no folder {folder}. Create it, or choose another folder.").format(folder=file.parent)
        )
    suffixes = {Path(f"x.{other}").suffix for other in exports()}
    if file.suffix.lower() in suffixes - {Path(f"x.{ending}").suffix}:
        raise NotExported(
            _("The ending of {file} does not fit the format {ending}. Use the name {name}.").format(
                file=file, ending=ending, name=f"{file.stem}.{ending}"
            )
        )
    if file.exists() and not replace:
        raise NotExported(
            _("{file} exists already. Choose another file, or replace it with --force.").format(file=file)
        )


def _convert(ending: str, entry: Entry) -> bytes:
    return model_formats.write(entry.run, ending)


def _script(entry: Entry) -> bytes:
    return keras_script.script(
        entry.config, _heading(entry), _remarks(entry), records.spec(entry.run)
    ).encode()


def _notebook(entry: Entry) -> bytes:
    return keras_script.notebook(
        entry.config, _heading(entry), _remarks(entry), records.spec(entry.run)
    ).encode()


def _heading(entry: Entry) -> str:
    return f"{naming.name(entry.subject)} (MNIST Lab, run {entry.run.name})"


def _remarks(entry: Entry) -> list[str]:
    """The differences between the run and the script."""
    remarks = []
    if warm_start.has(entry.run):
        remarks.append(
            _(
                "This run began with the weights of another run or was trained on drawings as well. The "
                "script leaves that out."
            )
        )
    if records.changes(entry.run):
        remarks.append(
            _("Settings were changed during training. The script uses the last values from the beginning.")
        )
    if any(entry.config.augmentation):
        remarks.append(_("The training images were augmented. Keras's own layers do nearly the same."))
    accuracy = entry.status.test_accuracy
    if accuracy is not None:
        remarks.append(_("Test accuracy of the run: {accuracy:.4f}.").format(accuracy=accuracy))
    return remarks
