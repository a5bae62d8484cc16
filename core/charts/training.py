"""Charts of a run while it trains."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.charts.common import MARGIN, MARK, Row, compact
from core.charts.moving import Stretches, smoothed
from core.config import RunConfig
from core.data import specs
from core.data.specs import DatasetSpec
from core.i18n import _
from core.lazy import go

Line = dict[str, Any]  # a trace of Plotly

MOST_BEFORE = 8  # most earlier runs in a chart
_SHORT = 5  # epochs: the axis of a run with at most so many shows all of them
_BEYOND = 1.025  # the length of the axis, as a multiple of the epochs shown
_POINTS = 300  # most points of a curve that is redrawn several times a second
_HEIGHT = 360  # pixels
_LEGEND_ROW = 19  # pixels
_MOST_LETTERS = 44  # of a run's name, so that it fits into the legend on a phone
# All colours are readable on light and on dark paper. The first earlier run is the previous run.
_TRAINING, _VALIDATION = "#0A84C6", "#D55E00"
_BEFORE = (MARGIN, "#009E73", "#CC79A7", "#8A63A8", "#A6761D", "#4C9FD0", "#C9A227", "#5E8C61")


def curve(
    metric: str,
    title: str,
    batches: Sequence[Row],
    epochs: Sequence[Row],
    config: RunConfig,
    images: int,
    *,
    changes: Sequence[Row] = (),
    before: Sequence[tuple[str, Sequence[Row]]] = (),
    smoothing: float = 0.0,
    log: bool = False,
) -> go.Figure:
    """One metric over a run: over the last steps, and training against validation after each epoch.

    Args:
        metric: ``"loss"`` or ``"accuracy"``.
        title: the metric's name for the axis.
        batches: rows as `core.runs.records.batches` returns them.
        epochs: rows as `core.runs.records.metrics` returns them.
        config: the settings of the run.
        images: number of training images in an epoch.
        changes: rows as `core.runs.records.changes` returns them. Each change is marked where it took effect.
        before: the name and the epochs of earlier runs, the previous run first. At most `MOST_BEFORE` are
            drawn, each with its validation metric, or with its training metric if it has no validation.
        smoothing: the weight of `core.charts.moving.smoothed`. Above 0, the measured curves are faint.
        log: whether the axis of the metric is logarithmic.
    """
    before = before[:MOST_BEFORE]
    stretches = Stretches.of(metric, batches, epochs, images, config.batch_size)
    number = ".2%" if metric == "accuracy" else ".4f"
    within: Line = {
        "x": stretches.last / stretches.steps,
        "y": stretches.moving_mean(),
        "name": _("training, mean of the last {n:,} steps").format(n=stretches.window),
        "mode": "lines",
        "line": {"width": 1.5, "color": _TRAINING},
        "opacity": 0.7,
        # Between two epochs, there is no number of the other curves to compare with.
        "hoverinfo": "skip" if epochs or before else "all",
    }
    training = _after_epochs(epochs, metric, stretches.steps) | {
        "name": _("training"), "line": {"color": _TRAINING},
    }  # fmt: skip
    lines = [within, training]
    if config.validation_split or any(f"val_{metric}" in row for row in epochs):
        lines.append(
            _after_epochs(epochs, f"val_{metric}", stretches.steps)
            | {
                "name": _("validation"),
                "line": {"color": _VALIDATION},
                "marker": {"symbol": "diamond", "size": 8},
            }
        )
    earlier = [_earlier(metric, *run, place) for place, run in enumerate(before)]
    axis: dict[str, Any] = {
        "title": title,
        "tickformat": ".0%" if metric == "accuracy" else "~g",
        "type": "log" if log else "linear",
    }
    begun = max([*within["x"][-1:], *training["x"][-1:]], default=0.0)
    longest = max((rows[-1]["epoch"] for _name, rows in before if rows), default=0)
    if not any(len(line["x"]) for line in lines + earlier):
        axis |= {"range": [0, 1], "showticklabels": False}  # Plotly's own range begins at -1
    value = f"%{{y:{number}}}"
    drawn = [line | {"y": smoothed(line["y"], smoothing), "hovertemplate": value} for line in lines + earlier]
    if len(within["x"]):
        mean = _("last {n:,} steps: {mean}").format(n=stretches.window, mean=f"%{{customdata:{number}}}")
        drawn[1] |= {
            "customdata": np.interp(training["x"], drawn[0]["x"], drawn[0]["y"]),
            "hovertemplate": f"{value} ({mean})",
        }
    drawn += [_measured(line) for line in lines if smoothing]
    figure = _over_epochs(
        [_thin(line) for line in drawn], axis, max(_shown(begun, config.epochs), longest), changes
    )
    return figure.update_layout(height=_HEIGHT + _LEGEND_ROW * len(before))


def _after_epochs(epochs: Sequence[Row], metric: str, steps: int) -> Line:
    """A metric after each epoch. An epoch that was stopped ends before the next whole number on the axis."""
    return {
        "x": _numbers(row["epoch"] - 1 + row["steps"] / steps for row in epochs),
        "y": _numbers(row.get(metric) for row in epochs),
        "mode": "lines+markers",
    }


def _earlier(metric: str, name: str, epochs: Sequence[Row], place: int) -> Line:
    """The curve of an earlier run, which lies behind those of the run itself."""
    words = name if len(name) <= _MOST_LETTERS else f"{name[: _MOST_LETTERS - 1]}…"
    if f"val_{metric}" in (epochs[-1] if epochs else ()):
        metric = f"val_{metric}"
    return _after_epochs(epochs, metric, max((row["steps"] for row in epochs), default=1)) | {
        "name": words if place else _("previous run: {name}").format(name=words),
        "line": {"color": _BEFORE[place], "width": 1.5 if place else 2.5},
        "marker": {"size": 4},
        "opacity": 0.65 if place else 1,
        "zorder": -1,
    }


def _measured(line: Line) -> Line:
    """The measured numbers, which lie faintly behind the smoothed ones."""
    return line | {
        "name": _("{name}, as measured").format(name=line["name"]),
        "mode": "lines", "opacity": 0.3 * line.get("opacity", 1), "showlegend": False, "hoverinfo": "skip",
        "zorder": -2,
    }  # fmt: skip


def _thin(line: Line) -> Line:
    """About `_POINTS` points at most. The newest point is always kept.

    A line without points gets one that is no number. So it has its place in the legend from the beginning.
    """
    if not len(line["x"]):
        return line | {"x": [None], "y": [None]}
    stride = -(-len(line["x"]) // _POINTS)
    return line | {name: line[name][::-stride][::-1] for name in ("x", "y", "customdata") if name in line}


def _shown(begun: float, planned: int) -> int:
    """The number of epochs to show: all epochs of a short run, only the first part of a long run."""
    return min(planned, max(_SHORT, math.ceil(1.5 * begun)))


def _over_epochs(
    traces: list[Any], axis: dict[str, Any], shown: int, changes: Sequence[Row] = ()
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
                "unifiedhovertitle": {"text": _("epoch %{x:.2~f}")},
            },
            "yaxis": axis,
            "shapes": marks,
            "annotations": words,
            "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom"},
            "hovermode": "x unified",
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
