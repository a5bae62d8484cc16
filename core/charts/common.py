"""What several charts share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from core.lazy import go
from core.literal import plotly

Row = Mapping[str, Any]

MARGIN = "#7C868D"  # readable on light and on dark paper
MARK = "#B5651D"  # readable on light and on dark paper


def table(figure: go.Figure) -> list[list[Any]]:
    """The numbers of a chart as rows of a table. The first row holds the names of the columns.

    A cell of a heat map has the labels of its axes, if there are any.
    """
    layout = figure.layout
    rows: list[list[Any]] = [["", layout.xaxis.title.text or "x", layout.yaxis.title.text or "y"]]
    is_map = any(isinstance(trace, go.Heatmap) for trace in figure.data)
    across, down = (
        dict(zip(axis.tickvals, axis.ticktext, strict=True)) if is_map and axis.ticktext is not None else {}
        for axis in (layout.xaxis, layout.yaxis)
    )
    for trace in figure.data:
        if isinstance(trace, go.Heatmap):
            rows[0] = ["", "x", "y", "z"]
            values = np.asarray(trace.z)
            columns = range(values.shape[1]) if trace.x is None else trace.x
            lines = range(values.shape[0]) if trace.y is None else trace.y
            rows += [
                [trace.name or "", across.get(column, column), down.get(line, line), values[i, j]]
                for i, line in enumerate(lines)
                for j, column in enumerate(columns)
            ]
        elif trace.x is not None and trace.y is not None:
            rows += [
                [trace.name or "", across.get(x, x), down.get(y, y)]
                for x, y in zip(trace.x, trace.y, strict=False)
            ]
    return rows


def literal(figure: go.Figure) -> go.Figure:
    """The figure with its texts shown literally, even if a user has typed markup into them.

    Only templates, such as a ``hovertemplate``, may contain markup. A template gets the text of a user as
    data, as in ``%{fullData.name}`` or ``%{text}``. The text is never a part of the template itself.
    """
    content = figure.to_dict()
    if all(text == plotly(text) for text in _texts(content)):
        return figure  # nearly always, and a new figure takes long to make
    return go.Figure(_literal(content))


def _texts(content: Any) -> Iterator[str]:
    """The texts in a part of a figure, without its templates."""
    if isinstance(content, str):
        yield content
    elif isinstance(content, dict):
        yield from _texts([value for name, value in content.items() if not name.endswith("template")])
    elif isinstance(content, list | tuple) or _holds_texts(content):
        for part in content:
            yield from _texts(part)


def _literal(content: Any) -> Any:
    """A part of a figure with its texts escaped. Templates are not changed."""
    if isinstance(content, str):
        return plotly(content)
    if isinstance(content, dict):
        return {
            name: value if name.endswith("template") else _literal(value) for name, value in content.items()
        }
    if isinstance(content, list | tuple) or _holds_texts(content):
        return [_literal(part) for part in content]
    return content


def _holds_texts(content: Any) -> bool:
    return isinstance(content, np.ndarray) and content.dtype.kind in "OU"


def clickable(figure: go.Figure, x: Any, y: Any, hover: str, **options: Any) -> None:
    """Make the cells of a heat map clickable, with invisible markers on top of them.

    The heat maps of Plotly do not report clicks on cells. A click selects the nearest marker. The markers are
    small: large markers would overlap on a narrow screen, and a touch would select the wrong cell.

    Args:
        x, y: the middle of each cell.
        hover: the template of the hover text of a cell.
        options: of the scatter trace.
    """
    invisible = {"marker": {"opacity": 0}}
    figure.add_scatter(
        x=x, y=y, hovertemplate=f"{hover}<extra></extra>", showlegend=False,
        marker={"size": 2, "opacity": 0, "color": "#888"}, selected=invisible, unselected=invisible,
        **({"mode": "markers"} | options),
    )  # fmt: skip
    figure.update_layout(clickmode="event+select", dragmode=False, hoverdistance=-1)


def frame(figure: go.Figure, left: float, top: float, width: float, height: float) -> None:
    """Draw a frame around the chosen cells of a heat map. All numbers are in cells."""
    figure.add_shape(
        type="rect", x0=left - 0.5, x1=left + width - 0.5, y0=top - 0.5, y1=top + height - 0.5,
        line={"width": 3, "color": "#D55E00"},
    )  # fmt: skip


def compact(figure: go.Figure, height: int, top: int = 10) -> go.Figure:
    return figure.update_layout(height=height, margin={"l": 10, "r": 10, "t": top, "b": 10})
