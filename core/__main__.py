"""python -m core: train, resume, evaluate, read, predict and export from a terminal."""

from __future__ import annotations

import argparse
import json
import sys
import textwrap
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from core.config import KNOBS, PRESETS, ConfigError, RunConfig, from_settings
from core.data import datasets, specs
from core.data.download import FetchFailed
from core.drawing import pictures, preprocess
from core.evaluation import numbers, recognition, results
from core.exports import downloads, model_formats
from core.failures import words
from core.i18n import _
from core.jobs import run_queue
from core.network import predict
from core.network.architectures import ImpossibleNetwork
from core.runs import records, run_folder, run_table
from core.settings import Settings

_WIDTH = 100  # characters of a line of help
_POLL = 0.2  # seconds between two updates

# Errors in the input of the user. They are printed as a sentence, without a traceback.
_MISTAKES = (
    ConfigError,
    ImpossibleNetwork,
    run_queue.NotAllowed,
    datasets.DatasetMissing,
    datasets.BadDataFile,
    FetchFailed,
    run_folder.UnknownRun,
    predict.NotTrained,
    results.NotEvaluated,
    preprocess.EmptyDrawing,
    downloads.NotExported,
    model_formats.CannotConvert,
    OSError,
)


class NotAnImage(ConfigError):
    """The file cannot be read as an image of a digit."""


def main(arguments: list[str] | None = None) -> int:
    """Run a command. Returns the exit code: 0, 1 if the run failed, 2 if the command is invalid."""
    try:
        parsed = _parser().parse_args(arguments)
        return int(parsed.command(parsed))
    except ValidationError as error:
        print(
            _("An environment variable has a value that is not allowed: {error}").format(error=error),
            file=sys.stderr,
        )
        return 2
    except _MISTAKES as error:
        print(_what_the_system_says(error) or str(error), file=sys.stderr)
        return 2


def _what_the_system_says(error: Exception) -> str:
    """An error of the system, such as "/runs: No space left on device"; "" for any other error."""
    if not isinstance(error, OSError) or not error.strerror:
        return ""
    return ": ".join(str(part) for part in (error.filename, error.strerror) if part)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m core", description=_("Train neural networks that recognise digits, and use them.")
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    train = commands.add_parser(
        "train",
        help=_("train a network; the last line printed is the run's folder"),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=_settings_in_words(),
    )
    train.add_argument(
        "--preset",
        metavar="NAME",
        help=_("start from the settings of a preset; one of: {names}").format(names=", ".join(PRESETS)),
    )
    train.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        dest="assignments",
        help=_("change one setting, as in --set epochs=3; the settings are listed below"),
    )
    train.add_argument(
        "--runs", type=Path, metavar="DIR", help=_("the folder in which the run gets a folder of its own")
    )
    train.set_defaults(command=_train)

    resumed = commands.add_parser(
        "resume", help=_("resume a run that was paused, stopped or interrupted, or train it for more epochs")
    )
    resumed.add_argument("run", type=Path, metavar="RUN_DIR")
    resumed.add_argument("--epochs", type=int, metavar="N", help=_("the number of epochs in all"))
    resumed.set_defaults(command=_resume)
    for command in (train, resumed):
        command.add_argument(
            "--fetch",
            action="store_true",
            help=_("download the data set first, if it is missing or damaged"),
        )

    evaluated = commands.add_parser(
        "evaluate",
        help=_(
            "show a run's accuracy, its classification report and its confusion matrix on the test images"
        ),
    )
    evaluated.add_argument("run", type=Path, metavar="RUN_DIR")
    evaluated.set_defaults(command=_evaluate)

    reads = commands.add_parser(
        "read", help=_("read the digits and numbers in pictures: drawings, screenshots, scans and photos")
    )
    reads.add_argument("images", type=Path, nargs="+", metavar="IMAGE")
    reads.add_argument(
        "--run", type=Path, default=run_folder.STARTER, metavar="RUN_DIR",
        help=_("the run that reads them (default: the starter model)"),
    )  # fmt: skip
    reads.add_argument("--json", action="store_true", help=_("print a line of JSON for each picture"))
    reads.set_defaults(command=_read)

    predicted = commands.add_parser("predict", help=_("classify digits in image files"))
    predicted.add_argument("run", type=Path, metavar="RUN_DIR")
    predicted.add_argument("images", type=Path, nargs="+", metavar="IMAGE")
    predicted.set_defaults(command=_predict)

    formats = downloads.exports().items()
    exported = commands.add_parser(
        "export",
        help=_("write a run's model, script, metrics or all files to a file; prints the file's name"),
    )
    exported.add_argument("run", type=Path, metavar="RUN_DIR")
    exported.add_argument(
        "format",
        metavar="FORMAT",
        help=_("one of: {formats}").format(
            formats=", ".join(f"{key} ({export.name})" for key, export in formats)
        ),
    )
    exported.add_argument(
        "target",
        nargs="?",
        default=".",
        metavar="OUT",
        help=_(
            "the file, or a folder; in a folder, the file is named after the network, the data set and "
            "the accuracy"
        ),
    )
    exported.add_argument("--force", action="store_true", help=_("replace the file if it exists already"))
    exported.set_defaults(command=_export)
    return parser


def _settings_in_words() -> str:
    """Every setting with its title, its allowed values and its hint."""
    lines = [_("settings:")]
    for name in RunConfig.model_fields:
        lines.append(f"  {name}")
        known = replace(KNOBS["dataset"], options=tuple(specs.names()))
        for knob in (KNOBS | {"dataset": known}).values():
            if knob.setting == name:
                words = _("{title}, {allowed}. {hint}").format(
                    title=_(knob.title), allowed=knob.allowed(), hint=_(knob.hint)
                )
                lines += textwrap.wrap(
                    words, _WIDTH, initial_indent=" " * 6, subsequent_indent=" " * 6, break_on_hyphens=False
                )
    return "\n".join(lines).replace("%", "%%")


def _train(arguments: argparse.Namespace) -> int:
    config = from_settings(arguments.preset, arguments.assignments)
    settings = Settings() if arguments.runs is None else Settings(runs=arguments.runs)
    if arguments.fetch:
        _fetch(config.dataset, settings)
    return _watch(run_queue.submit(config, settings))


def _resume(arguments: argparse.Namespace) -> int:
    run = arguments.run.absolute()
    settings = Settings(runs=run.parent)
    if arguments.fetch:
        _fetch(records.config(run).dataset, settings)
    run_queue.resume(run, settings, arguments.epochs)
    return _watch(run)


def _watch(run: Path) -> int:
    """Show the progress of the run, and its result. Returns the exit code."""
    status = _follow(run, records.plan(run))
    if status.failure:
        print(words(status.failure), file=sys.stderr)
        print(_("The full log is in {file}.").format(file=run / "log.txt"), file=sys.stderr)
    elif status.test_accuracy is not None:
        print(
            _("Test accuracy {accuracy:.2%}, test loss {loss:.4f}").format(
                accuracy=status.test_accuracy, loss=status.test_loss
            )
        )
    print(run)
    return 0 if status.state in ("finished", "stopped", "paused") else 1


def _fetch(name: str, settings: Settings) -> None:
    """Download the data set, if it is missing or damaged."""
    if name != specs.MNIST.name or datasets.at_hand(name):
        return
    with _progress(TextColumn("{task.percentage:.0f} %")) as bar:
        task = bar.add_task(_("Downloading {name}").format(name=name), total=None)
        datasets.fetch(
            name,
            str(settings.mnist_url),
            lambda done, total: bar.update(task, completed=done, total=total),
        )


def _follow(run: Path, config: RunConfig) -> run_folder.Status:
    """Show the progress of the run until the run ends. Ctrl-C asks the run to stop, and waits for its end."""
    with _progress(TextColumn("{task.fields[numbers]}")) as bar:
        task = bar.add_task(_("Starting"), total=None, numbers="")
        while True:
            try:
                status = run_folder.status(run)
                _show(bar, task, run, status, config)
                if status.state in run_folder.RESTING:
                    return status
                run_queue.tend(Settings(runs=run.parent))
                time.sleep(_POLL)
            except KeyboardInterrupt:
                run_queue.stop(run)


def _progress(*columns: TextColumn) -> Progress:
    return Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), *columns, TimeElapsedColumn(),
        console=Console(stderr=True),
    )  # fmt: skip


def _show(bar: Progress, task: TaskID, run: Path, status: run_folder.Status, config: RunConfig) -> None:
    if not status.epoch:
        waiting = _("Waiting in the queue") if status.state == "queued" else _("Importing TensorFlow")
        bar.update(task, description=waiting)
        return
    newest = ([*records.batches(run)[-1:], *records.metrics(run)[-1:]] or [{}])[0]
    bar.update(
        task,
        description=_("Epoch {epoch} of {epochs}").format(epoch=status.epoch, epochs=config.epochs),
        completed=(status.epoch - 1) * status.steps + status.step,
        total=config.epochs * status.steps,
        numbers=" ".join(f"{name} {newest[name]:.4f}" for name in ("loss", "accuracy") if newest.get(name)),
    )


def _evaluate(arguments: argparse.Namespace) -> int:
    evaluation = results.load(arguments.run)
    print(
        _("{n:,} test images: accuracy {accuracy:.2%}, loss {loss:.4f}").format(
            n=len(evaluation.labels), accuracy=evaluation.accuracy, loss=evaluation.loss
        )
    )
    spec = records.spec(arguments.run)
    report = evaluation.report(spec.classes)
    table = Table(
        specs.noun(spec), *report.columns, title=_("By digit") if spec.are_digits else _("By class")
    )
    for name, row in report.iterrows():
        table.add_row(
            escape(str(name)),
            *(f"{row[column]:.4f}" for column in report.columns[:3]),
            f"{row['support']:.0f}",
        )
    true = _("true digit") if spec.are_digits else _("true class")
    matrix = Table(true, *map(escape, spec.classes), title=_("Confusion matrix: predicted as"))
    for name, counts in zip(spec.classes, evaluation.confusion(), strict=True):
        matrix.add_row(escape(name), *map(str, counts))
    console = Console()
    console.print(table)
    console.print(matrix)
    return 0


def _read(arguments: argparse.Namespace) -> int:
    """Read the digits in pictures, one line for each. Returns 1 if a file could not be read."""
    reader = recognition.load(arguments.run)
    _check_takes_digits(reader.predictor, arguments.run)
    failed = False
    for path in arguments.images:
        try:
            picture = _picture(path)
            answer = numbers.read_picture(reader, picture.pixels)
        except (NotAnImage, preprocess.EmptyDrawing, OSError) as error:
            failed = True
            reason = _what_the_system_says(error) or str(error)
            if arguments.json:
                print(json.dumps({"file": str(path), "error": reason}, ensure_ascii=False), flush=True)
            else:
                print(f"{path}: {reason}", file=sys.stderr, flush=True)
            continue
        line = _in_json(path, picture, answer) if arguments.json else _in_words(path, answer)
        print(line, flush=True)
    return int(failed)


def _in_json(path: Path, picture: pictures.Picture, answer: numbers.Answer) -> str:
    """The answer as a line of JSON. The boxes are pixels of the upright picture: left, top, right, bottom."""
    scale = picture.width / picture.pixels.shape[1]
    digits = [
        {
            "digit": reading.digit,
            "confidence": round(reading.confidence, 4),
            "box": [round(side * scale) for side in segment.box],
            "is_digit": reading.is_digit,
        }
        for segment, reading in answer.digits
    ]
    fields = {"file": str(path), "text": answer.text, "digits": digits, "taken_for": answer.ink.taken_for}
    return json.dumps(fields, ensure_ascii=False)


def _in_words(path: Path, answer: numbers.Answer) -> str:
    each = ", ".join(f"{reading.digit} ({reading.confidence:.1%})" for _segment, reading in answer.digits)
    return f"{path}: {answer.text}  [{each}]"


def _predict(arguments: argparse.Namespace) -> int:
    predictor = predict.load(arguments.run)
    _check_takes_digits(predictor, arguments.run)
    images = np.stack([_image(path) for path in arguments.images])
    table = Table(_("image"), _("digit"), _("probability"), _("next most likely"))
    for path, probabilities in zip(arguments.images, predictor.probabilities(images), strict=True):
        first, second, third = np.argsort(-probabilities, kind="stable")[:3]
        table.add_row(
            Text(str(path)), str(first), f"{probabilities[first]:.1%}",
            f"{second} ({probabilities[second]:.1%}), {third} ({probabilities[third]:.1%})",
        )  # fmt: skip
    Console().print(table)
    return 0


def _check_takes_digits(predictor: predict.Predictor, run: Path) -> None:
    if predictor.image != specs.MNIST.image:
        raise NotAnImage(
            _("Run {name} takes images of another shape. Choose a run that was trained on MNIST.").format(
                name=run.name
            )
        )


def _export(arguments: argparse.Namespace) -> int:
    entry = run_table.entry(arguments.run.absolute())
    print(downloads.save(entry, arguments.format, arguments.target, replace=arguments.force))
    return 0


def _image(path: Path) -> NDArray[np.uint8]:
    """Read an image of a digit, dark on light or light on dark, as the input of the network."""
    try:
        return numbers.one(_picture(path).pixels)
    except preprocess.EmptyDrawing:
        raise NotAnImage(_("No digit was found in {file}.").format(file=path)) from None


def _picture(path: Path) -> pictures.Picture:
    with path.open("rb") as file:
        data = file.read(pictures.MOST_BYTES + 1)
    try:
        return pictures.read(data)
    except pictures.NoPicture as error:
        raise NotAnImage(_("{file} cannot be read. {reason}").format(file=path, reason=error)) from error


if __name__ == "__main__":
    sys.exit(main())
