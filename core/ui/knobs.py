"""The knobs of a run: widgets that together make a `RunConfig`.

Each keeps its value in the session under ``knob_`` plus the setting's name, so that it is still there
when the visitor comes back from another page.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args

import numpy as np
import streamlit as st

from core import charts, tutorials, ui
from core.config import (
    PRESETS,
    Activation,
    ConfigError,
    Initializer,
    OptimizerName,
    Padding,
    RunConfig,
    assignments,
    from_settings,
)
from core.data import datasets
from core.i18n import _
from core.network import architectures as arch
from core.training import augment, schedules
from core.ui import links
from core.ui.gallery import Tile, gallery
from core.ui.whole import whole, whole_or_none

FIRST = "tutorial-mlp"  # the preset that the knobs begin with
RATES = [float(f"{digit}e{power}") for power in range(-5, 1) for digit in (1, 2, 5)]
# Of any data set: a smaller one uses all that it has, and keeps what was typed for the other.
MOST_IMAGES = max(size.train for size in datasets.NAMES.values())
PENALTIES = [0.0, 1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1]
PREVIEWED = 10  # augmented digits
BATCH_SIZES = [2**power for power in range(13)]


def show(most_epochs: int) -> RunConfig:
    """All knobs, and the settings that they stand for.

    Args:
        most_epochs: how many epochs the operator allows.

    Raises:
        ConfigError: a browser sent a value that its widget does not allow.
    """
    if "preset" not in st.session_state:
        turn(PRESETS[FIRST])
    _follow_link(most_epochs)
    presets = tutorials.titles()
    preset = st.selectbox(
        _("Start from"), list(presets), key="preset", on_change=_preset_chosen, persist_state="session",
        format_func=presets.__getitem__,
        help=_("The settings of the field's best-known tutorials. Choose one, then change what you like."),
    )  # fmt: skip
    origin = st.empty()
    changes = st.empty()
    values: dict[str, Any] = {
        "dataset": _knob(
            st.segmented_control, _("Data set"), "dataset", list(datasets.NAMES), required=True,
            hint=_("mnist-5k trains in seconds; mnist has 15 times as many digits and reads better."),
        ),
        "architecture": _knob(
            st.segmented_control, _("Network"), "architecture", ["mlp", "cnn"], required=True,
            format_func={"mlp": "MLP", "cnn": "CNN"}.__getitem__,
            hint=_("An MLP sees a list of pixels; a CNN sees neighbourhoods, and reads better."),
        ),
        "epochs": _knob(
            whole, _("Epochs"), "epochs", 1, min(1000, most_epochs),
            hint=_("How often the network sees every training image."),
        ),
        "batch_size": _knob(
            st.select_slider, _("Batch size"), "batch_size", _with_current(BATCH_SIZES, "batch_size"),
            hint=_("Images per step: small batches take more, noisier steps."),
        ),
        "learning_rate": _knob(
            st.select_slider, _("Learning rate"), "learning_rate", rates(), format_func="{:g}".format,
            hint=_("How far each step goes: too small and it crawls, too large and it never settles."),
        ),
    }  # fmt: skip
    cnn = values["architecture"] == "cnn"
    with st.expander(_("Layers"), icon=":material/hub:"):
        values |= _conv_blocks() if cnn else _hidden_layers()
        values |= _network(cnn)
    with st.expander(_("Optimizer and schedule"), icon=":material/trending_down:"):
        values |= _optimizer()
        drawn = st.container()
    with st.expander(_("Against memorising"), icon=":material/shield:"):
        values |= _regularisation()
    with st.expander(_("Images"), icon=":material/image:"):
        values |= _images()
        preview = st.container()
    config = RunConfig.read(values)
    origin.caption(f"{tutorials.source(preset)} {tutorials.reached(preset, config.dataset)}")
    with drawn:
        _draw_schedule(config)
    with preview:
        _preview(config)
    _write_link(config)
    if differing := _changed(config):
        changes.caption(_("Changed since: {settings}").format(settings=", ".join(differing)))
    return config


def rates() -> list[float]:
    """The learning rates to choose from, with the one that is set now."""
    return _with_current(RATES, "learning_rate")


def _with_current(values: Sequence[float], name: str) -> list[float]:
    """A preset, an advice or a link may have set a value that is not among the usual ones."""
    return sorted({*values, st.session_state[f"knob_{name}"]})


# The settings that several knobs make together.
_LISTS = {
    "hidden_layers": "hidden_units",
    "conv_layers": "conv_blocks",
    "filters": "conv_blocks",
    "kernel_size": "conv_blocks",
    "pooling": "conv_blocks",
}


def _knob(widget: Any, label: str, name: str, *args: Any, hint: str, **options: Any) -> Any:
    """One knob. A name that ends in a number belongs to one layer, whose list is the setting."""
    part = name.rsplit("_", 1)[0] if name.rsplit("_", 1)[-1].isdigit() else name
    setting = _LISTS.get(part, part)
    words = _("{hint} Setting: `{name}`.").format(hint=hint, name=setting)
    if part in _KERAS:
        words = _("{hint} In Keras: `{keras}`. Setting: `{name}`.").format(
            hint=hint, keras=_KERAS[part], name=setting
        )
    return widget(
        label, *args, key=f"knob_{name}", persist_state="session", help=words, **options
    )  # fmt: skip


# What a knob is called in a Keras script.
_KERAS = {
    "architecture": "Sequential([...])",
    "hidden_layers": "Dense",
    "hidden_units": "Dense(units)",
    "conv_layers": "Conv2D",
    "filters": "Conv2D(filters)",
    "kernel_size": "Conv2D(kernel_size)",
    "pooling": "MaxPooling2D, AveragePooling2D, Conv2D(strides=2)",
    "dense_units": "Dense(units)",
    "activation": "activation=",
    "padding": "Conv2D(padding=)",
    "batch_normalization": "BatchNormalization",
    "kernel_initializer": "kernel_initializer=",
    "optimizer": "compile(optimizer=)",
    "learning_rate": "Adam(learning_rate=)",
    "momentum": "SGD(momentum=)",
    "nesterov": "SGD(nesterov=)",
    "learning_rate_schedule": "ExponentialDecay, CosineDecay, ReduceLROnPlateau",
    "decay_rate": "ExponentialDecay(decay_rate), ReduceLROnPlateau(factor)",
    "plateau_patience": "ReduceLROnPlateau(patience)",
    "epochs": "fit(epochs=)",
    "batch_size": "fit(batch_size=)",
    "validation_split": "fit(validation_split=)",
    "dropout": "Dropout(rate)",
    "l2": "kernel_regularizer=L2(l2)",
    "label_smoothing": "CategoricalCrossentropy(label_smoothing=)",
    "early_stopping_patience": "EarlyStopping(patience)",
    "restore_best_weights": "EarlyStopping(restore_best_weights=)",
    "rotation": "RandomRotation",
    "shift": "RandomTranslation",
    "zoom": "RandomZoom",
    "shear": "RandomShear",
    "elastic": "RandomElasticTransform",
    "seed": "keras.utils.set_random_seed",
}


def _follow_link(most_epochs: int) -> None:
    """Turn the knobs to what a link says: ``?set=epochs=3&set=dropout=0.2``, as in the terminal."""
    asked = st.query_params.get_all("set")
    if not asked and links.went_back():
        turn(PRESETS[FIRST])
    if not asked or asked == changed():
        return
    try:
        config = from_settings(FIRST, asked)
        turn(config.but(epochs=min(config.epochs, most_epochs)))
    except ConfigError as error:
        ui.sorry(_("The link asks for what cannot be set. {reason}").format(reason=error))


def _write_link(config: RunConfig) -> None:
    """Keep the settings in the address, as far as they are not those that everybody begins with."""
    st.session_state["knobs.changed"] = assignments(config, PRESETS[FIRST])
    links.write("set", st.session_state["knobs.changed"])


def changed() -> list[str] | None:
    """What differs from the settings that everybody begins with, each as ``KEY=VALUE``; None before the knobs
    were shown.
    """
    found: list[str] | None = st.session_state.get("knobs.changed")
    return found


def turn(config: RunConfig) -> None:
    """Turn every knob to these settings."""
    st.session_state.setdefault("preset", FIRST)
    values = config.model_dump(exclude={"hidden_units", "conv_blocks"})
    values |= {"hidden_layers": len(config.hidden_units), "conv_layers": len(config.conv_blocks)}
    for number, units in enumerate(config.hidden_units):
        values[f"hidden_units_{number}"] = units
    for number, block in enumerate(config.conv_blocks):
        values |= {f"{key}_{number}": value for key, value in block.model_dump().items()}
    for name, value in values.items():
        st.session_state[f"knob_{name}"] = value


def _preset_chosen() -> None:
    turn(_preset(st.session_state["knob_dataset"]))


def _preset(dataset: str) -> RunConfig:
    """The chosen preset on this data set: a preset says nothing about the data."""
    return PRESETS[st.session_state["preset"]].but(dataset=dataset)


def _changed(config: RunConfig) -> list[str]:
    """The settings that are no longer the preset's, as far as the chosen kind of network has them."""
    preset = _preset(config.dataset)
    return [name for name in RunConfig.model_fields if getattr(config, name) != getattr(preset, name)]


def _hidden_layers() -> dict[str, Any]:
    number = _knob(
        st.slider, _("Hidden layers"), "hidden_layers", 1, 4,
        hint=_("Each layer works with what the one before it found."),
    )  # fmt: skip
    with st.container(horizontal=True):
        units = [_size(_("Units {n}"), "hidden_units", layer, 2048) for layer in range(number)]
    return {"hidden_units": units}


def _conv_blocks() -> dict[str, Any]:
    number = _knob(
        st.slider, _("Conv blocks"), "conv_layers", 1, 4,
        hint=_("A convolution looks for small patterns all over the image."),
    )  # fmt: skip
    blocks = [_conv_block(block) for block in range(number)]
    dense = _knob(
        whole, _("Dense units"), "dense_units", 0, 2048,
        hint=_("The dense layer before the output; 0 leaves it out."),
    )  # fmt: skip
    return {"conv_blocks": blocks, "dense_units": dense}


def _conv_block(block: int) -> dict[str, Any]:
    st.session_state.setdefault(f"knob_kernel_size_{block}", 3)
    st.session_state.setdefault(f"knob_pooling_{block}", "none")
    poolings = {"max": _("max"), "average": _("average"), "stride": _("stride 2"), "none": _("none")}
    with st.container(horizontal=True):
        return {
            "filters": _size(_("Filters {n}"), "filters", block, 256),
            "kernel_size": _knob(
                whole, _("Kernel"), f"kernel_size_{block}", 1, 7, width=112,
                hint=_("The side of the pattern, in pixels."),
            ),
            "pooling": _knob(
                st.selectbox, _("Pooling"), f"pooling_{block}", list(poolings), width=124,
                format_func=poolings.__getitem__,
                hint=_("Halves the image: the largest or average of 2×2 pixels, or every other pixel."),
            ),
        }  # fmt: skip


def _size(label: str, name: str, layer: int, most: int) -> int:
    """How large one layer is; a layer that is new begins with 64."""
    st.session_state.setdefault(f"knob_{name}_{layer}", 64)
    size: int = _knob(
        whole, label.format(n=layer + 1), f"{name}_{layer}", 1, most, width=112,
        hint=_("More can learn more, take longer, and memorise more easily."),
    )  # fmt: skip
    return size


def _network(cnn: bool) -> dict[str, Any]:
    values = {
        "activation": _knob(
            st.selectbox, _("Activation"), "activation", get_args(Activation),
            hint=_("What makes a stack of layers more than one layer."),
        ),
        "kernel_initializer": _knob(
            st.selectbox, _("First weights"), "kernel_initializer", get_args(Initializer),
            hint=_("Where the weights begin: He suits many layers of ReLU; zeros learn nothing."),
        ),
        "batch_normalization": _knob(
            st.toggle, _("Batch normalisation"), "batch_normalization",
            hint=_("Keeps each layer's values in a steady range: faster, at a small cost per step."),
        ),
    }  # fmt: skip
    if cnn:
        values["padding"] = _knob(
            st.selectbox, _("Padding"), "padding", get_args(Padding),
            hint=_("valid shrinks the image at each convolution, same keeps its size."),
        )  # fmt: skip
    return values


def _optimizer() -> dict[str, Any]:
    schedules = {
        "constant": _("constant"),
        "exponential": _("exponential decay"),
        "cosine": _("cosine"),
        "one-cycle": _("one cycle"),
        "plateau": _("reduce on plateau"),
    }
    values = {
        "optimizer": _knob(
            st.selectbox, _("Optimizer"), "optimizer", get_args(OptimizerName),
            hint=_("How a step is made from the slope. Adam is a good first choice."),
        ),
        "learning_rate_schedule": _knob(
            st.selectbox, _("Schedule"), "learning_rate_schedule", list(schedules),
            format_func=schedules.__getitem__,
            hint=_("How the learning rate changes while training: large steps first, small ones to settle."),
        ),
    }  # fmt: skip
    if values["optimizer"] == "sgd":
        values["momentum"] = _knob(
            st.slider, _("Momentum"), "momentum", 0.0, 0.99, step=0.01,
            hint=_("Goes on with so much of the step before, like a ball that rolls."),
        )  # fmt: skip
    if values.get("momentum"):
        values["nesterov"] = _knob(
            st.toggle, _("Nesterov"), "nesterov", hint=_("Looks at the slope where the momentum leads to.")
        )
    schedule = values["learning_rate_schedule"]
    if schedule in ("exponential", "plateau"):
        values["decay_rate"] = _knob(
            st.slider, _("Decay rate"), "decay_rate", 0.01, 0.99, step=0.01,
            hint=_("What the learning rate is multiplied by, each epoch or at each plateau."),
        )  # fmt: skip
    if schedule == "plateau":
        values["plateau_patience"] = _knob(
            whole, _("Patience of the plateau"), "plateau_patience", 1, 100,
            hint=_("So many epochs without a better loss are a plateau."),
        )  # fmt: skip
    if schedule == "one-cycle":
        values["warmup"] = _knob(
            st.slider, _("Warm-up"), "warmup", 0.0, 0.9, step=0.05,
            hint=_("The share of all steps in which the learning rate rises to its peak."),
        )  # fmt: skip
    return values


def _draw_schedule(config: RunConfig) -> None:
    steps = arch.steps_per_epoch(config, datasets.NAMES[config.dataset].train)
    ui.chart(
        charts.schedule(*schedules.curve(config, steps)), key="schedule",
        alt=_("The learning rate over the epochs"),
    )  # fmt: skip
    if config.learning_rate_schedule == "plateau":
        st.caption(_("It falls when the loss has stopped falling, which nobody can draw beforehand."))


def _regularisation() -> dict[str, Any]:
    places = {
        "hidden": _("after every dense layer"),
        "between": _("only between dense layers"),
        "everywhere": _("after conv blocks as well"),
    }
    values = {
        "dropout": _knob(
            st.slider, _("Dropout"), "dropout", 0.0, 0.9, step=0.05,
            hint=_("Silences this share of a layer at random while training, against memorising."),
        ),
        "dropout_place": _knob(
            st.selectbox, _("Where to drop out"), "dropout_place", list(places),
            format_func=places.__getitem__, hint=_("Which layers dropout follows."),
        ),
        "l2": _knob(
            st.select_slider, _("L2"), "l2", _with_current(PENALTIES, "l2"), format_func="{:g}".format,
            hint=_("A penalty on large weights, which keeps the network simple."),
        ),
        "label_smoothing": _knob(
            st.slider, _("Label smoothing"), "label_smoothing", 0.0, 0.5, step=0.05,
            hint=_("Asks for a little less than certainty, so that the network is less sure of itself."),
        ),
        "early_stopping_patience": _knob(
            whole, _("Early stopping"), "early_stopping_patience", 0, 100,
            hint=_("Ends the run after so many epochs without a better validation loss; 0 never does."),
        ),
    }  # fmt: skip
    if values["early_stopping_patience"]:
        values["restore_best_weights"] = _knob(
            st.toggle, _("Go back to the best weights"), "restore_best_weights",
            hint=_("A run that ends early takes the weights of its best epoch, not of its last."),
        )  # fmt: skip
    return values


def _images() -> dict[str, Any]:
    values = {
        "training_images": _knob(
            whole_or_none, _("Training images"), "training_images", 100, MOST_IMAGES, step=100,
            placeholder=_("all"),
            hint=_("Use only so many, to see how much data matters. Empty: all of them."),
        ),
        "validation_split": _knob(
            st.slider, _("Validation share"), "validation_split", 0.0, 0.9, step=0.05,
            hint=_("Held back from training, to see during training how it does on unseen digits."),
        ),
        "seed": _knob(
            whole, _("Seed"), "seed", 0, 2**32 - 1,
            hint=_("The same seed on the same machine gives the same run."),
        ),
    }  # fmt: skip
    st.markdown(_("**Augmentation**: change each image a little every time it is seen."))
    for name, label, most, step, hint in (
        ("rotation", _("Rotation (degrees)"), 45.0, 1.0, _("Turned by up to so much, either way.")),
        ("shift", _("Shift (pixels)"), 8.0, 0.5, _("Moved by up to so much, in every direction.")),
        ("zoom", _("Zoom (share)"), 0.5, 0.05, _("Made larger or smaller by up to this share.")),
        ("shear", _("Shear (degrees)"), 30.0, 1.0, _("Slanted by up to so much, either way.")),
        ("thickness", _("Thickness (pixels)"), 1.0, 0.1, _("Strokes made thicker or thinner.")),
        ("elastic", _("Elastic (pixels)"), 3.0, 0.25, _("Bent as if drawn on rubber.")),
    ):
        values[name] = _knob(st.slider, label, name, 0.0, most, step=step, hint=hint)
    return values


def _preview(config: RunConfig) -> None:
    """Some training images as the network would see them."""
    if config.augmentation == augment.NONE or not datasets.at_hand(config.dataset):
        return
    again = st.session_state.setdefault("preview", 0)
    if st.button(_("Other examples"), icon=":material/casino:", key="preview_again"):
        again = st.session_state["preview"] = again + 1
    loaded = ui.dataset(config.dataset)
    rng = np.random.default_rng(again)
    chosen = rng.integers(0, len(loaded.x_train), PREVIEWED)
    changed = augment.augment(loaded.x_train[chosen], config.augmentation, rng)
    gallery(
        [
            Tile(image, str(label), _("An augmented {digit}").format(digit=label))
            for image, label in zip(changed, loaded.y_train[chosen], strict=True)
        ],
        key="preview_tiles",
        side=56,
    )
