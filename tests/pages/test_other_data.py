"""A data set that is none of MNIST's, through the whole app: twelve classes, 20×24 pixels, three colours."""

from __future__ import annotations

import io
import json
import re
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from streamlit.testing.v1 import AppTest

from core import charts
from core.config import ConfigError, RunConfig
from core.data import datasets, specs
from core.data.specs import DatasetSpec
from core.evaluation import explain, recognition, results, robustness
from core.evaluation.calibration import Calibration
from core.exports import downloads, model_formats, run_archive
from core.jobs import executor, run_queue
from core.network import architectures as arch
from core.network import arithmetic, predict
from core.runs import adviser, epoch_weights, records, run_table
from core.settings import Settings
from tests.conftest import Trainer, wait_for_end
from tests.support.pages import PAGES, open_page, press, spoken, texts, tiles

NAMES = ("red <b>", "*green*", "blue", *(f"flag {letter}" for letter in "ABCDEFGHI"))
FLAGS = DatasetSpec(
    name="flags", title="Flags", shape=(20, 24, 3), classes=NAMES, train=480, test=120,
    source="Made up for this test.", licence="none",
)  # fmt: skip
NETWORKS = {
    "mlp": {"hidden_units": (16,)},
    "cnn": {"architecture": "cnn", "conv_blocks": "4:3:max,6:3:average", "dense_units": 8,
            "batch_normalization": True, "dropout": 0.2, "dropout_place": "everywhere"},
}  # fmt: skip


def flags(number: int, seed: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """As many flags of each class: four places by three colours, and noise."""
    rng = np.random.default_rng(seed)
    labels = (np.arange(number) % len(NAMES)).astype(np.uint8)
    images = rng.integers(0, 60, (number, *FLAGS.image), np.uint8)
    for image, label in zip(images, labels, strict=True):
        place, colour = divmod(int(label), 3)
        top, left = divmod(place, 2)
        image[10 * top : 10 * top + 10, 12 * left : 12 * left + 12, colour] += 180
    return images, labels


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A server with a data set of its own, and runs on it."""
    root = tmp_path_factory.mktemp("world")
    folder = root / "datasets" / FLAGS.name
    folder.mkdir(parents=True)
    (folder / specs.FILE).write_text(FLAGS.model_dump_json(), "utf-8")
    x_train, y_train = flags(FLAGS.train, 0)
    x_test, y_test = flags(FLAGS.test, 1)
    np.savez(folder / "arrays.npz", x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MNIST_LAB_DATASETS", str(root / "datasets"))
        patch.setenv("MNIST_LAB_RUNS", str(root / "runs"))
        patch.setenv("MNIST_LAB_DRAWINGS", str(root / "drawings.sqlite"))
        yield root


@pytest.fixture(scope="module", autouse=True)
def trainer(world: Path) -> Iterator[Trainer]:
    """A process of its own, which knows where the data set is."""
    with executor.using(Trainer()) as trainer:
        yield trainer


@pytest.fixture(scope="module", params=NETWORKS)
def run(world: Path, request: pytest.FixtureRequest) -> Path:
    """A run that a real worker has trained, with its images changed at random."""
    config = RunConfig.read(
        {"dataset": FLAGS.name, "epochs": 8, "batch_size": 16, "validation_split": 0.25,
         "learning_rate": 0.005, "rotation": 3, "shift": 1, "thickness": 0.2, "elastic": 0.5,
         "label_smoothing": 0.05}
        | NETWORKS[request.param]
    )  # fmt: skip
    run = run_queue.submit(config, Settings())
    status = wait_for_end(run)
    assert status.state == "finished", (run / "log.txt").read_text()
    return run


def test_the_network_has_the_shape_and_the_classes_of_the_data(run: Path) -> None:
    predictor = predict.load(run)
    network = arch.layers(records.config(run), records.spec(run))
    rows = arch.trace(network)
    image = datasets.load(FLAGS.name).x_test[0]
    outputs = predictor.activations(image[None])
    assert [outputs[row.layer.name].shape[1:] for row in rows] == [row.output for row in rows]
    assert predictor.probabilities(image[None]).shape == (1, 12)
    before = image / np.float32(255)
    for row in rows:
        place = tuple(length // 2 for length in row.output)
        explained = arithmetic.of(row, predictor.weights, before, place)
        before = outputs[row.layer.name][0]
        assert explained.output == pytest.approx(float(before[place]), abs=1e-4)


def test_it_learns_and_is_evaluated(run: Path) -> None:
    dataset = datasets.load(FLAGS.name)
    evaluation = results.load(run)
    assert evaluation.accuracy > 0.5
    np.testing.assert_array_equal(evaluation.labels, dataset.y_test)
    np.testing.assert_array_equal(
        predict.load(run).logits(dataset.x_test).argmax(axis=1), evaluation.predictions
    )
    assert evaluation.report(NAMES).index.tolist() == [*NAMES, "macro", "weighted"]
    assert evaluation.confusion().shape == (12, 12)
    assert all(len(row["val_class_accuracy"]) == 12 for row in records.metrics(run))
    assert run_table.entry(run).parameters > 0
    assert isinstance(adviser.about(run), list)


def test_what_is_measured_of_it(run: Path) -> None:
    dataset, predictor = datasets.load(FLAGS.name), predict.load(run)
    image = dataset.x_test[0]
    assert Calibration.read(run)
    (read,) = recognition.load(run).read(image[None])
    assert read.probabilities.shape == (12,)
    assert read.unlike is not None
    assert explain.occlusion(predictor, image, 11).ink.shape == (20, 24)
    *_some, measured = robustness.accuracies(predictor, dataset.x_test, dataset.y_test)
    assert measured.done == 1
    asked, probabilities = epoch_weights.course(run, image)
    assert probabilities.shape == (len(asked), 12)


def test_all_charts_are_drawn_with_the_names_of_the_classes(run: Path) -> None:
    evaluation, dataset, rows = results.load(run), datasets.load(FLAGS.name), records.metrics(run)
    counts = evaluation.confusion()
    last, all_of_it = (11, 11), (charts.ALL, charts.ALL)
    figures = [
        charts.confusion(counts, last, FLAGS, shares=False),
        charts.confusion(counts, all_of_it, FLAGS, shares=True),
        charts.difference(counts, counts, FLAGS), charts.by_digit(rows, FLAGS),
        charts.class_balance(dataset.y_train, FLAGS),
        charts.course([1, 2], evaluation.probabilities[:2], 11, 1, FLAGS),
    ]  # fmt: skip
    for figure in figures:
        assert "flag I" in charts.literal(figure).to_json()
    for figure in figures[:3]:
        _head, *cells = charts.table(figure)
        assert {place for _trace, *places in cells for place in places[:2]} - {"all"} == set(NAMES)
    assert len(figures[0].layout.shapes) == 1  # the last class is framed, and is not taken for all
    assert not figures[1].layout.shapes
    assert charts.tile(dataset.x_test[0], right=True).shape == (60, 72, 3)


@pytest.mark.parametrize("ending", sorted(downloads.exports(FLAGS)))
def test_everything_can_be_taken_away(run: Path, ending: str, tmp_path: Path) -> None:
    assert downloads.save(run_table.entry(run), ending, f"{tmp_path}/").stat().st_size > 100


def test_what_reads_drawings_is_not_offered(run: Path, tmp_path: Path) -> None:
    assert "drawing.onnx" not in downloads.exports(FLAGS)
    with pytest.raises(downloads.NotExported, match=r"no format 'drawing\.onnx'"):
        downloads.save(run_table.entry(run), "drawing.onnx", f"{tmp_path}/")
    with pytest.raises(model_formats.CannotConvert, match="cannot be drawn"):
        model_formats.write(run, "drawing.onnx")


def test_a_run_reads_on_where_its_data_set_is_not(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed = run_archive.pack(run)
    logits = predict.load(run).logits(datasets.load(FLAGS.name).x_test)
    monkeypatch.setenv("MNIST_LAB_DATASETS", str(tmp_path / "nothing"))
    monkeypatch.setenv("MNIST_LAB_RUNS", str(tmp_path / "runs"))
    brought = run_archive.unpack(io.BytesIO(packed), tmp_path / "runs")
    assert records.spec(brought) == FLAGS
    np.testing.assert_array_equal(results.load(brought).logits, logits)
    run_table.entry(brought)
    adviser.about(brought)
    assert downloads.save(run_table.entry(brought), "py", f"{tmp_path}/").read_text("utf-8")
    with pytest.raises(specs.UnknownDataset, match="one of 'mnist-5k' or 'mnist'"):
        run_queue.check(records.config(brought), Settings())
    for page in PAGES:
        open_page(page, run=brought.name, runs=brought.name)


@pytest.mark.parametrize(
    "changed",
    [{"classes": NAMES[:11]}, {"shape": (28, 28, 1)}, {"name": "mnist"}, {"classes": ["x"] * 12},
     {"shape": (20, 24, 2)}, {"shape": (10**6, 10**6, 3)}, {"test": 119}, {"unknown": 1}],
)  # fmt: skip
def test_a_zip_with_another_spec_is_refused(
    run: Path, tmp_path: Path, changed: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(run_archive.pack(run))) as given, zipfile.ZipFile(packed, "w") as forged:
        for name in given.namelist():
            content = given.read(name)
            if name.endswith(specs.FILE):
                content = json.dumps(json.loads(content) | changed).encode()
            forged.writestr(name, content)
    monkeypatch.setenv("MNIST_LAB_DATASETS", str(tmp_path / "nothing"))
    with pytest.raises(run_archive.BadBundle):
        run_archive.unpack(packed, tmp_path / "runs")


def test_no_page_fails(run: Path) -> None:
    for page in PAGES:
        open_page(page, run=run.name, runs=run.name)
    for look in ("mistakes", "digits", "honesty", "robustness"):
        open_page("evaluate", run=run.name, look=look)
    for view in ("why", "alike", "course"):
        app = open_page("evaluate", run=run.name, digit="11", explained=view)
        assert "flag I" in texts(app) + "".join(header.value for header in app.header)


def test_a_drawing_is_not_offered_to_it(run: Path) -> None:
    assert "cannot be drawn here" in texts(open_page("draw", run=run.name))
    assert run not in records.that_take_drawings(run.parent)


def test_its_images_are_shown_and_can_be_opened(world: Path) -> None:
    app = open_page("data", dataset_shown=FLAGS.name)
    app = press(app, "data.digit_tiles", tiles(app, "data.digit_tiles")[0]["key"])
    assert "20 × 24 × 3 numbers" in texts(app)


def of_digits(app: AppTest) -> list[str]:
    """Whatever a page says of digits, in texts, galleries and charts."""
    drawn = [str(getattr(element.proto, part, "")) for element in app.main for part in ("json", "spec")]
    # What the address calls an open image is not for the reader.
    drawn = [text for text in drawn if not text.startswith('{"places"')]
    return [text for text in (*spoken(app), *drawn) if re.search(r"\bdigits?\b", text, re.IGNORECASE)]


def test_its_images_are_not_called_digits(run: Path) -> None:
    shown = [open_page("data", dataset_shown=FLAGS.name)]
    for look in ("mistakes", "digits", "honesty", "robustness"):
        shown.append(open_page("evaluate", run=run.name, look=look))
    for view in ("why", "alike", "course"):
        shown.append(open_page("evaluate", run=run.name, digit="11", explained=view))
    for curve in ("roc", "pr"):
        shown.append(open_page("evaluate", run=run.name, look="digits", curve=curve))
    for app in shown:
        assert not of_digits(app)


def test_two_runs_of_it_are_compared(world: Path, run: Path) -> None:
    config = records.config(run).but(epochs=1, seed=1)
    other = run_queue.submit(config, Settings())
    assert wait_for_end(other).state == "finished"
    for kind in ("first", "second", "both"):
        assert not of_digits(open_page("runs", runs=f"{run.name},{other.name}", differ=kind))
    assert not of_digits(open_page("runs", runs=f"{run.name},{other.name}", digit="11"))
    shutil.rmtree(other)


@pytest.mark.parametrize("harm", ["labels", "shape", "missing"])
def test_arrays_that_do_not_fit_the_spec_are_refused(
    world: Path, tmp_path: Path, harm: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(world / "datasets", tmp_path / "datasets")
    monkeypatch.setenv("MNIST_LAB_DATASETS", str(tmp_path / "datasets"))
    file = tmp_path / "datasets" / FLAGS.name / "arrays.npz"
    with np.load(file) as given:
        arrays = dict(given)
    if harm == "labels":
        arrays["y_test"] = arrays["y_test"] + np.uint8(1)
    else:
        arrays["x_test"] = arrays["x_test"][:-1]
    if harm == "missing":
        file.unlink()
    else:
        np.savez(file, **arrays)
    with pytest.raises(datasets.DatasetMissing, match="flags"):
        datasets.check(FLAGS.name)
    assert "flags" in texts(open_page("data", dataset_shown=FLAGS.name))


def test_what_there_is_no_data_set_of_is_refused(world: Path) -> None:
    for name in ("letters", "..", "flags/../flags"):
        with pytest.raises(ConfigError):
            run_queue.check(RunConfig.read({"dataset": name}), Settings())
    assert specs.names() == ["mnist-5k", "mnist", FLAGS.name]
