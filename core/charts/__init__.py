"""Plotly figures from data. Colours without a meaning are left to the theme of the page."""

from core.charts.common import clickable, compact, frame, literal, table
from core.charts.comparison import Point, overlay, trade_off
from core.charts.digits import class_balance, pixels, tile
from core.charts.evaluation import (
    ALL,
    confusion,
    course,
    difference,
    one_against_all,
    reliability,
    robustness,
)
from core.charts.network import network
from core.charts.sweeping import by_knob, history, importance, parallel, parallel_numbers
from core.charts.training import MOST_BEFORE, by_digit, curve, pace, schedule, spread

__all__ = [
    "ALL",
    "MOST_BEFORE",
    "Point",
    "by_digit",
    "by_knob",
    "class_balance",
    "clickable",
    "compact",
    "confusion",
    "course",
    "curve",
    "difference",
    "frame",
    "history",
    "importance",
    "literal",
    "network",
    "one_against_all",
    "overlay",
    "pace",
    "parallel",
    "parallel_numbers",
    "pixels",
    "reliability",
    "robustness",
    "schedule",
    "spread",
    "table",
    "tile",
    "trade_off",
]
