"""A real browser, and a page in it that speaks to this machine only."""

from __future__ import annotations

import os
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.support.browser import CHROMIUM, FLAGS
from tests.support.hands import DESK, before


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        if os.environ.get("CI"):
            pytest.fail("CI has to have a browser: install the package chromium")
        pytest.skip("no chromium on this machine: the browser tests did not run")
    with sync_playwright() as playwright:
        # All pages of the app share what one of them has compiled.
        flags = [*FLAGS, "--process-per-site"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with before(browser, DESK) as hand:
        asked: set[str | None] = set()
        hand.page.context.on("request", lambda request: asked.add(urlsplit(request.url).hostname))
        yield hand.page
    # Nothing comes from elsewhere, and nobody elsewhere hears of it. What is no address has no host.
    assert asked <= {"127.0.0.1", None}
