"""Charts of the results of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.charts.common import MARGIN, MARK, clickable, compact, frame
from core.data.specs import DatasetSpec
from core.evaluation.reliability import BINS, Curve, Reliability
from core.i18n import _
from core.lazy import go

_BLUES = "Blues"
_COUNTS, _SUMS = 12, 9  # font sizes of the numbers in the matrix, in pixels
_RIVALS = 2  # classes beside the true one
_CLOSE, _CORNER = 0.97, 0.9  # if all areas are above the first, only shares above the second are shown
_FOR_AND_AGAINST = [(0, "#D55E00"), (0.5, "#F4F4F2"), (1, "#0072B2")]

ALL = -1  # any class, in place of one class


def confusion(counts: NDArray[Any], chosen: tuple[int, int], spec: DatasetSpec, *, shares: bool) -> go.Figure:
    """The confusion matrix: true classes as rows, predicted classes as columns, all cells and sums clickable.

    Args:
        counts: ``(classes, classes)``.
        chosen: the cell to frame, as (true, predicted); `ALL` for a whole row or column.
        shares: show shares of the rows instead of counts.
        spec: what the classes are called.
    """
    total = len(counts)  # the place of the margins, after the classes
    rows = counts.sum(axis=1, keepdims=True)
    shown = counts / np.maximum(rows, 1) if shares else counts
    # The square root makes mistakes visible: the numbers on the diagonal are a hundred times as large.
    shade = np.full((total + 1, total + 1), np.nan)
    shade[:total, :total] = np.sqrt(shown / max(shown.max(), 1e-9))
    text = np.full(shade.shape, "", object)
    text[:total, :total] = np.vectorize(_share if shares else _count)(shown)
    text[:total, total], text[total, :total] = [
        np.vectorize(_count)(counts.sum(axis=axis)) for axis in (1, 0)
    ]
    text[total, total] = _count(counts.sum())
    places = list(range(total + 1))
    figure = go.Figure(
        go.Heatmap(
            z=shade, x=places, y=places, colorscale=_BLUES, zmin=0, zmax=1, showscale=False,
            hoverinfo="skip", xgap=2, ygap=2,
        )
    )  # fmt: skip
    # A heat map of Plotly shows no text in a cell without a number, so the markers show all texts.
    true, read = (grid.ravel() for grid in np.mgrid[0 : len(places), 0 : len(places)])
    is_dark = shade.ravel() > 0.55
    clickable(
        figure, read, true, _("%{y} predicted as %{x}: %{text}"), mode="markers+text", text=text.ravel(),
        textfont={
            # On a phone a cell has 27 pixels, and a sum has up to five figures.
            "size": np.where(np.isnan(shade.ravel()), _SUMS, _COUNTS),
            "color": np.where(is_dark, "#FFFFFF", np.where(np.isnan(shade.ravel()), MARGIN, "#22303C")),
        },
    )  # fmt: skip
    if chosen != (ALL, ALL):
        (top, height), (left, width) = [(0, total) if place == ALL else (place, 1) for place in chosen]
        frame(figure, left, top, width, height)
    axis = {
        "tickvals": places, "ticktext": [*spec.classes, _("all")], "fixedrange": True,
        "showgrid": False, "zeroline": False,
    }  # fmt: skip
    figure.update_xaxes(title=_("predicted"), range=[-0.5, total + 0.5], **axis)
    figure.update_yaxes(title=_true(spec), range=[total + 0.5, -0.5], **axis)
    return compact(figure, height=500)


def _true(spec: DatasetSpec) -> str:
    return _("true digit") if spec.are_digits else _("true class")


def _count(value: float) -> str:
    return f"{int(value)}"


def _share(value: float) -> str:
    return f"{100 * value:.1f}" if value else "0"


def difference(first: NDArray[Any], second: NDArray[Any], spec: DatasetSpec) -> go.Figure:
    """The second confusion matrix minus the first one. Fewer mistakes are blue, more mistakes are orange.

    Args:
        first, second: confusion matrices as counts, ``(classes, classes)``, of the same images.
    """
    change = second - first
    # On the diagonal, a higher count is better. Elsewhere, a lower count is better.
    better = np.where(np.eye(len(change), dtype=bool), change, -change)
    most = max(1, np.abs(np.where(np.eye(len(change), dtype=bool), 0, change)).max())
    digits = list(range(len(change)))
    figure = go.Figure(
        go.Heatmap(
            z=better, x=digits, y=digits, zmin=-most, zmax=most, colorscale=_FOR_AND_AGAINST, showscale=False,
            text=np.vectorize(_signed)(change), texttemplate="%{text}", xgap=2, ygap=2,
            hovertemplate=_("%{y} predicted as %{x}: %{text}") + "<extra></extra>",
        )
    )  # fmt: skip
    axis = {
        "tickvals": digits,
        "ticktext": spec.classes,
        "fixedrange": True,
        "showgrid": False,
        "zeroline": False,
    }
    figure.update_xaxes(title=_("predicted"), **axis)
    figure.update_yaxes(title=_true(spec), autorange="reversed", **axis)
    return compact(figure, height=420)


def _signed(value: float) -> str:
    return f"{int(value):+d}" if value else "·"


def course(
    epochs: Sequence[int],
    probabilities: NDArray[np.float32],
    true: int,
    now: int | None,
    spec: DatasetSpec,
) -> go.Figure:
    """The probabilities of one image over the epochs: the true class and its strongest rivals.

    Args:
        epochs: in order.
        probabilities: ``(epochs, classes)``.
        true: the label of the image.
        now: the epoch to mark; None for no mark.
    """
    rivals = [int(digit) for digit in np.argsort(-probabilities.max(axis=0)) if digit != true]
    figure = go.Figure()
    for digit in (true, *rivals[:_RIVALS]):
        figure.add_scatter(
            x=list(epochs), y=probabilities[:, digit].tolist(), name=spec.classes[digit],
            mode="lines+markers",
            line={"width": 3 if digit == true else 1.5, "dash": None if digit == true else "dot"},
        )  # fmt: skip
    if now is not None:
        figure.add_vline(x=now, line={"color": MARK, "dash": "dot"})
    figure.update_xaxes(title=_("epoch"), dtick=max(1, len(epochs) // 10), fixedrange=True)
    figure.update_yaxes(title=_("probability"), range=[-0.03, 1.03], tickformat=".0%", fixedrange=True)
    figure.update_layout(legend={"orientation": "h", "y": 1.02, "yanchor": "bottom"})
    return compact(figure, height=280, top=30)


def reliability(diagram: Reliability) -> go.Figure:
    """The reliability diagram: accuracy against confidence, with the diagonal of perfect calibration."""
    edges = np.linspace(0, 1, BINS + 1)
    middles, width = (edges[:-1] + edges[1:]) / 2, 1 / BINS
    filled = diagram.counts > 0
    figure = go.Figure()
    figure.add_bar(
        x=middles[filled], y=diagram.accuracy[filled], width=width, name=_("right"),
        customdata=np.stack([diagram.confidence[filled], diagram.counts[filled]], axis=1),
        hovertemplate=_("%{customdata[1]:,} predictions, mean confidence %{customdata[0]:.1%}, accuracy "
                        "%{y:.1%}")
        + "<extra></extra>",
    )  # fmt: skip
    figure.add_scatter(
        x=diagram.confidence[filled], y=diagram.confidence[filled], mode="markers", name=_("confidence"),
        marker={"symbol": "line-ew", "size": 16, "line": {"width": 3, "color": MARK}}, hoverinfo="skip",
    )  # fmt: skip
    figure.add_scatter(
        x=[0, 1], y=[0, 1], mode="lines", name=_("perfectly calibrated"),
        line={"dash": "dot", "color": MARGIN}, hoverinfo="skip",
    )  # fmt: skip
    figure.update_xaxes(title=_("confidence"), range=[0, 1], tickformat=".0%", fixedrange=True)
    figure.update_yaxes(title=_("accuracy"), range=[0, 1.02], tickformat=".0%", fixedrange=True)
    figure.update_layout(legend={"orientation": "h", "y": 1.12}, bargap=0)
    return compact(figure, height=380, top=40)


def one_against_all(
    curves: Mapping[int, Curve], spec: DatasetSpec, x: str, y: str, *, rising: bool
) -> go.Figure:
    """One curve for each class against all other classes. For good curves, only the best corner is shown.

    Args:
        rising: whether the best corner is at the top left; else it is at the top right.
    """
    figure = go.Figure(
        [
            go.Scatter(
                x=curve.x, y=curve.y, mode="lines", name=f"{spec.classes[digit]} · {curve.area:.4f}",
                line={"dash": "solid" if 2 * digit < len(spec.classes) else "dot"},
                hovertemplate="%{meta}: %{x:.2%}, %{y:.2%}<extra></extra>", meta=spec.classes[digit],
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


def robustness(
    levels: Sequence[float], accuracies: Mapping[str, Sequence[float]], title: str, unchanged: float
) -> go.Figure:
    """Accuracy against the size of a change to the digits, one line for each run.

    Args:
        levels: the sizes of the change.
        accuracies: by the name of the run; a list may be shorter than the levels.
        title: the name of the levels, with their unit.
        unchanged: the level that does not change the digits.
    """
    figure = go.Figure(
        [
            go.Scatter(
                x=list(levels)[: len(values)], y=list(values), mode="lines+markers", name=name,
                hovertemplate="%{x}: %{y:.1%}<extra>%{fullData.name}</extra>",
            )
            for name, values in accuracies.items()
        ]
    )  # fmt: skip
    figure.add_vline(x=unchanged, line={"dash": "dot", "color": MARGIN, "width": 1})
    beyond = 0.03 * (max(levels) - min(levels))  # else the markers at both ends would be cut in half
    figure.update_xaxes(title=title, fixedrange=True, range=[min(levels) - beyond, max(levels) + beyond])
    figure.update_yaxes(range=[0, 1.02], tickformat=".0%", fixedrange=True)
    figure.update_layout(showlegend=len(accuracies) > 1, legend={"orientation": "h", "y": -0.45})
    return compact(figure, height=260 if len(accuracies) < 2 else 300)
