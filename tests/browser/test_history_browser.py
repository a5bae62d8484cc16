"""What Back, Forward and a reload do on each page: docs/design.md says it in words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Page, expect

from core.runs import run_folder
from tests.support.browser import choose, free_port, serving
from tests.support.inhabited import inhabited

pytestmark = pytest.mark.browser

# On each page one thing to turn: its key, what to click there, and what the address says then.
TURNS = {
    "data": ("data-split", "test", "split_shown=test"),
    "train": ("train-knob_architecture", "CNN", "set=architecture"),
    "sweeps": ("sweeps-method", "Grid search", "method=grid"),
    "runs": ("runs-cost", "seconds of training", "cost=seconds"),
    "evaluate": ("evaluate-look", "Accuracy by digit", "look=digits"),
    "draw": ("draw-source", "Number", "source=number"),
    "drawings": ("drawings-read_wrong", "Only mistakes", "read_wrong=True"),
}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory, mlp_run: Path) -> Iterator[Path]:
    with inhabited(tmp_path_factory.mktemp("history"), [mlp_run]) as folder:
        yield folder


@pytest.fixture(scope="module")
def address(root: Path) -> Iterator[str]:
    with serving(root, free_port()) as url:
        yield url


def go(page: Page, name: str) -> None:
    """To a page, by the bar at the top."""
    page.get_by_role("link", name=name.capitalize(), exact=True).click()
    is_at(page, name)


def is_at(page: Page, name: str) -> None:
    title = "MNIST Lab" if name == "start" else name.capitalize()
    expect(page.get_by_role("heading", level=1, name=title, exact=True)).to_be_visible()
    # Until `history.js` is loaded, each change of the address is an entry of its own.
    page.wait_for_function("window.history.pushState.isOurs")


def entries(page: Page) -> int:
    length: int = page.evaluate("window.history.length")
    return length


def turn(page: Page, name: str) -> str:
    """Turn the one thing of this page. Returns what the address says then."""
    key, option, words = TURNS[name]
    page.locator(f".st-key-{key}").get_by_text(option, exact=True).click()
    page.wait_for_url(re.compile(words))
    return words


def is_turned(page: Page, name: str) -> None:
    key, option, words = TURNS[name]
    assert words in page.url
    kind: Literal["switch", "radio"] = "switch" if name == "drawings" else "radio"
    expect(page.locator(f".st-key-{key}").get_by_role(kind, name=option, exact=True)).to_be_checked()


@pytest.mark.parametrize("name", TURNS)
def test_back_leaves_the_page_at_once_and_forward_shows_it_as_it_was_left(
    page: Page, address: str, name: str
) -> None:
    page.goto(address)
    is_at(page, "start")
    query = "?sweep=new" if name == "sweeps" else ""
    if query:
        page.goto(f"{address}/{name}{query}")
        is_at(page, name)
    else:
        go(page, name)
    before = entries(page)
    turn(page, name)
    assert entries(page) == before
    page.go_back()
    is_at(page, "start")
    page.go_forward()
    is_at(page, name)
    is_turned(page, name)
    page.reload()
    is_at(page, name)
    is_turned(page, name)


@pytest.mark.parametrize("name", ["evaluate", "draw", "sweeps", "train"])
def test_a_page_that_is_opened_by_its_address_is_one_entry_and_says_what_it_shows(
    page: Page, address: str, name: str
) -> None:
    page.goto(address)
    is_at(page, "start")
    before = entries(page)
    page.goto(f"{address}/{name}")
    is_at(page, name)
    if name != "train":
        page.wait_for_url(re.compile("sweep=" if name == "sweeps" else "run=starter"))
    assert entries(page) == before + 1


def test_a_run_on_the_train_page_is_a_place_that_back_leaves_for_the_knobs(
    page: Page, address: str, mlp_run: Path
) -> None:
    page.goto(f"{address}/train")
    is_at(page, "train")
    turn(page, "train")
    # Not by its end alone: until the page has changed, a recipe that says "it read … right" is there, too.
    finished = page.get_by_text(re.compile("^(Finished|Stopped) .* The test accuracy is"))
    train = page.get_by_role("button", name="Train", exact=True)
    page.get_by_text("Recent runs").click()
    page.get_by_role("link", name=f"{run_folder.status(mlp_run).test_accuracy:.2%}").first.click()
    expect(finished).to_be_visible()
    page.wait_for_url(re.compile("run="))
    page.go_back()
    expect(train).to_be_visible()
    is_turned(page, "train")
    page.go_forward()
    expect(finished).to_be_visible()

    # By the bar at the top, the run is there again, and so it is after a reload.
    go(page, "draw")
    go(page, "train")
    expect(finished).to_be_visible()
    page.wait_for_url(re.compile("run="))
    page.reload()
    expect(finished).to_be_visible()
    page.go_back()
    is_at(page, "draw")


def test_a_digit_that_is_open_is_a_place_that_back_closes(page: Page, address: str, mlp_run: Path) -> None:
    page.goto(f"{address}/evaluate?run={mlp_run.name}")
    is_at(page, "evaluate")
    before = entries(page)
    tile = page.locator(".st-key-evaluate-mistake_tiles").get_by_role("button").first
    tile.click()
    closes = page.get_by_role("button", name="Go back to the digits")
    expect(closes).to_be_visible()
    assert entries(page) == before + 1
    page.go_back()
    expect(closes).to_have_count(0)
    expect(tile).to_be_visible()
    page.go_forward()
    expect(closes).to_be_visible()


def test_another_sweep_is_a_place_that_back_leaves(page: Page, address: str) -> None:
    page.goto(f"{address}/sweeps")
    is_at(page, "sweeps")
    best = page.locator(".st-key-sweeps-sweep_history")
    expect(best).to_be_visible()
    page.wait_for_url(re.compile("sweep="))
    choose(page, "Sweep", "New sweep")
    start = page.get_by_role("button", name="Start the sweep")
    expect(start).to_be_visible()
    page.wait_for_url(re.compile("sweep=new"))
    page.go_back()
    expect(start).to_have_count(0)
    expect(best).to_be_visible()


def test_back_after_the_page_was_opened_twice_shows_each_as_it_was(page: Page, address: str) -> None:
    page.goto(f"{address}/data")
    is_at(page, "data")
    go(page, "runs")
    go(page, "data")
    turn(page, "data")
    page.go_back()
    is_at(page, "runs")
    page.go_back()
    is_at(page, "data")
    expect(page.get_by_text(re.compile("^4,000 training images"))).to_be_visible()
    assert "split_shown" not in page.url
