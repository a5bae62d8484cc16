"""The model in every format: its lines run in a clean interpreter, and read what the app reads."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from PIL import Image

from core.config import PRESETS
from core.data.datasets import Dataset
from core.data.specs import MNIST
from core.drawing import collection, interchange, preprocess, strokes
from core.exports import file_names, model_formats, onnx_drawing
from core.network import architectures, onnx_graph, predict
from core.runs import records, run_folder
from core.worker import convert as writer
from core.worker import keras_model
from tests.support import old_keras
from tests.support.pages import again, open_page

CANVAS = onnx_drawing.SIDE


def on_canvas(digit: collection.Drawing, seed: int) -> np.ndarray:
    """A digit somewhere on a black canvas, uint8 (280, 280, 4)."""
    drawn = strokes.rgba(digit.strokes)
    height, width = drawn.shape[:2]
    top, left = np.random.default_rng(seed).integers(0, [CANVAS - height + 1, CANVAS - width + 1])
    canvas = np.zeros((CANVAS, CANVAS, 4), np.uint8)
    canvas[..., 3] = 255
    canvas[top : top + height, left : left + width] = drawn
    return canvas


@pytest.fixture(scope="module")
def canvases(handwriting: Path) -> list[np.ndarray]:
    """What forty people drew."""
    drawings = interchange.unpack(handwriting.read_bytes())
    return [on_canvas(digit, number) for number, digit in enumerate(drawings[:: len(drawings) // 40])]


@pytest.mark.parametrize("ending", sorted(set(model_formats.formats()) - {"drawing.onnx"}))
def test_each_format_reads_what_the_app_reads(
    ending: str, cnn_run: Path, tmp_path: Path, mnist_5k: Dataset
) -> None:
    run, images = cnn_run, mnist_5k.x_test[:5]
    np.save(tmp_path / "images.npy", preprocess.normalise(images))
    file = tmp_path / f"{file_names.stem(run)}.{ending}"
    if ending in writer.WRITERS:
        writer.WRITERS[ending](writer.model(run), file)
    else:
        file.write_bytes(model_formats.write(run, ending))
    code = model_formats.snippet(run, ending)
    assert model_formats.example(MNIST) in code
    code = code.replace(model_formats.example(MNIST), 'images = np.load("images.npy")')
    np.testing.assert_allclose(
        result(code, tmp_path), predict.load(run).probabilities(images), atol=2e-6, rtol=1e-3
    )


@pytest.mark.parametrize("ending", ["keras", "h5"])
def test_the_lines_lead_to_a_model_that_can_be_trained_on(ending: str, tmp_path: Path) -> None:
    """Also where a schedule has let the learning rate fall to nothing, and with a loss of its own."""
    run = tmp_path / "fast"
    config = PRESETS["fast-99"].but(conv_blocks="2:5:stride", dense_units=8)
    run.mkdir()
    (run / "config.json").write_text(config.model_dump_json())
    model = keras_model.model(architectures.layers(config))
    keras_model.compile_model(model, config)
    model.optimizer.learning_rate = 0.0
    file = tmp_path / f"{file_names.stem(run)}.{ending}"
    writer.WRITERS[ending](model, file)
    more = """
before = [np.array(weights) for weights in model.get_weights()]
model.fit(np.random.rand(20, 28, 28), np.eye(10)[[3] * 20], verbose=0)
probabilities = [np.abs(old - new).max() for old, new in zip(before, model.get_weights())]"""
    assert min(result(model_formats.snippet(run, ending) + more, tmp_path)) > 0


@pytest.mark.parametrize("ending", ["keras", "h5"])
def test_the_lines_name_the_versions_of_keras(ending: str) -> None:
    assert f"# For Keras {model_formats.OLDEST_KERAS} or newer" in model_formats.snippet(
        run_folder.STARTER, ending
    )
    assert model_formats.OLDEST_KERAS in old_keras.VERSIONS


def result(code: str, folder: Path) -> np.ndarray:
    done = subprocess.run(
        [sys.executable, "-c", f'{code}\nnp.save("found.npy", probabilities)'], cwd=folder,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    probabilities: np.ndarray = np.load(folder / "found.npy")
    return probabilities


def test_the_lines_for_drawings_read_a_picture_of_one(tmp_path: Path, canvases: list[np.ndarray]) -> None:
    run = run_folder.STARTER
    Image.fromarray(canvases[0][..., 0]).save(tmp_path / "digit.png")
    file = tmp_path / f"{file_names.stem(run)}.drawing.onnx"
    file.write_bytes(model_formats.write(run, "drawing.onnx"))
    image = preprocess.canvas_to_image(canvases[0])
    expected = predict.load(run).probabilities(image[None])[0]
    np.testing.assert_allclose(
        result(model_formats.snippet(run, "drawing.onnx"), tmp_path), expected, atol=1e-3
    )


@pytest.mark.parametrize("fixture", ["mlp_run", "cnn_run", None])
def test_drawings_are_prepared_as_the_app_prepares_them(
    fixture: str | None, request: pytest.FixtureRequest, canvases: list[np.ndarray]
) -> None:
    run = request.getfixturevalue(fixture) if fixture else run_folder.STARTER
    session = onnxruntime.InferenceSession(model_formats.write(run, "drawing.onnx"))
    predictor = predict.load(run)
    for canvas in canvases:
        image = preprocess.canvas_to_image(canvas)
        digit, probabilities, prepared = session.run(None, {"drawing": canvas[..., 0]})
        # Pillow rounds to float32 between its two passes, so a grey may differ by one.
        assert np.abs(np.rint(prepared[0] * 255) - image).max() <= 1
        expected = predictor.probabilities(image[None])[0]
        np.testing.assert_allclose(probabilities, expected, atol=2e-3)
        assert digit == probabilities.argmax()


@pytest.mark.parametrize(
    ("top", "left", "height", "width"),
    [
        (0, 0, 1, 1),
        (279, 279, 1, 1),
        (0, 0, 280, 280),
        (5, 9, 270, 1),
        (100, 0, 1, 280),
        (3, 4, 7, 9),
        (50, 60, 20, 20),
    ],
)
def test_whatever_the_size_and_the_place(top: int, left: int, height: int, width: int) -> None:
    canvas = np.zeros((CANVAS, CANVAS, 4), np.uint8)
    canvas[..., 3] = 255
    grey = np.random.default_rng(height).integers(64, 256, (height, width), np.uint8)
    canvas[top : top + height, left : left + width, :3] = grey[..., None]
    ink = canvas[..., 0].astype(np.float32)  # where all of the border is ink, the app cannot tell the paper
    session = onnxruntime.InferenceSession(model_formats.write(run_folder.STARTER, "drawing.onnx"))
    prepared = session.run(["image"], {"drawing": canvas[..., 0]})[0]
    assert np.abs(np.rint(prepared[0] * 255) - preprocess.image(ink)).max() <= 1


def test_an_older_runtime_finds_nothing_to_fuse_that_it_cannot_run() -> None:
    """A transposition before a product of doubles: ONNX Runtime up to 1.23 fuses them, and fails."""
    nodes = onnx.load_from_string(model_formats.write(run_folder.STARTER, "drawing.onnx")).graph.node
    kinds = {node.op_type for node in nodes if node.output[0].startswith("prepare/")}
    assert "MatMul" in kinds
    assert "Transpose" not in kinds


def test_an_empty_drawing_is_no_digit() -> None:
    session = onnxruntime.InferenceSession(model_formats.write(run_folder.STARTER, "drawing.onnx"))
    for grey in (0, preprocess.FAINTEST - 1):
        drawing = np.zeros((CANVAS, CANVAS), np.uint8)
        drawing[100:150, 100:150] = grey
        digit, probabilities, prepared = session.run(None, {"drawing": drawing})
        assert digit == onnx_drawing.EMPTY
        assert np.isfinite(probabilities).all()
        assert not prepared.any()


def test_no_keras_file_is_ever_opened(mlp_run: Path, tmp_path: Path) -> None:
    """Somebody may have brought it along."""
    run = tmp_path / mlp_run.name
    run.mkdir()
    for name in ("config.json", "status.json", "model.onnx"):
        (run / name).write_bytes((mlp_run / name).read_bytes())
    (run / "model.keras").write_bytes(b"not a model")
    assert writer.model(run).count_params() == architectures.parameters(
        architectures.layers(records.config(run))
    )
    assert model_formats.write(run, "keras").startswith(b"PK")  # written anew


def test_what_cannot_be_written_is_said(mlp_run: Path, tmp_path: Path) -> None:
    run = tmp_path / mlp_run.name
    run.mkdir()
    (run / "config.json").write_bytes((mlp_run / "config.json").read_bytes())
    with pytest.raises(model_formats.CannotConvert, match=r"model\.onnx"):
        model_formats.write(run, "h5")


def test_what_needs_tensorflow_is_written_by_a_process_of_its_own(mlp_run: Path) -> None:
    assert model_formats.write(mlp_run, "h5").startswith(b"\x89HDF")


def test_the_runs_page_offers_every_format(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MNIST_LAB_RUNS", str(trained))
    (run,) = run_folder.every(trained)
    for ending, form in model_formats.formats().items():
        app = open_page("runs", runs=run.name, format=ending)
        assert f"The model as {form.name}" in [button.label for button in app.get("download_button")]
        code = [block.value for block in app.code]
        assert any(f'"{file_names.stem(run)}.{ending}"' in text for text in code)
        assert any(f"For {form.versions}." in text.value for text in app.markdown)
    again(app)


def test_the_weights_of_the_graph_are_those_it_was_built_with() -> None:
    network = architectures.layers(records.config(run_folder.STARTER))
    graph = onnx.load(run_folder.STARTER / "model.onnx")
    again_built = onnx_graph.build(network, onnx_graph.weights(graph))
    assert again_built.SerializeToString() == graph.SerializeToString()
