"""The notes of people about a run: a name, tags, a note and a star. The run itself does not change.

The file also says whether the run was started automatically: a person can change that as well.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, ValidationError

from core.i18n import _
from core.runs.sidecar import Sidecar

MOST_NAME = 80  # characters
MOST_TAG = 30
MOST_TAGS = 10
MOST_NOTE = 2_000


class BadLabels(ValueError):
    """The notes are too long, or there are too many tags. The message says what is allowed."""


def tidy(text: str) -> str:
    """Put a text on one line, without invisible characters."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def _tidy_tags(tags: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(tag for tag in map(tidy, tags) if tag))


class Labels(Sidecar):
    """The notes of people about a run.

    Attributes:
        name: the name; "" for a name that is made from the settings.
        tags: words to find the run by.
        note: a text, which may have several lines.
        starred: whether the run has a star.
        automatic: whether the run was started by the change of a setting, without a click.
    """

    FILE = "labels.json"

    name: Annotated[str, AfterValidator(tidy), Field(max_length=MOST_NAME)] = ""
    tags: Annotated[
        tuple[Annotated[str, Field(max_length=MOST_TAG)], ...],
        AfterValidator(_tidy_tags),
        Field(max_length=MOST_TAGS),
    ] = ()
    note: str = Field("", max_length=MOST_NOTE)
    starred: bool = False
    automatic: bool = False

    @property
    def is_temporary(self) -> bool:
        """Whether the run is hidden in lists, and deleted after a day: nobody has asked for it so far."""
        return self.automatic and not (self.name or self.tags or self.note or self.starred)


NONE = Labels()


def read(run: Path) -> Labels:
    """Read the notes about a run; empty if they are missing or cannot be read."""
    return Labels.read(run) or NONE


def write(run: Path, **changes: object) -> Labels:
    """Change some of the notes about a run.

    Raises:
        BadLabels: a text is too long, or there are too many tags.
        OSError: the run's folder cannot be written to, or has been deleted.
    """
    try:
        changed = Labels.model_validate(read(run).model_dump() | changes)
    except ValidationError as error:
        raise BadLabels(
            _(
                "At most {name} characters are allowed in a name, {note:,} in a note, and {tags} tags of "
                "{tag} characters each. Make the text shorter."
            ).format(name=MOST_NAME, note=MOST_NOTE, tags=MOST_TAGS, tag=MOST_TAG)
        ) from error
    if not run.is_dir():
        raise FileNotFoundError(run)
    changed.keep(run)
    return changed


def pin(run: Path) -> Labels:
    """Make an automatic run an ordinary one. Raises OSError like `write`."""
    return write(run, automatic=False) if read(run).automatic else read(run)


def is_temporary(run: Path) -> bool:
    """Whether the run is automatic, and without notes. See `core.runs.temporary`."""
    return read(run).is_temporary
