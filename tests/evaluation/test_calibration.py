"""Confidence that can be believed, and images that are of no class."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import log_softmax, softmax

from core.data.datasets import Dataset
from core.data.specs import MNIST
from core.evaluation import calibration
from core.evaluation.calibration import Calibration
from core.evaluation.explain import Neighbours
from core.network import predict
from core.network.predict import Predictor

# A data set whose networks take no drawings, so that the distances decide.
OTHERS = MNIST.model_copy(update={"name": "mnist-5k", "drawable": False})


@pytest.fixture(scope="module")
def predictor(mlp_run: Path) -> Predictor:
    return predict.load(mlp_run)


@pytest.fixture(scope="module")
def kept(mlp_run: Path) -> Calibration:
    read = Calibration.read(mlp_run)
    assert read is not None
    return read


def answers(temperature: float, number: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    """Logits that are too sure by that factor, and labels drawn as the right ones say."""
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (number, 10))
    drawn = (softmax(logits, axis=1).cumsum(axis=1) > rng.random((number, 1))).argmax(axis=1)
    return (logits * temperature).astype(np.float32), drawn.astype(np.uint8)


@pytest.mark.parametrize("true", [0.3, 1.0, 4.0])
def test_the_temperature_that_was_put_in_is_found(true: float) -> None:
    assert calibration.temperature(*answers(true)) == pytest.approx(true, rel=0.06)


def test_no_other_temperature_gives_a_lower_cross_entropy() -> None:
    logits, labels = answers(2.5)
    best = calibration.temperature(logits, labels)

    def loss(temperature: float) -> float:
        return -float(log_softmax(logits / temperature, axis=1)[np.arange(len(labels)), labels].mean())

    assert all(loss(best) <= loss(other) + 1e-7 for other in np.geomspace(0.1, 10, 60))


@given(st.floats(0.05, 20))
def test_a_temperature_changes_no_answer(temperature: float) -> None:
    logits = answers(1, 50)[0]
    measured = Calibration(images=1, temperature=temperature, scales=(1, 1), limit=1)
    probabilities = measured.probabilities(logits)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    np.testing.assert_array_equal(probabilities.argmax(axis=1), logits.argmax(axis=1))


def test_a_run_with_validation_images_measures_on_them(kept: Calibration, mnist_5k: Dataset) -> None:
    assert kept.images == 800  # a fifth of 4,000


def test_what_the_worker_kept_is_what_is_measured_again(
    kept: Calibration, predictor: Predictor, mnist_5k: Dataset
) -> None:
    again = calibration.fit(predictor, mnist_5k.x_train[3200:], mnist_5k.y_train[3200:], MNIST)
    assert again is not None
    assert again.temperature == pytest.approx(kept.temperature, rel=1e-4)


def test_the_distances_of_a_run_on_digits_reject_nothing(kept: Calibration) -> None:
    """An older version of the app reads them; this version asks the detector."""
    assert (kept.unlike(np.full((1, 2), 1e6, np.float32)) < 1).all()


def test_few_images_of_the_classes_and_all_noise_are_rejected(
    predictor: Predictor, mnist_5k: Dataset
) -> None:
    measured = calibration.fit(predictor, mnist_5k.x_train[3200:], mnist_5k.y_train[3200:], OTHERS)
    assert measured is not None
    reference = calibration.reference(predictor, OTHERS)

    def rejected(images: np.ndarray) -> float:
        return float((measured.unlike(reference.unlikeness(images)) > 1).mean())

    assert rejected(mnist_5k.x_train[3200:]) == pytest.approx(calibration.REFUSED, abs=1 / 800)
    assert rejected(mnist_5k.x_test) <= 0.015
    assert rejected(np.random.default_rng(0).integers(0, 256, (50, 28, 28), np.uint8)) == 1


def test_the_distances_are_those_to_the_third_nearest(predictor: Predictor, mnist_5k: Dataset) -> None:
    distances = calibration.reference(predictor, MNIST).unlikeness(mnist_5k.x_test[:5])
    features = predictor.features(mnist_5k.x_train), predictor.features(mnist_5k.x_test[:5])
    expected = [np.sort(np.linalg.norm(features[0] - vector, axis=1))[2] for vector in features[1]]
    np.testing.assert_allclose(distances[:, 0], expected, rtol=1e-3)


def test_a_training_digit_is_not_its_own_neighbour(predictor: Predictor, mnist_5k: Dataset) -> None:
    digits, others = mnist_5k.x_train[:5], mnist_5k.x_train[5:]
    among_all = calibration.reference(predictor, MNIST).unlikeness(digits)
    without = Neighbours(predictor, others, mnist_5k.y_train[5:]).unlikeness(digits)
    np.testing.assert_allclose(among_all, without, rtol=0.02)


def test_without_validation_images_nothing_is_measured(predictor: Predictor, mnist_5k: Dataset) -> None:
    none = calibration.LEAST - 1
    assert calibration.fit(predictor, mnist_5k.x_train[:none], mnist_5k.y_train[:none], MNIST) is None


@pytest.mark.parametrize("content", [None, b"", b"{}", b"[]", b'{"images": 1, "temperature": -1}'])
def test_what_cannot_be_read_was_not_measured(content: bytes | None, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "calibration.json").write_bytes(content)
    assert Calibration.read(tmp_path) is None


@pytest.mark.parametrize("given", [{}, {"scales": (1, 2), "limit": 3}])
def test_what_was_kept_is_read(given: dict[str, Any], tmp_path: Path) -> None:
    measured = Calibration(images=5, temperature=1.5, **given)
    measured.keep(tmp_path)
    assert Calibration.read(tmp_path) == measured
