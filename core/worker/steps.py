"""A compiled model's training step and validation, as TensorFlow functions.

Keras's own loop (``model.fit``) prepares every batch in a data pipeline and returns to Python after every
step. Here, one call does several steps on images in memory. This saves time, and the arithmetic is the same.
The caller gives the learning rate of every step.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

Tensor = Any
# images uint8 (n, *image), labels uint8 (n,), learning rates float32 (steps,) → the sum of the losses of the
# images (NaN if a weight is not finite), and the number of correct predictions, both float32 scalars
Steps = Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]
# images, labels → the sum of the losses of the images, and the predicted classes, int64 (n,)
Validate = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]

LABELS = tf.TensorSpec((None,), tf.uint8)
_RATES = tf.TensorSpec((None,), tf.float32)


def images_of(model: keras.Model) -> tf.TensorSpec:
    """The signature of the model's images before they are normalised: uint8 ``(n, *image)``."""
    return tf.TensorSpec(model.input_shape, tf.uint8)


def normalised(images: Tensor) -> Tensor:
    """Scale uint8 images to float32, 0 to 1, like `core.drawing.preprocess.normalise`."""
    return tf.cast(images, tf.float32) / 255


def loss(model: keras.Model, labels: Tensor, probabilities: Tensor) -> Tensor:
    """The mean loss of the images, plus the penalties of the weights, as Keras reports it.

    Args:
        labels: uint8 ``(n,)``.
        probabilities: the output of the model, float32 ``(n, classes)``.
    """
    smoothed = isinstance(model.loss, keras.losses.CategoricalCrossentropy)
    targets = tf.one_hot(labels, model.output_shape[-1]) if smoothed else labels
    return tf.add_n([model.loss(targets, probabilities), *model.losses])


def training(model: keras.Model, batch_size: int) -> Steps:
    """The compiled training function. It does one step for each learning rate."""

    def steps(images: Tensor, labels: Tensor, rates: Tensor) -> tuple[Tensor, Tensor]:
        lost, right = tf.constant(0.0), tf.constant(0.0)
        for step in tf.range(tf.size(rates)):
            batch = slice(step * batch_size, (step + 1) * batch_size)
            model.optimizer.learning_rate.assign(rates[step])
            y = labels[batch]
            with tf.GradientTape() as tape:
                probabilities = model(normalised(images[batch]), training=True)
                value = loss(model, y, probabilities)
            gradients = tape.gradient(value, [v.value for v in model.trainable_variables])
            model.optimizer.apply(gradients, model.trainable_variables)
            lost += value * tf.cast(tf.size(y), tf.float32)
            right += tf.reduce_sum(tf.cast(_read(probabilities) == tf.cast(y, tf.int64), tf.float32))
        # Keras clips the probabilities, so the loss may be finite although weights are not.
        nothing = tf.add_n([0 * tf.reduce_sum(weight.value) for weight in model.weights])
        return lost + nothing, right

    compiled: Steps = tf.function(steps, input_signature=[images_of(model), LABELS, _RATES])
    return compiled


def validation(model: keras.Model) -> Validate:
    """The compiled validation function. It does not change the weights."""

    def validate(images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        probabilities = model(normalised(images), training=False)
        images_read = tf.cast(tf.size(labels), tf.float32)
        return loss(model, labels, probabilities) * images_read, _read(probabilities)

    compiled: Validate = tf.function(validate, input_signature=[images_of(model), LABELS])
    return compiled


def _read(probabilities: Tensor) -> Tensor:
    return tf.argmax(probabilities, axis=-1)
