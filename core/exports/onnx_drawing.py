"""One ONNX model of preprocessing and network: the input is a drawing, the output is a digit.

The recipe is that of `core.drawing.preprocess`, written with matrices: to crop, fit and centre a picture is
to multiply it from both sides. Specks are not removed, because matrices cannot find separate pieces of ink.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.data import specs
from core.drawing.preprocess import BOX, FAINTEST, SIZE
from core.lazy import onnx
from core.network.onnx_graph import INPUT, IR_VERSION, OPSET

SIDE = 280  # of a drawing, in pixels
DRAWING, DIGIT, PROBABILITIES, IMAGE = "drawing", "digit", "probabilities", "image"
EMPTY = -1  # the digit of an empty drawing


def _along(length: int, other_axis: int) -> NDArray[np.float64]:
    """0, 1, 2 … along an axis of a matrix, to be broadcast along the other axis."""
    return np.expand_dims(np.arange(length, dtype=float), other_axis)


class _Graph:
    """A list of nodes. Every call adds a node, and returns the name of its output."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def __call__(self, operator: str, *inputs: str | float | NDArray[Any], **attributes: Any) -> str:
        names = [value if isinstance(value, str) else self.constant(value) for value in inputs]
        output = f"{self.name}/{len(self.nodes)}"
        self.nodes.append(onnx.helper.make_node(operator, names, [output], **attributes))
        return output

    def constant(self, value: float | NDArray[Any]) -> str:
        name = f"{self.name}/constant/{len(self.constants)}"
        values = np.asarray(value, float if isinstance(value, float | int) else None)
        self.constants.append(onnx.numpy_helper.from_array(values, name))
        return name

    def ends(self, ink: str, other_axis: int) -> tuple[str, str]:
        """The beginning and the end of the ink along an axis, in pixels."""
        places = np.arange(SIDE, dtype=float)
        is_ink = self("Greater", self("ReduceMax", ink, np.array([other_axis]), keepdims=0), 0.0)
        begin = self("ReduceMin", self("Where", is_ink, places, float(SIDE)), keepdims=0)
        end = self("ReduceMax", self("Where", is_ink, places + 1, 0.0), keepdims=0)
        return begin, end

    def resize(self, begin: str, length: str, fitted: str, other_axis: int) -> str:
        """The matrix that resizes `length` pixels from `begin` on to `fitted` pixels: (20, 280) or (280, 20).

        The two matrices are not made by transposition, because ONNX Runtime up to 1.23 fuses a transposition
        and a product of doubles into a node that it cannot run.

        The method is Pillow's box filter, with the same order of operations: rounding decides if the centre
        of a pixel is on an edge.
        """
        scale = self("Div", length, fitted)
        reach = self("Max", scale, 1.0)  # an enlarged image uses the nearest pixel
        rows, columns = _along(BOX, other_axis), _along(SIDE, 1 - other_axis)
        centres = self("Mul", self("Add", rows, 0.5), scale)
        place = self("Sub", columns, begin)
        away = self("Mul", self("Add", self("Sub", place, centres), 0.5), self("Div", 1.0, reach))
        half = self("Mul", 0.5, reach)
        first = self("Max", self("Floor", self("Add", self("Sub", centres, half), 0.5)), 0.0)
        last = self("Min", self("Floor", self("Add", self("Add", centres, half), 0.5)), length)
        is_in = self("Less", rows, fitted)
        for condition in (
            self("GreaterOrEqual", place, first),
            self("Less", place, last),
            self("Greater", away, -0.5),
            self("LessOrEqual", away, 0.5),
        ):
            is_in = self("And", is_in, condition)
        weights = self("Cast", is_in, to=onnx.TensorProto.DOUBLE)
        total = self("ReduceSum", weights, np.array([other_axis]), keepdims=1)
        return self("Div", weights, self("Max", total, 1.0))

    def centre(self, box: str, other_axis: int, fitted: str) -> str:
        """The matrix that moves the centre of mass to the centre of the image: (28, 20) or (20, 28)."""
        profile = self("ReduceSum", box, np.array([other_axis]), keepdims=0)
        moment = self("ReduceSum", self("Mul", profile, np.arange(BOX, dtype=float)), keepdims=0)
        mass = self("Div", moment, self("ReduceSum", profile, keepdims=0))
        wanted = self("Round", self("Sub", SIZE / 2, mass))
        offset = self("Max", self("Min", wanted, self("Sub", float(SIZE), fitted)), 0.0)
        rows, columns = _along(SIZE, other_axis), _along(BOX, 1 - other_axis)
        is_there = self("Equal", self("Sub", rows, offset), columns)
        return self("Cast", is_there, to=onnx.TensorProto.DOUBLE)


def build(network: onnx.ModelProto, last: str) -> onnx.ModelProto:
    """A model with a drawing as its input.

    Args:
        network: a model from `core.network.onnx_graph.build`.
        last: the name of its last layer, whose output is the probabilities.

    Returns:
        A model with the input ``drawing``, uint8 ``(280, 280)``, 0 for paper and 255 for full ink, and
        the outputs ``digit``, int64, -1 for an empty drawing; ``probabilities``, float32 ``(10,)``; and
        ``image``, float32 ``(1, 28, 28)``, 0 to 1, the input of the network.
    """
    graph = _Graph("prepare")
    ink = graph("Cast", DRAWING, to=onnx.TensorProto.DOUBLE)
    top, bottom = graph.ends(ink, 1)
    left, right = graph.ends(ink, 0)
    height, width = graph("Sub", bottom, top), graph("Sub", right, left)
    scale = graph("Div", float(BOX), graph("Max", height, width))
    fitted = [graph("Max", graph("Round", graph("Mul", side, scale)), 1.0) for side in (height, width)]
    down = graph.resize(top, height, fitted[0], 1)
    across = graph.resize(left, width, fitted[1], 0)
    box = graph("MatMul", down, graph("MatMul", ink, across))
    box = graph("Mul", box, graph("Div", 255.0, graph("ReduceMax", box, keepdims=0)))
    vertical = graph.centre(box, 1, fitted[0])
    horizontal = graph.centre(box, 0, fitted[1])
    placed = graph("MatMul", vertical, graph("MatMul", graph("Round", box), horizontal))
    is_empty = graph("Less", graph("ReduceMax", ink, keepdims=0), float(FAINTEST))
    placed = graph("Where", is_empty, np.zeros((SIZE, SIZE)), graph("Div", placed, 255.0))
    single = graph("Cast", placed, to=onnx.TensorProto.FLOAT)
    graph.nodes.append(
        onnx.helper.make_node("Unsqueeze", [single, graph.constant(np.array([0]))], ["prepared"])
    )
    graph.nodes.append(onnx.helper.make_node("Identity", [is_empty], ["is_empty"]))
    front = _model(
        graph,
        [onnx.helper.make_tensor_value_info(DRAWING, onnx.TensorProto.UINT8, [SIDE, SIDE])],
        [
            onnx.helper.make_tensor_value_info("prepared", onnx.TensorProto.FLOAT, [1, SIZE, SIZE]),
            onnx.helper.make_tensor_value_info("is_empty", onnx.TensorProto.BOOL, []),
        ],
    )
    whole = onnx.compose.merge_models(
        front, network, io_map=[("prepared", INPUT)], outputs=["is_empty", last]
    )
    end = _Graph("answer")
    end.nodes += [
        onnx.helper.make_node("Identity", ["prepared"], [IMAGE]),
        onnx.helper.make_node("Squeeze", [last, end.constant(np.array([0]))], [PROBABILITIES]),
        onnx.helper.make_node("ArgMax", [PROBABILITIES], ["digit/best"], axis=0, keepdims=0),
        onnx.helper.make_node("Where", ["is_empty", end.constant(np.array(EMPTY)), "digit/best"], [DIGIT]),
    ]
    del whole.graph.output[:]
    whole.graph.node.extend(end.nodes)
    whole.graph.initializer.extend(end.constants)
    whole.graph.output.extend(
        [
            onnx.helper.make_tensor_value_info(DIGIT, onnx.TensorProto.INT64, []),
            onnx.helper.make_tensor_value_info(
                PROBABILITIES, onnx.TensorProto.FLOAT, [len(specs.MNIST.classes)]
            ),
            onnx.helper.make_tensor_value_info(IMAGE, onnx.TensorProto.FLOAT, [1, SIZE, SIZE]),
        ]
    )
    onnx.checker.check_model(whole)
    return whole


def _model(
    graph: _Graph, inputs: list[onnx.ValueInfoProto], outputs: list[onnx.ValueInfoProto]
) -> onnx.ModelProto:
    body = onnx.helper.make_graph(graph.nodes, "prepare", inputs, outputs, graph.constants)
    return onnx.helper.make_model(
        body,
        producer_name="mnist-lab",
        opset_imports=[onnx.helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
    )
