"""The Runs page, run by Streamlit without a browser."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.config import RunConfig
from core.evaluation import results, significance
from core.runs import notes, records, run_folder, trash
from tests.conftest import Trainer, train, wait_for_end
from tests.support.pages import again, figure, open_page, press, said, texts, tiles


@pytest.fixture(scope="module")
def three_runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seeds of one network, and another network."""
    root = tmp_path_factory.mktemp("three")
    for settings in ({"seed": 0}, {"seed": 1}, {"seed": 0, "hidden_units": (8,), "dropout": 0.3}):
        train(root, **{"hidden_units": (16,), "epochs": 2, "training_images": 1000} | settings)
    return root


@pytest.fixture
def root(three_runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The three runs, to be written on."""
    shutil.copytree(three_runs, tmp_path / "runs")
    monkeypatch.setenv("MNIST_LAB_RUNS", str(tmp_path / "runs"))
    return tmp_path / "runs"


def linked(*runs: Path) -> AppTest:
    return open_page("runs", runs=",".join(run.name for run in runs))


def names(app: AppTest) -> list[str]:
    """The runs that are in the table."""
    return app.dataframe[0].value["id"].tolist()


def test_before_anything_is_trained_it_says_where_to_begin(runs_folder: Path) -> None:
    app = open_page("runs")
    assert "There is no run yet" in said(app.info[0])


def test_the_table_holds_every_run_and_finds_by_words(root: Path) -> None:
    newest, second, oldest = run_folder.every(root)
    notes.write(oldest, tags=("class 4b",), note="Ada's")
    app = open_page("runs")
    assert names(app) == [newest.name, second.name, oldest.name]
    shown = app.dataframe[0].value
    assert shown["accuracy"].tolist() == [
        run_folder.status(run).test_accuracy for run in run_folder.every(root)
    ]
    assert [len(curve) for curve in shown["curve"]] == [2, 2, 2]
    for words, expected in (
        ("4B ada", [oldest]),
        ("dropout 0.3", [newest]),
        (second.name, [second]),
        ("cnn", []),
    ):
        app.text_input(key="runs.find").set_value(words)
        assert names(again(app)) == [run.name for run in expected]


def test_automatic_runs_are_hidden_until_they_are_switched_on(root: Path) -> None:
    newest, second, oldest = run_folder.every(root)
    assert not open_page("runs").toggle
    notes.write(second, automatic=True)
    app = open_page("runs")
    assert names(app) == [newest.name, oldest.name]
    app.toggle(key="runs.automatic").set_value(True)
    assert names(again(app)) == [newest.name, second.name, oldest.name]
    assert app.dataframe[0].value["state"].tolist() == ["finished", "finished · automatic", "finished"]
    assert app.query_params["automatic"] == "True"
    assert names(open_page("runs", automatic="True")) == names(app)
    # A run that somebody wrote about is one of theirs.
    notes.write(second, starred=True)
    assert names(open_page("runs")) == [second.name, newest.name, oldest.name]


def test_an_automatic_run_is_shown_to_whom_a_link_shows_it_and_can_be_kept(root: Path) -> None:
    newest, second, oldest = run_folder.every(root)
    for run in (newest, second):
        notes.write(run, automatic=True)
    app = linked(second, oldest)
    assert names(app) == [second.name, oldest.name]
    app.button(key="runs.keep").click()
    again(app)
    assert not notes.is_temporary(second)
    assert "runs.keep" not in {button.key for button in app.button}
    assert names(open_page("runs")) == [second.name, oldest.name]


def test_automatic_runs_come_last_in_a_list_to_choose_from(root: Path) -> None:
    newest, second, _oldest = run_folder.every(root)
    notes.write(newest, automatic=True)
    labels = open_page("evaluate", run=second.name).selectbox(key="app.run_choice").options
    assert [label.endswith("automatic") or "automatic ·" in label for label in labels] == [False] * 3 + [True]
    # It is chosen all the same if the address says so.
    assert open_page("evaluate", run=newest.name).selectbox(key="app.run_choice").value == newest.name


def test_stars_come_first(root: Path) -> None:
    newest, second, oldest = run_folder.every(root)
    app = linked(oldest)
    app.button(key="runs.star").click()
    again(app)
    assert notes.read(oldest).starred
    assert names(app) == [oldest.name, newest.name, second.name]
    # It is another row now, and still the one that is chosen.
    assert app.query_params["runs"] == oldest.name
    assert "runs.take_py" in {button.key for button in app.get("download_button")}


def test_a_deleted_run_comes_back_with_undo(root: Path) -> None:
    newest, second, oldest = run_folder.every(root)
    app = linked(second, oldest)
    app.button(key="runs.delete").click()
    again(app)
    assert names(app) == [newest.name]
    assert "2 runs were deleted" in texts(app)
    app.button(key="runs.undo").click()
    again(app)
    assert names(app) == [newest.name, second.name, oldest.name]


def test_of_several_runs_it_is_asked_first(root: Path) -> None:
    _newest, second, oldest = run_folder.every(root)
    assert "Delete these 2 runs?" in texts(linked(second, oldest))
    assert "Delete these" not in texts(linked(second))


def test_what_was_deleted_lately_comes_back_after_a_reload(root: Path) -> None:
    newest, second, oldest = run_folder.every(root)
    trash.delete(root, [newest.name, second.name, oldest.name])
    app = open_page("runs")
    assert "There is no run yet" in said(app.info[0])
    app.button(key=f"runs.back_{second.name}").click()
    assert names(again(app)) == [second.name]
    assert app.query_params["runs"] == second.name
    app.button(key="runs.all_back").click()
    assert names(again(app)) == [newest.name, second.name, oldest.name]
    assert not [button for button in app.button if button.key.startswith("runs.back_")]


def test_a_run_is_given_a_name_tags_and_a_note(root: Path) -> None:
    run = run_folder.every(root)[1]
    app = linked(run)
    app.text_input(key=f"runs.name_{run.name}").set_value("Narrow")
    app.text_input(key=f"runs.tags_{run.name}").set_value("class 4b, mlp")
    app.text_area(key=f"runs.note_{run.name}").set_value("<b>16</b> units\n\n- read well\n1. and fast")
    next(button for button in app.button if button.label == "Save").click()
    again(app)
    note = "<b>16</b> units\n\n- read well\n1. and fast"
    assert notes.read(run) == notes.Labels(name="Narrow", tags=("class 4b", "mlp"), note=note)
    # Four lines, none of which is a list's.
    shown = next(element for element in app.markdown if "units" in element.value)
    assert said(shown).replace("\u00a0", "") == note
    assert shown.value.count("\\\n") == 3
    assert "Narrow" in app.dataframe[0].value["run"].tolist()
    assert "<b>" not in texts(app)
    other = run_folder.every(root)[2]
    assert linked(other).text_input(key=f"runs.name_{other.name}").value == ""


def test_runs_that_are_alike_can_each_be_chosen(root: Path) -> None:
    run = run_folder.every(root)[0]
    twin = root / f"{run.name[:-4]}ffff"
    shutil.copytree(run, twin)
    app = open_page("evaluate", run=run.name)
    choice = app.selectbox(key="app.run_choice")
    assert len(set(choice.options)) == len(choice.options) == len(run_folder.every(root)) + 1
    (label,) = [option for option in choice.options if "(ffff)" in option]
    choice.select(label)
    assert again(app).query_params["run"] == twin.name
    names = linked(run, twin).dataframe[0].value["run"].tolist()
    assert len(set(names)) == len(names)


def test_two_runs_are_compared(root: Path) -> None:
    chosen = [run_folder.every(root)[0], run_folder.every(root)[2]]
    app = linked(*chosen)
    differences = app.dataframe[1].value
    assert differences.index.tolist() == ["hidden_units", "dropout"]
    evaluations = [results.load(run) for run in chosen]
    right = [evaluation.predictions == evaluation.labels for evaluation in evaluations]
    test = significance.mcnemar(*right)
    assert f"Only the first run reads {test.first_only:,} digits right." in texts(app)
    assert f"Only the second run reads {test.second_only:,} digits right." in texts(app)
    verdict = (
        "The difference is probably real." if test.is_meaningful else "not enough to say which one is better"
    )
    (words,) = [element for element in app.markdown if verdict in element.value]
    assert f"{'rarely' if test.is_meaningful else 'often'} causes such a difference" in words.help
    assert "McNemar" in words.help
    assert "McNemar" not in texts(app)
    assert len(figure(app, "runs.overlay")["data"]) == 2
    found_tiles = tiles(app, "runs.differ_tiles")
    indices = {int(tile["key"].removeprefix("open_")) for tile in found_tiles}
    assert len(found_tiles) == min(24, test.second_only)
    assert indices <= set(np.flatnonzero(right[1] & ~right[0]))


def test_a_run_may_be_called_like_a_column(root: Path) -> None:
    chosen = [run_folder.every(root)[0], run_folder.every(root)[2]]
    notes.write(chosen[0], name="setting")
    differences = linked(*chosen).dataframe[1].value
    assert differences.index.tolist() == ["hidden_units", "dropout"]
    assert differences.columns[0] == "setting"


def test_a_disagreement_opens_with_both_answers_and_is_in_the_address(root: Path) -> None:
    chosen = [run_folder.every(root)[0], run_folder.every(root)[2]]
    app = linked(*chosen)
    tile = tiles(app, "runs.differ_tiles")[0]["key"]
    index = int(tile.removeprefix("open_"))
    press(app, "runs.differ_tiles", tile)
    assert app.query_params["digit"] == str(index)
    for run in chosen:
        evaluation = results.load(run)
        assert f"reads {evaluation.predictions[index]} ({evaluation.confidences[index]:.1%})" in texts(app)


def test_seeds_of_one_setting_are_summed_up(root: Path) -> None:
    other, second, first = run_folder.every(root)
    app = linked(first)
    accuracies = [run_folder.status(run).test_accuracy for run in (first, second)]
    assert f"2 seeds: the mean accuracy is {np.mean(accuracies):.2%}" in texts(app)
    # Faint lines for both, and their mean.
    assert len(figure(app, "runs.overlay")["data"]) == 3
    assert "the mean accuracy is" not in texts(linked(other))


def test_the_same_seed_twice_is_no_second_seed(root: Path) -> None:
    (other, *_rest) = run_folder.every(root)
    again_run = root / "20990101-000000-000-aaaa"
    shutil.copytree(other, again_run)
    assert "the mean accuracy is" not in texts(linked(other))
    app = linked(other, again_run)
    assert len(figure(app, "runs.overlay")["data"]) == 2
    assert "Several seeds" not in [header.value for header in app.header]


def test_one_click_queues_the_missing_seeds(
    root: Path, monkeypatch: pytest.MonkeyPatch, trainer: Trainer
) -> None:
    app = linked(run_folder.every(root)[2])
    app.button(key="runs.seeds_3").click()
    again(app)
    (queued, *_others) = run_folder.every(root)
    assert len(run_folder.every(root)) == 4  # two of the three seeds were there
    assert records.config(queued) == records.config(run_folder.every(root)[3]).but(seed=2)
    wait_for_end(queued)
    monkeypatch.setenv("MNIST_LAB_MAX_RUNS", "4")
    app.button(key="runs.seeds_5").click()
    again(app)
    assert "which is the maximum" in said(app.error[0])


def test_a_link_to_runs_that_are_gone_shows_the_others(root: Path) -> None:
    run = run_folder.every(root)[0]
    trash.delete(root, [run_folder.every(root)[1].name])
    app = open_page("runs", runs=f"../../etc,gone,{run.name}", cost="<b>", digit="x", metric="π")
    assert names(app) == [folder.name for folder in run_folder.every(root)]
    assert app.query_params["runs"] == run.name


def test_what_is_not_finished_is_listed_too(root: Path) -> None:
    waiting = run_folder.create(root, RunConfig(architecture="cnn"))
    app = linked(waiting, run_folder.every(root)[1])
    assert names(app)[0] == waiting.name
    assert "has not been evaluated" in said(app.info[0])
