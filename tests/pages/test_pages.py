"""Every page, run by Streamlit without a browser."""

from __future__ import annotations

import json
import math
import os
import shutil
import subprocess
import sys
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from streamlit import config

from core.config import PRESETS, RunConfig
from core.data import datasets, specs
from core.drawing import interchange, pictures
from core.exports import run_archive
from core.runs import records, run_folder
from tests.conftest import Hired
from tests.support.pages import (
    APP,
    PAGES,
    again,
    decoded,
    metrics,
    open_page,
    press,
    said,
    texts,
    tiles,
)


@pytest.mark.parametrize("page", PAGES)
def test_every_page_opens_before_anything_is_trained(page: str, runs_folder: Path, no_mnist: Path) -> None:
    app = open_page(page)
    assert not app.error
    if page in ("evaluate", "draw"):
        # The starter model is there from the first second.
        assert app.selectbox(key="app.run_choice").value == "starter"


def test_no_page_imports_tensorflow(trained: Path) -> None:
    """In a fresh interpreter, because the tests themselves import it."""
    script = (
        "import sys\n"
        "from tests.support.pages import PAGES, open_page\n"
        "for page in PAGES: open_page(page)\n"
        "found = {'tensorflow', 'keras', 'tf_keras'} & set(sys.modules)\n"
        "assert not found, found\n"
    )
    subprocess.run(
        [sys.executable, "-c", script],
        check=True,
        cwd=Path(APP).parent,
        env=os.environ | {"MNIST_LAB_RUNS": str(trained)},
    )


class TestData:
    def test_a_class_and_a_split_can_be_chosen(self, no_mnist: Path) -> None:
        app = open_page("data")
        app.button_group(key="data.digits").set_value([7])
        app.button_group(key="data.split").set_value("test")
        again(app)
        assert {tile["caption"] for tile in tiles(app, "data.digit_tiles")} == {"7"}
        assert "100 test images" in texts(app)

    def test_another_seed_shows_the_digits_in_another_order(self, no_mnist: Path) -> None:
        app = open_page("data")
        first = tiles(app, "data.digit_tiles")
        app.number_input(key="data.seed").set_value(1)
        again(app)
        second = tiles(app, "data.digit_tiles")
        app.number_input(key="data.seed").set_value(0)
        again(app)
        assert first == tiles(app, "data.digit_tiles") != second

    def test_leafing_through_shows_every_digit_once(self, no_mnist: Path) -> None:
        app = open_page("data")
        app.button_group(key="data.digits").set_value([3])
        app.button_group(key="data.split").set_value("test")
        again(app)
        keys: list[str] = []
        for page in (1, 2, 3):
            app.number_input(key="data.page").set_value(page)
            again(app)
            keys += [tile["key"] for tile in tiles(app, "data.digit_tiles")]
        assert len(keys) == len(set(keys)) == 100

    def test_a_digit_is_shown_as_its_numbers(self, no_mnist: Path, mnist_5k: datasets.Dataset) -> None:
        app = open_page("data")
        tile = tiles(app, "data.digit_tiles")[0]
        index = int(tile["key"].rsplit("-", 1)[1])
        press(app, "data.digit_tiles", tile["key"])
        figure = json.loads(app.get_by_key("data.pixels").proto.spec)
        shown = decoded(figure["data"][0]["z"])
        np.testing.assert_array_equal(shown, mnist_5k.x_train[index])

    def test_mnist_that_is_missing_is_offered(self, no_mnist: Path) -> None:
        app = open_page("data")
        app.button_group(key="data.dataset").set_value("mnist")
        again(app)
        assert "not on this machine yet" in said(app.info[0])
        assert app.button(key="data.fetch").label == "Download full MNIST (11 MB)"

    def test_without_a_network_it_says_so_and_offers_a_file(
        self, no_mnist: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("MNIST_LAB_MNIST_URL", "http://127.0.0.1:9/mnist.npz")
        app = open_page("data")
        app.button_group(key="data.dataset").set_value("mnist")
        again(app)
        app.button(key="data.fetch").click()
        again(app)
        assert "127.0.0.1:9 cannot be reached" in said(app.error[0])
        assert "upload the file below" in said(app.error[0])
        assert app.file_uploader

    def test_a_wrong_file_is_refused_by_name_and_nothing_is_kept(self, no_mnist: Path) -> None:
        wrong = BytesIO()
        np.savez(wrong, x_train=np.zeros(3), y_train=np.zeros(3), x_test=np.zeros(3), y_test=np.zeros(3))
        app = open_page("data")
        app.button_group(key="data.dataset").set_value("mnist")
        again(app)
        app.file_uploader[0].upload("holiday.npz", wrong.getvalue())
        again(app)
        assert "holiday.npz" in said(app.error[0])
        assert not list(no_mnist.rglob("*.npz"))

    def test_the_right_file_is_taken(self, no_mnist: Path, mnist_npz: Path) -> None:
        app = open_page("data")
        app.button_group(key="data.dataset").set_value("mnist")
        again(app)
        app.file_uploader[0].upload("mnist.npz", mnist_npz.read_bytes())
        again(app)
        again(app)  # AppTest forgets a widget's value in the rerun that the page asks for itself
        assert not app.error
        assert (no_mnist / "datasets" / "mnist.npz").is_file()
        assert "60,000 training images" in texts(app)


def test_every_uploader_shows_the_limit_that_is_held_to(runs_folder: Path, no_mnist: Path) -> None:
    data = open_page("data")
    data.button_group(key="data.dataset").set_value("mnist")
    draw = open_page("draw")
    draw.button_group(key="draw.source").set_value("photo")
    shown = {
        uploader.key: uploader.proto.max_upload_size_mb
        for app in (again(data), again(draw), open_page("runs"), open_page("drawings"))
        for uploader in app.file_uploader
    }
    limits = {
        "data.mnist_file": specs.MNIST.most_bytes, "draw.photo": pictures.MOST_BYTES,
        "runs.bring_0": run_archive.MOST_PACKED, "drawings.upload": interchange.MOST_BYTES,
    }  # fmt: skip
    assert shown == {key: math.ceil(most / 1e6) for key, most in limits.items()}
    # What the server takes at all is as much as the largest of them.
    assert max(shown.values()) == config.get_option("server.maxUploadSize")


class TestTrain:
    def test_a_link_carries_settings_to_try(self, runs_folder: Path, no_mnist: Path) -> None:
        words = ["architecture=cnn", "conv_blocks=8:5:stride,16:3:none", "batch_size=100", "dropout=0.25"]
        app = open_page("train")
        app.query_params["set"] = words
        again(app)
        assert app.segmented_control(key="train.knob_architecture").value == "cnn"
        assert app.select_slider(key="train.knob_batch_size").value == 100
        assert (
            app.number_input(key="train.knob_filters_1").value,
            app.slider(key="train.knob_dropout").value,
        ) == (
            16,
            0.25,
        )
        # And the address follows the knobs.
        app.number_input(key="train.knob_epochs").set_value(7)
        again(app)
        assert set(app.query_params["set"]) == {*words, "epochs=7"}

    @pytest.mark.parametrize(
        "words", [["epochs=many"], ["spin=1"], ["dropout"], ["learning_rate=nan", "epochs=2"]]
    )
    def test_a_link_that_asks_for_nonsense_changes_nothing(
        self, runs_folder: Path, no_mnist: Path, words: list[str]
    ) -> None:
        app = open_page("train")
        app.query_params["set"] = words
        again(app)
        assert "The link contains a setting that is not valid" in said(app.error[0])
        assert app.number_input(key="train.knob_epochs").value == 5
        assert not again(app).error

    def test_the_tutorial_mlp_has_its_101770_parameters(self, runs_folder: Path, no_mnist: Path) -> None:
        shown = metrics(open_page("train"))
        assert shown["Parameters"] == "101,770"
        # 4,000 × 0.8 / 128
        assert shown["Steps per epoch"] == "25"
        assert shown["Validation images"] == "800"

    @pytest.mark.parametrize("preset", PRESETS)
    def test_a_preset_trains_with_its_own_settings(
        self, preset: str, runs_folder: Path, no_mnist: Path, hired: Hired
    ) -> None:
        app = open_page("train")
        app.selectbox(key="train.preset").set_value(preset)
        again(app)
        app.button(key="train.start").click()
        again(app)
        (run,) = run_folder.every(runs_folder)
        assert records.config(run) == PRESETS[preset]
        assert app.query_params["run"] == run.name
        assert hired.runs == [run]

    def test_the_knobs_change_the_network_before_it_is_trained(
        self, runs_folder: Path, no_mnist: Path
    ) -> None:
        app = open_page("train")
        app.slider(key="train.knob_hidden_layers").set_value(2)
        again(app)
        app.number_input(key="train.knob_units_0").set_value(32)
        app.number_input(key="train.knob_units_1").set_value(16)
        again(app)
        # 784 × 32 + 32, 32 × 16 + 16, 16 × 10 + 10
        assert metrics(app)["Parameters"] == f"{25_120 + 528 + 170:,}"
        table = app.dataframe[0].value
        assert list(table["layer"]) == ["flatten", "dense_1", "dense_2", "output"]
        assert list(table["parameters"]) == [0, 25_120, 528, 170]

    def test_a_network_that_cannot_be_says_why_and_cannot_be_trained(
        self, runs_folder: Path, no_mnist: Path
    ) -> None:
        app = open_page("train")
        app.selectbox(key="train.preset").set_value("tutorial-cnn")
        again(app)
        app.slider(key="train.knob_conv_layers").set_value(4)
        for block in range(4):
            if block < 3:
                app.selectbox(key=f"train.knob_pooling_{block}").set_value("max")
        again(app)
        assert "does not fit" in said(app.error[0])
        assert app.button(key="train.start").disabled

    def test_the_operators_limits_are_said_before_the_click(
        self, runs_folder: Path, no_mnist: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("MNIST_LAB_MAX_PARAMETERS", "50000")
        app = open_page("train")
        assert "101,770 parameters; at most 50,000" in said(app.error[0])
        assert app.button(key="train.start").disabled

    def test_a_data_set_that_is_missing_leads_to_the_data_page(
        self, runs_folder: Path, no_mnist: Path
    ) -> None:
        app = open_page("train")
        app.button_group(key="train.knob_dataset").set_value("mnist")
        again(app)
        assert "not on this machine yet" in said(app.error[0])
        assert app.button(key="train.start").disabled

    def test_the_knobs_are_kept_while_the_visitor_is_elsewhere(
        self, runs_folder: Path, no_mnist: Path
    ) -> None:
        app = open_page("train")
        app.number_input(key="train.knob_epochs").set_value(9)
        again(app)
        app.switch_page("pages/data.py")
        again(app)
        app.switch_page("pages/train.py")
        again(app)
        assert app.number_input(key="train.knob_epochs").value == 9

    def test_the_knobs_say_what_is_no_longer_the_presets(self, runs_folder: Path, no_mnist: Path) -> None:
        app = open_page("train")
        assert "Changed" not in texts(app)
        app.number_input(key="train.knob_epochs").set_value(9)
        again(app)
        assert "Changed: Epochs" in texts(app)

    def test_fewer_images_than_were_asked_for_are_all_of_them(
        self, runs_folder: Path, no_mnist: Path
    ) -> None:
        app = open_page("train")
        app.number_input(key="train.knob_training_images").set_value(50_000)
        again(app)
        assert metrics(app)["Steps per epoch"] == "25"

    def test_an_ended_run_is_still_there_after_a_look_at_another_page(self, with_run: Path) -> None:
        app = open_page("train", run=with_run.name)
        app.switch_page("pages/data.py")
        again(app)
        app.switch_page("pages/train.py")
        del app.query_params["run"]
        again(app)
        assert "The test accuracy is" in said(app.success[0])

    def test_a_finished_run_shows_its_result(self, with_run: Path) -> None:
        app = open_page("train", run=with_run.name)
        accuracy = run_folder.status(with_run).test_accuracy
        assert f"The test accuracy is {accuracy:.2%}." in said(app.success[0])
        last = records.metrics(with_run)[-1]
        assert metrics(app)["Validation accuracy"] == f"{last['val_accuracy']:.2%}"

    @pytest.mark.parametrize(
        ("written", "shown"),
        [
            ({"error": "The disk is full."}, "The disk is full."),  # as older runs have it
            ({"failure": {"code": "disk_full"}}, "The disk is full. Free some disk space, then resume."),
            (
                {"failure": {"code": "<b>*x*</b>"}},
                "The error code <b>*x*</b> is not known",
            ),
            ({}, "The cause is unknown."),
        ],
    )
    def test_a_failed_run_shows_why_and_its_log(
        self, runs_folder: Path, no_mnist: Path, written: dict[str, object], shown: str
    ) -> None:
        run = run_folder.create(runs_folder, RunConfig())
        run_folder.write_json(run / "status.json", {"state": "failed", **written})
        (run / "log.txt").write_text("No space left on device <script>alert(1)</script>")
        app = open_page("train", run=run.name)
        assert said(app.error[0]).startswith(shown)
        assert "No space left" in app.code[0].value

    @pytest.mark.parametrize("name", ["../../etc", "no-such-run", "/etc/passwd", "a" * 5000, "%00", ""])
    def test_a_hostile_run_in_the_url_gets_a_sentence(
        self, name: str, runs_folder: Path, no_mnist: Path
    ) -> None:
        app = open_page("train", run=name)
        if name:
            assert "There is no run" in said(app.warning[0])
        assert app.button(key="train.start")


@pytest.mark.parametrize("page", ["train", "evaluate", "draw"])
def test_a_link_cannot_put_markup_of_its_own_on_the_page(page: str, with_run: Path) -> None:
    name = "![x](http://a.example) www.a.example <b>b</b> `c` :red[d]"
    (message,) = open_page(page, run=name).warning
    assert name in said(message)
    for markup in ("http://", "www.", "x](", "<b>", " `", ":red["):
        assert markup not in message.value


class TestDraw:
    def test_an_empty_canvas_asks_for_a_digit(self, with_run: Path) -> None:
        app = open_page("draw")
        assert "Draw a digit from 0 to 9" in said(app.info[0])

    def test_a_run_whose_model_is_damaged_is_named(
        self, with_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        copy = tmp_path / "runs" / with_run.name
        shutil.copytree(with_run, copy)
        (copy / "model.onnx").write_bytes(b"not a model")
        monkeypatch.setenv("MNIST_LAB_RUNS", str(copy.parent))
        app = open_page("draw", run=with_run.name)
        assert f"model of run {with_run.name} is damaged" in said(app.error[0])
