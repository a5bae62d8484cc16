"""Somebody writes markup wherever something can be written: everybody reads it, and it does nothing."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.message import Message
from markdown_it import MarkdownIt
from playwright.sync_api import Browser, Page
from streamlit.testing.v1 import AppTest

from core import literal
from tests.conftest import wait_until
from tests.support import hostile
from tests.support.browser import free_port, serving
from tests.support.hostile import FILE, NAME, TEXTS, WORD
from tests.support.pages import PAGES, again, open_page

READER = MarkdownIt("commonmark").enable(["table", "strikethrough"])

# What is Markdown in what Streamlit sends; other texts are shown as they are.
MARKDOWN = {"body", "label", "help", "text", "caption", "title"}
NEVER_SHOWN = {"query_string", "id", "file_name", "url", "page_script_hash", "value", "set_value", "default"}


def left_over(text: str) -> str:
    """What is there of the texts besides themselves, whole and unchanged."""
    text = re.sub("[\u2060\u200b]", "", text).replace("\u00a0", " ")
    for written in sorted(TEXTS, key=len, reverse=True):
        text = text.replace(written, "")
    return text[max(0, text.find(WORD) - 100) :][:300] if WORD in text else ""


# --------------------------------------------------------------------------- without a browser


def strings(message: Message) -> Iterator[tuple[str, str]]:
    """All texts in a message, with the names of their fields."""
    for field, value in message.ListFields():
        values = value if field.is_repeated else [value]
        if field.type == field.TYPE_MESSAGE and field.message_type.GetOptions().map_entry:
            continue
        for item in values:
            if isinstance(item, Message):
                yield from strings(item)
            elif isinstance(item, str):
                yield field.name, item


def shown(name: str, text: str) -> str:
    """A text as it is read in the browser."""
    if name in MARKDOWN:
        inner = READER.render(text)
        return html.unescape(re.sub(r"</?(p|strong|em|br ?/?|h\d|code)>", "", inner))
    return text


def of_figure(content: Any) -> Iterator[str]:
    """The texts of a figure, but for its templates."""
    if isinstance(content, dict):
        for name, value in content.items():
            if not name.endswith("template"):
                yield from of_figure(value)
            else:
                assert WORD not in json.dumps(value)
    elif isinstance(content, list):
        for part in content:
            yield from of_figure(part)
    elif isinstance(content, str):
        yield content


def assert_harmless(app: AppTest) -> int:
    """Nothing is there that somebody wrote but as it was written. Returns how often it is."""
    times = 0
    for element in app.main:
        for name, text in strings(element.proto) if element.proto else ():
            if WORD not in text or name in NEVER_SHOWN:
                continue
            times += 1
            if name == "spec":
                for label in of_figure(json.loads(text)):
                    assert WORD not in label or label == literal.plotly(html.unescape(label)), label
                    assert not left_over(html.unescape(label)), label
            else:
                assert not left_over(shown(name, text)), (type(element), name, text)
    return times


@pytest.fixture
def there(mlp_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    monkeypatch.setenv("MNIST_LAB_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("MNIST_LAB_DRAWINGS", str(tmp_path / "drawings.sqlite"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    return hostile.build(mlp_run, tmp_path / "runs")


def addresses(there: dict[str, Path]) -> Iterable[tuple[str, dict[str, str]]]:
    """Where something is to be seen of what was written: a page, and what is in its address."""
    first, second, failed = (there[name].name for name in ("one", "two", "failed"))
    return [
        ("start", {}),
        ("train", {}),
        ("train", {"run": first}),
        ("train", {"run": first, "view": "layers"}),
        ("train", {"run": failed}),
        ("sweeps", {"sweep": there["sweep"].name}),
        ("runs", {}),
        ("runs", {"runs": first}),
        ("runs", {"runs": f"{first},{second}"}),
        ("runs", {"runs": f"{first},{second},{failed}", "metric": "loss"}),
        ("evaluate", {"run": first, "look": "robustness", "beside": second}),
        ("draw", {"run": second}),
        ("drawings", {}),
    ]


def test_what_somebody_wrote_is_shown_as_it_was_written_on_every_page(there: dict[str, Path]) -> None:
    for name, query in addresses(there):
        assert assert_harmless(open_page(name, **query)), (name, query)


@pytest.mark.parametrize("name", PAGES)
def test_what_a_link_says_is_shown_as_it_is(name: str, there: dict[str, Path]) -> None:
    asked = ("run", "runs", "sweep", "sweep_name", "set", "find", "drawn_by", "digit", "look", "on", "beside")
    assert_harmless(open_page(name, **dict.fromkeys(asked, NAME)))


def test_what_a_file_is_called_is_shown_as_it_is(there: dict[str, Path]) -> None:
    app = open_page("runs")
    app.file_uploader(key="runs.bring_0").set_value((f"{FILE}.zip", b"no zip", "application/zip"))
    assert assert_harmless(again(app))
    app = open_page("data", dataset_shown="mnist")
    app.file_uploader(key="data.mnist_file").set_value((f"{FILE}.npz", b"no npz", "application/octet-stream"))
    assert assert_harmless(again(app))


# -------------------------------------------------------------------------------- in a browser

# The text of the whole page in its order, with what is in shadows, and each attribute that is read out or
# shown; and what is no text.
READ = """
() => {
  const parts = [], bad = [];
  const walk = (node) => {
    if (node.nodeType === Node.TEXT_NODE) parts.push(node.data);
    if (node.nodeType !== Node.ELEMENT_NODE && !(node instanceof ShadowRoot)) return;
    if (["STYLE", "SCRIPT"].includes(node.tagName)) return;
    for (const { name, value } of node.attributes ?? []) {
      if (["aria-label", "alt", "title", "placeholder"].includes(name)) parts.push("\\n" + value + "\\n");
      const leads = ["href", "src", "xlink:href", "action"].includes(name);
      if (leads && /^[^?]*zzq|^x$/i.test(value)) bad.push(value);
    }
    if (["INPUT", "TEXTAREA"].includes(node.tagName)) parts.push("\\n" + node.value + "\\n");
    if (node.shadowRoot) walk(node.shadowRoot);
    node.childNodes.forEach(walk);
    if (node instanceof Element && getComputedStyle(node).display !== "inline") parts.push("\\n");
  };
  walk(document.body);
  const odd = [...document.querySelectorAll(".katex, .MathJax, script:not([src])")];
  bad.push(...odd.map((node) => node.outerHTML).filter((text) => /zzq/i.test(text)));
  return { text: parts.join(""), bad };
}
"""


def assert_read_as_written(page: Page) -> str:
    content = page.evaluate(READ)
    assert content["bad"] == []
    assert not left_over(content["text"]), left_over(content["text"])
    text: str = content["text"]
    return text


@pytest.mark.browser
def test_markup_that_somebody_wrote_makes_no_link_no_picture_and_nothing_bold(
    browser: Browser, page: Page, mlp_run: Path, tmp_path: Path
) -> None:
    there = hostile.build(mlp_run, tmp_path / "runs")
    page.on("dialog", lambda dialog: pytest.fail(dialog.message))
    with serving(tmp_path / "runs", free_port()) as url:
        for name, query in addresses(there):
            where = "" if name == "start" else name
            page.goto(f"{url}/{where}?" + "&".join(f"{key}={value}" for key, value in query.items()))
            page.get_by_test_id("stHeading").first.wait_for()
            wait_until(
                lambda: WORD in page.evaluate(READ)["text"], f"what was written is on {name} {query}", 30
            )
            page.wait_for_timeout(300)
            _point_at_everything(page)
            assert WORD in assert_read_as_written(page), (name, query)


def _point_at_everything(page: Page) -> None:
    """Have the charts say what they say of what is pointed at, and open the lists."""
    for chart in page.locator(".js-plotly-plot .nsewdrag").all():
        chart.scroll_into_view_if_needed()
        box = chart.bounding_box()
        if box and box["width"]:
            page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
            page.wait_for_timeout(100)
            assert_read_as_written(page)
