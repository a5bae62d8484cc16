"""Why a drawing is read as it is: the ink that decides, its look-alikes, and another run's opinion."""

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
from core.runs import records
from core.ui import run_picker, state
from core.ui.bars import bars
from core.ui.gallery import Tile, gallery

_NEIGHBOURS = 12
_THIRDS = 0.35, 0.64  # of an image: where its middle begins and ends


def why(reader: Reader, reading: Reading) -> None:
    """Which ink speaks for a class, and where more ink would make it one."""
    names = reader.spec.classes
    asked = st.segmented_control(
        _("What speaks for or against"), range(len(names)), default=reading.digit, required=True,
        key=state.APP_WHY[reading.digit],
        format_func=lambda digit: f"{ui.plain(names[digit])} · {reading.probabilities[digit]:.0%}",
    )  # fmt: skip
    grey = reading.image if reading.image.ndim == 2 else reading.image.max(axis=2)
    found = explain.occlusion(reader.predictor, reading.image, asked)
    left, right = st.columns(2)
    for side, key, values, title, words in (
        (left, state.APP_FOR_INK, found.ink, _("The ink"),
         _("Blue ink speaks for the {digit}: without it, the network is less sure. Orange ink speaks against "
           "it.")),
        (right, state.APP_FOR_PAPER, found.paper, _("The paper"),
         _("Ink on a blue place would make it more of a {digit}, on an orange place less.")),
    ):  # fmt: skip
        side.subheader(title, anchor=False)
        ui.chart(
            activations.speaks(grey, values), key=key, alt=words.format(digit=names[asked]), into=side,
            numbers=partial(activations.numbers, values, _("row"), _("column")),
        )  # fmt: skip
        side.caption(words.format(digit=ui.plain(names[asked])))
    st.markdown(_in_words(found, asked, reading, ui.plain(names[asked])))


def _in_words(found: explain.Occlusion, asked: int, reading: Reading, name: str) -> str:
    for_it, against = float(found.ink.clip(min=0).sum()), float(-found.ink.clip(max=0).sum())
    share = for_it / (for_it + against) if for_it + against else 0.0
    text = _("{share:.0%} of the ink's weight speaks for a {digit}.").format(share=share, digit=name)
    if asked != reading.digit and found.paper.max() > 0:
        y, x = np.unravel_index(found.paper.argmax(), found.paper.shape)
        row, column = (
            int(np.searchsorted(_THIRDS, place / side, side="right"))
            for place, side in zip((y, x), found.paper.shape, strict=True)
        )
        where = _places()[row][column]
        text += " " + _("To make it a {digit}, more ink would help most {where}.").format(
            digit=name, where=where
        )
    return text + " " + _("Found by covering the image with a 5×5 square, place by place.")


def _places() -> list[list[str]]:
    return [
        [_("at the top left"), _("at the top"), _("at the top right")],
        [_("on the left"), _("in the middle"), _("on the right")],
        [_("at the bottom left"), _("at the bottom"), _("at the bottom right")],
    ]


def alike(reader: Reader, reading: Reading) -> None:
    """The training digits that the network takes for nearest."""
    reference, names = reader.reference, reader.spec.classes
    found, distances = reference.nearest(reading.image, _NEIGHBOURS)
    labels = reference.labels[found]
    dataset = calibration.reference_name(reader.spec)
    count = int((labels == reading.digit).sum())
    words = _(
        "The digits of {dataset} that are nearest by the last hidden layer. **{count} of {n}** are a "
        "{digit}. If the drawing was read wrong, here is what it was taken for."
    )
    if not reader.spec.are_digits:
        words = _(
            "The images of {dataset} that are nearest by the last hidden layer. **{count} of {n}** are a "
            "{digit}. If the image was read wrong, here is what it was taken for."
        )
    st.markdown(
        words.format(count=count, n=len(found), digit=ui.plain(names[reading.digit]), dataset=dataset)
    )
    gallery(
        [
            Tile(
                reference.images[index], f"{names[label]} · {distance:.1f}",
                _("A {label} of {dataset}, at a distance of {distance:.1f}").format(
                    label=names[label], dataset=dataset, distance=distance
                ),
            )
            for index, label, distance in zip(found, labels, distances, strict=True)
        ],
        key=state.APP_ALIKE_TILES,
    )  # fmt: skip


def compare(run: Path, reading: Reading) -> None:
    """The same drawing, read by two runs."""
    candidates = records.that_take_drawings(ui.settings().runs)
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
                found = reader.read(reading.image[None])[0]
            except predict.NotTrained as error:
                ui.sorry(error)
                continue
            st.markdown(
                _("Reads **{digit}** ({share:.1%})").format(digit=found.digit, share=found.confidence)
                if found.is_digit
                else _("Takes it for no digit; most like a {digit} ({share:.1%})").format(
                    digit=found.digit, share=found.confidence
                )
            )
            bars(found.probabilities, reader.spec, key=state.DRAW_COMPARED[part])
