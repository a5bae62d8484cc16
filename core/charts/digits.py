"""Charts of the images themselves."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from core.charts.common import compact
from core.i18n import _
from core.network import architectures as arch

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


def tile(image: NDArray[np.uint8], right: bool | None = None, scale: int = 3) -> NDArray[np.uint8]:
    """An image enlarged, each pixel a square; its frame says whether it was read right.

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
