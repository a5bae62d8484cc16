"""Sentences about settings that pydantic rejects: what was received, and what is allowed."""

from __future__ import annotations

import json
from collections.abc import Mapping

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from core import knobs
from core.i18n import _


def explain(error: ValidationError, settings: Mapping[str, FieldInfo]) -> str:
    """The errors of pydantic in plain words: for each, what was received and what is allowed.

    Args:
        settings: the names of all settings.
    """
    return " ".join(_explain_one(finding, settings) for finding in error.errors())


def _explain_one(finding: ErrorDetails, settings: Mapping[str, FieldInfo]) -> str:
    name = ".".join(str(part) for part in finding["loc"])
    # Pydantic gives only the limit that was exceeded.
    limits = knobs.limits(settings[name]) if name in settings else {}
    context = limits | finding.get("ctx", {})
    if finding["type"] == "extra_forbidden":
        return _("There is no setting {name}. The settings are {names}.").format(
            name=name, names=", ".join(settings)
        )
    if finding["type"] == "value_error":
        return str(context["error"])
    return _("{name} cannot be {received}: it must be {allowed}.").format(
        name=name,
        received=json.dumps(finding["input"], default=str),
        allowed=_allowed(finding["type"], finding["msg"]).format(**context),
    )


def _allowed(kind: str, message: str) -> str:
    """The allowed values, in words, for an error of this kind."""
    match kind:
        case "greater_than_equal":
            return _("at least {ge}")
        case "greater_than":
            return _("above {gt}")
        case "less_than_equal":
            return _("at most {le}")
        case "less_than":
            return _("below {lt}")
        case "string_pattern_mismatch":
            return _("a name of lower-case letters, digits and hyphens")
        case "literal_error":
            return _("one of {expected}")
        case "too_short" | "too_long":
            return _("a list of {min_length} to {max_length} items")
        case "finite_number":
            return _("a finite number")
        case "bool_parsing" | "bool_type":
            return _("true or false")
        case _ if kind.startswith("int_"):
            return _("a whole number")
        case _ if kind.startswith("float_"):
            return _("a number")
        case _:
            # All other errors come from files that were edited. Their message is that of pydantic.
            words = message.replace("{", "{{").replace("}", "}}")
            return _("another value ({words})").format(words=words)
