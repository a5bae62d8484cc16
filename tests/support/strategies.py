"""Random settings, small enough to build a network from each."""

from __future__ import annotations

from typing import get_args

import numpy as np
from hypothesis import strategies as st

from core.config import ConvBlock, Initializer, RunConfig, Schedule
from core.evaluation.results import Evaluation

conv_blocks = st.builds(
    ConvBlock,
    filters=st.integers(1, 8),
    kernel_size=st.integers(1, 5),
    pooling=st.sampled_from(["max", "average", "stride", "none"]),
)

configs = st.builds(
    RunConfig,
    architecture=st.sampled_from(["mlp", "cnn"]),
    hidden_units=st.lists(st.integers(1, 24), min_size=1, max_size=4).map(tuple),
    conv_blocks=st.lists(conv_blocks, min_size=1, max_size=4).map(tuple),
    dense_units=st.integers(0, 24),
    padding=st.sampled_from(["valid", "same"]),
    activation=st.sampled_from(["relu", "tanh", "sigmoid", "elu", "selu", "gelu"]),
    dropout=st.sampled_from([0.0, 0.2, 0.5]),
    dropout_place=st.sampled_from(["hidden", "between", "everywhere"]),
    batch_normalization=st.booleans(),
    kernel_initializer=st.sampled_from(get_args(Initializer)),
    l2=st.sampled_from([0.0, 0.01, 0.1]),
    label_smoothing=st.floats(0, 0.5),
    learning_rate_schedule=st.sampled_from(get_args(Schedule)),
    decay_rate=st.floats(0.01, 0.99),
    plateau_patience=st.integers(1, 100),
    warmup=st.floats(0, 0.9),
    early_stopping_patience=st.integers(0, 100),
    restore_best_weights=st.booleans(),
    rotation=st.floats(0, 45),
    shift=st.floats(0, 8),
    zoom=st.floats(0, 0.5),
    shear=st.floats(0, 30),
    thickness=st.floats(0, 1),
    elastic=st.floats(0, 3),
    optimizer=st.sampled_from(["adam", "sgd", "rmsprop", "adagrad", "adamw"]),
    learning_rate=st.floats(1e-6, 10),
    epochs=st.integers(1, 1000),
    batch_size=st.integers(1, 4096),
    validation_split=st.just(0.0) | st.floats(0.01, 0.9),
    training_images=st.none() | st.integers(100, 70_000),
    seed=st.integers(0, 2**32 - 1),
)


@st.composite
def evaluations(draw: st.DrawFn) -> Evaluation:
    """Random answers; some classes are never asked for, some never answered, some images are ties."""
    n = draw(st.integers(1, 60))
    random = np.random.default_rng(draw(st.integers(0, 99)))
    logits = random.normal(0, draw(st.sampled_from([0.0, 1.0, 30.0])), (n, 10)).astype(np.float32)
    logits[:, draw(st.lists(st.integers(0, 9), max_size=9))] -= 100
    classes = draw(st.lists(st.integers(0, 9), min_size=1, max_size=10))
    return Evaluation(logits, random.choice(classes, n).astype(np.uint8))
