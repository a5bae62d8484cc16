"""Drawing in a browser: people's own digits with the mouse, and how soon the answer is there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import numpy as np
import pytest
from playwright.sync_api import Browser, Locator, Page, TimeoutError, expect

from core import drawings, drawings_file, strokes
from core.drawings import Drawing
from tests import test_browser
from tests.conftest import wait_until
from tests.test_browser import MILLISECONDS, free_port, serving

pytestmark = pytest.mark.browser
browser, page = test_browser.browser, test_browser.page

SIDE = 280
DRAWN = 160  # pixels of the canvas that a digit's longer side takes


@pytest.fixture(scope="module")
def digits(handwriting: Path) -> list[Drawing]:
    """A digit of each kind, each by somebody else."""
    found: dict[int, Drawing] = {}
    writers: set[str] = set()
    for digit in drawings_file.unpack(handwriting.read_bytes()):
        if digit.label not in found and digit.writer not in writers:
            found[digit.label] = digit
            writers.add(digit.writer)
    assert len(found) == 10
    return list(found.values())


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of the drawings that are kept."""
    return tmp_path_factory.mktemp("draw") / "drawings.sqlite"


@pytest.fixture(scope="module")
def address(store: Path) -> Iterator[str]:
    with serving(store.parent / "runs", free_port(), MNIST_LAB_DRAWINGS=str(store)) as url:
        yield f"{url}/draw"


def draw(page: Page, canvas: Locator, digit: Drawing, left: int = 60, top: int = 50) -> None:
    box = canvas.bounding_box()
    assert box
    for stroke in digit.strokes:
        # Every few points, as a hand that moves fast leaves them.
        line = [*stroke[::3], stroke[-1]]
        (x, y), *others = [(box["x"] + left + x * DRAWN, box["y"] + top + y * DRAWN) for x, y in line]
        page.mouse.move(x, y)
        page.mouse.down()
        for x, y in others:
            page.mouse.move(x, y)
        page.mouse.up()


def comes(what: Locator) -> bool:
    try:
        what.wait_for(timeout=20_000)
    except TimeoutError:
        return False
    return True


def test_nine_of_ten_digits_that_people_wrote_are_read_from_the_canvas(
    page: Page, address: str, digits: list[Drawing]
) -> None:
    page.goto(address)
    empty = page.get_by_text("Draw a digit from 0 to 9")
    right = 0
    for digit in digits:
        expect(empty).to_be_visible()
        # A cleared canvas is another one, which takes a moment to come.
        expect(page.get_by_role("button", name="Undo")).to_be_disabled()
        page.wait_for_timeout(300)
        draw(page, page.locator("canvas").last, digit)
        expect(page.get_by_text("Calibrated on")).to_be_visible()
        # A digit of two strokes is read twice.
        right += comes(page.get_by_role("heading", name=f"I read: {digit.label} "))
        page.get_by_role("button", name="Clear").click()
    assert right >= 9


@pytest.mark.parametrize(("fineness", "label"), [(1, 2), (2, 3)])
def test_a_digit_is_kept_with_the_strokes_that_the_mouse_made(
    browser: Browser, address: str, store: Path, digits: list[Drawing], fineness: int, label: int
) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 1000}, device_scale_factor=fineness)
    page.set_default_timeout(MILLISECONDS)
    page.goto(address)
    expect(page.get_by_text("Draw a digit from 0 to 9")).to_be_visible()
    digit = next(digit for digit in digits if digit.label == label)
    draw(page, page.locator("canvas").last, digit)
    said = page.get_by_role("heading", name=f"I read: {label} ").inner_text()
    bars = page.get_by_role("list", name="The probability of each digit")
    expect(bars.locator(".top")).to_have_text(re.compile(rf"^{label}\s*\d+\.\d%$"))
    assert bars.locator(".top .share").inner_text() in said
    lengths = bars.locator(".bar").evaluate_all("bars => bars.map((bar) => bar.offsetWidth)")
    assert np.argmax(lengths) == label
    before = drawings.count(store)
    page.get_by_role("button", name="Right, keep it").click()
    expect(page.get_by_text("Kept. Thank you")).to_be_visible()
    assert drawings.count(store) == before + 1
    (kept,) = drawings.every(store)[-1:]
    again = strokes.image(kept.strokes, pen=20 / DRAWN)
    assert np.corrcoef(again.ravel(), kept.image.ravel())[0, 1] > 0.9
    page.get_by_role("link", name="Drawings").click()
    expect(page.get_by_role("heading", name="drawing").first).to_be_visible()
    page.close()


@pytest.mark.parametrize(("source", "side", "labels"), [("canvas", 0, [5]), ("number", 190, [4, 2])])
def test_a_drawing_is_in_the_address_and_stays_while_one_looks_elsewhere(
    source: str, side: int, labels: list[int], page: Page, browser: Browser, address: str,
    digits: list[Drawing]
) -> None:  # fmt: skip
    said = f"I read: {''.join(map(str, labels))}"
    page.goto(f"{address}?source={source}&drawing=nonsense")
    expect(page.get_by_text("on the black")).to_be_visible()
    for place, label in enumerate(labels):
        digit = next(digit for digit in digits if digit.label == label)
        draw(page, page.locator("canvas").last, digit, left=30 + side * place, top=20)
    expect(page.get_by_role("heading", name=said)).to_be_visible()
    drawn = sum(len(digit.strokes) for digit in digits if digit.label in labels)

    def in_address() -> int:
        text = dict(parse_qsl(urlsplit(page.url).query)).get("drawing", "")
        return len(strokes.from_text(text, SIDE))

    wait_until(lambda: page.wait_for_timeout(50) or in_address() == drawn, "all strokes were in the address")

    elsewhere = browser.new_page()
    elsewhere.set_default_timeout(MILLISECONDS)
    elsewhere.goto(page.url)
    expect(elsewhere.get_by_role("heading", name=said)).to_be_visible()
    elsewhere.get_by_role("link", name="Drawings").click()
    expect(elsewhere.get_by_role("heading", name=said)).to_have_count(0)
    elsewhere.get_by_role("link", name="Draw", exact=True).click()
    expect(elsewhere.get_by_role("heading", name=said)).to_be_visible()
    elsewhere.get_by_role("button", name="Clear").click()
    expect(elsewhere.get_by_role("heading", name=said)).to_have_count(0)
    elsewhere.wait_for_url(re.compile(r"^((?!drawing=).)*$"))
    elsewhere.close()


def test_a_number_is_read_from_left_to_right(page: Page, address: str, digits: list[Drawing]) -> None:
    page.goto(address)
    page.get_by_role("radio", name="Draw a number").click()
    canvas = page.locator("canvas").last
    expect(page.get_by_text("Write a number on the black field")).to_be_visible()
    wait_until(lambda: (canvas.bounding_box() or {"width": 0})["width"] > SIDE, "the canvas is wide")
    for place, label in enumerate((4, 2)):
        digit = next(digit for digit in digits if digit.label == label)
        draw(page, canvas, digit, left=30 + 190 * place, top=20)
    expect(page.get_by_role("heading", name="I read: 42")).to_be_visible()


def test_the_answer_is_read_out_once_the_pen_rests(page: Page, address: str, digits: list[Drawing]) -> None:
    page.goto(address)
    expect(page.get_by_text("Draw a digit from 0 to 9")).to_be_visible()
    region = page.locator(".st-key-announced [role=status]")
    expect(region).to_have_text("")
    # A region that is put there with its words in it is read out by nobody.
    region.evaluate(
        "region => { window.heard = []; new MutationObserver(() => window.heard.push(region.textContent))"
        ".observe(region, { childList: true, characterData: true, subtree: true }) }"
    )
    digit = next(digit for digit in digits if len(digit.strokes) > 1)
    draw(page, page.locator("canvas").last, digit)
    expect(region).to_have_text(re.compile(rf"^Read as {digit.label}, \d+% sure\.$"))
    # On a slow machine, two strokes can be further apart than a rest.
    assert 1 <= len(page.evaluate("window.heard")) <= len(digit.strokes)
    page.get_by_role("button", name="Clear").click()
    expect(region).to_have_text("")


def test_the_keyboard_alone_is_enough(page: Page, address: str) -> None:
    page.goto(address)
    page.get_by_role("radio", name="Use the keyboard").click()
    grid = page.get_by_role("grid").first
    expect(grid).to_be_visible()
    grid.get_by_role("gridcell").first.focus()
    for _ in range(13):
        page.keyboard.press("ArrowRight")
    for _ in range(4):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    for _ in range(18):
        page.keyboard.press("ArrowDown")
    expect(page.get_by_role("heading", name="I read: 1 ")).to_be_visible()


def test_a_clicked_feature_map_shows_its_arithmetic(page: Page, address: str, digits: list[Drawing]) -> None:
    page.goto(address)
    expect(page.get_by_text("Draw a digit from 0 to 9")).to_be_visible()
    draw(page, page.locator("canvas").last, digits[3])
    page.get_by_role("radio", name="Through the network").click()
    expect(page.get_by_text("Channel 0. Click a pixel")).to_be_visible()
    maps = page.get_by_test_id("stPlotlyChart").nth(0)
    maps.locator(".scatterlayer .points path").nth(5).click(force=True)
    expect(page.get_by_text("Channel 5. Click a pixel")).to_be_visible()
    before = page.get_by_text("All products").inner_text()
    one_map = page.get_by_test_id("stPlotlyChart").nth(2)
    one_map.locator(".scatterlayer .points path").nth(28 * 14 + 14).click(force=True)
    expect(page.get_by_text("All products")).not_to_have_text(before)
