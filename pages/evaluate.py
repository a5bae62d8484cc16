"""The Evaluate page: the accuracy and the mistakes of a trained network."""

from pathlib import Path

import numpy as np
import streamlit as st

from core import ui
from core.data import fashion, specs
from core.data.specs import DatasetSpec
from core.drawing import collection, store
from core.evaluation import results, significance
from core.evaluation.calibration import Calibration
from core.evaluation.results import Evaluation
from core.i18n import _, ngettext
from core.network import predict
from core.runs import records, run_folder
from core.runs.epoch_weights import EpochMissing
from core.ui import mistakes, query, run_picker, state, testset
from core.ui.evaluate import calibration, robustness
from core.ui.testset import NotAtHand, NotShown


def numbers(evaluation: Evaluation, run: Path, spec: DatasetSpec) -> None:
    """Accuracy, loss and mistakes."""
    total = len(evaluation.labels)
    right = int(np.sum(evaluation.predictions == evaluation.labels))
    st.markdown(significance.in_words(right, total, spec))
    with st.grid("auto", min_column_width=160):
        st.metric(
            _("Accuracy"), f"{evaluation.accuracy:.2%}", border=True, height="stretch",
            help=significance.interval_in_words(right, total, spec),
        )  # fmt: skip
        st.metric(_("Loss"), f"{evaluation.loss:.4f}", border=True, height="stretch",
                  help=_("The mean cross-entropy. The loss is low if the correct digits get a high "
                         "probability.")
                  if spec.are_digits
                  else _("The mean cross-entropy. The loss is low if the correct classes get a high "
                         "probability."))  # fmt: skip
        label = _("Digits") if spec.are_digits else _("Images")
        st.metric(label, f"{total:,}", border=True, height="stretch")
        st.metric(_("Mistakes"), f"{total - right:,}", border=True, height="stretch")
        own_drawings(run)


def own_drawings(run: Path) -> None:
    """The accuracy of the run on the saved drawings, if there are any."""
    try:
        if not records.spec(run).takes_drawings:
            return
        drawings = collection.every(ui.settings().drawings, strokes=False)
        images, labels = collection.arrays(drawings)
        right = ui.reader(run).predictor.probabilities(images).argmax(axis=1) == labels
    except (store.DamagedDrawings, predict.NotTrained, OSError):
        return  # the Draw and Drawings pages show the error
    if not drawings:
        return
    # The number is not in the label, because a narrow column would cut off the label.
    words = ngettext("of {n:,} drawing", "of {n:,} drawings", len(drawings)).format(n=len(drawings))
    st.metric(
        _("Saved drawings"), f"{right.mean():.0%}", border=True, height="stretch",
        delta=words, delta_color="off", delta_arrow="off",
        help=_("The accuracy on the drawings that were saved here. See the Drawings page."),
    )  # fmt: skip


def report(evaluation: Evaluation, spec: DatasetSpec) -> None:
    """Precision, recall, F1, support and a curve for each class."""
    st.dataframe(
        evaluation.report(spec.classes),
        key=state.EVALUATE_REPORT,
        column_config={
            "_index": st.column_config.Column(specs.noun(spec), width=90),
            "precision": st.column_config.NumberColumn(
                _("precision"),
                format="%.4f",
                help=_("Of the images that were predicted as this digit, the share that is correct.")
                if spec.are_digits
                else _("Of the images that were predicted as this class, the share that is correct."),
            ),
            "recall": st.column_config.NumberColumn(
                _("recall"),
                format="%.4f",
                help=_("Of the images of this digit, the share that was predicted correctly.")
                if spec.are_digits
                else _("Of the images of this class, the share that was predicted correctly."),
            ),
            "f1": st.column_config.NumberColumn(
                "F1", format="%.4f", help=_("The harmonic mean of precision and recall.")
            ),
            "support": st.column_config.NumberColumn(
                _("support"),
                format="localized",
                help=_("The number of images of this digit.")
                if spec.are_digits
                else _("The number of images of this class."),
            ),
        },
        height="content",
        alt=_("Precision, recall, F1 and support for each digit and their means")
        if spec.are_digits
        else _("Precision, recall, F1 and support for each class and their means"),
    )
    st.caption(
        _("macro: every digit has the same weight. weighted: the weight of a digit is its number of images.")
        if spec.are_digits
        else _(
            "macro: every class has the same weight. weighted: the weight of a class is its number of images."
        )
    )
    calibration.by_digit(evaluation, spec)


def ask_for_others(reason: Exception, spec: DatasetSpec) -> None:
    words = _("{reason} Choose another run, or other digits.")
    if not spec.are_digits:
        words = _("{reason} Choose another run, or other images.")
    ui.sorry(words.format(reason=reason))


lead = ui.heading(
    _("Evaluate"),
    _(
        "How well does the network read digits that it has never seen? The accuracy says how often the "
        "network is right. The confusion matrix shows which digits it confuses."
    ),
)

trained = run_folder.trained(ui.settings().runs)
run = run_picker.pick_page_run([run for run in trained if (run / "evaluation.npz").is_file()])
spec = specs.MNIST  # until it is known
try:
    config, spec = records.config(run), records.spec(run)
    if not spec.are_digits:
        lead.markdown(
            _("How well does the network read images that it has never seen? The accuracy says how often "
              "the network is right. The confusion matrix shows which classes it confuses.")
        )  # fmt: skip
    on, epoch = testset.choose(run, config)
    evaluation = testset.evaluation(run, config, on, epoch)
except NotShown as error:
    ask_for_others(error, spec)
    if on == fashion.NAME:
        testset.offer_fashion()
    st.stop()
except (results.NotEvaluated, predict.NotTrained, EpochMissing, run_folder.UnknownRun) as error:
    ask_for_others(error, spec)
    st.stop()
testset.say_what_it_is(on)
numbers(evaluation, run, spec)
digits = reader = None
try:
    digits, reader = testset.digits(on, run, config), testset.reader(run, epoch)
except NotAtHand as error:
    st.info(ui.plain(error), icon=":material/download:")
    ui.link_to_data(config.dataset)
except (predict.NotTrained, EpochMissing, NotShown) as error:
    ui.sorry(error)  # the metrics can still be shown

VIEWS = {
    "mistakes": _("Mistakes"),
    "digits": _("Accuracy by digit") if spec.are_digits else _("Accuracy by class"),
    "honesty": _("Calibration"),
    "robustness": _("Robustness"),
}
match query.switch(_("View"), state.EVALUATE_LOOK, VIEWS):
    case "digits":
        report(evaluation, spec)
    case "honesty":
        calibration.show(evaluation, Calibration.read(run), digits, spec)
    case "robustness":
        robustness.show(run, spec)
    case _:
        mistakes.show(evaluation, reader, digits, run, epoch, spec)
