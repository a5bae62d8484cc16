"""The views of a prediction on the Draw page: preprocessing, layers, reasons, similar digits, other runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.evaluation.recognition import Reader, Reading
from core.i18n import _
from core.ui import query, reasons, state
from core.ui.draw import network, preprocessing_steps


def show(run: Path, reader: Reader, reading: Reading, rgba: NDArray[np.uint8]) -> None:
    """The views of one digit, one at a time.

    Args:
        rgba: uint8 ``(H, W, 4)``, the digit alone on its canvas.
    """
    names = {
        "steps": _("Preprocessing"),
        "network": _("Layer by layer"),
        "why": _("Why this digit"),
        "alike": _("Similar digits"),
        "compare": _("Compare"),
    }
    view = query.switch(_("View"), state.DRAW_INSIGHT, names)
    match view:
        case "network":
            network.show(run, reader, reading)
        case "why":
            reasons.why(reader, reading)
        case "alike":
            reasons.alike(reader, reading)
        case "compare":
            reasons.compare(run, reading)
        case _:
            preprocessing_steps.show(reader, reading, rgba)
