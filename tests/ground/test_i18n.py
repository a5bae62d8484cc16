"""Every text that a person reads goes through gettext: held by speaking a made-up language."""

from __future__ import annotations

import gettext
import re
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import pytest
from streamlit.testing.v1 import AppTest

from core import config, i18n
from core.config import ConfigError
from core.failures import Failure
from core.runs import run_folder
from tests.conftest import PATIENCE
from tests.support.pages import spoken

PROJECT = Path(__file__).parents[2]
PAGES = ("start", "data", "train", "sweeps", "runs", "evaluate", "draw", "drawings")
WORD = re.compile(r"[^\W\d_]{3,}")
# What is called the same in every language: names, and the values of Keras's own settings.
NAMES = {
    "PNG",
    "SVG",
    *("MNIST", "Fashion", "fashion", "Lab", "MLP", "CNN", "mnist", "UTC"),
    *get_args(config.Activation),
    *get_args(config.OptimizerName),
    *get_args(config.Padding),
    *(word for name in get_args(config.Initializer) for word in name.split("_")),
    *(word for name in config.PRESETS for word in name.split("-")),
    "Nesterov",
}


class Bracketed(gettext.NullTranslations):
    """A language in which every text stands in brackets."""

    def gettext(self, message: str) -> str:
        return f"⟦{message}⟧"

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return f"⟦{msgid1 if n == 1 else msgid2}⟧"


@pytest.fixture
def bracketed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the visitor's language, it is that one."""
    monkeypatch.setattr(i18n, "translations", lambda language: Bracketed())


def outside_brackets(text: str) -> set[str]:
    while "⟦" in text and (inner := re.sub(r"⟦[^⟦⟧]*⟧", "", text)) != text:
        text = inner
    # Settings go by Keras's names, links and icons by theirs.
    text = re.sub(r"`[^`]*`|:material/\w+:|:(red|green)\[", "", text)
    return set(WORD.findall(text)) - NAMES


@pytest.mark.parametrize("page", [*PAGES, "a run"])
def test_every_text_of_a_page_is_translated(
    page: str, bracketed: None, trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MNIST_LAB_RUNS", str(trained))
    app = AppTest.from_file(str(PROJECT / "app.py"), default_timeout=PATIENCE).run()
    if page == "a run":
        app.query_params["run"] = run_folder.every(trained)[0].name
        app.switch_page("pages/train.py").run()
    elif page != "start":
        app.switch_page(f"pages/{page}.py").run()
    assert not app.exception
    texts = list(spoken(app))
    assert any("⟦" in text for text in texts)
    plain = {text: words for text in texts if (words := outside_brackets(text))}
    assert not plain


@pytest.mark.parametrize("state", ["failed", "running"])
def test_why_a_run_failed_is_translated_when_it_is_read(
    state: run_folder.State, bracketed: None, runs_folder: Path, no_mnist: Path
) -> None:
    run = run_folder.create(runs_folder, config.RunConfig())
    failure = Failure.of("diverged", epoch=1, step=2)
    run_folder.write_status(
        run, run_folder.Status(state=state, pid=1, failure=failure)
    )  # nobody trains it any more
    app = AppTest.from_file(str(PROJECT / "app.py"), default_timeout=PATIENCE).run()
    app.query_params["run"] = run.name
    app.switch_page("pages/train.py").run()
    (shown,) = app.error if state == "failed" else app.warning
    assert re.fullmatch("⟦The (loss became|training process ended) .*⟧", shown.value)


def test_errors_are_translated_when_they_are_raised(bracketed: None) -> None:
    with pytest.raises(ConfigError, match=r"⟦.*⟧"):
        config.from_settings("unknown", [])
    with pytest.raises(run_folder.UnknownRun, match=r"⟦.*⟧"):
        run_folder.find(Path(), "..")


@pytest.mark.parametrize("speak", [i18n._, lambda text: i18n.ngettext(text, text, 2)])
def test_an_unknown_language_falls_back_to_english(
    speak: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(i18n, "language", lambda: "tlh")
    assert speak("Train") == "Train"


def test_no_text_is_no_header() -> None:
    assert i18n._("") == ""
