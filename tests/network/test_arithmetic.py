"""The arithmetic of one number, held against what ONNX Runtime computes for the whole network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.config import ConvBlock, RunConfig
from core.network import architectures as arch
from core.network import arithmetic, onnx_graph, predict
from core.network.predict import Predictor
from core.runs import records
from tests.support.digits import DIGITS
from tests.support.strategies import configs


def random_weights(network: list[arch.Layer], seed: int) -> dict[str, dict[str, np.ndarray]]:
    rng = np.random.default_rng(seed)
    return {
        row.layer.name: {
            # A variance is above 0.
            name: rng.uniform(0.1, 1, shape).astype(np.float32)
            if name == "moving_variance"
            else rng.normal(0, 0.3, shape).astype(np.float32)
            for name, shape in (row.layer.weights(row.input) | row.layer.statistics(row.input)).items()
        }
        for row in arch.trace(network)
    }


@given(config=configs, data=st.data())
@settings(max_examples=40)
def test_every_number_of_any_network_is_explained(config: RunConfig, data: st.DataObject) -> None:
    try:
        network = arch.layers(config)
    except arch.ImpossibleNetwork:
        return
    weights = random_weights(network, data.draw(st.integers(0, 99)))
    predictor = Predictor(onnx_graph.build(network, weights).SerializeToString())
    drawing = DIGITS[data.draw(st.integers(0, 99))]
    image = (drawing / np.float32(255)).astype(np.float32)
    for row, output in zip(arch.trace(network), predictor.activations(drawing[None]).values(), strict=True):
        place = tuple(data.draw(st.integers(0, side - 1)) for side in row.output)
        explained = arithmetic.of(row, predictor.weights, image, place)
        image = output[0]
        assert explained.kind == row.layer.kind
        assert explained.output == pytest.approx(float(image[place]), abs=1e-4, rel=1e-4)
        if explained.weights is not None:
            assert explained.inputs.shape == explained.weights.shape
            total = float((explained.inputs * explained.weights).sum()) + explained.bias
            assert explained.total == pytest.approx(total, abs=1e-4) or row.layer.kind == "BatchNormalization"


def test_the_weights_that_are_read_are_those_that_were_written() -> None:
    blocks = (ConvBlock(filters=3, kernel_size=2), ConvBlock(filters=4))
    network = arch.layers(
        RunConfig(architecture="cnn", conv_blocks=blocks, batch_normalization=True, dropout=0.2)
    )
    written = random_weights(network, 0)
    model = onnx.load_from_string(onnx_graph.build(network, written).SerializeToString())
    read = onnx_graph.weights(model)
    assert set(read) == {name for name, arrays in written.items() if arrays}
    for name, arrays in read.items():
        assert set(arrays) == set(written[name])
        for kind, values in arrays.items():
            np.testing.assert_array_equal(values, written[name][kind])


def test_the_kernel_of_the_first_convolution_lies_on_the_pixels_it_sees(cnn_run: Path) -> None:
    predictor = predict.load(cnn_run)
    rows = arch.trace(arch.layers(records.config(cnn_run)))
    row = next(row for row in rows if row.layer.kind == "Conv2D")
    image = (DIGITS[0] / np.float32(255))[..., None]
    explained = arithmetic.of(row, predictor.weights, image, (10, 12, 0))
    np.testing.assert_array_equal(explained.inputs, image[10:13, 12:15])
