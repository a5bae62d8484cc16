"""The Train page around a run: its knobs, its states, and what can be done in each of them."""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.proto.WidgetStates_pb2 import WidgetState
from streamlit.testing.v1 import AppTest

from core.charts.moving import Stretches, smoothed
from core.config import KNOBS, PRESETS, RunConfig
from core.data import datasets, specs
from core.failures import Failure
from core.jobs import executor, run_queue
from core.knobs import Knob
from core.runs import notes, records, run_folder, warm_start
from core.runs.run_folder import Status
from core.settings import Settings
from core.training import schedules
from core.ui import knobs
from tests.conftest import TRAINER, Hired, Trainer, wait_for_end, wait_until
from tests.support.pages import again, decoded, figure, open_page, said, texts, tiles, why

# So many epochs take minutes; whoever uses it ends it.
LONG = RunConfig(hidden_units=(16,), epochs=100, batch_size=8)


def label(app: AppTest, key: str) -> str:
    return str(app.button(key=key).label)


def keys(app: AppTest) -> set[str]:
    return {button.key for button in app.button}


# ----------------------------------------------------------------------------------------- knobs


def widgets(app: AppTest) -> dict[str, Any]:
    """Every knob on the page by its setting, as far as it has one of its own."""
    kinds = (app.selectbox, app.slider, app.select_slider, app.number_input, app.toggle, app.button_group)
    return {
        w.key.removeprefix("train.knob_"): w for kind in kinds for w in kind if w.key and "knob_" in w.key
    }


@pytest.fixture
def setup(runs_folder: Path, no_mnist: Path) -> AppTest:
    return open_page("train")


def says_what_its_field_says(widget: Any, knob: Knob) -> None:
    """A widget's words, limits, steps and options are those beside the setting's field."""
    assert re.sub(r" \d+$", "", widget.label) == knob.title
    keras = f" In Keras: `{knob.keras}`." if knob.keras else ""
    assert widget.help == f"{knob.hint}{keras} Setting: `{knob.setting}`."
    match widget.type:
        case "slider":
            assert (widget.min, widget.max, widget.step) == (knob.low, knob.high, knob.step)
        case "select_slider":
            assert [float(option) for option in widget.options] == knob.places
        case "number_input":
            assert widget.step == knob.step
        case "selectbox" | "button_group":
            shown = [getattr(option, "content", option) for option in widget.options]
            # Which data sets there are is no matter of the field.
            assert shown == [knob.option(option) for option in knob.options or specs.names()]
        case kind:
            assert kind == "toggle"
            assert knob.kind is bool


def test_a_number_says_the_limits_of_its_field(setup: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MNIST_LAB_MAX_EPOCHS", "5000")
    setup.button_group(key="train.knob_architecture").set_value("cnn")
    setup.selectbox(key="train.knob_learning_rate_schedule").set_value("plateau")
    again(setup)
    typed = {
        field.key: KNOBS[re.sub(r"^train\.knob_|_\d+$", "", field.key)]
        for field in setup.number_input if field.key.startswith("train.knob_")
    }  # fmt: skip
    assert len(typed) == 12
    for key in typed:
        setup.number_input(key=key).set_value(-1)
    again(setup)
    said_limits = "\n".join(map(said, setup.error))
    for knob in typed.values():
        high = specs.MOST_IMAGES if knob.name == "training_images" else knob.high
        assert f"-1 is not allowed. Enter a whole number from {knob.low:,} to {high:,}." in said_limits, (
            knob.name
        )


def test_every_setting_has_a_knob_that_says_what_it_does(setup: AppTest) -> None:
    app = setup
    shown = widgets(app)
    for architecture in ("mlp", "cnn"):
        for schedule in ("exponential", "plateau", "one-cycle"):
            app.button_group(key="train.knob_architecture").set_value(architecture)
            app.selectbox(key="train.knob_learning_rate_schedule").set_value(schedule)
            app.number_input(key="train.knob_early_stopping_patience").set_value(2)
            app.selectbox(key="train.knob_optimizer").set_value("sgd")
            if "momentum" in shown:
                app.slider(key="train.knob_momentum").set_value(0.9)
            shown |= widgets(again(app))
    layers = {"hidden_units", "conv_blocks"}
    assert set(RunConfig.model_fields) - layers <= set(shown)
    for name, widget in shown.items():
        says_what_its_field_says(widget, KNOBS[re.sub(r"_\d+$", "", name)])
        # One line: a sentence or two, then the names.
        assert len(widget.help.split(" In Keras:")[0].split(" Setting:")[0]) <= 110, widget.help


def test_only_the_common_knobs_are_in_view(setup: AppTest) -> None:
    folded = {
        w.key for expander in setup.expander for kind in ("selectbox", "slider", "select_slider",
        "number_input", "toggle", "button_group") for w in expander.get(kind)
    }  # fmt: skip
    assert {f"train.knob_{name}" for name in widgets(setup)} - folded == {
        "train.knob_dataset", "train.knob_architecture", "train.knob_epochs", "train.knob_batch_size",
        "train.knob_learning_rate",
    }  # fmt: skip
    assert not any(expander.proto.expanded for expander in setup.expander)


@pytest.mark.parametrize("schedule", ["constant", "exponential", "cosine", "one-cycle"])
def test_the_schedule_is_drawn_before_the_training(setup: AppTest, schedule: str) -> None:
    setup.selectbox(key="train.knob_learning_rate_schedule").set_value(schedule)
    again(setup)
    (drawn,) = json.loads(setup.get_by_key("train.schedule").proto.spec)["data"]
    epochs, rates = schedules.curve(RunConfig(learning_rate_schedule=schedule), 25)
    np.testing.assert_allclose(decoded(drawn["y"]), rates)
    np.testing.assert_allclose(decoded(drawn["x"]), epochs)


def test_augmented_digits_are_shown_as_the_amounts_say(setup: AppTest) -> None:
    assert "train.preview_again" not in keys(setup)
    setup.slider(key="train.knob_rotation").set_value(30.0)
    again(setup)
    shown = tiles(setup, "train.preview_tiles")
    assert len(shown) == knobs.PREVIEWED
    setup.button(key="train.preview_again").click()
    again(setup)
    assert shown != tiles(setup, "train.preview_tiles")


def test_a_preset_says_where_it_comes_from_and_what_it_reaches(setup: AppTest) -> None:
    def about() -> str:
        return str(setup.selectbox(key="train.preset").help)

    assert "Deep Learning with Python" in about()
    assert "On mnist-5k, the preset reached a test accuracy of 91.2%" in about()
    setup.selectbox(key="train.preset").set_value("tutorial-mlp-dropout")
    again(setup)
    assert "quickstart for beginners" in about()
    setup.segmented_control(key="train.knob_dataset").set_value("mnist")
    again(setup)
    assert "On mnist, the preset reached a test accuracy of 97.6% in 9.4 seconds" in about()


def test_what_was_changed_is_reset_with_one_click(setup: AppTest) -> None:
    setup.segmented_control(key="train.knob_dataset").set_value("mnist")
    setup.slider(key="train.knob_dropout").set_value(0.3)
    again(setup)
    assert "Changed: Dropout" in texts(setup)
    setup.button(key="train.reset").click()
    again(setup)
    assert setup.slider(key="train.knob_dropout").value == 0
    assert setup.segmented_control(key="train.knob_dataset").value == "mnist"  # no preset chooses it
    assert "train.reset" not in keys(setup)


def test_a_link_locks_settings_and_nothing_turns_them(runs_folder: Path, mlp_run: Path) -> None:
    shutil.copytree(mlp_run, runs_folder / mlp_run.name)
    app = open_page("train", set=["dropout=0.3", "epochs=3"], lock="dropout,preset,hidden_units")
    assert "has locked: Dropout, Preset, Hidden layers" in texts(app)
    locked = [
        app.selectbox(key="train.preset"),
        app.slider(key="train.knob_dropout"),
        app.slider(key="train.knob_hidden_layers"),
        app.number_input(key="train.knob_units_0"),
    ]
    assert all(element.disabled for element in locked)
    assert not app.number_input(key="train.knob_epochs").disabled
    app.button(key="train.reset").click()
    again(app)
    assert app.slider(key="train.knob_dropout").value == 0.3
    assert app.number_input(key="train.knob_epochs").value == 5
    # Nor do the settings of another run.
    app.query_params["run"] = mlp_run.name
    again(app)
    app.button(key="train.use").click()
    again(app)
    assert app.slider(key="train.knob_dropout").value == 0.3
    assert app.number_input(key="train.knob_units_0").value == 128
    assert app.select_slider(key="train.knob_batch_size").value == 64
    # The lock holds on for the session.
    app.switch_page("pages/data.py")
    again(app)
    app.switch_page("pages/train.py")
    again(app)
    assert app.slider(key="train.knob_dropout").disabled
    assert "".join(app.query_params["lock"]) == "dropout,preset,hidden_units"


def test_a_lock_of_what_does_not_exist_is_said_and_the_rest_holds(runs_folder: Path) -> None:
    app = open_page("train", lock="luck, dropout")
    assert "The link locks settings that do not exist: 'luck'. Possible are preset, dataset, " in said(
        app.error[0]
    )
    assert app.slider(key="train.knob_dropout").disabled


# ------------------------------------------------------------------------------------ train as I turn


def test_each_turn_trains_and_ends_the_run_before(runs_folder: Path, hired: Hired) -> None:
    app = open_page("train")
    app.toggle(key="train.turn").set_value(True)
    again(app)
    assert run_folder.every(runs_folder) == []  # nothing was turned yet
    seen = []
    for rate in (0.002, 0.005, 0.01):
        app.select_slider(key="train.knob_learning_rate").set_value(rate)
        again(app)
        newest = run_folder.every(runs_folder)[0]
        assert records.config(newest).learning_rate == rate
        assert notes.read(newest).automatic
        assert "run" not in app.query_params  # ten turns are not ten steps back
        seen.append(newest)
        if rate == 0.005:
            hired.work()  # this one has finished when the next knob is turned
    assert [run.exists() for run in seen] == [False, True, True]
    again(app)
    assert run_folder.every(runs_folder)[0] == seen[-1]  # nothing was turned, so nothing was started
    app.button(key="train.start").click()
    again(app)
    started = run_folder.every(runs_folder)[0]
    assert not notes.read(started).automatic
    assert "".join(app.query_params["run"]) == started.name


def test_what_takes_long_is_not_trained_at_each_turn(runs_folder: Path, hired: Hired) -> None:
    app = open_page("train", set="architecture=cnn")
    assert app.toggle(key="train.turn").disabled
    assert "less than 3 seconds" in str(app.toggle(key="train.turn").help)


def test_what_can_be_changed_in_training_is_applied_to_the_run(runs_folder: Path, hired: Hired) -> None:
    run = run_queue.submit(RunConfig(), Settings())
    app = open_page("train", run=run.name)
    assert "train.apply" not in keys(app)
    app.slider(key="train.knob_dropout").set_value(0.2)
    app.number_input(key="train.knob_epochs").set_value(7)  # for a new run only
    again(app)
    assert app.button(key="train.apply").label == "Apply to this run from the next epoch: Dropout 0.2"
    app.button(key="train.apply").click()
    again(app)
    assert run_folder.request(run) == run_folder.Request(dropout=0.2, learning_rate=None)
    assert "train.apply" not in keys(app)


def test_a_run_that_ended_can_be_shared(finished: Path) -> None:
    app = open_page("train", run=finished.name)
    assert any(f"run={finished.name}" in code.value for code in app.code)
    assert "train.use" in keys(app)
    assert app.get_by_key("train.zip")


def test_a_value_that_no_slider_has_is_kept(setup: AppTest) -> None:
    setup.selectbox(key="train.preset").set_value("fast-99")
    again(setup)
    assert setup.select_slider(key="train.knob_learning_rate").value == PRESETS["fast-99"].learning_rate
    assert "Changed" not in texts(setup)


def test_the_estimate_is_said_before_the_click_and_a_long_one_is_a_warning(setup: AppTest) -> None:
    assert "on this machine" in texts(setup)
    assert not setup.warning
    setup.selectbox(key="train.preset").set_value("tutorial-cnn")
    again(setup)
    setup.number_input(key="train.knob_epochs").set_value(100)
    setup.select_slider(key="train.knob_batch_size").set_value(1)
    again(setup)
    assert "This is long" in said(setup.warning[0])


def test_whoever_sets_up_a_run_has_a_worker_warmed_up(
    runs_folder: Path, no_mnist: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def free() -> int:
        return executor.current().free(Settings())

    open_page("train")
    assert not free()
    monkeypatch.setenv("MNIST_LAB_WARM_MINUTES", "10")
    app = open_page("train")
    wait_until(free, "a worker had come")
    app.button(key="train.start").click()
    again(app)
    (run,) = run_folder.every(runs_folder)
    assert wait_for_end(run).state == "finished"
    wait_until(free, "the worker was free for the next run")


# ----------------------------------------------------------------------------------- states of a run


@pytest.fixture(scope="module")
def resting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Path]]:
    """A run that paused, with a knob turned; one that diverged; one that ended early."""
    root = tmp_path_factory.mktemp("resting") / "runs"
    settings = Settings(runs=root, slots=4)
    with executor.using(TRAINER):
        runs = {
            "paused": run_queue.submit(LONG, settings),
            "diverged": run_queue.submit(
                RunConfig(hidden_units=(64,) * 4, optimizer="sgd", learning_rate=10, batch_size=32), settings
            ),
            "early": run_queue.submit(
                RunConfig(hidden_units=(256,), epochs=100, training_images=200, early_stopping_patience=2,
                          learning_rate=0.005), settings
            ),
        }  # fmt: skip
    wait_until(lambda: records.metrics(runs["paused"]), "it had trained an epoch")
    run_queue.steer(runs["paused"], learning_rate=0.0005)
    wait_until(lambda: records.changes(runs["paused"]), "the knob was turned")
    run_queue.pause(runs["paused"])
    wait_until(
        lambda: all(run_folder.status(run).state in run_folder.RESTING for run in runs.values()), "all rest"
    )
    yield runs
    with executor.using(TRAINER):
        for run in runs.values():
            run_queue.stop(run)


@pytest.fixture
def with_resting(resting: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    monkeypatch.setenv("MNIST_LAB_RUNS", str(resting["paused"].parent))
    return resting


@pytest.fixture
def diverged(with_resting: dict[str, Path], runs_folder: Path) -> Path:
    """A run that diverged and may be changed."""
    run = with_resting["diverged"]
    return Path(shutil.copytree(run, runs_folder / run.name))


def test_a_paused_run_says_where_it_is_and_offers_to_go_on(with_resting: dict[str, Path]) -> None:
    run = with_resting["paused"]
    app = open_page("train", run=run.name)
    status = run_folder.status(run)
    assert f"Paused in epoch {status.epoch} of 100, after step {status.step:,} of 400" in said(app.info[0])
    assert {"train.resume", "train.stop"} <= keys(app)
    assert not {"train.pause", "train.train_on"} & keys(app)


def test_a_turned_knob_is_marked_on_the_curves_and_said(with_resting: dict[str, Path]) -> None:
    run = with_resting["paused"]
    app = open_page("train", run=run.name)
    (change,) = records.changes(run)
    figure = json.loads(app.get_by_key("train.curve_loss").proto.spec)
    assert figure["layout"]["shapes"][0]["x0"] == change["epoch"] - 1
    assert figure["layout"]["annotations"][0]["text"] == "learning rate 0.001 → 0.0005"
    assert f"From epoch {change['epoch']} on: learning rate 0.001 → 0.0005" in texts(app)


def test_a_knob_that_is_turned_while_it_rests_is_asked_for(with_resting: dict[str, Path]) -> None:
    run = with_resting["paused"]
    app = open_page("train", run=run.name, set="learning_rate=0.0005")
    app.slider(key="train.knob_dropout").set_value(0.3)
    again(app)
    app.button(key="train.apply").click()
    again(app)
    assert run_folder.request(run).dropout == 0.3
    assert run_folder.request(run).learning_rate == 0.0005


def test_a_run_that_diverged_says_so_and_can_go_on_with_a_smaller_rate(
    with_resting: dict[str, Path],
) -> None:
    app = open_page("train", run=with_resting["diverged"].name)
    assert "The loss became infinite or NaN" in said(app.error[0])
    advice = next(button for button in app.button if button.key.startswith("train.follow_"))
    assert "Learning rate" in advice.label
    advice.click()
    again(app)
    assert app.select_slider(key="train.knob_learning_rate").value < 10


def test_a_run_that_diverged_resumes_with_the_values_on_the_sliders(diverged: Path, trainer: Trainer) -> None:
    app = open_page("train", run=diverged.name)
    assert app.select_slider(key="train.steer_learning_rate").value == 1  # a tenth of what it diverged with
    app.select_slider(key="train.steer_learning_rate").set_value(0.001)
    app.button(key="train.set").click()
    again(app)
    assert wait_for_end(diverged).state == "finished"
    assert records.metrics(diverged)[-1]["learning_rate"] == pytest.approx(0.001)


def test_a_run_that_ended_early_says_why_and_whose_weights_it_has(with_resting: dict[str, Path]) -> None:
    run = with_resting["early"]
    status = run_folder.status(run)
    assert status.stopped_early
    app = open_page("train", run=run.name)
    assert f"ended the run after epoch {status.epoch}" in said(app.success[0])
    assert f"the weights of epoch {status.best_epoch}" in said(app.success[0])


@pytest.mark.parametrize(
    ("view", "key", "series"),
    [
        ("curves", "curve_accuracy", 3),
        ("pace", "pace_seconds", 1),
        ("pace", "pace_learning_rate", 1),
        ("digits", "by_digit", 1),
        ("layers", "spread_dense_1_weights", 2),
        ("layers", "spread_output_gradients", 2),
    ],
)
def test_every_view_of_a_run_shows_its_numbers(
    view: str, key: str, series: int, mlp_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MNIST_LAB_RUNS", str(mlp_run.parent))
    app = open_page("train", run=mlp_run.name)
    app.button_group(key="train.view").set_value(view)
    again(app)
    assert len(json.loads(app.get_by_key(f"train.{key}").proto.spec)["data"]) == series


def loss_chart(app: AppTest) -> dict[str, Any]:
    return figure(app, "train.curve_loss")


def test_smoothing_and_the_kind_of_axis_are_in_the_address_and_stay_in_the_session(with_run: Path) -> None:
    app = open_page("train", run=with_run.name)
    measured = loss_chart(app)
    assert measured["layout"]["yaxis"]["type"] == "linear"
    app.slider(key="train.smoothing").set_value(0.6)
    app.toggle(key="train.log_loss").set_value(True)
    again(app)
    assert app.query_params["smoothing"] == "0.6"
    assert app.query_params["log_loss"] == "True"
    by_link = open_page("train", run=with_run.name, smoothing="0.6", log_loss="True")
    app.button_group(key="train.view").set_value("pace")
    again(app)
    app.button_group(key="train.view").set_value("curves")
    again(app)
    for page in (app, by_link):
        assert page.slider(key="train.smoothing").value == 0.6
        assert page.toggle(key="train.log_loss").value is True
        smooth = loss_chart(page)
        assert smooth["layout"]["yaxis"]["type"] == "log"
        assert figure(page, "train.curve_accuracy")["layout"]["yaxis"]["type"] == "linear"
        training = decoded(measured["data"][1]["y"])
        np.testing.assert_allclose(decoded(smooth["data"][1]["y"]), smoothed(training, 0.6))
        np.testing.assert_array_equal(decoded(smooth["data"][4]["y"]), training)  # faintly behind it
    app.slider(key="train.smoothing").set_value(0.0)
    app.toggle(key="train.log_loss").set_value(False)
    again(app)
    assert not {"smoothing", "log_loss"} & set(app.query_params)
    assert loss_chart(app) == measured


def zoomed(app: AppTest, run: Path, **axes: object) -> None:
    """Run the page as after a zoom, in the words of a browser."""
    states = app._tree.get_widget_states()
    name = app.get_by_key(f"train.zoom_{run.name}").proto.id
    states.widgets.append(WidgetState(id=name, json_value=json.dumps(axes)))
    app._run(states)
    assert not app.exception, why(app)


def test_the_next_chart_has_the_zoom_of_the_last(with_run: Path) -> None:
    app = open_page("train", run=with_run.name)
    whole = loss_chart(app)["layout"]
    zoomed(
        app, with_run,
        loss_x={"range": [1, 2.5], "type": "linear"}, loss_y={"range": [0.25, 0.5], "type": "linear"},
    )  # fmt: skip
    part = loss_chart(app)["layout"]
    assert (part["xaxis"]["range"], part["yaxis"]["range"]) == ([1, 2.5], [0.25, 0.5])
    assert "range" not in figure(app, "train.curve_accuracy")["layout"]["yaxis"]
    app.toggle(key="train.log_loss").set_value(True)
    again(app)
    part = loss_chart(app)["layout"]
    assert part["xaxis"]["range"] == [1, 2.5]
    assert "range" not in part["yaxis"]  # 0.25 would be a power of ten
    app.toggle(key="train.log_loss").set_value(False)
    again(app)
    zoomed(app, with_run, loss_x=None, loss_y=None)
    assert loss_chart(app)["layout"] == whole


def test_a_zoom_that_no_browser_sends_is_ignored(with_run: Path) -> None:
    app = open_page("train", run=with_run.name)
    whole = loss_chart(app)["layout"]
    for zoom in (
        {"range": [1], "type": "linear"}, {"range": ["a", "b"], "type": "linear"}, {"range": [1, 2]},
        {"range": [1, float("nan")], "type": "linear"}, {"range": [1, 2], "type": "date"}, 7,
    ):  # fmt: skip
        zoomed(app, with_run, loss_x=zoom)
        assert loss_chart(app)["layout"] == whole, zoom


@pytest.mark.parametrize("smoothing", ["1", "-0.1", "nan", "much"])
def test_a_link_with_an_impossible_smoothing_shows_the_curves_as_measured(
    smoothing: str, with_run: Path
) -> None:
    app = open_page("train", run=with_run.name, smoothing=smoothing, log_loss="perhaps")
    assert app.slider(key="train.smoothing").value == 0
    assert app.toggle(key="train.log_loss").value is False


def test_what_is_chosen_for_the_curves_stays_while_a_run_trains_and_when_it_ends(
    runs_folder: Path, trainer: Trainer
) -> None:
    run = run_queue.submit(LONG, Settings())
    try:
        app = open_page("train", run=run.name)
        app.slider(key="train.smoothing").set_value(0.8)
        app.toggle(key="train.log_loss").set_value(True)
        again(app)
        before = loss_chart(app)["layout"]
        wait_until(lambda: len(records.metrics(run)) >= 2, "it trained two epochs")
    finally:
        run_queue.stop(run)
        wait_for_end(run)
    again(app)
    assert app.slider(key="train.smoothing").value == 0.8
    assert app.toggle(key="train.log_loss").value is True
    after = loss_chart(app)
    assert len(decoded(after["data"][1]["x"])) >= 2
    assert after["layout"]["height"] == before["height"]


def test_the_line_within_the_epochs_ends_where_the_run_is(with_run: Path) -> None:
    """Its last mean is that of the rows of the run, worked out from the two last."""
    chart = loss_chart(open_page("train", run=with_run.name))
    within, training = chart["data"][:2]
    stretches = Stretches.of(
        "loss", records.batches(with_run), records.metrics(with_run),
        warm_start.training_images(with_run), records.config(with_run).batch_size,
    )  # fmt: skip
    assert stretches.steps == run_folder.status(with_run).steps
    assert within["name"] == f"training, mean of the last {stretches.window} steps"
    np.testing.assert_allclose(decoded(within["y"]), stretches.moving_mean())
    assert decoded(within["x"])[-1] == decoded(training["x"])[-1] == len(records.metrics(with_run))


def test_earlier_runs_are_in_the_charts_by_name(with_run: Path) -> None:
    def page() -> None:
        from core.runs import records, run_folder
        from core.ui import settings
        from core.ui.train import views

        run = run_folder.every(settings().runs)[0]
        epochs = records.metrics(run)
        views.curves(
            run, run_folder.status(run), records.config(run), epochs, [("slow", epochs), ("fast", epochs[:1])]
        )

    app = AppTest.from_function(page).run()
    assert not app.exception, why(app)
    for metric in ("loss", "accuracy"):
        names = [trace["name"] for trace in figure(app, f"train.curve_{metric}")["data"]]
        assert names[1:] == ["training", "validation", "previous run: slow", "fast"]
    assert "earlier runs" in texts(app)


def test_the_heat_map_by_digit_shows_the_validation_accuracies(
    mlp_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MNIST_LAB_RUNS", str(mlp_run.parent))
    app = open_page("train", run=mlp_run.name)
    app.button_group(key="train.view").set_value("digits")
    again(app)
    shown = decoded(json.loads(app.get_by_key("train.by_digit").proto.spec)["data"][0]["z"])
    expected = np.array([row["val_class_accuracy"] for row in records.metrics(mlp_run)]).T
    np.testing.assert_allclose(shown, expected)


def test_a_run_whose_worker_is_gone_is_interrupted_and_says_what_is_kept(runs_folder: Path) -> None:
    run = run_folder.create(runs_folder, LONG)
    status = run_folder.status(run)
    run_folder.write_status(run, status.model_copy(update={"state": "running", "pid": 1, "epoch": 1}))
    app = open_page("train", run=run.name)
    assert "It was killed, or the machine was switched off" in said(app.warning[0])
    assert "it will start again from the beginning" in texts(app)
    assert {"train.resume", "train.stop"} <= keys(app)


def links(app: AppTest) -> dict[str, str]:
    """Where the links of a page lead, by what they are called."""
    return {link.proto.label: link.proto.query_string for link in app.get("page_link")}


def test_a_data_set_that_was_cut_off_cannot_be_trained_on(
    runs_folder: Path, no_mnist: Path, mnist_npz: Path
) -> None:
    cut_off = datasets.path("mnist")
    cut_off.parent.mkdir(parents=True)
    cut_off.write_bytes(mnist_npz.read_bytes()[:5_000_000])
    app = open_page("train")
    app.button_group(key="train.knob_dataset").set_value("mnist")
    again(app)
    assert f"{cut_off} does not hold mnist: the file is incomplete" in said(app.error[0])
    assert app.button(key="train.start").disabled
    assert links(app)["Download it on the Data page"] == "dataset_shown=mnist"
    app = open_page("data", dataset_shown="mnist")
    assert "Download it again" in said(app.error[0])
    assert not app.info
    assert app.button(key="data.fetch")


@pytest.mark.parametrize("state", ["paused", "interrupted", "failed"])
def test_a_run_without_its_data_leads_to_it_and_can_go_on_when_it_is_there(
    state: run_folder.State, runs_folder: Path, no_mnist: Path, mnist_npz: Path
) -> None:
    run = run_folder.create(runs_folder, LONG.but(dataset="mnist"))
    with pytest.raises(datasets.DatasetMissing) as missing:
        datasets.check("mnist")
    failure = missing.value.failure if state == "failed" else None
    run_folder.write_status(run, Status(state=state, pid=1, failure=failure, epoch=1))
    app = open_page("train", run=run.name)
    assert [said(message) for message in (*app.error, *app.warning)].count(str(missing.value)) == 1
    assert links(app)["Download it on the Data page"] == "dataset_shown=mnist"
    assert "train.resume" not in keys(app)
    datasets.path("mnist").parent.mkdir(parents=True)
    datasets.path("mnist").symlink_to(mnist_npz)
    app = open_page("train", run=run.name)
    assert "Download it on the Data page" not in links(app)
    assert "train.resume" in keys(app)


def test_a_run_that_nothing_can_mend_is_not_resumed(runs_folder: Path) -> None:
    run = run_folder.create(runs_folder, LONG)
    run_folder.write_status(
        run, Status(state="failed", failure=Failure.of("checkpoint_damaged"), can_resume=False)
    )
    app = open_page("train", run=run.name)
    assert "train.resume" not in keys(app)
    assert "The run will resume after" not in texts(app)
    assert "it will start again from the beginning" not in texts(app)


def test_a_run_in_line_says_its_place_and_how_long(
    runs_folder: Path, monkeypatch: pytest.MonkeyPatch, trainer: Trainer
) -> None:
    monkeypatch.setenv("MNIST_LAB_SLOTS", "1")
    first = run_queue.submit(LONG, Settings(slots=1))
    try:
        wait_until(lambda: run_folder.status(first).state == "running", "the first ran")
        second, third = (run_folder.create(runs_folder, RunConfig()) for _ in range(2))
        run_folder.write_status(
            third, run_folder.status(second).model_copy(update={"queued": time.time() + 1})
        )
        with run_folder.worker_lock(second), run_folder.worker_lock(third):  # their workers wait
            for run, words in ((second, "Next in the queue"), (third, "Number 2 in the queue")):
                app = open_page("train", run=run.name)
                (bar,) = app.get("progress")
                assert words in bar.proto.text
                assert "starts in about" in bar.proto.text
                assert {"train.pause", "train.stop"} <= keys(app)
    finally:
        run_queue.stop(first)
        wait_for_end(first)


def test_pause_resume_stop_and_train_on_are_buttons(runs_folder: Path, trainer: Trainer) -> None:
    run = run_queue.submit(LONG, Settings())
    wait_until(lambda: run_folder.status(run).phase == "training", "it trained")
    app = open_page("train", run=run.name)
    app.button(key="train.pause").click()
    app.run()
    wait_until(lambda: run_folder.status(run).state == "paused", "it paused")
    app = open_page("train", run=run.name)
    app.button(key="train.resume").click()
    app.run()
    assert run_folder.status(run).state in ("queued", "running")
    wait_until(lambda: run_folder.status(run).phase == "training", "it went on")
    app = open_page("train", run=run.name)
    app.button(key="train.stop").click()
    app.run()
    assert wait_for_end(run).state == "stopped"


@pytest.fixture
def finished(mlp_run: Path, runs_folder: Path) -> Path:
    """A finished run of three epochs that may be changed."""
    return Path(shutil.copytree(mlp_run, runs_folder / mlp_run.name))


def test_a_finished_run_trains_on(finished: Path, trainer: Trainer) -> None:
    app = open_page("train", run=finished.name)
    app.number_input(key="train.more_epochs").set_value(2)
    app.button(key="train.train_on").click()
    app.run()
    assert wait_for_end(finished).state == "finished"
    assert [row["epoch"] for row in records.metrics(finished)] == [1, 2, 3, 4, 5]
    assert "5 epochs" in texts(open_page("train", run=finished.name))


def test_more_epochs_than_are_allowed_are_refused_in_a_sentence(
    finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MNIST_LAB_MAX_EPOCHS", "7")
    app = open_page("train", run=finished.name)
    app.number_input(key="train.more_epochs").set_value(5)
    app.button(key="train.train_on").click()
    again(app)
    assert "The run has 8 epochs; at most 7 are allowed here" in said(app.error[0])
    assert run_folder.status(finished).state == "finished"
