"""From the confusion matrix to the digits of a cell to one of them, in two clicks."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core import charts, ui
from core.charts import ALL
from core.data.specs import DatasetSpec
from core.evaluation.recognition import Reader
from core.evaluation.results import Evaluation
from core.i18n import _, ngettext
from core.runs import epoch_weights
from core.ui import query, reasons, state
from core.ui.bars import bars
from core.ui.gallery import Tile, gallery
from core.ui.testset import Digits

_PER_PAGE = 25
_ANY = "any"
_PAIRS = 5
TILE = "open_"


def first_page() -> None:
    """Other digits are leafed through from the start, and none of them is open."""
    state.EVALUATE_PAGE.set(1)
    close()


def close() -> None:
    """Back to all the digits."""
    query.write(state.DIGIT, None)


def offer_back(spec: DatasetSpec) -> None:
    """The button that closes an open digit, back to its tile."""
    words = _("Back to the digits") if spec.are_digits else _("Back to the images")
    st.button(words, icon=":material/arrow_back:", key=state.APP_CLOSE, on_click=_back)


def _back() -> None:
    state.APP_WAS_OPEN.set(state.DIGIT.get() or "")
    close()


def was_open() -> str:
    """The key of the tile to come back to, once."""
    return f"{TILE}{state.APP_WAS_OPEN.pop()}"


def open_digit(key: str) -> None:
    """Open the digit whose tile has this key."""
    query.write(state.DIGIT, key.removeprefix(TILE))


def _cell_clicked(classes: int) -> None:
    points = state.EVALUATE_MATRIX.get()["selection"]["points"]
    places = [int(points[0][axis]) for axis in ("y", "x")] if points else [classes, classes]
    true, read = (place if place < classes else ALL for place in places)  # the margins come after the classes
    _filter(true, read)


def _filter(true: int, read: int) -> None:
    """Show the digits of one cell; `ALL` for any."""
    state.EVALUATE_TRUE.set(_ANY if true == ALL else true)
    state.EVALUATE_READ.set(_ANY if read == ALL else read)
    state.EVALUATE_SHOW.set("all")  # or a cell of the diagonal would be empty
    state.EVALUATE_SURE.set((0, 100))
    first_page()


def _chosen() -> tuple[int, int]:
    """The cell of the matrix that the filters let through, as (true, read); `ALL` for any."""
    true, read = state.EVALUATE_TRUE.get(), state.EVALUATE_READ.get()
    return ALL if isinstance(true, str) else true, ALL if isinstance(read, str) else read


def show(
    evaluation: Evaluation,
    reader: Reader | None,
    digits: Digits | None,
    run: Path,
    epoch: int,
    spec: DatasetSpec,
) -> None:
    """The matrix and the digits that it is about.

    Args:
        run, epoch: whose they are.
        reader: what read them; None where it is not there.
        digits: the images; None where they are not there.
        spec: what they are.
    """
    left, right = st.columns(2, gap="large")
    with right:
        st.header(_("The digits") if spec.are_digits else _("The images"), anchor=False)
        found = _matching(evaluation, spec)
        opened = opened_digit(len(evaluation.labels))
        if digits is None or reader is None:
            pass  # the page has said why
        elif opened is None:
            _gallery(evaluation, digits.images, found, spec)
        else:
            _one(evaluation, digits, opened, spec)
            _explained(evaluation, reader, digits.images[opened], opened, run, epoch, spec)
    with left:
        _matrix(evaluation, spec)
        _pairs(evaluation, spec)


def opened_digit(total: int) -> int | None:
    """Which of so many digits is open, by the page's address; None unless there is such a digit."""
    asked = state.DIGIT.get() or ""
    # A link may say anything, and Python reads no number of thousands of digits.
    is_number = asked.isdecimal() and len(asked) <= len(str(total))
    return int(asked) if is_number and int(asked) < total else None


def _matrix(evaluation: Evaluation, spec: DatasetSpec) -> None:
    st.header(_("Confusion matrix"), anchor=False)
    units = {"counts": _("counts"), "shares": _("% of the row")}
    unit = query.switch(_("Show"), state.EVALUATE_MATRIX_UNIT, units)
    ui.chart(
        charts.confusion(evaluation.confusion(), _chosen(), spec, shares=unit == "shares"),
        key=state.EVALUATE_MATRIX,
        on_select=partial(_cell_clicked, len(spec.classes)),
        selection_mode="points",
        alt=_("Confusion matrix: true digits down, the digits they were read as across")
        if spec.are_digits
        else _("Confusion matrix: true classes down, the classes they were read as across"),
    )
    st.caption(
        _("A row is what was written, a column what was read: right answers lie on the diagonal. "
          "Click a cell, or a sum at the edge, to see its digits.")
        if spec.are_digits
        else _("A row is the true class, a column what was read: right answers lie on the diagonal. "
               "Click a cell, or a sum at the edge, to see its images.")
    )  # fmt: skip


def _pairs(evaluation: Evaluation, spec: DatasetSpec) -> None:
    pairs = evaluation.confused()[:_PAIRS]
    if not pairs:
        return
    st.subheader(_("Confused most"), anchor=False)
    with st.container(horizontal=True, gap="small"):
        for pair in pairs:
            true, read = spec.classes[pair.true], spec.classes[pair.read]
            words = _("{true} → {read}: {times} of {written:,}").format(
                true=ui.plain(true), read=ui.plain(read), times=pair.times, written=pair.written
            )
            key = state.EVALUATE_PAIR[f"{pair.true}_{pair.read}"]
            st.button(words, key=key, on_click=_filter, args=(pair.true, pair.read))


def _matching(evaluation: Evaluation, spec: DatasetSpec) -> NDArray[np.int64]:
    """Let the visitor filter. Returns the digits that come through, the worst mistakes first."""
    words = {_ANY: _("any")} | dict(enumerate(spec.classes))
    kinds = {"all": _("all"), "wrong": _("mistakes"), "right": _("right")}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        for label, key in ((_("Written"), state.EVALUATE_TRUE), (_("Read as"), state.EVALUATE_READ)):
            query.choice(key, words)
            st.selectbox(
                label, list(words), key=key, width=100, persist_state="session", on_change=first_page,
                format_func=words.__getitem__,
            )  # fmt: skip
        kind = query.switch(_("Show"), state.EVALUATE_SHOW, kinds, labelled=True, on_change=first_page)
        query.span(state.EVALUATE_SURE, range(101))
        st.slider(
            _("How sure it was"), 0, 100, key=state.EVALUATE_SURE, format="%d%%",
            persist_state="session", on_change=first_page, width=180,
        )  # fmt: skip
    true, read = _chosen()
    low, high = state.EVALUATE_SURE.get()
    keep = (100 * evaluation.confidences >= low) & (100 * evaluation.confidences <= high)
    if true != ALL:
        keep &= evaluation.labels == true
    if read != ALL:
        keep &= evaluation.predictions == read
    if kind != "all":
        keep &= (evaluation.predictions == evaluation.labels) == (kind == "right")
    return evaluation.worst_first(np.flatnonzero(keep))


def _gallery(
    evaluation: Evaluation, images: NDArray[np.uint8], found: NDArray[np.int64], spec: DatasetSpec
) -> None:
    if not len(found):
        st.info(
            _("No digit is like that. Choose another cell, or any digit.")
            if spec.are_digits
            else _("No image is like that. Choose another cell, or any class.")
        )
        return
    on_page = found[ui.pager(len(found), _PER_PAGE, state.EVALUATE_PAGE)]
    words = ngettext(
        "{n:,} digit, the worst mistakes first. ✓ read right, ✗ written → read, and how sure it was. "
        "Press one to see why.",
        "{n:,} digits, the worst mistakes first. ✓ read right, ✗ written → read, and how sure it was. "
        "Press one to see why.",
        len(found),
    )
    if not spec.are_digits:
        words = ngettext(
            "{n:,} image, the worst mistakes first. ✓ read right, ✗ true → read, and how sure it was. "
            "Press one to see why.",
            "{n:,} images, the worst mistakes first. ✓ read right, ✗ true → read, and how sure it was. "
            "Press one to see why.",
            len(found),
        )
    st.caption(words.format(n=len(found)))
    gallery(
        [tile(evaluation, images, int(index), spec) for index in on_page],
        key=state.EVALUATE_MISTAKE_TILES, on_click=open_digit, focus=was_open(),
    )  # fmt: skip


def tile(
    evaluation: Evaluation,
    images: NDArray[np.uint8],
    index: int,
    spec: DatasetSpec,
    *,
    clickable: bool = True,
) -> Tile:
    """A digit, what it is and what it was read as."""
    true, read = _names(evaluation, index, spec)
    words = _("Digit {index}, a {true} read as {read}")
    if not spec.are_digits:
        words = _("Image {index}, a {true} read as {read}")
    return Tile(
        images[index],
        _marked(true, read, evaluation.confidences[index]),
        words.format(index=index, true=true, read=read),
        right=true == read,
        key=f"{TILE}{index}" if clickable else "",
    )


def _names(evaluation: Evaluation, index: int, spec: DatasetSpec) -> tuple[str, str]:
    """What an image is, and what it was read as."""
    return spec.classes[evaluation.labels[index]], spec.classes[evaluation.predictions[index]]


def _marked(true: str, read: str, confidence: float) -> str:
    return f"✓ {read} · {confidence:.0%}" if true == read else f"✗ {true} → {read} · {confidence:.0%}"


def _one(evaluation: Evaluation, digits: Digits, index: int, spec: DatasetSpec) -> None:
    """One digit, large."""
    true, read = _names(evaluation, index, spec)
    offer_back(spec)
    words = _("Digit {index}: a {true}, read as {read} ({share:.1%})")
    if not spec.are_digits:
        words = _("Image {index}: a {true}, read as {read} ({share:.1%})")
    st.header(
        words.format(
            index=index, true=ui.plain(true), read=ui.plain(read), share=evaluation.confidences[index]
        ),
        anchor=False,
    )
    with st.container(horizontal=True, gap="large"):
        image = digits.images[index]
        with st.container(width=174):
            alt = _("A {true} as {size} pixels").format(true=true, size=spec.side_by_side)
            st.image(charts.tile(image, right=true == read, scale=6), width=168, alt=alt)
        with st.container(width=260):
            bars(evaluation.probabilities[index], spec, key=state.EVALUATE_DIGIT_BARS)


def _explained(
    evaluation: Evaluation,
    reader: Reader,
    image: NDArray[np.uint8],
    index: int,
    run: Path,
    epoch: int,
    spec: DatasetSpec,
) -> None:
    """What the answer comes from."""
    why = _("Why this digit") if spec.are_digits else _("Why this class")
    views = {"why": why, "alike": _("Look-alikes")}
    if len(epoch_weights.kept(run)) > 1:
        views["course"] = _("Over the epochs")
    view = query.switch(_("What to look at"), state.EVALUATE_EXPLAINED, views)
    if view == "course":
        _course(run, image, int(evaluation.labels[index]), epoch, spec)
        return
    reading = reader.read(image[None])[0]._replace(probabilities=evaluation.probabilities[index])
    (reasons.why if view == "why" else reasons.alike)(reader, reading)


def _course(run: Path, image: NDArray[np.uint8], true: int, epoch: int, spec: DatasetSpec) -> None:
    try:
        asked, probabilities = _asked(run, image, len(epoch_weights.kept(run)))
    except epoch_weights.EpochMissing as error:
        st.info(ui.plain(error))
        return
    ui.chart(
        charts.course(asked, probabilities, true, epoch or None, spec), key=state.EVALUATE_COURSE,
        alt=_("The probability of the digit and of its rivals after each epoch")
        if spec.are_digits
        else _("The probability of the class and of its rivals after each epoch"),
    )  # fmt: skip
    words = _("How likely it was a {true}, and its strongest rivals, after each epoch.")
    st.caption(words.format(true=ui.plain(spec.classes[true])))


@st.cache_data(max_entries=64, show_spinner=False)
def _asked(run: Path, image: NDArray[np.uint8], kept: int) -> tuple[list[int], NDArray[np.float32]]:
    return epoch_weights.course(run, image)
