"""Charts of a run while it trains."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from core.charts.common import MARK, Row, compact
from core.data import specs
from core.data.specs import DatasetSpec
from core.i18n import _

_SHORT = 5  # epochs: the axis of a run with at most so many shows all of them
_BEYOND = 1.025  # the length of the axis, as a multiple of the epochs shown
_POINTS = 300  # most points of a curve that is redrawn several times a second


def curve(
    metric: str,
    title: str,
    batches: Sequence[Row],
    epochs: Sequence[Row],
    steps: int,
    planned: int,
    changes: Sequence[Row] = (),
) -> go.Figure:
    """One metric over a run: within the epochs, and training against validation after each epoch.

    Args:
        metric: ``"loss"`` or ``"accuracy"``.
        title: the metric's name for the axis.
        batches: rows as `core.runs.records.batches` returns them.
        epochs: rows as `core.runs.records.metrics` returns them.
        steps: steps in an epoch.
        planned: the number of epochs in the settings of the run.
        changes: rows as `core.runs.records.changes` returns them. Each change is marked where it took effect.
    """
    # An epoch that was stopped early ends before the next whole number on the axis.
    ends = _numbers(_place(row["epoch"], row["steps"], steps) for row in epochs)
    within = _within(metric, batches, epochs, steps)
    traces = [
        go.Scatter(
            x=_numbers(x for x, _y in within),
            y=_numbers(y for _x, y in within),
            name=_("within the epoch"),
            mode="lines",
            line={"width": 1.5, "dash": "dot"},
            opacity=0.7,
            showlegend=bool(within),
        ),
        go.Scatter(
            x=ends,
            y=_numbers(row.get(metric) for row in epochs),
            name=_("training"),
            mode="lines+markers",
        ),
    ]
    if any(f"val_{metric}" in row for row in epochs):
        traces.append(
            go.Scatter(
                x=ends,
                y=_numbers(row.get(f"val_{metric}") for row in epochs),
                name=_("validation"),
                mode="lines+markers",
                marker={"symbol": "diamond", "size": 8},
            )
        )
    axis = {"title": title, "tickformat": ".0%" if metric == "accuracy" else None}
    begun = max([*(x for x, _y in within[-1:]), *ends[-1:]], default=0.0)
    return _over_epochs(traces, axis, _shown(begun, planned), changes)


def _place(epoch: int, step: int, steps: int) -> float:
    """The position of a step on the axis of the epochs."""
    return float(epoch - 1 + step / max(steps, step))


def _within(
    metric: str, batches: Sequence[Row], epochs: Sequence[Row], steps: int
) -> list[tuple[float, float | None]]:
    """The points of the line within the epochs, with a gap before each.

    A metric is the mean since the start of its epoch. Its last value is the metric of the epoch, and the next
    epoch starts a new mean. A fast run has no rows in most of its epochs, so they have no line.
    """
    ends = {row["epoch"]: (_place(row["epoch"], row["steps"], steps), row.get(metric)) for row in epochs}
    rows = _thinned([row for row in batches if row.get(metric) is not None])
    points: list[tuple[float, float | None]] = []
    for epoch, some in groupby(rows, key=itemgetter("epoch")):
        if points:
            points.append((epoch - 1, None))
        points += [(_place(epoch, row["step"], steps), row[metric]) for row in some]
        if epoch in ends and ends[epoch][0] > points[-1][0]:
            points.append(ends[epoch])
    return points


def _shown(begun: float, planned: int) -> int:
    """The number of epochs to show: all epochs of a short run, only the first part of a long run."""
    return min(planned, max(_SHORT, math.ceil(1.5 * begun)))


def _over_epochs(
    traces: list[go.Scatter], axis: dict[str, Any], shown: int, changes: Sequence[Row] = ()
) -> go.Figure:
    """Curves over the first epochs of a run, with a mark at each change of a setting."""
    marks, words = _marks(changes)
    return go.Figure(
        traces,
        {
            # Slightly longer, else the last marker would be cut in half.
            "xaxis": {
                "title": _("epoch"),
                "range": [0, _BEYOND * shown],
                "dtick": max(1, math.ceil(shown / 10)),
            },
            "yaxis": axis,
            "shapes": marks,
            "annotations": words,
            "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom"},
            "hovermode": "x unified",
            # The zoom of the user stays while new rows arrive.
            "uirevision": "run",
            "height": 340,
            "margin": {"l": 10, "r": 10, "t": 40, "b": 10},
        },
    )


def _marks(changes: Sequence[Row]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """A dashed line and a text at the start of each epoch in which a setting got a new value."""
    names = {"learning_rate": _("learning rate"), "dropout": _("dropout")}
    lines, words = [], []
    for number, change in enumerate(changes):
        x = change["epoch"] - 1
        lines.append(
            {
                "type": "line", "x0": x, "x1": x, "yref": "paper", "y0": 0, "y1": 1,
                "line": {"dash": "dash", "width": 1.5, "color": MARK},
            }
        )  # fmt: skip
        text = f"{names.get(change['setting'], change['setting'])} {change['before']:g} → {change['after']:g}"
        words.append(
            {
                "x": x, "yref": "paper", "y": 0.98 - 0.09 * (number % 5), "text": text, "showarrow": False,
                "xanchor": "left", "xshift": 3, "font": {"size": 11, "color": MARK},
                "bgcolor": "rgba(127,127,127,0.15)",
            }
        )  # fmt: skip
    return lines, words


def schedule(epochs: Sequence[float], rates: Sequence[float]) -> go.Figure:
    """The learning rate over a run that has not begun, as `core.training.schedules.curve` returns it."""
    figure = go.Figure(
        go.Scatter(
            x=epochs, y=rates, mode="lines", hovertemplate=_("epoch %{x:.1f}: %{y:.2g}<extra></extra>")
        )
    )
    figure.update_xaxes(title=_("epoch"), range=[0, epochs[-1]], fixedrange=True)
    figure.update_yaxes(title=_("learning rate"), range=[0, 1.08 * max(rates)], fixedrange=True)
    return compact(figure, height=190)


def pace(epochs: Sequence[Row], name: str, title: str, planned: int) -> go.Figure:
    """One number per epoch, such as its ``learning_rate`` or its ``seconds``."""
    trace = go.Scatter(
        x=_numbers(row["epoch"] for row in epochs),
        y=_numbers(row.get(name) for row in epochs),
        mode="lines+markers",
        name=title,
    )
    begun = epochs[-1]["epoch"] if epochs else 0
    return _over_epochs([trace], {"title": title, "rangemode": "tozero"}, _shown(begun, planned))


def by_digit(epochs: Sequence[Row], spec: DatasetSpec) -> go.Figure:
    """The validation accuracy of each class, epoch by epoch, as a heat map."""
    rows = [row for row in epochs if row.get("val_class_accuracy")]
    shares = np.array([row["val_class_accuracy"] for row in rows], float).T.reshape(len(spec.classes), -1)
    figure = go.Figure(
        go.Heatmap(
            z=shares,
            x=[str(row["epoch"]) for row in rows],
            y=spec.classes,
            colorscale="Blues",
            zmax=1,
            texttemplate="%{z:.0%}" if len(rows) <= 12 else None,
            colorbar={"tickformat": ".0%", "thickness": 12},
            hovertemplate=_("digit %{y}, epoch %{x}: %{z:.1%}<extra></extra>")
            if spec.are_digits
            else _("class %{y}, epoch %{x}: %{z:.1%}<extra></extra>"),
            xgap=1,
            ygap=1,
        )
    )
    figure.update_xaxes(title=_("epoch"), type="category", nticks=12, fixedrange=True, showgrid=False)
    figure.update_yaxes(
        title=specs.noun(spec), type="category", autorange="reversed", fixedrange=True, showgrid=False
    )
    return compact(figure, height=360)


def spread(first: Row, newest: Row) -> go.Figure:
    """The distribution of the numbers of a layer after the first and after the latest epoch.

    Args:
        first, newest: histograms with ``low``, ``high`` and ``counts``, made by `core.worker.histograms`.
    """
    figure = go.Figure()
    for histogram, name, fill in ((first, _("first epoch"), None), (newest, _("latest epoch"), "tozeroy")):
        if not histogram.get("counts"):
            continue
        edges = np.linspace(histogram["low"], histogram["high"], len(histogram["counts"]) + 1)
        width = max(edges[1] - edges[0], 1e-12)
        density = np.array(histogram["counts"]) / (sum(histogram["counts"]) * width)
        figure.add_scatter(
            x=(edges[1:] + edges[:-1]) / 2, y=density, name=name, mode="lines", fill=fill,
            line={"shape": "hvh", "width": 1.5, "dash": None if fill else "dot"}, hoverinfo="skip",
        )  # fmt: skip
    figure.update_xaxes(fixedrange=True, nticks=5, exponentformat="power")
    figure.update_yaxes(visible=False, fixedrange=True)
    figure.update_layout(showlegend=False)
    return compact(figure, height=120)


def _numbers(values: Iterable[float | None]) -> NDArray[np.float64]:
    """The values as an array; None becomes NaN. Plotly is faster with an array than with a list."""
    return np.array([math.nan if value is None else value for value in values], float)


def _thinned(rows: Sequence[Row]) -> Sequence[Row]:
    """About `_POINTS` rows at most. The newest row is always kept."""
    stride = -(-len(rows) // _POINTS) or 1
    return rows[::-stride][::-1]
