"""A run that somebody has made up, or damaged in one place: it is refused, or every page lives with it."""

from __future__ import annotations

import io
import json
import math
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.config import RunConfig
from core.drawing import strokes  # fmt: skip
from core.evaluation import reliability, results
from core.evaluation.calibration import Calibration
from core.evaluation.robustness import LEVELS, Robustness
from core.exports import downloads, model_card, model_formats, run_archive
from core.failures import Failure, words
from core.jobs import estimate
from core.jobs.estimate import Estimate
from core.network import predict
from core.runs import adviser, epoch_weights, naming, notes, records, run_folder, run_table, warm_start
from core.runs.warm_start import Lesson
from core.sweeps import sweeps
from tests.support.inhabited import inhabited
from tests.support.pages import PAGES, again, open_page, texts

EXAMPLES = 60
ODD: list[Any] = [
    math.nan, math.inf, -math.inf, 1e300, -1e300, -5, -0.5, 0, 2.5, 2**63, 10**400, True, "text", "", "nan",
    None, [], {}, [[1]], [None] * 10, {"a": 1},
]  # fmt: skip
CUT, MISSING = object(), object()
# They take a process with TensorFlow, and read the run with the same readers.
SLOW = {"h5", "tflite", "savedmodel.zip", "keras"}
IMAGE = np.zeros((28, 28), np.uint8)


@pytest.fixture(scope="module")
def good(mlp_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with every file that a run can have."""
    run = Path(shutil.copytree(mlp_run, tmp_path_factory.mktemp("good") / mlp_run.name))
    notes.write(run, name="Ours", tags=("a",), note="b", starred=True)
    run_folder.write_json(run / "request.json", {"action": "run", "learning_rate": 0.01, "epochs": 4})
    failure = Failure.of("diverged", epoch=1, step=2)
    run_folder.write_status(run, run_folder.written_status(run).model_copy(update={"failure": failure}))
    accuracy = {name: [0.5] * len(levels) for name, levels in LEVELS.items()}
    run_folder.write_json(run / "robustness.json", Robustness(images=1000, accuracy=accuracy).model_dump())
    Estimate(epoch=1, total=9, end=1, based_on=2).keep(run)
    records.append_row(
        run / "changes.jsonl",
        {"epoch": 2, "setting": "learning_rate", "before": 0.001, "after": 0.01, "by": "visitor"},
    )
    images = np.zeros((6, 28, 28), np.uint8)
    weights = predict.load(mlp_run).weights
    warm_start.keep(run, Lesson(images, np.arange(6, dtype=np.uint8), 2, "starter", weights))
    return run


# ------------------------------------------------------------------------------------- one thing is odd


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where something can be put instead of what is there."""
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inner:
        yield from places(item, (*path, key))


def put(value: Any, path: tuple[Any, ...], odd: Any) -> Any:
    if not path:
        return {} if odd is MISSING else odd
    holder = value
    for key in path[:-1]:
        holder = holder[key]
    if odd is MISSING:
        del holder[path[-1]]
    else:
        holder[path[-1]] = odd
    return value


def odd_json(draw: st.DrawFn, text: str) -> str:
    odd = draw(st.sampled_from([*ODD, CUT, MISSING]))
    if odd is CUT:
        return text[: draw(st.integers(0, len(text) - 1))]
    value = json.loads(text)
    return json.dumps(put(value, draw(st.sampled_from(list(places(value)))), odd))


def odd_lines(draw: st.DrawFn, text: str) -> str:
    lines = text.splitlines()
    number = draw(st.integers(0, len(lines) - 1))
    lines[number] = odd_json(draw, lines[number])
    return "\n".join(lines) + "\n"


ARRAYS: dict[str, Callable[[np.ndarray[Any, Any]], Any]] = {
    "nan": lambda array: np.full_like(array, math.nan, array.dtype if array.dtype.kind == "f" else float),
    "infinite": lambda array: np.full(array.shape, math.inf, np.float32),
    "one is infinite": lambda array: _with_first(array, math.inf),
    "large": lambda array: np.full(array.shape, 1e38, np.float32),
    "negative": lambda array: np.full(array.shape, -5, np.int64),
    "200": lambda array: np.full(array.shape, 200, np.uint8),
    "doubled": lambda array: np.concatenate([np.atleast_1d(array)] * 2),
    "half": lambda array: np.atleast_1d(array)[: len(np.atleast_1d(array)) // 2],
    "empty": lambda array: np.zeros(0, array.dtype),
    "a number": lambda array: np.array(7, array.dtype) if array.dtype.kind in "fui" else np.array(7),
    "text": lambda array: np.array(["text"]),
    "complex": lambda array: array.astype(complex) if array.dtype.kind in "fui" else np.array(1j),
    "float64": lambda array: np.full(array.shape, 1e300),
    "dates": lambda array: np.zeros(array.shape, "datetime64[s]"),
    "records": lambda array: np.zeros(array.shape, [("a", "f4"), ("b", "f4")]),
}


def _with_first(array: np.ndarray[Any, Any], value: float) -> np.ndarray[Any, Any]:
    changed = np.array(array, np.float32) if array.dtype.kind in "fui" else np.zeros(3, np.float32)
    changed.flat[0] = value
    return changed


def odd_arrays(draw: st.DrawFn, data: bytes) -> bytes:
    if draw(st.booleans()):
        return odd_bytes(draw, data)
    with np.load(io.BytesIO(data)) as archive:
        arrays = dict(archive)
    name = draw(st.sampled_from(sorted(arrays)))
    how = draw(st.sampled_from([*ARRAYS, "missing", "renamed"]))
    array = arrays.pop(name)
    if how == "renamed":
        arrays["a/b/c"] = array
    elif how != "missing":
        arrays[name] = ARRAYS[how](array)
    packed = io.BytesIO()
    np.savez(packed, allow_pickle=False, **arrays)
    return packed.getvalue()


def odd_bytes(draw: st.DrawFn, data: bytes) -> bytes:
    at = draw(st.integers(0, len(data) - 1))
    if draw(st.booleans()):
        return data[:at]
    return data[:at] + bytes([data[at] ^ draw(st.integers(1, 255))]) + data[at + 1 :]


@st.composite
def damage(draw: st.DrawFn) -> Callable[[Path], None]:
    """Makes one thing odd in one file of a run."""
    kind = draw(st.sampled_from([".json", ".jsonl", ".npz", ".onnx"]))
    inner = draw(st.data())

    def make(run: Path) -> None:
        files = sorted(file for file in run.rglob(f"*{kind}") if file.name != "coming.json")
        file = inner.draw(st.sampled_from(files))
        change = {".json": odd_json, ".jsonl": odd_lines, ".npz": odd_arrays, ".onnx": odd_bytes}[kind]
        whole = file.read_text() if kind.startswith(".json") else file.read_bytes()
        changed = change(inner.draw, whole)
        file.write_bytes(changed.encode() if isinstance(changed, str) else changed)

    return make


# ------------------------------------------------------------------------------- what reads it lives on


def look(run: Path) -> None:
    """Read all that a page reads of a run. Raises what no reader has in its documentation."""
    entries, damaged = run_table.read(run.parent)
    estimate.estimate(RunConfig(), estimate.history(run.parent))
    for read in (
        records.metrics, records.layers, records.changes, records.batches, records.newest_batch,
        records.environment, run_folder.request, Calibration.read, Estimate.read, notes.read,
    ):  # fmt: skip
        read(run)
    assert (measured := Robustness.read(run)) is None or 0 <= measured.done <= 1
    assert len(entries) + len(damaged) == 1
    for entry in entries:
        look_at_a_readable_one(entry)


def look_at_a_readable_one(entry: run_table.Entry) -> None:
    run = entry.run
    assert words(entry.status.failure)
    adviser.about(run)
    estimate.off(run)
    estimate.remaining(run)
    try:
        evaluation = results.load(run)
    except results.NotEvaluated:
        pass
    else:
        assert 0 <= evaluation.loss < math.inf
        evaluation.report(), evaluation.confused()
        if measured := Calibration.read(run):
            reliability.reliability(measured.probabilities(evaluation.logits), evaluation.labels)
    try:
        predictor = predict.load(run)
    except predict.NotTrained:
        pass
    else:
        assert np.isfinite(predictor.probabilities(IMAGE[None])).all()
    with suppress(warm_start.DamagedLesson):
        warm_start.read(run)
    with suppress(epoch_weights.EpochMissing):
        epoch_weights.course(run, IMAGE)
    model_card.card(entry, naming.name(entry.subject))
    for ending, export in downloads.exports().items():
        if ending in SLOW or (ending in model_formats.formats() and not run_folder.has_model(entry.run)):
            continue
        with suppress(model_formats.CannotConvert):
            export.write(entry)


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(make=damage())
def test_one_thing_that_is_odd_in_a_run_stops_nothing(good: Path, make: Callable[[Path], None]) -> None:
    with TemporaryDirectory() as folder:
        copied = Path(shutil.copytree(good, Path(folder) / "copied" / good.name))
        make(copied)
        look(copied)
        try:
            brought = run_archive.unpack(io.BytesIO(run_archive.pack(copied)), Path(folder) / "brought")
        except run_archive.BadBundle:
            return
        assert not run_table.read(brought.parent)[1]
        look(brought)


IMPOSSIBLE = (
    ("estimate.json", "total", 1e300, Estimate.read), ("estimate.json", "based_on", -1, Estimate.read),
    ("calibration.json", "temperature", 1e300, Calibration.read),
    ("calibration.json", "temperature", 0, Calibration.read),
    ("calibration.json", "limit", 0, Calibration.read),
    ("calibration.json", "scales", [0, 1], Calibration.read),
    ("calibration.json", "images", 10**400, Calibration.read),
    ("robustness.json", "images", 10**9, Robustness.read),
    ("robustness.json", "accuracy", {"rotation": [2.0]}, Robustness.read),
    ("robustness.json", "accuracy", {"rotation": [0.5] * 99}, Robustness.read),
)  # fmt: skip


@pytest.mark.parametrize(("file", "name", "value", "read"), IMPOSSIBLE)
def test_what_no_machine_has_measured_is_not_believed(
    good: Path, tmp_path: Path, file: str, name: str, value: object, read: Callable[[Path], object]
) -> None:
    for other in ("estimate.json", "calibration.json", "robustness.json"):
        shutil.copy(good / other, tmp_path)
    assert read(tmp_path)
    run_folder.write_json(tmp_path / file, json.loads((good / file).read_text()) | {name: value})
    assert read(tmp_path) is None


# ---------------------------------------------------------------------------------- on every page

BAD: dict[str, Callable[[Path], object]] = {
    "status.json": lambda run: (run / "status.json").write_text('{"state": "finished", "test_accuracy": 99}'),
    "config.json": lambda run: (run / "config.json").write_text('{"epochs": -5}'),
    "model.onnx": lambda run: _cut(run / "model.onnx"),
    "evaluation.npz": lambda run: np.savez(
        run / "evaluation.npz", logits=np.zeros((5000, 10), np.float32), labels=np.zeros(5000, np.uint8)
    ),
    "lesson.npz": lambda run: _cut(run / "lesson.npz"),
    "epochs": lambda run: [_cut(file) for file in (run / "epochs").iterdir()],
    "numbers": lambda run: [
        (run / name).write_text('{"images": 1e300, "epoch": null}\n[]\n{"epoch": 1, "layers": 7}\n')
        for name in (
            "metrics.jsonl", "batches.jsonl", "layers.jsonl", "changes.jsonl", "calibration.json",
            "robustness.json", "estimate.json", "environment.json", "labels.json", "request.json",
        )
    ],
}  # fmt: skip
UNREADABLE = {"status.json", "config.json"}


def _cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


@pytest.fixture
def visited(good: Path, tmp_path: Path, no_mnist: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where people have been, with runs of which each has one bad file."""
    monkeypatch.setenv("MNIST_LAB_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("MNIST_LAB_DRAWINGS", str(tmp_path / "drawings.sqlite"))
    with inhabited(tmp_path, [good]) as root:
        for name, make in BAD.items():
            make(Path(shutil.copytree(good, root / f"bad-{name.replace('.', '-')}")))
        yield root


def test_no_page_fails_on_a_run_that_cannot_be_shown(visited: Path) -> None:
    for page in PAGES:
        open_page(page)
    for run in visited.glob("bad-*"):
        open_page("train", run=run.name)
        open_page("evaluate", run=run.name)
        open_page("draw", run=run.name, drawing=strokes.to_text([[[80, 80], [180, 80], [110, 220]]], 280))
    app = open_page("runs", runs=",".join(run.name for run in visited.glob("bad-*")))
    table = app.dataframe[0].value
    states = dict(zip(table["id"], table["state"], strict=True))
    for name in BAD:
        assert (states[f"bad-{name.replace('.', '-')}"] == "cannot be read") is (name in UNREADABLE)
    for run in visited.glob("bad-*"):
        open_page("runs", runs=run.name)


@pytest.mark.parametrize("file", ["sweep.json", "status.json", "study.log"])
def test_a_sweep_that_cannot_be_read_says_so_and_can_be_forgotten(visited: Path, file: str) -> None:
    (folder,) = sweeps.every(visited)
    lines = (folder / file).read_text()
    (folder / file).write_text(lines.replace("0.1", '"text"').replace("paused", "no state").replace(
        '"learning_rate"', '"no knob"'))  # fmt: skip
    app = open_page("sweeps")
    assert "cannot be read" in texts(app)
    button = "sweeps.forget" if file == "study.log" else f"sweeps.damaged_{folder.name}"
    app.button(key=button).click()
    again(app)
    assert not folder.exists()
