"""The evaluation, held against scikit-learn's own report and against Keras."""

from __future__ import annotations

import shutil
from pathlib import Path

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from scipy.special import softmax
from sklearn.metrics import accuracy_score, classification_report, log_loss

from core.data.datasets import Dataset
from core.drawing.preprocess import normalise
from core.evaluation import results
from core.evaluation.results import Evaluation, NotEvaluated
from core.runs import run_folder
from tests.support.strategies import evaluations


@given(evaluations())
def test_the_numbers_are_those_of_scikit_learn(evaluation: Evaluation) -> None:
    labels, predictions = evaluation.labels, evaluation.predictions
    probabilities = softmax(evaluation.logits.astype(np.float64), axis=1)
    assert evaluation.accuracy == pytest.approx(accuracy_score(labels, predictions))
    # scikit-learn clips probabilities, so compare where there is nothing to clip.
    if probabilities[np.arange(len(labels)), labels].min() > 1e-15:
        assert evaluation.loss == pytest.approx(log_loss(labels, probabilities, labels=range(10)))
    expected = classification_report(labels, predictions, labels=range(10), output_dict=True, zero_division=0)
    table = evaluation.report()
    assert table.index.tolist() == [*map(str, range(10)), "macro", "weighted"]
    for name, row in table.iterrows():
        theirs = expected[name if str(name).isdigit() else f"{name} avg"]
        for ours, key in (("precision", "precision"), ("recall", "recall"), ("f1", "f1-score"),
                          ("support", "support")):  # fmt: skip
            assert row[ours] == pytest.approx(theirs[key]), (name, ours)


@given(evaluations())
def test_the_matrix_and_the_confused_pairs_count_every_image_once(evaluation: Evaluation) -> None:
    counts = np.zeros((10, 10))
    for true, read in zip(evaluation.labels, evaluation.predictions, strict=True):
        counts[true, read] += 1
    np.testing.assert_array_equal(evaluation.confusion(), counts)
    pairs = evaluation.confused()
    assert all(pair.times == counts[pair.true, pair.read] > 0 for pair in pairs)
    assert all(pair.written == counts[pair.true].sum() and pair.true != pair.read for pair in pairs)
    assert sum(pair.times for pair in pairs) == counts.sum() - np.trace(counts)
    assert [pair.times for pair in pairs] == sorted((pair.times for pair in pairs), reverse=True)


@given(evaluations(), st.data())
def test_the_worst_mistakes_come_first(evaluation: Evaluation, data: st.DataObject) -> None:
    some = np.flatnonzero(data.draw(st.lists(st.booleans(), max_size=60)))
    some = some[some < len(evaluation.labels)]
    order = evaluation.worst_first(some)
    assert sorted(order) == some.tolist()
    wrong = evaluation.predictions[order] != evaluation.labels[order]
    assert (np.diff(wrong.astype(int)) <= 0).all()
    assert (np.diff(evaluation.confidences[order[wrong]]) <= 0).all()
    assert (np.diff(evaluation.confidences[order[~wrong]]) >= 0).all()


@given(evaluations(), st.floats(0.25, 4))
def test_a_temperature_changes_how_sure_the_answers_are_and_not_the_answers(
    evaluation: Evaluation, temperature: float
) -> None:
    scaled = evaluation.at(temperature)
    np.testing.assert_array_equal(scaled.predictions, evaluation.predictions)
    sign = np.sign(1 - temperature)
    assert (sign * (scaled.confidences - evaluation.confidences) >= -1e-6).all()


@given(evaluations())
def test_shares_are_of_the_digits_of_a_row(evaluation: Evaluation) -> None:
    counts, shares = evaluation.confusion(), evaluation.confusion(shares=True)
    of_each = counts.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(shares * of_each, counts)
    np.testing.assert_allclose(shares.sum(axis=1), (of_each[:, 0] > 0))
    assert np.diagonal(shares) == pytest.approx(evaluation.report()["recall"][:10].to_numpy())


@given(npst.arrays(np.float32, (3, 10), elements=st.floats(-(2.0**100), 2.0**100, width=32)))
def test_any_finite_logits_are_probabilities(logits: np.ndarray) -> None:
    evaluation = Evaluation(logits, np.array([0, 5, 9], np.uint8))
    assert evaluation.probabilities.sum(axis=1) == pytest.approx(1)
    assert (evaluation.confidences >= 0.1 - 1e-12).all()
    assert np.isfinite(evaluation.loss)


@pytest.mark.parametrize("kind", ["mlp_run", "cnn_run"])
def test_loss_and_accuracy_are_those_of_keras(
    kind: str, request: pytest.FixtureRequest, mnist_5k: Dataset
) -> None:
    run: Path = request.getfixturevalue(kind)
    model = keras.saving.load_model(run / "model.keras")
    loss, accuracy = model.evaluate(normalise(mnist_5k.x_test), mnist_5k.y_test, verbose=0)
    evaluation = results.load(run)
    np.testing.assert_array_equal(evaluation.labels, mnist_5k.y_test)
    assert evaluation.loss == pytest.approx(loss, abs=1e-5)
    assert evaluation.accuracy == pytest.approx(accuracy, abs=1e-5)
    status = run_folder.status(run)
    assert (status.test_loss, status.test_accuracy) == (evaluation.loss, evaluation.accuracy)


# --------------------------------------------------------------------------------------- damaged


@pytest.fixture
def copied(tmp_path: Path, mlp_run: Path) -> Path:
    run = tmp_path / mlp_run.name
    run.mkdir()
    shutil.copy(mlp_run / "evaluation.npz", run)
    return run


def test_a_run_without_an_evaluation_says_so(copied: Path) -> None:
    (copied / "evaluation.npz").unlink()
    with pytest.raises(NotEvaluated, match=f"^Run {copied.name} has not been evaluated"):
        results.load(copied)


def test_an_evaluation_that_is_cut_short_is_said_to_be_damaged(copied: Path) -> None:
    file = copied / "evaluation.npz"
    whole = file.read_bytes()
    for length in [*range(0, len(whole), 499), *range(len(whole) - 400, len(whole))]:
        file.write_bytes(whole[:length])
        with pytest.raises(NotEvaluated, match=f"evaluation of run {copied.name} is damaged"):
            results.load(copied)


def test_an_evaluation_with_a_changed_byte_is_the_same_or_said_to_be_damaged(copied: Path) -> None:
    file = copied / "evaluation.npz"
    whole = file.read_bytes()
    expected = results.load(copied)
    # Each byte of the first header, some of the numbers, and each of the archive's directory.
    places = [*range(250), *range(250, len(whole), 499), *range(len(whole) - 250, len(whole))]
    damaged = 0
    for place in places:
        for value in b"( \xff":
            file.write_bytes(whole[:place] + bytes([value]) + whole[place + 1 :])
            try:
                evaluation = results.load(copied)
            except NotEvaluated:
                damaged += 1
            else:
                np.testing.assert_array_equal(evaluation.logits, expected.logits)
                np.testing.assert_array_equal(evaluation.labels, expected.labels)
    assert damaged > len(places)
