"""A network as a list of layer specs, with shapes and parameter counts, without Keras.

Everything else is made from this list: `core.worker.keras_model` makes the `keras.Model` that is trained,
`core.network.onnx_graph` makes the graph that the server runs, and `core.charts` makes the diagram of the
network. Shapes are those of one image, without the batch, with channels last as in Keras.
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
BATCH_NORM_EPSILON = 1e-3  # the default of Keras


class ImpossibleNetwork(KnownFailure, ValueError):
    """A layer cannot take its input shape. The message names the layer, and says what to change."""


@dataclass(frozen=True)
class Layer:
    """A layer. Its `name` is unique in its network, and is also the name of its output in ONNX."""

    name: str

    @property
    def kind(self) -> str:
        """The name of the Keras layer class."""
        return type(self).__name__

    def output(self, shape: Shape) -> Shape:
        """The shape of the output for an input of this shape."""
        return shape

    def weights(self, shape: Shape) -> dict[str, Shape]:
        """The shapes of the trainable weights, by their names in Keras and in the order of Keras."""
        return {}

    def statistics(self, shape: Shape) -> dict[str, Shape]:
        """The shapes of the non-trainable weights, by their names in Keras."""
        return {}

    def multiplications(self, shape: Shape) -> int:
        """The number of multiplications in the forward pass of one image. Cheap layers count as 0."""
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
    """Pools each 2×2 square, without overlap. The last row or column of an odd size is dropped."""

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
    """The layers in order.

    Attributes:
        image: the shape of an input image, as in `core.data.specs.DatasetSpec.image`.
    """

    def __init__(self, image: Shape, layers: Iterable[Layer]) -> None:
        super().__init__(layers)
        self.image = image


class Row(NamedTuple):
    """A layer with the shapes of its input and output, and its numbers of parameters."""

    layer: Layer
    input: Shape
    output: Shape
    parameters: int
    trainable: int


def layers(config: RunConfig, spec: DatasetSpec | None = None) -> Network:
    """The network of these settings, from the image to the probabilities of the classes.

    Batch normalisation is between the weights of a layer and its activation. It replaces the bias, because it
    would cancel the bias (Ioffe and Szegedy, 2015, section 3.2).

    Args:
        spec: the spec of the data set; None for the data set of the settings.

    Raises:
        UnknownDataset: the data set of the settings does not exist.
        ImpossibleNetwork: the image is too small for a convolution or a pooling.
    """
    spec = spec or specs.of(config.dataset)
    output = Dense("output", len(spec.classes), activation="softmax")
    return Network(spec.image, [*_convolutions(config, spec), Flatten("flatten"), *_dense(config), output])


def _convolutions(config: RunConfig, spec: DatasetSpec) -> list[Layer]:
    if config.architecture == "mlp":
        return []
    shape: Shape = spec.shape
    stack: list[Layer] = [] if shape == spec.image else [Reshape("image", shape)]
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
        stack += [convolution, *_normalised(config, f"conv_{number}")]
        if kind := _POOLINGS.get(block.pooling):
            pooling = kind(f"pool_{number}")
            shape = _fitting(pooling, shape, number)
            stack.append(pooling)
        if config.dropout and config.dropout_place == "everywhere":
            stack.append(Dropout(f"conv_{number}_dropout", config.dropout))
    return stack


_POOLINGS: dict[str, type[_Pooling2D]] = {"max": MaxPooling2D, "average": AveragePooling2D}


class _Hidden(TypedDict):
    """The settings that every hidden layer with weights has."""

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
    """The shape of the layer's output. Raises ImpossibleNetwork if the image is too small."""
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
    stack: list[Layer] = []
    for number, width in enumerate(units, start=1):
        name = f"dense_{number}"
        stack += [Dense(name, width, **_hidden(config)), *_normalised(config, name)]
        last = number == len(units)
        if config.dropout and not (last and config.dropout_place == "between"):
            stack.append(Dropout(f"{name}_dropout", config.dropout))
    return stack


def _normalised(config: RunConfig, name: str) -> list[Layer]:
    if not config.batch_normalization:
        return []
    return [
        BatchNormalization(f"{name}_norm"),
        ActivationLayer(f"{name}_activation", config.activation),
    ]


def trace(network: Network) -> list[Row]:
    """The shapes of one image through the network, a row for each layer."""
    rows, shape = [], network.image
    for layer in network:
        trainable = sum(map(math.prod, layer.weights(shape).values()))
        fixed = sum(map(math.prod, layer.statistics(shape).values()))
        rows.append(Row(layer, shape, layer.output(shape), trainable + fixed, trainable))
        shape = rows[-1].output
    return rows


def parameters(network: Network) -> int:
    """The number of parameters, trainable or not, as `keras.Model.count_params` counts them."""
    return sum(row.parameters for row in trace(network))


def multiplications(network: Network) -> int:
    """Multiplications that one image takes in the forward pass."""
    return sum(row.layer.multiplications(row.input) for row in trace(network))


def activations(network: Network) -> int:
    """The total number of outputs of all layers for one image."""
    return sum(math.prod(row.output) for row in trace(network))


def split(config: RunConfig, images: int) -> tuple[int, int]:
    """Divide ``images`` training images: the numbers of images for training and for validation.

    As for ``validation_split`` in Keras, the first ``floor(n * (1 - split))`` images are for training.
    """
    used = min(images, config.training_images or images)
    trained = math.floor(used * (1 - config.validation_split))
    return trained, used - trained


def steps_per_epoch(config: RunConfig, images: int) -> int:
    """The number of batches in an epoch over ``images`` training images; the last may be smaller."""
    trained, _validated = split(config, images)
    return math.ceil(trained / config.batch_size)
