"""Text in the user's language, through gettext.

Every sentence that a person reads goes through `_` (or `ngettext`, where a number decides the
form) at the moment it is shown. The source text is English. A second language is a folder
`core/locales/<language>/LC_MESSAGES/mnist_lab.mo`; `make messages` collects the texts to translate.
"""

from __future__ import annotations

import gettext as _gettext
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

DOMAIN = "mnist_lab"
LOCALES = Path(__file__).parent / "locales"


def _english() -> str:
    return "en"


# Returns the current language, an ISO 639 code. It is called for each text, because a server shows pages in
# several languages at once. `core.ui` sets a function that returns the language of the visitor.
language: Callable[[], str] = _english


@lru_cache(maxsize=32)
def translations(language: str) -> _gettext.NullTranslations:
    """The catalogue of a language (an ISO 639 code such as ``"de"``); English if there is no catalogue."""
    return _gettext.translation(DOMAIN, LOCALES, languages=[language], fallback=True)


def _(message: str) -> str:
    """The message in the current language. Fill in values afterwards, with ``.format``."""
    # For an empty message, gettext returns the header of the catalogue.
    return translations(language()).gettext(message) if message else ""


def N_(message: str) -> str:
    """Return the message unchanged. `make messages` collects it, and `_` translates it when it is shown."""
    return message


def ngettext(singular: str, plural: str, n: int) -> str:
    """The singular or plural form for ``n``, in the current language."""
    return translations(language()).ngettext(singular, plural, n)


def duration(seconds: float) -> str:
    """A time span in words: "0.2 s", "8 s", "3 min 20 s", "1 h 5 min"."""
    if 0 < seconds < 0.95:
        return _("{s:.1f} s").format(s=max(0.1, seconds))
    whole = max(0, round(seconds))
    if whole < 60:
        return _("{s} s").format(s=whole)
    if whole < 3600:
        return _("{min} min {s} s").format(min=whole // 60, s=whole % 60)
    return _("{h} h {min} min").format(h=whole // 3600, min=whole % 3600 // 60)
