"""Charts of the images themselves."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.charts.common import compact
from core.data import specs
from core.data.specs import DatasetSpec
from core.i18n import _
from core.lazy import go

_RIGHT, _WRONG = (0, 158, 115), (213, 94, 0)  # Okabe and Ito's bluish green and vermilion


def class_balance(labels: NDArray[np.uint8], spec: DatasetSpec) -> go.Figure:
    """The number of images of each class."""
    counts = np.bincount(labels, minlength=len(spec.classes))
    figure = go.Figure(
        go.Bar(x=spec.classes, y=counts, text=counts, hovertemplate="%{x}: %{y}<extra></extra>")
    )
    figure.update_xaxes(title=specs.noun(spec), type="category", fixedrange=True)
    figure.update_yaxes(title=_("images"), fixedrange=True)
    return compact(figure, height=260)


def pixels(image: NDArray[np.uint8], *, normalised: bool) -> go.Figure:
    """The pixel values of an image as a heat map with the numbers in it.

    Args:
        image: uint8 ``(height, width)``.
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
    """An enlarged image in which each pixel is a square. The frame shows whether the prediction is right.

    Args:
        image: uint8 ``(height, width)``, or with three colours ``(height, width, 3)``.
        right: None for no frame.
        scale: the factor of the enlargement.

    Returns:
        uint8 ``(H, W, 3)``.
    """
    large = image.repeat(scale, axis=0).repeat(scale, axis=1)
    rgb = large if large.ndim == 3 else np.repeat(large[..., None], 3, axis=2)
    if right is not None:
        frame = np.ones(rgb.shape[:2], bool)
        frame[scale:-scale, scale:-scale] = False
        rgb[frame] = _RIGHT if right else _WRONG
    return rgb
