"""The form for the settings of a run: widgets that together make a `RunConfig`.

Each widget keeps its value in the session, under `state.TRAIN_KNOB` and the name of the setting. The value is
still there when the visitor comes back from another page.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import numpy as np
import streamlit as st

from core import charts, tutorials, ui
from core.config import KNOBS, PRESETS, Amounts, ConfigError, RunConfig, assignments, from_settings
from core.data import datasets, specs
from core.evaluation import difference
from core.i18n import _
from core.knobs import Knob
from core.network import architectures as arch
from core.training import augmentation, schedules
from core.ui import lock, query, state
from core.ui.gallery import Tile, gallery
from core.ui.whole_number import whole, whole_or_none

FIRST = "tutorial-mlp"  # the preset that the form begins with
PREVIEWED = 10  # augmented digits
_LAYER = re.compile(r"_\d+$")


def show(most_epochs: int) -> RunConfig:
    """Show the whole form and return its settings.

    Args:
        most_epochs: the highest number of epochs that the operator allows.

    Raises:
        ConfigError: the browser sent a value that its widget does not allow.
    """
    if not state.TRAIN_PRESET.is_kept():
        turn(PRESETS[FIRST])
    _follow_link(most_epochs)
    lock.follow()
    presets = tutorials.titles()
    st.selectbox(
        _("Preset"), list(presets), key=state.TRAIN_PRESET, on_change=_preset_chosen,
        persist_state="session", format_func=presets.__getitem__, disabled=lock.holds(lock.PRESET),
        help=_about_preset(),
    )  # fmt: skip
    changes = st.container(horizontal=True, vertical_alignment="center")
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
    with drawn:
        _draw_schedule(config)
    with preview:
        _preview(config)
    _write_link(config)
    with changes:
        if differing := _changed(config):
            st.caption(_("Changed: {settings}").format(settings=", ".join(differing)))
            st.button(
                _("Reset"), icon=":material/restart_alt:", key=state.TRAIN_RESET, on_click=_preset_chosen,
                type="tertiary", help=_("Gives all settings the values of the preset."),
            )  # fmt: skip
    lock.say()
    return config


def _about_preset() -> str:
    """What a preset is, where the chosen one comes from, and what it has reached."""
    preset, dataset = state.TRAIN_PRESET.get(), state.TRAIN_KNOB["dataset"].get()
    return "\n\n".join(
        (
            _("Settings of well-known tutorials. Choose a preset, then change any setting."),
            tutorials.source(preset),
            tutorials.reached(preset, dataset),
        )
    )


def _knob(
    name: str, layer: int | None = None, *, numbered: bool = False, most: int | None = None, **options: Any
) -> Any:
    """The widget of one setting, as its `Knob` describes it. Returns its value.

    Args:
        layer: the position of the layer that the setting belongs to; None for the whole network.
        numbered: whether the label has the number of the layer.
        most: the largest number, if it is smaller than the field allows.
        options: passed to the widget.
    """
    knob = KNOBS[name]
    key = state.TRAIN_KNOB[name if layer is None else f"{name}_{layer}"]
    label = _(knob.title)
    if layer is not None and numbered:
        label = _("{title} {n}").format(title=label, n=layer + 1)
    options |= {"key": key, "persist_state": "session", "help": _help(knob), "disabled": lock.holds(name)}
    if knob.kind is bool:
        return st.toggle(label, **options)
    if knob.options:
        return st.selectbox(label, knob.options, format_func=knob.option, **options)
    if knob.log:
        # A preset, an advice or a link may have set a value that is not among the usual values.
        places = sorted({*map(knob.kind, knob.places), key.get()})
        return st.select_slider(label, places, format_func="{:g}".format, **options)
    low, high = knob.kind(knob.low), knob.kind(min(knob.high, most or knob.high))
    if knob.kind is float:
        return st.slider(label, low, high, step=float(knob.step), **options)
    if knob.counts:
        return st.slider(label, low, high, **options)
    return (whole_or_none if knob.optional else whole)(label, low, high, step=knob.step, **options)


def _segments(name: str, options: Iterable[str]) -> Any:
    """The widget of a setting that shows all its options."""
    knob = KNOBS[name]
    return st.segmented_control(
        _(knob.title), list(options), required=True, key=state.TRAIN_KNOB[name], persist_state="session",
        format_func=knob.option, help=_help(knob), disabled=lock.holds(name),
    )  # fmt: skip


def _help(knob: Knob) -> str:
    """The hint of a setting, with its name in Keras and on the command line."""
    if not knob.keras:
        return _("{hint} Setting: `{name}`.").format(hint=_(knob.hint), name=knob.setting)
    return _("{hint} In Keras: `{keras}`. Setting: `{name}`.").format(
        hint=_(knob.hint), keras=knob.keras, name=knob.setting
    )


def _follow_link(most_epochs: int) -> None:
    """Take the settings of a link: ``?set=epochs=3&set=dropout=0.2``, as on the command line."""
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
        ui.sorry(_("The link contains a setting that is not valid. {reason}").format(reason=error))


def _write_link(config: RunConfig) -> None:
    """Write the settings that differ from the first preset into the address."""
    state.TRAIN_CHANGED.set(assignments(config, PRESETS[FIRST]))
    query.write(state.TRAIN_CHANGED.parameter, state.TRAIN_CHANGED.get())


def changed() -> list[str] | None:
    """The settings that differ from the first preset, as ``KEY=VALUE``; None before the form was shown."""
    return state.TRAIN_CHANGED.get()


def turn(config: RunConfig) -> None:
    """Put these settings into the form, except those that a link has locked."""
    state.TRAIN_PRESET.begin(FIRST)
    if not specs.find(config.dataset):  # the run may come from another machine
        config = config.but(dataset=datasets.DEFAULT)
    values = config.model_dump(exclude={"hidden_units", "conv_blocks"})
    values |= {"hidden_layers": len(config.hidden_units), "conv_layers": len(config.conv_blocks)}
    for number, units in enumerate(config.hidden_units):
        values[f"units_{number}"] = units
    for number, block in enumerate(config.conv_blocks):
        values |= {f"{key}_{number}": value for key, value in block.model_dump().items()}
    for name, value in values.items():
        if not lock.holds(_LAYER.sub("", name)):
            state.TRAIN_KNOB[name].set(value)


def _preset_chosen() -> None:
    turn(_preset(state.TRAIN_KNOB["dataset"].get()))


def _preset(dataset: str) -> RunConfig:
    """The chosen preset with this data set: a preset does not choose the data set."""
    return PRESETS[state.TRAIN_PRESET.get()].but(dataset=dataset)


def _changed(config: RunConfig) -> list[str]:
    """The titles of the settings that differ from the preset."""
    return [change.title for change in difference.of_settings(_preset(config.dataset), config)]


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
    """The size of one layer; a new layer begins with 64."""
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
        st.caption(
            _(
                "The learning rate falls when the loss stops falling. When this happens is not known "
                "before training."
            )
        )


def _regularisation() -> dict[str, Any]:
    values = _several("dropout", "dropout_place", "l2", "label_smoothing", "early_stopping_patience")
    if values["early_stopping_patience"]:
        values |= _several("restore_best_weights")
    return values


def _images() -> dict[str, Any]:
    values = {"training_images": _knob("training_images", most=specs.MOST_IMAGES, placeholder=_("all"))}
    values |= _several("validation_split", "seed")
    st.markdown(_("**Augmentation** changes each image a little every time the network sees it."))
    return values | _several(*Amounts._fields)


def _preview(config: RunConfig) -> None:
    """Some augmented training images."""
    if config.augmentation == augmentation.NONE or not datasets.at_hand(config.dataset):
        return
    again = state.TRAIN_PREVIEW.get()
    if st.button(_("Show other examples"), icon=":material/casino:", key=state.TRAIN_PREVIEW_AGAIN):
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
