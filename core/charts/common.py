"""What several charts share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import plotly.graph_objects as go

Row = Mapping[str, Any]

MARGIN = "#7C868D"  # readable on light and on dark paper
MARK = "#B5651D"  # readable on light and on dark paper


def table(figure: go.Figure) -> list[list[Any]]:
    """The numbers of a chart, row by row, the names of the columns first."""
    title = figure.layout
    found: list[list[Any]] = [["", title.xaxis.title.text or "x", title.yaxis.title.text or "y"]]
    for trace in figure.data:
        if isinstance(trace, go.Heatmap):
            found[0] = ["", "x", "y", "z"]
            values = np.asarray(trace.z)
            columns = range(values.shape[1]) if trace.x is None else trace.x
            rows = range(values.shape[0]) if trace.y is None else trace.y
            found += [
                [trace.name or "", column, row, values[i, j]]
                for i, row in enumerate(rows)
                for j, column in enumerate(columns)
            ]
        elif trace.x is not None and trace.y is not None:
            found += [[trace.name or "", x, y] for x, y in zip(trace.x, trace.y, strict=False)]
    return found


def compact(figure: go.Figure, height: int, top: int = 10) -> go.Figure:
    return figure.update_layout(height=height, margin={"l": 10, "r": 10, "t": top, "b": 10})
