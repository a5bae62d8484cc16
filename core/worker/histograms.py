"""Histograms of the weights and gradients of each layer, measured during training."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from core.worker import steps

IMAGES = 256  # from which gradients and activations are computed
_BINS = 24

Observe = Callable[[NDArray[np.uint8], NDArray[np.uint8]], dict[str, dict[str, Any]]]


def observer(model: keras.Model) -> Observe:
    """Return a function that describes the layers, from images, uint8 ``(n, *image)``, and labels, ``(n,)``.

    It returns a dict for each layer with a kernel, by the name of the layer. ``weights`` and ``gradients``
    are the histograms of the kernel, see `histogram`. ``dead`` is the share of the units (filters) that no
    image activates, 0 to 1; None for an activation other than ReLU.
    """
    watched = [layer for layer in model.layers if hasattr(layer, "kernel")]

    def look(images: Any, labels: Any) -> tuple[Any, Any]:
        active: list[Any] = []
        with tf.GradientTape() as tape:
            tensor = steps.normalised(images)
            for layer in model.layers:
                tensor = layer(tensor, training=False)
                if _is_relu(layer):
                    active.append(tf.reduce_any(tensor > 0, axis=range(tensor.shape.rank - 1)))
            value = steps.loss(model, labels, tensor)
        return tape.gradient(value, [layer.kernel.value for layer in watched]), active

    compiled = tf.function(look, input_signature=[steps.images_of(model), steps.LABELS])

    def observe(images: NDArray[np.uint8], labels: NDArray[np.uint8]) -> dict[str, dict[str, Any]]:
        gradients, active = compiled(images, labels)
        shares = iter([1 - float(np.mean(units)) for units in active])
        by_layer = {}
        for layer, gradient in zip(watched, gradients, strict=True):
            by_layer[layer.name] = {
                "weights": histogram(layer.kernel.numpy()),
                "gradients": histogram(gradient.numpy()),
                # The hidden layers are in the order of their activations. The output layer has no ReLU.
                "dead": next(shares, None) if layer is not watched[-1] else None,
            }
        return by_layer

    return observe


def _is_relu(layer: keras.layers.Layer) -> bool:
    return getattr(layer, "activation", None) is keras.activations.relu


def histogram(values: NDArray[np.float32]) -> dict[str, Any]:
    """The histogram of values: ``low``, ``high``, and the ``counts`` of 24 equal bins between them.

    If a value is not finite, ``low`` and ``high`` are None and ``counts`` is empty.
    """
    low, high = float(values.min()), float(values.max())
    if not np.isfinite([low, high]).all():
        return {"low": None, "high": None, "counts": []}
    counts, _edges = np.histogram(values, _BINS, (low, high))
    return {"low": low, "high": high, "counts": counts.tolist()}
