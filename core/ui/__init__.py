"""What the pages are made of, and the only room of `core` that knows of Streamlit."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
import streamlit as st
from streamlit import net_util
from streamlit.delta_generator import DeltaGenerator
from streamlit.navigation.page import StreamlitPage

from core import charts, i18n, literal
from core.config import RunConfig
from core.data import datasets
from core.evaluation import evaluate, reading
from core.exports import file_names
from core.i18n import _
from core.runs import labels, lessons, naming, runs
from core.runs.naming import Subject
from core.settings import Settings
from core.ui import browser, links, state
from core.ui.state import Key
from core.ui.whole import new_fields, whole

_XSRF_COOKIE = "_streamlit_xsrf"

PICTURE_FORMATS = ("png", "svg")
_PICTURE_SCALE = 2  # pixels of a picture for one on the screen
ICON = Path(__file__).parents[2] / ".streamlit" / "icon.svg"
_STYLE = Path(__file__).parent / "app.css"
_taps = st.components.v2.component("taps", html="", js=(Path(__file__).parent / "taps.js").read_text("utf-8"))
PAGES = {
    "start": "pages/start.py",
    "data": "pages/data.py",
    "train": "pages/train.py",
    "sweeps": "pages/sweeps.py",
    "runs": "pages/runs.py",
    "evaluate": "pages/evaluate.py",
    "draw": "pages/draw.py",
    "drawings": "pages/drawings.py",
}


def _visitors_language() -> str:
    return (st.context.locale or "en").split("-")[0]


i18n.language = _visitors_language

# Where another site's page tries to connect, Streamlit asks a server on the internet for this machine's
# address, in case the two are the same, and nobody is served until that has answered or failed.
net_util.get_external_ip = lambda: None

browser.watch()


def navigation() -> StreamlitPage:
    """Set up the app around the pages. Returns the page that the visitor asked for."""
    state.APP_FIRST.set(not state.APP_OPENED.is_kept())
    state.APP_ROUTED.set(True)
    state.APP_OPENED.set(True)
    # Before the pages are named: else a browser is sent to Google for the icon of the one that is shown.
    st.set_page_config(page_icon=str(ICON), layout="wide")
    st.html(_STYLE)
    page = st.navigation(
        [
            st.Page(PAGES["start"], title=_("Start"), icon=":material/home:", default=True),
            st.Page(PAGES["data"], title=_("Data"), icon=":material/grid_view:"),
            st.Page(PAGES["train"], title=_("Train"), icon=":material/model_training:"),
            st.Page(PAGES["sweeps"], title=_("Sweeps"), icon=":material/auto_awesome_motion:"),
            st.Page(PAGES["runs"], title=_("Runs"), icon=":material/table:"),
            st.Page(PAGES["evaluate"], title=_("Evaluate"), icon=":material/fact_check:"),
            st.Page(PAGES["draw"], title=_("Draw"), icon=":material/draw:"),
            st.Page(PAGES["drawings"], title=_("Drawings"), icon=":material/collections_bookmark:"),
        ],
        position="top",
    )
    st.set_page_config(page_title=f"{page.title} · MNIST Lab")
    return page


def settings() -> Settings:
    return Settings()


@st.cache_resource(max_entries=3, show_spinner=False)
def _dataset(name: str, stamp: float) -> datasets.Dataset:
    loaded = datasets.load(name)
    for array in (loaded.x_train, loaded.y_train, loaded.x_test, loaded.y_test):
        array.flags.writeable = False  # every session shares them
    return loaded


def dataset(name: str) -> datasets.Dataset:
    """A data set, read once for all sessions. Raises as `core.data.datasets.load`."""
    return _dataset(name, stamp(datasets.path(name)))


@st.cache_resource(max_entries=16, show_spinner=False)
def _reader(run: Path, stamp: float) -> reading.Reader:
    return reading.load(run)


def reader(run: Path) -> reading.Reader:
    """A run that reads drawings, loaded once for all sessions. Raises as `core.evaluation.reading.load`."""
    return _reader(run, stamp(run / "model.onnx"))


@st.cache_resource(max_entries=16, show_spinner=False)
def _evaluation(run: Path, stamp: float) -> evaluate.Evaluation:
    return evaluate.load(run)


def evaluation(run: Path) -> evaluate.Evaluation:
    """A run's evaluation, read once for all sessions. Raises as `core.evaluation.evaluate.load`."""
    return _evaluation(run, stamp(run / "evaluation.npz"))


def stamp(file: Path) -> float:
    """When the file was last written; 0 where there is none."""
    try:
        return file.stat().st_mtime
    except OSError:
        return 0.0


def heading(title: str, lead: str) -> None:
    """A page's title, and what it is for."""
    if not state.APP_ROUTED.pop():
        # Streamlit takes a folder called "pages" for its older kind of app: until st.navigation has been
        # called once in this server, a page that is opened by its address runs without app.py.
        first = not state.APP_OPENED.is_kept()
        navigation()
        state.APP_ROUTED.pop()
        if first:
            state.APP_OPENED.pop()  # this page is still the first one of the session
            st.rerun()  # from app.py, and with nothing lost: nobody has clicked anything yet
    new_charts()
    new_fields()
    state.APP_CHARTS_OF.set("mnist-lab")
    with st.container(gap=None):
        links.begin(first=state.APP_FIRST.get())
        _taps(key=state.APP_TAPS, height=1)
        st.title(title, anchor=False)
    with st.container(key=state.APP_LEAD):
        st.markdown(lead)


def new_charts() -> None:
    """Forget the charts: others are about to be drawn. For a fragment that draws all of its page's."""
    state.APP_CHARTS.set({})
    state.APP_FOOTED.set(False)


def charts_are_of(run: Path) -> None:
    """Have the files of the page's charts begin with the name of this run."""
    state.APP_CHARTS_OF.set(file_names.stem(run))


def _chart_file(name: str) -> str:
    return f"{state.APP_CHARTS_OF.get()}-{name.replace('_', '-')}"


def chart(
    figure: go.Figure,
    *,
    key: Key[Any],
    alt: str,
    numbers: Callable[[], list[list[Any]]] | None = None,
    into: DeltaGenerator | None = None,
    **options: Any,
) -> Any:
    """A chart, of which a picture can be taken where it is, and its numbers at the foot of the page.

    Its texts are shown as they are, see `core.charts.literal`.

    Args:
        alt: what it shows, for those who do not see it.
        numbers: its numbers, row by row, the names of the columns first, where they cannot be read off the
            figure, see `core.charts.table`; called when somebody takes them.
        into: where to draw it; None for here.
        options: as for `streamlit.plotly_chart`.
    """
    state.APP_CHARTS.begin({})[key.name] = (alt, figure, numbers)
    form = state.APP_PICTURE_FORMAT.get() or PICTURE_FORMATS[0]
    config = {
        "displaylogo": False,
        "modeBarButtons": [["toImage"]],
        "toImageButtonOptions": {"format": form, "filename": _chart_file(key.name), "scale": _PICTURE_SCALE},
    }
    return (into or st).plotly_chart(charts.literal(figure), key=key, alt=alt, config=config, **options)


def foot(*, of_fragment: bool = False) -> None:
    """What there is at the foot of every page: the charts that it shows, to take away.

    Args:
        of_fragment: this is the end of a fragment that has drawn them all, and there is no other foot.
    """
    if not of_fragment:
        links.end()
    if state.APP_FOOTED.get():
        return
    state.APP_FOOTED.set(of_fragment)
    # A picture that is made of shapes alone has no numbers.
    drawn = state.APP_CHARTS.get().items()
    shown = {name: alt for name, (alt, figure, _numbers) in drawn if figure.data}
    if not shown:
        return
    with st.popover(_("Download a chart"), icon=":material/download:", type="tertiary"):
        if state.APP_CHART.get() not in shown:
            state.APP_CHART.pop()
        name = st.selectbox(_("Chart"), list(shown), key=state.APP_CHART, format_func=shown.__getitem__)
        st.download_button(
            _("Download its numbers (CSV)"), partial(_as_csv, state.APP_CHARTS.get(), name),
            f"{_chart_file(name)}.csv", "text/csv",
            icon=":material/table_chart:", key=state.APP_TAKE_CHART, on_click="ignore",
        )  # fmt: skip
        st.segmented_control(
            _("The camera on a chart takes it as"), PICTURE_FORMATS, default=PICTURE_FORMATS[0],
            required=True, format_func=str.upper, key=state.APP_PICTURE_FORMAT, persist_state="session",
            help=_("Point at a chart, or tap it, and a camera appears at its upper right."),
        )  # fmt: skip


def _as_csv(shown: dict[str, tuple[str, go.Figure, Callable[[], list[list[Any]]] | None]], name: str) -> str:
    """A chart as CSV, as it is when somebody asks: there is no session by then, and it may have gone on."""
    text = io.StringIO()
    _alt, figure, numbers = shown[name]
    rows = numbers() if numbers else charts.table(figure)
    csv.writer(text).writerows(
        [literal.spreadsheet(cell) if isinstance(cell, str) else cell for cell in row] for row in rows
    )
    return text.getvalue()


def say_where_files_are_taken() -> None:
    """Next to a place for files: inside of another site's page, they would be refused.

    There, browsers keep back the cookie that Streamlit wants to see with a file.
    """
    wanted = st.get_option("server.enableXsrfProtection") and st.context.headers
    if not wanted or _XSRF_COOKIE in st.context.cookies:
        return
    st.warning(
        _("Your browser does not let this app have cookies here, so no file can be given to it. That is so "
          "where another site shows it inside of its own page."),
        icon=":material/tab:",
    )  # fmt: skip
    if st.context.url:
        st.link_button(_("Open it in a tab of its own"), st.context.url, icon=":material/open_in_new:")


def link_to_data(name: str) -> None:
    """To where a data set that is not on this machine can be had."""
    st.page_link(
        PAGES["data"], label=_("Get it on the Data page"), icon=":material/download:",
        query_params=state.DATA_DATASET.parameter.to(name),
    )  # fmt: skip


def plain(text: object) -> str:
    """What a person, a link or a file has brought, as it is, for Markdown: see `core.literal`."""
    return literal.markdown(text)


def sorry(message: object) -> None:
    """Say what went wrong, in a sentence that may quote what was received."""
    st.error(plain(message), icon=":material/error:")


def summary(config: RunConfig) -> str:
    """A run's settings, as far as its preset does not say them: "MLP 128 · mnist · 5 epochs · rate 0.02"."""
    return naming.describe(config)


def run_names(found: Sequence[Path]) -> dict[str, str]:
    """What runs are called side by side, by their folders' names; no two of them the same."""
    subjects = [subject for run in found if (subject := _subject(run))]
    named = zip((subject.folder for subject in subjects), naming.names(subjects), strict=True)
    return {run.name: run.name for run in found} | dict(named)


def _subject(run: Path) -> Subject | None:
    """What there is to name a run by; None where it cannot be read."""
    try:
        config = runs.plan(run)
    except runs.UnknownRun:
        return None
    given = _("Starter model") if run == runs.STARTER else labels.read(run).name
    return Subject(run.name, config, given, lessons.has(run))


def run_labels(found: Sequence[Path]) -> dict[str, str]:
    """Runs in a line each, for a list to choose from, by their folders' names."""
    names = run_names(found)
    return {run.name: _run_label(run, names[run.name]) for run in found}


def _run_label(run: Path, name: str) -> str:
    try:
        status, network = runs.status(run), naming.network(runs.plan(run))
    except runs.UnknownRun:
        return f"{run.name} · {cannot_be_read()}"
    if run == runs.STARTER:
        return _("{name}, which comes with MNIST Lab · {network} · {accuracy:.2%}").format(
            name=name, network=network, accuracy=status.test_accuracy
        )
    if network not in name:  # somebody has given it another one
        name = f"{name} · {network}"
    moment = run.name[4:13] if run.name[:8].isdigit() else run.name
    date = f"{moment[:2]}-{moment[2:4]} {moment[5:7]}:{moment[7:9]}" if moment != run.name else moment
    accuracy = "" if status.test_accuracy is None else f" · {status.test_accuracy:.2%}"
    state = "" if status.state == "finished" else f" · {state_words()[status.state]}"
    return f"{name}{accuracy}{state} · {date} UTC"


def cannot_be_read() -> str:
    """What stands beside a run of which nothing else is known."""
    return _("cannot be read")


def state_words() -> dict[runs.State, str]:
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
    """A run's settings in a sentence, as Markdown, and its names."""
    try:
        words = plain(summary(runs.plan(run)))
    except runs.UnknownRun:
        words = _("A run")
    if given := labels.read(run).name:
        words = f"**{plain(given)}**: {words}"
    return _("{words}. Run `{name}`.").format(words=words, name=run.name)


def duration(seconds: float) -> str:
    """A time span as people say it: "0.2 s", "8 s", "3 min 20 s", "1 h 5 min"."""
    if 0 < seconds < 0.95:
        return _("{s:.1f} s").format(s=max(0.1, seconds))
    whole = max(0, round(seconds))
    if whole < 60:
        return _("{s} s").format(s=whole)
    if whole < 3600:
        return _("{min} min {s} s").format(min=whole // 60, s=whole % 60)
    return _("{h} h {min} min").format(h=whole // 3600, min=whole % 3600 // 60)


def number(value: float | None, form: str) -> str:
    """A number in this form; a dash where there is none."""
    return "–" if value is None else form.format(value)


def at_least(width: int) -> DeltaGenerator:
    """A container so many pixels wide, which scrolls sideways on a narrower screen."""
    return st.grid(1, min_column_width=width, wrap=False)


def pager(total: int, size: int, key: Key[int]) -> slice:
    """Let the visitor leaf through `total` things, `size` at a time. Returns what to show."""
    pages, page = max(1, -(-total // size)), 1
    if pages > 1:
        page = whole(_("Page (of {pages:,})").format(pages=pages), 1, pages, key=key, width=180)
    else:
        key.set(1)
    return slice((page - 1) * size, page * size)
