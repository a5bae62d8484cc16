"""Write Keras's own model files so that older versions of Keras can read them, too.

Keras writes every argument of each layer, of the optimizer and of the loss, among them those that came with
its newest version, and an older one refuses what it does not know. Here only what differs from its default is
written.
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
    """The network, its weights, and the optimizer with its state. Reads in `OLDEST_KERAS` and later."""
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
    """The network and its weights. Reads in `OLDEST_KERAS` and later.

    The optimizer is left out: Keras 3 would build it for no variables, and the model could not be trained.
    """
    with tempfile.TemporaryDirectory() as folder:
        written = Path(folder) / "model.h5"
        model.save(written, include_optimizer=False)
        with h5py.File(written, "r+") as opened:
            opened.attrs["model_config"] = json.dumps(_plain(json.loads(opened.attrs["model_config"])))
        file.write_bytes(written.read_bytes())


def _plain(value: Any) -> Any:
    """What Keras has serialized, in which every object has only the arguments that it needs."""
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if not isinstance(value, dict):
        return value
    # The ids, which are addresses in memory, say which objects are one and the same; here none has to be.
    plain = {name: _plain(one) for name, one in value.items() if name != "shared_object_id"}
    return plain | {"config": _arguments(plain)} if "class_name" in plain else plain


def _arguments(serialized: dict[str, Any]) -> dict[str, Any]:
    """The arguments of an object that are not what they would be without being given."""
    given = serialized["config"]
    match serialized["class_name"]:
        case "Sequential":
            return {name: given[name] for name in ("name", "layers")}
        case "InputLayer":
            # As Keras 2 called it. Keras 3 knows this name as well.
            return {"name": given["name"], "batch_input_shape": given["batch_shape"]}
    # In HDF5 only the layers' modules are left out.
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
