"""The settings that a link has locked: ``?lock=dataset,preset``, for a task in a class."""

from __future__ import annotations

import streamlit as st

from core import ui
from core.config import KNOBS, RunConfig
from core.i18n import _
from core.ui import query, state

PRESET = "preset"  # how a link names the list of presets
_MOST = 500  # characters of a link that are read
# The knobs of the lists of layers.
_PARTS = {
    "hidden_units": ("hidden_layers", "units"),
    "conv_blocks": ("conv_layers", "filters", "kernel_size", "pooling"),
}


def follow() -> None:
    """Take the settings that a link has locked. They stay locked for the session."""
    asked = state.TRAIN_LOCK.parameter.get()
    if asked:
        names = [name.strip() for name in asked[:_MOST].split(",")]
        known = [name for name in dict.fromkeys(names) if name in (PRESET, *RunConfig.model_fields, *KNOBS)]
        if unknown := [name for name in names if name not in known]:
            ui.sorry(
                _("The link locks settings that do not exist: {names}. Possible are {possible}.").format(
                    names=", ".join(map(repr, unknown)), possible=", ".join([PRESET, *RunConfig.model_fields])
                )
            )
        state.TRAIN_LOCK.set(known)
    query.write(state.TRAIN_LOCK.parameter, ",".join(state.TRAIN_LOCK.get()) or None)


def holds(name: str) -> bool:
    """Whether a link has locked a setting, or the list of layers that the setting belongs to."""
    locked = state.TRAIN_LOCK.get()
    return name in locked or any(name in parts and layers in locked for layers, parts in _PARTS.items())


def say() -> None:
    """The titles of the locked settings, if there are any."""
    if locked := state.TRAIN_LOCK.get():
        st.caption(
            _(":material/lock: The link that you followed has locked: {settings}.").format(
                settings=", ".join(dict.fromkeys(map(_title, locked)))
            )
        )


def _title(name: str) -> str:
    if name == PRESET:
        return _("Preset")
    knob = KNOBS.get(name) or KNOBS[_PARTS[name][0]]
    return _(knob.title)
