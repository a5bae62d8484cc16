"""Through the network: every layer's output for a drawing, and the arithmetic behind any number of it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core import ui
from core.charts import activations
from core.evaluation.recognition import Reader, Reading
from core.i18n import _
from core.network import architectures as arch
from core.network import arithmetic
from core.network.arithmetic import Arithmetic
from core.runs import records, run_folder
from core.ui import state
from core.ui.state import Key
from core.ui.whole_number import whole

_TERMS = 8  # of a sum of many products, the largest
# The charts of which one number can be chosen.
_MAPS, _MAP, _UNITS = state.DRAW_MAPS, state.DRAW_MAP, state.DRAW_UNITS


def show(run: Path, reader: Reader, reading: Reading) -> None:
    """Every layer's output for this drawing, and the arithmetic behind any number of it."""
    try:
        rows = arch.trace(arch.layers(records.plan(run), records.spec(run)))
    except (run_folder.UnknownRun, arch.ImpossibleNetwork) as error:
        ui.sorry(error)
        return
    outputs = reader.predictor.activations(reading.image[None])
    names = [row.layer.name for row in rows if row.layer.kind not in ("Reshape", "Flatten", "Dropout")]
    by_name = {row.layer.name: row for row in rows}
    name = state.DRAW_LAYER.get()
    if name not in names:
        name = names[0]
        state.DRAW_LAYER.set(name)
    st.segmented_control(
        _("Layer"), names, key=state.DRAW_LAYER, required=True, on_change=_forget_place,
        format_func=lambda name: f"{name} · {_shape(by_name[name].output)}",
    )  # fmt: skip
    row, values = by_name[name], outputs[name][0]
    place = len(rows[: rows.index(row)])
    before = outputs[rows[place - 1].layer.name][0] if place else reading.image / np.float32(255)
    st.markdown(_what_it_does(row, signed=bool((values < 0).any())))
    if values.ndim == 3:
        _channels(row, reader, before, values)
    else:
        _units(row, reader, before, values)


def _forget_place() -> None:
    for chart in (_MAPS, _MAP, _UNITS):
        _offered(chart).pop()
        for field in _fields(chart, 2):
            field.pop()


def _shape(shape: arch.Shape) -> str:
    return "×".join(map(str, shape))


def _what_it_does(row: arch.Row, *, signed: bool) -> str:
    """In a sentence or two; `signed` pictures are blue and orange, see `core.charts.activations`, and others
    grey."""
    layer = row.layer
    match layer:
        case arch.Conv2D():
            words = _("Each of its {n} filters is a pattern of {k}×{k} pixels that is looked for everywhere.")
            if not signed:
                words += " " + _("Where the picture is bright, it was found.")
            else:
                words += " " + _("Where the picture is blue, it was found; where it is orange, its opposite.")
            return words.format(n=layer.filters, k=layer.kernel_size)
        case arch.MaxPooling2D():
            return _("Of each 2×2 square, only the strongest number goes on: half as large, less exact.")
        case arch.AveragePooling2D():
            return _("Of each 2×2 square, the mean goes on: half as large, less exact.")
        case arch.BatchNormalization():
            return _("Each channel is shifted and scaled, so that over many images it has an even spread.")
        case arch.ActivationLayer():
            return _("Each number goes through `{name}`.").format(name=layer.activation)
        case arch.Dense(activation="softmax"):
            return _("One unit for each digit: the numbers that the bars show, before calibration.")
        case arch.Dense():
            return _(
                "Each of its {n} units weighs all {m} numbers of the layer before. Together they are the "
                "network's own description of the drawing."
            ).format(n=layer.units, m=int(np.prod(row.input)))
    return ""


def _channels(row: arch.Row, reader: Reader, before: Any, values: NDArray[np.float32]) -> None:
    *size, channels = values.shape
    left, right = st.columns([3, 2], gap="large")
    with left:
        above = st.container()
        (channel,) = _choose(_MAPS, [_("Channel (0 to {last})")], (channels,), 0)
        ui.chart(
            activations.feature_maps(values, channel), key=_MAPS, into=above,
            on_select=partial(_clicked, _MAPS, (channels,)), selection_mode="points",
            alt=_("All feature maps of the layer {name}").format(name=row.layer.name),
            numbers=partial(activations.numbers, values, *_pixels(), _("channel")),
        )  # fmt: skip
        above.caption(_("Feature maps. Click one to see it large, or type its number."))
        kernel = reader.predictor.weights.get(row.layer.name, {}).get("kernel")
        if kernel is not None:
            _kernels(kernel)
    chosen = values[..., channel]
    with right:
        above = st.container()
        labels = [_("Row (0 to {last})"), _("Column (0 to {last})")]
        y, x = _choose(_MAP, labels, tuple(size), int(np.abs(chosen).argmax()))
        ui.chart(
            activations.one_map(chosen, (y, x)), key=_MAP, into=above,
            on_select=partial(_clicked, _MAP, tuple(size)), selection_mode="points",
            alt=_("Channel {n}, large").format(n=channel),
            numbers=partial(activations.numbers, chosen, *_pixels()),
        )  # fmt: skip
        above.caption(_("Channel {n}. Click a pixel to see how its number came about.").format(n=channel))
    _arithmetic(row, reader, before, (y, x, channel))


def _pixels() -> tuple[str, str]:
    return _("row"), _("column")


def _kernels(kernel: NDArray[np.float32]) -> None:
    channels = kernel.shape[2]
    of = 0
    if channels > 1:
        of = whole(
            _("Kernels for input channel (0 to {last})").format(last=channels - 1), 0, channels - 1,
            key=state.DRAW_KERNEL_CHANNEL, width=260,
        )  # fmt: skip
    ui.chart(
        activations.kernels(kernel[:, :, of]), key=state.DRAW_KERNELS, alt=_("The learned kernels"),
        numbers=partial(activations.numbers, kernel[:, :, of], *_pixels(), _("filter")),
    )  # fmt: skip
    st.caption(_("The kernels it has learned, one per filter: blue wants ink there, orange wants none."))


def _units(row: arch.Row, reader: Reader, before: Any, values: NDArray[np.float32]) -> None:
    above = st.container()
    (unit,) = _choose(_UNITS, [_("Unit (0 to {last})")], values.shape, int(values.argmax()))
    ui.chart(
        activations.units(values, unit), key=_UNITS, into=above,
        on_select=partial(_clicked, _UNITS, values.shape), selection_mode="points",
        alt=_("All units of the layer {name}").format(name=row.layer.name),
        numbers=partial(activations.numbers, values, _("unit")),
    )  # fmt: skip
    above.caption(_("Units. Click one to see how its number came about, or type which."))
    _arithmetic(row, reader, before, (unit,))


def _fields(chart: Key[Any], number: int) -> list[Key[int]]:
    return [state.DRAW_PLACE[f"{chart.name}_{axis}"] for axis in range(number)]


def _offered(chart: Key[Any]) -> Key[list[int] | None]:
    return state.DRAW_OFFERED[chart.name]


def _choose(chart: Key[Any], labels: Sequence[str], shape: tuple[int, ...], default: int) -> tuple[int, ...]:
    """Which number of a chart is looked at: a field for each axis, which a click in the chart fills in.

    Args:
        labels: what the axes are called, with a place for the last number.
        shape: how many numbers there are along each axis.
        default: which one until somebody has chosen another, counted row by row.
    """
    fields, offered = _fields(chart, len(shape)), _offered(chart)
    there = [field.get() for field in fields if field.is_kept()]
    if len(there) < len(fields) or there == offered.get():
        place = [int(number) for number in np.unravel_index(default, shape)]
        offered.set(place)
        for field, number in zip(fields, place, strict=True):
            field.set(number)
    with st.container(horizontal=True):
        return tuple(
            whole(label.format(last=length - 1), 0, length - 1, key=field, width=150)
            for label, length, field in zip(labels, shape, fields, strict=True)
        )


def _clicked(chart: Key[Any], shape: tuple[int, ...]) -> None:
    points = chart.get()["selection"]["points"]
    if points and 0 <= (index := int(points[0]["point_index"])) < np.prod(shape):
        for field, number in zip(_fields(chart, len(shape)), np.unravel_index(index, shape), strict=True):
            field.set(int(number))


def _arithmetic(row: arch.Row, reader: Reader, before: Any, place: tuple[int, ...]) -> None:
    found = arithmetic.of(row, reader.predictor.weights, before, place)
    st.subheader(_("How this number came about"), anchor=False)
    if found.inputs.ndim == 3 and found.weights is not None:
        _convolution(found)
    elif found.inputs.ndim == 2:
        ui.chart(activations.grid(found.inputs), key=state.DRAW_POOLED, alt=_("The four numbers"))
    elif found.weights is not None and found.inputs.size > 1:
        _weighted(found)
    st.markdown(_equation(found))


def _convolution(found: Arithmetic) -> None:
    """The patch, the kernel and their products, for the input channel that decides most."""
    assert found.weights is not None
    products = found.inputs * found.weights
    sums = products.sum(axis=(0, 1))
    of = int(np.abs(sums).argmax())
    parts = (
        (_("what it sees"), _("The numbers under the kernel"), found.inputs[..., of]),
        (_("times the kernel"), _("The kernel"), found.weights[..., of]),
        (_("makes"), _("What they make, number by number"), products[..., of]),
    )
    for number, (side, (title, alt, values)) in enumerate(zip(st.columns(3), parts, strict=True)):
        side.caption(title)
        ui.chart(activations.grid(values), key=state.DRAW_PATCH[number], alt=alt, into=side)
    if len(sums) > 1:
        st.caption(
            _("Shown for input channel {n}, which decides most: its products add up to {sum:.3f}; those of "
              "all {count} channels to {all:.3f}.").format(
                n=of, sum=sums[of], count=len(sums), all=sums.sum()
            )
        )  # fmt: skip


def _weighted(found: Arithmetic) -> None:
    """The largest terms of a long sum."""
    assert found.weights is not None
    products = found.inputs * found.weights
    largest = np.argsort(-np.abs(products))[:_TERMS]
    st.dataframe(
        {
            _("input"): largest,
            _("its number"): found.inputs[largest],
            _("times the weight"): found.weights[largest],
            _("makes"): products[largest],
        },
        hide_index=True, width="content", key=state.DRAW_TERMS, alt=_("The largest terms of the sum"),
    )  # fmt: skip
    st.caption(
        _("The {n} largest of {all:,} products; the others add up to {rest:.3f}.").format(
            n=len(largest), all=products.size, rest=products.sum() - products[largest].sum()
        )
    )


def _equation(found: Arithmetic) -> str:
    match found.kind:
        case "MaxPooling2D":
            return _("The largest of the four is **{output:.4f}**.").format(output=found.output)
        case "AveragePooling2D":
            return _("The mean of the four is **{output:.4f}**.").format(output=found.output)
        case "BatchNormalization":
            assert found.weights is not None
            return _("{value:.4f} × {scale:.4f} + {bias:.4f} = **{output:.4f}**").format(
                value=found.inputs[0], scale=found.weights[0], bias=found.bias, output=found.output
            )
        case "Activation":
            return _("`{name}`({value:.4f}) = **{output:.4f}**").format(
                name=found.activation, value=found.total, output=found.output
            )
    text = _("All products {sum:.4f} + bias {bias:.4f} = {total:.4f}").format(
        sum=found.total - found.bias, bias=found.bias, total=found.total
    )
    if found.activation == "softmax":
        return _("{sum}: the logit. Its share of all ten, through softmax, is **{output:.4f}**.").format(
            sum=text, output=found.output
        )
    if found.activation == "linear":
        return text
    return _("{sum}, and `{name}` makes **{output:.4f}** of it.").format(
        sum=text, name=found.activation, output=found.output
    )
