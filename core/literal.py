"""Escape texts that people wrote, so that Markdown, Plotly and spreadsheets show them unchanged.

A text from a user, a link or a file must not look like a part of the page, and must not become a link.
"""

from __future__ import annotations

import re

# The special characters of Markdown and Streamlit. The last ones are special only at the beginning of a line.
_SIGNS = re.compile(r"[\\`*_\[\]<>$~:#|&]|^[-+=]")
# Texts that Streamlit turns into links or lists, which cannot be prevented by escaping one character.
_BROKEN = re.compile(r"(?i)https?:|ftp:|mailto:|www|@|^\d+(?=[.)])")
_WORD_JOINER = "\u2060"  # takes no room
_WIDE_SPACE = "\u00a0"  # others would be an indentation, or an empty line
_LINE_BREAK = "\\\n"

_PLOTLYS = re.compile(r"[&<>$]")
_FORMULA = re.compile(r"\s*[=+\-@]")


def markdown(text: object) -> str:
    """Escape a text for Markdown in texts, labels, hints and messages of Streamlit. Line breaks are kept."""
    first, *others = [_line(line) for line in str(text).splitlines() or [""]]
    return _LINE_BREAK.join([first, *(line or _WIDE_SPACE for line in others)])


def _line(line: str) -> str:
    words = line.lstrip()
    broken = _BROKEN.sub(rf"\g<0>{_WORD_JOINER}", words)
    return _WIDE_SPACE * (len(line) - len(words)) + _SIGNS.sub(r"\\\g<0>", broken)


def plotly(text: str) -> str:
    """Escape a text for a Plotly figure, which interprets some HTML tags and formulas."""
    return _PLOTLYS.sub(lambda sign: f"&#{ord(sign[0])};", text)


def spreadsheet(text: str) -> str:
    """Escape a cell of a CSV file that a spreadsheet would read as a formula."""
    return f"'{text}" if _FORMULA.match(text) else text
