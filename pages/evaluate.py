"""What a trained network gets right and wrong."""

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
    """The few numbers that say how good it is, and how sure they are."""
    total = len(evaluation.labels)
    right = int(np.sum(evaluation.predictions == evaluation.labels))
    low, high = significance.wilson(right, total)
    with st.grid("auto", min_column_width=160):
        st.metric(
            _("Accuracy"), f"{evaluation.accuracy:.2%}", border=True, height="stretch",
            delta=f"{100 * low:.2f} – {high:.2%}", delta_color="off", delta_arrow="off",
            help=_("The share of these digits that were read right. Below it the 95% interval (Wilson): "
                   "where it may lie on endlessly many of them.")
            if spec.are_digits
            else _("The share of these images that were read right. Below it the 95% interval (Wilson): "
                   "where it may lie on endlessly many of them."),
        )  # fmt: skip
        st.metric(_("Loss"), f"{evaluation.loss:.4f}", border=True, height="stretch",
                  help=_("The mean cross-entropy. Low: the right digits got much probability.")
                  if spec.are_digits
                  else _("The mean cross-entropy. Low: the right classes got much probability."))  # fmt: skip
        label = _("Digits") if spec.are_digits else _("Images")
        st.metric(label, f"{total:,}", border=True, height="stretch")
        st.metric(_("Read wrong"), f"{total - right:,}", border=True, height="stretch")
        own_drawings(run)
    st.caption(significance.in_words(right, total, spec))


def own_drawings(run: Path) -> None:
    """How the run reads the drawings that were kept, where there are any."""
    try:
        if not records.spec(run).takes_drawings:
            return
        found = collection.every(ui.settings().drawings, strokes=False)
        images, labels = collection.arrays(found)
        right = ui.reader(run).predictor.probabilities(images).argmax(axis=1) == labels
    except (store.DamagedDrawings, predict.NotTrained, OSError):
        return  # the pages that are about them say so
    if not found:
        return
    # The number is not in the label, which would be cut off in a narrow column.
    words = ngettext("of {n:,} drawing", "of {n:,} drawings", len(found)).format(n=len(found))
    st.metric(
        _("Kept drawings"), f"{right.mean():.0%}", border=True, height="stretch",
        delta=words, delta_color="off", delta_arrow="off",
        help=_("The share that is read right of what was drawn and kept here: see the Drawings page."),
    )  # fmt: skip


def report(evaluation: Evaluation, spec: DatasetSpec) -> None:
    """Precision, recall, F1 and support, and a curve for each class."""
    st.dataframe(
        evaluation.report(spec.classes),
        key=state.EVALUATE_REPORT,
        column_config={
            "_index": st.column_config.Column(specs.noun(spec), width=90),
            "precision": st.column_config.NumberColumn(
                _("precision"),
                format="%.4f",
                help=_("Of the images read as this digit, the share that are it.")
                if spec.are_digits
                else _("Of the images read as this class, the share that are it."),
            ),
            "recall": st.column_config.NumberColumn(
                _("recall"),
                format="%.4f",
                help=_("Of the images of this digit, the share that were read as it.")
                if spec.are_digits
                else _("Of the images of this class, the share that were read as it."),
            ),
            "f1": st.column_config.NumberColumn(
                "F1", format="%.4f", help=_("The harmonic mean of precision and recall.")
            ),
            "support": st.column_config.NumberColumn(
                _("support"),
                format="localized",
                help=_("How many images of this digit there are.")
                if spec.are_digits
                else _("How many images of this class there are."),
            ),
        },
        height="content",
        alt=_("Precision, recall, F1 and support for each digit and their means")
        if spec.are_digits
        else _("Precision, recall, F1 and support for each class and their means"),
    )
    st.caption(
        _("macro: every digit counts the same. weighted: a digit counts as often as it occurs.")
        if spec.are_digits
        else _("macro: every class counts the same. weighted: a class counts as often as it occurs.")
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
        "How well does the network read digits that it has never seen? One number says how often it is "
        "right; the confusion matrix says what it takes for what."
    ),
)

trained = run_folder.trained(ui.settings().runs)
run = run_picker.pick_page_run([run for run in trained if (run / "evaluation.npz").is_file()])
spec = specs.MNIST  # until it is known
try:
    config, spec = records.config(run), records.spec(run)
    if not spec.are_digits:
        lead.markdown(
            _("How well does the network read images that it has never seen? One number says how often it is "
              "right; the confusion matrix says what it takes for what.")
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
    ui.sorry(error)  # the numbers can be shown all the same

VIEWS = {
    "mistakes": _("What it confuses"),
    "digits": _("Digit by digit") if spec.are_digits else _("Class by class"),
    "honesty": _("Calibration"),
    "robustness": _("Robustness"),
}
match query.switch(_("What to look at"), state.EVALUATE_LOOK, VIEWS):
    case "digits":
        report(evaluation, spec)
    case "honesty":
        calibration.show(evaluation, Calibration.read(run), digits, spec)
    case "robustness":
        robustness.show(run, spec)
    case _:
        mistakes.show(evaluation, reader, digits, run, epoch, spec)
