"""The code to take away: it runs in a clean interpreter and comes to what the run came to."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import keras
import nbformat
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.config import PRESETS, RunConfig
from core.exports import keras_script
from core.network import architectures
from core.runs import records, run_folder
from tests.conftest import train
from tests.support.strategies import configs


def as_script(run: Path) -> str:
    return keras_script.script(records.config(run), "a run")


def as_notebook(run: Path) -> str:
    """The cells of the notebook, one after the other."""
    notebook = nbformat.reads(keras_script.notebook(records.config(run), "a run"), as_version=4)
    return "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")


def result(code: str, folder: Path) -> tuple[int, float]:
    """The parameters and the test accuracy that the code comes to in an interpreter of its own."""
    file = folder / "script.py"
    file.write_text(code, "utf-8")
    done = subprocess.run(
        [sys.executable, "-W", "error::SyntaxWarning", file], cwd=folder, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    match = re.search(r"test accuracy (\d\.\d+)", done.stdout)
    assert match
    return keras.saving.load_model(folder / "model.keras", compile=False).count_params(), float(match[1])


def assert_reproduced(run: Path, code: str, folder: Path) -> None:
    parameters, accuracy = result(code, folder)
    assert parameters == architectures.parameters(architectures.layers(records.config(run)))
    assert accuracy == pytest.approx(run_folder.status(run).test_accuracy, abs=0.003)


@pytest.mark.parametrize(
    ("fixture", "code"), [("mlp_run", as_script), ("mlp_run", as_notebook), ("cnn_run", as_script)]
)
def test_the_code_reproduces_the_run(
    fixture: str, code: Callable[[Path], str], request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    run = request.getfixturevalue(fixture)
    assert_reproduced(run, code(run), tmp_path)


ONE_CYCLE = {"learning_rate_schedule": "one-cycle", "learning_rate": 0.01, "optimizer": "adamw", "l2": 0.001}
PLATEAU = {
    "learning_rate_schedule": "plateau", "plateau_patience": 1, "optimizer": "sgd", "momentum": 0.9,
    "learning_rate": 0.3, "early_stopping_patience": 2, "epochs": 8,
}  # fmt: skip
COSINE = {"learning_rate_schedule": "cosine", "label_smoothing": 0.1, "validation_split": 0, "seed": 3}


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param(ONE_CYCLE, id="one-cycle", marks=pytest.mark.full),
        pytest.param(PLATEAU, id="plateau"),
        pytest.param(COSINE, id="cosine", marks=pytest.mark.full),
    ],
)
def test_every_schedule_is_reproduced(settings: dict[str, object], tmp_path: Path) -> None:
    small = {"hidden_units": (16,), "training_images": 1000, "epochs": 3, "dropout": 0.2}
    run = train(tmp_path / "runs", **small | settings)
    assert_reproduced(run, as_script(run), tmp_path)


@given(configs, st.text(max_size=60))
@example(RunConfig(), "\0")
def test_whatever_the_settings_are_the_script_is_python(config: RunConfig, title: str) -> None:
    try:
        architectures.layers(config)
    except architectures.ImpossibleNetwork:
        return
    code = keras_script.script(config, title, ["One remark."])
    compile(code, "script.py", "exec")
    notebook = nbformat.reads(keras_script.notebook(config, title), as_version=4)
    nbformat.validate(notebook)
    cells = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    assert all(cell in code for cell in cells)
    compile("\n".join(cells), "notebook.py", "exec")


def test_the_tutorials_mlp_is_written_as_the_tutorial_writes_it() -> None:
    code = keras_script.script(PRESETS["tutorial-mlp"].but(dataset="mnist"), "MLP")
    assert "(x_train, y_train), (x_test, y_test) = keras.datasets.mnist.load_data()" in code
    assert 'layers.Dense(128, activation="relu"),' in code
    assert 'loss="sparse_categorical_crossentropy"' in code


@pytest.mark.full
def test_augmented_runs_are_trained_with_keras_s_own_layers(tmp_path: Path) -> None:
    run = train(
        tmp_path / "runs", hidden_units=(16,), training_images=1000, epochs=2, rotation=10.0, shift=1.0,
        zoom=0.1, shear=5.0,
    )  # fmt: skip
    _parameters, accuracy = result(as_script(run), tmp_path)
    assert accuracy == pytest.approx(run_folder.status(run).test_accuracy, abs=0.1)  # nearly the same
