"""Predictions, held against Keras: probabilities, every layer's activations, any number of images."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.special import softmax

from core.data.datasets import Dataset
from core.drawing.preprocess import normalise
from core.network import architectures, predict
from core.network.predict import NotTrained
from core.runs import records, run_folder
from tests.support.sources import PROJECT


@pytest.fixture(scope="module", params=["mlp_run", "cnn_run"])
def run(request: pytest.FixtureRequest) -> Path:
    folder: Path = request.getfixturevalue(request.param)
    return folder


@pytest.fixture(scope="module")
def model(run: Path) -> keras.Model:
    return keras.saving.load_model(run / "model.keras")


@pytest.fixture(scope="module")
def images(mnist_5k: Dataset) -> NDArray[np.uint8]:
    """One more than a multiple of what is predicted at a time, noise and blank images among them."""
    noise = np.random.default_rng(0).integers(0, 256, (5, 28, 28), np.uint8)
    ends = np.stack([np.zeros((28, 28), np.uint8), np.full((28, 28), 255, np.uint8)])
    return np.concatenate([noise, ends, mnist_5k.x_test[:250]])


def test_probabilities_are_those_of_keras(run: Path, model: keras.Model, images: NDArray[np.uint8]) -> None:
    probabilities = predict.load(run).probabilities(images)
    assert (probabilities.shape, probabilities.dtype) == ((257, 10), np.float32)
    np.testing.assert_allclose(probabilities, model.predict(normalise(images), verbose=0), atol=1e-5)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)


def test_logits_are_what_the_probabilities_are_the_softmax_of(run: Path, images: NDArray[np.uint8]) -> None:
    predictor = predict.load(run)
    np.testing.assert_allclose(
        softmax(predictor.logits(images), axis=1), predictor.probabilities(images), atol=1e-6
    )


def test_the_activations_of_every_layer_are_those_of_keras(
    run: Path, model: keras.Model, images: NDArray[np.uint8]
) -> None:
    activations = predict.load(run).activations(images)
    assert list(activations) == [layer.name for layer in model.layers]
    assert list(activations) == [layer.name for layer in architectures.layers(records.config(run))]
    expected = keras.ops.convert_to_tensor(normalise(images))
    for layer in model.layers:
        expected = layer(expected, training=False)
        np.testing.assert_allclose(
            activations[layer.name], np.asarray(expected), rtol=1e-5, atol=1e-5, err_msg=layer.name
        )


def test_it_makes_no_difference_how_many_images_are_asked_for_at_once(
    run: Path, images: NDArray[np.uint8]
) -> None:
    predictor = predict.load(run)
    together = predictor.activations(images)
    one_by_one = [predictor.activations(images[i : i + 1]) for i in range(len(images))]
    for name, values in together.items():
        apart = np.concatenate([single[name] for single in one_by_one])
        np.testing.assert_allclose(values, apart, rtol=1e-5, atol=1e-5, err_msg=name)


@pytest.mark.parametrize("threads", [0, 2, 5])
def test_it_makes_no_difference_how_many_threads_share_the_images(
    threads: int, run: Path, mnist_5k: Dataset
) -> None:
    alone, together = predict.load(run), predict.load(run, threads)
    np.testing.assert_array_equal(together.logits(mnist_5k.x_test), alone.logits(mnist_5k.x_test))


def test_no_images_have_no_probabilities(run: Path) -> None:
    none = np.empty((0, 28, 28), np.uint8)
    predictor = predict.load(run)
    assert predictor.probabilities(none).shape == (0, 10)
    shapes = [row.output for row in architectures.trace(architectures.layers(records.config(run)))]
    assert [values.shape for values in predictor.activations(none).values()] == [(0, *s) for s in shapes]


def test_most_test_images_are_read_right(mlp_run: Path, mnist_5k: Dataset) -> None:
    answers = predict.load(mlp_run).probabilities(mnist_5k.x_test).argmax(axis=1)
    assert np.mean(answers == mnist_5k.y_test) > 0.8


@pytest.mark.parametrize(
    ("wrong", "received"),
    [
        (np.zeros((1, 28, 28), np.float32), r"float32 \(1, 28, 28\)"),
        (np.zeros((1, 28, 28), bool), r"bool \(1, 28, 28\)"),
        (np.zeros((28, 28), np.uint8), r"uint8 \(28, 28\)"),
        (np.zeros((1, 28, 28, 1), np.uint8), r"uint8 \(1, 28, 28, 1\)"),
        (np.zeros((28, 28, 3), np.uint8), r"uint8 \(28, 28, 3\)"),
        (np.zeros((), np.uint8), r"uint8 \(\)"),
    ],
)
def test_what_is_no_image_is_refused_with_what_it_is(
    mlp_run: Path, wrong: NDArray[np.generic], received: str
) -> None:
    with pytest.raises(ValueError, match=rf"shape \(n, 28, 28\), but these are {received}\."):
        predict.load(mlp_run).probabilities(wrong)


# --------------------------------------------------------------------------------------- damaged


@pytest.fixture
def copied(tmp_path: Path, cnn_run: Path) -> Path:
    run = tmp_path / cnn_run.name
    run.mkdir()
    shutil.copy(cnn_run / "model.onnx", run)
    return run


def test_a_run_without_a_model_says_so(copied: Path) -> None:
    assert run_folder.has_model(copied)
    (copied / "model.onnx").unlink()
    assert not run_folder.has_model(copied)
    with pytest.raises(NotTrained, match=f"^Run {copied.name} has no trained model yet"):
        predict.load(copied)


def test_a_model_that_is_cut_short_is_said_to_be_damaged(copied: Path) -> None:
    file = copied / "model.onnx"
    whole = file.read_bytes()
    for length in range(0, len(whole), len(whole) // 200):
        file.write_bytes(whole[:length])
        with pytest.raises(NotTrained, match=f"model of run {copied.name} is damaged"):
            predict.load(copied)


@given(st.binary(max_size=500))
@settings(max_examples=200)
def test_random_bytes_are_no_model(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    run = tmp_path_factory.getbasetemp() / "random"
    run.mkdir(exist_ok=True)
    (run / "model.onnx").write_bytes(content)
    with pytest.raises(NotTrained, match="is damaged"):
        predict.load(run)


def test_a_model_with_a_changed_byte_predicts_or_is_said_to_be_damaged(copied: Path) -> None:
    file = copied / "model.onnx"
    whole = file.read_bytes()
    draw = np.random.default_rng(0)
    # Among the names and the structure, which are at the beginning; the weights behind have no wrong bytes.
    for place in draw.integers(0, 2_000, 300):
        file.write_bytes(whole[:place] + bytes([draw.integers(128, 256)]) + whole[place + 1 :])
        try:
            predictor = predict.load(copied)
        except NotTrained:
            continue
        assert predictor.probabilities(np.zeros((1, 28, 28), np.uint8)).shape[0] == 1


def test_thousands_of_digits_are_read_in_little_memory() -> None:
    pytest.importorskip("resource", reason="Windows does not say how much memory a process has taken")
    script = """
import resource
import numpy as np
from core.network import predict
from core.runs import run_folder

predictor = predict.load(run_folder.STARTER)
predictor.logits(np.zeros((1, 28, 28), np.uint8))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
predictor.logits(np.zeros((4_000, 28, 28), np.uint8))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    grown = subprocess.run([sys.executable, "-c", script], cwd=PROJECT, capture_output=True, check=True)
    assert int(grown.stdout) * (1 if sys.platform == "darwin" else 1024) < 80e6
