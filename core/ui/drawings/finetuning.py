"""Fine-tune a run on saved drawings, and see what it gained and what it forgot."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from core import ui
from core.config import ConfigError
from core.data import datasets
from core.drawing.collection import Drawing
from core.evaluation import results
from core.i18n import _, ngettext
from core.jobs import finetune, run_queue
from core.jobs.finetune import Changed
from core.network import predict
from core.network.architectures import ImpossibleNetwork
from core.runs import records, run_folder, warm_start
from core.runs.warm_start import Lesson
from core.ui import run_picker, state, watching
from core.ui.gallery import Tile, gallery

EVERYBODY = ""
LEAST = 5  # least number of drawings
_SHOWN = 24  # forgotten digits


def offer(every: Sequence[Drawing], writers: Sequence[str]) -> None:
    """Choose a run and the drawings to fine-tune it on."""
    st.markdown(
        _("Fine-tuning trains a run on these drawings. Digits of its data set are mixed in, so that the "
          "network does not forget them. The chosen run does not change: a new run starts from its weights.")
    )  # fmt: skip
    # The starter model first: it was already trained on handwriting from this canvas.
    candidates = records.that_take_drawings(ui.settings().runs)[::-1]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        run = run_picker.pick(candidates, key=state.DRAWINGS_TAUGHT_RUN)
        writer = st.selectbox(
            _("Drawings by"), [EVERYBODY, *writers], key=state.DRAWINGS_TEACHER, width=220,
            format_func=lambda name: name or _("everybody"),
        )  # fmt: skip
        taught = [drawing for drawing in every if writer in (EVERYBODY, drawing.writer)]
        clicked = st.button(
            ngettext("Fine-tune on {n} drawing", "Fine-tune on {n} drawings", len(taught)).format(
                n=len(taught)
            ),
            icon=":material/school:", type="primary", key=state.DRAWINGS_TEACH, disabled=len(taught) < LEAST,
        )  # fmt: skip
    if len(taught) < LEAST:
        st.caption(_("Fine-tuning needs at least {n} drawings.").format(n=LEAST))
    if clicked:
        _teach(run, taught)


def _teach(parent: Path, taught: Sequence[Drawing]) -> None:
    try:
        config, lesson = finetune.plan(parent, taught)
        run = run_queue.submit(config, ui.settings(), lesson)
    except (
        run_queue.NotAllowed, datasets.DatasetMissing, ConfigError, ImpossibleNetwork, predict.NotTrained,
        run_folder.UnknownRun, OSError,
    ) as error:  # fmt: skip
        ui.sorry(error)
        return
    watching.watch(run.name)
    st.switch_page(ui.PAGES["train"], query_params=state.RUN.to(run.name))


def outcome(every: Sequence[Drawing]) -> None:
    """Choose a fine-tuned run, and show what it gained and what it forgot."""
    taught = [run for run in records.that_take_drawings(ui.settings().runs) if warm_start.has(run)]
    if not taught:
        st.caption(_("No run has been fine-tuned yet."))
        return
    after = run_picker.pick(taught, _("Fine-tuned run"), key=state.DRAWINGS_OUTCOME_RUN)
    try:
        lesson = warm_start.read(after)
        assert lesson
        before = (
            run_folder.STARTER
            if lesson.parent == run_folder.STARTER.name
            else run_folder.find(ui.settings().runs, lesson.parent)
        )
        _gains(before, after, lesson, every)
        _forgotten(before, after)
    except (
        warm_start.DamagedLesson, run_folder.UnknownRun, predict.NotTrained, results.NotEvaluated,
        datasets.DatasetMissing,
    ) as error:  # fmt: skip
        ui.sorry(error)


def _gains(before: Path, after: Path, lesson: Lesson, every: Sequence[Drawing]) -> None:
    trained, others = finetune.divided(every, lesson)
    with st.grid(3, min_column_width=200):
        for label, drawings, words in (
            (
                _("Drawings used for training"),
                trained,
                _("The network was trained on these drawings, so this is not a test."),
            ),
            (
                _("Other drawings"),
                others,
                _(
                    "The network was not trained on these drawings. They show whether it now reads "
                    "handwriting better."
                ),
            ),
        ):
            if not drawings:
                st.metric(label, "–", border=True, help=words)
                continue
            score = finetune.score(before, after, drawings)
            st.metric(
                label, f"{score.after} / {score.of}",
                _("{n:+d} compared with before").format(n=score.after - score.before), border=True,
                help=words,
            )  # fmt: skip
        was, now = ui.evaluation(before), ui.evaluation(after)
        st.metric(_("Test accuracy"), f"{now.accuracy:.2%}", f"{100 * (now.accuracy - was.accuracy):+.2f} %",
                  border=True, help=_("On the test images of each run's own data set."))  # fmt: skip


def _forgotten(before: Path, after: Path) -> None:
    dataset = ui.dataset(records.config(after).dataset)
    changed: Changed = finetune.changed(before, after, dataset)
    st.markdown(
        _("**What the network forgot**: {forgotten} of {n:,} test digits were read right before and are "
          "read wrong now. {learned} were read wrong before and are read right now.").format(
            forgotten=len(changed.forgotten), learned=len(changed.learned), n=len(dataset.y_test)
        )
    )  # fmt: skip
    now = ui.evaluation(after)
    gallery(
        [
            Tile(
                dataset.x_test[index], f"✗ {dataset.y_test[index]} → {now.predictions[index]}",
                _("Test image {index}: a {true}, now read as {read}").format(
                    index=index, true=dataset.y_test[index], read=now.predictions[index]
                ),
                right=False,
            )
            for index in map(int, changed.forgotten[:_SHOWN])
        ],
        key=state.DRAWINGS_FORGOTTEN_TILES,
    )  # fmt: skip
