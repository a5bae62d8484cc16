"""Right or wrong: keep what was drawn, with the right answer."""

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
    """Ask whether the answer is right, and keep the drawing with the right one.

    Args:
        drawn: the strokes of this digit; none where they are not known.
    """
    digest = hashlib.sha256(reading.image.tobytes()).hexdigest()
    if error := state.DRAW_NOT_KEPT.pop():
        ui.sorry(error)
    if state.DRAW_KEPT.get() == digest:
        st.caption(_("Kept. Thank you: see it on the Drawings page."))
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.button(
            _("Right, keep it"), icon=":material/check:", key=state.DRAW_RIGHT, on_click=_keep,
            args=(run, reading, drawn, digest),
        )  # fmt: skip
        with st.container(width=370):  # or less, and then they wrap
            st.segmented_control(
                _("Wrong, it is a"), [digit for digit in _DIGITS if digit != reading.digit],
                key=state.DRAW_WRONG[digest], on_change=_keep, args=(run, reading, drawn, digest),
            )  # fmt: skip
        with st.popover(_("Your name"), icon=":material/person:"):
            st.text_input(
                _("A name or nickname, if you like"), key=state.DRAW_WRITER, max_chars=MOST_NAME,
                persist_state="session",
                help=_("It is kept with your drawings, where everybody who uses this app can read it."),
            )  # fmt: skip


def _keep(run: Path, reading: Reading, drawn: Strokes, digest: str) -> None:
    """Keep the drawing, as what it was read as unless the visitor has said what else it is."""
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
    words = ngettext("Kept. There is {n:,} drawing now.", "Kept. There are {n:,} drawings now.", count)
    st.toast(words.format(n=count), icon=":material/check:")
