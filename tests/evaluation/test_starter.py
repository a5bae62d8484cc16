"""The run that comes with the project: small, whole, and as good as its card says."""

from __future__ import annotations

import re
from pathlib import Path

import keras
import numpy as np
import pytest

from core.data import datasets
from core.drawing import interchange
from core.drawing.collection import Drawing
from core.drawing.preprocess import normalise
from core.evaluation import results
from core.evaluation.calibration import Calibration
from core.evaluation.robustness import Robustness
from core.network import architectures, predict
from core.runs import records, run_folder
from starter import __main__ as starter


@pytest.fixture(scope="module")
def digits(handwriting: Path) -> list[Drawing]:
    return interchange.unpack(handwriting.read_bytes())


def test_it_is_at_most_a_megabyte() -> None:
    assert sum(file.stat().st_size for file in run_folder.STARTER.iterdir()) <= 1_000_000


def test_it_is_a_finished_run_with_the_settings_of_the_script() -> None:
    assert run_folder.status(run_folder.STARTER).state == "finished"
    assert records.config(run_folder.STARTER) == starter.CONFIG
    assert Calibration.read(run_folder.STARTER) is not None
    measured = Robustness.read(run_folder.STARTER)
    assert measured is not None
    assert measured.done == 1


def test_it_reads_99_2_per_cent_of_mnist_s_test_images() -> None:
    evaluation = results.load(run_folder.STARTER)
    assert len(evaluation.labels) == 10_000
    assert evaluation.accuracy >= 0.992
    assert evaluation.accuracy == run_folder.status(run_folder.STARTER).test_accuracy


def test_its_evaluation_is_what_its_model_says(mnist_npz: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_HOME", str(mnist_npz.parents[1]))
    images, labels = datasets.load("mnist").part("test")
    evaluation = results.load(run_folder.STARTER)
    some = slice(0, 1_000)
    np.testing.assert_array_equal(evaluation.labels, labels)
    logits = predict.load(run_folder.STARTER).logits(images[some])
    # Kept to a thousandth; another processor adds in another order.
    np.testing.assert_allclose(evaluation.logits[some], logits, atol=0.02)


def test_its_two_models_are_one() -> None:
    model = keras.saving.load_model(run_folder.STARTER / "model.keras")
    images = datasets.load("mnist-5k").x_test[:100]
    probabilities = predict.load(run_folder.STARTER).probabilities(images)
    np.testing.assert_allclose(model.predict(normalise(images), verbose=0), probabilities, atol=1e-5)
    assert model.count_params() == architectures.parameters(architectures.layers(starter.CONFIG))


def test_it_reads_the_handwriting_that_it_has_learned_from(digits: list[Drawing]) -> None:
    """What to expect of other people is measured by leaving writers out, see docs/benchmarks.md."""
    assert np.mean(starter.right(run_folder.STARTER, digits[::4], 20)) > 0.985


def test_the_groups_of_writers_share_nobody(digits: list[Drawing]) -> None:
    groups = starter.groups(digits, 5)
    names = [name for group in groups for name in group]
    assert sorted(names) == sorted({digit.writer for digit in digits})


def test_it_is_offered_last_and_is_no_run_to_go_on_with(runs_folder: Path, trained: Path) -> None:
    assert run_folder.trained(runs_folder) == [run_folder.STARTER]
    assert run_folder.trained(trained)[-1] == run_folder.STARTER
    assert run_folder.find_trained(runs_folder, "starter") == run_folder.STARTER
    with pytest.raises(run_folder.UnknownRun):
        run_folder.find(runs_folder, "starter")


def test_the_card_says_what_a_card_has_to() -> None:
    card = (run_folder.STARTER.parent / "README.md").read_text("utf-8")
    for word in ("learned from", "licence", "seed", "command", "10.5281/zenodo.1195803", "Limits"):
        assert word in card
    (accuracy,) = re.findall(r"([\d.]+) % of MNIST's test images", card)
    assert float(accuracy) == pytest.approx(100 * results.load(run_folder.STARTER).accuracy, abs=0.01)
