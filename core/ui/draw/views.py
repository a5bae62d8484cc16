"""What the Draw page shows of a reading: how the image came about, what the network makes of it, and why."""

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
        rgba: the digit alone on its canvas.
    """
    names = {
        "steps": _("What it sees"),
        "network": _("Through the network"),
        "why": _("Why this digit"),
        "alike": _("Look-alikes"),
        "compare": _("Compare"),
    }
    view = query.switch(_("What to look at"), state.DRAW_INSIGHT, names)
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
