"""Why a drawing is read as it is: the ink that decides, its look-alikes, and another run's opinion."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import streamlit as st

from core import ui
from core.charts import pictures
from core.evaluation import explain
from core.evaluation.reading import Reader, Reading
from core.i18n import _
from core.network import predict
from core.runs import runs
from core.ui import run_picker, state
from core.ui.bars import bars
from core.ui.gallery import Tile, gallery

_NEIGHBOURS = 12
_DIGITS = list(range(10))


def why(reader: Reader, reading: Reading) -> None:
    """Which ink speaks for a digit, and where more ink would make it one."""
    asked = st.segmented_control(
        _("What speaks for or against"), _DIGITS, default=reading.digit, required=True,
        key=state.APP_WHY[reading.digit],
        format_func=lambda digit: f"{digit} · {reading.probabilities[digit]:.0%}",
    )  # fmt: skip
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
            pictures.speaks(reading.image, values), key=key, alt=words.format(digit=asked), into=side,
            numbers=partial(pictures.numbers, values, _("row"), _("column")),
        )  # fmt: skip
        side.caption(words.format(digit=asked))
    st.markdown(_in_words(found, asked, reading))


def _in_words(found: explain.Occlusion, asked: int, reading: Reading) -> str:
    for_it, against = float(found.ink.clip(min=0).sum()), float(-found.ink.clip(max=0).sum())
    share = for_it / (for_it + against) if for_it + against else 0.0
    text = _("{share:.0%} of the ink's weight speaks for a {digit}.").format(share=share, digit=asked)
    if asked != reading.digit and found.paper.max() > 0:
        y, x = np.unravel_index(found.paper.argmax(), found.paper.shape)
        where = _places()[int(y >= 10) + int(y >= 18)][int(x >= 10) + int(x >= 18)]
        text += " " + _("To make it a {digit}, more ink would help most {where}.").format(
            digit=asked, where=where
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
    reference = reader.reference
    found, distances = reference.nearest(reading.image, _NEIGHBOURS)
    labels = reference.labels[found]
    count = int((labels == reading.digit).sum())
    st.markdown(
        _("The digits of mnist-5k that are nearest by the last hidden layer. **{count} of {n}** are a "
          "{digit}. If the drawing was read wrong, here is what it was taken for.").format(
            count=count, n=len(found), digit=reading.digit
        )
    )  # fmt: skip
    gallery(
        [
            Tile(
                reference.images[index], f"{label} · {distance:.1f}",
                _("A {label} of mnist-5k, at a distance of {distance:.1f}").format(
                    label=label, distance=distance
                ),
            )
            for index, label, distance in zip(found, labels, distances, strict=True)
        ],
        key=state.APP_ALIKE_TILES,
    )  # fmt: skip


def compare(run: Path, reading: Reading) -> None:
    """The same drawing, read by two runs."""
    candidates = runs.trained(ui.settings().runs)
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
                found = ui.reader(chosen).read(reading.image[None])[0]
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
            bars(found.probabilities, key=state.DRAW_COMPARED[part])
