"""Drawing in a browser: people's own digits, with the mouse and with a finger."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Browser, Locator, Page, TimeoutError, WebSocketRoute, expect

from core.drawing import collection, interchange, strokes
from core.drawing.collection import Drawing
from tests.conftest import wait_until
from tests.support.browser import CHROMIUM, FLAGS, free_port, serving
from tests.support.hands import DESK, PHONE, SMALL_PHONE, TABLET, TINY_PHONE, Hand, Screen, before

pytestmark = pytest.mark.browser

SIDE = 280
WIDTHS = {"canvas": SIDE, "number": 380}
DRAWN = 160  # pixels of the canvas that a digit's longer side takes


@pytest.fixture(scope="module")
def digits(handwriting: Path) -> list[Drawing]:
    """A digit of each kind, each by somebody else."""
    by_label: dict[int, Drawing] = {}
    writers: set[str] = set()
    for digit in interchange.unpack(handwriting.read_bytes()):
        if digit.label not in by_label and digit.writer not in writers:
            by_label[digit.label] = digit
            writers.add(digit.writer)
    assert len(by_label) == 10
    return list(by_label.values())


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of the drawings that are kept."""
    return tmp_path_factory.mktemp("draw") / "drawings.sqlite"


@pytest.fixture(scope="module")
def address(store: Path) -> Iterator[str]:
    with serving(store.parent / "runs", free_port(), MNIST_LAB_DRAWINGS=str(store)) as url:
        yield f"{url}/draw"


@pytest.fixture
def mouse(browser: Browser) -> Iterator[Hand]:
    with before(browser, DESK) as hand:
        yield hand


@pytest.fixture(params=[DESK, PHONE], ids=["mouse", "finger"])
def hand(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Hand]:
    with before(browser, request.param) as hand:
        yield hand


def canvas(page: Page | Locator) -> Locator:
    return page.get_by_role("img", name="A canvas to draw on")


def opened(hand: Hand, address: str) -> Page:
    """The page, once one can draw."""
    hand.page.goto(address)
    expect(canvas(hand.page)).to_be_visible()
    return hand.page


def draw(hand: Hand, digit: Drawing, left: int = 60, top: int = 50, source: str = "canvas") -> None:
    for stroke in digit.strokes:
        # Every few points, as a hand that moves fast leaves them.
        line = [(left + x * DRAWN, top + y * DRAWN) for x, y in [*stroke[::3], stroke[-1]]]
        hand.stroke(canvas(hand.page), line, WIDTHS[source])


def button(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=name, exact=True)


def in_address(page: Page) -> strokes.Strokes:
    """The strokes that a link to the page shows."""
    text = dict(parse_qsl(urlsplit(page.url).query)).get("drawing", "")
    return strokes.from_text(text, SIDE)


def expect_strokes(page: Page, count: int) -> None:
    """That the page has heard of so many strokes, and shows them in its address."""
    heard = f"the address had {count} strokes"
    wait_until(lambda: page.wait_for_timeout(30) or len(in_address(page)) == count, heard)


def ink(page: Page) -> NDArray[np.bool_]:
    """Where there is ink on the canvas, one value for each of its pixels as strokes count them."""
    height, width, digits = canvas(page).evaluate(
        """(upper, width) => {
            const canvas = upper.getRootNode().querySelector("canvas.dc-canvas");
            const height = Math.round((width * canvas.height) / canvas.width);
            const small = new OffscreenCanvas(width, height).getContext("2d");
            small.drawImage(canvas, 0, 0, width, height);
            const { data } = small.getImageData(0, 0, width, height);
            const inked = [...data].filter((_value, at) => at % 4 === 0).map((red) => +(red > 127));
            return [height, width, inked.join("")];
        }""",
        WIDTHS["canvas" if "source=number" not in page.url else "number"],
    )
    return np.array(list(digits), int).reshape(height, width).astype(bool)


def comes(element: Locator) -> bool:
    try:
        element.wait_for(timeout=20_000)
    except TimeoutError:
        return False
    return True


def test_nine_of_ten_digits_that_people_wrote_are_read_from_the_canvas(
    hand: Hand, address: str, digits: list[Drawing]
) -> None:
    page = opened(hand, address)
    empty = page.get_by_text("Draw a digit from 0 to 9")
    right = 0
    for digit in digits:
        expect(empty).to_be_visible()
        draw(hand, digit)
        expect(page.get_by_text("The percentages say")).to_be_visible()
        # A digit of two strokes is read twice.
        right += comes(page.get_by_role("heading", name=f"I read: {digit.label} "))
        hand.press(button(page, "Clear"))
    assert right >= 9


def test_a_drawing_that_is_opened_again_keeps_every_point(mouse: Hand, address: str) -> None:
    """The canvas drops a point of each stroke when it is drawn again, unless something is done about it."""
    line = [[70, 60], [130, 60], [200, 60], [160, 150], [120, 240]]
    text = strokes.to_text([line, [[40, 40]], [[30, 90], [60, 90]]], SIDE)
    page = opened(mouse, f"{address}?drawing={text}")
    expect(button(page, "Undo")).to_be_enabled()
    # Undo and Redo send what is on the canvas now.
    mouse.press(button(page, "Undo"))
    expect_strokes(page, 2)
    mouse.press(button(page, "Redo"))
    expect_strokes(page, 3)
    assert in_address(page) == strokes.from_text(text, SIDE)


@pytest.mark.parametrize("screen", [DESK, PHONE, TABLET], ids=["mouse", "phone", "tablet"])
@pytest.mark.parametrize("source", ["canvas", "number"])
def test_a_stroke_that_begins_anywhere_on_the_canvas_leaves_ink(
    browser: Browser, address: str, screen: Screen, source: str
) -> None:
    with before(browser, screen) as hand:
        page = opened(hand, f"{address}?source={source}")
        box = canvas(page).bounding_box()
        assert box
        width, height = box["width"], box["height"]
        corners = [(2, 2), (width - 2, 2), (2, height - 2), (width - 2, height - 2)]
        top_right = [(width - x, y) for x in (120, 60, 18) for y in (4, 12, 28)]
        begins = [*corners, *top_right, (width / 2, height / 2)]
        for drawn, (x, y) in enumerate(begins, start=1):
            # On towards the middle.
            right, down = np.sign([width / 2 - x, height / 2 - y])
            hand.stroke(canvas(page), [(x + right * far, y + down * far) for far in (0, 15, 30)])
            # A digit is drawn faster than the page can answer. The digits of a number are choices, which
            # the browser would send as they were before the stroke.
            if source == "number" or drawn == len(begins):
                expect_strokes(page, drawn)
        inked = ink(page)
        for x, y in begins:
            assert inked[round(y / height * len(inked)), round(x / width * inked.shape[1])], (x, y)
        # A tap is a dot, and presses nothing.
        hand.stroke(canvas(page), [(width * 0.2, height * 0.7)])
        expect_strokes(page, len(begins) + 1)
        assert ink(page).sum() > inked.sum()


def test_a_tap_at_the_upper_right_leaves_a_dot_and_wipes_nothing(
    hand: Hand, address: str, digits: list[Drawing]
) -> None:
    page = opened(hand, address)
    draw(hand, digits[5], top=80)
    said = len(digits[5].strokes)
    expect_strokes(page, said)
    before_it = ink(page)
    hand.stroke(canvas(page), [(262, 12)], SIDE)
    expect_strokes(page, said + 1)
    after = ink(page)
    assert after[before_it].all()
    assert after[12, 262]


def test_strokes_are_taken_back_one_by_one_and_brought_back(hand: Hand, address: str) -> None:
    """Also those that were drawn before the page was loaded, and a cleared canvas."""
    page = opened(hand, address)
    empty = page.get_by_text("Draw a digit from 0 to 9")
    undo, redo, clear = (button(page, name) for name in ("Undo", "Redo", "Clear"))
    for tool in (undo, redo, clear):
        expect(tool).to_be_disabled()
        box = tool.bounding_box()
        assert box
        assert min(box["width"], box["height"]) >= 44
        assert 0 <= box["y"] - lower_edge(canvas(page)) <= 24, "in reach of the thumb"
    for count, x in enumerate((60, 140, 220), start=1):
        hand.stroke(canvas(page), [(x, 40), (x, 240)], SIDE)
        expect_strokes(page, count)
    pictures = [ink(page)]
    assert pictures[0][40:240, [60, 140, 220]].all()
    page.reload()
    expect(undo).to_be_enabled()
    expect(redo).to_be_disabled()
    for count in (2, 1, 0):
        hand.press(undo)
        expect_strokes(page, count)
        pictures.append(ink(page))
    assert not pictures[-1].any()
    expect(empty).to_be_visible()
    expect(undo).to_be_disabled()
    for count in (1, 2, 3):
        hand.press(redo)
        expect_strokes(page, count)
        assert np.array_equal(ink(page), pictures[3 - count]) or count == 3
    hand.press(clear)
    expect_strokes(page, 0)
    expect(empty).to_be_visible()
    hand.press(undo)
    expect_strokes(page, 3)
    # With keys, one after the other, faster than the page can answer.
    undo.focus()
    for _ in range(3):
        page.keyboard.press("Enter")
    expect(undo).to_be_focused()
    expect_strokes(page, 0)
    # Whoever draws on leaves nothing to bring back.
    hand.stroke(canvas(page), [(60, 40), (60, 240)], SIDE)
    expect(redo).to_be_disabled()
    expect_strokes(page, 1)


def test_what_is_drawn_while_the_answer_is_on_its_way_is_not_lost(hand: Hand, address: str) -> None:
    page, held = hand.page, Held()
    page.route_web_socket(re.compile("/_stcore/stream"), held.connect)
    opened(hand, address)
    hand.stroke(canvas(page), [(60, 40), (60, 240)], SIDE)
    hand.stroke(canvas(page), [(140, 40), (140, 240)], SIDE)
    expect_strokes(page, 2)
    held.holding = True
    hand.press(button(page, "Undo"))
    hand.stroke(canvas(page), [(220, 40), (220, 240)], SIDE)
    page.wait_for_timeout(1000)  # in which the server has answered, and nobody has heard of it
    hand.stroke(canvas(page), [(100, 140), (180, 140)], SIDE)
    held.let_go()
    expect_strokes(page, 3)
    assert [stroke[0][0] for stroke in in_address(page)] == pytest.approx([60, 220, 100], abs=2)


class Held:
    """A connection to the server whose answers can be held back."""

    def __init__(self) -> None:
        self.holding = False
        self._waiting: list[str | bytes] = []

    def connect(self, page: WebSocketRoute) -> None:
        self._page = page
        server = page.connect_to_server()
        page.on_message(server.send)
        server.on_message(self._hear)

    def _hear(self, message: str | bytes) -> None:
        if self.holding:
            self._waiting.append(message)
        else:
            self._page.send(message)

    def let_go(self) -> None:
        self.holding = False
        for message in self._waiting:
            self._page.send(message)


def lower_edge(element: Locator) -> float:
    box = element.bounding_box()
    assert box
    return box["y"] + box["height"]


@pytest.mark.parametrize(
    ("screen", "label"),
    [(DESK, 2), (DESK._replace(fineness=2), 3), (PHONE, 4)],
    ids=["mouse", "fine screen", "finger"],
)
def test_a_digit_is_kept_with_the_strokes_that_the_hand_made(
    browser: Browser, address: str, store: Path, digits: list[Drawing], screen: Screen, label: int
) -> None:
    with before(browser, screen) as hand:
        page = opened(hand, address)
        digit = next(digit for digit in digits if digit.label == label)
        draw(hand, digit)
        expect_strokes(page, len(digit.strokes))
        said = page.get_by_role("heading", name=f"I read: {label} ").inner_text()
        bars = page.get_by_role("list", name="The probability of each digit")
        expect(bars.locator(".top")).to_have_text(re.compile(rf"^{label}\s*\d+\.\d%$"))
        assert bars.locator(".top .share").inner_text() in said

        def longest() -> int:  # they glide
            return int(
                np.argmax(bars.locator(".bar").evaluate_all("all => all.map((bar) => bar.offsetWidth)"))
            )

        wait_until(lambda: longest() == label, "the longest bar was that of the answer")
        count = collection.count(store)
        hand.press(button(page, "Correct, save it"))
        expect(page.get_by_text("The drawing is saved")).to_be_visible()
        assert collection.count(store) == count + 1
        kept = max(collection.every(store), key=lambda drawing: drawing.id)
        again = strokes.image(kept.strokes, pen=20 / DRAWN)
        assert np.corrcoef(again.ravel(), kept.image.ravel())[0, 1] > 0.9
        assert len(kept.strokes) == len(digit.strokes)


@pytest.mark.parametrize(("source", "side", "labels"), [("canvas", 0, [5]), ("number", 190, [4, 2])])
def test_a_drawing_is_in_the_address_and_stays_while_one_looks_elsewhere(
    source: str, side: int, labels: list[int], hand: Hand, page: Page, address: str, digits: list[Drawing]
) -> None:
    said = f"I read: {''.join(map(str, labels))}"
    opened(hand, f"{address}?source={source}&drawing=nonsense")
    expect(hand.page.get_by_text("on the black")).to_be_visible()
    for place, label in enumerate(labels):
        digit = next(digit for digit in digits if digit.label == label)
        draw(hand, digit, left=30 + side * place, top=20, source=source)
    expect(hand.page.get_by_role("heading", name=said)).to_be_visible()
    expect_strokes(hand.page, sum(len(digit.strokes) for digit in digits if digit.label in labels))

    # On a wide screen, whatever it was drawn on.
    page.goto(hand.page.url)
    expect(page.get_by_role("heading", name=said)).to_be_visible()
    page.get_by_role("link", name="Drawings").click()
    expect(page.get_by_role("heading", name=said)).to_have_count(0)
    page.get_by_role("link", name="Draw", exact=True).click()
    expect(page.get_by_role("heading", name=said)).to_be_visible()
    button(page, "Clear").click()
    expect(page.get_by_role("heading", name=said)).to_have_count(0)
    expect_strokes(page, 0)


def test_a_number_is_read_from_left_to_right(hand: Hand, address: str, digits: list[Drawing]) -> None:
    page = opened(hand, address)
    hand.press(page.get_by_role("radio", name="Number"))
    # The other canvas has the same name, and stays for a moment.
    expect(canvas(page.locator(f".st-key-draw-canvas_around_{WIDTHS['number']}"))).to_be_visible()
    expect(canvas(page)).to_have_count(1)
    for place, label in enumerate((4, 2)):
        digit = next(digit for digit in digits if digit.label == label)
        draw(hand, digit, left=30 + 190 * place, top=20, source="number")
    expect(page.get_by_role("heading", name="I read: 42")).to_be_visible()


def test_the_answer_is_read_out_once_the_pen_rests(hand: Hand, address: str, digits: list[Drawing]) -> None:
    page = opened(hand, address)
    region = page.locator(".st-key-app-announced [role=status]")
    expect(region).to_have_text("")
    # A region that is put there with its words in it is read out by nobody.
    region.evaluate(
        "region => { window.heard = []; new MutationObserver(() => window.heard.push(region.textContent))"
        ".observe(region, { childList: true, characterData: true, subtree: true }) }"
    )
    digit = next(digit for digit in digits if len(digit.strokes) > 1)
    draw(hand, digit)
    expect(region).to_have_text(re.compile(rf"^Read as {digit.label}, with a confidence of \d+%\.$"))
    # On a slow machine, two strokes can be further apart than a rest.
    assert 1 <= len(page.evaluate("window.heard")) <= len(digit.strokes)
    hand.press(button(page, "Clear"))
    expect(region).to_have_text("")


@pytest.mark.parametrize("screen", [PHONE, SMALL_PHONE, TINY_PHONE], ids=lambda screen: str(screen.width))
def test_on_a_phone_the_canvas_and_the_answer_are_seen_at_once_and_nothing_is_cut_off(
    browser: Browser, address: str, screen: Screen, digits: list[Drawing]
) -> None:
    with before(browser, screen) as hand:
        for source in ("canvas", "number"):
            page = opened(hand, f"{address}?source={source}")
            draw(hand, digits[7], source=source)
            answer = page.get_by_role("heading", name="I read: ")
            expect(answer).to_be_visible()
            expect_strokes(page, len(digits[7].strokes))
            page.reload()  # what a link shows, without being touched
            for element in (canvas(page), answer, button(page, "Undo"), button(page, "Clear")):
                expect(element).to_be_in_viewport(ratio=1)
            assert page.evaluate("scrollY") == 0
            expect(page.get_by_role("radio", name="Compare")).to_be_visible()
            assert cut_off(page) == []
        hand.press(page.get_by_role("radio", name="Keyboard"))
        grid = page.get_by_role("grid")
        expect(grid).to_be_visible()
        hand.stroke(grid, [(140, y) for y in range(40, 250, 15)])
        for element in (grid, page.get_by_role("heading", name="I read: 1 "), button(page, "Clear")):
            expect(element).to_be_in_viewport(ratio=1)
        assert cut_off(page) == []
        hand.press(page.get_by_role("radio", name="Photo"))
        expect(page.get_by_text("A photo of a digit or a number", exact=True)).to_be_visible()
        assert cut_off(page) == []


def test_where_a_camera_can_never_be_allowed_the_page_says_so_instead_of_offering_one(
    page: Page, browser: Browser, address: str
) -> None:
    page.goto(f"{address}?source=photo")
    expect(page.get_by_role("radio", name="Camera")).to_be_visible()
    # The same server under a name of its own, as in a class; nobody is asked who that is.
    elsewhere = urlsplit(address)._replace(netloc=f"class.example:{urlsplit(address).port}")
    there = browser.browser_type.launch(
        executable_path=CHROMIUM, args=[*FLAGS, "--host-resolver-rules=MAP class.example 127.0.0.1"]
    )
    with before(there, PHONE) as hand:
        hand.page.goto(f"{elsewhere.geturl()}?source=photo")
        expect(
            hand.page.get_by_text("The camera is not available. Browsers allow it only over https")
        ).to_be_visible()
        expect(hand.page.get_by_text("A photo of a digit or a number", exact=True)).to_be_visible()
        assert not hand.page.evaluate("isSecureContext")
        expect(hand.page.get_by_role("radio", name="Camera")).to_have_count(0)
    there.close()


def cut_off(page: Page) -> list[str]:
    """What one can see or press on the page that reaches beyond the screen."""
    elements: list[str] = page.evaluate(
        """() => {
            const every = (root) => [...root.querySelectorAll("*")].flatMap(
                (one) => [one, ...(one.shadowRoot ? every(one.shadowRoot) : [])]);
            const seen = every(document.querySelector(".stMain")).filter((one) =>
                one.matches("canvas, button, label, input, img, h1, h2, h3, p, [role=grid], [role=list]")
                && one.checkVisibility());
            return seen.filter((one) => one.getBoundingClientRect().right > innerWidth + 0.5)
                .map((one) => one.outerHTML.slice(0, 120));
        }"""
    )
    return elements


def test_the_keyboard_alone_is_enough(page: Page, address: str) -> None:
    page.goto(address)
    page.get_by_role("radio", name="Keyboard").click()
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


def test_a_pressed_feature_map_shows_its_arithmetic(hand: Hand, address: str, digits: list[Drawing]) -> None:
    page = opened(hand, address)
    draw(hand, digits[3])
    hand.press(page.get_by_role("radio", name="Layer by layer"))
    expect(page.get_by_text("Channel 0. Click a pixel")).to_be_visible()
    point = page.get_by_test_id("stPlotlyChart").nth(0).locator(".scatterlayer .points path").nth(5)
    hand.press(point, force=True)
    expect(page.get_by_text("Channel 5. Click a pixel")).to_be_visible()
    expect(page.get_by_role("spinbutton", name="Channel (0 to")).to_have_value("5")
    before_it = page.get_by_text("All products").inner_text()
    one_map = page.get_by_test_id("stPlotlyChart").nth(2)
    hand.press(one_map.locator(".scatterlayer .points path").nth(28 * 14 + 14), force=True)
    expect(page.get_by_text("All products")).not_to_have_text(before_it)
