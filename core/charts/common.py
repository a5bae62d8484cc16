"""What several charts share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import plotly.graph_objects as go

Row = Mapping[str, Any]

MARGIN = "#7C868D"  # readable on light and on dark paper
MARK = "#B5651D"  # readable on light and on dark paper


def compact(figure: go.Figure, height: int, top: int = 10) -> go.Figure:
    return figure.update_layout(height=height, margin={"l": 10, "r": 10, "t": top, "b": 10})
