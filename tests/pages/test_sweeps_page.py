"""The Sweeps page, run by Streamlit without a browser."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from optuna.trial import TrialState
from streamlit.testing.v1 import AppTest

from core.config import KNOBS, PRESETS, RunConfig
from core.runs import run_folder
from core.settings import Settings
from core.sweeps import optuna_study, search_space, sweeps
from core.sweeps.search_space import Choice, Span
from core.sweeps.sweeps import Sweep
from tests.conftest import Hired
from tests.support.pages import again, figure, metrics, open_page, said, texts

CHOSEN: dict[str, Any] = {
    "learning_rate": Span(low=1e-4, high=1e-1),
    "optimizer": Choice(options=("adam", "sgd")),
    "hidden_layers": Span(low=1, high=3),
}


@pytest.fixture(autouse=True)
def started(hired: Hired) -> list[Path]:
    """The sweeps whose process was asked for; it does not come."""
    return hired.started


@pytest.fixture
def folder(runs_folder: Path, started: list[Path]) -> Path:
    """A sweep that rests: eight runs are done, one was stopped early, one has failed."""
    plan = Sweep(name="How fast", base=RunConfig(epochs=3), knobs=CHOSEN, trials=10, method="random")
    folder = sweeps.submit(plan, Settings(runs=runs_folder))
    study = optuna_study.study(folder, plan)
    for number in range(10):
        trial = study.ask(optuna_study.space(plan.knobs))
        trial.report(0.1 * number, 1)
        if number == 8:
            study.tell(trial, state=TrialState.PRUNED)
        elif number == 9:
            trial.set_user_attr("reason", "It was [not](x) to be.")
            study.tell(trial, state=TrialState.FAIL)
        else:
            study.tell(trial, 0.1 * number)
    stand(folder, "finished")
    return folder


def stand(folder: Path, state: run_folder.State) -> None:
    run_folder.write_status(folder, run_folder.written_status(folder).model_copy(update={"state": state}))


def test_the_first_sweep_is_set_up_and_started(runs_folder: Path, started: list[Path]) -> None:
    app = open_page("sweeps")
    assert app.button(key="sweeps.start").disabled is False
    app.button(key="sweeps.start").click()
    again(app)
    assert "Enter a name for the sweep" in said(app.error[0])
    app.text_input(key="sweeps.name").set_value("Wide")
    app.selectbox(key="sweeps.base").set_value("tutorial-mlp-deep")
    app.multiselect(key="sweeps.knobs").set_value(["learning_rate", "optimizer"])
    again(app)
    app.number_input(key="sweeps.trials").set_value(7)
    app.multiselect(key="sweeps.of_optimizer").set_value(["sgd", "adam"])
    again(app)
    assert "7 runs take about" in texts(app)
    app.button(key="sweeps.start").click()
    again(app)
    (folder,) = sweeps.every(runs_folder)
    assert started == [folder]
    assert app.query_params["sweep"] == folder.name
    plan = sweeps.read(folder)
    assert plan.base == PRESETS["tutorial-mlp-deep"]
    assert (plan.name, plan.method, plan.trials, plan.pruning) == ("Wide", "tpe", 7, True)
    assert plan.knobs == {
        "learning_rate": Span(low=1e-4, high=1e-1), "optimizer": Choice(options=("sgd", "adam")),
    }  # fmt: skip


def test_a_link_sets_a_sweep_up(runs_folder: Path) -> None:
    app = open_page("sweeps", knobs="dropout,dropout,l2,rotation,shift,zoom", base="tutorial-mlp")
    assert app.multiselect(key="sweeps.knobs").value == ["dropout", "l2", "rotation", "shift"]
    app = open_page("sweeps", method="grid", knobs="units,l2", base="fast-99")
    # What a CNN has no use for is left out, and what cannot be validated is refused.
    assert app.multiselect(key="sweeps.knobs").value == ["l2"]
    assert app.button(key="sweeps.start").disabled
    app = open_page("sweeps", method="grid", knobs="l2,dropout", base="fast-99")
    assert "these settings have no validation images" in said(app.error[0])
    app = open_page("sweeps", method="grid", knobs="dropout,learning_rate", base="tutorial-mlp")
    assert "9 runs" in texts(app)
    assert "0.0001, 0.00316, 0.1" in texts(app)
    app = open_page(
        "sweeps", method="grid", knobs="dropout,units", range_dropout="0.1..0.3", range_units="9..10",
        points_dropout="5", base="tutorial-mlp", pruning="False", sweep_name="Wide",
        **{"epochs_tutorial-mlp": "2"},
    )  # fmt: skip
    assert app.number_input(key="sweeps.epochs_tutorial-mlp").value == 2
    assert app.select_slider(key="sweeps.range_dropout").value == (0.1, 0.3)
    assert app.select_slider(key="sweeps.range_units").value == (16, 256)  # what was asked for is not offered
    assert "0.1, 0.15, 0.2, 0.25, 0.3" in texts(app)
    assert app.toggle(key="sweeps.pruning").value is False
    assert app.text_input(key="sweeps.name").value == "Wide"
    app.select_slider(key="sweeps.range_units").set_range(8, 32)
    again(app)
    assert app.query_params["range_units"] == "8..32"


@pytest.mark.parametrize("name", list(search_space.SWEPT))
def test_every_knob_can_be_chosen(name: str, runs_folder: Path) -> None:
    base = "tutorial-cnn" if search_space.SWEPT[name].architecture == "cnn" else "tutorial-mlp"
    other = "rotation" if name == "l2" else "l2"
    app = open_page("sweeps", method="grid", knobs=f"{name},{other}", base=base)
    assert app.multiselect(key="sweeps.knobs").value == [name, other]
    assert not app.error, said(app.error[0])
    assert "runs take about" in texts(app)
    knob = KNOBS[name]
    if knob.options:
        values = app.multiselect(key=f"sweeps.of_{name}")
        assert values.options == list(knob.options)
    else:
        values = app.select_slider(key=f"sweeps.range_{name}")
        assert [float(option) for option in values.options] == search_space.SWEPT[name].takes.places()
    assert values.label == (knob.swept_title or knob.title)
    app.multiselect(key="sweeps.knobs").set_value([name])  # alone, too
    again(app)
    assert not app.error, said(app.error[0])
    assert "runs take about" in texts(app)


def test_the_settings_of_the_train_page_can_be_the_base(runs_folder: Path) -> None:
    app = open_page("train", set="epochs=3")
    app.switch_page("pages/sweeps.py")
    again(app)
    assert app.selectbox(key="sweeps.base").value == "train"
    assert app.number_input(key="sweeps.epochs_train").value == 3
    app.switch_page("pages/train.py")
    app.query_params["set"] = "epochs=7"
    again(app)
    app.switch_page("pages/sweeps.py")
    again(app)
    assert app.number_input(key="sweeps.epochs_train").value == 7


def test_who_turns_a_knob_twice_is_not_held_to_the_address_of_before(runs_folder: Path) -> None:
    app = open_page("sweeps", trials="9")
    app.number_input(key="sweeps.trials").set_value(10)
    again(app)
    assert app.query_params["trials"] == "10"
    app.query_params["trials"] = "9"  # what a slow browser still has
    app.number_input(key="sweeps.trials").set_value(11)
    again(app)
    assert app.number_input(key="sweeps.trials").value == 11
    assert app.query_params["trials"] == "11"


def test_what_a_sweep_has_found_is_shown(folder: Path) -> None:
    app = open_page("sweeps", sweep=folder.name)
    assert "10 of 10 runs are done" in app.get("progress")[0].proto.text
    assert "Best so far: 70.00%" in [heading.value for heading in app.header]
    best = sweeps.best(optuna_study.read(folder))
    assert best is not None
    assert f"Learning rate = {best.values['learning_rate']:.3g}" in texts(app).replace("\\", "")
    history = figure(app, "sweeps.sweep_history")["data"]
    assert [line["name"] for line in history] == ["best so far", "finished", "stopped early"]
    assert [len(line["x"]) for line in history] == [8, 8, 1]
    weights = optuna_study.importance(folder)
    shown = figure(app, "sweeps.sweep_importance")["data"][0]
    assert dict(zip(shown["y"], shown["x"], strict=True)) == {
        "Learning rate": weights["learning_rate"], "Optimizer": weights["optimizer"],
        "Hidden layers": weights["hidden_layers"],
    }  # fmt: skip
    axes = figure(app, "sweeps.sweep_parallel")["data"][0]["dimensions"]
    assert [axis["label"] for axis in axes] == ["Learning rate", "Optimizer", "Hidden layers", "accuracy"]
    assert axes[1]["ticktext"] == [
        option for option in ("adam", "sgd")
        if option in [trial.values["optimizer"] for trial in optuna_study.read(folder)
                      if trial.state == "complete"]
    ]  # fmt: skip
    table = app.dataframe[0].value
    assert len(table) == 10
    assert "It was [not](x) to be." in texts(app).replace("\\", "").replace("\u2060", "")
    assert metrics(app) == {}


def test_a_sweep_of_one_knob_shows_the_accuracy_by_it(runs_folder: Path, started: list[Path]) -> None:
    plan = Sweep(
        name="Alone", base=RunConfig(epochs=1), knobs={"learning_rate": CHOSEN["learning_rate"]}, trials=8
    )
    folder = sweeps.submit(plan, Settings(runs=runs_folder))
    study = optuna_study.study(folder, plan)
    for number in range(8):
        trial = study.ask(optuna_study.space(plan.knobs))
        trial.report(0.9, 1)
        study.tell(trial, 0.9 + number / 100)
    stand(folder, "finished")
    app = open_page("sweeps", sweep=folder.name)
    assert "Learning rate and accuracy" in [heading.value for heading in app.header]
    points = [(tried.values["learning_rate"], tried.accuracy) for tried in optuna_study.read(folder)]
    shown = figure(app, "sweeps.sweep_by_knob")
    (line,) = shown["data"]
    assert list(zip(line["x"], line["y"], strict=True)) == sorted(points)
    assert shown["layout"]["xaxis"]["type"] == "log"
    for other in ("sweeps.sweep_importance", "sweeps.sweep_parallel"):  # of one knob, they say nothing
        with pytest.raises(KeyError):
            figure(app, other)


def test_sweeps_that_are_alike_can_each_be_chosen(folder: Path) -> None:
    twin = folder.with_name(f"{folder.name[:-4]}ffff")
    shutil.copytree(folder, twin)
    app = open_page("sweeps", sweep=folder.name)
    (label,) = [option for option in app.selectbox(key="sweeps.sweep").options if "(ffff)" in option]
    app.selectbox(key="sweeps.sweep").select(label)
    assert again(app).query_params["sweep"] == twin.name


@pytest.mark.parametrize(
    ("state", "words", "buttons"),
    [
        ("finished", "10 of 10 runs are done.", {"sweeps.forget"}),
        ("stopped", "The sweep was stopped.", {"sweeps.go_on", "sweeps.forget"}),
        ("paused", "The sweep is paused", {"sweeps.go_on", "sweeps.stop", "sweeps.forget"}),
        ("running", "The process of the sweep ended", {"sweeps.go_on", "sweeps.stop", "sweeps.forget"}),
        ("queued", "The sweep begins", {"sweeps.pause", "sweeps.stop"}),
    ],
)
def test_each_state_has_its_words_and_its_buttons(
    folder: Path, state: run_folder.State, words: str, buttons: set[str]
) -> None:
    stand(folder, state)
    app = open_page("sweeps")
    assert words in app.get("progress")[0].proto.text
    keys = {button.key for button in app.button if button.key and button.key.startswith("sweeps.")}
    assert keys == buttons | {"sweeps.extend"}


def test_a_sweep_is_paused_goes_on_and_gets_more_runs(folder: Path, started: list[Path]) -> None:
    stand(folder, "queued")
    app = open_page("sweeps", sweep=folder.name)
    app.button(key="sweeps.pause").click()
    again(app)
    assert run_folder.request(folder).action == "pause"
    stand(folder, "paused")
    started.clear()
    app = open_page("sweeps", sweep=folder.name)
    app.button(key="sweeps.go_on").click()
    again(app)
    assert started == [folder]
    stand(folder, "finished")
    app = open_page("sweeps", sweep=folder.name)
    app.number_input(key="sweeps.more").set_value(91)
    app.button(key="sweeps.extend").click()
    again(app)
    assert "101 runs; at most 100" in said(app.error[0])
    app.number_input(key="sweeps.more").set_value(2)
    app.button(key="sweeps.extend").click()
    again(app)
    assert sweeps.read(folder).trials == 12
    assert "The sweep begins" in app.get("progress")[0].proto.text


def test_a_sweep_is_forgotten(folder: Path, runs_folder: Path) -> None:
    app = open_page("sweeps", sweep=folder.name)
    app.button(key="sweeps.forget").click()
    again(app)
    assert sweeps.every(runs_folder) == []
    assert "There is no sweep" in said(open_page("sweeps", sweep=folder.name).warning[0])


@pytest.mark.parametrize("name", ["..", "../..", "a/b", "20261122-142005-1-abcd"])
def test_an_unknown_sweep_is_said_and_another_shown(name: str, folder: Path) -> None:
    app = open_page("sweeps", sweep=name)
    assert "There is no sweep" in said(app.warning[0])
    assert app.selectbox(key="sweeps.sweep").value == folder.name


def test_a_sweep_that_was_deleted_elsewhere_is_said(folder: Path) -> None:
    stand(folder, "paused")
    app = open_page("sweeps", sweep=folder.name)
    shutil.rmtree(folder)
    app.button(key="sweeps.go_on").click()
    again(app)
    assert "There is no sweep" in said(app.warning[0])


def test_what_cannot_be_started_is_said(runs_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_given: object) -> None:
        raise OSError(28, "No space left on device")

    app: AppTest = open_page("sweeps")
    app.text_input(key="sweeps.name").set_value("Wide")
    again(app)
    monkeypatch.setattr(run_folder, "new_folder", full)
    app.button(key="sweeps.start").click()
    again(app)
    assert "No space left" in said(app.error[0])
