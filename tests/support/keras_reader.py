"""What somebody does with our models in a Keras of their own: ``python keras_reader.py MODULE FOLDER FILE``.

Each model in FOLDER is loaded by the Keras called MODULE, reads images, and is trained on for a few steps;
what came of it is written to FILE. Beside ``x.keras`` and ``x.h5`` are ``x.npz``, what to read and to learn,
and ``x.py``, the call that compiles the model where that is needed. Nothing of the app is used here.
"""

import importlib
import sys
from pathlib import Path

import numpy as np


def flat(model):
    return np.concatenate([weights.ravel() for weights in model.get_weights()])


keras = importlib.import_module(sys.argv[1])
results = {"version": np.array(keras.__version__)}
for file in sorted([*Path(sys.argv[2]).glob("*.keras"), *Path(sys.argv[2]).glob("*.h5")]):
    with np.load(file.with_suffix(".npz")) as given:
        images, answers = given["images"], given["answers"]
    model = keras.saving.load_model(file)
    results[f"{file.name} weights"] = flat(model)
    results[f"{file.name} read"] = np.asarray(model(images, training=False))
    if file.suffix == ".h5":
        exec(file.with_suffix(".py").read_text())
    model.run_eagerly = True  # to compile it would take longer than these steps
    model.fit(images, answers, batch_size=len(images), epochs=3, verbose=0)
    results[f"{file.name} trained"] = flat(model)
np.savez(sys.argv[3], **results)
