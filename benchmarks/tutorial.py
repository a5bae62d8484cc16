"""The script of a Keras tutorial, plus a clock. The worker is compared with this script.

The script uses nothing of MNIST Lab. So its times are those of such a script, including the progress bar.

    python tutorial.py {mlp,cnn} DATA.npz IMAGES EPOCHS SEED OUT.json
"""

import json
import sys
import time
from pathlib import Path

import keras
import numpy as np
from keras import layers


class Clock(keras.callbacks.Callback):
    """Records the time when each epoch ends, after its validation, in seconds since 1970."""

    def __init__(self):
        super().__init__()
        self.ended = []

    def on_epoch_end(self, epoch, logs=None):
        self.ended.append(time.time())


def mlp():
    return keras.Sequential(
        [
            keras.Input((28, 28)),
            layers.Flatten(),
            layers.Dense(128, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )


def cnn():
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(64, 3, activation="relu"),
            layers.Flatten(),
            layers.Dense(128, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )


def main(network, data, images, epochs, seed, out):
    keras.utils.set_random_seed(int(seed))
    with np.load(data) as arrays:
        x, y = arrays["x_train"][: int(images)], arrays["y_train"][: int(images)]
    x = x.astype("float32") / 255
    if network == "cnn":
        x = x[..., np.newaxis]
    model = {"mlp": mlp, "cnn": cnn}[network]()
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    clock = Clock()
    history = model.fit(
        x,
        y,
        batch_size={"mlp": 128, "cnn": 64}[network],
        epochs=int(epochs),
        validation_split=0.2,
        callbacks=[clock],
    )
    Path(out).write_text(json.dumps(history.history | {"time": clock.ended}))


if __name__ == "__main__":
    main(*sys.argv[1:])
