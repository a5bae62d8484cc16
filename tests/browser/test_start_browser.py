"""The first minute in a browser: a newcomer draws on the start page, and goes on to train."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, WebSocket, expect

from core.drawing import strokes
from tests.support.browser import free_port, serving
from tests.support.hands import DESK, PHONE, Hand, before

pytestmark = pytest.mark.browser

SIDE = 280
ONE = [(140, 40), (139, 140), (138, 250)]
SEVEN = [(70, 60), (130, 60), (200, 60), (160, 150), (120, 240)]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(tmp_path_factory.mktemp("start") / "runs", free_port()) as url:
        yield url


@pytest.fixture(params=[DESK, PHONE], ids=["mouse", "finger"])
def hand(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Hand]:
    with before(browser, request.param) as hand:
        yield hand


def draw_seven(hand: Hand) -> None:
    canvas = hand.page.get_by_role("img", name="A canvas to draw on")
    expect(canvas).to_be_visible()
    hand.stroke(canvas, SEVEN, SIDE)
    expect(hand.page.get_by_role("heading", name="I read: 7")).to_be_visible()


def test_a_newcomer_draws_on_the_start_page_and_goes_on_to_train(hand: Hand, address: str) -> None:
    page = hand.page
    page.goto(address)
    draw_seven(hand)
    bars = page.get_by_role("list", name="The probability of each digit")
    expect(bars.get_by_role("listitem")).to_have_count(10)
    hand.press(page.get_by_role("link", name="Train your own"))
    expect(page.get_by_role("heading", level=1, name="Train")).to_be_visible()
    expect(page.get_by_role("button", name="Train", exact=True)).to_be_enabled()


def test_the_drawing_opens_on_draw_and_is_there_after_back(hand: Hand, address: str) -> None:
    page = hand.page
    page.goto(address)
    draw_seven(hand)
    hand.press(page.get_by_role("link", name="Look inside: open this drawing on Draw"))
    expect(page.get_by_role("heading", level=1, name="Draw")).to_be_visible()
    expect(page.get_by_role("heading", name="I read: 7")).to_be_visible()
    expect(page.get_by_role("button", name="Undo")).to_be_enabled()
    rest(page)
    page.go_back()
    expect(page.get_by_role("heading", level=1, name="MNIST Lab")).to_be_visible()
    expect(page.get_by_role("heading", name="I read: 7")).to_be_visible()
    hand.press(page.get_by_role("button", name="Clear", exact=True))
    expect(page.get_by_text("Draw a digit from 0 to 9")).to_be_visible()


def test_back_shows_the_drawing_with_which_draw_was_left(browser: Browser, address: str) -> None:
    with before(browser, DESK) as hand:
        page = hand.page
        page.goto(f"{address}/draw?drawing={strokes.to_text([[list(point) for point in SEVEN]], SIDE)}")
        expect(page.get_by_role("heading", name="I read: 7")).to_be_visible()
        rest(page)
        page.get_by_role("link", name="Start", exact=True).click()
        expect(page.get_by_role("heading", level=1, name="MNIST Lab")).to_be_visible()
        clear = page.get_by_role("button", name="Clear", exact=True)
        expect(clear).to_be_enabled()
        clear.click()
        expect(page.get_by_text("Draw a digit from 0 to 9")).to_be_visible()
        hand.stroke(page.get_by_role("img", name="A canvas to draw on"), ONE, SIDE)
        expect(page.get_by_role("heading", name="I read: 1")).to_be_visible()
        rest(page)
        page.go_back()
        expect(page.get_by_role("heading", level=1, name="Draw")).to_be_visible()
        expect(page.get_by_role("heading", name="I read: 7")).to_be_visible()


def test_the_model_is_asked_for_when_the_pen_comes_near_and_only_once(browser: Browser, address: str) -> None:
    with before(browser, DESK) as hand:
        page, sent = hand.page, list[str]()
        page.on("websocket", lambda socket: note(socket, sent))
        page.goto(address)
        canvas = page.get_by_role("img", name="A canvas to draw on")
        expect(canvas).to_be_visible()
        for _time in range(2):
            canvas.hover()
            page.mouse.move(5, 5)
        rest(page)
        assert sum("near" in frame for frame in sent) == 1
        page.goto(f"{address}/draw")
        expect(canvas).to_be_visible()
        rest(page)
        canvas.hover()
        page.mouse.move(5, 5)
        rest(page)
        assert sum("near" in frame for frame in sent) == 1


def note(socket: WebSocket, sent: list[str]) -> None:
    socket.on(
        "framesent",
        lambda frame: sent.append(
            frame if isinstance(frame, str) else frame.decode("utf-8", errors="replace")
        ),
    )


def rest(page: Page) -> None:
    """Wait until the page has run to its end."""
    page.locator("[data-test-script-state=notRunning]").wait_for(state="attached")
    page.wait_for_timeout(300)
