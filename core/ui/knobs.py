"""The knobs of a run: widgets that together make a `RunConfig`.

Each keeps its value in the session under `state.TRAIN_KNOB` and the setting's name, so that it is still there
when the visitor comes back from another page.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import streamlit as st

from core import charts, tutorials, ui
from core.config import KNOBS, PRESETS, Amounts, ConfigError, RunConfig, assignments, from_settings
from core.data import datasets, specs
from core.i18n import _
from core.knobs import Knob
from core.network import architectures as arch
from core.training import augmentation, schedules
from core.ui import query, state
from core.ui.gallery import Tile, gallery
from core.ui.whole_number import whole, whole_or_none

FIRST = "tutorial-mlp"  # the preset that the knobs begin with
# Of any data set: a smaller one uses all that it has, and keeps what was typed for the other.
PREVIEWED = 10  # augmented digits


def show(most_epochs: int) -> RunConfig:
    """All knobs, and the settings that they stand for.

    Args:
        most_epochs: how many epochs the operator allows.

    Raises:
        ConfigError: a browser sent a value that its widget does not allow.
    """
    if not state.TRAIN_PRESET.is_kept():
        turn(PRESETS[FIRST])
    _follow_link(most_epochs)
    presets = tutorials.titles()
    preset = st.selectbox(
        _("Start from"), list(presets), key=state.TRAIN_PRESET, on_change=_preset_chosen,
        persist_state="session",        format_func=presets.__getitem__,
        help=_("The settings of the field's best-known tutorials. Choose one, then change what you like."),
    )  # fmt: skip
    origin = st.empty()
    changes = st.empty()
    values: dict[str, Any] = {
        "dataset": _segments("dataset", specs.names()),
        "architecture": _segments("architecture", KNOBS["architecture"].options),
        "epochs": _knob("epochs", most=most_epochs),
        "batch_size": _knob("batch_size"),
        "learning_rate": _knob("learning_rate"),
    }
    cnn = values["architecture"] == "cnn"
    with st.expander(_("Layers"), icon=":material/hub:"):
        values |= _conv_blocks() if cnn else _hidden_layers()
        values |= _network(cnn)
    with st.expander(_("Optimizer and schedule"), icon=":material/trending_down:"):
        values |= _optimizer()
        drawn = st.container()
    with st.expander(_("Regularisation"), icon=":material/shield:"):
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


def _knob(
    name: str, layer: int | None = None, *, numbered: bool = False, most: int | None = None, **options: Any
) -> Any:
    """One knob, as the setting's field describes it, and its value.

    Args:
        layer: the place of the layer that it belongs to; None where it belongs to none.
        numbered: whether its label says which layer that is.
        most: what a number may be at most here, where that is less than its field allows.
        options: as for the widget.
    """
    knob = KNOBS[name]
    key = state.TRAIN_KNOB[name if layer is None else f"{name}_{layer}"]
    label = _(knob.title)
    if layer is not None and numbered:
        label = _("{title} {n}").format(title=label, n=layer + 1)
    options |= {"key": key, "persist_state": "session", "help": _help(knob)}
    if knob.kind is bool:
        return st.toggle(label, **options)
    if knob.options:
        return st.selectbox(label, knob.options, format_func=knob.option, **options)
    if knob.log:
        # A preset, an advice or a link may have set a value that is not among the usual ones.
        places = sorted({*map(knob.kind, knob.places), key.get()})
        return st.select_slider(label, places, format_func="{:g}".format, **options)
    low, high = knob.kind(knob.low), knob.kind(min(knob.high, most or knob.high))
    if knob.kind is float:
        return st.slider(label, low, high, step=float(knob.step), **options)
    if knob.counts:
        return st.slider(label, low, high, **options)
    return (whole_or_none if knob.optional else whole)(label, low, high, step=knob.step, **options)


def _segments(name: str, options: Iterable[str]) -> Any:
    """A knob of which all options are in view."""
    knob = KNOBS[name]
    return st.segmented_control(
        _(knob.title), list(options), required=True, key=state.TRAIN_KNOB[name], persist_state="session",
        format_func=knob.option, help=_help(knob),
    )  # fmt: skip


def _help(knob: Knob) -> str:
    """What it does, and what it is called in Keras and in a terminal."""
    if not knob.keras:
        return _("{hint} Setting: `{name}`.").format(hint=_(knob.hint), name=knob.setting)
    return _("{hint} In Keras: `{keras}`. Setting: `{name}`.").format(
        hint=_(knob.hint), keras=knob.keras, name=knob.setting
    )


def _follow_link(most_epochs: int) -> None:
    """Turn the knobs to what a link says: ``?set=epochs=3&set=dropout=0.2``, as in the terminal."""
    asked = state.TRAIN_CHANGED.parameter.get_all()
    if not asked and query.went_back():
        turn(PRESETS[FIRST])
    if not asked or asked == changed():
        return
    try:
        config = from_settings(FIRST, asked)
        specs.of(config.dataset)
        turn(config.but(epochs=min(config.epochs, most_epochs)))
    except ConfigError as error:
        ui.sorry(_("The link asks for what cannot be set. {reason}").format(reason=error))


def _write_link(config: RunConfig) -> None:
    """Keep the settings in the address, as far as they are not those that everybody begins with."""
    state.TRAIN_CHANGED.set(assignments(config, PRESETS[FIRST]))
    query.write(state.TRAIN_CHANGED.parameter, state.TRAIN_CHANGED.get())


def changed() -> list[str] | None:
    """What differs from the settings that everybody begins with, each as ``KEY=VALUE``; None before the knobs
    were shown.
    """
    return state.TRAIN_CHANGED.get()


def turn(config: RunConfig) -> None:
    """Turn every knob to these settings."""
    state.TRAIN_PRESET.begin(FIRST)
    if not specs.find(config.dataset):  # a run may come from elsewhere
        config = config.but(dataset=datasets.DEFAULT)
    values = config.model_dump(exclude={"hidden_units", "conv_blocks"})
    values |= {"hidden_layers": len(config.hidden_units), "conv_layers": len(config.conv_blocks)}
    for number, units in enumerate(config.hidden_units):
        values[f"units_{number}"] = units
    for number, block in enumerate(config.conv_blocks):
        values |= {f"{key}_{number}": value for key, value in block.model_dump().items()}
    for name, value in values.items():
        state.TRAIN_KNOB[name].set(value)


def _preset_chosen() -> None:
    turn(_preset(state.TRAIN_KNOB["dataset"].get()))


def _preset(dataset: str) -> RunConfig:
    """The chosen preset on this data set: a preset says nothing about the data."""
    return PRESETS[state.TRAIN_PRESET.get()].but(dataset=dataset)


def _changed(config: RunConfig) -> list[str]:
    """The settings that are no longer the preset's, as far as the chosen kind of network has them."""
    preset = _preset(config.dataset)
    return [name for name in RunConfig.model_fields if getattr(config, name) != getattr(preset, name)]


def _hidden_layers() -> dict[str, Any]:
    number = _knob("hidden_layers")
    with st.container(horizontal=True):
        return {"hidden_units": [_size("units", layer) for layer in range(number)]}


def _conv_blocks() -> dict[str, Any]:
    blocks = [_conv_block(block) for block in range(_knob("conv_layers"))]
    return {"conv_blocks": blocks, "dense_units": _knob("dense_units")}


def _conv_block(block: int) -> dict[str, Any]:
    state.TRAIN_KNOB[f"kernel_size_{block}"].begin(3)
    state.TRAIN_KNOB[f"pooling_{block}"].begin("none")
    with st.container(horizontal=True):
        return {
            "filters": _size("filters", block),
            "kernel_size": _knob("kernel_size", block, width=112),
            "pooling": _knob("pooling", block, width=124),
        }


def _size(name: str, layer: int) -> int:
    """How large one layer is; a layer that is new begins with 64."""
    state.TRAIN_KNOB[f"{name}_{layer}"].begin(64)
    size: int = _knob(name, layer, numbered=True, width=112)
    return size


def _several(*names: str) -> dict[str, Any]:
    return {name: _knob(name) for name in names}


def _network(cnn: bool) -> dict[str, Any]:
    values = _several("activation", "kernel_initializer", "batch_normalization")
    return values | (_several("padding") if cnn else {})


def _optimizer() -> dict[str, Any]:
    values = _several("optimizer", "learning_rate_schedule")
    if values["optimizer"] == "sgd":
        values |= _several("momentum")
    if values.get("momentum"):
        values |= _several("nesterov")
    schedule = values["learning_rate_schedule"]
    if schedule in ("exponential", "plateau"):
        values |= _several("decay_rate")
    if schedule == "plateau":
        values |= _several("plateau_patience")
    if schedule == "one-cycle":
        values |= _several("warmup")
    return values


def _draw_schedule(config: RunConfig) -> None:
    steps = arch.steps_per_epoch(config, specs.of(config.dataset).train)
    ui.chart(
        charts.schedule(*schedules.curve(config, steps)), key=state.TRAIN_SCHEDULE,
        alt=_("The learning rate over the epochs"),
    )  # fmt: skip
    if config.learning_rate_schedule == "plateau":
        st.caption(_("It falls when the loss has stopped falling, which nobody can draw beforehand."))


def _regularisation() -> dict[str, Any]:
    values = _several("dropout", "dropout_place", "l2", "label_smoothing", "early_stopping_patience")
    if values["early_stopping_patience"]:
        values |= _several("restore_best_weights")
    return values


def _images() -> dict[str, Any]:
    values = {"training_images": _knob("training_images", most=specs.MOST_IMAGES, placeholder=_("all"))}
    values |= _several("validation_split", "seed")
    st.markdown(_("**Augmentation**: change each image a little every time it is seen."))
    return values | _several(*Amounts._fields)


def _preview(config: RunConfig) -> None:
    """Some training images as the network would see them."""
    if config.augmentation == augmentation.NONE or not datasets.at_hand(config.dataset):
        return
    again = state.TRAIN_PREVIEW.get()
    if st.button(_("Other examples"), icon=":material/casino:", key=state.TRAIN_PREVIEW_AGAIN):
        again += 1
        state.TRAIN_PREVIEW.set(again)
    loaded = ui.dataset(config.dataset)
    rng = np.random.default_rng(again)
    chosen = rng.integers(0, len(loaded.x_train), PREVIEWED)
    names = [specs.of(config.dataset).classes[label] for label in loaded.y_train[chosen]]
    changed = augmentation.augment(loaded.x_train[chosen], config.augmentation, rng)
    gallery(
        [
            Tile(image, name, _("An augmented {digit}").format(digit=name))
            for image, name in zip(changed, names, strict=True)
        ],
        key=state.TRAIN_PREVIEW_TILES,
        side=56,
    )
