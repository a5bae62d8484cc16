"""The Train page in a browser: one click, or none, between a knob and the difference that it makes."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.browser import free_port, rest, serving
from tests.support.hands import DESK, PHONE, Hand, before

pytestmark = pytest.mark.browser

COUNT_CLICKS = "window.clicks = 0; window.addEventListener('click', () => window.clicks++, true)"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server with a worker that stays; what each visit trains is its own."""
    root = tmp_path_factory.mktemp("bench") / "runs"
    with serving(root, free_port(), MNIST_LAB_WARM_MINUTES="10") as url:
        yield url


def clicks(page: Page) -> int:
    """How often something was clicked since the last time that this was asked."""
    number = page.evaluate("window.clicks")
    page.evaluate("window.clicks = 0")
    return int(number)


def turn(page: Page) -> None:
    """The next larger learning rate, once the page rests."""
    rest(page)
    page.get_by_role("slider", name="Learning rate").press("ArrowRight")


def expect_the_result_of(page: Page, rate: str) -> None:
    """The run with this learning rate has ended, and the page says what the change has done."""
    stand = page.locator(".st-key-train-difference")
    expect(stand).to_contain_text(re.compile(rf"Learning rate \S+ → {rate}: validation accuracy \d"))
    expect(page.get_by_text("The test accuracy is")).to_be_visible()


def test_one_click_shows_what_a_turn_has_done_and_with_the_switch_none(page: Page, address: str) -> None:
    page.goto(f"{address}/train")
    page.get_by_role("button", name="Train", exact=True).click()
    expect(page.get_by_text("The test accuracy is")).to_be_visible()
    page.evaluate(COUNT_CLICKS)
    turn(page)
    page.get_by_role("button", name="Train", exact=True).click()
    expect_the_result_of(page, "0.002")
    assert clicks(page) == 1
    # Both runs are in the same chart, and the settings are still there.
    rest(page)
    legend = page.locator(".st-key-train-curve_loss .legendtext", has_text="previous run: ")
    expect(legend).to_be_visible()
    expect(page.get_by_role("slider", name="Learning rate")).to_be_visible()
    expect(page.get_by_role("heading", name="Runs of this visit")).to_be_visible()

    page.get_by_text("Train as I turn").click()
    clicks(page)
    for rate in ("0.005", "0.01", "0.02"):
        turn(page)
        expect_the_result_of(page, rate)
    assert clicks(page) == 0
    assert "run=" not in page.url
    page.go_back()  # three turns were not three steps
    expect(page).to_have_url(re.compile("run="))


def test_the_button_is_in_sight_wherever_the_page_is_scrolled(browser: Browser, address: str) -> None:
    for device in (DESK, PHONE):
        with before(browser, device) as hand:
            _stays_in_sight(hand, address)


def _stays_in_sight(hand: Hand, address: str) -> None:
    page = hand.page
    page.goto(f"{address}/train")
    button = page.get_by_role("button", name="Train", exact=True)
    expect(button).to_be_in_viewport()
    hand.press(button)
    expect(page.get_by_text("The test accuracy is")).to_be_visible()
    rest(page)
    page.get_by_text("Try many values in a sweep").scroll_into_view_if_needed()
    expect(button).to_be_in_viewport()


def test_the_settings_are_folded_on_a_phone(browser: Browser, address: str) -> None:
    with before(browser, PHONE) as hand:
        page = hand.page
        page.goto(f"{address}/train")
        expect(page.get_by_role("button", name="Train", exact=True)).to_be_visible()
        preset = page.get_by_role("combobox", name="Preset")
        expect(preset).to_be_hidden()
        hand.press(page.get_by_text("Show the settings"))
        expect(preset).to_be_visible()


def test_a_run_is_shared_by_a_link_and_a_code(page: Page, address: str) -> None:
    page.goto(f"{address}/train")
    page.get_by_role("button", name="Train", exact=True).click()
    expect(page.get_by_text("The test accuracy is")).to_be_visible()
    page.get_by_role("button", name="Copy link").click()
    link = page.get_by_text(re.compile(r"/train\?run="))
    expect(link).to_be_visible()
    shared = link.inner_text().strip()
    assert shared.startswith(address)
    page.goto(shared)
    expect(page.get_by_text("The test accuracy is")).to_be_visible()


def test_a_message_does_not_take_the_styles_away(page: Page, address: str) -> None:
    page.goto(f"{address}/train")
    page.get_by_text("Train as I turn").click()
    turn(page)
    page.get_by_role("button", name="Keep", exact=True).click()
    expect(page.get_by_text("The run is kept.")).to_be_visible()
    expect(page.get_by_text("It is deleted after a day")).to_be_hidden()
    expect(page.get_by_text("Show the settings")).to_be_hidden()  # it is for phones
