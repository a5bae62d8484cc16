"""Escape texts that people wrote, so that Markdown, Plotly and spreadsheets show them unchanged.

What somebody calls a run, writes on it, or puts into a link or a file may neither look like a part of the
page nor lead elsewhere.
"""

from __future__ import annotations

import re

# Markdown's signs and Streamlit's own; the last ones count only where a line begins.
_SIGNS = re.compile(r"[\\`*_\[\]<>$~:#|&]|^[-+=]")
# What Streamlit makes a link of, or a list, for which escaping is no help or takes more than one sign.
_BROKEN = re.compile(r"(?i)https?:|ftp:|mailto:|www|@|^\d+(?=[.)])")
_WORD_JOINER = "\u2060"  # takes no room
_WIDE_SPACE = "\u00a0"  # others would be an indentation, or an empty line
_LINE_BREAK = "\\\n"

_PLOTLYS = re.compile(r"[&<>$]")
_FORMULA = re.compile(r"\s*[=+\-@]")


def markdown(text: object) -> str:
    """For Markdown, as Streamlit shows it in texts, labels, hints and messages. Line breaks are kept."""
    first, *others = [_line(line) for line in str(text).splitlines() or [""]]
    return _LINE_BREAK.join([first, *(line or _WIDE_SPACE for line in others)])


def _line(line: str) -> str:
    words = line.lstrip()
    broken = _BROKEN.sub(rf"\g<0>{_WORD_JOINER}", words)
    return _WIDE_SPACE * (len(line) - len(words)) + _SIGNS.sub(r"\\\g<0>", broken)


def plotly(text: str) -> str:
    """For a Plotly figure, in whose texts some tags of HTML work, and formulas."""
    return _PLOTLYS.sub(lambda sign: f"&#{ord(sign[0])};", text)


def spreadsheet(text: str) -> str:
    """For a cell of a CSV file, which a spreadsheet takes for a formula if it begins like one."""
    return f"'{text}" if _FORMULA.match(text) else text
