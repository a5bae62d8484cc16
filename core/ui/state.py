"""The keys of a visitor's session and the parameters of the pages' addresses, each declared once.

A key has the form ``page.name``; keys that several pages share begin with ``app``. A widget, a chart or a
component gets its key from here, and the session is read and written through its keys. So no two pages can
use the same key by accident. A name that is declared twice is an error at the import of this module.

A parameter of the address is visible, and people keep it in links. So its name never changes, even if its key
gets another name. `core.ui.query` follows the address; this module declares its parameters.
"""

from __future__ import annotations

import re
from collections import defaultdict
from typing import Any, Generic, TypeVar

import streamlit as st

from core.config import RunConfig
from core.data import datasets

T = TypeVar("T")


class Parameter(str):
    """The name of a parameter in an address; "" for none."""

    __slots__ = ()

    def get(self) -> str | None:
        """The text of the parameter; None if the address does not have it."""
        return st.query_params.get(self)

    def get_all(self) -> list[str]:
        """Like `get`, for a parameter that the address may have several times."""
        return st.query_params.get_all(self)

    def to(self, value: str | list[str]) -> dict[str, str | list[str]]:
        """The parameters of a link to a page."""
        return {self: value}


class Key(str, Generic[T]):
    """The key of one value in the session. For Streamlit, it is a text.

    Attributes:
        default: the value while the session has none.
        parameter: the parameter in the address of its page.
    """

    default: T
    parameter: Parameter

    def __new__(cls, name: str, default: T, parameter: str = "") -> Key[T]:
        key = super().__new__(cls, name)
        key.default, key.parameter = default, Parameter(parameter)
        return key

    @property
    def name(self) -> str:
        """The key without its page."""
        return self.partition(".")[2]

    @property
    def css_class(self) -> str:
        """The class that Streamlit gives to the element of this key."""
        return "st-key-" + re.sub(r"[^\w-]", "-", self, flags=re.ASCII)

    def is_kept(self) -> bool:
        return self in st.session_state

    def get(self) -> T:
        kept: T = st.session_state.get(self, self.default)
        return kept

    def set(self, value: T) -> None:
        st.session_state[self] = value

    def begin(self, value: T) -> T:
        """Set the value if the session has none. Returns the value in the session."""
        kept: T = st.session_state.setdefault(self, value)
        return kept

    def pop(self) -> T:
        kept: T = st.session_state.pop(self, self.default)
        return kept


class Family(Generic[T]):
    """Keys that differ in their last part: one for each setting, run or chart."""

    def __init__(self, name: str, default: T, parameter: str) -> None:
        self.name, self.default, self.parameter = name, default, parameter

    def __getitem__(self, part: object) -> Key[T]:
        return Key(f"{self.name}_{part}", self.default, self.parameter and f"{self.parameter}_{part}")


class Twice(ValueError):
    """A name is declared twice, or could be confused with another name."""


KEYS: dict[str, Key[Any]] = {}
FAMILIES: dict[str, Family[Any]] = {}
# By page: the parameters of its address. For a family, the beginning of its parameters.
PARAMETERS: defaultdict[str, set[str]] = defaultdict(set)


def _declare(name: str, parameter: str) -> None:
    if name in FAMILIES or is_declared(name):
        raise Twice(f"{name} is declared already")
    if parameter:
        _of_page(name.partition(".")[0], parameter)


def _of_page(page: str, parameter: str) -> None:
    if parameter in PARAMETERS[page]:
        raise Twice(f"{parameter} of the address of {page} is declared already")
    PARAMETERS[page].add(parameter)


def is_declared(name: str) -> bool:
    """Whether a key of the session is declared below."""
    return name in KEYS or any(name.startswith(f"{family}_") for family in FAMILIES)


def key(name: str, default: T, parameter: str = "") -> Key[T]:
    """Declare a key.

    Args:
        name: as ``page.name``.
        parameter: the name in the address of that page; "" if it is not in the address.

    Raises:
        Twice: the key or the parameter of the page is declared already.
    """
    _declare(name, parameter)
    KEYS[name] = declared = Key(name, default, parameter)
    return declared


def element(name: str) -> Key[Any]:
    """Declare the key of an element without a value: a button, a chart, a table, a gallery."""
    return key(name, None)


def family(name: str, default: T, parameter: str = "") -> Family[T]:
    """Declare keys with a common beginning. The arguments and errors are those of `key`."""
    if any(declared.startswith(f"{name}_") for declared in [*KEYS, *FAMILIES]):
        raise Twice(f"{name}_ is the beginning of another key")
    _declare(name, parameter)
    FAMILIES[name] = declared = Family(name, default, parameter)
    return declared


def elements(name: str) -> Family[Any]:
    """Declare the keys of elements without a value. Raises what `key` raises."""
    return family(name, None)


def parameter(name: str, *pages: str) -> Parameter:
    """Declare a parameter of the address that has no widget. Raises what `key` raises."""
    for page in pages:
        _of_page(page, name)
    return Parameter(name)


# ------------------------------------------------------------------------- what several pages share

APP_OPENED = key("app.opened", False)
APP_ROUTED = key("app.routed", False)
APP_FIRST = key("app.first", False)
APP_LEAD = element("app.lead")
APP_TAPS = element("app.taps")
APP_HISTORY = element("app.history")
APP_ANNOUNCED = element("app.announced")
# The strokes on the canvas of the Start page and the Draw page, as in the address of Draw.
APP_STROKES = key("app.strokes", "")
# The parameters that the first page of a session writes at its foot; None on all later pages.
APP_LATE: Key[dict[str, str | list[str] | None] | None] = key("app.late", None)
APP_LATE_ADDRESS = element("app.late_address")
# For a key in the address: the text that was written last, and the value in the session at that time.
APP_WRITTEN: Family[str | None] = family("app.written", None)
APP_SEEN: Family[Any] = family("app.seen", None)
# Fields for whole numbers: the fields with an invalid number, and the last valid number of each field.
APP_REFUSED: Key[dict[str, str]] = key("app.refused", {})
APP_TAKEN: Family[int | None] = family("app.taken", None)

APP_CHARTS: Key[dict[str, Any]] = key("app.charts", {})
APP_CHARTS_OF = key("app.charts_of", "mnist-lab")
APP_FOOTED = key("app.footed", False)
APP_CHART: Key[str | None] = key("app.chart", None)
APP_TAKE_CHART = element("app.take_chart")
APP_PICTURE_FORMAT: Key[str | None] = key("app.picture_format", None)

# The latest run of the visitor, the run that was written into the address, and the list of runs.
APP_RUN: Key[str | None] = key("app.run", None)
APP_RUN_OFFERED: Key[str | None] = key("app.run_offered", None)
APP_RUN_CHOICE = key("app.run_choice", "")
RUN = parameter("run", "train", "evaluate", "draw")
APP_KEEP = element("app.keep")

# An open digit, and the tile to go back to.
DIGIT = parameter("digit", "evaluate", "runs")
APP_CLOSE = element("app.close")
APP_WAS_OPEN = key("app.was_open", "")
APP_WHY = family("app.why", 0)
APP_FOR_INK = element("app.for_ink")
APP_FOR_PAPER = element("app.for_paper")
APP_ALIKE_TILES = element("app.alike_tiles")

# -------------------------------------------------------------------------------------------- Start

START_CANVAS = elements("start.canvas")
# Whether the pen of the visitor has come near the canvas.
START_NEAR = key("start.near", False)
START_ANSWER = element("start.answer")
START_INVITATION = element("start.invitation")
START_BARS = element("start.bars")

# --------------------------------------------------------------------------------------------- Data

DATA_DATASET: Key[str] = key("data.dataset", datasets.DEFAULT, "dataset_shown")
DATA_SPLIT = key("data.split", "train", "split_shown")
DATA_DIGITS: Key[list[int]] = key("data.digits", [], "digits_shown")
DATA_SEED = key("data.seed", 0, "shuffle_seed")
DATA_PAGE = key("data.page", 1, "data_page")
DATA_DIGIT_TILES = element("data.digit_tiles")
DATA_PIXEL_COLOUR = key("data.pixel_colour", 0)
DATA_PIXEL_SCALE = key("data.pixel_scale", "raw")
DATA_PIXELS = element("data.pixels")
DATA_BALANCE = element("data.balance")
DATA_SHAPES = element("data.shapes")
DATA_FETCH = element("data.fetch")
DATA_MNIST_FILE = element("data.mnist_file")

# -------------------------------------------------------------------------------------------- Train

TRAIN_PRESET = key("train.preset", "tutorial-mlp")
TRAIN_KNOB: Family[Any] = family("train.knob", None)
# The settings that differ from the first preset; None before the form was shown.
TRAIN_CHANGED: Key[list[str] | None] = key("train.changed", None, "set")
# The settings that a link has locked.
TRAIN_LOCK: Key[list[str]] = key("train.lock", [], "lock")
TRAIN_RESET = element("train.reset")
TRAIN_SETTINGS = element("train.settings")
TRAIN_BAR = element("train.bar")
TRAIN_UNFOLD = key("train.unfold", False)
TRAIN_SCHEDULE = element("train.schedule")
TRAIN_PREVIEW = key("train.preview", 0)
TRAIN_PREVIEW_AGAIN = element("train.preview_again")
TRAIN_PREVIEW_TILES = element("train.preview_tiles")
TRAIN_NETWORK = element("train.network")
TRAIN_LAYERS = element("train.layers")
TRAIN_NEXT_NETWORK = element("train.next_network")
TRAIN_START = element("train.start")
TRAIN_APPLY = element("train.apply")
# Train as I turn: the switch, the settings that were trained last, and the run that was started by itself.
TRAIN_TURN = key("train.turn", False)
TRAIN_TURNED: Key[RunConfig | None] = key("train.turned", None)
TRAIN_BY_ITSELF: Key[str | None] = key("train.by_itself", None)
# The run that was taken out of the address, until the browser knows it.
TRAIN_TAKEN_OUT: Key[str | None] = key("train.taken_out", None)

TRAIN_WATCHED: Key[str | None] = key("train.watched", None)
TRAIN_GOING_ON: Key[bool | None] = key("train.going_on", None)
TRAIN_USED = key("train.used", False)
TRAIN_USE = element("train.use")
TRAIN_STAND = element("train.stand")
TRAIN_DIFFERENCE = element("train.difference")
TRAIN_LINK = element("train.link")
TRAIN_ZIP = element("train.zip")
TRAIN_PAUSE = element("train.pause")
TRAIN_RESUME = element("train.resume")
TRAIN_STOP = element("train.stop")
TRAIN_MORE = element("train.more")
TRAIN_MORE_EPOCHS = key("train.more_epochs", 5)
TRAIN_TRAIN_ON = element("train.train_on")
TRAIN_STEERING = element("train.steering")
TRAIN_STEER = family("train.steer", 0.0)
TRAIN_SET = element("train.set")
TRAIN_ADVICE = elements("train.advice")
TRAIN_FOLLOW = elements("train.follow")
TRAIN_VIEW = key("train.view", "curves", "view")
TRAIN_SMOOTHING = key("train.smoothing", 0.0, "smoothing")
TRAIN_LOG_LOSS = key("train.log_loss", False, "log_loss")
TRAIN_CURVE = elements("train.curve")
TRAIN_ZOOM: Family[dict[str, Any]] = family("train.zoom", {})
TRAIN_PACE = elements("train.pace")
TRAIN_BY_DIGIT = element("train.by_digit")
TRAIN_SPREAD = elements("train.spread")

# The names of the runs that the visitor started, and of those whose curves stay in the charts, newest first.
TRAIN_VISIT: Key[list[str]] = key("train.visit", [])
TRAIN_PINNED: Key[list[str]] = key("train.pinned", [])
TRAIN_VISIT_STRIP = element("train.visit_strip")
TRAIN_VISIT_USE = elements("train.visit_use")
TRAIN_VISIT_PIN = elements("train.visit_pin")
TRAIN_VISIT_OPEN = elements("train.visit_open")

# ------------------------------------------------------------------------------------------- Sweeps

SWEEPS_SWEEP = key("sweeps.sweep", "", "sweep")
SWEEPS_NAME = key("sweeps.name", "", "sweep_name")
SWEEPS_BASE = key("sweeps.base", "", "base")
SWEEPS_BASE_EPOCHS: Key[tuple[str, int] | None] = key("sweeps.base_epochs", None)
SWEEPS_EPOCHS = family("sweeps.epochs", 1, "epochs")
SWEEPS_METHOD = key("sweeps.method", "tpe", "method")
SWEEPS_TRIALS = key("sweeps.trials", 20, "trials")
SWEEPS_PRUNING = key("sweeps.pruning", True, "pruning")
SWEEPS_KNOBS: Key[list[str]] = key("sweeps.knobs", [], "knobs")
SWEEPS_KNOBS_BEGUN = key("sweeps.knobs_begun", False)
SWEEPS_OF: Family[list[Any]] = family("sweeps.of", [], "of")
SWEEPS_RANGE = family("sweeps.range", (0.0, 0.0), "range")
SWEEPS_POINTS = family("sweeps.points", 3, "points")
SWEEPS_START = element("sweeps.start")

SWEEPS_ERROR: Key[str | None] = key("sweeps.error", None)
SWEEPS_GOING_ON = key("sweeps.going_on", False)
SWEEPS_DAMAGED = elements("sweeps.damaged")
SWEEPS_PAUSE = element("sweeps.pause")
SWEEPS_STOP = element("sweeps.stop")
SWEEPS_GO_ON = element("sweeps.go_on")
SWEEPS_MORE = key("sweeps.more", 5)
SWEEPS_EXTEND = element("sweeps.extend")
SWEEPS_FORGET = element("sweeps.forget")
SWEEPS_SWEEP_HISTORY = element("sweeps.sweep_history")
SWEEPS_SWEEP_BY_KNOB = element("sweeps.sweep_by_knob")
SWEEPS_SWEEP_IMPORTANCE = element("sweeps.sweep_importance")
SWEEPS_SWEEP_PARALLEL = element("sweeps.sweep_parallel")
SWEEPS_TABLE = element("sweeps.table")

# --------------------------------------------------------------------------------------------- Runs

RUNS = parameter("runs", "runs")
RUNS_FIND = key("runs.find", "", "find")
RUNS_AUTOMATIC = key("runs.automatic", False, "automatic")
RUNS_TABLE = elements("runs.table")
RUNS_ERROR: Key[str | None] = key("runs.error", None)
RUNS_LABELS = element("runs.labels")
RUNS_NAME = family("runs.name", "")
RUNS_NOTE = family("runs.note", "")
RUNS_TAGS = family("runs.tags", "")
RUNS_SAVE = element("runs.save")
RUNS_STAR = element("runs.star")
RUNS_KEEP = element("runs.keep")
RUNS_SEEDS = elements("runs.seeds")
RUNS_DELETE = element("runs.delete")
RUNS_DELETED: Key[list[str] | None] = key("runs.deleted", None)
RUNS_UNDO = element("runs.undo")
RUNS_BACK = elements("runs.back")
RUNS_ALL_BACK = element("runs.all_back")
RUNS_COST = key("runs.cost", "parameters", "cost")
RUNS_TRADE_OFF = element("runs.trade_off")
RUNS_FORMAT = key("runs.format", "keras", "format")
RUNS_TAKE = elements("runs.take")
RUNS_BRING = elements("runs.bring")
RUNS_BROUGHT = key("runs.brought", 0)
RUNS_BROUGHT_TWICE: Key[tuple[str, str] | None] = key("runs.brought_twice", None)

RUNS_DIFFERENCES = element("runs.differences")
RUNS_METRIC = key("runs.metric", "val_accuracy", "metric")
RUNS_OVERLAY = element("runs.overlay")
RUNS_A = key("runs.a", "", "a")
RUNS_B = key("runs.b", "", "b")
RUNS_MATRIX_A = element("runs.matrix_a")
RUNS_MATRIX_B = element("runs.matrix_b")
RUNS_MATRIX_CHANGE = element("runs.matrix_change")
RUNS_DIFFER = key("runs.differ", "second", "differ")
RUNS_DIFFER_PAGE = key("runs.differ_page", 1)
RUNS_DIFFER_TILES = element("runs.differ_tiles")
RUNS_BARS = elements("runs.bars")

# ----------------------------------------------------------------------------------------- Evaluate

EVALUATE_ON = key("evaluate.on", "", "on")
EVALUATE_EPOCH = key("evaluate.epoch", 0, "epoch")
EVALUATE_FETCH_FASHION = element("evaluate.fetch_fashion")
EVALUATE_LOOK = key("evaluate.look", "mistakes", "look")
EVALUATE_REPORT = element("evaluate.report")

EVALUATE_MATRIX = element("evaluate.matrix")
EVALUATE_MATRIX_UNIT = key("evaluate.matrix_unit", "counts", "matrix_unit")
EVALUATE_PAIR = elements("evaluate.pair")
EVALUATE_TRUE: Key[str | int] = key("evaluate.true", "any", "true")
EVALUATE_READ: Key[str | int] = key("evaluate.read", "any", "read")
EVALUATE_SHOW = key("evaluate.show", "all", "show")
EVALUATE_SURE: Key[tuple[float, float]] = key("evaluate.sure", (0, 100), "sure")
EVALUATE_PAGE = key("evaluate.page", 1)
EVALUATE_MISTAKE_TILES = element("evaluate.mistake_tiles")
EVALUATE_DIGIT_BARS = element("evaluate.digit_bars")
EVALUATE_EXPLAINED = key("evaluate.explained", "why", "explained")
EVALUATE_COURSE = element("evaluate.course")

EVALUATE_RELIABILITY = element("evaluate.reliability")
EVALUATE_TEMPERATURE = key("evaluate.temperature", 1.0, "temperature")
EVALUATE_SURE_TILES = element("evaluate.sure_tiles")
EVALUATE_CURVE = key("evaluate.curve", "roc", "curve")
EVALUATE_ONE_AGAINST_ALL = element("evaluate.one_against_all")

EVALUATE_MEASURE = element("evaluate.measure")
EVALUATE_NOT_MEASURED: Key[str | None] = key("evaluate.not_measured", None)
EVALUATE_BESIDE: Key[list[str]] = key("evaluate.beside", [], "beside")
EVALUATE_ROBUST = elements("evaluate.robust")
EVALUATE_CHANGED = elements("evaluate.changed")

# --------------------------------------------------------------------------------------------- Draw

DRAW_SOURCE = key("draw.source", "canvas", "source")
DRAWING = parameter("drawing", "draw")
DRAW_ADDRESS = element("draw.address")
DRAW_CANVAS = elements("draw.canvas")
DRAW_GRID: Key[dict[str, Any]] = key("draw.grid", {})
DRAW_PHOTO_WAY = key("draw.photo_way", "file")
DRAW_CAMERA = element("draw.camera")
DRAW_PHOTO = element("draw.photo")
DRAW_PHOTO_INK = key("draw.photo_ink", "auto")
DRAW_PHOTO_DIGITS = key("draw.photo_digits", "auto")
DRAW_PHOTO_TURN = key("draw.photo_turn", 0)
DRAW_PHOTO_ACROSS = key("draw.photo_across", (0, 100))
DRAW_PHOTO_DOWN = key("draw.photo_down", (0, 100))
DRAW_BARS = element("draw.bars")
DRAW_DIGIT_OF = family("draw.digit_of", 0)

DRAW_RIGHT = element("draw.right")
DRAW_WRONG: Family[int | None] = family("draw.wrong", None)
DRAW_WRITER = key("draw.writer", "")
DRAW_KEPT: Key[str | None] = key("draw.kept", None)
DRAW_NOT_KEPT: Key[Exception | None] = key("draw.not_kept", None)

DRAW_INSIGHT = key("draw.insight", "steps", "insight")
DRAW_STEP = family("draw.step", True)
DRAW_LAYER: Key[str | None] = key("draw.layer", None)
DRAW_MAPS = element("draw.maps")
DRAW_MAP = element("draw.map")
DRAW_UNITS = element("draw.units")
# For each of these three charts: the position of the chosen number along each axis, and the first choice.
DRAW_PLACE = family("draw.place", 0)
DRAW_OFFERED: Family[list[int] | None] = family("draw.offered", None)
DRAW_KERNEL_CHANNEL = key("draw.kernel_channel", 0)
DRAW_KERNELS = element("draw.kernels")
DRAW_POOLED = element("draw.pooled")
DRAW_PATCH = elements("draw.patch")
DRAW_TERMS = element("draw.terms")
DRAW_COMPARE = family("draw.compare", "")
DRAW_COMPARED = elements("draw.compared")

# ----------------------------------------------------------------------------------------- Drawings

DRAWINGS_TROUBLE: Key[Exception | None] = key("drawings.trouble", None)
DRAWINGS_DRAWN_BY = key("drawings.drawn_by", "", "drawn_by")
DRAWINGS_WHAT_IT_IS = key("drawings.what_it_is", -1, "what_it_is")
DRAWINGS_READ_WRONG = key("drawings.read_wrong", False, "read_wrong")
DRAWINGS_PAGE = key("drawings.page", 1, "drawings_page")
DRAWINGS_DRAWING_TILES = element("drawings.drawing_tiles")
DRAWINGS_OPENED = key("drawings.opened", 0, "opened_drawing")
DRAWINGS_LABEL = family("drawings.label", 0)
DRAWINGS_RELABEL = element("drawings.relabel")
DRAWINGS_DELETE = element("drawings.delete")
DRAWINGS_DELETED: Key[list[Any]] = key("drawings.deleted", [])
DRAWINGS_UNDO = element("drawings.undo")
DRAWINGS_DOWNLOAD = element("drawings.download")
DRAWINGS_UPLOAD = element("drawings.upload")
DRAWINGS_BRING = element("drawings.bring")
DRAWINGS_ADDED: Key[int | None] = key("drawings.added", None)
DRAWINGS_TESTED = element("drawings.tested")
DRAWINGS_TAUGHT_RUN = key("drawings.taught_run", "")
DRAWINGS_TEACHER = key("drawings.teacher", "")
DRAWINGS_TEACH = element("drawings.teach")
DRAWINGS_OUTCOME_RUN = key("drawings.outcome_run", "")
DRAWINGS_FORGOTTEN_TILES = element("drawings.forgotten_tiles")

# By page: the parameter whose changes the Back button undoes before it leaves the page. A change of any other
# parameter replaces the current entry in the history of the browser.
PLACES = {"train": RUN, "sweeps": SWEEPS_SWEEP.parameter, "evaluate": DIGIT, "runs": DIGIT}
