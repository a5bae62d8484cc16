"""Charts on a page, and the foot of every page, where they can be downloaded."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core import charts, literal
from core.exports import file_names
from core.i18n import _
from core.lazy import go
from core.ui import query, state
from core.ui.state import Key

PICTURE_FORMATS = ("png", "svg")
_PICTURE_SCALE = 2  # pixels of the file for each pixel on the screen


def new_charts() -> None:
    """Forget the charts of the page. A fragment that draws all charts of its page calls this first."""
    state.APP_CHARTS.set({})
    state.APP_FOOTED.set(False)


def charts_are_of(run: Path) -> None:
    """Let the file names of the charts on this page begin with the name of this run."""
    state.APP_CHARTS_OF.set(file_names.stem(run))


def _chart_file(name: str) -> str:
    return f"{state.APP_CHARTS_OF.get()}-{name.replace('_', '-')}"


def chart(
    figure: go.Figure,
    *,
    key: Key[Any],
    alt: str,
    numbers: Callable[[], list[list[Any]]] | None = None,
    into: DeltaGenerator | None = None,
    **options: Any,
) -> Any:
    """A chart. A button on it downloads an image, and the foot of the page its numbers.

    Its texts are shown literally, see `core.charts.literal`.

    Args:
        alt: a description for screen readers.
        numbers: returns the numbers as rows of a table, the names of the columns first. Called at the
            download. None if `core.charts.table` can read them from the figure.
        into: where to draw the chart; None for here.
        options: as for `streamlit.plotly_chart`.
    """
    state.APP_CHARTS.begin({})[key.name] = (alt, figure, numbers)
    form = state.APP_PICTURE_FORMAT.get() or PICTURE_FORMATS[0]
    config = {
        "displaylogo": False,
        "modeBarButtons": [["toImage"]],
        "toImageButtonOptions": {"format": form, "filename": _chart_file(key.name), "scale": _PICTURE_SCALE},
    }
    return (into or st).plotly_chart(charts.literal(figure), key=key, alt=alt, config=config, **options)


def foot(*, of_fragment: bool = False) -> None:
    """The foot of every page: a button to download its charts.

    Args:
        of_fragment: whether this is the end of a fragment that has drawn all charts of the page.
    """
    if not of_fragment:
        query.end()
    if state.APP_FOOTED.get():
        return
    state.APP_FOOTED.set(of_fragment)
    # A figure that has only shapes has no numbers.
    drawn = state.APP_CHARTS.get().items()
    shown = {name: alt for name, (alt, figure, _numbers) in drawn if figure.data}
    if not shown:
        return
    with st.popover(_("Download a chart"), icon=":material/download:", type="tertiary"):
        if state.APP_CHART.get() not in shown:
            state.APP_CHART.pop()
        name = st.selectbox(_("Chart"), list(shown), key=state.APP_CHART, format_func=shown.__getitem__)
        st.download_button(
            _("Download the data (CSV)"), partial(_as_csv, state.APP_CHARTS.get(), name),
            f"{_chart_file(name)}.csv", "text/csv",
            icon=":material/table_chart:", key=state.APP_TAKE_CHART, on_click="ignore",
        )  # fmt: skip
        st.segmented_control(
            _("Format of the camera button"), PICTURE_FORMATS, default=PICTURE_FORMATS[0],
            required=True, format_func=str.upper, key=state.APP_PICTURE_FORMAT, persist_state="session",
            help=_("Point at a chart or tap it. A camera button appears at its upper right."),
        )  # fmt: skip


def _as_csv(shown: dict[str, tuple[str, go.Figure, Callable[[], list[list[Any]]] | None]], name: str) -> str:
    """A chart as CSV. `shown` is passed in, because the download runs outside of the session."""
    text = io.StringIO()
    _alt, figure, numbers = shown[name]
    rows = numbers() if numbers else charts.table(figure)
    csv.writer(text).writerows(
        [literal.spreadsheet(cell) if isinstance(cell, str) else cell for cell in row] for row in rows
    )
    return text.getvalue()
