"""The Draw page: a photo is shown to it, read, taken apart, explained and kept."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from streamlit.testing.v1 import AppTest

from core.drawing import collection, preprocess, strokes
from core.evaluation import explain, numbers, recognition
from core.network import architectures as arch
from core.runs import records, run_folder
from core.ui import charting
from core.ui.draw import inputs
from core.ui.draw.photo import boxed
from tests.support.pages import again, decoded, figure, open_page, said, texts, tiles
from tests.support.photos import drawn, on_paper, shadow

SEVEN = [[[0.0, 0.0], [0.6, 0.0], [0.2, 1.0]]]
SCRIBBLE = [[[x / 20, (x * 7 % 5) / 5] for x in range(20)], [[0.0, 1.0], [1.0, 0.1], [0.1, 0.2]]]


def png(canvas: NDArray[np.uint8]) -> bytes:
    packed = io.BytesIO()
    Image.fromarray(canvas).save(packed, "PNG")
    return packed.getvalue()


def photo(ink: NDArray[np.uint8]) -> bytes:
    """Black ink on white paper, as a PNG file."""
    grey = 255 - np.pad(ink[..., 0], 60)
    return png(np.dstack([grey, grey, grey, np.full_like(grey, 255)]))


def show(app: AppTest, data: bytes) -> AppTest:
    app.button_group(key="draw.source").set_value("photo")
    again(app)
    app.file_uploader(key="draw.photo").set_value(("digit.png", data, "image/png"))
    return again(app)


@pytest.fixture
def app(runs_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_mnist: Path) -> AppTest:
    """The Draw page before anything was trained."""
    monkeypatch.setenv("MNIST_LAB_DRAWINGS", str(tmp_path / "drawings.sqlite"))
    return open_page("draw")


@pytest.fixture
def seven(app: AppTest) -> AppTest:
    """A seven has been read by the starter model."""
    return show(app, photo(strokes.rgba(SEVEN)))


def taken(app: AppTest, key: str) -> list[list[Any]]:
    """The numbers of a chart as somebody takes them at the foot of the page."""
    app.selectbox(key="app.chart").set_value(key)
    again(app)
    assert app.get_by_key("app.take_chart")
    head, *rows = csv.reader(io.StringIO(charting._as_csv(app.session_state["app.charts"], key)))
    return [list(head), *([float(cell) for cell in row] for row in rows)]


def bars(app: AppTest, key: str) -> dict[str, Any]:
    """What the bars of ten probabilities show."""
    content: dict[str, Any] = json.loads(app.get_by_key(key).proto.json)
    return content


def view(app: AppTest, name: str) -> AppTest:
    app.button_group(key="draw.insight").set_value(name)
    return again(app)


def test_the_starter_reads_before_anything_was_trained(seven: AppTest) -> None:
    assert "I read: 7" in texts(seven)
    (words,) = [caption for caption in seven.caption if "how confident the network is" in caption.value]
    assert "calibrated on" in words.help
    assert "emperature" not in texts(seven)
    shown = bars(seven, "draw.bars")
    assert np.argmax(shown["values"]) == 7
    assert sum(shown["values"]) == pytest.approx(1, abs=1e-4)
    assert shown["words"] == [f"{value:.1%}" for value in shown["values"]]


def test_a_scribble_does_not_look_like_a_digit(app: AppTest) -> None:
    show(app, photo(strokes.rgba(SCRIBBLE, pen=0.08)))
    assert "This does not look like a digit" in texts(app)


def test_several_digits_are_read_as_a_number(app: AppTest) -> None:
    digit_one = [[[0.3, 0.0], [0.25, 1.0]]]
    show(app, photo(np.concatenate([strokes.rgba(SEVEN), strokes.rgba(digit_one)], axis=1)))
    assert "I read: 71" in texts(app)
    app.button_group(key="draw.digit_of_2").set_value(1)
    again(app)
    assert "This digit is a 1" in texts(app)


def test_a_photo_says_what_it_was_taken_for_and_can_be_corrected(app: AppTest) -> None:
    show(app, png(on_paper(drawn(7), light=shadow(0.3, 0.4), noise=2)))
    assert "I read: 7" in texts(app)
    assert "Taken for a photo, dark ink on light paper." in texts(app)
    # A 7 that lies on its side is no 7; turned, it is one.
    lying = np.ascontiguousarray(np.rot90(on_paper(drawn(7), noise=2)))
    show(app, png(lying))
    app.button_group(key="draw.photo_turn").set_value(1)
    assert "I read: 7" in texts(again(app))
    # Another picture begins without the turn of the one before.
    show(app, png(on_paper(drawn(4), noise=2)))
    assert "I read: 4" in texts(app)


def test_a_person_says_that_a_photo_is_one_digit_which_ink_it_has_and_where(app: AppTest) -> None:
    both = np.concatenate([on_paper(drawn(3, side=0.5)), on_paper(drawn(7, side=0.5))], axis=1)
    assert "I read: 37" in texts(show(app, png(both)))
    app.slider(key="draw.photo_across").set_value((50, 100))
    assert "I read: 7" in texts(again(app))
    app.slider(key="draw.photo_across").set_value((0, 100))
    app.button_group(key="draw.photo_digits").set_value("one")
    assert "I read: 37" not in texts(again(app))
    app.button_group(key="draw.photo_ink").set_value("light")
    assert "light ink" in texts(again(app)) or "No digit" in texts(app)


def test_each_digit_of_a_photo_has_its_box() -> None:
    picture = on_paper(np.concatenate([drawn(3, side=0.5), drawn(7, side=0.5)], axis=1))
    digits = numbers.read_picture(recognition.load(run_folder.STARTER), picture).digits
    seen = boxed(picture, digits)
    times = seen.shape[0] // picture.shape[0]
    red = (seen[..., :3] == (214, 39, 40)).all(axis=2)
    for digit in digits:
        left, top, right, bottom = (side * times for side in digit.segment.box)
        assert red[top : bottom + 1, [left, right]].all()
        assert red[[top, bottom], left : right + 1].all()


@pytest.mark.parametrize(
    ("address", "secure"),
    [
        ("https://class.example/draw", True),
        ("http://class.example/draw", False),
        ("http://192.0.2.7:8501/draw", False),
        ("http://localhost:8501/draw", True),
        ("http://lab.localhost/draw", True),
        ("http://127.0.0.1:8501/draw", True),
        ("http://[::1]:8501/draw", True),
        ("http://localhost.example/draw", False),
        (None, True),
    ],
)
def test_a_camera_is_offered_where_a_browser_would_allow_it(address: str | None, secure: bool) -> None:
    assert inputs.is_secure(address) is secure


@pytest.mark.parametrize(
    ("data", "words"), [(b"no picture", "image"), (png(np.full((90, 90, 4), 255, np.uint8)), "")]
)
def test_what_cannot_be_read_leaves_the_page_usable(app: AppTest, data: bytes, words: str) -> None:
    show(app, data)
    said_so = [*map(said, app.error), *map(said, app.info)]
    assert said_so
    assert words in said_so[0].lower()
    assert "I read: 7" in texts(show(app, photo(strokes.rgba(SEVEN))))


def test_a_photo_in_which_there_is_nothing_is_said_to_hold_nothing(app: AppTest) -> None:
    show(app, png(np.full((90, 90, 4), 255, np.uint8)))
    assert "No digit was found in this picture" in said(app.info[0])


@pytest.mark.parametrize("data", [b"no picture", png(np.full((2, 20_000, 4), 255, np.uint8))])
def test_of_a_photo_the_error_names_no_button_that_is_not_there(app: AppTest, data: bytes) -> None:
    show(app, data)
    (message,) = map(said, app.error)
    assert "photo" in message or "picture" in message
    assert "Clear" not in message
    assert not [button for button in app.button if button.label == "Clear"]


# ------------------------------------------------------------------------------------ what it sees


def test_a_step_that_is_turned_off_says_what_would_have_been_read(seven: AppTest) -> None:
    assert {toggle.key for toggle in seven.toggle} == {f"draw.step_{name}" for name in preprocess.STEPS}
    for name in ("crop", "fit", "centre"):
        seven.toggle(key=f"draw.step_{name}").set_value(False)
    again(seven)
    (message,) = [*seven.warning, *seven.info]
    assert "Without Cropped, 20×20, Centred, the prediction is" in said(message).replace("*", "")
    assert "the whole canvas is used" in texts(seven).lower()


# ----------------------------------------------------------------------------- through the network


def test_every_layer_of_the_network_is_shown_with_its_arithmetic(seven: AppTest) -> None:
    view(seven, "network")
    rows = arch.trace(arch.layers(records.config(run_folder.STARTER)))
    network = [row for row in rows if row.layer.kind not in ("Reshape", "Flatten", "Dropout")]
    assert [option.split(" · ")[0] for option in seven.button_group(key="draw.layer").options] == [
        row.layer.name for row in network
    ]
    for row in network:
        seven.button_group(key="draw.layer").set_value(row.layer.name)
        again(seven)
        heat = figure(seven, "draw.maps" if len(row.output) == 3 else "draw.units")["data"][0]
        shown = decoded(heat["z"]).astype(float)
        assert np.isfinite(shown).sum() == np.prod(row.output)
        head, *rows = taken(seven, "maps" if len(row.output) == 3 else "units")
        assert head == (["row", "column", "channel"] if len(row.output) == 3 else ["unit"]) + ["number"]
        numbers = sorted(line[-1] for line in rows)
        np.testing.assert_allclose(numbers, sorted(shown[np.isfinite(shown)]), rtol=1e-6)
        assert "How this number is computed" in [heading.value for heading in seven.subheader]


def test_any_number_of_a_layer_can_be_typed_instead_of_clicked(seven: AppTest) -> None:
    view(seven, "network")
    before = texts(seven)
    for key, number in (("maps_0", 3), ("map_0", 14), ("map_1", 13)):
        seven.number_input(key=f"draw.place_{key}").set_value(number)
    again(seven)
    assert "Channel 3. Click a pixel" in texts(seven)
    assert [line for line in texts(seven).splitlines() if "All products" in line] != [
        line for line in before.splitlines() if "All products" in line
    ]
    seven.number_input(key="draw.place_maps_0").set_value(10_000)
    again(seven)
    assert "Channel (0 to" in said(seven.error[0])
    seven.button_group(key="draw.layer").set_value("output")
    again(seven)
    assert seven.number_input(key="draw.place_units_0").value == 7
    seven.number_input(key="draw.place_units_0").set_value(2)
    again(seven)
    number = decoded(figure(seven, "draw.units")["data"][0]["z"]).ravel()[2]
    assert f"is **{number:.4f}**" in texts(seven)


def test_the_units_are_those_that_onnx_computes(seven: AppTest) -> None:
    view(seven, "network")
    seven.button_group(key="draw.layer").set_value("output")
    again(seven)
    shown = decoded(figure(seven, "draw.units")["data"][0]["z"]).ravel()
    assert shown.argmax() == 7
    assert shown.sum() == pytest.approx(1, abs=1e-4)


# ------------------------------------------------------------------------------------------- why


def test_any_digit_can_be_asked_about(seven: AppTest) -> None:
    view(seven, "why")
    assert "is for the 7" in texts(seven)
    seven.button_group(key="app.why_7").set_value(9)
    again(seven)
    assert "is for the 9" in texts(seven)
    assert "would make the 9 more probable" in texts(seven)
    ink, paper = (decoded(figure(seven, key)["data"][1]["z"]) for key in ("app.for_ink", "app.for_paper"))
    assert {(row, column) for row, column, number in taken(seven, "for_ink")[1:] if number} == {
        *zip(*np.nonzero(np.nan_to_num(ink)), strict=True)
    }
    # A pixel is ink or paper, not both.
    assert not (np.isfinite(ink) & np.isfinite(paper)).any()
    assert np.isfinite(paper).sum() > explain.PATCH**2


def test_look_alikes_of_a_seven_are_sevens(seven: AppTest) -> None:
    view(seven, "alike")
    assert "of 12** are a 7" in texts(seven)
    assert sum(tile["caption"].startswith("7 ") for tile in tiles(seven, "app.alike_tiles")) >= 9


def test_two_runs_read_the_same_drawing(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MNIST_LAB_RUNS", str(trained))
    monkeypatch.setenv("MNIST_LAB_DRAWINGS", str(tmp_path / "drawings.sqlite"))
    run = run_folder.every(trained)[0]
    app = view(show(open_page("draw", run=run.name), photo(strokes.rgba(SEVEN))), "compare")
    assert [app.selectbox(key=f"draw.compare_{side}").value for side in ("left", "right")] == [
        run.name,
        "starter",
    ]
    left, right = (bars(app, f"draw.compared_{side}")["values"] for side in ("left", "right"))
    np.testing.assert_allclose(left, bars(app, "draw.bars")["values"])
    assert not np.allclose(left, right)


# ------------------------------------------------------------------------------------------ keeping


@pytest.mark.parametrize("label", [7, 1])
def test_a_drawing_is_kept_with_what_it_is_and_what_was_read(
    seven: AppTest, tmp_path: Path, label: int
) -> None:
    if label == 7:
        seven.button(key="draw.right").click()
    else:
        (wrong,) = [group for group in seven.button_group if group.key.startswith("draw.wrong_")]
        assert 7 not in wrong.options
        wrong.set_value(label)
    again(seven)
    assert "The drawing is saved" in texts(seven)
    (kept,) = collection.every(tmp_path / "drawings.sqlite")
    assert (kept.label, kept.answer, kept.run) == (label, 7, "starter")
    read = recognition.load(run_folder.STARTER).read(kept.image[None])[0]
    assert kept.confidence == pytest.approx(read.confidence)


def test_nothing_is_kept_where_nothing_may_be(
    seven: AppTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seven.button(key="draw.right").click()
    again(seven)
    monkeypatch.setenv("MNIST_LAB_MAX_DRAWINGS", "1")
    show(seven, photo(strokes.rgba(SEVEN, pen=0.2)))
    seven.button(key="draw.right").click()
    again(seven)
    assert "the most that are kept here" in said(seven.error[0])
    assert collection.count(tmp_path / "drawings.sqlite") == 1
