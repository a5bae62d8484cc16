"""Layer specs → the `keras.Model` that is trained."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict

import keras
import numpy as np

from core import architectures as arch
from core.architectures import Layer
from core.config import RunConfig
from core.onnx_graph import Weights

_LAYERS: dict[type[Layer], Callable[..., keras.layers.Layer]] = {
    arch.Reshape: lambda name, shape: keras.layers.Reshape(shape, name=name),
    arch.Flatten: keras.layers.Flatten,
    arch.Dense: keras.layers.Dense,
    arch.Conv2D: keras.layers.Conv2D,
    arch.MaxPooling2D: keras.layers.MaxPooling2D,
    arch.AveragePooling2D: lambda name: keras.layers.AveragePooling2D(2, name=name),
    arch.BatchNormalization: keras.layers.BatchNormalization,
    arch.ActivationLayer: keras.layers.Activation,
    arch.Dropout: keras.layers.Dropout,
}

_OPTIMIZERS: dict[str, type[keras.optimizers.Optimizer]] = {
    "adam": keras.optimizers.Adam,
    "sgd": keras.optimizers.SGD,
    "rmsprop": keras.optimizers.RMSprop,
    "adagrad": keras.optimizers.Adagrad,
    "adamw": keras.optimizers.AdamW,
}


def model(network: Sequence[Layer]) -> keras.Sequential:
    """The network with fresh weights, from images ``(n, 28, 28)``, 0 to 1, to probabilities ``(n, 10)``."""
    body = [_LAYERS[type(layer)](**asdict(layer)) for layer in network]
    return keras.Sequential([keras.Input(arch.IMAGE), *body])


def compile_model(model: keras.Model, config: RunConfig, steps_per_execution: int = 1) -> None:
    """Give the model the tutorials' loss and metric, and the optimizer of the settings."""
    model.compile(
        optimizer=_OPTIMIZERS[config.optimizer](learning_rate=config.learning_rate),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
        steps_per_execution=steps_per_execution,
    )


def weights(model: keras.Model) -> Weights:
    """The model's weights by layer name and weight name, as `core.onnx_graph.build` takes them."""
    return {
        layer.name: {
            variable.name: np.asarray(variable.numpy(), np.float32)
            for variable in layer.variables
            # A dropout layer keeps the state of its random generator as a variable.
            if variable.dtype == "float32"
        }
        for layer in model.layers
    }
