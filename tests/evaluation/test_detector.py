"""Which images are digits, and which are none."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import nondigits
from core.data import fashion
from core.data.datasets import Dataset
from core.drawing import interchange
from core.evaluation import detector, recognition
from core.evaluation.calibration import Calibration
from core.runs import run_folder
from core.worker import keras_model
from starter import detector as trainer
from starter import junk
from starter.__main__ import BRUSHES


def rejected(images: np.ndarray) -> float:
    return float((detector.unlike(images) > 1).mean())


# The detector has learned from none of these kinds. More images, and the exact shares: docs/benchmarks.md.
@pytest.mark.parametrize(
    ("kind", "least"),
    [("letters", 0.89), ("scribbles", 0.8), ("scripts", 0.73), ("signs", 0.79), ("patterns", 0.95)],
)
def test_what_it_has_not_learned_from_is_rejected(kind: str, least: float) -> None:
    assert rejected(getattr(nondigits, kind)(400, seed=7)) >= least


def test_clothes_are_rejected(mnist_npz: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_HOME", str(mnist_npz.parents[1]))
    assert rejected(fashion.load()[0][:1_000]) >= 0.95


def test_noise_is_rejected() -> None:
    assert rejected(np.random.default_rng(0).integers(0, 256, (50, 28, 28), np.uint8)) == 1


def test_two_digits_are_not_one(mnist_5k: Dataset) -> None:
    assert rejected(nondigits.pairs(mnist_5k.x_test, 300)) >= 0.83


def test_few_digits_are_rejected(mnist_5k: Dataset) -> None:
    assert rejected(mnist_5k.x_test) <= 0.01


@pytest.mark.parametrize("brush", BRUSHES)
def test_few_digits_of_people_are_rejected(brush: int, handwriting: Path) -> None:
    """It has learned from two thirds of them. `python -m starter.detector` measures on the others."""
    digits = interchange.unpack(handwriting.read_bytes())
    assert rejected(trainer.drawn(digits[::4], brush)) <= (0.02 if brush == 8 else 0.01)


@given(st.integers(0, 2**32 - 1), st.integers(0, 9))
@settings(max_examples=20)
def test_an_answer_depends_on_its_image_alone(seed: int, number: int) -> None:
    images = np.random.default_rng(seed).integers(0, 256, (number, 28, 28), np.uint8)
    together = detector.unlike(images)
    assert together.shape == (number,)
    assert ((together >= 0) & (together <= 2)).all()
    alone = [detector.unlike(image[None])[0] for image in images]
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_every_run_on_digits_asks_it(mlp_run: Path, mnist_5k: Dataset) -> None:
    images = np.concatenate([mnist_5k.x_test[:20], nondigits.letters(20)])
    for run in (mlp_run, run_folder.STARTER):
        readings = recognition.load(run).read(images)
        np.testing.assert_array_equal([reading.unlike for reading in readings], detector.unlike(images))
        assert [reading.is_digit for reading in readings] == (detector.unlike(images) <= 1).tolist()


def test_a_run_without_calibration_rejects_nothing(mlp_run: Path) -> None:
    reader = recognition.load(mlp_run)
    assert isinstance(reader.measured, Calibration)
    reader.measured = None
    assert all(reading.is_digit for reading in reader.read(nondigits.letters(5)))


def test_the_limit_is_where_the_exported_network_changes_its_mind(mnist_5k: Dataset) -> None:
    keras.utils.set_random_seed(0)
    model = keras_model.model(trainer.network())
    images = mnist_5k.x_test[:200]
    odds = trainer.scores(model, images)
    limit = float(np.median(odds))
    before = keras_model.weights(model)["output"]["bias"].copy()
    exported = detector.Predictor(trainer.export(model, limit))
    clear = np.abs(odds - limit) > 1e-5
    np.testing.assert_array_equal((exported.probabilities(images)[:, -1] > 0.5)[clear], (odds > limit)[clear])
    np.testing.assert_array_equal(keras_model.weights(model)["output"]["bias"], before)


def test_the_odds_are_those_of_the_probabilities(mnist_5k: Dataset) -> None:
    keras.utils.set_random_seed(0)
    model = keras_model.model(trainer.network())
    images = mnist_5k.x_test[:50]
    none = detector.Predictor(trainer.export(model, 0)).probabilities(images)[:, -1]
    np.testing.assert_allclose(trainer.scores(model, images), np.log(none / (1 - none)), atol=1e-3)


def test_one_in_two_hundred_is_above_the_limit() -> None:
    odds = np.random.default_rng(0).normal(size=4_000)
    assert (odds > trainer.limit(odds)).sum() == 20


def test_the_junk_is_as_random_as_its_seed(mnist_5k: Dataset) -> None:
    def made(seed: int) -> np.ndarray:
        rng = np.random.default_rng(seed)
        return junk.make(4 * len(junk.KINDS), mnist_5k.x_train, mnist_5k.y_train, rng)

    images = made(0)
    assert images.shape == (4 * len(junk.KINDS), 28, 28)
    assert images.dtype == np.uint8
    assert images.any(axis=(1, 2)).all()
    assert len(np.unique(images, axis=0)) == len(images)
    np.testing.assert_array_equal(images, made(0))
    assert (images != made(1)).any()
