"""Write Keras's own model files so that older versions of Keras can read them, too.

Keras writes all arguments of the layers, of the optimizer and of the loss. An older version refuses the
arguments that are new in a later one. So only the arguments that differ from their defaults are written.
"""

from __future__ import annotations

import importlib
import inspect
import json
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import h5py
import keras

from core.exports.model_formats import OLDEST_KERAS


def save_keras(model: keras.Model, file: Path) -> None:
    """Write the network, its weights, and the optimizer with its state, for `OLDEST_KERAS` and later."""
    with tempfile.TemporaryDirectory() as folder:
        written = Path(folder) / "model.keras"
        model.save(written)
        with zipfile.ZipFile(written) as source, zipfile.ZipFile(file, "w") as target:
            for member in source.infolist():
                content = source.read(member)
                if member.filename == "config.json":
                    content = json.dumps(_plain(json.loads(content))).encode()
                elif member.filename == "metadata.json":
                    content = json.dumps(json.loads(content) | {"written_for": OLDEST_KERAS}).encode()
                target.writestr(member, content)


def save_h5(model: keras.Model, file: Path) -> None:
    """Write the network and its weights, for `OLDEST_KERAS` and later.

    The optimizer is left out. Keras 3 would build it without variables, and the model could not be trained.
    """
    with tempfile.TemporaryDirectory() as folder:
        written = Path(folder) / "model.h5"
        model.save(written, include_optimizer=False)
        with h5py.File(written, "r+") as opened:
            opened.attrs["model_config"] = json.dumps(_plain(json.loads(opened.attrs["model_config"])))
        file.write_bytes(written.read_bytes())


def _plain(value: Any) -> Any:
    """Keep only the needed arguments of each object in a configuration that Keras has serialized."""
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if not isinstance(value, dict):
        return value
    # The ids, which are addresses in memory, mark shared objects. These models have none.
    plain = {name: _plain(item) for name, item in value.items() if name != "shared_object_id"}
    return plain | {"config": _arguments(plain)} if "class_name" in plain else plain


def _arguments(serialized: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a serialized object that differ from their defaults or have none."""
    given = serialized["config"]
    match serialized["class_name"]:
        case "Sequential":
            return {name: given[name] for name in ("name", "layers")}
        case "InputLayer":
            # The name in Keras 2. Keras 3 accepts it as well.
            return {"name": given["name"], "batch_input_shape": given["batch_shape"]}
    # In HDF5, layers have no module, but all other objects have one.
    kind = getattr(
        importlib.import_module(serialized.get("module", "keras.layers")), serialized["class_name"]
    )
    parameters = inspect.signature(kind.__init__).parameters
    needed = {
        name for name in given if name in parameters and parameters[name].default is inspect.Parameter.empty
    }
    defaults = _plain(kind(**{name: given[name] for name in needed}).get_config())
    return {
        name: value
        for name, value in given.items()
        if name in needed or name == "name" or value != defaults.get(name)
    }
