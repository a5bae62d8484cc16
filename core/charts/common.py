"""What several charts share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import plotly.graph_objects as go

from core.literal import plotly

Row = Mapping[str, Any]

MARGIN = "#7C868D"  # readable on light and on dark paper
MARK = "#B5651D"  # readable on light and on dark paper


def table(figure: go.Figure) -> list[list[Any]]:
    """The numbers of a chart, row by row, the names of the columns first.

    The cells of a heat map are told by what its axes call their places.
    """
    title = figure.layout
    found: list[list[Any]] = [["", title.xaxis.title.text or "x", title.yaxis.title.text or "y"]]
    is_map = any(isinstance(trace, go.Heatmap) for trace in figure.data)
    across, down = (
        dict(zip(axis.tickvals, axis.ticktext, strict=True)) if is_map and axis.ticktext is not None else {}
        for axis in (title.xaxis, title.yaxis)
    )
    for trace in figure.data:
        if isinstance(trace, go.Heatmap):
            found[0] = ["", "x", "y", "z"]
            values = np.asarray(trace.z)
            columns = range(values.shape[1]) if trace.x is None else trace.x
            rows = range(values.shape[0]) if trace.y is None else trace.y
            found += [
                [trace.name or "", across.get(column, column), down.get(row, row), values[i, j]]
                for i, row in enumerate(rows)
                for j, column in enumerate(columns)
            ]
        elif trace.x is not None and trace.y is not None:
            found += [
                [trace.name or "", across.get(x, x), down.get(y, y)]
                for x, y in zip(trace.x, trace.y, strict=False)
            ]
    return found


def literal(figure: go.Figure) -> go.Figure:
    """The figure with its texts as they are, whatever a person has written in them.

    Markup is for templates alone, such as a ``hovertemplate``: what a person writes reaches them as data, as
    in ``%{fullData.name}`` or ``%{text}``, and is never a part of one.
    """
    content = figure.to_dict()
    if all(text == plotly(text) for text in _texts(content)):
        return figure  # as nearly always, and to make another one takes long
    return go.Figure(_literal(content))


def _texts(content: Any) -> Iterator[str]:
    """The texts in a part of a figure, but for its templates."""
    if isinstance(content, str):
        yield content
    elif isinstance(content, dict):
        yield from _texts([value for name, value in content.items() if not name.endswith("template")])
    elif isinstance(content, list | tuple) or _holds_texts(content):
        for one in content:
            yield from _texts(one)


def _literal(content: Any) -> Any:
    """A part of a figure with its texts escaped, but for its templates."""
    if isinstance(content, str):
        return plotly(content)
    if isinstance(content, dict):
        return {
            name: value if name.endswith("template") else _literal(value) for name, value in content.items()
        }
    if isinstance(content, list | tuple) or _holds_texts(content):
        return [_literal(one) for one in content]
    return content


def _holds_texts(content: Any) -> bool:
    return isinstance(content, np.ndarray) and content.dtype.kind in "OU"


def clickable(figure: go.Figure, x: Any, y: Any, hover: str, **options: Any) -> None:
    """Have a heat map say which cell was clicked, which Plotly's tell nobody: by invisible markers on top.

    The marker that is nearest counts. Were they as large as the cells of a wide screen, they would lie over
    each other on a narrow one, and another cell than the one that was touched would be chosen.

    Args:
        x, y: the middle of each cell.
        hover: the template of what is said of a cell.
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
    """Frame the cells of a heat map that were chosen, so many from the left and from the top."""
    figure.add_shape(
        type="rect", x0=left - 0.5, x1=left + width - 0.5, y0=top - 0.5, y1=top + height - 0.5,
        line={"width": 3, "color": "#D55E00"},
    )  # fmt: skip


def compact(figure: go.Figure, height: int, top: int = 10) -> go.Figure:
    return figure.update_layout(height=height, margin={"l": 10, "r": 10, "t": top, "b": 10})
