"""The confusion matrix, the digits of one of its cells, and one digit with its reasons."""

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
    """Go back to the first page, with no digit open, because other digits are shown."""
    state.EVALUATE_PAGE.set(1)
    close()


def close() -> None:
    """Close the open digit."""
    query.write(state.DIGIT, None)


def offer_back(spec: DatasetSpec) -> None:
    """The button that closes an open digit and goes back to its tile."""
    words = _("Go back to the digits") if spec.are_digits else _("Go back to the images")
    st.button(words, icon=":material/arrow_back:", key=state.APP_CLOSE, on_click=_back)


def _back() -> None:
    state.APP_WAS_OPEN.set(state.DIGIT.get() or "")
    close()


def was_open() -> str:
    """The key of the tile of the digit that was just closed; it is returned only once."""
    return f"{TILE}{state.APP_WAS_OPEN.pop()}"


def open_digit(key: str) -> None:
    """Open the digit whose tile has this key."""
    query.write(state.DIGIT, key.removeprefix(TILE))


def _cell_clicked(classes: int) -> None:
    points = state.EVALUATE_MATRIX.get()["selection"]["points"]
    places = [int(points[0][axis]) for axis in ("y", "x")] if points else [classes, classes]
    true, read = (place if place < classes else ALL for place in places)  # the sums come after the classes
    _filter(true, read)


def _filter(true: int, read: int) -> None:
    """Show the digits of one cell; `ALL` for any class."""
    state.EVALUATE_TRUE.set(_ANY if true == ALL else true)
    state.EVALUATE_READ.set(_ANY if read == ALL else read)
    state.EVALUATE_SHOW.set("all")  # else a cell of the diagonal could be empty
    state.EVALUATE_SURE.set((0, 100))
    first_page()


def _chosen() -> tuple[int, int]:
    """The cell of the matrix that the filters choose, as (true, predicted); `ALL` for any class."""
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
    """The matrix and its digits.

    Args:
        run, epoch: the run and the epoch of the evaluation.
        reader: the network; None if it is missing.
        digits: the images; None if they are missing.
        spec: the data set that the run was trained on.
    """
    left, right = st.columns(2, gap="large")
    with right:
        st.header(_("Digits") if spec.are_digits else _("Images"), anchor=False)
        matching = _matching(evaluation, spec)
        opened = opened_digit(len(evaluation.labels))
        if digits is None or reader is None:
            pass  # the page has shown the reason
        elif opened is None:
            _gallery(evaluation, digits.images, matching, spec)
        else:
            _one(evaluation, digits, opened, spec)
            _explained(evaluation, reader, digits.images[opened], opened, run, epoch, spec)
    with left:
        _matrix(evaluation, spec)
        _pairs(evaluation, spec)


def opened_digit(total: int) -> int | None:
    """The position of the open digit among `total`, from the address; None if there is no such digit."""
    asked = state.DIGIT.get() or ""
    # A link may contain anything, and Python refuses a number with thousands of digits.
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
        alt=_("Confusion matrix: the rows are the true digits, the columns are the predicted digits")
        if spec.are_digits
        else _("Confusion matrix: the rows are the true classes, the columns are the predicted classes"),
    )
    st.caption(
        _("Each row is a true class, and each column is a predicted class. Correct predictions are on the "
          "diagonal. Click a cell, or a sum at the edge, to see its digits.")
        if spec.are_digits
        else _("Each row is a true class, and each column is a predicted class. Correct predictions are on "
               "the diagonal. Click a cell, or a sum at the edge, to see its images.")
    )  # fmt: skip


def _pairs(evaluation: Evaluation, spec: DatasetSpec) -> None:
    pairs = evaluation.confused()[:_PAIRS]
    if not pairs:
        return
    st.subheader(_("Most frequent confusions"), anchor=False)
    with st.container(horizontal=True, gap="small"):
        for pair in pairs:
            true, read = spec.classes[pair.true], spec.classes[pair.read]
            words = _("{true} → {read}: {times} of {written:,}").format(
                true=ui.plain(true), read=ui.plain(read), times=pair.times, written=pair.written
            )
            key = state.EVALUATE_PAIR[f"{pair.true}_{pair.read}"]
            st.button(words, key=key, on_click=_filter, args=(pair.true, pair.read))


def _matching(evaluation: Evaluation, spec: DatasetSpec) -> NDArray[np.int64]:
    """The filters. Returns the positions of the matching digits, the worst mistakes first."""
    words = {_ANY: _("any")} | dict(enumerate(spec.classes))
    kinds = {"all": _("all"), "wrong": _("mistakes"), "right": _("right")}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        for label, key in (
            (_("True class"), state.EVALUATE_TRUE),
            (_("Predicted class"), state.EVALUATE_READ),
        ):
            query.choice(key, words)
            st.selectbox(
                label, list(words), key=key, width=100, persist_state="session", on_change=first_page,
                format_func=words.__getitem__,
            )  # fmt: skip
        kind = query.switch(_("Show"), state.EVALUATE_SHOW, kinds, labelled=True, on_change=first_page)
        query.span(state.EVALUATE_SURE, range(101))
        st.slider(
            _("Confidence"), 0, 100, key=state.EVALUATE_SURE, format="%d%%",
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
    evaluation: Evaluation, images: NDArray[np.uint8], matching: NDArray[np.int64], spec: DatasetSpec
) -> None:
    if not len(matching):
        st.info(
            _("No digit matches these filters. Choose another cell, or choose any digit.")
            if spec.are_digits
            else _("No image matches these filters. Choose another cell, or choose any class.")
        )
        return
    on_page = matching[ui.pager(len(matching), _PER_PAGE, state.EVALUATE_PAGE)]
    words = ngettext(
        "{n:,} digit, the worst mistakes first. ✓ is a correct prediction. ✗ is a mistake: true class → "
        "predicted class. The percentage is the confidence. Press a digit to see the reasons.",
        "{n:,} digits, the worst mistakes first. ✓ is a correct prediction. ✗ is a mistake: true class → "
        "predicted class. The percentage is the confidence. Press a digit to see the reasons.",
        len(matching),
    )
    if not spec.are_digits:
        words = ngettext(
            "{n:,} image, the worst mistakes first. ✓ is a correct prediction. ✗ is a mistake: true class → "
            "predicted class. The percentage is the confidence. Press an image to see the reasons.",
            "{n:,} images, the worst mistakes first. ✓ is a correct prediction. ✗ is a mistake: true class "
            "→ predicted class. The percentage is the confidence. Press an image to see the reasons.",
            len(matching),
        )
    st.caption(words.format(n=len(matching)))
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
    """A digit with its true and its predicted class."""
    true, read = _names(evaluation, index, spec)
    words = _("Digit {index}: a {true}, read as {read}")
    if not spec.are_digits:
        words = _("Image {index}: a {true}, read as {read}")
    return Tile(
        images[index],
        _marked(true, read, evaluation.confidences[index]),
        words.format(index=index, true=true, read=read),
        right=true == read,
        key=f"{TILE}{index}" if clickable else "",
    )


def _names(evaluation: Evaluation, index: int, spec: DatasetSpec) -> tuple[str, str]:
    """The names of the true and of the predicted class."""
    return spec.classes[evaluation.labels[index]], spec.classes[evaluation.predictions[index]]


def _marked(true: str, read: str, confidence: float) -> str:
    return f"✓ {read} · {confidence:.0%}" if true == read else f"✗ {true} → {read} · {confidence:.0%}"


def _one(evaluation: Evaluation, digits: Digits, index: int, spec: DatasetSpec) -> None:
    """One digit, enlarged."""
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
    """The reasons for the prediction."""
    why = _("Why this digit") if spec.are_digits else _("Why this class")
    alike = _("Similar digits") if spec.are_digits else _("Similar images")
    views = {"why": why, "alike": alike}
    if len(epoch_weights.kept(run)) > 1:
        views["course"] = _("Over the epochs")
    view = query.switch(_("View"), state.EVALUATE_EXPLAINED, views)
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
        alt=_("The probability of the true digit and of its strongest rivals after each epoch")
        if spec.are_digits
        else _("The probability of the true class and of its strongest rivals after each epoch"),
    )  # fmt: skip
    words = _("The probability of {true} and of its strongest rivals after each epoch.")
    st.caption(words.format(true=ui.plain(spec.classes[true])))


@st.cache_data(max_entries=64, show_spinner=False)
def _asked(run: Path, image: NDArray[np.uint8], kept: int) -> tuple[list[int], NDArray[np.float32]]:
    return epoch_weights.course(run, image)
