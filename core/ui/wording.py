"""Runs, numbers and times in words."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import streamlit as st

from core import literal
from core.config import RunConfig
from core.i18n import _
from core.runs import naming, notes, records, run_folder, warm_start
from core.runs.naming import Subject


def plain(text: object) -> str:
    """Text from a user, a link or a file, escaped for Markdown. See `core.literal`."""
    return literal.markdown(text)


def summary(config: RunConfig) -> str:
    """A short description of the settings of a run: "MLP 128 · mnist · 5 epochs · rate 0.02"."""
    return naming.describe(config)


def run_names(folders: Sequence[Path]) -> dict[str, str]:
    """Unique names for runs that are shown together, by the names of their folders."""
    subjects = [subject for run in folders if (subject := _subject(run))]
    named = zip((subject.folder for subject in subjects), naming.names(subjects), strict=True)
    return {run.name: run.name for run in folders} | dict(named)


def _subject(run: Path) -> Subject | None:
    """What the name of a run is made of; None if the run cannot be read."""
    try:
        config = records.plan(run)
    except run_folder.UnknownRun:
        return None
    given = _("Starter model") if run == run_folder.STARTER else notes.read(run).name
    return Subject(run.name, config, given, warm_start.has(run))


def run_labels(folders: Sequence[Path]) -> dict[str, str]:
    """One line for each run, for a list to choose from, by the names of their folders."""
    names = run_names(folders)
    return {run.name: _run_label(run, names[run.name]) for run in folders}


def _run_label(run: Path, name: str) -> str:
    try:
        status, network = run_folder.status(run), naming.network(records.plan(run))
    except run_folder.UnknownRun:
        return f"{run.name} · {cannot_be_read()}"
    if run == run_folder.STARTER:
        return _("{name}, which comes with MNIST Lab · {network} · {accuracy:.2%}").format(
            name=name, network=network, accuracy=status.test_accuracy
        )
    if network not in name:  # the user has given the run another name
        name = f"{name} · {network}"
    accuracy = "" if status.test_accuracy is None else f" · {status.test_accuracy:.2%}"
    state = "" if status.state == "finished" else f" · {state_words()[status.state]}"
    if notes.is_temporary(run):
        state += f" · {automatic()}"
    return f"{name}{accuracy}{state} · {created(run)}"


def created(folder: Path) -> str:
    """When a run or a sweep was created, by the clock of the visitor: "11-25 15:04".

    The name of the folder begins with this time in UTC. If the time zone of the visitor is not known, the
    text says UTC. A folder with another name has its name as the text.
    """
    try:
        moment = datetime.strptime(folder.name[:15], "%Y%m%d-%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return folder.name
    try:
        zone = ZoneInfo(st.context.timezone or "")
        return f"{moment.astimezone(zone):%m-%d %H:%M}"
    except (LookupError, ValueError, OSError, OverflowError):  # a browser may send anything
        return f"{moment:%m-%d %H:%M} UTC"


def cannot_be_read() -> str:
    """The words for a run whose files are damaged."""
    return _("cannot be read")


def automatic() -> str:
    """The word for a run that was started automatically, and that nobody has kept."""
    return _("automatic")


def state_words() -> dict[run_folder.State, str]:
    return {
        "queued": _("waiting"),
        "running": _("training"),
        "pausing": _("pausing"),
        "stopping": _("stopping"),
        "paused": _("paused"),
        "interrupted": _("interrupted"),
        "finished": _("finished"),
        "stopped": _("stopped"),
        "failed": _("failed"),
    }


def run_words(run: Path) -> str:
    """The settings and the names of a run in one sentence, as Markdown."""
    try:
        words = plain(summary(records.plan(run)))
    except run_folder.UnknownRun:
        words = _("A run")
    if given := notes.read(run).name:
        words = f"**{plain(given)}**: {words}"
    return _("{words}. Run `{name}`.").format(words=words, name=run.name)


def number(value: float | None, form: str) -> str:
    """A number in this format; a dash for None."""
    return "–" if value is None else form.format(value)
