"""How a layer computes one number of its output: the inputs, the weights, and the result."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.lazy import special
from core.network import architectures as arch
from core.network.onnx_graph import Weights
from core.network.softmax import softmax

Array = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Arithmetic:
    """The computation of one number of a layer's output.

    Attributes:
        kind: the name of the Keras layer class.
        inputs: float32 ``(k, k, channels)`` for a convolution, with 0 outside the image; ``(2, 2)`` for
            pooling; ``(n,)`` for a dense layer; otherwise ``(1,)``.
        weights: the weights of the inputs, in the same shape; None if there are none.
        bias: the bias; 0 if there is none.
        total: the sum, before the activation.
        activation: the name of the activation; ``"linear"`` if there is none.
        output: the computed number.
    """

    kind: str
    inputs: Array
    weights: Array | None
    bias: float
    total: float
    activation: str
    output: float


def of(row: arch.Row, weights: Weights, image: Array, place: tuple[int, ...]) -> Arithmetic:
    """The computation of one number of a layer's output.

    Args:
        row: the layer and its shapes, from `core.network.architectures.trace`.
        weights: all weights of the network, from `core.network.predict.Predictor.weights`.
        image: the input of the layer for one drawing, float32 in the shape of Keras.
        place: the position in the output: ``(row, column, channel)``, or ``(unit,)``.
    """
    layer, arrays = row.layer, weights.get(row.layer.name, {})
    match layer:
        case arch.Conv2D():
            patch, kernel = _patch(image, layer, row.output, place), arrays["kernel"][..., place[2]]
            return _sum(layer.kind, patch, kernel, arrays, place[2], layer.activation)
        case arch.Dense():
            if layer.activation == "softmax":
                return _softmax(layer.kind, image, arrays, place[0])
            return _sum(layer.kind, image, arrays["kernel"][:, place[0]], arrays, place[0], layer.activation)
        case arch.MaxPooling2D() | arch.AveragePooling2D():
            y, x, channel = place
            patch = image[2 * y : 2 * y + 2, 2 * x : 2 * x + 2, channel]
            total = float(patch.max() if isinstance(layer, arch.MaxPooling2D) else patch.mean())
            return Arithmetic(layer.kind, patch, None, 0.0, total, "linear", total)
        case arch.BatchNormalization():
            return _normalised(layer.kind, image[place], arrays, place[-1])
    value = image.reshape(row.output)[place]
    activation = layer.activation if isinstance(layer, arch.ActivationLayer) else "linear"
    output = float(activate(np.array([value]), activation)[0])
    return Arithmetic(layer.kind, np.array([value]), None, 0.0, float(value), activation, output)


def _patch(image: Array, layer: arch.Conv2D, output: arch.Shape, place: tuple[int, ...]) -> Array:
    """The input under the kernel, with 0 outside the image."""
    size, stride = layer.kernel_size, layer.strides
    before = (0, 0)
    if layer.padding == "same":
        # As in TensorFlow, an odd number of padding pixels has one more at the end.
        missing = [
            max(0, (out - 1) * stride + size - side)
            for out, side in zip(output[:2], image.shape[:2], strict=True)
        ]
        before = (missing[0] // 2, missing[1] // 2)
    padded = np.pad(image, ((before[0], size), (before[1], size), (0, 0)))
    top, left = place[0] * stride, place[1] * stride
    return padded[top : top + size, left : left + size]


def _sum(
    kind: str, inputs: Array, kernel: Array, arrays: Mapping[str, Array], unit: int, activation: str
) -> Arithmetic:
    bias = float(arrays["bias"][unit]) if "bias" in arrays else 0.0
    total = float((inputs * kernel).sum(dtype=np.float64)) + bias
    output = float(activate(np.array([total]), activation)[0])
    return Arithmetic(kind, inputs, kernel, bias, total, activation, output)


def _softmax(kind: str, inputs: Array, arrays: Mapping[str, Array], unit: int) -> Arithmetic:
    logits = inputs.astype(np.float64) @ arrays["kernel"] + arrays["bias"]
    return Arithmetic(
        kind, inputs, arrays["kernel"][:, unit], float(arrays["bias"][unit]), float(logits[unit]), "softmax",
        float(softmax(logits)[unit]),
    )  # fmt: skip


def _normalised(kind: str, value: float, arrays: Mapping[str, Array], channel: int) -> Arithmetic:
    """In a prediction, batch normalisation is a multiplication and an addition."""
    scale = arrays["gamma"][channel] / np.sqrt(arrays["moving_variance"][channel] + arch.BATCH_NORM_EPSILON)
    bias = arrays["beta"][channel] - arrays["moving_mean"][channel] * scale
    output = float(value * scale + bias)
    return Arithmetic(kind, np.array([value]), np.array([scale]), float(bias), output, "linear", output)


def activate(values: NDArray[np.floating[Any]], name: str) -> NDArray[np.floating[Any]]:
    """Apply the activation with this name in Keras to each value."""
    activated: NDArray[np.floating[Any]] = _ACTIVATIONS[name](values)
    return activated


_ACTIVATIONS: dict[str, Callable[[Any], Any]] = {
    "linear": lambda x: x,
    "relu": lambda x: np.maximum(x, 0),
    "tanh": np.tanh,
    "sigmoid": lambda x: special.expit(x),
    "elu": lambda x: np.where(x > 0, x, np.expm1(x)),
    # Klambauer et al., "Self-normalizing neural networks", 2017.
    "selu": lambda x: 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * np.expm1(x)),
    "gelu": lambda x: x * (1 + special.erf(x / np.sqrt(2))) / 2,
    "softmax": softmax,
}
