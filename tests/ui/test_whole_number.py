"""What somebody types into a field for a number is what counts, or nothing happens and the page says why."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import NumberInput

from core.config import RunConfig
from core.runs import records, run_folder
from core.settings import Settings
from core.sweeps import sweeps
from core.sweeps.search_space import Span
from core.sweeps.sweeps import Sweep
from tests.conftest import Hired
from tests.support.pages import APP, again, open_page, said, tiles

# What no field takes: too large, too small, a fraction, and what is left where letters are typed: nothing.
WRONG = (1e7, -5.0, 2.5, None)
EMPTY_MEANS_ALL = "train.knob_training_images"


def typed(app: AppTest, key: str, number: float | None) -> AppTest:
    app.number_input(key=key).set_value(number)
    return again(app)


def complaints(app: AppTest) -> list[str]:
    return [said(error) for error in app.error]


def check(app: AppTest, field: NumberInput) -> None:
    """Type what cannot be taken, and then what was there before."""
    before = field.value
    for number in WRONG:
        if number == 1e7 and "seed" in field.key:
            number = 2.0**32
        if number is None and field.key == EMPTY_MEANS_ALL:
            continue
        typed(app, field.key, number)
        messages = [message for message in complaints(app) if message.startswith(f"{field.label}: ")]
        assert len(messages) == 1, (field.key, number, complaints(app))
        received = "no number" if number is None else f": {number:,.15g} is not allowed."
        assert received in messages[0]
        assert re.search(r"from [\d,]+ to [\d,]+", messages[0])
    typed(app, field.key, before)
    assert not complaints(app)


def test_streamlits_own_number_input_is_used_in_one_place_only() -> None:
    root = Path(APP).parent
    files = [*(root / "core").rglob("*.py"), *(root / "pages").glob("*.py")]
    users = [file.name for file in files if "number_input(" in file.read_text("utf-8")]
    assert users == ["whole_number.py"]


@pytest.mark.parametrize("architecture", ["mlp", "cnn"])
def test_every_number_on_the_train_page_says_what_it_takes(
    architecture: str, runs_folder: Path, no_mnist: Path
) -> None:
    app = open_page("train")
    app.button_group(key="train.knob_architecture").set_value(architecture)
    app.selectbox(key="train.knob_learning_rate_schedule").set_value("plateau")
    again(app)
    fields = list(app.number_input)
    assert len(fields) == (6 if architecture == "mlp" else 12)
    for field in fields:
        check(app, field)


@pytest.mark.parametrize("number", WRONG)
def test_who_types_what_cannot_be_and_presses_train_at_once_trains_nothing(
    number: float | None, runs_folder: Path, no_mnist: Path, hired: Hired
) -> None:
    app = open_page("train")
    app.number_input(key="train.knob_epochs").set_value(number)
    app.button(key="train.start").click()  # both come in one message: the field is left with the click
    again(app)
    assert not run_folder.every(runs_folder)
    assert not hired.runs
    assert app.button(key="train.start").disabled
    assert "Correct Epochs first." in complaints(app)
    typed(app, "train.knob_epochs", 7)
    app.button(key="train.start").click()
    again(app)
    (run,) = run_folder.every(runs_folder)
    assert records.config(run).epochs == 7


def test_an_empty_number_of_images_is_all_of_them(runs_folder: Path, no_mnist: Path, hired: Hired) -> None:
    app = open_page("train")
    typed(app, EMPTY_MEANS_ALL, 200)
    typed(app, EMPTY_MEANS_ALL, 99)
    assert app.button(key="train.start").disabled
    typed(app, EMPTY_MEANS_ALL, None)
    app.button(key="train.start").click()
    again(app)
    (run,) = run_folder.every(runs_folder)
    assert records.config(run).training_images is None


def test_what_cannot_be_is_not_in_the_address(runs_folder: Path, no_mnist: Path) -> None:
    app = open_page("data")
    typed(app, "data.seed", 7)
    assert app.query_params["shuffle_seed"] == "7"
    typed(app, "data.seed", 7.5)
    assert "shuffle_seed" not in app.query_params


def test_the_digits_stay_until_a_page_is_typed_that_there_is(runs_folder: Path, no_mnist: Path) -> None:
    app = open_page("data")
    check(app, app.number_input(key="data.seed"))
    typed(app, "data.page", 2)
    shown = tiles(app, "data.digit_tiles")
    for number in (99_999, 0, None):
        typed(app, "data.page", number)
        assert tiles(app, "data.digit_tiles") == shown
        assert len(complaints(app)) == 1
    typed(app, "data.page", 3)
    assert tiles(app, "data.digit_tiles") != shown


def test_a_page_that_is_no_more_is_the_last_one(runs_folder: Path, no_mnist: Path) -> None:
    """Nobody has typed it anew, so nobody is told that it is wrong."""
    app = open_page("data", data_page="100")
    assert app.number_input(key="data.page").value == 100
    app.session_state["data.digits"] = [7]
    again(app)
    assert not complaints(app)
    assert app.number_input(key="data.page").label == f"Page (of {app.number_input(key='data.page').value:g})"


def test_every_number_of_a_sweep_says_what_it_takes(runs_folder: Path, no_mnist: Path, hired: Hired) -> None:
    app = open_page("sweeps")
    app.text_input(key="sweeps.name").set_value("wide")
    again(app)
    fields = list(app.number_input)
    app.button_group(key="sweeps.method").set_value("grid")
    again(app)
    grid = list(app.number_input)
    assert len(fields) + len(grid) == 2 + 3
    for field in grid:
        check(app, field)
    app.button_group(key="sweeps.method").set_value("random")
    again(app)
    for field in fields:
        check(app, field)
    app.number_input(key="sweeps.trials").set_value(1e9)
    app.button(key="sweeps.start").click()
    again(app)
    assert not sweeps.every(runs_folder)
    assert "Correct Runs first." in complaints(app)


def test_a_sweep_is_given_as_many_runs_as_are_seen(runs_folder: Path, no_mnist: Path, hired: Hired) -> None:
    knobs = {"learning_rate": Span(low=1e-4, high=1e-2), "dropout": Span(low=0, high=0.5)}
    folder = sweeps.submit(
        Sweep(name="wide", base=RunConfig(), knobs=knobs, method="random", trials=4),
        Settings(runs=runs_folder),
    )
    app = open_page("sweeps", sweep=folder.name)
    check(app, app.number_input(key="sweeps.more"))
    for number in (2.5, None, 0.0):
        typed(app, "sweeps.more", 5)
        app.number_input(key="sweeps.more").set_value(number)
        app.button(key="sweeps.extend").click()
        again(app)
        assert sweeps.read(folder).trials == 4
    typed(app, "sweeps.more", 3)
    app.button(key="sweeps.extend").click()
    again(app)
    assert sweeps.read(folder).trials == 7


def test_a_run_is_trained_on_for_as_many_epochs_as_are_seen(
    trained: Path, mlp_run: Path, monkeypatch: pytest.MonkeyPatch, hired: Hired
) -> None:
    monkeypatch.setenv("MNIST_LAB_RUNS", str(trained))
    app = open_page("train", run=mlp_run.name)
    check(app, app.number_input(key="train.more_epochs"))
    app.number_input(key="train.more_epochs").set_value(99_999)
    app.button(key="train.train_on").click()
    again(app)
    assert not hired.runs
    assert run_folder.status(mlp_run).state == "finished"
