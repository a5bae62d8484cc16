"""The layer specs against Keras: shapes, parameters, and ONNX's outputs layer by layer."""

from __future__ import annotations

import keras
import numpy as np
import onnxruntime as ort
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from core.config import PRESETS, Padding, RunConfig
from core.network import architectures as arch
from core.network import onnx_graph
from core.worker import keras_model
from tests.support.strategies import configs


def possible(config: RunConfig) -> list[arch.Layer]:
    try:
        return arch.layers(config)
    except arch.ImpossibleNetwork:
        assume(False)
        raise AssertionError from None


def shake(model: keras.Model, seed: int) -> None:
    """Give every weight a value of its own, so that no two layers can be mistaken for each other.

    Variances have to stay positive, and everything small enough for float32 to agree to 1e-5.
    """
    draw = np.random.default_rng(seed)
    for layer in model.layers:
        for variable in layer.weights:
            noise = draw.uniform(0.5, 1.5, variable.shape).astype("float32")
            if variable.name in ("gamma", "moving_variance"):
                variable.assign(noise)
            elif variable.name != "seed_generator_state":
                variable.assign(np.asarray(variable) + 0.1 * (noise - 1))


@given(configs, st.integers(0, 99))
@settings(max_examples=120)
def test_shapes_parameters_and_outputs_are_those_of_keras(config: RunConfig, seed: int) -> None:
    network = possible(config)
    keras.utils.set_random_seed(seed)
    model = keras_model.model(network)
    shake(model, seed)

    rows = arch.trace(network)
    assert [row.output for row in rows] == [layer.output.shape[1:] for layer in model.layers]
    assert [row.parameters for row in rows] == [layer.count_params() for layer in model.layers]
    for spec, layer in zip(network, model.layers, strict=True):
        if isinstance(spec, arch.Dense | arch.Conv2D):
            expected = keras.initializers.get(spec.kernel_initializer)
            assert type(layer.kernel_initializer) is type(expected)
            assert float(getattr(layer.kernel_regularizer, "l2", 0)) == pytest.approx(spec.l2)
    trained = sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)
    assert sum(row.trainable for row in rows) == trained
    assert arch.parameters(network) == model.count_params()

    images = np.random.default_rng(seed).random((3, 28, 28), np.float32)
    graph = onnx_graph.build(network, keras_model.weights(model))
    session = ort.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    assert names == [layer.name for layer in network] + [onnx_graph.LOGITS]
    outputs = dict(zip(names, session.run(names, {onnx_graph.INPUT: images}), strict=True))
    expected = keras.ops.convert_to_tensor(images)
    for layer in model.layers:
        expected = layer(expected, training=False)
        np.testing.assert_allclose(
            outputs[layer.name], np.asarray(expected), rtol=1e-5, atol=1e-5, err_msg=layer.name
        )
    softmax = np.asarray(keras.ops.softmax(outputs[onnx_graph.LOGITS]))
    np.testing.assert_allclose(softmax, outputs[network[-1].name], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("preset", "parameters"),
    [
        # 784 × 128 + 128 + 128 × 10 + 10
        ("tutorial-mlp", 101_770),
        ("tutorial-mlp-10", 101_770),
        ("tutorial-mlp-32", 101_770),
        ("tutorial-mlp-dropout", 101_770),
        # 784 × 256 + 256 + 256 × 128 + 128 + 128 × 10 + 10
        ("tutorial-mlp-deep", 235_146),
        # 320 + 18,496 + 36,928 + 576 × 128 + 128 + 1,290
        ("tutorial-cnn", 130_890),
    ],
)
def test_the_tutorials_have_the_parameters_that_they_print(preset: str, parameters: int) -> None:
    assert arch.parameters(arch.layers(PRESETS[preset])) == parameters


def names(preset: str) -> list[str]:
    return [layer.name for layer in arch.layers(PRESETS[preset])]


def test_the_tutorials_drop_out_where_they_say() -> None:
    assert names("tutorial-mlp-deep") == ["flatten", "dense_1", "dense_1_dropout", "dense_2", "output"]
    assert names("tutorial-mlp-dropout") == ["flatten", "dense_1", "dense_1_dropout", "output"]
    assert not [name for name in names("tutorial-cnn") if "dropout" in name]


def test_the_settings_of_the_hidden_layers_are_not_the_outputs() -> None:
    hidden, output = arch.layers(RunConfig(kernel_initializer="zeros", l2=0.1))[1:]
    assert isinstance(hidden, arch.Dense)
    assert isinstance(output, arch.Dense)
    assert (hidden.kernel_initializer, hidden.l2) == ("zeros", 0.1)
    assert (output.kernel_initializer, output.l2) == ("glorot_uniform", 0)


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("kernel_size", range(1, 8))
def test_a_stride_halves_the_image_as_keras_does(padding: Padding, kernel_size: int) -> None:
    spec = arch.Conv2D("conv", 2, kernel_size, strides=2, padding=padding)
    layer = keras.layers.Conv2D(2, kernel_size, strides=2, padding=padding)
    for side in range(kernel_size, 29):
        assert spec.output((side, side, 1)) == layer.compute_output_shape((None, side, side, 1))[1:]


def test_an_image_that_is_used_up_is_named_with_its_block() -> None:
    config = RunConfig.read({"architecture": "cnn", "conv_blocks": "8:3:max,8:3:max,8:3:max,8:3:max"})
    with pytest.raises(arch.ImpossibleNetwork, match=r"block 4 .*Conv2D gets an image of 1×1"):
        arch.layers(config)
    assert arch.layers(config.but(padding="same"))


@given(configs, st.integers(1_000, 60_000))
def test_the_split_is_that_of_keras(config: RunConfig, images: int) -> None:
    x = np.empty((min(images, config.training_images or images), 0), np.float32)
    slicing = pytest.importorskip("keras.src.trainers.data_adapters.array_slicing")
    if config.validation_split:
        (trained,), (validated,) = slicing.train_validation_split((x,), config.validation_split)
    else:
        trained, validated = x, x[:0]
    assert arch.split(config, images) == (len(trained), len(validated))
    batches = range(0, len(trained), config.batch_size)
    assert arch.steps_per_epoch(config, images) == len(batches)


def test_multiplications_are_counted_by_hand() -> None:
    network = arch.layers(RunConfig.read({"architecture": "cnn", "conv_blocks": "4:3:max", "dense_units": 8}))
    convolution = 26 * 26 * 4 * 3 * 3 * 1
    assert arch.multiplications(network) == convolution + 13 * 13 * 4 * 8 + 8 * 10
