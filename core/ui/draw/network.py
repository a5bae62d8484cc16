"""The output of each layer for a drawing, and the arithmetic behind each number of the output."""

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

_TERMS = 8  # the number of terms to show of a sum of products
# The charts in which one number can be chosen.
_MAPS, _MAP, _UNITS = state.DRAW_MAPS, state.DRAW_MAP, state.DRAW_UNITS


def show(run: Path, reader: Reader, reading: Reading) -> None:
    """The output of one layer for this drawing, and the arithmetic behind one of its numbers."""
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
    """A description of the layer. If ``signed``, its feature maps are blue and orange, otherwise grey."""
    layer = row.layer
    match layer:
        case arch.Conv2D():
            words = _(
                "This layer has {n} filters. Each filter is a pattern of {k}×{k} pixels. The layer "
                "looks for the pattern at every position."
            )
            if not signed:
                words += " " + _("Bright pixels show where the pattern was found.")
            else:
                words += " " + _(
                    "Blue pixels show where the pattern was found. Orange pixels show where "
                    "its opposite was found."
                )
            return words.format(n=layer.filters, k=layer.kernel_size)
        case arch.MaxPooling2D():
            return _(
                "Only the largest number of each 2×2 square is kept. The output is half as wide and "
                "half as high, and less exact."
            )
        case arch.AveragePooling2D():
            return _(
                "The mean of each 2×2 square is kept. The output is half as wide and half as high, and "
                "less exact."
            )
        case arch.BatchNormalization():
            return _(
                "Each channel is shifted and scaled, so that its numbers have a similar range over "
                "many images."
            )
        case arch.ActivationLayer():
            return _("The activation function `{name}` is applied to each number.").format(
                name=layer.activation
            )
        case arch.Dense(activation="softmax"):
            return _(
                "This layer has one unit for each digit. Its outputs are the probabilities before "
                "calibration."
            )
        case arch.Dense():
            return _(
                "This layer has {n} units. Each unit computes a weighted sum of all {m} numbers of the "
                "previous layer. Together, the outputs are the network's description of the drawing."
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
        above.caption(_("Feature maps. Click a feature map to enlarge it, or type its number."))
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
            alt=_("Channel {n}, enlarged").format(n=channel),
            numbers=partial(activations.numbers, chosen, *_pixels()),
        )  # fmt: skip
        above.caption(_("Channel {n}. Click a pixel to see how its value is computed.").format(n=channel))
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
    st.caption(
        _(
            "The learned kernels, one for each filter. Blue weights are positive: ink there raises the "
            "output. Orange weights are negative: ink there lowers the output."
        )
    )


def _units(row: arch.Row, reader: Reader, before: Any, values: NDArray[np.float32]) -> None:
    above = st.container()
    (unit,) = _choose(_UNITS, [_("Unit (0 to {last})")], values.shape, int(values.argmax()))
    ui.chart(
        activations.units(values, unit), key=_UNITS, into=above,
        on_select=partial(_clicked, _UNITS, values.shape), selection_mode="points",
        alt=_("All units of the layer {name}").format(name=row.layer.name),
        numbers=partial(activations.numbers, values, _("unit")),
    )  # fmt: skip
    above.caption(_("Units. Click a unit to see how its value is computed, or type its number."))
    _arithmetic(row, reader, before, (unit,))


def _fields(chart: Key[Any], number: int) -> list[Key[int]]:
    return [state.DRAW_PLACE[f"{chart.name}_{axis}"] for axis in range(number)]


def _offered(chart: Key[Any]) -> Key[list[int] | None]:
    return state.DRAW_OFFERED[chart.name]


def _choose(chart: Key[Any], labels: Sequence[str], shape: tuple[int, ...], default: int) -> tuple[int, ...]:
    """Choose a number of a chart: one field for each axis, which a click in the chart fills in.

    Args:
        labels: the names of the axes, with a placeholder for the last position.
        shape: the number of positions along each axis.
        default: the flat index of the number that is chosen at first.
    """
    fields, offered = _fields(chart, len(shape)), _offered(chart)
    kept = [field.get() for field in fields if field.is_kept()]
    if len(kept) < len(fields) or kept == offered.get():
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
    step = arithmetic.of(row, reader.predictor.weights, before, place)
    st.subheader(_("How this number is computed"), anchor=False)
    if step.inputs.ndim == 3 and step.weights is not None:
        _convolution(step)
    elif step.inputs.ndim == 2:
        ui.chart(activations.grid(step.inputs), key=state.DRAW_POOLED, alt=_("The four numbers"))
    elif step.weights is not None and step.inputs.size > 1:
        _weighted(step)
    st.markdown(_equation(step))


def _convolution(step: Arithmetic) -> None:
    """The patch, the kernel and their products, for the input channel that contributes most."""
    assert step.weights is not None
    products = step.inputs * step.weights
    sums = products.sum(axis=(0, 1))
    of = int(np.abs(sums).argmax())
    parts = (
        (_("input"), _("The input under the kernel"), step.inputs[..., of]),
        (_("times kernel"), _("The kernel"), step.weights[..., of]),
        (_("product"), _("The products of input and kernel"), products[..., of]),
    )
    for number, (side, (title, alt, values)) in enumerate(zip(st.columns(3), parts, strict=True)):
        side.caption(title)
        ui.chart(activations.grid(values), key=state.DRAW_PATCH[number], alt=alt, into=side)
    if len(sums) > 1:
        st.caption(
            _("Input channel {n} is shown, because it contributes most. Its products add up to {sum:.3f}. "
              "The products of all {count} channels add up to {all:.3f}.").format(
                n=of, sum=sums[of], count=len(sums), all=sums.sum()
            )
        )  # fmt: skip


def _weighted(step: Arithmetic) -> None:
    """The largest terms of a long sum."""
    assert step.weights is not None
    products = step.inputs * step.weights
    largest = np.argsort(-np.abs(products))[:_TERMS]
    st.dataframe(
        {
            _("input"): largest,
            _("value"): step.inputs[largest],
            _("times weight"): step.weights[largest],
            _("product"): products[largest],
        },
        hide_index=True, width="content", key=state.DRAW_TERMS, alt=_("The largest terms of the sum"),
    )  # fmt: skip
    st.caption(
        _("The {n} largest of {all:,} products. The others add up to {rest:.3f}.").format(
            n=len(largest), all=products.size, rest=products.sum() - products[largest].sum()
        )
    )


def _equation(step: Arithmetic) -> str:
    match step.kind:
        case "MaxPooling2D":
            return _("The largest of the four is **{output:.4f}**.").format(output=step.output)
        case "AveragePooling2D":
            return _("The mean of the four is **{output:.4f}**.").format(output=step.output)
        case "BatchNormalization":
            assert step.weights is not None
            return _("{value:.4f} × {scale:.4f} + {bias:.4f} = **{output:.4f}**").format(
                value=step.inputs[0], scale=step.weights[0], bias=step.bias, output=step.output
            )
        case "Activation":
            return _("`{name}`({value:.4f}) = **{output:.4f}**").format(
                name=step.activation, value=step.total, output=step.output
            )
    text = _("All products {sum:.4f} + bias {bias:.4f} = {total:.4f}").format(
        sum=step.total - step.bias, bias=step.bias, total=step.total
    )
    if step.activation == "softmax":
        return _(
            "{sum}. This is the logit. Softmax turns all logits into probabilities. The probability "
            "here is **{output:.4f}**."
        ).format(sum=text, output=step.output)
    if step.activation == "linear":
        return text
    return _("{sum}. The activation function `{name}` turns this into **{output:.4f}**.").format(
        sum=text, name=step.activation, output=step.output
    )
