"""Charts of a sweep."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from core.charts.common import MARGIN, MARK, compact
from core.i18n import _
from core.knobs import Number
from core.lazy import go
from core.sweeps.search_space import SWEPT, short
from core.sweeps.sweeps import Trial, best

# Visible on a light and on a dark page, and to people who cannot tell red from green.
_FROM_LOW_TO_HIGH = [(0, "#D55E00"), (0.5, "#8F9699"), (1, "#2E8FD0")]
_FEW = 5  # runs that the axis always has room for
_ROOM = 0.02  # margin above and below the accuracies
_MARKS = 6  # labels of a logarithmic axis
_TICKS = 5  # labels of an axis in the parallel coordinates


def history(trials: Sequence[Trial]) -> go.Figure:
    """The runs of a sweep in order, and the best accuracy so far."""
    figure = go.Figure()
    complete = [trial for trial in trials if trial.state == "complete"]
    records = [best([trial for trial in complete if trial.number <= last.number]) for last in complete]
    figure.add_scatter(
        x=[trial.number + 1 for trial in complete], y=[record.accuracy for record in records if record],
        mode="lines", line={"shape": "hv", "color": MARK}, name=_("best so far"), hoverinfo="skip",
    )  # fmt: skip
    for state, name, symbol in (
        ("complete", _("finished"), "circle"), ("pruned", _("stopped early"), "x"),
        ("running", _("training"), "circle-open"),
    ):  # fmt: skip
        some = [trial for trial in trials if trial.state == state and trial.accuracy is not None]
        if some:
            knobs = list(some[0].values)
            figure.add_scatter(
                x=[trial.number + 1 for trial in some], y=[trial.accuracy for trial in some], mode="markers",
                marker={"symbol": symbol, "size": 9, "color": MARGIN if state == "pruned" else None},
                name=name, customdata=[[short(trial.values.get(knob)) for knob in knobs] for trial in some],
                hovertemplate=_hover(knobs),
            )  # fmt: skip
    last = max((trial.number + 1 for trial in trials if trial.state != "waiting"), default=1)
    figure.update_xaxes(
        title=_("run of the sweep"), range=[0.5, max(_FEW, last) + 0.5], tick0=1, dtick=-(-last // 10),
        fixedrange=True,
    )  # fmt: skip
    seen = [trial.accuracy for trial in trials if trial.accuracy is not None]
    figure.update_yaxes(
        title=_("validation accuracy"), tickformat=".1%", fixedrange=True,
        range=[max(0, min(seen, default=0) - _ROOM), min(1, max(seen, default=1) + _ROOM)],
    )  # fmt: skip
    figure.update_layout(legend={"orientation": "h", "y": 1.02, "yanchor": "bottom"})
    return compact(figure, height=320, top=30)


def _hover(knobs: Sequence[str]) -> str:
    """The accuracy, and a line for each knob."""
    values = (f"<br>{knob} = %{{customdata[{place}]}}" for place, knob in enumerate(knobs))
    return f"%{{y:.2%}}{''.join(values)}<extra></extra>"


def by_knob(trials: Sequence[Trial], name: str, title: str) -> go.Figure:
    """The accuracy of each run against the only knob of its sweep.

    Args:
        name: the knob.
        title: what it is called.
    """
    takes = SWEPT[name].takes
    figure = go.Figure()
    for state, label, symbol in (("pruned", _("stopped early"), "x"), ("complete", _("finished"), "circle")):
        some = [trial for trial in trials if trial.state == state and trial.accuracy is not None]
        if isinstance(takes, Number):
            some.sort(key=lambda trial: trial.values[name])
        if some:
            figure.add_scatter(
                x=[trial.values[name] for trial in some], y=[trial.accuracy for trial in some], name=label,
                mode="lines+markers" if state == "complete" and isinstance(takes, Number) else "markers",
                line={"width": 1, "dash": "dot"},
                marker={"symbol": symbol, "size": 9, "color": MARGIN if state == "pruned" else None},
                hovertemplate="%{x}: %{y:.2%}<extra></extra>",
            )  # fmt: skip
    if isinstance(takes, Number) and takes.log:
        # Plotly would label 2e-3 and 5e-3 only with 2 and 5.
        marks = _marks(takes, [x for line in figure.data for x in line.x])
        figure.update_xaxes(type="log", tickvals=marks, ticktext=[short(mark) for mark in marks])
    elif not isinstance(takes, Number):
        figure.update_xaxes(type="category", categoryorder="array", categoryarray=list(takes))
    figure.update_xaxes(title=title, fixedrange=True)
    figure.update_yaxes(title=_("validation accuracy"), tickformat=".1%", fixedrange=True)
    figure.update_layout(legend={"orientation": "h", "y": 1.02, "yanchor": "bottom"}, showlegend=True)
    return compact(figure, height=320, top=30)


def _marks(takes: Number, values: Sequence[float]) -> list[float]:
    """The labels of a logarithmic axis: at most `_MARKS`, each with its full value."""
    places = takes.places()
    low, high = min(values, default=takes.low), max(values, default=takes.high)
    inside = [place for place in places if 0.8 * low <= place <= 1.25 * high]
    return inside[:: -(-len(inside) // _MARKS) or 1]


def parallel(trials: Sequence[Trial], titles: Mapping[str, str]) -> go.Figure:
    """The finished runs as parallel coordinates: one line for each run, from its settings to its accuracy.

    Args:
        titles: the title of each setting, in the order of the axes.
    """
    shown = [trial for trial in trials if trial.state == "complete"]
    axes = [_axis(name, title, [trial.values[name] for trial in shown]) for name, title in titles.items()]
    accuracies = [trial.accuracy or 0.0 for trial in shown]
    axes.append({"label": _("accuracy"), "values": accuracies, "tickformat": ".1%"})
    figure = go.Figure(
        go.Parcoords(
            dimensions=axes,
            line={"color": accuracies, "colorscale": _FROM_LOW_TO_HIGH, "showscale": False},
            labelfont={"size": 14},
            tickfont={"size": 12},
        )
    )
    return figure.update_layout(height=360, margin={"l": 70, "r": 50, "t": 60, "b": 20})


def parallel_numbers(trials: Sequence[Trial], titles: Mapping[str, str]) -> list[list[Any]]:
    """The numbers of `parallel` as rows of a table. The first row holds the names of the columns."""
    shown = [trial for trial in trials if trial.state == "complete"]
    rows = [[*(trial.values[name] for name in titles), trial.accuracy] for trial in shown]
    return [[*titles.values(), _("accuracy")], *rows]


def _axis(name: str, title: str, values: list[Any]) -> dict[str, Any]:
    takes = SWEPT[name].takes
    if not isinstance(takes, Number):
        # Only the options that were tried, in the order of the field.
        options = [option for option in takes if option in values]
        return {
            "label": title, "values": [options.index(value) for value in values],
            "tickvals": list(range(len(options))), "ticktext": options,
            "range": [-0.1, len(options) - 0.9],
        }  # fmt: skip
    if takes.log:
        # Plotly has no logarithmic axis for parallel coordinates.
        places = np.log10(np.array(values, float))
        low, high = math.floor(places.min() * 10) / 10, math.ceil(places.max() * 10) / 10
        ticks = np.linspace(low, max(high, low + 0.1), _TICKS)
        words = [f"{10**tick:.0f}" if takes.whole else f"{10**tick:.1g}" for tick in ticks]
        return {
            "label": title, "values": places.tolist(), "range": [ticks[0], ticks[-1]],
            "tickvals": ticks.tolist(), "ticktext": words,
        }  # fmt: skip
    return {"label": title, "values": values}


def importance(weights: Mapping[str, float], titles: Mapping[str, str]) -> go.Figure:
    """The importance of each setting, the most important one at the top.

    Args:
        weights: by setting; their sum is 1.
    """
    ordered = sorted(weights.items(), key=lambda weighted: weighted[1])
    figure = go.Figure(
        go.Bar(
            x=[weight for _name, weight in ordered],
            y=[titles[name] for name, _weight in ordered],
            orientation="h",
            texttemplate="%{x:.0%}",
            hoverinfo="skip",
        )
    )
    figure.update_xaxes(visible=False, range=[0, 1.1], fixedrange=True)
    figure.update_yaxes(fixedrange=True, ticksuffix=" ")
    return compact(figure, height=60 + 44 * len(ordered))
