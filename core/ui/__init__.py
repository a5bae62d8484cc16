"""The parts of the pages, and the only package of `core` that imports Streamlit."""

from core.i18n import duration
from core.ui.app import PAGES, heading, navigation
from core.ui.cache import dataset, evaluation, reader, settings, stamp
from core.ui.charting import chart, charts_are_of, foot, new_charts
from core.ui.layout import at_least, pager
from core.ui.notices import link_to_data, say_where_files_are_taken, sorry
from core.ui.wording import (
    automatic,
    cannot_be_read,
    created,
    number,
    plain,
    run_labels,
    run_names,
    run_words,
    state_words,
    summary,
)

__all__ = [
    "PAGES",
    "at_least",
    "automatic",
    "cannot_be_read",
    "chart",
    "charts_are_of",
    "created",
    "dataset",
    "duration",
    "evaluation",
    "foot",
    "heading",
    "link_to_data",
    "navigation",
    "new_charts",
    "number",
    "pager",
    "plain",
    "reader",
    "run_labels",
    "run_names",
    "run_words",
    "say_where_files_are_taken",
    "settings",
    "sorry",
    "stamp",
    "state_words",
    "summary",
]
