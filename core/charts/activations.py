"""The numbers inside a network as clickable Plotly figures."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.charts import clickable, compact, frame
from core.i18n import _
from core.lazy import go

# Orange and blue can be told apart by colour-blind people. Values near 0 are white.
_AGAINST_FOR = [[0, "#D55E00"], [0.5, "#F4F4F4"], [1, "#0072B2"]]


def feature_maps(values: NDArray[np.float32], chosen: int | None) -> go.Figure:
    """The output of a layer for one drawing: each channel as a clickable image.

    Args:
        values: ``(height, width, channels)``.
        chosen: the channel to frame.
    """
    height, width, channels = values.shape
    across = min(channels, max(1, math.ceil(math.sqrt(channels * 1.8))))
    down = math.ceil(channels / across)
    sheet = np.full((down * (height + 1) - 1, across * (width + 1) - 1), np.nan, np.float32)
    for channel in range(channels):
        top, left = divmod(channel, across)
        sheet[top * (height + 1) :, left * (width + 1) :][:height, :width] = values[..., channel]
    figure = _picture(sheet, signed=bool((values < 0).any()))
    places = [divmod(channel, across) for channel in range(channels)]
    size = min(64.0, 600 / across)
    clickable(
        figure,
        [left * (width + 1) + (width - 1) / 2 for _top, left in places],
        [top * (height + 1) + (height - 1) / 2 for top, _left in places],
        _("channel %{pointNumber}"),
    )  # fmt: skip
    if chosen is not None:
        top, left = places[chosen]
        frame(figure, left * (width + 1), top * (height + 1), width, height)
    return compact(figure, height=max(90, min(520, int(size * down * height / width) + 20)))


def units(values: NDArray[np.float32], chosen: int | None) -> go.Figure:
    """The outputs of a dense layer for one drawing: one clickable cell for each unit, in rows."""
    across = min(len(values), 32)
    down = math.ceil(len(values) / across)
    sheet = np.full(down * across, np.nan, np.float32)
    sheet[: len(values)] = values
    figure = _picture(sheet.reshape(down, across), signed=bool((values < 0).any()), gap=1)
    numbers = np.arange(len(values))
    clickable(figure, numbers % across, numbers // across, _("unit %{pointNumber}"))
    if chosen is not None:
        frame(figure, chosen % across, chosen // across, 1, 1)
    return compact(figure, height=max(60, 20 * down + 20))


def one_map(values: NDArray[np.float32], chosen: tuple[int, int] | None) -> go.Figure:
    """One channel, enlarged; each pixel can be clicked."""
    figure = _picture(values, signed=bool((values < 0).any()), gap=1)
    rows, columns = np.indices(values.shape)
    clickable(figure, columns.ravel(), rows.ravel(), _("row %{y}, column %{x}"))
    if chosen is not None:
        frame(figure, chosen[1], chosen[0], 1, 1)
    return compact(figure, height=300)


def grid(values: NDArray[np.float32], *, signed: bool = True) -> go.Figure:
    """A small grid, such as a kernel, with its numbers as text."""
    figure = _picture(values, signed=signed, gap=2)
    figure.update_traces(texttemplate="%{z:.2f}", textfont={"size": 11})
    return compact(figure, height=190)


def kernels(values: NDArray[np.float32]) -> go.Figure:
    """The kernels of a convolution for one input channel, side by side.

    Args:
        values: ``(k, k, filters)``.
    """
    figure = feature_maps(values, None)
    return figure.update_traces(hovertemplate=_("filter %{pointNumber}") + "<extra></extra>", selector=1)


def speaks(image: NDArray[np.uint8], values: NDArray[np.float32]) -> go.Figure:
    """The evidence for a digit (blue) and against it (orange), on top of the drawing in grey.

    Args:
        image: uint8 ``(height, width)``.
        values: float32 ``(height, width)``; above 0 is evidence for the digit, below 0 against it.
    """
    figure = go.Figure(
        go.Heatmap(z=image, colorscale="Greys_r", showscale=False, hoverinfo="skip", zmin=0, zmax=510)
    )
    most = max(float(np.abs(values).max()), 1e-6)
    figure.add_heatmap(
        z=np.where(values == 0, np.nan, values), zmin=-most, zmax=most, colorscale=_AGAINST_FOR,
        colorbar={"thickness": 10, "tickvals": [-most, most], "ticktext": [_("against"), _("for")]},
        hovertemplate="%{z:.2f}<extra></extra>",
    )  # fmt: skip
    return _square(compact(figure, height=320))


def numbers(values: NDArray[Any], *axes: str) -> list[list[Any]]:
    """The numbers of an image as rows of a table. The first row holds the names of the columns.

    Args:
        axes: what each axis of the values counts.
    """
    return [[*axes, _("number")], *([*place, value] for place, value in np.ndenumerate(values))]


def _picture(values: NDArray[np.float32], *, signed: bool, gap: int = 0) -> go.Figure:
    """Numbers as an image: grey for numbers from 0 up; with ``signed``, two colours for both signs."""
    if signed:
        most = max(float(np.nanmax(np.abs(values))), 1e-6)
        scale: dict[str, Any] = {"colorscale": _AGAINST_FOR, "zmin": -most, "zmax": most}
    else:
        scale = {"colorscale": "Greys_r", "zmin": 0, "zmax": max(float(np.nanmax(values)), 1e-6)}
    figure = go.Figure(go.Heatmap(z=values, showscale=False, hoverinfo="skip", xgap=gap, ygap=gap, **scale))
    return _square(figure)


def _square(figure: go.Figure) -> go.Figure:
    hidden = {"visible": False, "fixedrange": True, "showgrid": False, "zeroline": False}
    figure.update_xaxes(constrain="domain", **hidden)
    figure.update_yaxes(autorange="reversed", scaleanchor="x", constrain="domain", **hidden)
    return figure.update_layout(plot_bgcolor="rgba(0,0,0,0)")
