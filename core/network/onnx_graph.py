"""Write an ONNX model from layer specs and weights. Its outputs are every layer and the logits.

The model is written layer by layer, and not converted from a Keras model. This takes milliseconds, keeps the
names, and keeps batch normalisation as a separate layer. Keras has channels last, and ONNX has channels
first. So the graph computes with channels first, and transposes its outputs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.lazy import onnx
from core.network import architectures as arch
from core.network.architectures import Layer, Network, Shape

INPUT = "images"
LOGITS = "logits"
OPSET = 20  # the first opset with Gelu
IR_VERSION = 10  # the version for opset 20; older runtimes refuse newer versions

Weights = Mapping[str, Mapping[str, NDArray[np.float32]]]

_ACTIVATIONS = {
    "relu": "Relu",
    "tanh": "Tanh",
    "sigmoid": "Sigmoid",
    "elu": "Elu",
    "selu": "Selu",
    "gelu": "Gelu",
    "softmax": "Softmax",
}
# The constants of Keras, where they differ from the defaults of ONNX in the last digits.
_ATTRIBUTES: dict[str, dict[str, float]] = {
    "selu": {"alpha": 1.6732632423543772, "gamma": 1.0507009873554805}
}


@dataclass
class _Graph:
    """A graph that is being written."""

    weights: Weights
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: list[onnx.TensorProto] = field(default_factory=list)
    outputs: list[onnx.ValueInfoProto] = field(default_factory=list)

    def add(self, operator: str, inputs: Sequence[str], output: str, **attributes: Any) -> str:
        self.nodes.append(onnx.helper.make_node(operator, list(inputs), [output], name=output, **attributes))
        return output

    def constant(self, name: str, values: NDArray[np.float32] | NDArray[np.int64]) -> str:
        self.constants.append(onnx.numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def weight(self, layer: Layer, name: str) -> str:
        return self.constant(f"{layer.name}/{name}", self.weights[layer.name][name])

    def show(self, tensor: str, name: str, shape: Shape) -> None:
        """Make this tensor an output of the model, with channels last."""
        if len(shape) == 3:
            self.add("Transpose", [tensor], name, perm=[0, 2, 3, 1])
        else:
            self.add("Identity", [tensor], name)
        self.outputs.append(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["n", *shape]))

    def activate(self, tensor: str, activation: str, name: str) -> str:
        if activation == "linear":
            return tensor
        return self.add(
            _ACTIVATIONS[activation],
            [tensor],
            f"{name}/{activation}",
            **_ATTRIBUTES.get(activation, {}),
        )


def build(network: Network, weights: Weights) -> onnx.ModelProto:
    """Write the network as an ONNX model.

    Args:
        network: the layer specs. The last one is a dense layer with softmax.
        weights: float32 in the shapes of Keras, by layer name and weight name.

    Returns:
        A model with the input ``images``, float32 ``(n, *network.image)``, 0 to 1. Its outputs are every
        layer by name, float32 in the shapes of Keras, and then ``logits``, float32 ``(n, classes)``.

    Raises:
        KeyError: the weights of a layer are missing.
    """
    graph = _Graph(weights)
    tensor = INPUT
    if len(network.image) == 3:
        tensor = graph.add("Transpose", [tensor], f"{INPUT}/channels", perm=[0, 3, 1, 2])
    rows = arch.trace(network)
    for row in rows:
        tensor = _WRITERS[type(row.layer)](graph, row.layer, tensor, row.input)
        graph.show(tensor, row.layer.name, row.output)
    graph.show(f"{network[-1].name}/sum", LOGITS, rows[-1].output)
    images = onnx.helper.make_tensor_value_info(INPUT, onnx.TensorProto.FLOAT, ["n", *network.image])
    body = onnx.helper.make_graph(graph.nodes, "network", [images], graph.outputs, graph.constants)
    model = onnx.helper.make_model(
        body,
        producer_name="mnist-lab",
        opset_imports=[onnx.helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
    )
    onnx.checker.check_model(model)
    return model


def weights(model: onnx.ModelProto) -> Weights:
    """Read the weights of a model that `build` has written: the argument `weights` of `build`.

    Raises:
        ValueError: `build` has not written this model.
    """
    arrays = {
        constant.name: onnx.numpy_helper.to_array(constant)
        for constant in model.graph.initializer
        if constant.data_type == onnx.TensorProto.FLOAT  # leaves out the axes of a reshape
    }
    return unflatten(
        {name: array.transpose(2, 3, 1, 0) if array.ndim == 4 else array for name, array in arrays.items()}
    )


def flatten(weights: Weights) -> dict[str, NDArray[np.float32]]:
    """The weights by ``layer/name``, as they are named in files."""
    return {f"{layer}/{name}": array for layer, named in weights.items() for name, array in named.items()}


def unflatten(arrays: Mapping[str, NDArray[np.float32]]) -> Weights:
    """The inverse of `flatten`. Raises ValueError for a name that is not ``layer/name``."""
    weights: dict[str, dict[str, NDArray[np.float32]]] = {}
    for path, array in arrays.items():
        layer, name = path.split("/")
        weights.setdefault(layer, {})[name] = array
    return weights


def numbers(values: NDArray[Any]) -> NDArray[np.float32]:
    """Check weights from a file. Raises ValueError if a value is not finite, or the dtype is not float32."""
    if values.dtype != np.float32 or not np.isfinite(values).all():
        raise ValueError(f"Weights cannot be {values.dtype}, or no numbers.")
    return values


def _reshape(graph: _Graph, layer: Layer, tensor: str, shape: Shape) -> str:
    """From (n, height, width) to (n, 1, height, width)."""
    axes = graph.constant(f"{layer.name}/axes", np.array([1], np.int64))
    return graph.add("Unsqueeze", [tensor, axes], f"{layer.name}/channels")


def _flatten(graph: _Graph, layer: Layer, tensor: str, shape: Shape) -> str:
    if len(shape) == 3:
        tensor = graph.add("Transpose", [tensor], f"{layer.name}/last", perm=[0, 2, 3, 1])
    return graph.add("Flatten", [tensor], f"{layer.name}/flat", axis=1)


def _dense(graph: _Graph, layer: Layer, tensor: str, shape: Shape) -> str:
    assert isinstance(layer, arch.Dense)
    tensor = graph.add("MatMul", [tensor, graph.weight(layer, "kernel")], f"{layer.name}/product")
    if layer.use_bias:
        tensor = graph.add("Add", [tensor, graph.weight(layer, "bias")], f"{layer.name}/sum")
    return graph.activate(tensor, layer.activation, layer.name)


def _conv(graph: _Graph, layer: Layer, tensor: str, shape: Shape) -> str:
    assert isinstance(layer, arch.Conv2D)
    # Keras: height, width, channels, filters. ONNX: filters, channels, height, width.
    kernel = graph.weights[layer.name]["kernel"].transpose(3, 2, 0, 1)
    inputs = [tensor, graph.constant(f"{layer.name}/kernel", kernel)]
    if layer.use_bias:
        inputs.append(graph.weight(layer, "bias"))
    # With an even kernel, TensorFlow pads one more pixel at the end, like SAME_UPPER in ONNX.
    padding = "SAME_UPPER" if layer.padding == "same" else "VALID"
    tensor = graph.add("Conv", inputs, f"{layer.name}/sum", auto_pad=padding, strides=[layer.strides] * 2)
    return graph.activate(tensor, layer.activation, layer.name)


def _pool(graph: _Graph, layer: Layer, tensor: str, shape: Shape) -> str:
    operator = "MaxPool" if isinstance(layer, arch.MaxPooling2D) else "AveragePool"
    return graph.add(operator, [tensor], f"{layer.name}/pooled", kernel_shape=[2, 2], strides=[2, 2])


def _batch_norm(graph: _Graph, layer: Layer, tensor: str, shape: Shape) -> str:
    names = ("gamma", "beta", "moving_mean", "moving_variance")
    return graph.add(
        "BatchNormalization",
        [tensor, *(graph.weight(layer, name) for name in names)],
        f"{layer.name}/normalised",
        epsilon=arch.BATCH_NORM_EPSILON,
    )


def _activation(graph: _Graph, layer: Layer, tensor: str, shape: Shape) -> str:
    assert isinstance(layer, arch.ActivationLayer)
    return graph.activate(tensor, layer.activation, layer.name)


def _dropout(graph: _Graph, layer: Layer, tensor: str, shape: Shape) -> str:
    """In a prediction, dropout does nothing."""
    return tensor


_WRITERS: dict[type[Layer], Callable[[_Graph, Layer, str, Shape], str]] = {
    arch.Reshape: _reshape,
    arch.Flatten: _flatten,
    arch.Dense: _dense,
    arch.Conv2D: _conv,
    arch.MaxPooling2D: _pool,
    arch.AveragePooling2D: _pool,
    arch.BatchNormalization: _batch_norm,
    arch.ActivationLayer: _activation,
    arch.Dropout: _dropout,
}
