"""Data → Plotly figures. Colours that mean nothing by themselves are left to the page's theme."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from core import architectures as arch
from core.i18n import _
from core.reliability import BINS, Curve, Reliability

Row = Mapping[str, Any]

# Each step of the picture of a network takes so many pixels, so that its labels can be read.
_NETWORK_STEP = 104
_SHORT = 5  # epochs: a run that is no longer is shown from its begin to its end
_POINTS = 300  # of a curve that is redrawn several times a second
_BLUES = "Blues"
_CLOSE, _CORNER = 0.97, 0.9  # curves with areas above the one are shown where they are above the other
_LINES = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7A5195", "#5F6B6D")
_FOR_AND_AGAINST = [(0, "#D55E00"), (0.5, "#F4F4F2"), (1, "#0072B2")]
_MARGIN = "#7C868D"  # readable on light and on dark paper
_MARK = "#B5651D"  # readable on light and on dark paper
_RIGHT, _WRONG = (0, 158, 115), (213, 94, 0)  # Okabe and Ito's bluish green and vermilion


def class_balance(labels: NDArray[np.uint8]) -> go.Figure:
    """How many images there are of each digit."""
    counts = np.bincount(labels, minlength=arch.CLASSES)
    digits = [str(digit) for digit in range(arch.CLASSES)]
    figure = go.Figure(go.Bar(x=digits, y=counts, text=counts, hovertemplate="%{x}: %{y}<extra></extra>"))
    figure.update_xaxes(title=_("digit"), type="category", fixedrange=True)
    figure.update_yaxes(title=_("images"), fixedrange=True)
    return compact(figure, height=260)


def pixels(image: NDArray[np.uint8], *, normalised: bool) -> go.Figure:
    """The 28×28 pixel values of an image as a heat map with the numbers in it.

    Args:
        image: uint8 ``(28, 28)``.
        normalised: show 0 to 1, as the network gets them, instead of 0 to 255.
    """
    values = image / 255 if normalised else image
    figure = go.Figure(
        go.Heatmap(
            z=values,
            zmin=0,
            zmax=1 if normalised else 255,
            colorscale="Greys_r",
            showscale=False,
            texttemplate="%{z:.2f}" if normalised else "%{z}",
            textfont={"size": 8 if normalised else 9},
            hovertemplate=_("row %{y}, column %{x}: %{z}") + "<extra></extra>",
            xgap=1,
            ygap=1,
        )
    )
    figure.update_xaxes(side="top", dtick=3, fixedrange=True, showgrid=False, zeroline=False)
    figure.update_yaxes(autorange="reversed", dtick=3, fixedrange=True, showgrid=False, zeroline=False)
    return compact(figure, height=720)


def curve(
    metric: str,
    title: str,
    batches: Sequence[Row],
    epochs: Sequence[Row],
    steps: int,
    planned: int,
    changes: Sequence[Row] = (),
) -> go.Figure:
    """One metric over a run: within the epochs, and training against validation after each.

    Args:
        metric: ``"loss"`` or ``"accuracy"``.
        title: the metric's name for the axis.
        batches: rows as `core.runs.batches` gives them.
        epochs: rows as `core.runs.metrics` gives them.
        steps: steps in an epoch.
        planned: epochs that the run is to have.
        changes: rows as `core.runs.changes` gives them; each is marked where it took effect.
    """
    within = _thinned([row for row in batches if row.get(metric) is not None])
    # An epoch that was stopped ends before its whole number.
    ends = _numbers(row["epoch"] - 1 + row["steps"] / max(steps, row["steps"]) for row in epochs)
    starts = _numbers(row["epoch"] - 1 + row["step"] / max(steps, row["step"]) for row in within)
    traces = [
        go.Scatter(
            x=starts,
            y=_numbers(row[metric] for row in within),
            name=_("within the epoch"),
            mode="lines",
            line={"width": 1.5, "dash": "dot"},
            opacity=0.7,
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
    begun = max([*starts[-1:], *ends[-1:]], default=0.0)
    return _over_epochs(traces, axis, _shown(begun, planned), changes)


def _shown(begun: float, planned: int) -> int:
    """So many epochs to show that what there is fills the chart: all of a short run, a part of a long one."""
    return min(planned, max(_SHORT, math.ceil(1.5 * begun)))


def _over_epochs(
    traces: list[go.Scatter], axis: dict[str, Any], shown: int, changes: Sequence[Row] = ()
) -> go.Figure:
    """Curves over so many epochs of a run, with a mark where a knob was turned."""
    marks, words = _marks(changes)
    return go.Figure(
        traces,
        {
            "xaxis": {"title": _("epoch"), "range": [0, shown], "dtick": max(1, math.ceil(shown / 10))},
            "yaxis": axis,
            "shapes": marks,
            "annotations": words,
            "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom"},
            "hovermode": "x unified",
            # What the viewer zoomed into stays while new rows come in.
            "uirevision": "run",
            "height": 340,
            "margin": {"l": 10, "r": 10, "t": 40, "b": 10},
        },
    )


def _marks(changes: Sequence[Row]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """A dashed line and a text at the beginning of each epoch in which a knob had a new value."""
    names = {"learning_rate": _("learning rate"), "dropout": _("dropout")}
    lines, words = [], []
    for number, change in enumerate(changes):
        x = change["epoch"] - 1
        lines.append(
            {
                "type": "line", "x0": x, "x1": x, "yref": "paper", "y0": 0, "y1": 1,
                "line": {"dash": "dash", "width": 1.5, "color": _MARK},
            }
        )  # fmt: skip
        text = f"{names.get(change['setting'], change['setting'])} {change['before']:g} → {change['after']:g}"
        words.append(
            {
                "x": x, "yref": "paper", "y": 0.98 - 0.09 * (number % 5), "text": text, "showarrow": False,
                "xanchor": "left", "xshift": 3, "font": {"size": 11, "color": _MARK},
                "bgcolor": "rgba(127,127,127,0.15)",
            }
        )  # fmt: skip
    return lines, words


def schedule(epochs: Sequence[float], rates: Sequence[float]) -> go.Figure:
    """The learning rate over a run that has not begun, as `core.schedules.curve` gives it."""
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


def by_digit(epochs: Sequence[Row]) -> go.Figure:
    """The share of each digit's validation images that is read right, epoch by epoch, as a heat map."""
    rows = [row for row in epochs if row.get("val_class_accuracy")]
    shares = np.array([row["val_class_accuracy"] for row in rows], float).T.reshape(arch.CLASSES, -1)
    figure = go.Figure(
        go.Heatmap(
            z=shares,
            x=[str(row["epoch"]) for row in rows],
            y=[str(digit) for digit in range(arch.CLASSES)],
            colorscale=_BLUES,
            zmax=1,
            texttemplate="%{z:.0%}" if len(rows) <= 12 else None,
            colorbar={"tickformat": ".0%", "thickness": 12},
            hovertemplate=_("digit %{y}, epoch %{x}: %{z:.1%}<extra></extra>"),
            xgap=1,
            ygap=1,
        )
    )
    figure.update_xaxes(title=_("epoch"), type="category", nticks=12, fixedrange=True, showgrid=False)
    figure.update_yaxes(
        title=_("digit"), type="category", autorange="reversed", fixedrange=True, showgrid=False
    )
    return compact(figure, height=360)


def spread(first: Row, newest: Row) -> go.Figure:
    """How the numbers of a layer were spread after the first epoch, and how after the newest.

    Args:
        first, newest: histograms with ``low``, ``high`` and ``counts``, as `core.worker.observe` makes them.
    """
    figure = go.Figure()
    for found, name, fill in ((first, _("first epoch"), None), (newest, _("newest epoch"), "tozeroy")):
        if not found.get("counts"):
            continue
        edges = np.linspace(found["low"], found["high"], len(found["counts"]) + 1)
        width = max(edges[1] - edges[0], 1e-12)
        density = np.array(found["counts"]) / (sum(found["counts"]) * width)
        figure.add_scatter(
            x=(edges[1:] + edges[:-1]) / 2, y=density, name=name, mode="lines", fill=fill,
            line={"shape": "hvh", "width": 1.5, "dash": None if fill else "dot"}, hoverinfo="skip",
        )  # fmt: skip
    figure.update_xaxes(fixedrange=True, nticks=5, exponentformat="power")
    figure.update_yaxes(visible=False, fixedrange=True)
    figure.update_layout(showlegend=False)
    return compact(figure, height=120)


def _numbers(values: Iterable[float | None]) -> NDArray[np.float64]:
    """As an array, which Plotly takes as it is; it looks at each number of a list. None becomes NaN."""
    return np.array([math.nan if value is None else value for value in values], float)


def _thinned(rows: Sequence[Row]) -> Sequence[Row]:
    """At most about so many rows as can be told apart, the newest always among them."""
    stride = -(-len(rows) // _POINTS) or 1
    return rows[::-stride][::-1]


def network(rows: Sequence[arch.Row]) -> go.Figure:
    """The network as a picture, from left to right: images as stacks of sheets, vectors as bars.

    Sides grow with the logarithm of the size: 784 inputs and 10 outputs both have to be seen.
    """
    figure = go.Figure()
    stations = _stations(rows)
    for place, (name, kind, shape) in enumerate(stations):
        _draw(figure, place, shape, kind)
        figure.add_annotation(x=place, y=-1.25, text=f"{name}<br><b>{_text(shape)}</b>", showarrow=False)
        if place:
            figure.add_annotation(
                x=place - 0.36, ax=place - 0.6, y=0, ay=0, axref="x", ayref="y", showarrow=True,
                arrowhead=2, arrowsize=1, arrowwidth=1.5,
            )  # fmt: skip
    figure.update_xaxes(visible=False, range=[-0.6, len(stations) - 0.4], fixedrange=True)
    figure.update_yaxes(visible=False, range=[-1.6, 1.1], fixedrange=True)
    figure.update_layout(width=_NETWORK_STEP * len(stations))
    return compact(figure, height=230)


def _stations(rows: Sequence[arch.Row]) -> list[tuple[str, str, arch.Shape]]:
    first = ("images", "Input", rows[0].input)
    # A reshape changes nothing that a picture could show.
    seen = (row for row in rows if row.layer.kind != "Reshape")
    return [first, *((row.layer.name, row.layer.kind, row.output) for row in seen)]


def _text(shape: arch.Shape) -> str:
    return "×".join(map(str, shape))


def _draw(figure: go.Figure, place: int, shape: arch.Shape, kind: str) -> None:
    image = len(shape) > 1
    sheets = 1 + min(5, int(math.log2(shape[2]))) if len(shape) == 3 else 1
    if image:
        half_height = 0.45 * math.log2(shape[0] + 1) / 5
        half_width = half_height * _SQUARE
    else:
        half_height, half_width = min(1.0, 0.085 * math.log2(shape[0] + 1)), 0.06
    for sheet in reversed(range(sheets)):
        across, up = 0.035 * (sheet - (sheets - 1) / 2), 0.04 * (sheet - (sheets - 1) / 2)
        figure.add_shape(
            type="rect",
            x0=place + across - half_width,
            x1=place + across + half_width,
            y0=up - half_height,
            y1=up + half_height,
            line={"width": 1, "color": "rgba(128,128,128,0.9)", "dash": "dot" if kind == "Dropout" else None},
            fillcolor=_COLOURS.get(kind, "rgba(86,180,233,0.45)"),
        )


# A unit across takes so many times fewer pixels than a unit up in the picture of a network.
_SQUARE = 0.85

# What learns is coloured, what only passes on is grey.
_COLOURS = {
    "Input": "rgba(128,128,128,0.25)",
    "Flatten": "rgba(128,128,128,0.25)",
    "Dropout": "rgba(128,128,128,0.10)",
    "Activation": "rgba(128,128,128,0.25)",
    "MaxPooling2D": "rgba(128,128,128,0.40)",
    "AveragePooling2D": "rgba(128,128,128,0.40)",
    "Dense": "rgba(230,159,0,0.75)",
    "BatchNormalization": "rgba(204,121,167,0.65)",
}


ALL = arch.CLASSES  # the place of a matrix's margins, after the digits


def confusion(counts: NDArray[Any], chosen: tuple[int, int], *, shares: bool) -> go.Figure:
    """The confusion matrix, true digits down, read digits across; every cell and every sum can be clicked.

    Args:
        counts: ``(10, 10)``.
        chosen: the cell to frame, as (true, read); `ALL` for a whole row or column.
        shares: show shares of the rows instead of counts.
    """
    rows = counts.sum(axis=1, keepdims=True)
    shown = counts / np.maximum(rows, 1) if shares else counts
    # The mistakes are what there is to see, and the diagonal is a hundred times as large.
    shade = np.full((ALL + 1, ALL + 1), np.nan)
    shade[:ALL, :ALL] = np.sqrt(shown / max(shown.max(), 1e-9))
    text = np.full(shade.shape, "", object)
    text[:ALL, :ALL] = np.vectorize(_share if shares else _count)(shown)
    text[:ALL, ALL], text[ALL, :ALL] = [np.vectorize(_count)(counts.sum(axis=axis)) for axis in (1, 0)]
    text[ALL, ALL] = _count(counts.sum())
    places = list(range(ALL + 1))
    figure = go.Figure(
        go.Heatmap(
            z=shade, x=places, y=places, colorscale=_BLUES, zmin=0, zmax=1, showscale=False,
            hoverinfo="skip", xgap=2, ygap=2,
        )
    )  # fmt: skip
    # Plotly's heat maps tell nobody which cell was clicked, and write no text where there is no number;
    # invisible markers on top do.
    true, read = (grid.ravel() for grid in np.mgrid[0 : len(places), 0 : len(places)])
    is_dark = shade.ravel() > 0.55
    figure.add_scatter(
        x=read,
        y=true,
        mode="markers+text",
        text=text.ravel(),
        textfont={
            "color": np.where(is_dark, "#FFFFFF", np.where(np.isnan(shade.ravel()), _MARGIN, "#22303C"))
        },
        marker={"symbol": "square", "size": 26, "opacity": 0, "color": "#888"},
        selected={"marker": {"opacity": 0}},
        unselected={"marker": {"opacity": 0}},
        hovertemplate=_("%{y} read as %{x}: %{text}") + "<extra></extra>",
        showlegend=False,
    )
    if chosen != (ALL, ALL):
        (top, bottom), (left, right) = [(0, ALL - 1) if place == ALL else (place, place) for place in chosen]
        figure.add_shape(
            type="rect", x0=left - 0.5, x1=right + 0.5, y0=top - 0.5, y1=bottom + 0.5,
            line={"width": 3, "color": "#D55E00"},
        )  # fmt: skip
    axis = {
        "tickvals": places, "ticktext": [*map(str, places[:ALL]), _("all")], "fixedrange": True,
        "showgrid": False, "zeroline": False,
    }  # fmt: skip
    figure.update_xaxes(title=_("read as"), range=[-0.5, ALL + 0.5], **axis)
    figure.update_yaxes(title=_("true digit"), range=[ALL + 0.5, -0.5], **axis)
    figure.update_layout(clickmode="event+select", dragmode=False)
    return compact(figure, height=500)


def _count(value: float) -> str:
    return f"{int(value)}"


def _share(value: float) -> str:
    return f"{100 * value:.1f}" if value else "0"


def tile(image: NDArray[np.uint8], right: bool | None = None, scale: int = 3) -> NDArray[np.uint8]:
    """An image enlarged, each pixel a square; framed where it was read right or wrong.

    Args:
        image: uint8 ``(28, 28)``.
        right: None for no frame.
        scale: how many times as large.

    Returns:
        uint8 ``(H, W, 3)``.
    """
    large = np.kron(image, np.ones((scale, scale), np.uint8))
    rgb = np.repeat(large[..., None], 3, axis=2)
    if right is not None:
        frame = np.ones(large.shape, bool)
        frame[scale:-scale, scale:-scale] = False
        rgb[frame] = _RIGHT if right else _WRONG
    return rgb


def compact(figure: go.Figure, height: int, top: int = 10) -> go.Figure:
    return figure.update_layout(height=height, margin={"l": 10, "r": 10, "t": top, "b": 10})


def reliability(found: Reliability) -> go.Figure:
    """How often answers of each confidence are right, against the diagonal on which they would be honest."""
    edges = np.linspace(0, 1, BINS + 1)
    middles, width = (edges[:-1] + edges[1:]) / 2, 1 / BINS
    some = found.counts > 0
    figure = go.Figure()
    figure.add_bar(
        x=middles[some], y=found.accuracy[some], width=width, name=_("right"),
        customdata=np.stack([found.confidence[some], found.counts[some]], axis=1),
        hovertemplate=_("%{customdata[1]:,} answers, %{customdata[0]:.1%} sure: %{y:.1%} right")
        + "<extra></extra>",
    )  # fmt: skip
    figure.add_scatter(
        x=found.confidence[some], y=found.confidence[some], mode="markers", name=_("confidence"),
        marker={"symbol": "line-ew", "size": 16, "line": {"width": 3, "color": _MARK}}, hoverinfo="skip",
    )  # fmt: skip
    figure.add_scatter(
        x=[0, 1], y=[0, 1], mode="lines", name=_("honest"), line={"dash": "dot", "color": _MARGIN},
        hoverinfo="skip",
    )  # fmt: skip
    figure.update_xaxes(title=_("confidence"), range=[0, 1], tickformat=".0%", fixedrange=True)
    figure.update_yaxes(title=_("share that is right"), range=[0, 1.02], tickformat=".0%", fixedrange=True)
    figure.update_layout(legend={"orientation": "h", "y": 1.12}, bargap=0)
    return compact(figure, height=380, top=40)


def one_against_all(curves: Mapping[int, Curve], x: str, y: str, *, rising: bool) -> go.Figure:
    """A curve for each digit against all the others, both axes shares. Of good curves only the best corner.

    Args:
        rising: whether the best corner is the top left one, else the top right one.
    """
    figure = go.Figure(
        [
            go.Scatter(
                x=curve.x, y=curve.y, mode="lines", name=f"{digit} · {curve.area:.4f}",
                line={"dash": "solid" if digit < 5 else "dot"},
                hovertemplate=f"{digit}: %{{x:.2%}}, %{{y:.2%}}<extra></extra>",
            )
            for digit, curve in curves.items()
        ]
    )  # fmt: skip
    whole = [-0.01, 1.01]
    close = all(curve.area > _CLOSE for curve in curves.values())
    corner = [-0.001, 1 - _CORNER] if rising else [_CORNER, 1.001]
    figure.update_xaxes(title=x, tickformat=".0%", range=corner if close else whole)
    figure.update_yaxes(title=y, tickformat=".0%", range=[_CORNER, 1.002] if close else whole)
    return compact(figure, height=400)


def overlay(curves: Mapping[str, Sequence[Sequence[Row]]], metric: str, title: str) -> go.Figure:
    """One metric of several runs over their epochs; runs under one name are its seeds, drawn faintly with
    their mean.

    Args:
        curves: by name, for each run its rows as `core.runs.metrics` gives them.
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
            hovertemplate="%{y:.4f}<extra>" + name + "</extra>",
        )  # fmt: skip
    figure.update_xaxes(title=_("epoch"), fixedrange=True)
    figure.update_yaxes(title=title, tickformat=".1%" if "accuracy" in metric else None, fixedrange=True)
    figure.update_layout(legend={"orientation": "h", "y": -0.25}, hovermode="x unified", showlegend=True)
    return compact(figure, height=360)


def difference(first: NDArray[Any], second: NDArray[Any]) -> go.Figure:
    """How often the second matrix has a cell more often than the first one: fewer mistakes are blue.

    Args:
        first, second: confusion matrices as counts, ``(10, 10)``, of the same images.
    """
    change = second - first
    # On the diagonal more is better, off it less.
    better = np.where(np.eye(len(change), dtype=bool), change, -change)
    most = max(1, np.abs(np.where(np.eye(len(change), dtype=bool), 0, change)).max())
    digits = list(range(len(change)))
    figure = go.Figure(
        go.Heatmap(
            z=better, x=digits, y=digits, zmin=-most, zmax=most, colorscale=_FOR_AND_AGAINST, showscale=False,
            text=np.vectorize(_signed)(change), texttemplate="%{text}", xgap=2, ygap=2,
            hovertemplate=_("%{y} read as %{x}: %{text}") + "<extra></extra>",
        )
    )  # fmt: skip
    axis = {"dtick": 1, "fixedrange": True, "showgrid": False, "zeroline": False}
    figure.update_xaxes(title=_("read as"), **axis)
    figure.update_yaxes(title=_("true digit"), autorange="reversed", **axis)
    return compact(figure, height=420)


def _signed(value: float) -> str:
    return f"{int(value):+d}" if value else "·"


class Point(NamedTuple):
    """A run as a point: what it costs, what it gains, and what it is called."""

    parameters: int
    seconds: float
    accuracy: float
    name: str


def trade_off(points: Sequence[Point], is_best: Sequence[bool], *, by: str, title: str) -> go.Figure:
    """Accuracy against what it costs; the front that no run beats is marked.

    Args:
        points: the runs.
        is_best: whether each of them is on the front.
        by: the cost, ``"parameters"`` or ``"seconds"``; the other one is the size of the marks.
        title: the cost's name for the axis.
    """
    costs = [getattr(point, by) for point in points]
    others = np.sqrt([point.seconds if by == "parameters" else point.parameters for point in points])
    sizes = 8 + 18 * others / max(float(others.max()), 1e-9)
    front = sorted(place for place, best in zip(zip(costs, (p.accuracy for p in points), strict=True),
                                                is_best, strict=True) if best)  # fmt: skip
    figure = go.Figure()
    figure.add_scatter(
        x=[cost for cost, _gain in front], y=[gain for _cost, gain in front], mode="lines",
        line={"shape": "hv", "dash": "dot", "color": _MARK}, name=_("not beaten"), hoverinfo="skip",
    )  # fmt: skip
    figure.add_scatter(
        x=costs, y=[point.accuracy for point in points], mode="markers", name=_("runs"),
        marker={"size": sizes, "opacity": 0.75,
                "line": {"width": [2.5 if best else 0 for best in is_best], "color": _MARK}},
        text=[point.name for point in points],
        customdata=[[point.parameters, point.seconds] for point in points],
        hovertemplate="%{text}<br>%{y:.2%} · %{customdata[0]:,} · %{customdata[1]:,.0f} s<extra></extra>",
    )  # fmt: skip
    figure.update_xaxes(title=title, type="log")
    figure.update_yaxes(title=_("test accuracy"), tickformat=".1%")
    figure.update_layout(legend={"orientation": "h", "y": 1.12})
    return compact(figure, height=400, top=40)


def robustness(
    levels: Sequence[float], accuracies: Mapping[str, Sequence[float]], title: str, unchanged: float
) -> go.Figure:
    """Accuracy against how much the digits were changed, a line for each run.

    Args:
        levels: how much.
        accuracies: by the run's name, for the first so many levels.
        title: what the levels are, with their unit.
        unchanged: the level that leaves the digits as they are.
    """
    figure = go.Figure(
        [
            go.Scatter(
                x=list(levels)[: len(values)], y=list(values), mode="lines+markers", name=name,
                hovertemplate="%{x}: %{y:.1%}<extra>" + name + "</extra>",
            )
            for name, values in accuracies.items()
        ]
    )  # fmt: skip
    figure.add_vline(x=unchanged, line={"dash": "dot", "color": _MARGIN, "width": 1})
    figure.update_xaxes(title=title, fixedrange=True, range=[min(levels), max(levels)])
    figure.update_yaxes(range=[0, 1.02], tickformat=".0%", fixedrange=True)
    figure.update_layout(showlegend=len(accuracies) > 1, legend={"orientation": "h", "y": -0.45})
    return compact(figure, height=260 if len(accuracies) < 2 else 300)
