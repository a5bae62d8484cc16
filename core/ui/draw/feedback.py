"""Save a drawing with its true digit."""

from __future__ import annotations

import hashlib
from pathlib import Path

import streamlit as st

from core import ui
from core.drawing import collection, store, strokes
from core.drawing.collection import MOST_NAME, Drawing
from core.drawing.strokes import Strokes
from core.evaluation.recognition import Reading
from core.i18n import _, ngettext
from core.ui import state

_DIGITS = list(range(10))


def offer(run: Path, reading: Reading, drawn: Strokes) -> None:
    """Ask whether the prediction is right, and save the drawing with the true digit.

    Args:
        drawn: the strokes of this digit; empty if they are not known.
    """
    digest = hashlib.sha256(reading.image.tobytes()).hexdigest()
    if error := state.DRAW_NOT_KEPT.pop():
        ui.sorry(error)
    if state.DRAW_KEPT.get() == digest:
        st.caption(_("Thank you. The drawing is saved on the Drawings page."))
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.button(
            _("Correct, save it"), icon=":material/check:", key=state.DRAW_RIGHT, on_click=_keep,
            args=(run, reading, drawn, digest),
        )  # fmt: skip
        with st.container(width=370):  # on a narrower screen, the buttons wrap
            st.segmented_control(
                _("Wrong, it is a"), [digit for digit in _DIGITS if digit != reading.digit],
                key=state.DRAW_WRONG[digest], on_change=_keep, args=(run, reading, drawn, digest),
            )  # fmt: skip
        with st.popover(_("Your name"), icon=":material/person:"):
            st.text_input(
                _("A name or nickname (optional)"), key=state.DRAW_WRITER, max_chars=MOST_NAME,
                persist_state="session",
                help=_("Your name is saved with your drawings. Everybody who uses this app can read it."),
            )  # fmt: skip


def _keep(run: Path, reading: Reading, drawn: Strokes, digest: str) -> None:
    """Save the drawing with the predicted digit, or with the digit that the visitor has chosen."""
    settings = ui.settings()
    label = state.DRAW_WRONG[digest].get()
    kept = Drawing(
        label=reading.digit if label is None else label,
        image=reading.image,
        strokes=strokes.unit(drawn) if drawn else [],
        writer=state.DRAW_WRITER.get(),
        run=run.name,
        answer=reading.digit,
        confidence=reading.confidence,
    )
    try:
        collection.add(settings.drawings, [kept], settings.max_drawings)
        count = collection.count(settings.drawings)
    except (collection.TooMany, store.DamagedDrawings, OSError) as error:
        state.DRAW_NOT_KEPT.set(error)
        return
    state.DRAW_KEPT.set(digest)
    words = ngettext("Saved. There is now {n:,} drawing.", "Saved. There are now {n:,} drawings.", count)
    st.toast(words.format(n=count), icon=":material/check:")
