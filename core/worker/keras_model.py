"""Build the `keras.Model` that is trained from layer specs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict

import keras
import numpy as np

from core.config import OPTIMIZERS, RunConfig
from core.network import architectures as arch
from core.network.architectures import Layer, Network
from core.network.onnx_graph import Weights


def _l2(factor: float) -> keras.regularizers.Regularizer | None:
    return keras.regularizers.L2(factor) if factor else None


_LAYERS: dict[type[Layer], Callable[..., keras.layers.Layer]] = {
    arch.Reshape: lambda name, shape: keras.layers.Reshape(shape, name=name),
    arch.Flatten: keras.layers.Flatten,
    arch.Dense: lambda l2, **options: keras.layers.Dense(kernel_regularizer=_l2(l2), **options),
    arch.Conv2D: lambda l2, **options: keras.layers.Conv2D(kernel_regularizer=_l2(l2), **options),
    arch.MaxPooling2D: keras.layers.MaxPooling2D,
    arch.AveragePooling2D: lambda name: keras.layers.AveragePooling2D(2, name=name),
    arch.BatchNormalization: keras.layers.BatchNormalization,
    arch.ActivationLayer: keras.layers.Activation,
    arch.Dropout: keras.layers.Dropout,
}


def optimizer(config: RunConfig) -> keras.optimizers.Optimizer:
    """The optimizer of the settings, at the beginning."""
    if config.optimizer == "sgd":
        return keras.optimizers.SGD(config.learning_rate, config.momentum, config.nesterov)
    made: keras.optimizers.Optimizer = getattr(keras.optimizers, OPTIMIZERS[config.optimizer])(
        config.learning_rate
    )
    return made


def model(network: Network) -> keras.Sequential:
    """The network with fresh weights, from images ``(n, *network.image)``, 0 to 1, to probabilities."""
    body = [_LAYERS[type(layer)](**asdict(layer)) for layer in network]
    return keras.Sequential([keras.Input(network.image), *body])


def compile_model(model: keras.Model, config: RunConfig) -> None:
    """Give the model the loss, the metric and the optimizer of the settings.

    Without label smoothing that is the tutorials' ``sparse_categorical_crossentropy``, which takes the
    labels as digits; Keras smooths only labels that are given one-hot.
    """
    smoothing = config.label_smoothing
    model.compile(
        optimizer=optimizer(config),
        loss=keras.losses.CategoricalCrossentropy(label_smoothing=smoothing)
        if smoothing
        else keras.losses.SparseCategoricalCrossentropy(),
        metrics=["accuracy"],
    )
    # At once, so that there is a state to be restored.
    model.optimizer.build(model.trainable_variables)


def weights(model: keras.Model) -> Weights:
    """The model's weights by layer name and weight name, as `core.network.onnx_graph.build` takes them."""
    return {
        layer.name: {
            variable.name: np.asarray(variable.numpy(), np.float32)
            for variable in layer.variables
            # A dropout layer keeps the state of its random generator as a variable.
            if variable.dtype == "float32"
        }
        for layer in model.layers
    }


def assign(model: keras.Model, weights: Weights) -> None:
    """Give the model these weights, by layer name and weight name; what is not among them stays.

    Raises:
        ValueError: one has another shape.
    """
    for layer in model.layers:
        for variable in layer.variables:
            if variable.name in weights.get(layer.name, {}):
                variable.assign(weights[layer.name][variable.name])
