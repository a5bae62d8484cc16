"""The runs of this visit on the Train page: a strip of cards, and the curves of the earlier runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import streamlit as st

from core import charts, ui
from core.evaluation import difference
from core.i18n import _, ngettext
from core.runs import naming, records, run_folder, run_table
from core.runs.run_table import Entry
from core.ui import keeping, state

MOST = 8  # cards
_MOST_CHANGES = 2  # settings that a card names
_SPARKLINE = (150, 40)  # pixels
_SCALE = 0.2  # most height of it: a run that learns nothing must not flatten the others
_COLOUR = "#3D8FC4"  # readable on light and on dark paper
_WIDTH = 170  # pixels, so that two cards fit beside each other on a phone


def note(run: Path) -> None:
    """Remember a run that the visitor started."""
    state.TRAIN_VISIT.set([run.name, *(name for name in state.TRAIN_VISIT.get() if name != run.name)])


def runs(root: Path) -> list[Path]:
    """The runs of this visit that still exist, newest first."""
    return _existing(root, state.TRAIN_VISIT.get())


def _existing(root: Path, names: Sequence[str]) -> list[Path]:
    return [root / name for name in names if (root / name / "config.json").is_file()]


def before(run: Path) -> list[tuple[str, list[dict[str, Any]]]]:
    """The curves of earlier runs for `core.charts.curve`: the previous run of the visit, then pinned ones.

    Returns:
        For each run its name, and the rows of `records.metrics`.
    """
    previous = [other] if (other := previous_to(run)) else []
    pinned = [
        other for other in _existing(run.parent, state.TRAIN_PINNED.get()) if other not in (run, *previous)
    ]
    chosen = [*previous, *pinned][: charts.MOST_BEFORE]
    names = ui.run_names([run, *chosen])
    return [(names[other.name], records.metrics(other)) for other in chosen]


def previous_to(run: Path) -> Path | None:
    """The run of this visit that was started before a run, and has finished an epoch."""
    visited = runs(run.parent)
    older = visited[visited.index(run) + 1 :] if run in visited else visited
    return next((other for other in older if records.metrics(other)), None)


def strip(root: Path, shown: Path | None, use: Callable[[Path], None], show: Callable[[Path], None]) -> None:
    """The newest runs of this visit, each with its curve, its changes and its buttons.

    Args:
        shown: the run that the page shows.
        use: takes the settings of a run over into the form.
        show: shows a run.
    """
    entries = []
    for run in runs(root):
        with suppress(run_folder.UnknownRun):
            entries.append(run_table.entry(run))
    if not entries:
        return
    st.header(_("Runs of this visit"), anchor=False)
    names = ui.run_names([entry.run for entry in entries])
    accuracies = [accuracy for entry in entries[:MOST] for accuracy in entry.curve]
    high = max(accuracies, default=1)
    low = max(min(accuracies, default=0), high - _SCALE)
    with st.grid("auto", min_column_width=_WIDTH, key=state.TRAIN_VISIT_STRIP):
        for entry, older in zip(entries[:MOST], [*entries[1:], None], strict=False):
            with st.container(border=True, height="stretch", gap="xsmall"):
                _card(entry, older, entry.run == shown)
                _sparkline(entry.curve, low, high)
                _buttons(entry, names[entry.run.name], entry.run == shown, use, show)


def _card(entry: Entry, older: Entry | None, is_shown: bool) -> None:
    badge = f":blue-badge[{_('shown')}] " if is_shown else ""
    badge += f":gray-badge[{_('pinned')}] " if entry.run.name in state.TRAIN_PINNED.get() else ""
    badge += f":gray-badge[{ui.automatic()}] " if entry.labels.is_temporary else ""
    st.markdown(f"{badge}**{ui.plain(_changed(entry, older))}**")
    validated = entry.config.validation_split > 0
    reached = difference.accuracy(entry, "validation" if validated else "test")
    if reached is None:
        label, value = _("State"), ui.state_words()[entry.status.state]
    else:
        label, value = _("Validation accuracy") if validated else _("Test accuracy"), f"{reached:.1%}"
    st.metric(label, value)


def _sparkline(curve: Sequence[float], low: float, high: float) -> None:
    """A small curve of accuracies. All cards have the same scale; below `low`, the curve is at the bottom.

    It is a picture: the chart of `streamlit.metric` has no text for screen readers.
    """
    if len(curve) < 2:
        return
    width, height = _SPARKLINE
    places = [
        f"{width * place / (len(curve) - 1):.1f},{min(1, (high - accuracy) / (high - low or 1)) * height:.1f}"
        for place, accuracy in enumerate(curve)
    ]
    st.image(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="-2 -2 {width + 4} {height + 4}">'
        f'<polyline points="{" ".join(places)}" fill="none" stroke="{_COLOUR}" stroke-width="2"/></svg>',
        alt=_("Accuracy after each epoch, from {first:.1%} to {last:.1%}").format(
            first=curve[0], last=curve[-1]
        ),
        width="stretch",
    )  # fmt: skip


def _changed(entry: Entry, older: Entry | None) -> str:
    """What differs from the run before: "Learning rate 0.01"."""
    if older is None:
        return naming.name(entry.subject)
    changes = difference.changes(older, entry)
    if not changes:
        return _("The same settings")
    words = ", ".join(f"{change.title} {change.after}" for change in changes[:_MOST_CHANGES])
    left = len(changes) - _MOST_CHANGES
    return (
        words
        if left <= 0
        else ngettext("{words} and {n} more", "{words} and {n} more", left).format(words=words, n=left)
    )


def _buttons(
    entry: Entry, name: str, is_shown: bool, use: Callable[[Path], None], show: Callable[[Path], None]
) -> None:
    run = entry.run

    def named(label: str) -> str:
        # For screen readers. The style hides the name, because the card says which run it is.
        return f"{label} :small[{ui.plain(name)}]"

    st.button(
        named(_("Use these settings")), key=state.TRAIN_VISIT_USE[run.name], on_click=use, args=(run,),
        width="stretch",
    )  # fmt: skip
    is_pinned = run.name in state.TRAIN_PINNED.get()
    with st.container(horizontal=True, gap="xsmall"):
        st.button(
            named(_("Unpin") if is_pinned else _("Pin")), key=state.TRAIN_VISIT_PIN[run.name], on_click=_pin,
            args=(run,), help=_("The curve of a pinned run stays in the charts."), width="stretch",
        )  # fmt: skip
        st.button(
            named(_("Open")), key=state.TRAIN_VISIT_OPEN[run.name], on_click=show, args=(run,),
            disabled=is_shown, width="stretch",
        )  # fmt: skip


def _pin(run: Path) -> None:
    """Let the curve of a run stay in the charts, or no longer. A pinned run is not a temporary one."""
    pinned = state.TRAIN_PINNED.get()
    if run.name in pinned:
        state.TRAIN_PINNED.set([name for name in pinned if name != run.name])
        return
    state.TRAIN_PINNED.set([run.name, *pinned])
    keeping.keep(run)
