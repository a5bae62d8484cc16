"""A network as a list of layer specs, with shapes and parameter counts, without Keras.

Everything else is a reading of that list: `core.worker.keras_model` makes the `keras.Model` that is
trained, `core.network.onnx_graph` the graph that the server runs, `core.charts` the picture of the network.
Shapes leave the batch out and put channels last, as Keras does.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple, TypedDict

from core.config import Activation, Initializer, Padding, RunConfig
from core.data import specs
from core.data.specs import DatasetSpec
from core.failures import KnownFailure

Shape = tuple[int, ...]
BATCH_NORM_EPSILON = 1e-3  # Keras's default


class ImpossibleNetwork(KnownFailure, ValueError):
    """A network whose shapes do not work out. The message says where and what to change."""


@dataclass(frozen=True)
class Layer:
    """One layer. `name` is unique in its network, and the name of its ONNX output."""

    name: str

    @property
    def kind(self) -> str:
        """The name of the Keras layer class."""
        return type(self).__name__

    def output(self, shape: Shape) -> Shape:
        """The output's shape for an input of this shape."""
        return shape

    def weights(self, shape: Shape) -> dict[str, Shape]:
        """The weights that training changes, by Keras's names and in Keras's order."""
        return {}

    def statistics(self, shape: Shape) -> dict[str, Shape]:
        """The weights that training does not change (Keras: non-trainable)."""
        return {}

    def multiplications(self, shape: Shape) -> int:
        """Multiplications that one image takes in the forward pass; cheap layers count as 0."""
        return 0


@dataclass(frozen=True)
class Reshape(Layer):
    shape: Shape

    def output(self, shape: Shape) -> Shape:
        return self.shape


@dataclass(frozen=True)
class Flatten(Layer):
    def output(self, shape: Shape) -> Shape:
        return (math.prod(shape),)


@dataclass(frozen=True)
class Dense(Layer):
    units: int
    activation: Activation | str = "linear"
    use_bias: bool = True
    kernel_initializer: Initializer = "glorot_uniform"
    l2: float = 0.0

    def output(self, shape: Shape) -> Shape:
        return (self.units,)

    def weights(self, shape: Shape) -> dict[str, Shape]:
        bias: dict[str, Shape] = {"bias": (self.units,)} if self.use_bias else {}
        return {"kernel": (*shape, self.units)} | bias

    def multiplications(self, shape: Shape) -> int:
        return math.prod(shape) * self.units


@dataclass(frozen=True)
class Conv2D(Layer):
    filters: int
    kernel_size: int
    strides: int = 1
    padding: Padding = "valid"
    activation: Activation | str = "linear"
    use_bias: bool = True
    kernel_initializer: Initializer = "glorot_uniform"
    l2: float = 0.0

    def output(self, shape: Shape) -> Shape:
        height, width, _channels = shape
        shrink = self.kernel_size - 1 if self.padding == "valid" else 0
        # -(-a // b) is a / b rounded up.
        return (-(-(height - shrink) // self.strides), -(-(width - shrink) // self.strides), self.filters)

    def weights(self, shape: Shape) -> dict[str, Shape]:
        bias: dict[str, Shape] = {"bias": (self.filters,)} if self.use_bias else {}
        return {"kernel": (self.kernel_size, self.kernel_size, shape[-1], self.filters)} | bias

    def multiplications(self, shape: Shape) -> int:
        return math.prod(self.output(shape)) * self.kernel_size**2 * shape[-1]


@dataclass(frozen=True)
class _Pooling2D(Layer):
    """Pools each 2×2 square, without overlap; an odd last row or column is dropped."""

    def output(self, shape: Shape) -> Shape:
        height, width, channels = shape
        return (height // 2, width // 2, channels)


@dataclass(frozen=True)
class MaxPooling2D(_Pooling2D):
    pass


@dataclass(frozen=True)
class AveragePooling2D(_Pooling2D):
    pass


@dataclass(frozen=True)
class BatchNormalization(Layer):
    def weights(self, shape: Shape) -> dict[str, Shape]:
        return {"gamma": shape[-1:], "beta": shape[-1:]}

    def statistics(self, shape: Shape) -> dict[str, Shape]:
        return {"moving_mean": shape[-1:], "moving_variance": shape[-1:]}


@dataclass(frozen=True)
class ActivationLayer(Layer):
    activation: Activation

    @property
    def kind(self) -> str:
        return "Activation"


@dataclass(frozen=True)
class Dropout(Layer):
    rate: float


class Network(list[Layer]):
    """The layers in their order, and the shape of the images that they take."""

    def __init__(self, image: Shape, layers: Iterable[Layer]) -> None:
        super().__init__(layers)
        self.image = image


class Row(NamedTuple):
    """What one layer does to one image, for a table."""

    layer: Layer
    input: Shape
    output: Shape
    parameters: int
    trainable: int


def layers(config: RunConfig, spec: DatasetSpec | None = None) -> Network:
    """The network that these settings describe, from the image to the probabilities of the classes.

    Batch normalisation stands between a layer's weights and its activation, and replaces the
    bias, which it would cancel (Ioffe and Szegedy, 2015, section 3.2).

    Args:
        spec: what it is to read; None for the data set of the settings.

    Raises:
        UnknownDataset: there is no such data set here.
        ImpossibleNetwork: the image has become too small for a convolution or a pooling.
    """
    spec = spec or specs.of(config.dataset)
    output = Dense("output", len(spec.classes), activation="softmax")
    return Network(spec.image, [*_convolutions(config, spec), Flatten("flatten"), *_dense(config), output])


def _convolutions(config: RunConfig, spec: DatasetSpec) -> list[Layer]:
    if config.architecture == "mlp":
        return []
    shape: Shape = spec.shape
    found: list[Layer] = [] if shape == spec.image else [Reshape("image", shape)]
    for number, block in enumerate(config.conv_blocks, start=1):
        convolution = Conv2D(
            f"conv_{number}",
            block.filters,
            block.kernel_size,
            strides=2 if block.pooling == "stride" else 1,
            padding=config.padding,
            **_hidden(config),
        )
        shape = _fitting(convolution, shape, number)
        found += [convolution, *_normalised(config, f"conv_{number}")]
        if kind := _POOLINGS.get(block.pooling):
            pooling = kind(f"pool_{number}")
            shape = _fitting(pooling, shape, number)
            found.append(pooling)
        if config.dropout and config.dropout_place == "everywhere":
            found.append(Dropout(f"conv_{number}_dropout", config.dropout))
    return found


_POOLINGS: dict[str, type[_Pooling2D]] = {"max": MaxPooling2D, "average": AveragePooling2D}


class _Hidden(TypedDict):
    """What the settings say of every hidden layer that has weights."""

    activation: Activation | str
    use_bias: bool
    kernel_initializer: Initializer
    l2: float


def _hidden(config: RunConfig) -> _Hidden:
    return {
        "activation": "linear" if config.batch_normalization else config.activation,
        "use_bias": not config.batch_normalization,
        "kernel_initializer": config.kernel_initializer,
        "l2": config.l2,
    }


def _fitting(layer: Layer, shape: Shape, block: int) -> Shape:
    """The layer's output shape, if there is anything left of the image."""
    output = layer.output(shape)
    if min(output) < 1:
        raise ImpossibleNetwork(
            "impossible_network", block=block, layer=layer.kind, height=shape[0], width=shape[1]
        )
    return output


def _dense(config: RunConfig) -> list[Layer]:
    if config.architecture == "mlp":
        units = config.hidden_units
    else:
        units = (config.dense_units,) if config.dense_units else ()
    found: list[Layer] = []
    for number, width in enumerate(units, start=1):
        name = f"dense_{number}"
        found += [Dense(name, width, **_hidden(config)), *_normalised(config, name)]
        last = number == len(units)
        if config.dropout and not (last and config.dropout_place == "between"):
            found.append(Dropout(f"{name}_dropout", config.dropout))
    return found


def _normalised(config: RunConfig, name: str) -> list[Layer]:
    if not config.batch_normalization:
        return []
    return [
        BatchNormalization(f"{name}_norm"),
        ActivationLayer(f"{name}_activation", config.activation),
    ]


def trace(network: Network) -> list[Row]:
    """Follow one image through the network: a row per layer."""
    rows, shape = [], network.image
    for layer in network:
        trainable = sum(map(math.prod, layer.weights(shape).values()))
        fixed = sum(map(math.prod, layer.statistics(shape).values()))
        rows.append(Row(layer, shape, layer.output(shape), trainable + fixed, trainable))
        shape = rows[-1].output
    return rows


def parameters(network: Network) -> int:
    """The number of parameters, trained or not, as `keras.Model.count_params` counts them."""
    return sum(row.parameters for row in trace(network))


def multiplications(network: Network) -> int:
    """Multiplications that one image takes in the forward pass."""
    return sum(row.layer.multiplications(row.input) for row in trace(network))


def activations(network: Network) -> int:
    """The numbers that the layers put out for one image, all together."""
    return sum(math.prod(row.output) for row in trace(network))


def split(config: RunConfig, images: int) -> tuple[int, int]:
    """How many of ``images`` training images are trained on, and how many validated on.

    Keras's arithmetic for ``validation_split``: the first ``floor(n * (1 - split))`` are trained on.
    """
    used = min(images, config.training_images or images)
    trained = math.floor(used * (1 - config.validation_split))
    return trained, used - trained


def steps_per_epoch(config: RunConfig, images: int) -> int:
    """The number of batches in an epoch over ``images`` training images; the last may be smaller."""
    trained, _validated = split(config, images)
    return math.ceil(trained / config.batch_size)
