"""Whether a difference between runs is more than chance, in words."""

from __future__ import annotations

from core.i18n import _


def words(meaningful: bool) -> str:
    if meaningful:
        return _("The difference is probably real.")
    return _("This is not enough to say which one is better.")


def why(meaningful: bool, test: str, p_value: float) -> str:
    """The statistics behind a verdict."""
    text = _("Chance alone often causes such a difference ({test}, {p}).")
    if meaningful:
        text = _("Chance alone rarely causes such a difference ({test}, {p}).")
    return text.format(test=test, p="p < 0.001" if p_value < 0.001 else f"p = {p_value:.3f}")
