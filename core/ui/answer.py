"""What a network reads in a drawing, in words."""

from __future__ import annotations

import numpy as np

from core.evaluation.recognition import Reading
from core.i18n import _


def shown(reading: Reading, *, alone: bool) -> str:
    """The three most probable digits in words. With ``alone``, the answer is a heading."""
    first, second, third = np.argsort(-reading.probabilities, kind="stable")[:3]
    words = _("## I read: {first} ({p1:.1%})\n\nNext: {second} ({p2:.1%}), then {third} ({p3:.1%}).")
    if not alone:
        words = _("This digit is a {first} ({p1:.1%}). Next: {second} ({p2:.1%}), then {third} ({p3:.1%}).")
    if not reading.is_digit:
        words = _(
            "## This does not look like a digit\n\nEven the most similar training digits look different. "
            "The most probable digits: {first} ({p1:.1%}), {second} ({p2:.1%}) and {third} ({p3:.1%})."
        )
    return words.format(
        first=first, p1=reading.probabilities[first],
        second=second, p2=reading.probabilities[second],
        third=third, p3=reading.probabilities[third],
    )  # fmt: skip


def number(readings: list[Reading]) -> str:
    """Several digits, read as a number, as a heading."""
    return _("## I read: {number}").format(number=_digits(readings))


def _digits(readings: list[Reading]) -> str:
    return "".join(str(reading.digit) for reading in readings)


def heard(readings: list[Reading]) -> str:
    """The answer in a sentence for a screen reader."""
    if len(readings) > 1:
        return _("Read as {number}.").format(number=_digits(readings))
    reading = readings[0]
    if not reading.is_digit:
        return _("This does not look like a digit.")
    return _("Read as {digit}, with a confidence of {share:.0%}.").format(
        digit=reading.digit, share=reading.confidence
    )
