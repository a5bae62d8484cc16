"""The knobs of a run: widgets that together make a `RunConfig`.

Each keeps its value in the session under ``knob_`` plus the setting's name, so that it is still there
when the visitor comes back from another page.
"""

from __future__ import annotations

from typing import Any, get_args

import streamlit as st

from core import datasets
from core.config import PRESETS, Activation, OptimizerName, Padding, RunConfig
from core.i18n import _

FIRST = "tutorial-mlp"  # the preset that the knobs begin with
RATES = [float(f"{digit}e{power}") for power in range(-5, 1) for digit in (1, 2, 5)]
# Of any data set: a smaller one uses all that it has, and keeps what was typed for the other.
MOST_IMAGES = max(size.train for size in datasets.NAMES.values())
BATCH_SIZES = [2**power for power in range(13)]


def show(most_epochs: int) -> RunConfig:
    """All knobs, and the settings that they stand for.

    Args:
        most_epochs: how many epochs the operator allows.

    Raises:
        ConfigError: a browser sent a value that its widget does not allow.
    """
    if "preset" not in st.session_state:
        _turn(PRESETS[FIRST])
    presets = {
        "tutorial-mlp": _("Tutorial MLP: 128 units, 5 epochs"),
        "tutorial-mlp-10": _("Tutorial MLP: 128 units, 10 epochs"),
        "tutorial-mlp-deep": _("Tutorial MLP, deeper: 256-128 units, dropout"),
        "tutorial-cnn": _("Tutorial CNN: 32-64-64 filters"),
        "tutorial-mlp-32": _("Tutorial MLP: batches of 32, no validation"),
        "tutorial-mlp-dropout": _("Tutorial MLP with dropout"),
    }
    st.selectbox(
        _("Start from"), list(presets), key="preset", on_change=_preset_chosen, persist_state="session",
        format_func=presets.__getitem__,
        help=_("The settings of the field's best-known tutorials. Choose one, then change what you like."),
    )  # fmt: skip
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
    }  # fmt: skip
    cnn = values["architecture"] == "cnn"
    values |= _conv_blocks() if cnn else _hidden_layers()
    values["epochs"] = _knob(
        st.number_input, _("Epochs"), "epochs", 1, min(1000, most_epochs), required=True,
        hint=_("How often the network sees every training image."),
    )  # fmt: skip
    values["batch_size"] = _knob(
        st.select_slider, _("Batch size"), "batch_size", BATCH_SIZES,
        hint=_("Images per step: small batches take more, noisier steps."),
    )  # fmt: skip
    values["learning_rate"] = _knob(
        st.select_slider, _("Learning rate"), "learning_rate", RATES, format_func="{:g}".format,
        hint=_("How far each step goes: too small and it crawls, too large and it never settles."),
    )  # fmt: skip
    with st.expander(_("More about the network"), icon=":material/hub:"):
        values |= _network(cnn)
    with st.expander(_("More about learning"), icon=":material/tune:"):
        values |= _learning()
    config = RunConfig.read(values)
    if changed := _changed(config):
        changes.caption(_("Changed since: {settings}").format(settings=", ".join(changed)))
    return config


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
    part = name.rsplit("_", 1)[0] if name[-1].isdigit() else name
    setting = _LISTS.get(part, part)
    return widget(
        label,
        *args,
        key=f"knob_{name}",
        persist_state="session",
        help=_("{hint} Setting: `{name}`.").format(hint=hint, name=setting),
        **options,
    )


def _turn(config: RunConfig) -> None:
    """Turn every knob to these settings."""
    values = config.model_dump(exclude={"hidden_units", "conv_blocks"})
    values |= {"hidden_layers": len(config.hidden_units), "conv_layers": len(config.conv_blocks)}
    for number, units in enumerate(config.hidden_units):
        values[f"hidden_units_{number}"] = units
    for number, block in enumerate(config.conv_blocks):
        values |= {f"{key}_{number}": value for key, value in block.model_dump().items()}
    for name, value in values.items():
        st.session_state[f"knob_{name}"] = value


def _preset_chosen() -> None:
    _turn(_preset(st.session_state["knob_dataset"]))


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
        st.number_input, _("Dense units"), "dense_units", 0, 2048, required=True,
        hint=_("The dense layer before the output; 0 leaves it out."),
    )  # fmt: skip
    return {"conv_blocks": blocks, "dense_units": dense}


def _conv_block(block: int) -> dict[str, Any]:
    st.session_state.setdefault(f"knob_kernel_size_{block}", 3)
    st.session_state.setdefault(f"knob_pooling_{block}", "none")
    poolings = {"max": _("max"), "average": _("average"), "none": _("none")}
    with st.container(horizontal=True):
        return {
            "filters": _size(_("Filters {n}"), "filters", block, 256),
            "kernel_size": _knob(
                st.number_input, _("Kernel"), f"kernel_size_{block}", 1, 7, width=112, required=True,
                hint=_("The side of the pattern, in pixels."),
            ),
            "pooling": _knob(
                st.selectbox, _("Pooling"), f"pooling_{block}", list(poolings), width=124,
                format_func=poolings.__getitem__,
                hint=_("Halves the image by keeping the largest or the average of 2×2 pixels."),
            ),
        }  # fmt: skip


def _size(label: str, name: str, layer: int, most: int) -> int:
    """How large one layer is; a layer that is new begins with 64."""
    st.session_state.setdefault(f"knob_{name}_{layer}", 64)
    size: int = _knob(
        st.number_input, label.format(n=layer + 1), f"{name}_{layer}", 1, most, width=112, required=True,
        hint=_("More can learn more, take longer, and memorise more easily."),
    )  # fmt: skip
    return size


def _network(cnn: bool) -> dict[str, Any]:
    places = {
        "hidden": _("after every dense layer"),
        "between": _("only between dense layers"),
        "everywhere": _("after conv blocks as well"),
    }
    values = {
        "activation": _knob(
            st.selectbox, _("Activation"), "activation", get_args(Activation),
            hint=_("What makes a stack of layers more than one layer."),
        ),
        "dropout": _knob(
            st.slider, _("Dropout"), "dropout", 0.0, 0.9, step=0.05,
            hint=_("Silences this share of a layer at random while training, against memorising."),
        ),
        "dropout_place": _knob(
            st.selectbox, _("Where to drop out"), "dropout_place", list(places),
            format_func=places.__getitem__, hint=_("Which layers dropout follows."),
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


def _learning() -> dict[str, Any]:
    return {
        "optimizer": _knob(
            st.selectbox, _("Optimizer"), "optimizer", get_args(OptimizerName),
            hint=_("How a step is made from the slope. Adam is a good first choice."),
        ),
        "validation_split": _knob(
            st.slider, _("Validation share"), "validation_split", 0.0, 0.9, step=0.05,
            hint=_("Held back from training, to see during training how it does on unseen digits."),
        ),
        "training_images": _knob(
            st.number_input, _("Training images"), "training_images", 100, MOST_IMAGES, step=100,
            placeholder=_("all"),
            hint=_("Use only so many, to see how much data matters. Empty: all of them."),
        ),
        "seed": _knob(
            st.number_input, _("Seed"), "seed", 0, 2**32 - 1, required=True,
            hint=_("The same seed on the same machine gives the same run."),
        ),
    }  # fmt: skip
