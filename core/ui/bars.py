"""Probabilities as bars.

They change after every stroke, and a browser needs long to draw a Plotly chart again.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.data.specs import DatasetSpec
from core.i18n import _
from core.ui.state import Key

_HERE = Path(__file__).parent
_ROW = (
    '<div class="row" role="listitem"><span class="digit"></span><span class="track">'
    '<span class="bar"></span><span class="share"></span></span></div>'
)
_component = st.components.v2.component(
    "probability_bars",
    html=f'<div class="bars" role="list">{_ROW}</div>',
    css=(_HERE / "bars.css").read_text("utf-8"),
    js=(_HERE / "bars.js").read_text("utf-8"),
)


def bars(probabilities: NDArray[np.floating[Any]], spec: DatasetSpec, key: Key[Any]) -> None:
    """The probability of each class, ``(classes,)``, as a bar; the largest one stands out."""
    _component(
        key=key,
        data={
            "label": _("The probability of each digit")
            if spec.are_digits
            else _("The probability of each class"),
            "names": spec.classes,
            "values": probabilities.tolist(),
            "words": [f"{value:.1%}" for value in probabilities],
        },
    )
