"""Hands before a screen: one with a mouse, one whose finger draws on a phone or a tablet.

Playwright has no finger that draws, so its touches are the browser's own (Chrome's devtools protocol): they
become pointer events, or scroll the page, as a real finger's do.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple
from weakref import WeakKeyDictionary

from playwright.sync_api import Browser, BrowserContext, Locator, Page

from tests.conftest import PATIENCE

Point = Sequence[float]
FINGER = (
    12  # pixels of the page from its middle to its edge; the browser looks for something to press below it
)


class Screen(NamedTuple):
    """What somebody sits before."""

    width: int
    height: int
    touch: bool = False
    fineness: float = 1.0


DESK = Screen(1280, 1000)
PHONE = Screen(390, 844, touch=True, fineness=3)
SMALL_PHONE = Screen(360, 740, touch=True, fineness=2)
TINY_PHONE = Screen(320, 700, touch=True, fineness=2)
TABLET = Screen(820, 1180, touch=True, fineness=2)


class Hand:
    """Draws and presses on a page."""

    def __init__(self, page: Page, screen: Screen) -> None:
        self.page, self.screen = page, screen
        self._devtools = page.context.new_cdp_session(page) if screen.touch else None

    def press(self, element: Locator, *, force: bool = False) -> None:
        """Click it, or tap on it; by force if something else takes the events for it, as a chart does."""
        if self.screen.touch:
            element.tap(force=force)
        else:
            element.click(force=force)

    def stroke(self, canvas: Locator, points: Sequence[Point], width: float | None = None) -> None:
        """Draw a line through these points.

        Args:
            points: from the canvas's upper left corner; a single one is a tap.
            width: how wide the canvas is in the unit of the points; None for the pixels of the page.
        """
        box = canvas.bounding_box()
        assert box
        scale = box["width"] / (width or box["width"])
        first, *others = [(box["x"] + x * scale, box["y"] + y * scale) for x, y in points]
        self._down(*first)
        for point in others:
            self._move(*point)
        self._up()

    def _down(self, x: float, y: float) -> None:
        if self._devtools:
            self._touch("touchStart", (x, y))
        else:
            self.page.mouse.move(x, y)
            self.page.mouse.down()

    def _move(self, x: float, y: float) -> None:
        if self._devtools:
            self._touch("touchMove", (x, y))
        else:
            self.page.mouse.move(x, y)

    def _up(self) -> None:
        if self._devtools:
            self._touch("touchEnd")
        else:
            self.page.mouse.up()

    def _touch(self, kind: str, *points: Point) -> None:
        assert self._devtools
        touches = [{"x": x, "y": y, "radiusX": FINGER, "radiusY": FINGER} for x, y in points]
        self._devtools.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches})


# The windows of a browser that are open, by what somebody sits before.
_windows: WeakKeyDictionary[Browser, dict[Screen, BrowserContext]] = WeakKeyDictionary()


def _window(browser: Browser, screen: Screen) -> BrowserContext:
    """A window that knows nothing but the app's own files: to load and compile them anew takes seconds.

    Its first page is an empty one of the same site. It keeps the process of the other pages alive.
    """
    windows = _windows.setdefault(browser, {})
    if screen not in windows:
        windows[screen] = window = browser.new_context(
            viewport={"width": screen.width, "height": screen.height},
            device_scale_factor=screen.fineness,
            has_touch=screen.touch,
            is_mobile=screen.touch,  # and then nothing hovers
        )
        window.set_default_timeout(1000 * PATIENCE)
        first = window.new_page()
        first.route("**", lambda route: route.fulfill(body=""))
        first.goto("http://127.0.0.1/")
    return windows[screen]


@contextmanager
def before(browser: Browser, screen: Screen) -> Iterator[Hand]:
    """A hand before a screen of this kind, in a browser that knows nobody yet."""
    window = _window(browser, screen)
    there = set(window.pages)
    yield Hand(window.new_page(), screen)
    for page in set(window.pages) - there:
        if page.url.startswith("http"):
            page.evaluate("localStorage.clear()")
        page.close()
    window.clear_cookies()
