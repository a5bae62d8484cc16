"""The diagram of a network."""

from __future__ import annotations

import math
from collections.abc import Sequence

from core.charts.common import compact
from core.lazy import go
from core.network import architectures as arch

# Pixels for each layer of the diagram, so that its labels can be read.
_NETWORK_STEP = 104


def network(rows: Sequence[arch.Row]) -> go.Figure:
    """The diagram of a network, from left to right: images as stacks of sheets, vectors as bars.

    The drawn size grows with the logarithm of the real size, so that hundreds of inputs and a few outputs are
    both visible.
    """
    figure = go.Figure()
    stations = _stations(rows)
    for place, (name, kind, shape) in enumerate(stations):
        _draw(figure, place, shape, kind)
        figure.add_annotation(x=place, y=-1.17, text=name, showarrow=False)
        figure.add_annotation(x=place, y=-1.39, text=_text(shape), font={"weight": "bold"}, showarrow=False)
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
    # A reshape changes nothing that the diagram shows.
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


# The ratio of pixels per unit of the two axes of the diagram: vertical to horizontal.
_SQUARE = 0.85

# Layers with weights are coloured, the others are grey.
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
