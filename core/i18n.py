"""Text in the user's language, through gettext.

Every sentence that a person reads goes through `_` (or `ngettext`, where a number decides the
form) at the moment it is shown. The source text is English. A second language is a folder
`core/locales/<language>/LC_MESSAGES/mnist_lab.mo`; `make messages` collects the texts to translate.
"""

from __future__ import annotations

import gettext as _gettext
from contextvars import ContextVar
from functools import lru_cache
from pathlib import Path

DOMAIN = "mnist_lab"
LOCALES = Path(__file__).parent / "locales"

# A context variable, because one server process speaks to many people at once: each page run
# happens in a thread of its own, which starts from an empty context.
_translations: ContextVar[_gettext.NullTranslations] = ContextVar("translations")
_english = _gettext.NullTranslations()


@lru_cache(maxsize=32)
def translations(language: str) -> _gettext.NullTranslations:
    """The catalogue of a language (an ISO 639 code such as ``"de"``); English where there is none."""
    return _gettext.translation(DOMAIN, LOCALES, languages=[language], fallback=True)


def use(catalogue: _gettext.NullTranslations) -> None:
    """Speak from this catalogue for the rest of the current thread or task."""
    _translations.set(catalogue)


def _(message: str) -> str:
    """The message in the current language. Fill in values afterwards, with ``.format``."""
    # gettext answers the empty message with the catalogue's header.
    return _translations.get(_english).gettext(message) if message else ""


def ngettext(singular: str, plural: str, n: int) -> str:
    """The form that goes with ``n``, in the current language."""
    return _translations.get(_english).ngettext(singular, plural, n)
