"""Whether a network is right as often as it says it is."""

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
    """The reliability diagram, with a temperature to move it, and what was confident and wrong."""
    st.markdown(
        _("Of the answers that a network is 80% sure of, about 80% should be right. Networks are often too "
          "sure. Dividing the logits by a temperature above 1 makes them less sure, and changes no answer.")
    )  # fmt: skip
    diagram, side = st.columns([3, 2], gap="large")
    with side:
        chosen = _temperature(evaluation, measured, spec)
        found = reliability.reliability(evaluation.logits, evaluation.labels, chosen)
        st.metric(
            _("Expected calibration error"), f"{found.error:.2%}", border=True,
            help=_("How far confidence and accuracy are apart, on average. 0% is perfectly calibrated."),
        )  # fmt: skip
        at = evaluation.at(chosen)
        st.metric(_("Mean confidence"), f"{at.confidences.mean():.2%}", border=True,
                  delta=f"{100 * (at.confidences.mean() - at.accuracy):+.2f}", delta_color="off",
                  help=_("Below it, by how many percentage points that is above the accuracy."))  # fmt: skip
    with diagram:
        ui.chart(
            charts.reliability(found), key=state.EVALUATE_RELIABILITY,
            alt=_("How often answers of each confidence are right"),
        )  # fmt: skip
        st.caption(
            _("A bar is the share of those answers that is right, its mark how sure the network was of them: "
              "a bar that ends below its mark is too sure. A bar of a few answers says little: hover over it "
              "to see how many there are.")
        )  # fmt: skip
    _confident_and_wrong(at, digits, spec)


def _temperature(evaluation: Evaluation, measured: Calibration | None, spec: DatasetSpec) -> float:
    query.number(state.EVALUATE_TEMPERATURE, 0.25, 4.0)
    chosen: float = st.slider(
        _("Temperature"), 0.25, 4.0, step=0.05, key=state.EVALUATE_TEMPERATURE, persist_state="session",
        help=_("1 leaves the network as it was trained."),
    )  # fmt: skip
    best = temperature(evaluation.logits, evaluation.labels)
    if measured is not None:
        words = _(
            "On {n:,} validation images, {t:.2f} fits best: Draw uses that one. On these digits it would "
            "be {best:.2f}."
        )
        if not spec.are_digits:
            words = _(
                "On {n:,} validation images, {t:.2f} fits best. On these images it would be {best:.2f}."
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
        "{n:,} digit of {total:,} was read wrong by a network that was at least {sure:.0%} sure.",
        "{n:,} digits of {total:,} were read wrong by a network that was at least {sure:.0%} sure.",
        len(wrong),
    )
    if not spec.are_digits:
        words = ngettext(
            "{n:,} image of {total:,} was read wrong by a network that was at least {sure:.0%} sure.",
            "{n:,} images of {total:,} were read wrong by a network that was at least {sure:.0%} sure.",
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
    """Each class against all the others."""
    curves = {"roc": _("ROC"), "pr": _("Precision and recall")}
    kind = query.switch(_("Curve"), state.EVALUATE_CURVE, curves)
    make = reliability.roc if kind == "roc" else reliability.precision_recall
    found = {
        digit: curve
        for digit, scores in enumerate(evaluation.probabilities.T)
        if (curve := make(scores, evaluation.labels == digit)) is not None
    }
    if kind == "roc":
        x, y = _("false positive rate"), _("true positive rate")
        words = _(
            "Take an image for a digit wherever that digit is more probable than a threshold. The curve goes "
            "through all thresholds: the more of the digit is found, the more of the others is taken for it. "
            "The number is the area below: 1 is perfect, 0.5 is guessing. Of good networks the "
            "corner is shown; double-click to see it all."
        )
        if not spec.are_digits:
            words = _(
                "Take an image for one of a class wherever that class is more probable than a threshold. The "
                "curve goes through all thresholds: the more of the class is found, the more of the others "
                "is taken for it. The number is the area below: 1 is perfect, 0.5 is guessing. Of good "
                "networks the corner is shown; double-click to see it all."
            )
    else:
        x, y = _("recall"), _("precision")
        words = _(
            "The more of a digit is found (recall), the smaller the share of what is taken for it that is it "
            "(precision). The number is the average precision: 1 is perfect. Of good networks the corner is "
            "shown; double-click to see it all."
        )
        if not spec.are_digits:
            words = _(
                "The more of a class is found (recall), the smaller the share of what is taken for it that "
                "is it (precision). The number is the average precision: 1 is perfect. Of good networks the "
                "corner is shown; double-click to see it all."
            )
    ui.chart(
        charts.one_against_all(found, spec, x, y, rising=kind == "roc"),
        key=state.EVALUATE_ONE_AGAINST_ALL,
        alt=_("A curve for each digit") if spec.are_digits else _("A curve for each class"),
    )
    st.caption(words)
