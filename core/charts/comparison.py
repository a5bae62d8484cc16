"""Charts of several runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from core.charts.common import MARK, Row, compact
from core.i18n import _
from core.lazy import go

_LINES = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7A5195", "#5F6B6D")


def overlay(curves: Mapping[str, Sequence[Sequence[Row]]], metric: str, title: str) -> go.Figure:
    """One metric of several runs over their epochs.

    Runs with the same name differ only in their seed. They are drawn as faint lines with their mean.

    Args:
        curves: by name, the rows of each run as `core.runs.records.metrics` returns them.
        metric: a column of the rows.
        title: the metric's name for the axis.
    """
    figure = go.Figure()
    for place, (name, group) in enumerate(curves.items()):
        colour = _LINES[place % len(_LINES)]
        lines = [
            [(row["epoch"], row[metric]) for row in rows if row.get(metric) is not None] for rows in group
        ]
        lines = [line for line in lines if line]
        if len(lines) > 1:
            for line in lines:
                figure.add_scatter(
                    x=[x for x, _y in line], y=[y for _x, y in line], mode="lines", showlegend=False,
                    line={"color": colour, "width": 1}, opacity=0.35, hoverinfo="skip",
                )  # fmt: skip
        if not lines:
            continue
        epochs = (
            range(1, min(len(line) for line in lines) + 1) if len(lines) > 1 else [x for x, _y in lines[0]]
        )
        means = [float(np.mean([line[place][1] for line in lines])) for place in range(len(epochs))]
        figure.add_scatter(
            x=list(epochs), y=means, mode="lines+markers", name=name, line={"color": colour},
            hovertemplate="%{y:.4f}<extra>%{fullData.name}</extra>",
        )  # fmt: skip
    figure.update_xaxes(title=_("epoch"), fixedrange=True)
    figure.update_yaxes(title=title, tickformat=".1%" if "accuracy" in metric else None, fixedrange=True)
    figure.update_layout(legend={"orientation": "h", "y": -0.25}, hovermode="x unified", showlegend=True)
    return compact(figure, height=360)


class Point(NamedTuple):
    """A run as a point of the trade-off: its costs, its accuracy and its name."""

    parameters: int
    seconds: float
    accuracy: float
    name: str


def trade_off(points: Sequence[Point], is_best: Sequence[bool], *, by: str, title: str) -> go.Figure:
    """Accuracy against cost; the Pareto front is marked.

    Args:
        points: the runs.
        is_best: whether each of them is on the front.
        by: the cost on the axis, ``"parameters"`` or ``"seconds"``. The other cost sets the mark size.
        title: the name of the cost, for the axis.
    """
    costs = [getattr(point, by) for point in points]
    others = np.sqrt([point.seconds if by == "parameters" else point.parameters for point in points])
    sizes = 8 + 18 * others / max(float(others.max()), 1e-9)
    front = sorted(place for place, best in zip(zip(costs, (p.accuracy for p in points), strict=True),
                                                is_best, strict=True) if best)  # fmt: skip
    figure = go.Figure()
    figure.add_scatter(
        x=[cost for cost, _gain in front], y=[gain for _cost, gain in front], mode="lines",
        line={"shape": "hv", "dash": "dot", "color": MARK}, name=_("Pareto front"), hoverinfo="skip",
    )  # fmt: skip
    figure.add_scatter(
        x=costs, y=[point.accuracy for point in points], mode="markers", name=_("runs"),
        marker={"size": sizes, "opacity": 0.75,
                "line": {"width": [2.5 if best else 0 for best in is_best], "color": MARK}},
        text=[point.name for point in points],
        customdata=[[point.parameters, point.seconds] for point in points],
        hovertemplate="%{text}<br>%{y:.2%} · %{customdata[0]:,} · %{customdata[1]:,.0f} s<extra></extra>",
    )  # fmt: skip
    figure.update_xaxes(title=title, type="log")
    figure.update_yaxes(title=_("test accuracy"), tickformat=".1%")
    figure.update_layout(legend={"orientation": "h", "y": 1.12})
    return compact(figure, height=400, top=40)
