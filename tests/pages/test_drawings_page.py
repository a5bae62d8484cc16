"""The Drawings page: the kept drawings are browsed, corrected, taken along, tested on and taught."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.data.datasets import Dataset
from core.drawing import collection, interchange
from core.drawing.collection import Drawing
from core.network import predict
from core.runs import run_folder, warm_start
from tests.conftest import Trainer, wait_for_end
from tests.support import pages
from tests.support.pages import again, metrics, open_page, press, said, texts


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "drawings.sqlite"
    monkeypatch.setenv("MNIST_LAB_DRAWINGS", str(path))
    return path


@pytest.fixture
def kept(file: Path, mnist_5k: Dataset, runs_folder: Path, no_mnist: Path) -> list[Drawing]:
    """Twenty drawings by two people; five were read wrong."""
    drawings = [
        Drawing(
            label=int(label), image=image, writer="Ada" if place % 2 else "Émile", run="starter",
            answer=int(label) if place % 4 else (int(label) + 1) % 10, confidence=0.9, time=1e9 + place,
        )
        for place, (image, label) in enumerate(
            zip(mnist_5k.x_test[:20], mnist_5k.y_test[:20], strict=True)
        )
    ]  # fmt: skip
    collection.add(file, drawings, 100)
    return collection.every(file)


def tiles(app: AppTest) -> list[int]:
    return [int(tile["key"].removeprefix("drawing_")) for tile in pages.tiles(app, "drawings.drawing_tiles")]


def test_before_anything_was_kept_it_leads_to_the_draw_page(file: Path, runs_folder: Path) -> None:
    app = open_page("drawings")
    assert "No drawing has been saved yet" in said(app.info[0])


def test_the_filters_show_exactly_those_drawings(kept: list[Drawing]) -> None:
    app = open_page("drawings")
    assert tiles(app) == [drawing.id for drawing in kept]
    app.selectbox(key="drawings.drawn_by").set_value("Ada")
    app.toggle(key="drawings.read_wrong").set_value(False)
    again(app)
    assert tiles(app) == [drawing.id for drawing in kept if drawing.writer == "Ada"]
    app.selectbox(key="drawings.drawn_by").set_value("Émile")
    app.toggle(key="drawings.read_wrong").set_value(True)
    again(app)
    wrong = [drawing.id for drawing in kept if drawing.writer == "Émile" and drawing.answer != drawing.label]
    assert tiles(app) == wrong
    app.selectbox(key="drawings.what_it_is").set_value((kept[0].label + 1) % 10)
    again(app)


def test_a_drawing_is_corrected(kept: list[Drawing], file: Path) -> None:
    app = open_page("drawings")
    chosen = kept[3]
    press(app, "drawings.drawing_tiles", f"drawing_{chosen.id}")
    right = (chosen.label + 3) % 10
    app.selectbox(key=f"drawings.label_{chosen.id}").set_value(right)
    app.button(key="drawings.relabel").click()
    again(app)
    assert {drawing.id: drawing.label for drawing in collection.every(file)}[chosen.id] == right


def test_a_deleted_drawing_can_be_had_back(kept: list[Drawing], file: Path) -> None:
    app = open_page("drawings")
    chosen = kept[5]
    press(app, "drawings.drawing_tiles", f"drawing_{chosen.id}")
    app.button(key="drawings.delete").click()
    again(app)
    assert len(collection.every(file)) == len(kept) - 1
    assert "1 drawing was deleted" in texts(app)
    app.button(key="drawings.undo").click()
    again(app)
    back = collection.every(file)
    assert len(back) == len(kept)
    assert any((drawing.image == chosen.image).all() and drawing.time == chosen.time for drawing in back)


def test_what_was_downloaded_can_be_brought_back(kept: list[Drawing], file: Path, tmp_path: Path) -> None:
    data = interchange.pack(kept)
    file.unlink()
    app = open_page("drawings")
    app.file_uploader(key="drawings.upload").set_value(("drawings.json.gz", data, "application/gzip"))
    again(app)
    app.button(key="drawings.bring").click()
    again(app)
    back = collection.every(file)
    assert [(each.label, each.writer) for each in back] == [(each.label, each.writer) for each in kept]


def test_a_file_that_holds_no_drawings_is_refused_in_a_sentence(file: Path, runs_folder: Path) -> None:
    app = open_page("drawings")
    app.file_uploader(key="drawings.upload").set_value(("drawings.json.gz", b"nothing", "application/gzip"))
    again(app)
    app.button(key="drawings.bring").click()
    again(app)
    assert len(said(app.error[0])) > 30
    assert not collection.every(file)


def test_a_damaged_store_is_said_and_nothing_else_happens(file: Path, runs_folder: Path) -> None:
    file.write_bytes(b"not a database" * 100)
    app = open_page("drawings")
    assert str(file) in said(app.error[0])


def test_every_run_is_tested_on_the_drawings(
    kept: list[Drawing], trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MNIST_LAB_RUNS", str(trained))
    app = open_page("drawings")
    table = app.dataframe[0].value
    images, labels = collection.arrays(kept)
    for row, run in zip(table.itertuples(), run_folder.trained(trained), strict=True):
        right = (predict.load(run).probabilities(images).argmax(axis=1) == labels).mean()
        assert row.ours == pytest.approx(right)
        assert row.test == run_folder.status(run).test_accuracy
    # And the Evaluate page says the same beside the test accuracy.
    shown = metrics(open_page("evaluate", run=run_folder.every(trained)[0].name))
    assert shown["Saved drawings"] == f"{table['ours'][0]:.0%}"


def test_the_starter_is_taught_and_the_page_says_what_came_of_it(
    kept: list[Drawing], runs_folder: Path, trainer: Trainer
) -> None:
    app = open_page("drawings")
    assert "No run has been fine-tuned yet" in texts(app)
    assert app.selectbox(key="drawings.taught_run").value == "starter"
    app.selectbox(key="drawings.teacher").set_value("Ada")
    app.button(key="drawings.teach").click()
    again(app)
    (run,) = run_folder.every(runs_folder)
    assert wait_for_end(run).state == "finished", (run / "log.txt").read_text()
    lesson = warm_start.read(run)
    assert lesson is not None
    assert len(lesson.images) == 10
    app = open_page("drawings")
    shown = metrics(app)
    images, labels = collection.arrays([drawing for drawing in kept if drawing.writer == "Ada"])
    right = int((predict.load(run).probabilities(images).argmax(axis=1) == labels).sum())
    assert shown["Drawings used for training"] == f"{right} / 10"
    assert shown["Other drawings"].endswith("/ 10")
    assert "test digits were read right before and are read wrong now" in texts(app)


@pytest.mark.parametrize("number", [0, 4])
def test_there_must_be_something_to_teach(
    number: int, file: Path, mnist_5k: Dataset, runs_folder: Path
) -> None:
    some = [Drawing(int(label), image) for image, label in
            zip(mnist_5k.x_test[:number], mnist_5k.y_test[:number], strict=True)]  # fmt: skip
    collection.add(file, some, 100)
    app = open_page("drawings")
    assert all(button.disabled for button in app.button if button.key == "drawings.teach")


def test_a_name_is_shown_as_it_was_written(file: Path, runs_folder: Path) -> None:
    collection.add(file, [Drawing(3, np.full((28, 28), 9, np.uint8), writer="*[x](http://a.b)*")], 9)
    app = open_page("drawings")
    press(app, "drawings.drawing_tiles", f"drawing_{collection.every(file)[0].id}")
    assert "(http://a.b)" not in "".join(str(element.value) for element in app.markdown)
    assert any("drawn by *[x]" in said(element) for element in app.markdown)


def test_a_link_opens_the_drawings_that_somebody_saw(
    kept: list[Drawing], file: Path, runs_folder: Path
) -> None:
    some = next(drawing for drawing in collection.every(file) if drawing.writer == "Ada")
    app = open_page("drawings", drawn_by="Ada", what_it_is=str(some.label), opened_drawing=str(some.id))
    assert app.selectbox(key="drawings.drawn_by").value == "Ada"
    assert app.selectbox(key="drawings.what_it_is").value == some.label
    assert app.button(key="drawings.relabel")
    app.selectbox(key="drawings.drawn_by").set_value("")
    again(app)
    assert "drawn_by" not in app.query_params
    assert app.query_params["opened_drawing"] == str(some.id)
    app = open_page("drawings", drawn_by="nobody", what_it_is="x", opened_drawing="-1", drawings_page="1e9")
    assert app.selectbox(key="drawings.drawn_by").value == ""
    assert not app.error
