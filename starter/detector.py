"""python -m starter.detector HANDWRITING: train the detector of images that are no digits.

HANDWRITING is a file of pen strokes, as for `python -m starter`. The detector is a network with eleven
classes: the ten digits, and all else. It learns from MNIST, from these strokes, and from random images
(`starter.junk`).

Its limit is set so that of the digits that it has not learned from, one in two hundred is rejected: of the
last 5,000 training images of MNIST, and of a third of the writers with brushes of four widths.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from core.config import Amounts, RunConfig
from core.data import datasets
from core.data.specs import MNIST
from core.drawing import interchange
from core.drawing.collection import Drawing
from core.drawing.preprocess import canvas_to_image, normalise
from core.evaluation import detector
from core.network import architectures, onnx_graph
from core.network.predict import Predictor
from core.training import augmentation
from core.worker import keras_model
from starter import junk
from starter.__main__ import BRUSHES, canvases, groups

Images = NDArray[np.uint8]
Labels = NDArray[np.uint8]
CONFIG = RunConfig.read(
    {
        "dataset": "mnist",
        "architecture": "cnn",
        "conv_blocks": "16:3:max,48:3:max,64:3:max",
        "dense_units": 32,
        "padding": "same",
        "batch_normalization": True,
    }
)
AMOUNTS = Amounts(rotation=8, shift=1, zoom=0.1, shear=8, thickness=0.5, elastic=0.6)
REFUSED = 0.005  # the share of digits that are rejected
HELD = 5_000  # training images of MNIST that set the limit
JUNK = 126_000
DRAWN = 12  # images of each digit, each with another pen
EPOCHS = 10
BATCH = 256
RATE = 3e-3
_NONE = len(MNIST.classes)  # the class of all else


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m starter.detector", description="Train the detector.")
    parser.add_argument("handwriting", type=Path, help="pen strokes: .json.gz")
    parsed = parser.parse_args(arguments)
    digits = interchange.unpack(parsed.handwriting.read_bytes())
    mnist = datasets.load("mnist")
    writers = groups(digits, 3)[0]
    model = train([digit for digit in digits if digit.writer not in writers])
    theirs = [digit for digit in digits if digit.writer in writers]
    odds = {"MNIST's": scores(model, mnist.x_train[-HELD:])}
    odds |= {f"people's, {brush} px": scores(model, drawn(theirs, brush)) for brush in BRUSHES}
    highest = limit(np.concatenate(list(odds.values())))
    detector.FILE.write_bytes(export(model, highest))
    print(f"Rejected of the digits that were not learned, with a limit of {highest:.2f}:")
    for name, above in odds.items():
        print(f"{name}: {np.mean(above > highest):.2%} of {len(above)}")


def train(digits: Sequence[Drawing]) -> keras.Model:
    """Train a network on MNIST, on these digits and on images that are no digits.

    Raises:
        DatasetMissing: full MNIST must be downloaded first.
    """
    keras.utils.set_random_seed(CONFIG.seed)
    rng = np.random.default_rng(CONFIG.seed)
    mnist = datasets.load("mnist")
    written, labels = _written(digits, rng)
    some = slice(len(written))
    others = junk.make(
        JUNK,
        np.concatenate([mnist.x_train[some], written]),
        np.concatenate([mnist.y_train[some], labels]),
        rng,
    )
    return _fitted(
        np.concatenate([mnist.x_train[:-HELD], written, others]),
        np.concatenate([mnist.y_train[:-HELD], labels, np.full(JUNK, _NONE, np.uint8)]),
        rng,
    )


def _written(digits: Sequence[Drawing], rng: np.random.Generator) -> tuple[Images, Labels]:
    """People's digits, each drawn with several pens, and their labels."""
    images = [
        junk.image(digit.strokes, float(np.exp(rng.uniform(*np.log(junk.PENS)))))
        for digit in digits
        for _ in range(DRAWN)
    ]
    return np.stack(images), np.repeat(np.array([digit.label for digit in digits], np.uint8), DRAWN)


def _fitted(images: Images, labels: Labels, rng: np.random.Generator) -> keras.Model:
    model = keras_model.model(network())
    steps = EPOCHS * (len(images) // BATCH)
    rate = keras.optimizers.schedules.CosineDecay(
        RATE / 10, steps * 9 // 10, warmup_target=RATE, warmup_steps=steps // 10
    )
    model.compile(keras.optimizers.Adam(rate), keras.losses.SparseCategoricalCrossentropy())
    for _epoch in range(EPOCHS):
        some = rng.permutation(len(images))[: steps // EPOCHS * BATCH]
        changed = normalise(augmentation.augment(images[some], AMOUNTS, rng))
        model.fit(changed, labels[some], BATCH, shuffle=False, verbose=2)
    return model


def network() -> architectures.Network:
    """A small convolutional network with the ten digits and all else as classes."""
    eleven = MNIST.model_copy(update={"classes": (*MNIST.classes, "none")})
    return architectures.layers(CONFIG, eleven)


def scores(model: keras.Model, images: Images) -> NDArray[np.float64]:
    """How much the images differ from digits: the logarithm of the odds that they are none, ``(n,)``."""
    logits = Predictor(export(model, 0)).logits(images).astype(np.float64)
    digits: NDArray[np.float64] = logits[:, -1] - np.logaddexp.reduce(logits[:, :-1], axis=1)
    return digits


def limit(odds: NDArray[np.float64]) -> float:
    """The odds above which one of two hundred of these digits is."""
    return float(np.quantile(odds, 1 - REFUSED))


def drawn(digits: Sequence[Drawing], brush: int) -> Images:
    """The digits as people draw them on a canvas with this brush, uint8 ``(n, 28, 28)``."""
    return np.stack([canvas_to_image(canvas) for canvas in canvases(digits, brush)])


def export(model: keras.Model, highest: float) -> bytes:
    """The network in ONNX. At the limit, the probability that an image is no digit is one half."""
    weights = keras_model.weights(model)
    weights["output"]["bias"][-1] -= np.float32(highest)
    graph: bytes = onnx_graph.build(network(), weights).SerializeToString()
    return graph


if __name__ == "__main__":
    main()
