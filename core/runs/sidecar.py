"""Small JSON files in a run's folder. They are written as a whole; an unreadable one counts as missing."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from core.runs import run_folder


class Sidecar(BaseModel):
    """The content of such a file. A subclass declares the fields with their ranges.

    Attributes:
        FILE: the name of the file.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    FILE: ClassVar[str]

    @classmethod
    def read(cls, run: Path) -> Self | None:
        """Read the file of a run; None if the file is missing or cannot be read."""
        try:
            return run_folder.settled(cls._parsed, run / cls.FILE)
        except (OSError, ValidationError):
            return None

    @classmethod
    def _parsed(cls, file: Path) -> Self:
        return cls.model_validate_json(file.read_bytes())

    def keep(self, run: Path) -> None:
        """Write the file into the run's directory. Raises OSError."""
        run_folder.write_json(run / self.FILE, self.model_dump())
