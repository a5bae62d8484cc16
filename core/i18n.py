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


# Asked at each text for the language to speak, an ISO 639 code: one server speaks to many people at
# once, so `core.ui` puts a function here that knows whose page is being made.
language: Callable[[], str] = _english


@lru_cache(maxsize=32)
def translations(language: str) -> _gettext.NullTranslations:
    """The catalogue of a language (an ISO 639 code such as ``"de"``); English where there is none."""
    return _gettext.translation(DOMAIN, LOCALES, languages=[language], fallback=True)


def _(message: str) -> str:
    """The message in the current language. Fill in values afterwards, with ``.format``."""
    # gettext answers the empty message with the catalogue's header.
    return translations(language()).gettext(message) if message else ""


def N_(message: str) -> str:
    """The message as it is. `make messages` finds it, and `_` translates it where it is shown."""
    return message


def ngettext(singular: str, plural: str, n: int) -> str:
    """The form that goes with ``n``, in the current language."""
    return translations(language()).ngettext(singular, plural, n)
