"""How a run stands up to changed digits, beside others."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import streamlit as st

from core import charts, failures, ui
from core.data import datasets
from core.data.specs import DatasetSpec
from core.evaluation import robustness
from core.evaluation.robustness import LEVELS, UNCHANGED, NotMeasured, Robustness
from core.i18n import _
from core.jobs import processes
from core.runs import records, run_folder
from core.ui import query, state
from core.ui.gallery import Tile, gallery

_BEGIN = 10.0  # seconds that it may take to begin
_BESIDE = 4  # other runs
_LOOK = 1.0  # seconds between two looks at what is being measured


def _titles() -> dict[str, str]:
    """What is done to the digits, with the unit."""
    return {
        "rotation": _("turned, degrees clockwise"),
        "shift": _("shifted, pixels to the right"),
        "scale": _("scaled, times as large"),
        "thickness": _("strokes thicker, pixels"),
        "noise": _("noise, share of full ink"),
        "contrast": _("ink that is left, share"),
    }


def show(run: Path, spec: DatasetSpec) -> None:
    """The curves of this run and of others that were measured, and what changed digits look like."""
    st.markdown(
        _("Test digits are neat and in the middle. What if they are not? Each curve changes the same test "
          "digits more and more, and nothing about the network.")
        if spec.are_digits
        else _("Test images are much like the training images. What if they are not? Each curve changes the "
               "same test images more and more, and nothing about the network.")
    )  # fmt: skip
    if error := state.EVALUATE_NOT_MEASURED.pop():
        ui.sorry(error)
    found = Robustness.read(run)
    if robustness.is_measuring(run):
        st.fragment(_progress, run_every=_LOOK)(run)
    elif not found or found.done < 1:
        if failed := NotMeasured.read(run):
            ui.sorry(_("It could not be measured. {reason}").format(reason=failures.words(failed.failure)))
        st.button(
            _("Measure"), icon=":material/speed:", key=state.EVALUATE_MEASURE, type="primary",
            on_click=_start, args=(run,),
            help=_("Takes up to half a minute, in the background, and is kept with the run."),
        )  # fmt: skip
    names = {found.name: found for found in run_folder.trained(ui.settings().runs)}
    others = [name for name, found in names.items() if found != run and Robustness.read(found)]
    query.several(state.EVALUATE_BESIDE, others, _BESIDE)
    labels = ui.run_labels([names[name] for name in others])
    if others:
        st.multiselect(
            _("Beside it"), others, key=state.EVALUATE_BESIDE, format_func=labels.__getitem__,
            max_selections=_BESIDE, persist_state="session", placeholder=_("other runs that were measured"),
        )  # fmt: skip
    shown = {
        found: Robustness.read(found) for found in (run, *(names[n] for n in state.EVALUATE_BESIDE.get()))
    }
    measured = {found: one for found, one in shown.items() if one}
    called = ui.run_names(list(measured))
    titles = _titles()
    if measured:
        with st.grid(3, min_column_width=280):
            for kind, levels in LEVELS.items():
                lines = {called[found.name]: one.accuracy.get(kind, []) for found, one in measured.items()}
                words = _("Accuracy on digits: {how}")
                if not spec.are_digits:
                    words = _("Accuracy on images: {how}")
                ui.chart(
                    charts.robustness(levels, lines, titles[kind], UNCHANGED[kind]),
                    key=state.EVALUATE_ROBUST[kind],
                    alt=words.format(how=titles[kind]),
                )  # fmt: skip
        words = _("On {n:,} test digits. The dotted line is where nothing is changed.")
        if not spec.are_digits:
            words = _("On {n:,} test images. The dotted line is where nothing is changed.")
        st.caption(words.format(n=next(iter(measured.values())).images))
    _examples(run, titles, spec)


def _progress(run: Path) -> None:
    """How far it is; looks again and again until it is done."""
    found = Robustness.read(run)
    st.progress(found.done if found else 0.0, _("Measuring. You can leave this page."))
    if not robustness.is_measuring(run):
        st.rerun()


def _start(run: Path) -> None:
    try:
        datasets.check(records.config(run).dataset)
        with (run / "log.txt").open("ab") as log:
            worker = processes.spawn(
                [str(run.absolute())], log, subprocess.DEVNULL, "core.evaluation.robustness"
            )
    except (OSError, datasets.DatasetMissing, run_folder.UnknownRun) as error:
        state.EVALUATE_NOT_MEASURED.set(str(error))
        return
    # Until it has taken its lock, the page would offer to start it once more.
    patience = time.monotonic() + _BEGIN
    while worker.poll() is None and time.monotonic() < patience and not robustness.is_measuring(run):
        time.sleep(0.05)
    if worker.poll() and not NotMeasured.read(run):
        state.EVALUATE_NOT_MEASURED.set(
            _("It could not be measured. Why is in {file}.").format(file=run / "log.txt")
        )


def _examples(run: Path, titles: dict[str, str], spec: DatasetSpec) -> None:
    """What the changes look like, on digits of the run's own data set."""
    try:
        images = ui.dataset(records.config(run).dataset).x_test[:1]
    except datasets.DatasetMissing:
        return
    words = _("A digit: {how} {level}") if spec.are_digits else _("An image: {how} {level}")
    with st.expander(_("What that looks like"), icon=":material/image:"):
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
