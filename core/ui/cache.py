"""What all sessions share: the settings, and data sets and runs that are loaded once."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from core.data import datasets
from core.evaluation import recognition, results
from core.settings import Settings


def settings() -> Settings:
    return Settings()


@st.cache_resource(max_entries=3, show_spinner=False)
def _dataset(name: str, stamp: float) -> datasets.Dataset:
    loaded = datasets.load(name)
    for array in (loaded.x_train, loaded.y_train, loaded.x_test, loaded.y_test):
        array.flags.writeable = False  # all sessions share the arrays
    return loaded


def dataset(name: str) -> datasets.Dataset:
    """A data set, loaded once for all sessions. Raises what `core.data.datasets.load` raises."""
    return _dataset(name, stamp(datasets.path(name)))


@st.cache_resource(max_entries=16, show_spinner=False)
def _reader(run: Path, stamp: float) -> recognition.Reader:
    return recognition.load(run)


def reader(run: Path) -> recognition.Reader:
    """The reader of a run, loaded once for all sessions. Raises what `recognition.load` raises."""
    return _reader(run, stamp(run / "model.onnx"))


@st.cache_resource(max_entries=16, show_spinner=False)
def _evaluation(run: Path, stamp: float) -> results.Evaluation:
    return results.load(run)


def evaluation(run: Path) -> results.Evaluation:
    """The evaluation of a run, loaded once for all sessions. Raises what `results.load` raises."""
    return _evaluation(run, stamp(run / "evaluation.npz"))


def stamp(file: Path) -> float:
    """When the file was last written, in seconds since 1970; 0 if there is no file."""
    try:
        return file.stat().st_mtime
    except OSError:
        return 0.0
