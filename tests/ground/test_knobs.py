"""Every knob is described once, beside its setting's field: what reads it says the very same."""

from __future__ import annotations

import gettext
import re
from pathlib import Path
from typing import Any

import pytest
from babel.messages.extract import extract_from_file

from core import i18n
from core.__main__ import main
from core.config import KNOBS, PRESETS, ConfigError, ConvBlock, RunConfig
from core.data import specs
from core.knobs import Knob, Number
from core.sweeps import search_space
from core.sweeps.search_space import SWEPT

PROJECT = Path(i18n.__file__).parents[1]


def turned(knob: Knob, value: Any) -> RunConfig:
    """The settings with a knob turned, by nothing but its setting's own field."""
    match knob.name:
        case "hidden_layers":
            return RunConfig().but(hidden_units=[8] * value)
        case "units":
            return RunConfig().but(hidden_units=[value])
        case "conv_layers":
            return RunConfig().but(conv_blocks=[{"filters": 8}] * value)
        case "filters" | "kernel_size" | "pooling":
            return RunConfig().but(conv_blocks=[{"filters": 8} | {knob.name: value}])
    return RunConfig().but(**{knob.setting: value})


def options_of(knob: Knob) -> tuple[str, ...]:
    """What a knob can be; the data sets are those of the registry."""
    return tuple(specs.names()) if knob.name == "dataset" else knob.options


def test_every_setting_and_every_part_of_one_has_a_knob() -> None:
    assert {knob.setting for knob in KNOBS.values()} == set(RunConfig.model_fields)
    assert set(ConvBlock.model_fields) <= set(KNOBS)
    assert all(name == knob.name for name, knob in KNOBS.items())
    assert len({knob.title for knob in KNOBS.values()}) == len(KNOBS)
    assert {name for name, knob in KNOBS.items() if knob.live} == {"learning_rate", "dropout"}


@pytest.mark.parametrize("name", KNOBS)
def test_a_knob_goes_as_far_as_its_field_and_no_further(name: str) -> None:
    knob = KNOBS[name]
    if options := options_of(knob):
        for option in options:
            turned(knob, option)
        with pytest.raises(ConfigError):
            turned(knob, "something else")
        return
    assert knob.kind in (int, float)
    past = 1 if knob.kind is int else 1e-9
    for allowed in (knob.low + (past if knob.above else 0), knob.high):
        turned(knob, knob.kind(allowed))
    for refused in (knob.low - (0 if knob.above else past), knob.high + past):
        with pytest.raises(ConfigError):
            turned(knob, knob.kind(refused))
    # What a slider offers can be set, from end to end.
    if knob.log or knob.kind is float:
        places = knob.places
        assert (places[0], places[-1]) == (knob.least if knob.above else knob.low, knob.high)
        for place in places:
            if name != "validation_split" or not 0 < place < 0.01:
                turned(knob, knob.kind(place))


@pytest.mark.parametrize("name", SWEPT)
def test_a_sweep_stays_within_the_field_and_stops_where_the_form_does(name: str) -> None:
    knob, takes = SWEPT[name], SWEPT[name].takes
    base = PRESETS["tutorial-cnn" if knob.architecture == "cnn" else "tutorial-mlp"]
    for value in takes.places() if isinstance(takes, Number) else takes:
        search_space.turn(base, name, value)
    if not isinstance(takes, Number):
        assert takes == knob.options
        return
    assert knob.swept is not None
    assert knob.low <= takes.low < takes.high <= knob.high
    if {"step", "log"}.isdisjoint(knob.swept):
        assert set(takes.places()) <= set(knob.places)


def help_of_train(capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit):
        main(["train", "--help"])
    return " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("name", KNOBS)
def test_the_terminal_says_of_every_knob_what_its_field_says(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    knob = KNOBS[name]
    if options := options_of(knob):
        allowed = "one of " + ", ".join(options)
    elif knob.above:
        allowed = f"above {knob.low} and at most {knob.high}"
    else:
        allowed = f"from {knob.low} to {knob.high}"
    _before, _setting, about = help_of_train(capsys).partition(f" {knob.setting} ")
    assert f"{knob.title}, {allowed}. {knob.hint}" in about


def test_the_words_are_found_by_make_messages_and_translated_when_they_are_shown(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    makefile = (PROJECT / "Makefile").read_text("utf-8")
    keywords = dict.fromkeys(re.findall(r"-k (\S+)", makefile.split("pybabel -q extract")[1]))
    assert "N_" in keywords
    collected = {
        message for _line, message, _comments, _context
        in extract_from_file("python", PROJECT / "core/config.py", keywords=keywords)
    }  # fmt: skip
    names = {"MLP", "CNN"}  # called the same in every language
    for knob in KNOBS.values():
        words = {knob.title, knob.hint, *filter(None, [knob.swept_title]), *knob.words.values()}
        assert words - names <= collected, knob.name

    class Bracketed(gettext.NullTranslations):
        def gettext(self, message: str) -> str:
            return f"⟦{message}⟧"

    monkeypatch.setattr(i18n, "translations", lambda language: Bracketed())
    said = help_of_train(capsys)
    for knob in KNOBS.values():
        assert f"⟦{knob.title}⟧" in said
        assert f"⟦{knob.hint}⟧" in said
