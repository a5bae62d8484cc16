"""A chart on a page, and what every page ends with: its charts, to download."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core import charts, literal
from core.exports import file_names
from core.i18n import _
from core.ui import query, state
from core.ui.state import Key

PICTURE_FORMATS = ("png", "svg")
_PICTURE_SCALE = 2  # pixels of a picture for one on the screen


def new_charts() -> None:
    """Forget the charts: others are about to be drawn. For a fragment that draws all of its page's."""
    state.APP_CHARTS.set({})
    state.APP_FOOTED.set(False)


def charts_are_of(run: Path) -> None:
    """Have the files of the page's charts begin with the name of this run."""
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
    """A chart, of which a picture can be taken where it is, and its numbers at the foot of the page.

    Its texts are shown as they are, see `core.charts.literal`.

    Args:
        alt: what it shows, for those who do not see it.
        numbers: its numbers, row by row, the names of the columns first, where they cannot be read off the
            figure, see `core.charts.table`; called when somebody takes them.
        into: where to draw it; None for here.
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
    """What there is at the foot of every page: the charts that it shows, to take away.

    Args:
        of_fragment: this is the end of a fragment that has drawn them all, and there is no other foot.
    """
    if not of_fragment:
        query.end()
    if state.APP_FOOTED.get():
        return
    state.APP_FOOTED.set(of_fragment)
    # A picture that is made of shapes alone has no numbers.
    drawn = state.APP_CHARTS.get().items()
    shown = {name: alt for name, (alt, figure, _numbers) in drawn if figure.data}
    if not shown:
        return
    with st.popover(_("Download a chart"), icon=":material/download:", type="tertiary"):
        if state.APP_CHART.get() not in shown:
            state.APP_CHART.pop()
        name = st.selectbox(_("Chart"), list(shown), key=state.APP_CHART, format_func=shown.__getitem__)
        st.download_button(
            _("Download its numbers (CSV)"), partial(_as_csv, state.APP_CHARTS.get(), name),
            f"{_chart_file(name)}.csv", "text/csv",
            icon=":material/table_chart:", key=state.APP_TAKE_CHART, on_click="ignore",
        )  # fmt: skip
        st.segmented_control(
            _("The camera on a chart takes it as"), PICTURE_FORMATS, default=PICTURE_FORMATS[0],
            required=True, format_func=str.upper, key=state.APP_PICTURE_FORMAT, persist_state="session",
            help=_("Point at a chart, or tap it, and a camera appears at its upper right."),
        )  # fmt: skip


def _as_csv(shown: dict[str, tuple[str, go.Figure, Callable[[], list[list[Any]]] | None]], name: str) -> str:
    """A chart as CSV, as it is when somebody asks: there is no session by then, and it may have gone on."""
    text = io.StringIO()
    _alt, figure, numbers = shown[name]
    rows = numbers() if numbers else charts.table(figure)
    csv.writer(text).writerows(
        [literal.spreadsheet(cell) if isinstance(cell, str) else cell for cell in row] for row in rows
    )
    return text.getvalue()
