"""The robustness of a run to changed digits, compared with other runs."""

from __future__ import annotations

import time
from pathlib import Path

import streamlit as st

from core import charts, failures, ui
from core.data import datasets
from core.data.specs import DatasetSpec
from core.evaluation import robustness
from core.evaluation.robustness import LEVELS, UNCHANGED, NotMeasured, Robustness
from core.i18n import _
from core.jobs import executor
from core.runs import records, run_folder
from core.ui import query, state
from core.ui.gallery import Tile, gallery

_BEGIN = 10.0  # maximum seconds to wait for the measurement to begin
_BESIDE = 4  # maximum number of other runs
_LOOK = 1.0  # seconds between two updates of the progress


def _titles() -> dict[str, str]:
    """The changes to the digits, with their units."""
    return {
        "rotation": _("rotation (degrees clockwise)"),
        "shift": _("shift (pixels to the right)"),
        "scale": _("scale (factor)"),
        "thickness": _("stroke thickness (added pixels)"),
        "noise": _("noise (share of full ink)"),
        "contrast": _("remaining ink (share)"),
    }


def show(run: Path, spec: DatasetSpec) -> None:
    """The curves of this run and of other measured runs, and examples of changed digits."""
    st.markdown(
        _("Test digits are clear and centred. How accurate is the network when digits are not? Along each "
          "curve, the same test digits are changed more and more. The network does not change.")
        if spec.are_digits
        else _("Test images are similar to the training images. How accurate is the network when images are "
               "not? Along each curve, the same test images are changed more and more. The network does not "
               "change.")
    )  # fmt: skip
    if error := state.EVALUATE_NOT_MEASURED.pop():
        ui.sorry(error)
    result = Robustness.read(run)
    if robustness.is_measuring(run):
        st.fragment(_progress, run_every=_LOOK)(run)
    elif not result or result.done < 1:
        if failed := NotMeasured.read(run):
            ui.sorry(_("The measurement failed. {reason}").format(reason=failures.words(failed.failure)))
        st.button(
            _("Measure"), icon=":material/speed:", key=state.EVALUATE_MEASURE, type="primary",
            on_click=_start, args=(run,),
            help=_("The measurement takes up to half a minute. It runs in the background, and its result is "
                   "saved with the run."),
        )  # fmt: skip
    names = {trained.name: trained for trained in run_folder.trained(ui.settings().runs)}
    others = [name for name, other in names.items() if other != run and Robustness.read(other)]
    query.several(state.EVALUATE_BESIDE, others, _BESIDE)
    labels = ui.run_labels([names[name] for name in others])
    if others:
        st.multiselect(
            _("Compare with"), others, key=state.EVALUATE_BESIDE, format_func=labels.__getitem__,
            max_selections=_BESIDE, persist_state="session", placeholder=_("other runs that were measured"),
        )  # fmt: skip
    shown = {
        folder: Robustness.read(folder) for folder in (run, *(names[n] for n in state.EVALUATE_BESIDE.get()))
    }
    measured = {folder: curves for folder, curves in shown.items() if curves}
    called = ui.run_names(list(measured))
    titles = _titles()
    if measured:
        with st.grid(3, min_column_width=280):
            for kind, levels in LEVELS.items():
                lines = {called[run.name]: curves.accuracy.get(kind, []) for run, curves in measured.items()}
                words = _("Accuracy on changed digits: {how}")
                if not spec.are_digits:
                    words = _("Accuracy on changed images: {how}")
                ui.chart(
                    charts.robustness(levels, lines, titles[kind], UNCHANGED[kind]),
                    key=state.EVALUATE_ROBUST[kind],
                    alt=words.format(how=titles[kind]),
                )  # fmt: skip
        words = _("Measured on {n:,} test digits. The dotted line marks digits that are not changed.")
        if not spec.are_digits:
            words = _("Measured on {n:,} test images. The dotted line marks images that are not changed.")
        st.caption(words.format(n=next(iter(measured.values())).images))
    _examples(run, titles, spec)


def _progress(run: Path) -> None:
    """Show the progress of the measurement. This part of the page is updated until the end."""
    result = Robustness.read(run)
    st.progress(result.done if result else 0.0, _("Measuring. You can leave this page."))
    if not robustness.is_measuring(run):
        st.rerun()


def _start(run: Path) -> None:
    try:
        datasets.check(records.config(run).dataset)
        worker = executor.current().start("core.evaluation.robustness", run)
    except (OSError, datasets.DatasetMissing, run_folder.UnknownRun) as error:
        state.EVALUATE_NOT_MEASURED.set(str(error))
        return
    # Wait for its lock. Until then, the page would offer to start it again.
    patience = time.monotonic() + _BEGIN
    while worker.poll() is None and time.monotonic() < patience and not robustness.is_measuring(run):
        time.sleep(0.05)
    if worker.poll() and not NotMeasured.read(run):
        state.EVALUATE_NOT_MEASURED.set(
            _("The measurement failed. The reason is in {file}.").format(file=run / "log.txt")
        )


def _examples(run: Path, titles: dict[str, str], spec: DatasetSpec) -> None:
    """Examples of the changes, on a digit of the data set of the run."""
    try:
        images = ui.dataset(records.config(run).dataset).x_test[:1]
    except datasets.DatasetMissing:
        return
    words = _("A digit. {how}: {level}") if spec.are_digits else _("An image. {how}: {level}")
    with st.expander(_("Examples"), icon=":material/image:"):
        for kind, levels in LEVELS.items():
            st.caption(titles[kind])
            gallery(
                [
                    Tile(robustness.changed(images, kind, level)[0], f"{level:g}",
                            words.format(how=titles[kind], level=level))
                    for level in levels
                ],
                key=state.EVALUATE_CHANGED[kind], side=56,
            )  # fmt: skip
