"""Whatever a person writes is read as it was written, and never as markup."""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser

import numpy as np
import plotly.graph_objects as go
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from core import charts, literal

# What Markdown, Streamlit and Plotly take for something else.
SIGNS = st.text(st.sampled_from("ab1 \n\t\\`*_[]()<>{}$~:#|&-+=.!@/%;^'\""), max_size=40)
TEXTS = st.one_of(SIGNS, st.text(max_size=40))
READER = MarkdownIt("commonmark").enable(["table", "strikethrough"])


class Words(HTMLParser):
    """The text of an HTML page, and the tags in it."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.words, self.tags = "", set[str]()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.add(tag)
        self.words += "\n" * (tag == "br")

    def handle_data(self, data: str) -> None:
        self.words += data.replace("\n", "")  # the break itself is the tag


@given(TEXTS)
@example("1. a list\n- another\n\n\n    code\n===")
@example("| a | b |\n| - | - |\n| c | d |")
@example("&copy; <!-- no --> ![x](y)")
@example("123456789) x")
def test_a_note_is_read_from_markdown_as_it_was_written(text: str) -> None:
    text = text.replace("\0", "").replace("\u2060", "").replace("\u00a0", "")
    page = Words(READER.render(literal.markdown(text)))
    assert page.tags <= {"p", "br"}
    lines = [line.replace("\u2060", "").replace("\u00a0", " ") for line in page.words.split("\n")]
    written = [line.replace("\t", " ") for line in text.splitlines()] or [""]
    assert [line.split() for line in lines] == [line.split() for line in written]


@pytest.mark.parametrize(
    "text", ["http://a.example", "see www.a.example", "A@a.example", "HTTPS://a.example"]
)
def test_an_address_is_broken_where_nobody_sees_it(text: str) -> None:
    shown = literal.markdown(text)
    assert shown.replace("\u2060", "").replace("\\", "") == text
    assert not re.search(r"(?i)://|www\.|@a", shown.replace("\\", ""))


@given(TEXTS)
def test_a_figure_s_texts_have_no_tag_and_no_formula(text: str) -> None:
    shown = literal.plotly(text)
    assert not set("<>$") & set(shown)
    assert html.unescape(shown) == html.unescape(shown.replace("&#38;", "&"))
    assert (
        shown.replace("&#60;", "<").replace("&#62;", ">").replace("&#36;", "$").replace("&#38;", "&") == text
    )


HOSTILE = '<a href="http://a.example">x</a> <b>$x^2$</b> %{y} &amp;'


def test_every_text_of_a_figure_is_handed_over_as_it_is_and_templates_stay() -> None:
    template = "%{y}<br>%{text}<extra>%{fullData.name}</extra>"
    figure = go.Figure(
        [
            go.Scatter(x=[1, 2], y=[1, 2], name=HOSTILE, text=[HOSTILE, "b"], hovertemplate=template),
            go.Scatter(x=[1], y=[1], text=np.array([HOSTILE], object), customdata=[[HOSTILE]]),
            go.Bar(x=[HOSTILE], y=[1]),
            go.Parcoords(dimensions=[{"label": HOSTILE, "values": [1, 2]}]),
        ],
        {"title": HOSTILE, "xaxis": {"title": HOSTILE}, "annotations": [{"text": HOSTILE}]},
    )
    shown = charts.literal(figure)
    whole = shown.to_json()
    assert "<a" not in whole
    assert "<b>" not in whole
    assert "$x" not in whole
    assert shown.data[0].hovertemplate == template
    assert shown.layout.template == figure.layout.template
    assert figure.data[0].name == HOSTILE  # the numbers are taken away under the name as it is
    np.testing.assert_array_equal(shown.data[0].y, figure.data[0].y)


def test_a_figure_with_nothing_to_escape_is_handed_over_itself() -> None:
    figure = go.Figure(
        go.Scatter(x=[1], y=np.array([2.0]), name="MLP 128", hovertemplate="%{y}<extra></extra>")
    )
    assert charts.literal(figure) is figure


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", " =1"])
def test_a_name_is_no_formula_in_a_spreadsheet(text: str) -> None:
    assert literal.spreadsheet(text) == f"'{text}"
    assert literal.spreadsheet(f"a{text}") == f"a{text}"
