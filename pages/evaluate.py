"""What a trained network gets right and wrong on the test images."""

from pathlib import Path

import numpy as np
import streamlit as st

from core import charts, datasets, drawings, evaluate, predict, runs, ui
from core.evaluate import Evaluation
from core.i18n import _, ngettext

PER_PAGE = 25
ANY = "any"
DIGITS = [ANY, *range(10)]


def cell_clicked() -> None:
    """Filter the digits by the cell of the matrix that was clicked."""
    points = st.session_state["matrix"]["selection"]["points"]
    st.session_state["true_shown"] = points[0]["y"] if points else ANY
    st.session_state["read_shown"] = points[0]["x"] if points else ANY
    st.session_state["mistakes_only"] = False  # or a cell of the diagonal would be empty
    first_page()


def first_page() -> None:
    st.session_state["evaluate_page"] = 1


def chosen_cell() -> tuple[int, int] | None:
    """The one cell of the matrix that the filters let through, as (true, read)."""
    cell = st.session_state["true_shown"], st.session_state["read_shown"]
    return None if ANY in cell else cell


def matching(evaluation: Evaluation) -> np.ndarray:
    """The indices of the test images that the filters let through."""
    keep = np.ones(len(evaluation.labels), bool)
    if st.session_state["true_shown"] != ANY:
        keep &= evaluation.labels == st.session_state["true_shown"]
    if st.session_state["read_shown"] != ANY:
        keep &= evaluation.predictions == st.session_state["read_shown"]
    if st.session_state["mistakes_only"]:
        keep &= evaluation.predictions != evaluation.labels
    found = np.flatnonzero(keep)
    # Within one cell the most confident answers come first: they are the most telling.
    return found[np.argsort(-evaluation.confidences[found], kind="stable")] if chosen_cell() else found


def filters() -> None:
    words = {ANY: _("any")}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        for label, key in ((_("Written"), "true_shown"), (_("Read as"), "read_shown")):
            st.selectbox(
                label, DIGITS, key=key, width=110, persist_state="session", on_change=first_page,
                format_func=lambda digit: words.get(digit, str(digit)),
            )  # fmt: skip
        st.toggle(_("Only mistakes"), key="mistakes_only", persist_state="session", on_change=first_page)


def show_digits(run: Path, name: str, evaluation: Evaluation) -> None:
    """The digits that the filters let through, a page at a time."""
    found = matching(evaluation)
    if not len(found):
        st.info(_("No test image is like that. Choose another cell, or any digit."))
        return
    try:
        dataset = ui.dataset(name)
    except datasets.DatasetMissing as error:
        st.info(ui.plain(error), icon=":material/download:")
        st.page_link(ui.PAGES["data"], label=_("Get it on the Data page"), icon=":material/grid_view:")
        return
    except datasets.BadDataFile as error:
        ui.sorry(error)
        return
    if runs.environment(run).get("dataset_sha256") != dataset.digest:
        ui.sorry(
            _("{name} has changed since this run was trained: it cannot be shown. Train anew.").format(
                name=name
            )
        )  # fmt: skip
        return
    on_page = found[ui.pager(len(found), PER_PAGE, "evaluate_page")]
    st.caption(
        ngettext(
            "{n:,} digit. ✓ read right, ✗ written → read, and how sure the network was.",
            "{n:,} digits. ✓ read right, ✗ written → read, and how sure the network was.",
            len(found),
        ).format(n=len(found))
    )
    ui.gallery([tile(evaluation, dataset.x_test, int(index)) for index in on_page])


def tile(evaluation: Evaluation, images: np.ndarray, index: int) -> ui.Tile:
    true, read = int(evaluation.labels[index]), int(evaluation.predictions[index])
    confidence = evaluation.confidences[index]
    right = true == read
    return ui.Tile(
        images[index],
        f":green[✓ {read}] · {confidence:.0%}" if right else f":red[✗ {true} → {read}] · {confidence:.0%}",
        _("Test image {index}, a {true} read as {read}").format(index=index, true=true, read=read),
        right=right,
    )


def own_drawings(run: Path) -> None:
    """How the run reads the drawings that were kept, where there are any."""
    try:
        found = drawings.every(ui.settings().drawings, strokes=False)
        images, labels = drawings.arrays(found)
        right = ui.reader(run).predictor.probabilities(images).argmax(axis=1) == labels
    except (drawings.DamagedDrawings, predict.NotTrained, OSError):
        return  # the pages that are about them say so
    if not found:
        return
    words = ngettext("Of {n:,} kept drawing", "Of {n:,} kept drawings", len(found))
    hint = _("The share that is read right of what was drawn and kept here: see the Drawings page.")
    st.metric(words.format(n=len(found)), f"{right.mean():.0%}", border=True, help=hint)


ui.heading(
    _("Evaluate"),
    _(
        "How well does the network read digits that it has never seen? One number says how often it is "
        "right; the confusion matrix says what it takes for what."
    ),
)

run = ui.choose_run([run for run in runs.trained(ui.settings().runs) if (run / "evaluation.npz").is_file()])
try:
    evaluation, config = ui.evaluation(run), runs.config(run)
except (evaluate.NotEvaluated, runs.UnknownRun) as error:
    ui.sorry(_("{reason} Choose another run.").format(reason=error))
    st.stop()

wrong = int(np.sum(evaluation.predictions != evaluation.labels))
with st.grid("auto", min_column_width=140):
    st.metric(_("Test accuracy"), f"{evaluation.accuracy:.2%}", border=True,
              help=_("The share of test images that were read right."))  # fmt: skip
    st.metric(_("Test loss"), f"{evaluation.loss:.4f}", border=True,
              help=_("The mean cross-entropy. Low: the right digits got much probability."))  # fmt: skip
    st.metric(_("Test images"), f"{len(evaluation.labels):,}", border=True)
    st.metric(_("Read wrong"), f"{wrong:,}", border=True)
    own_drawings(run)

st.session_state.setdefault("true_shown", ANY)
st.session_state.setdefault("read_shown", ANY)
st.session_state.setdefault("mistakes_only", False)

matrix_side, digits_side = st.columns(2, gap="large")
with matrix_side:
    st.subheader(_("Confusion matrix"), anchor=False)
    unit = st.segmented_control(
        _("Show"), ["counts", "shares"], default="counts", required=True, key="matrix_unit",
        format_func={"counts": _("counts"), "shares": _("% of the row")}.__getitem__, persist_state="session",
    )  # fmt: skip
    st.plotly_chart(
        charts.confusion(
            evaluation.confusion(shares=unit == "shares"),
            chosen_cell(),
            shares=unit == "shares",
        ),
        key="matrix",
        on_select=cell_clicked,
        selection_mode="points",
        config={"displayModeBar": False},
        alt=_("Confusion matrix: true digits down, the digits they were read as across"),
    )
    st.caption(
        _("A row is what was written, a column what was read: right answers lie on the diagonal. "
          "Click a cell to see its digits.")
    )  # fmt: skip

with digits_side:
    st.subheader(_("The digits"), anchor=False)
    filters()
    show_digits(run, config.dataset, evaluation)

st.subheader(_("By digit"), anchor=False)
st.dataframe(
    evaluation.report(),
    key="report",
    column_config={
        "_index": st.column_config.Column(_("digit")),
        "precision": st.column_config.NumberColumn(
            _("precision"), format="%.4f", help=_("Of the images read as this digit, the share that are it.")
        ),
        "recall": st.column_config.NumberColumn(
            _("recall"), format="%.4f", help=_("Of the images of this digit, the share that were read as it.")
        ),
        "f1": st.column_config.NumberColumn(
            "F1", format="%.4f", help=_("The harmonic mean of precision and recall.")
        ),
        "support": st.column_config.NumberColumn(
            _("support"), format="localized", help=_("How many images of this digit there are.")
        ),
    },
    height="content",
    alt=_("Precision, recall, F1 and support for each digit and their means"),
)
st.caption(_("macro: every digit counts the same. weighted: a digit counts as often as it occurs."))
