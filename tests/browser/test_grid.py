"""The pixel grid: what Python makes of what the browser sends, and the grid itself in a browser."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from playwright.sync_api import Browser, Locator, Page, expect

from core.drawing import preprocess
from core.ui.draw.grid import PEN, SIDE, pixels, soften
from tests.conftest import wait_until
from tests.support.browser import draw, free_port, serving_script
from tests.support.hands import DESK, PHONE, Screen, before

drawings = arrays(bool, (SIDE, SIDE))
few = settings(max_examples=25)  # each is 784 pixels


def drawn(*places: tuple[int, int]) -> NDArray[np.bool_]:
    cells = np.zeros((SIDE, SIDE), bool)
    for place in places:
        cells[place] = True
    return cells


# ------------------------------------------------------------------------ what the browser sends


@few
@given(drawings)
def test_pixels_are_read_row_by_row(drawing: NDArray[np.bool_]) -> None:
    sent = "".join("1" if drawing[row, column] else "0" for row in range(SIDE) for column in range(SIDE))
    assert np.array_equal(pixels(sent), drawing)


@given(
    st.none()
    | st.integers()
    | st.binary()
    | st.text()
    | st.lists(st.booleans())
    | st.dictionaries(st.text(), st.text())
)
def test_anything_else_is_an_empty_grid(value: object) -> None:
    assert not pixels(value).any()


@pytest.mark.parametrize(
    "value", ["1" * 783, "1" * 785, "1" * 784 + "\n", "1" * 783 + "2", "١" * 784, b"1" * 784, ["1"] * 784]
)
def test_what_is_nearly_a_grid_is_an_empty_one(value: object) -> None:
    assert not pixels(value).any()


# ------------------------------------------------------------------------------------- the pen


@few
@given(drawings)
def test_what_is_inked_is_white_and_ink_stays_near_it(drawing: NDArray[np.bool_]) -> None:
    image = soften(drawing)
    assert (image.dtype, image.shape) == (np.uint8, (SIDE, SIDE))
    assert (image[drawing] == 255).all()
    around = np.lib.stride_tricks.sliding_window_view(np.pad(drawing, 1), (3, 3)).any(axis=(2, 3))
    assert np.array_equal(image > 0, around)


@few
@given(drawings, drawings)
def test_more_pixels_never_make_less_ink(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> None:
    assert (soften(first | second) >= soften(first)).all()


@few
@given(drawings)
def test_the_pen_is_the_same_in_every_direction(drawing: NDArray[np.bool_]) -> None:
    assert np.array_equal(soften(np.rot90(drawing)), np.rot90(soften(drawing)))
    assert np.array_equal(soften(drawing.T), soften(drawing).T)


def test_a_touch_leaves_as_much_ink_as_the_tip_is_large() -> None:
    touch = soften(drawn((9, 9))) / 255
    assert touch.sum() == pytest.approx(np.pi * (PEN / 2) ** 2, rel=0.01)
    assert 1 == touch[9, 9] > touch[9, 10] > touch[10, 10] > 0


def test_a_stroke_is_as_wide_as_the_pen_whichever_way_it_goes() -> None:
    upright = soften(drawn(*((row, 9) for row in range(SIDE)))) / 255
    assert upright[9].sum() == pytest.approx(PEN, rel=0.15)
    sloping = soften(drawn(*((row, row) for row in range(SIDE)))) / 255
    assert sloping[14].sum() / np.sqrt(2) == pytest.approx(PEN, rel=0.15)


def test_the_usual_preprocessing_takes_it() -> None:
    image = preprocess.image(soften(drawn((3, 3))).astype(np.float32))
    assert image.shape == (28, 28)
    assert image.max() == 255


# -------------------------------------------------------------------------------- in a browser

PAGE = """
import numpy as np
import streamlit as st
from core.ui.draw.grid import pixel_grid
from core.ui.state import Key

state = st.session_state
state["runs"] = state.get("runs", 0) + 1
state.setdefault("number", 0)
state.setdefault("left", False)
place = st.container(border=True) if state["left"] else st.empty()
with place:
    image = pixel_grid(Key(f"draw.grid_{state['number']}", {}), label="A <b>digit</b>")
st.text("white: nothing" if image is None else f"white: {np.argwhere(image == 255).tolist()}")
st.text(f"ink: {0 if image is None else image.sum()}")
st.text(f"runs: {state['runs']}")
st.button("Again")
st.button("Move", on_click=lambda: state.update(left=True))
st.button("Another", on_click=lambda: state.update(number=state["number"] + 1))
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a page that has a grid, and says what arrives of it."""
    folder = tmp_path_factory.mktemp("grid")
    script = folder / "page.py"
    script.write_text(PAGE, "utf-8")
    with serving_script(str(script), folder, free_port()) as url:
        yield url


@pytest.fixture
def sent(page: Page) -> list[object]:
    """The messages that the page has sent to Python; to be asked for before `grid`."""
    messages: list[object] = []
    page.on("websocket", lambda socket: socket.on("framesent", lambda frame: messages.append(frame)))
    return messages


@pytest.fixture
def grid(page: Page, served: str) -> Locator:
    return opened(page, served)


def opened(page: Page, served: str) -> Locator:
    page.goto(served)
    grid = page.get_by_role("grid", name="A <b>digit</b>")
    expect(grid.get_by_role("gridcell")).to_have_count(SIDE * SIDE)
    return grid


def expect_drawing(page: Page, drawing: NDArray[np.bool_]) -> None:
    white = np.argwhere(drawing).tolist() or "nothing"
    expect(page.get_by_text("white: ")).to_have_text(f"white: {white}")
    expect(page.get_by_text("ink: ", exact=False).last).to_have_text(f"ink: {soften(drawing).sum()}")


def runs(page: Page) -> int:
    return int(page.get_by_text("runs: ").inner_text().removeprefix("runs: "))


def keys(page: Page, *names: str) -> None:
    for name in names:
        page.keyboard.press(name)


def focused(page: Page) -> str:
    """What a screen reader says of the element that has the focus."""
    said: str = page.evaluate(
        """() => {
            let element = document.activeElement;
            while (element.shadowRoot?.activeElement) element = element.shadowRoot.activeElement;
            return element.getAttribute("aria-label") ?? element.textContent;
        }"""
    )
    return said


def tab_to_the_grid(page: Page) -> None:
    wait_until(lambda: page.keyboard.press("Tab") or "row" in focused(page), "the grid has the focus", 10)


@pytest.mark.browser
def test_a_one_is_drawn_with_keys_alone(page: Page, sent: list[object], grid: Locator) -> None:
    expect(grid).to_have_accessible_description(re.compile("^The arrow keys move the cursor"))
    tab_to_the_grid(page)
    assert focused(page) == "row 5, column 15, paper"
    before = len(sent)
    keys(page, *["Space", "ArrowDown"] * 12)
    expect_drawing(page, drawn(*((row, 14) for row in range(4, 16))))
    assert before < len(sent) < before + 6, "not one for each key"
    assert focused(page) == "row 17, column 15, paper"
    keys(page, "ArrowUp")
    assert focused(page) == "row 16, column 15, ink"
    keys(page, "Space")
    expect(page.locator(".said")).to_have_text("paper")
    expect_drawing(page, drawn(*((row, 14) for row in range(4, 15))))
    page.keyboard.press("Tab")
    assert focused(page) == "Clear", "one press of Tab leaves the grid"


@pytest.mark.browser
def test_keys_jump_ink_along_the_way_and_clear(page: Page, grid: Locator) -> None:
    tab_to_the_grid(page)
    for name, place in {
        "Control+Home": (1, 1), "ArrowUp": (1, 1), "End": (1, 28), "PageDown": (8, 28), "Home": (8, 1),
        "ArrowLeft": (8, 1), "PageUp": (1, 1), "Control+End": (28, 28), "ArrowRight": (28, 28),
    }.items():  # fmt: skip
        page.keyboard.press(name)
        assert focused(page).startswith("row {}, column {},".format(*place)), name
    keys(page, "Home", "ArrowUp", "Shift+ArrowRight", "Shift+PageUp", "ArrowUp")
    shifted = {(26, 0), (26, 1), *((row, 1) for row in range(19, 27))}
    expect_drawing(page, drawn(*shifted))
    keys(page, "Enter", "ArrowRight", "ArrowRight")
    expect(page.locator(".where")).to_have_text("row 19, column 4, ink · pen down")
    keys(page, "Enter", "ArrowRight")
    expect(page.locator(".where")).to_have_text("row 19, column 5, paper · pen up")
    expect_drawing(page, drawn(*shifted, (18, 1), (18, 2), (18, 3)))
    for name in ("Escape", "Delete", "Backspace"):
        keys(page, name)
        expect(page.locator(".said")).to_have_text("The grid is empty.")
        expect(grid.get_by_label(", ink")).to_have_count(0)
        keys(page, "Space")
        expect(grid.get_by_label(", ink")).to_have_count(1)
    expect_drawing(page, drawn((18, 4)))
    keys(page, "Delete")
    expect_drawing(page, drawn())


@pytest.mark.browser
@pytest.mark.parametrize("screen", [DESK, PHONE], ids=["mouse", "finger"])
def test_a_pointer_draws_and_each_stroke_is_sent_once(browser: Browser, served: str, screen: Screen) -> None:
    with before(browser, screen) as hand:
        page, grid = hand.page, opened(hand.page, served)
        count = runs(page)
        hand.stroke(grid, [(56, 56), *((x, 56) for x in range(60, 206, 12)), (206, 56), (206, 400)])
        bar = [*((5, column) for column in range(5, 21)), *((row, 20) for row in range(5, SIDE))]
        expect_drawing(page, drawn(*bar))
        assert runs(page) == count + 1
        # As a screen reader clicks, or a computer that is spoken to: without a pointer.
        grid.get_by_label("row 6, column 7, ink", exact=True).evaluate("cell => cell.click()")
        expect_drawing(page, drawn(*(place for place in bar if place != (5, 6))))
        hand.press(page.get_by_role("button", name="Clear"))
        hand.stroke(grid, [(56, 56)])  # at once, before the page has heard of it
        expect_drawing(page, drawn((5, 5)))


@pytest.mark.browser
def test_the_drawing_outlives_reruns_but_not_its_key(page: Page, grid: Locator) -> None:
    draw(page, grid, (56, 56), (56, 206))
    stroke = drawn(*((row, 5) for row in range(5, 21)))
    expect_drawing(page, stroke)
    for button in ("Again", "Move"):  # the second time, the grid is made anew elsewhere in the page
        before = runs(page)
        page.get_by_role("button", name=button).click()
        wait_until(lambda before=before: runs(page) == before + 1, "the page has run again", 10)
        expect_drawing(page, stroke)
        expect(grid.get_by_label(", ink")).to_have_count(16)
    draw(page, grid, (156, 56), (156, 206))
    expect_drawing(page, stroke | drawn(*((row, 15) for row in range(5, 21))))
    page.get_by_role("button", name="Another").click()
    expect_drawing(page, drawn())
    expect(grid.get_by_label(", ink")).to_have_count(0)
    draw(page, grid, (156, 56), (156, 57))
    expect_drawing(page, drawn((5, 15)))


@pytest.mark.browser
def test_the_grid_fits_a_phone_and_the_pen_is_seen_in_both_themes(page: Page, grid: Locator) -> None:
    page.set_viewport_size({"width": 420, "height": 900})
    box = grid.bounding_box()
    assert box
    assert (box["width"], box["height"]) == (282, 282)
    assert box["x"] + box["width"] < 420
    assert style(grid, "touch-action") == "none", "a finger would scroll instead of drawing"
    tab_to_the_grid(page)
    pen = luminance(grid.get_by_label("row 5, column 15,"), "outline-color")
    assert min(contrast(pen, 0), contrast(pen, 1)) >= 3, "on black paper and on white ink"
    app = page.get_by_test_id("stApp")
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        light = theme == "light"
        wait_until(lambda light=light: (luminance(app, "background-color") > 0.5) == light, theme, 10)
        around = luminance(app, "background-color")
        assert contrast(luminance(grid, "outline-color"), around) >= 3, theme
        assert contrast(luminance(grid, "border-top-color"), around) >= 3, theme


def style(element: Locator, name: str) -> str:
    value: str = element.evaluate("(element, name) => getComputedStyle(element).getPropertyValue(name)", name)
    return value


def luminance(element: Locator, name: str) -> float:
    """The relative luminance of one of an element's colours, as WCAG has it."""
    rgba = element.page.evaluate(
        """colour => {
            const paint = new OffscreenCanvas(1, 1).getContext("2d");
            paint.fillStyle = colour;
            paint.fillRect(0, 0, 1, 1);
            return [...paint.getImageData(0, 0, 1, 1).data];
        }""",
        style(element, name),
    )
    shares = np.array(rgba[:3]) / 255
    linear = np.where(shares <= 0.04045, shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def contrast(light: float, other: float) -> float:
    return (max(light, other) + 0.05) / (min(light, other) + 0.05)
