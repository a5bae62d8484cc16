"""Read the settings of a run and the rows of its ``.jsonl`` files.

`core.runs.run_folder` lists the files and reads the status. Rows that are incomplete, or that no worker can
have written, are left out.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from pydantic_core import from_json

from core.config import KNOBS, ConfigError, RunConfig
from core.data import specs
from core.data.specs import DatasetSpec
from core.runs.run_folder import LARGEST, LATEST, UnknownRun, request, settled, trained

_TAIL = 2_000  # bytes, many times the length of a row


def that_take_drawings(root: Path) -> list[Path]:
    """The runs of `trained` that can classify drawings."""
    return [run for run in trained(root) if takes_drawings(run)]


def takes_drawings(run: Path) -> bool:
    """Whether the run can classify drawings. False if its settings cannot be read."""
    try:
        return spec(run).takes_drawings
    except UnknownRun:
        return False


def config(run: Path) -> RunConfig:
    """The run's settings.

    Raises:
        UnknownRun: the settings are missing or cannot be read.
    """
    try:
        return settled(_read_config, run / "config.json")
    except (OSError, ValueError) as error:
        raise UnknownRun("unreadable_settings", name=run.name) from error


def _read_config(file: Path) -> RunConfig:
    return RunConfig.read(from_json(file.read_bytes()))


def spec(run: Path) -> DatasetSpec:
    """The spec of the run's data set. The run has its own copy, so the data set may be missing.

    Raises:
        UnknownRun: like `config`; or the copy is missing or cannot be read.
    """
    name = config(run).dataset
    if name in specs.BUILT_IN:
        return specs.BUILT_IN[name]  # the file may have been uploaded, and must not contradict it
    try:
        copy = settled(specs.read, run / specs.FILE)
    except OSError:
        copy = None
    if copy is None or copy.name != name:
        raise UnknownRun("unreadable_spec", name=run.name)
    return copy


def plan(run: Path) -> RunConfig:
    """The run's settings with the values of the latest request, as they hold from the next epoch on.

    Raises:
        UnknownRun: like `config`.
    """
    asked = request(run).model_dump(exclude={"action"}, exclude_none=True)
    if not asked:
        return config(run)
    try:
        return config(run).but(**asked)
    except ConfigError:
        return config(run)  # this program never writes such a request


def append_row(path: Path, row: dict[str, Any]) -> None:
    """Append a row to a ``.jsonl`` file, in a single write. Raises OSError."""
    with path.open("a+b", buffering=0) as file:
        # On a full disk, the previous row may be incomplete. It must not be joined with this one.
        start = b"\n" if _ends_within_a_line(file) else b""
        file.write(start + json.dumps(row).encode() + b"\n")


def _ends_within_a_line(file: BinaryIO) -> bool:
    if not file.seek(0, os.SEEK_END):
        return False
    file.seek(-1, os.SEEK_END)
    return file.read(1) != b"\n"


def rows(path: Path) -> list[dict[str, Any]]:
    """The complete rows of a ``.jsonl`` file; an empty list if the file is missing or cannot be read."""
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError:
        return []
    # The text after the last line end is a row that is still being written.
    return list(_parsed(lines[:-1]))


def _parsed(lines: list[bytes]) -> Iterator[dict[str, Any]]:
    for line in lines:
        try:
            row = from_json(line)
        except ValueError:
            continue  # an incomplete row, after a full disk or a power cut
        if isinstance(row, dict) and _is_possible(row):
            yield row


_RATES = (KNOBS["learning_rate"].low, KNOBS["learning_rate"].high)
# The smallest and the largest number that a worker can have written, by name.
_RANGES = {
    "epoch": (1, 10**6), "step": (1, 10**9), "steps": (1, 10**9), "seconds": (0, 1e9), "time": (0, LATEST),
    "loss": (-LARGEST, LARGEST), "val_loss": (-LARGEST, LARGEST), "accuracy": (0, 1),
    "val_accuracy": (0, 1), "dropout": (0, 1), "learning_rate": _RATES, "before": _RATES, "after": _RATES,
}  # fmt: skip
_WORDS = {"setting": {name for name, knob in KNOBS.items() if knob.live}, "by": {"visitor", "plateau"}}
_MOST_BINS = 1_000


def _is_possible(row: dict[str, Any]) -> bool:
    """Whether a worker can have written this row: each number is within its range, or None."""
    numbers = all(
        _is_number(row[name], *between) for name, between in _RANGES.items() if row.get(name) is not None
    )
    words = all(row[name] in allowed for name, allowed in _WORDS.items() if isinstance(row.get(name), str))
    whole = all(isinstance(row.get(name, 0), int) for name in ("epoch", "step", "steps"))
    shares = row.get("val_class_accuracy")
    digits = shares is None or (
        isinstance(shares, list)
        and len(shares) <= specs.MOST_CLASSES
        and all(share is None or _is_number(share, 0, 1) for share in shares)
    )
    return numbers and words and whole and digits and ("val_loss" in row) == ("val_accuracy" in row)


def _is_number(value: object, low: float, high: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high


def _is_layer(layer: object) -> bool:
    """Whether `core.worker.histograms` can have made this description of a layer."""
    if not isinstance(layer, dict):
        return False
    dead = layer.get("dead")
    return (dead is None or _is_number(dead, 0, 1)) and all(
        _is_histogram(layer.get(kind)) for kind in ("weights", "gradients")
    )


def _is_histogram(value: object) -> bool:
    if not isinstance(value, dict) or not isinstance(value.get("counts"), list):
        return False
    ends, counts = (value.get("low"), value.get("high")), value["counts"]
    return (
        len(counts) <= _MOST_BINS
        and all(_is_number(count, 0, 10**9) for count in counts)
        and (all(_is_number(end, -LARGEST, LARGEST) for end in ends) or (ends == (None, None) and not counts))
    )


def metrics(run: Path) -> list[dict[str, Any]]:
    """The results of the epochs, a row per epoch, in order.

    A row has ``epoch`` (from 1), ``steps``, ``seconds``, ``time`` (seconds since 1970), ``loss``,
    ``accuracy`` (0 to 1), ``learning_rate`` (of the last step) and ``dropout``. With validation, it also has
    ``val_loss``, ``val_accuracy`` and ``val_class_accuracy``: a number for each class, None if there is no
    image of the class.
    """
    epochs = _by_epoch(_complete(run / "metrics.jsonl", "epoch", "steps", "seconds"))
    classes = _classes(run)
    return [row for row in epochs if len(row.get("val_class_accuracy") or range(classes)) == classes]


def _classes(run: Path) -> int:
    try:
        return len(spec(run).classes)
    except UnknownRun:
        return len(specs.MNIST.classes)  # the rows are readable even if the settings are not


def layers(run: Path) -> list[dict[str, Any]]:
    """The layers after each epoch: ``epoch`` (from 1), and ``layers`` as in `core.worker.histograms`."""
    epochs = _complete(run / "layers.jsonl", "epoch")
    return _by_epoch(
        [
            row
            for row in epochs
            if isinstance(row.get("layers"), dict) and all(map(_is_layer, row["layers"].values()))
        ]
    )


def changes(run: Path) -> list[dict[str, Any]]:
    """The settings that were changed during training.

    A row has ``epoch`` (the first with the new value), ``setting``, ``before``, ``after``, and ``by``:
    ``"visitor"``, or ``"plateau"`` for the schedule.
    """
    names = {"setting", "before", "after", "by"}
    turned = [
        row
        for row in _complete(run / "changes.jsonl", "epoch")
        if all(row.get(name) is not None for name in names)
    ]
    # A run that is resumed within an epoch writes the changes of this epoch again.
    return list({(row["epoch"], row.get("setting")): row for row in turned}.values())


def batches(run: Path) -> list[dict[str, Any]]:
    """The progress within the epochs, in order.

    A row has ``epoch`` (from 1), ``step`` (from 1), and the ``seconds``, the mean ``loss`` and the
    ``accuracy`` (0 to 1) since the start of the epoch.
    """
    kept: list[dict[str, Any]] = []
    for row in _complete(run / "batches.jsonl", "epoch", "step", "seconds"):
        # A resumed run may repeat a part of an epoch.
        while kept and (kept[-1]["epoch"], kept[-1]["step"]) >= (row["epoch"], row["step"]):
            kept.pop()
        kept.append(row)
    return kept


def newest_batch(run: Path) -> dict[str, Any] | None:
    """The last row of `batches`, without reading the others; None if there are no rows."""
    try:
        with (run / "batches.jsonl").open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL))
            lines = file.read().split(b"\n")
    except OSError:
        return None
    complete = [row for row in _parsed(lines[:-1]) if _is_complete(row, "epoch", "step", "seconds")]
    return complete[-1] if complete else None


def _by_epoch(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The last row of each epoch. A resumed run may have repeated an epoch."""
    newest = {row["epoch"]: row for row in rows}
    return [newest[epoch] for epoch in sorted(newest)]


def _complete(path: Path, *names: str) -> list[dict[str, Any]]:
    """The rows in which all of these are positive numbers. Rows of a worker always are."""
    return [row for row in rows(path) if _is_complete(row, *names)]


def _is_complete(row: dict[str, Any], *names: str) -> bool:
    return all(_positive(row.get(name)) for name in names)


def _positive(value: object) -> bool:
    return isinstance(value, int | float) and value > 0


def environment(run: Path) -> dict[str, Any]:
    """Versions, data and machine, on which the results depend besides the settings; empty if unknown."""
    try:
        content = from_json((run / "environment.json").read_bytes())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
