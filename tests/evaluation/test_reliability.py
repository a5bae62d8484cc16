"""Calibration, ROC, precision and recall: scikit-learn and SciPy are the oracles."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import softmax
from scipy.stats import mannwhitneyu
from sklearn.calibration import calibration_curve
from sklearn.metrics import average_precision_score

from core.evaluation import reliability
from core.evaluation.reliability import BINS
from core.evaluation.results import Evaluation
from tests.support.strategies import evaluations


@given(evaluations(), st.floats(0.25, 4))
def test_the_diagram_is_scikit_learn_s(evaluation: Evaluation, temperature: float) -> None:
    diagram = reliability.reliability(evaluation.logits, evaluation.labels, temperature)
    probabilities = softmax(evaluation.logits.astype(np.float64) / temperature, axis=1)
    right = probabilities.argmax(axis=1) == evaluation.labels
    confidences = probabilities.max(axis=1)
    share, mean = calibration_curve(right, confidences, n_bins=BINS)
    some = diagram.counts > 0
    np.testing.assert_allclose(diagram.accuracy[some], share)
    np.testing.assert_allclose(diagram.confidence[some], mean)
    # The same, answer by answer: each is as wrong as its bin is.
    bins = np.searchsorted(np.linspace(0, 1, BINS + 1)[1:-1], confidences)
    gaps = [abs(right[bins == number].mean() - confidences[bins == number].mean()) for number in bins]
    assert diagram.error == pytest.approx(np.mean(gaps))


def test_who_is_always_sure_and_half_the_time_wrong_is_off_by_a_half() -> None:
    logits = np.zeros((100, 10), np.float32)
    logits[:, 3] = 50
    labels = np.repeat(np.array([3, 5], np.uint8), 50)
    assert reliability.reliability(logits, labels).error == pytest.approx(0.5)


@given(evaluations(), st.integers(0, 9))
def test_the_areas_are_those_of_a_second_way_to_reckon_them(evaluation: Evaluation, digit: int) -> None:
    scores, is_digit = evaluation.probabilities[:, digit], evaluation.labels == digit
    roc = reliability.roc(scores, is_digit)
    if is_digit.all() or not is_digit.any():
        assert roc is None
    else:
        assert roc is not None
        # The probability that an image of the digit gets more than another one.
        better = mannwhitneyu(scores[is_digit], scores[~is_digit]).statistic
        assert roc.area == pytest.approx(better / (is_digit.sum() * (~is_digit).sum()))
        assert np.trapezoid(roc.y, roc.x) == pytest.approx(roc.area)
    curve = reliability.precision_recall(scores, is_digit)
    assert (curve is None) == (not is_digit.any())
    if curve is not None:
        assert curve.area == pytest.approx(average_precision_score(is_digit, scores))
        assert -np.sum(np.diff(curve.x) * curve.y[:-1]) == pytest.approx(curve.area)
