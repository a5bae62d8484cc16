"""The reasons for a prediction: the ink that decides, similar digits, and the prediction of another run."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import streamlit as st

from core import ui
from core.charts import activations
from core.evaluation import calibration, explain
from core.evaluation.recognition import Reader, Reading
from core.i18n import _
from core.network import predict
from core.runs import notes, records
from core.ui import run_picker, state
from core.ui.bars import bars
from core.ui.gallery import Tile, gallery

_NEIGHBOURS = 12
_THIRDS = 0.35, 0.64  # the beginning and the end of the middle of an image, as shares of its side


def why(reader: Reader, reading: Reading) -> None:
    """The ink that is evidence for a class, and where more ink would make the class more probable."""
    names = reader.spec.classes
    asked = st.segmented_control(
        _("Evidence for or against"), range(len(names)), default=reading.digit, required=True,
        key=state.APP_WHY[reading.digit],
        format_func=lambda digit: f"{ui.plain(names[digit])} · {reading.probabilities[digit]:.0%}",
    )  # fmt: skip
    grey = reading.image if reading.image.ndim == 2 else reading.image.max(axis=2)
    evidence = explain.occlusion(reader.predictor, reading.image, asked)
    left, right = st.columns(2)
    for side, key, values, title, words in (
        (left, state.APP_FOR_INK, evidence.ink, _("Ink"),
         _("Blue ink is evidence for the {digit}: without this ink, the {digit} is less probable. Orange "
           "ink is evidence against the {digit}.")),
        (right, state.APP_FOR_PAPER, evidence.paper, _("Paper"),
         _("Ink on a blue place would make the {digit} more probable. Ink on an orange place would make the "
           "{digit} less probable.")),
    ):  # fmt: skip
        side.subheader(title, anchor=False)
        ui.chart(
            activations.speaks(grey, values), key=key, alt=words.format(digit=names[asked]), into=side,
            numbers=partial(activations.numbers, values, _("row"), _("column")),
        )  # fmt: skip
        side.caption(words.format(digit=ui.plain(names[asked])))
    st.markdown(_in_words(evidence, asked, reading, ui.plain(names[asked])))


def _in_words(evidence: explain.Occlusion, asked: int, reading: Reading, name: str) -> str:
    for_it, against = float(evidence.ink.clip(min=0).sum()), float(-evidence.ink.clip(max=0).sum())
    share = for_it / (for_it + against) if for_it + against else 0.0
    text = _("{share:.0%} of the evidence in the ink is for the {digit}.").format(share=share, digit=name)
    if asked != reading.digit and evidence.paper.max() > 0:
        y, x = np.unravel_index(evidence.paper.argmax(), evidence.paper.shape)
        row, column = (
            int(np.searchsorted(_THIRDS, place / side, side="right"))
            for place, side in zip((y, x), evidence.paper.shape, strict=True)
        )
        where = _places()[row][column]
        text += " " + _(
            "More ink {where} would make the {digit} more probable than ink at any other place."
        ).format(digit=name, where=where)
    return text + " " + _("Measured by covering the image with a 5×5 square at each position.")


def _places() -> list[list[str]]:
    return [
        [_("at the top left"), _("at the top"), _("at the top right")],
        [_("on the left"), _("in the middle"), _("on the right")],
        [_("at the bottom left"), _("at the bottom"), _("at the bottom right")],
    ]


def alike(reader: Reader, reading: Reading) -> None:
    """The training images that are nearest in the last hidden layer."""
    reference, names = reader.reference, reader.spec.classes
    nearest, distances = reference.nearest(reading.image, _NEIGHBOURS)
    labels = reference.labels[nearest]
    dataset = calibration.reference_name(reader.spec)
    count = int((labels == reading.digit).sum())
    words = _(
        "These digits of {dataset} are the most similar in the last hidden layer. **{count} of {n}** are a "
        "{digit}. If the prediction is wrong, these digits can show why."
    )
    if not reader.spec.are_digits:
        words = _(
            "These images of {dataset} are the most similar in the last hidden layer. **{count} of {n}** "
            "are a {digit}. If the prediction is wrong, these images can show why."
        )
    st.markdown(
        words.format(count=count, n=len(nearest), digit=ui.plain(names[reading.digit]), dataset=dataset)
    )
    gallery(
        [
            Tile(
                reference.images[index], f"{names[label]} · {distance:.1f}",
                _("A {label} of {dataset}, at a distance of {distance:.1f}").format(
                    label=names[label], dataset=dataset, distance=distance
                ),
            )
            for index, label, distance in zip(nearest, labels, distances, strict=True)
        ],
        key=state.APP_ALIKE_TILES,
    )  # fmt: skip


def compare(run: Path, reading: Reading) -> None:
    """The predictions of two runs for the same drawing."""
    candidates = sorted(records.that_take_drawings(ui.settings().runs), key=notes.is_temporary)
    names = [candidate.name for candidate in candidates]
    left, right = st.columns(2, gap="large")
    other = next((name for name in names if name != run.name), run.name)
    for side, part, default in ((left, "left", run.name), (right, "right", other)):
        key = state.DRAW_COMPARE[part]
        with side:
            if key.get() not in names:
                key.set(default)
            chosen = run_picker.pick(candidates, key=key, persist_state="session")
            try:
                reader = ui.reader(chosen)
                read = reader.read(reading.image[None])[0]
            except predict.NotTrained as error:
                ui.sorry(error)
                continue
            st.markdown(
                _("Reads **{digit}** ({share:.1%})").format(digit=read.digit, share=read.confidence)
                if read.is_digit
                else _("Not a digit. Most similar to a {digit} ({share:.1%})").format(
                    digit=read.digit, share=read.confidence
                )
            )
            bars(read.probabilities, reader.spec, key=state.DRAW_COMPARED[part])
