"""Models taken to a computer with another Keras: they load there, read the same, and can be trained on."""

from __future__ import annotations

import json
import os
import runpy
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest

from core.config import RunConfig
from core.data.datasets import Dataset
from core.drawing.preprocess import normalise
from core.exports import keras_script, model_formats
from core.network import architectures
from core.runs import records
from core.worker import convert as writer
from core.worker import keras_model, portable
from tests.support import old_keras

# Between them, every argument that a network of ours can have.
NETWORKS = {
    "sgd": RunConfig.read(
        {
            "hidden_units": (16, 8), "activation": "selu", "kernel_initializer": "he_uniform", "l2": 0.001,
            "optimizer": "sgd", "momentum": 0.9, "nesterov": True, "learning_rate": 0.02,
        }
    ),
    "adam": RunConfig.read(
        {
            "architecture": "cnn", "conv_blocks": "4:3:max", "dense_units": 0, "padding": "same",
            "activation": "elu", "kernel_initializer": "lecun_normal", "batch_normalization": True,
        }
    ),
    "adamw": RunConfig.read(
        {
            "architecture": "cnn", "conv_blocks": "4:5:stride,4:3:none", "dense_units": 8,
            "activation": "gelu", "kernel_initializer": "glorot_normal", "batch_normalization": True,
            "optimizer": "adamw",
        }
    ),
    "rmsprop": RunConfig.read(
        {
            "architecture": "cnn", "conv_blocks": "4:2:average", "activation": "tanh", "dense_units": 8,
            "kernel_initializer": "random_normal", "label_smoothing": 0.1, "optimizer": "rmsprop",
        }
    ),
    "adagrad": RunConfig.read(
        {"activation": "sigmoid", "kernel_initializer": "he_normal", "optimizer": "adagrad"}
    ),
}  # fmt: skip
READER = Path(old_keras.__file__).with_name("keras_reader.py")
Results = dict[str, np.ndarray]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory, mlp_run: Path, cnn_run: Path, mnist_5k: Dataset) -> Path:
    """A folder of models as `tests.support.keras_reader` takes it: these networks, and two runs."""
    folder = tmp_path_factory.mktemp("models")
    images, labels = normalise(mnist_5k.x_train[:40]), mnist_5k.y_train[:40]

    def describe(name: str, config: RunConfig) -> np.ndarray:
        answers = keras.utils.to_categorical(labels, 10) if config.label_smoothing else labels
        np.savez(folder / f"{name}.npz", images=images, answers=answers)
        (folder / f"{name}.py").write_text(keras_script.compiling(config, repr(config.learning_rate)))
        return answers

    for name, config in NETWORKS.items():
        model = keras_model.model(architectures.layers(config))
        keras_model.compile_model(model, config)
        model.run_eagerly = True
        model.fit(
            images, describe(name, config), epochs=2, verbose=0
        )  # the optimizer is to remember something
        portable.save_keras(model, folder / f"{name}.keras")
        portable.save_h5(model, folder / f"{name}.h5")
    for name, run in (("mlp", mlp_run), ("cnn", cnn_run)):
        describe(name, records.config(run))
        (folder / f"{name}.keras").write_bytes((run / "model.keras").read_bytes())
        portable.save_h5(writer.model(run), folder / f"{name}.h5")
    return folder


def read(models: Path, version: str) -> Results:
    """What the models come to in this version of Keras."""
    results = models / f"keras-{version}.npz"
    path = os.pathsep.join([str(old_keras.folder(version)), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-W", "ignore", *reader(models, version, results)],
        env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return loaded(results, version)


def reader(models: Path, version: str, results: Path) -> list[str]:
    return [str(READER), "tf_keras" if version == "2" else "keras", str(models), str(results)]


def loaded(results: Path, version: str) -> Results:
    with np.load(results) as arrays:
        values = dict(arrays)
    assert str(values.pop("version")).startswith(version)
    return values


@pytest.fixture(scope="module")
def current(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Results:
    """What they come to in the version that wrote them."""
    results = tmp_path_factory.mktemp("current") / "keras.npz"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", reader(models, keras.__version__, results))
        runpy.run_path(str(READER))
    values = loaded(results, keras.__version__)
    assert len(values) == 3 * 2 * (len(NETWORKS) + 2)
    return values


@pytest.mark.parametrize("version", [version for version in old_keras.VERSIONS if version != "2"])
def test_a_model_loads_reads_and_trains_on_in_an_older_keras_as_in_this_one(
    version: str, models: Path, current: Results
) -> None:
    older = read(models, version)
    assert_same(older, current)
    for name in current:
        # With dropout, no two trainings are the same.
        if name.endswith("trained") and not name.startswith("cnn"):
            # Without the optimizer's memory of the steps before, they would differ by 0.005.
            np.testing.assert_allclose(older[name], current[name], rtol=1e-3, atol=1e-4, err_msg=name)


def test_a_model_loads_and_trains_on_in_keras_2(models: Path, current: Results) -> None:
    """With an optimizer that begins anew."""
    older = read(models, "2")
    assert_same(older, current)
    for name in current:
        if name.endswith("trained"):
            assert not np.array_equal(older[name], older[name.replace("trained", "weights")])


def assert_same(older: Results, current: Results) -> None:
    """The weights to the bit; the probabilities as nearly as TensorFlow adds them up twice."""
    assert older.keys() == current.keys()
    for name, expected in current.items():
        if name.endswith("weights"):
            np.testing.assert_array_equal(older[name], expected, name)
        elif name.endswith("read"):
            np.testing.assert_allclose(older[name], expected, rtol=1e-5, atol=1e-6, err_msg=name)


def configuration(file: Path) -> str:
    """What a file says of the network, and, if it is a ``.keras`` file, of its optimizer and its loss."""
    if file.suffix == ".h5":
        with h5py.File(file) as opened:
            return str(opened.attrs["model_config"])
    with zipfile.ZipFile(file) as archive:
        return archive.read("config.json").decode()


def test_only_what_differs_from_its_default_is_written(models: Path) -> None:
    for file in (*models.glob("*.keras"), *models.glob("*.h5")):
        settings = json.loads(configuration(file))
        settings.pop("compile_config", None)  # of which Keras writes some itself
        text = json.dumps(settings)
        for late in (
            "renorm",
            "quantization_config",
            "input_axes",
            "ragged",
            "dtype",
            "trainable",
            "false",
            "0.99",
        ):
            assert (late in text) == (late == "false" and '"use_bias": false' in text), (file.name, late)
    text = configuration(models / "sgd.keras")
    for meant in (
        '"momentum": 0.9',
        '"nesterov": true',
        '"l2": 0.001',
        '"selu"',
        '"HeUniform"',
        '"units": 16',
    ):
        assert meant in text


def test_a_run_of_before_is_taken_away_for_older_versions_too(mlp_run: Path, tmp_path: Path) -> None:
    """Its own file was for the newest Keras. The optimizer's state is in the checkpoint."""
    run = Path(shutil.copytree(mlp_run, tmp_path / mlp_run.name))
    expected = keras.saving.load_model(run / "model.keras")
    expected.save(run / "model.keras")
    assert "renorm" in configuration(run / "model.keras") or "quantization" in configuration(
        run / "model.keras"
    )
    (tmp_path / "taken.keras").write_bytes(model_formats.write(run, "keras"))
    assert "quantization" not in configuration(tmp_path / "taken.keras")
    model = keras.saving.load_model(tmp_path / "taken.keras")
    for variable, other in zip(model.weights, expected.weights, strict=True):
        np.testing.assert_array_equal(variable, other)
    for variable, other in zip(model.optimizer.variables, expected.optimizer.variables, strict=True):
        np.testing.assert_array_equal(variable, other)
