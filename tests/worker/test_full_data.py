"""The tutorials on full MNIST, from the terminal: minutes of training, so not part of `make test`.

Needs a KERAS_HOME that holds mnist.npz.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from sklearn.metrics import accuracy_score, confusion_matrix, log_loss

from core.data import datasets
from core.drawing.preprocess import normalise
from core.evaluation import results

pytestmark = [pytest.mark.full, pytest.mark.timeout(1200)]
PROJECT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("preset", "dataset", "least"),
    [
        ("tutorial-mlp", "mnist", 0.965),
        ("tutorial-cnn", "mnist", 0.983),
        ("tutorial-cnn", "mnist-5k", 0.93),
    ],
)
def test_a_tutorial_reaches_what_it_reaches_in_bare_keras(
    preset: str, dataset: str, least: float, tmp_path: Path
) -> None:
    if not datasets.at_hand(dataset):
        pytest.skip(f"{dataset} is not at {datasets.path(dataset)}")
    output = subprocess.run(
        [sys.executable, "-m", "core", "train", "--preset", preset, "--set", f"dataset={dataset}",
         "--runs", str(tmp_path)],
        cwd=PROJECT, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    run = Path(output.splitlines()[-1])
    evaluation = results.load(run)
    print(f"{preset} on {dataset}: {evaluation.accuracy:.2%}")
    assert evaluation.accuracy >= least

    data = datasets.load(dataset)
    images, labels = normalise(data.x_test), data.y_test
    model = keras.saving.load_model(run / "model.keras")
    loss, accuracy = model.evaluate(images, labels, batch_size=256, verbose=0)
    assert evaluation.loss == pytest.approx(loss, abs=1e-5)
    assert evaluation.accuracy == pytest.approx(accuracy, abs=1e-7)
    predicted = model.predict(images, batch_size=256, verbose=0)
    probabilities = predicted.astype(np.float64)
    probabilities /= probabilities.sum(axis=1, keepdims=True)  # which float32 makes 1 to seven digits only
    assert evaluation.loss == pytest.approx(log_loss(labels, probabilities), abs=1e-5)
    assert evaluation.accuracy == accuracy_score(labels, predicted.argmax(axis=1))
    np.testing.assert_array_equal(evaluation.confusion(), confusion_matrix(labels, predicted.argmax(axis=1)))
