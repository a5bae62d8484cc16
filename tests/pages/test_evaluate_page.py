"""The Evaluate page, run by Streamlit without a browser."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.config import RunConfig
from core.data import datasets
from core.drawing import collection, strokes
from core.drawing.collection import Drawing
from core.evaluation import reliability, results, significance
from core.evaluation.results import Evaluation
from core.runs import epoch_weights, notes, records, run_folder
from tests.support.pages import again, figure, metrics, open_page, press, said, texts, tiles

SEVEN = [[[0.0, 0.0], [0.6, 0.0], [0.2, 1.0]]]


@pytest.fixture
def evaluation(with_run: Path) -> Evaluation:
    return results.load(with_run)


def shown(app: AppTest) -> list[int]:
    """The digits that are shown, by their number."""
    return [int(tile["key"].removeprefix("open_")) for tile in tiles(app, "evaluate.mistake_tiles")]


def captions(app: AppTest) -> list[str]:
    """What stands below the digits."""
    return [tile["caption"] for tile in tiles(app, "evaluate.mistake_tiles")]


def test_the_numbers_are_those_of_the_evaluation(with_run: Path, evaluation: Evaluation) -> None:
    app = open_page("evaluate", run=with_run.name)
    numbers = metrics(app)
    assert numbers["Accuracy"] == f"{evaluation.accuracy:.2%}"
    assert numbers["Loss"] == f"{evaluation.loss:.4f}"
    assert numbers["Mistakes"] == str(np.sum(evaluation.predictions != evaluation.labels))
    right, total = np.sum(evaluation.predictions == evaluation.labels), len(evaluation.labels)
    assert f"{right:,} of {total:,} digits are read correctly." in texts(app)
    assert "95% interval" not in texts(app)
    (accuracy,) = [metric for metric in app.metric if metric.label == "Accuracy"]
    assert f"between {significance.wilson(right, total).low:.2%} and" in accuracy.proto.help


def test_the_worst_mistakes_come_first(with_run: Path, evaluation: Evaluation) -> None:
    app = open_page("evaluate", run=with_run.name)
    worst = evaluation.worst_first(np.arange(len(evaluation.labels)))
    assert shown(app) == worst[:25].tolist()
    app.number_input(key="evaluate.page").set_value(2)
    assert shown(again(app)) == worst[25:50].tolist()


def test_the_filters_show_exactly_those_digits(with_run: Path, evaluation: Evaluation) -> None:
    pair = evaluation.confused()[0]
    app = open_page("evaluate", run=with_run.name)
    app.selectbox(key="evaluate.true").set_value(pair.true)
    app.selectbox(key="evaluate.read").set_value(pair.read)
    again(app)
    assert len(captions(app)) == pair.times
    assert all(f"✗ {pair.true} → {pair.read}" in words for words in captions(app))
    app.slider(key="evaluate.sure").set_range(0, 50)
    unsure = (evaluation.confidences <= 0.5) & (evaluation.labels == pair.true)
    assert len(captions(again(app))) == np.sum(unsure & (evaluation.predictions == pair.read))


def test_a_confused_pair_is_said_in_words_and_a_click_shows_it(
    with_run: Path, evaluation: Evaluation
) -> None:
    pair = evaluation.confused()[0]
    app = open_page("evaluate", run=with_run.name)
    button = app.button(key=f"evaluate.pair_{pair.true}_{pair.read}")
    assert button.label == f"{pair.true} → {pair.read}: {pair.times} of {pair.written}"
    button.click()
    assert len(captions(again(app))) == pair.times
    assert (app.query_params["true"], app.query_params["read"]) == (str(pair.true), str(pair.read))


def test_right_and_wrong_differ_by_more_than_colour(with_run: Path) -> None:
    app = open_page("evaluate", run=with_run.name)
    for kind, mark, other in (("wrong", "✗", "✓"), ("right", "✓", "✗")):
        app.button_group(key="evaluate.show").set_value(kind)
        again(app)
        assert captions(app)
        assert all(mark in words and other not in words for words in captions(app))


# ----------------------------------------------------------------------------------- one digit


def test_a_digit_opens_with_its_probabilities_and_closes_again(
    with_run: Path, evaluation: Evaluation
) -> None:
    app = open_page("evaluate", run=with_run.name)
    worst = shown(app)[0]
    press(app, "evaluate.mistake_tiles", f"open_{worst}")
    (heading,) = [header.value for header in app.header if header.value.startswith(f"Digit {worst}:")]
    assert f"read as {evaluation.predictions[worst]} ({evaluation.confidences[worst]:.1%})" in heading
    assert "of the evidence in the ink is for" in texts(app)
    assert app.query_params["digit"] == str(worst)
    app.button_group(key="evaluate.explained").set_value("alike")
    again(app)
    assert "most similar in the last hidden layer" in texts(app)
    app.button(key="app.close").click()
    assert shown(again(app))[0] == worst
    assert "digit" not in app.query_params


def test_a_link_opens_what_somebody_saw(with_run: Path, evaluation: Evaluation) -> None:
    pair = evaluation.confused()[0]
    app = open_page(
        "evaluate",
        run=with_run.name,
        true=str(pair.true),
        read=str(pair.read),
        matrix_unit="shares",
        epoch="1",
    )
    assert (app.selectbox(key="evaluate.true").value, app.selectbox(key="evaluate.read").value) == (
        pair.true,
        pair.read,
    )
    assert app.button_group(key="evaluate.matrix_unit").value == "shares"
    assert app.select_slider(key="evaluate.epoch").value == 1


@pytest.mark.parametrize(
    "query",
    [
        {"true": "ten", "read": "-1", "show": "<b>", "sure": "90..10", "matrix_unit": ""},
        {"look": "../..", "epoch": "99999999999999999999", "on": "imagenet", "digit": "1e9"},
        {"look": "honesty", "temperature": "nan"},
        {"look": "honesty", "temperature": "-inf"},
        {"look": "digits", "curve": "π", "digit": "²"},
        {"digit": "99999", "sure": "1..2..3"},
    ],
)
def test_a_link_that_says_nonsense_opens_the_page_as_it_is(with_run: Path, query: dict[str, str]) -> None:
    app = open_page("evaluate", run=with_run.name, **query)
    assert not app.error
    assert app.select_slider(key="evaluate.epoch").value == 0
    assert "Confusion matrix" in [header.value for header in app.header] or "look" in query


# ------------------------------------------------------------------------ other epochs and digits


def test_the_epochs_are_dragged_through_and_everything_follows(
    with_run: Path, mnist_5k: datasets.Dataset
) -> None:
    app = open_page("evaluate", run=with_run.name)
    app.select_slider(key="evaluate.epoch").set_value(1)
    again(app)
    then = Evaluation(epoch_weights.predictor(with_run, 1).logits(mnist_5k.x_test), mnist_5k.y_test)
    assert metrics(app)["Accuracy"] == f"{then.accuracy:.2%}"
    assert shown(app) == then.worst_first(np.arange(len(then.labels)))[:25].tolist()
    worst = shown(app)[0]
    press(app, "evaluate.mistake_tiles", f"open_{worst}")
    assert f"({then.confidences[worst]:.1%})" in next(
        header.value for header in app.header if header.value.startswith("Digit ")
    )
    app.select_slider(key="evaluate.epoch").set_value(0)
    assert metrics(again(app))["Accuracy"] == f"{results.load(with_run).accuracy:.2%}"


def test_kept_drawings_are_test_digits_too(
    with_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = tmp_path / "drawings.sqlite"
    monkeypatch.setenv("MNIST_LAB_DRAWINGS", str(store))
    image = strokes.image(SEVEN)
    collection.add(store, [Drawing(label=label, image=image, strokes=SEVEN) for label in (7, 1)], 10)
    app = open_page("evaluate", run=with_run.name, on="drawings")
    assert app.selectbox(key="evaluate.on").value == "drawings"
    assert metrics(app)["Digits"] == "2"
    assert len(captions(app)) == 2


def test_damaged_drawings_do_not_take_the_page_with_them(
    with_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = tmp_path / "drawings.sqlite"
    store.write_bytes(b"no database" * 1000)
    monkeypatch.setenv("MNIST_LAB_DRAWINGS", str(store))
    app = open_page("evaluate", run=with_run.name, on="drawings")
    assert app.selectbox(key="evaluate.on").value == "mnist-5k"


def test_a_run_that_is_not_trained_yet_is_passed_over_in_silence(
    with_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(with_run, tmp_path / with_run.name)
    monkeypatch.setenv("MNIST_LAB_RUNS", str(tmp_path))
    waiting = run_folder.create(tmp_path, RunConfig())
    app = open_page("train", run=waiting.name)
    app.switch_page("pages/evaluate.py")
    del app.query_params["run"]
    again(app)
    assert not app.warning
    assert app.selectbox(key="app.run_choice").value == "starter"


def test_data_that_has_changed_since_is_not_shown_as_if_it_had_not(
    with_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "runs" / with_run.name
    shutil.copytree(with_run, copy)
    environment = records.environment(copy) | {"dataset_sha256": "0" * 64}
    run_folder.write_json(copy / "environment.json", environment)
    monkeypatch.setenv("MNIST_LAB_RUNS", str(copy.parent))
    app = open_page("evaluate", run=with_run.name)
    assert "mnist-5k has changed since this run was trained" in said(app.error[0])
    assert metrics(app)["Accuracy"] == f"{results.load(with_run).accuracy:.2%}"


@pytest.mark.parametrize("page", ["evaluate", "draw"])
def test_who_has_no_run_yet_begins_with_the_starter_and_not_with_somebody_elses(
    with_run: Path, page: str
) -> None:
    app = open_page(page)
    assert app.selectbox(key="app.run_choice").value == "starter"
    assert app.query_params["run"] == "starter"


@pytest.mark.parametrize("page", ["evaluate", "draw"])
def test_the_run_that_was_looked_at_on_the_train_page_goes_along(with_run: Path, page: str) -> None:
    app = open_page("train", run=with_run.name)
    app.switch_page(f"pages/{page}.py")
    del app.query_params["run"]
    again(app)
    assert app.selectbox(key="app.run_choice").value == with_run.name
    assert app.query_params["run"] == with_run.name


def test_a_run_goes_by_the_name_that_somebody_gave_it_and_by_no_link_in_it(
    with_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(with_run, tmp_path / with_run.name)
    monkeypatch.setenv("MNIST_LAB_RUNS", str(tmp_path))
    notes.write(tmp_path / with_run.name, name="[Best](//x)")
    assert (
        open_page("evaluate", run=with_run.name)
        .selectbox(key="app.run_choice")
        .options[0]
        .startswith("[Best](//x) · MLP 32")
    )
    (recent,) = [
        link.proto.label for link in open_page("train").get("page_link") if "Best" in link.proto.label
    ]
    assert "[Best](" not in recent


def test_a_run_from_a_link_goes_along_to_other_pages(with_run: Path) -> None:
    app = open_page("evaluate", run="starter")
    app.switch_page("pages/draw.py")
    del app.query_params["run"]
    again(app)
    assert app.selectbox(key="app.run_choice").value == "starter"
    assert app.query_params["run"] == "starter"


def test_a_link_names_the_run_whatever_was_shown_or_trained_before(with_run: Path) -> None:
    app = open_page("evaluate", run="starter")
    app.session_state["app.run"] = with_run.name  # as when it was trained since
    again(app)
    assert app.selectbox(key="app.run_choice").value == "starter"
    app.query_params["run"] = with_run.name
    again(app)
    assert app.selectbox(key="app.run_choice").value == with_run.name
    app.query_params["run"] = "starter"
    again(app)
    assert app.selectbox(key="app.run_choice").value == "starter"


def test_an_unknown_run_falls_back_to_the_starter_and_says_so(with_run: Path) -> None:
    app = open_page("evaluate", run="../../etc")
    assert "no trained run '../../etc'" in said(app.warning[0])
    assert app.selectbox(key="app.run_choice").value == "starter"


# ---------------------------------------------------------------------------------- calibration


def test_the_temperature_moves_the_calibration_error(with_run: Path, evaluation: Evaluation) -> None:
    app = open_page("evaluate", run=with_run.name, look="honesty")
    for temperature in (1.0, 2.5):
        app.slider(key="evaluate.temperature").set_value(temperature)
        again(app)
        diagram = reliability.reliability(evaluation.logits, evaluation.labels, temperature)
        assert metrics(app)["Expected calibration error"] == f"{diagram.error:.2%}"
        at = evaluation.at(temperature)
        sure = np.sum((at.predictions != at.labels) & (at.confidences >= 0.9))
        assert f"{sure} digit" in texts(app)
    assert app.query_params["temperature"] == "2.5"


def test_each_digit_has_its_curves(with_run: Path) -> None:
    app = open_page("evaluate", run=with_run.name, look="digits")
    for kind in ("roc", "pr"):
        app.button_group(key="evaluate.curve").set_value(kind)
        again(app)
        names = [trace["name"] for trace in figure(app, "evaluate.one_against_all")["data"]]
        assert [name.split(" · ")[0] for name in names] == list("0123456789")
        assert all(0.5 < float(name.split(" · ")[1]) <= 1 for name in names)


def test_an_opened_digit_shows_its_course_over_the_epochs(with_run: Path, evaluation: Evaluation) -> None:
    index = int(evaluation.worst_first(np.flatnonzero(evaluation.predictions != evaluation.labels))[0])
    app = open_page("evaluate", run=with_run.name, digit=str(index), explained="course", epoch="2")
    lines = figure(app, "evaluate.course")["data"]
    true, read = evaluation.labels[index], evaluation.predictions[index]
    assert lines[0]["name"] == str(true)
    assert str(read) in [line["name"] for line in lines]
    assert [line["x"] for line in lines] == [[1, 2, 3]] * 3
    assert lines[0]["y"][-1] == pytest.approx(evaluation.probabilities[index][true], abs=1e-5)
