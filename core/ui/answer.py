"""What a network reads in a drawing, in words."""

from __future__ import annotations

import numpy as np

from core.evaluation.recognition import Reading
from core.i18n import _

_LEAST = 0.0005  # a smaller probability is shown as 0.0%


def shown(reading: Reading, *, alone: bool) -> str:
    """The most probable digits in words, at most three. With ``alone``, the answer is a heading."""
    first, second, third = np.argsort(-reading.probabilities, kind="stable")[:3]
    answer = _("## I read: {first} ({p1:.1%})\n\n") if alone else _("This digit is a {first} ({p1:.1%}). ")
    if reading.probabilities[third] >= _LEAST:
        others = _("Next: {second} ({p2:.1%}), then {third} ({p3:.1%}).")
    elif reading.probabilities[second] >= _LEAST:
        others = _("Next: {second} ({p2:.1%}). Every other digit has less than 0.1%.")
    else:
        others = _("Every other digit has less than 0.1%.")
    words = answer + others
    if not reading.is_digit:
        words = _(
            "## This does not look like a digit\n\nThe most probable digits: {first} ({p1:.1%}), "
            "{second} ({p2:.1%}) and {third} ({p3:.1%})."
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
