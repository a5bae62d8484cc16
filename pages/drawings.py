"""The Drawings page: saved drawings, to test runs on and to fine-tune runs on."""

from collections.abc import Callable, Sequence
from pathlib import Path

import streamlit as st

from core import charts, ui
from core.drawing import collection, interchange, store
from core.drawing.collection import Drawing
from core.i18n import _, ngettext
from core.lazy import pandas
from core.network import predict
from core.runs import notes, records, run_folder
from core.ui import query, state
from core.ui.drawings import finetuning
from core.ui.gallery import Tile, gallery

PER_PAGE = 40
TESTED = 10  # most runs in the table; each of them reads all drawings
ANY = -1
Action = Callable[[], object]


def attempt(action: Action) -> None:
    """Run the action of a button before the page runs. If the action fails, the page shows the error."""
    try:
        action()
    except (collection.TooMany, store.DamagedDrawings, interchange.BadDrawings, OSError) as error:
        state.DRAWINGS_TROUBLE.set(error)


def chosen(every: Sequence[Drawing], writers: Sequence[str]) -> list[Drawing]:
    """The filters. Returns the drawings that match."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        query.choice(state.DRAWINGS_DRAWN_BY, [finetuning.EVERYBODY, *writers])
        writer = st.selectbox(
            _("Drawn by"), [finetuning.EVERYBODY, *writers], key=state.DRAWINGS_DRAWN_BY, width=220,
            format_func=lambda name: name or _("everybody"),
        )  # fmt: skip
        query.choice(state.DRAWINGS_WHAT_IT_IS, [ANY, *range(10)])
        label = st.selectbox(
            _("True digit"), [ANY, *range(10)], key=state.DRAWINGS_WHAT_IT_IS, width=120,
            format_func=lambda digit: _("any") if digit == ANY else str(digit),
        )  # fmt: skip
        query.choice(state.DRAWINGS_READ_WRONG, [False, True])
        wrong = st.toggle(_("Only mistakes"), key=state.DRAWINGS_READ_WRONG)
    return [
        drawing
        for drawing in every
        if writer in (finetuning.EVERYBODY, drawing.writer)
        and label in (ANY, drawing.label)
        and not (wrong and drawing.answer == drawing.label)
    ]


def browse(matching: Sequence[Drawing]) -> None:
    """One page of drawings. A click on a drawing opens it."""
    if not matching:
        st.info(_("No drawing matches these filters."))
        return
    query.number(state.DRAWINGS_PAGE, 1, max(1, len(matching)))
    on_page = matching[ui.pager(len(matching), PER_PAGE, state.DRAWINGS_PAGE)]
    if pressed := gallery([tile(drawing) for drawing in on_page], key=state.DRAWINGS_DRAWING_TILES):
        state.DRAWINGS_OPENED.set(int(pressed.removeprefix("drawing_")))
    st.caption(
        _(
            "Press a drawing to correct or delete it. ✗ is a mistake at the time of drawing: true "
            "digit → predicted digit."
        )
    )


def tile(drawing: Drawing) -> Tile:
    read = drawing.answer
    right = None if read is None else read == drawing.label
    return Tile(
        drawing.image,
        f"✗ {drawing.label} → {read}" if right is False else str(drawing.label),
        _("A {label} by {writer}").format(label=drawing.label, writer=drawing.writer or _("somebody")),
        right=right,
        key=f"drawing_{drawing.id}",
    )


def correct(drawing: Drawing, file: Path) -> None:
    """Correct the label of a drawing, or delete the drawing."""
    with st.container(border=True, horizontal=True, vertical_alignment="bottom"):
        st.image(charts.tile(drawing.image), width=84, alt=_("Drawing"))
        st.markdown(
            _("Saved as a **{label}**, drawn by {writer}.").format(
                label=drawing.label, writer=ui.plain(drawing.writer or _("somebody"))
            )
        )
        label = state.DRAWINGS_LABEL[drawing.id]
        st.selectbox(_("Correct digit"), range(10), drawing.label, key=label, width=90)
        st.button(
            _("Correct the drawing"), icon=":material/check:", key=state.DRAWINGS_RELABEL, on_click=attempt,
            args=(lambda: collection.relabel(file, drawing.id, label.get()),),
        )  # fmt: skip
        st.button(
            _("Delete the drawing"), icon=":material/delete:", key=state.DRAWINGS_DELETE, on_click=attempt,
            args=(lambda: delete(drawing, file),),
        )  # fmt: skip


def delete(drawing: Drawing, file: Path) -> None:
    state.DRAWINGS_DELETED.set(collection.delete(file, [drawing.id]))


def undo(file: Path, most: int) -> None:
    """Offer to undo the last deletion."""
    deleted = state.DRAWINGS_DELETED.get()
    if not deleted:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        words = ngettext("{n} drawing was deleted.", "{n} drawings were deleted.", len(deleted))
        st.markdown(words.format(n=len(deleted)))
        st.button(
            _("Undo the deletion"), icon=":material/undo:", key=state.DRAWINGS_UNDO, on_click=attempt,
            args=(lambda: put_back(file, most),),
        )  # fmt: skip


def put_back(file: Path, most: int) -> None:
    collection.add(file, state.DRAWINGS_DELETED.get(), most)
    state.DRAWINGS_DELETED.set([])


def take_and_bring(matching: Sequence[Drawing], file: Path, most: int) -> None:
    """Download the drawings that match the filters, or add drawings from a file."""
    with st.expander(_("Download or add drawings"), icon=":material/swap_vert:"):
        st.download_button(
            ngettext("Download {n:,} drawing", "Download {n:,} drawings", len(matching)).format(
                n=len(matching)
            ),
            data=lambda: interchange.pack(with_strokes(matching, file)),
            file_name="drawings.json.gz", mime="application/gzip",
            icon=":material/download:", key=state.DRAWINGS_DOWNLOAD, disabled=not matching,
        )  # fmt: skip
        st.caption(_("Pen strokes, true digits and images, as gzipped JSON."))
        ui.say_where_files_are_taken()
        given = st.file_uploader(
            _("A file of drawings"), type=["gz", "json"], key=state.DRAWINGS_UPLOAD,
            max_upload_size=interchange.MOST_BYTES // 1_000_000,
        )  # fmt: skip
        if given:
            st.button(
                _("Add the drawings"), icon=":material/upload:", key=state.DRAWINGS_BRING, on_click=attempt,
                args=(lambda: bring(given.getvalue(), file, most),),
            )  # fmt: skip
        if (n := state.DRAWINGS_ADDED.pop()) is not None:
            words = ngettext("{n:,} new drawing was added.", "{n:,} new drawings were added.", n)
            st.success(words.format(n=n), icon=":material/check:")


def bring(data: bytes, file: Path, most: int) -> None:
    state.DRAWINGS_ADDED.set(collection.add(file, interchange.unpack(data), most))


def with_strokes(matching: Sequence[Drawing], file: Path) -> list[Drawing]:
    """The drawings with their strokes, which only a download needs."""
    ids = {drawing.id for drawing in matching}
    return [drawing for drawing in collection.every(file) if drawing.id in ids]


def tested(every: Sequence[Drawing]) -> None:
    """The accuracy of each run on the drawings, next to its accuracy on its own test images."""
    images, labels = collection.arrays(every)
    rows = []
    trained = [run for run in records.that_take_drawings(ui.settings().runs) if not notes.is_temporary(run)]
    # The last run is the starter model.
    shown = list(dict.fromkeys([*trained[: TESTED - 1], trained[-1]]))
    lines = ui.run_labels(shown)
    for run in shown:
        try:
            right = int((ui.reader(run).predictor.probabilities(images).argmax(axis=1) == labels).sum())
            accuracy = run_folder.status(run).test_accuracy
        except (predict.NotTrained, run_folder.UnknownRun):
            continue
        rows.append((right / len(labels), f"{right:,} / {len(labels):,}", accuracy, lines[run.name]))
    # The numbers first: on a narrow screen, the name of a run would fill the whole table.
    share = st.column_config.NumberColumn
    st.dataframe(
        pandas.DataFrame(rows, columns=["ours", "count", "test", "run"]),
        hide_index=True, key=state.DRAWINGS_TESTED, alt=_("How well each run reads the drawings"),
        column_config={
            "run": _("run"),
            "ours": share(_("these drawings"), format="percent"),
            "count": _("read right"),
            "test": share(_("its test images"), format="percent"),
        },
    )  # fmt: skip


ui.heading(
    _("Drawings"),
    _(
        "These drawings were made on the Draw page. The people who drew them chose the true digits. The "
        "drawings are your own test set: they show how well a network reads *your* handwriting. You can "
        "also train a network on them."
    ),
)
settings = ui.settings()
if trouble := state.DRAWINGS_TROUBLE.pop():
    ui.sorry(trouble)
try:
    every, writers = collection.every(settings.drawings, strokes=False), collection.writers(settings.drawings)
except (store.DamagedDrawings, OSError) as error:
    ui.sorry(error)
    st.stop()
undo(settings.drawings, settings.max_drawings)
if not every:
    st.info(_("No drawing has been saved yet. Draw digits, and say whether the network reads them right."))
    st.page_link(ui.PAGES["draw"], label=_("Draw a digit"), icon=":material/draw:")
    take_and_bring([], settings.drawings, settings.max_drawings)
    st.stop()

st.header(ngettext("{n:,} drawing", "{n:,} drawings", len(every)).format(n=len(every)), anchor=False)
matching = chosen(every, writers)
browse(matching)
query.number(state.DRAWINGS_OPENED, 0, 2**53)  # none has the number 0
if clicked := next((drawing for drawing in every if drawing.id == state.DRAWINGS_OPENED.get()), None):
    correct(clicked, settings.drawings)
take_and_bring(matching, settings.drawings, settings.max_drawings)

st.header(_("Accuracy of the runs"), anchor=False)
tested(every)

st.header(_("Fine-tune a run"), anchor=False)
finetuning.offer(every, writers)
finetuning.outcome(every)
