"""Build a `keras.Model` from layer specs."""

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
    """A new optimizer with these settings."""
    if config.optimizer == "sgd":
        return keras.optimizers.SGD(config.learning_rate, config.momentum, config.nesterov)
    kind: type[keras.optimizers.Optimizer] = getattr(keras.optimizers, OPTIMIZERS[config.optimizer])
    return kind(config.learning_rate)


def model(network: Network) -> keras.Sequential:
    """A model with new weights.

    Its input is images, float32 ``(n, *network.image)``, 0 to 1. Its output is probabilities, float32
    ``(n, classes)``.
    """
    body = [_LAYERS[type(layer)](**asdict(layer)) for layer in network]
    return keras.Sequential([keras.Input(network.image), *body])


def compile_model(model: keras.Model, config: RunConfig) -> None:
    """Compile the model with the loss, the metric and the optimizer of the settings.

    Without label smoothing, the loss is ``sparse_categorical_crossentropy``, as in the tutorials. It takes
    the labels as integers. With label smoothing, Keras needs one-hot labels.
    """
    smoothing = config.label_smoothing
    model.compile(
        optimizer=optimizer(config),
        loss=keras.losses.CategoricalCrossentropy(label_smoothing=smoothing)
        if smoothing
        else keras.losses.SparseCategoricalCrossentropy(),
        metrics=["accuracy"],
    )
    # Built at once, so that a checkpoint can restore its state.
    model.optimizer.build(model.trainable_variables)


def weights(model: keras.Model) -> Weights:
    """The weights, float32, by layer name and weight name, as in `core.network.onnx_graph.build`."""
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
    """Set the weights of the model, by layer name and weight name. Other weights do not change.

    Raises:
        ValueError: a weight has another shape.
    """
    for layer in model.layers:
        for variable in layer.variables:
            if variable.name in weights.get(layer.name, {}):
                variable.assign(weights[layer.name][variable.name])
