"""Runs and times in words."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from tests.support.pages import open_page

SCRIPT = """
from pathlib import Path
import streamlit as st
from core import ui
st.text(ui.created(Path({name!r})))
"""


@pytest.mark.parametrize(
    ("zone", "words"),
    [
        ("Europe/Berlin", "11-26 00:30"),
        ("America/Los_Angeles", "11-25 15:30"),
        ("Asia/Kathmandu", "11-26 05:15"),
        # Without the time zone of the visitor, the text says which one it is.
        (None, "11-25 23:30 UTC"),
        ("Atlantis/Capital", "11-25 23:30 UTC"),
        ("../../etc/passwd", "11-25 23:30 UTC"),
        ("America", "11-25 23:30 UTC"),
        ("a" * 5000, "11-25 23:30 UTC"),
    ],
)
def test_a_time_is_told_by_the_clock_of_the_visitor(zone: str | None, words: str) -> None:
    app = AppTest.from_string(SCRIPT.format(name="20261125-233012-345-ab12"))
    app.context["timezone"] = zone
    assert app.run().text[0].value == words


@pytest.mark.parametrize("name", ["mine", "20261325-233012", "starter"])
def test_a_folder_without_a_time_is_called_by_its_name(name: str) -> None:
    assert AppTest.from_string(SCRIPT.format(name=name)).run().text[0].value == name


def test_a_list_of_runs_has_no_utc_for_a_visitor_with_a_clock(
    trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MNIST_LAB_RUNS", str(trained))
    app = open_page("evaluate")
    (before,) = [line for line in app.selectbox(key="app.run_choice").options if "UTC" in line]
    app.context["timezone"] = "Asia/Kathmandu"
    after = app.run().selectbox(key="app.run_choice").options
    assert before not in after
    assert not [line for line in after if "UTC" in line]
