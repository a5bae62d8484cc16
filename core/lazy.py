"""Packages that are imported when they are first used. Together, they take two seconds and 200 MB.

A page uses few of them. `docs/benchmarks.md` has a table of their costs, `tests/pages/test_first_opening.py`
one of the pages that use them. Use a package as ``from core.lazy import onnx``. The first attribute that is
taken from it imports it, so take none at the top of a module.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any


class Lazy:
    """A package that is imported when the first attribute is taken from it, by whichever thread.

    Args:
        name: the package.
        before: a package that is imported first.
    """

    def __init__(self, name: str, before: str = "") -> None:
        self.__name__ = name
        self._before = before

    def __getattr__(self, name: str) -> Any:
        if self._before:
            import_module(self._before)
        return getattr(import_module(self.__name__), name)


if TYPE_CHECKING:
    import cv2 as cv2
    import onnx as onnx
    import onnxruntime as onnxruntime
    import optuna as optuna
    import pandas as pandas
    import pi_heif as pi_heif
    import plotly.graph_objects
    import requests as requests
    from scipy import optimize as optimize
    from scipy import special as special
    from scipy import stats as stats
    from sklearn import metrics as metrics

    go = plotly.graph_objects
else:
    cv2 = Lazy("cv2")
    onnx = Lazy("onnx")
    onnxruntime = Lazy("onnxruntime")
    optuna = Lazy("optuna")
    pandas = Lazy("pandas")
    pi_heif = Lazy("pi_heif")
    # Plotly takes pandas from the imported packages, even if another thread is still importing it.
    go = Lazy("plotly.graph_objects", before="pandas")
    requests = Lazy("requests")
    optimize = Lazy("scipy.optimize")
    special = Lazy("scipy.special")
    stats = Lazy("scipy.stats")
    metrics = Lazy("sklearn.metrics")
