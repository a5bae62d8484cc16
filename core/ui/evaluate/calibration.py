"""The calibration of a network, and a curve for each class."""

from __future__ import annotations

import numpy as np
import streamlit as st

from core import charts, ui
from core.data.specs import DatasetSpec
from core.evaluation import reliability
from core.evaluation.calibration import Calibration, temperature
from core.evaluation.results import Evaluation
from core.i18n import _, ngettext
from core.ui import mistakes, query, state
from core.ui.gallery import gallery
from core.ui.testset import Digits

_SURE = 0.9
_SHOWN = 12


def show(
    evaluation: Evaluation, measured: Calibration | None, digits: Digits | None, spec: DatasetSpec
) -> None:
    """The reliability diagram with a temperature, and the confident mistakes."""
    st.markdown(
        _("Of the predictions with a confidence of 80%, about 80% should be right. The confidence of a "
          "network is often too high. Dividing the logits by a temperature above 1 lowers the confidence. "
          "This does not change any prediction.")
    )  # fmt: skip
    diagram, side = st.columns([3, 2], gap="large")
    with side:
        chosen = _temperature(evaluation, measured, spec)
        binned = reliability.reliability(evaluation.logits, evaluation.labels, chosen)
        st.metric(
            _("Expected calibration error"), f"{binned.error:.2%}", border=True,
            help=_("The average difference between confidence and accuracy. 0% is perfectly calibrated."),
        )  # fmt: skip
        at = evaluation.at(chosen)
        st.metric(_("Mean confidence"), f"{at.confidences.mean():.2%}", border=True,
                  delta=f"{100 * (at.confidences.mean() - at.accuracy):+.2f}", delta_color="off",
                  help=_("The mean probability of the predicted class. The number below is the difference "
                         "from the accuracy, in percentage points."))  # fmt: skip
    with diagram:
        ui.chart(
            charts.reliability(binned), key=state.EVALUATE_RELIABILITY,
            alt=_("Accuracy of the predictions by confidence"),
        )  # fmt: skip
        st.caption(
            _("Each bar is the accuracy of the predictions in one range of confidence. Its mark is their "
              "mean confidence. If a bar ends below its mark, the network is too confident. A bar with few "
              "predictions is not reliable. Point at a bar to see their number.")
        )  # fmt: skip
    _confident_and_wrong(at, digits, spec)


def _temperature(evaluation: Evaluation, measured: Calibration | None, spec: DatasetSpec) -> float:
    query.number(state.EVALUATE_TEMPERATURE, 0.25, 4.0)
    chosen: float = st.slider(
        _("Temperature"), 0.25, 4.0, step=0.05, key=state.EVALUATE_TEMPERATURE, persist_state="session",
        help=_("1 does not change the probabilities."),
    )  # fmt: skip
    best = temperature(evaluation.logits, evaluation.labels)
    if measured is not None:
        words = _(
            "On {n:,} validation images, {t:.2f} fits best. The Draw page uses this value. On these digits, "
            "{best:.2f} would fit best."
        )
        if not spec.are_digits:
            words = _(
                "On {n:,} validation images, {t:.2f} fits best. On these images, {best:.2f} would fit best."
            )
        st.caption(words.format(n=measured.images, t=measured.temperature, best=best))
    else:
        words = _("On these digits, {best:.2f} fits best.")
        if not spec.are_digits:
            words = _("On these images, {best:.2f} fits best.")
        st.caption(words.format(best=best))
    return chosen


def _confident_and_wrong(evaluation: Evaluation, digits: Digits | None, spec: DatasetSpec) -> None:
    wrong = np.flatnonzero((evaluation.predictions != evaluation.labels) & (evaluation.confidences >= _SURE))
    st.header(_("Confident and wrong"), anchor=False)
    words = ngettext(
        "{n:,} digit of {total:,} was read wrong with a confidence of at least {sure:.0%}.",
        "{n:,} digits of {total:,} were read wrong with a confidence of at least {sure:.0%}.",
        len(wrong),
    )
    if not spec.are_digits:
        words = ngettext(
            "{n:,} image of {total:,} was read wrong with a confidence of at least {sure:.0%}.",
            "{n:,} images of {total:,} were read wrong with a confidence of at least {sure:.0%}.",
            len(wrong),
        )
    st.markdown(words.format(n=len(wrong), total=len(evaluation.labels), sure=_SURE))
    if digits is not None and len(wrong):
        gallery(
            [
                mistakes.tile(evaluation, digits.images, int(index), spec, clickable=False)
                for index in evaluation.worst_first(wrong)[:_SHOWN]
            ],
            key=state.EVALUATE_SURE_TILES,
        )


def by_digit(evaluation: Evaluation, spec: DatasetSpec) -> None:
    """The ROC or precision-recall curve of each class against all other classes."""
    curves = {"roc": _("ROC"), "pr": _("Precision and recall")}
    kind = query.switch(_("Curve"), state.EVALUATE_CURVE, curves)
    make = reliability.roc if kind == "roc" else reliability.precision_recall
    by_class = {
        digit: curve
        for digit, scores in enumerate(evaluation.probabilities.T)
        if (curve := make(scores, evaluation.labels == digit)) is not None
    }
    if kind == "roc":
        x, y = _("false positive rate"), _("true positive rate")
        words = _(
            "An image is accepted as a digit if the probability of this digit is above a threshold. The "
            "curve goes through all thresholds. A lower threshold finds more images of the digit, but also "
            "accepts more images of other digits. The number is the area under the curve: 1 is perfect, 0.5 "
            "is guessing. If the network is good, only the corner is shown. Double-click to see the whole "
            "curve."
        )
        if not spec.are_digits:
            words = _(
                "An image is accepted as a class if the probability of this class is above a threshold. The "
                "curve goes through all thresholds. A lower threshold finds more images of the class, but "
                "also accepts more images of other classes. The number is the area under the curve: 1 is "
                "perfect, 0.5 is guessing. If the network is good, only the corner is shown. Double-click "
                "to see the whole curve."
            )
    else:
        x, y = _("recall"), _("precision")
        words = _(
            "Recall is the share of the images of a digit that is found. Precision is the share of the "
            "found images that really is this digit. A higher recall usually means a lower precision. The "
            "number is the average precision: 1 is perfect. If the network is good, only the corner is "
            "shown. Double-click to see the whole curve."
        )
        if not spec.are_digits:
            words = _(
                "Recall is the share of the images of a class that is found. Precision is the share of the "
                "found images that really is this class. A higher recall usually means a lower precision. "
                "The number is the average precision: 1 is perfect. If the network is good, only the corner "
                "is shown. Double-click to see the whole curve."
            )
    ui.chart(
        charts.one_against_all(by_class, spec, x, y, rising=kind == "roc"),
        key=state.EVALUATE_ONE_AGAINST_ALL,
        alt=_("One curve for each digit") if spec.are_digits else _("One curve for each class"),
    )
    st.caption(words)
