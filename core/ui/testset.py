"""The images on which a run is tested, the epoch of its weights, and its predictions."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core import ui
from core.config import RunConfig
from core.data import datasets, fashion, specs
from core.data.download import FetchFailed
from core.drawing import collection, store
from core.evaluation.recognition import Reader
from core.evaluation.results import Evaluation
from core.i18n import _
from core.network.predict import Predictor
from core.runs import epoch_weights, records
from core.ui import query, state

END = 0  # the weights at the end of the run, in place of an epoch
_KEPT = "drawings"


class NotShown(LookupError):
    """The images cannot be shown or predicted. The message says why and what to do."""


class NotAtHand(NotShown):
    """The images must be downloaded first."""


class Digits(NamedTuple):
    """Test images with their labels.

    Attributes:
        images: uint8 ``(n, *spec.image)``.
        labels: uint8 ``(n,)``.
        stamp: differs if the images or labels differ.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    stamp: str


def choose(run: Path, config: RunConfig) -> tuple[str, int]:
    """Let the visitor choose the test images and the epoch. Returns their name, and the epoch or `END`."""
    spec = records.spec(run)
    names = [
        config.dataset,
        *(
            name
            for name in specs.names()
            if name != config.dataset and specs.of(name).reads_like(spec) and datasets.at_hand(name)
        ),
    ]
    if spec.takes_drawings:
        names.append(fashion.NAME)
    if spec.takes_drawings and _has_drawings():
        names.append(_KEPT)
    kept = epoch_weights.kept(run)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        query.choice(state.EVALUATE_ON, names, names[0])
        on: str = st.selectbox(
            _("Test digits") if spec.are_digits else _("Test images"), names, key=state.EVALUATE_ON,
            persist_state="session", width=260,
            format_func=lambda name: _("saved drawings") if name == _KEPT else name.replace("_", "-"),
            help=_("The digits on which the run is tested: the test images of its own data set, or other "
                   "digits.")
            if spec.are_digits
            else _("The images on which the run is tested: the test images of its own data set, or other "
                   "images."),
        )  # fmt: skip
        if len(kept) < 2:
            return on, END
        query.choice(state.EVALUATE_EPOCH, [*kept, END])
        epoch: int = st.select_slider(
            _("After epoch"), [*kept, END], key=state.EVALUATE_EPOCH, width=420,
            persist_state="session", format_func=lambda epoch: str(epoch) if epoch else _("trained"),
            help=_("Drag to see how the network learned. Everything below shows its predictions after this "
                   "epoch."),
        )  # fmt: skip
    return on, epoch


def _has_drawings() -> bool:
    try:
        return collection.count(ui.settings().drawings) > 0
    except (store.DamagedDrawings, OSError):
        return False  # the Drawings page shows the error


def digits(on: str, run: Path, config: RunConfig) -> Digits:
    """The test images with this name.

    Raises:
        NotAtHand: the images must be downloaded first.
        NotShown: the images are damaged, or have changed since the run was trained.
    """
    if on == _KEPT:
        try:
            drawings = collection.every(ui.settings().drawings, strokes=False)
        except (store.DamagedDrawings, OSError) as error:
            raise NotShown(str(error)) from error
        images, labels = collection.arrays(drawings)
        last = drawings[-1].id if drawings else 0
        return Digits(images, labels, f"{len(drawings)}-{last}-{hash(labels.tobytes())}")
    try:
        if on == fashion.NAME:
            return _fashion(fashion.stamp())
        dataset = ui.dataset(on)
    except datasets.DatasetMissing as error:
        raise NotAtHand(str(error)) from error
    if on == config.dataset and records.environment(run).get("dataset_sha256") not in (None, dataset.digest):
        raise NotShown(
            _(
                "{name} has changed since this run was trained, so its images cannot be shown. Train a new "
                "run."
            ).format(name=on)
        )
    return Digits(dataset.x_test, dataset.y_test, dataset.digest)


@st.cache_resource(max_entries=2, show_spinner=False)
def _fashion(stamp: float) -> Digits:
    return Digits(*fashion.load(), f"{fashion.NAME}-{stamp}")


def offer_fashion() -> None:
    """Let the visitor download Fashion-MNIST."""
    st.info(
        _("Fashion-MNIST has images of clothes, in the same size as the digits. A network that was trained "
          "on digits has never seen clothes. The file is saved where Keras saves it."),
        icon=":material/checkroom:",
    )  # fmt: skip
    if not st.button(
        _("Download Fashion-MNIST ({megabytes} MB)").format(megabytes=fashion.MEGABYTES), type="primary",
        icon=":material/download:", key=state.EVALUATE_FETCH_FASHION,
    ):  # fmt: skip
        return
    bar = st.progress(0.0, text=_("Connecting"))

    def report(done: int, total: int) -> None:
        bar.progress(done / max(1, total))

    try:
        fashion.fetch(str(ui.settings().fashion_url), report)
    except (FetchFailed, datasets.BadDataFile, datasets.CannotKeep) as error:
        bar.empty()
        ui.sorry(error)
    else:
        st.rerun()


def say_what_it_is(on: str) -> None:
    """Explain test images that are not digits."""
    if on == fashion.NAME:
        classes = ", ".join(f"{number} {name}" for number, name in enumerate(fashion.names()))
        st.caption(
            _("These images are not digits, so a correct prediction is chance. See which digits the network "
              "predicts, and how high its confidence is. The classes are {classes}.").format(classes=classes)
        )  # fmt: skip


@st.cache_resource(max_entries=32, show_spinner=False)
def _reader(run: Path, epoch: int, stamp: float) -> Reader:
    return Reader(epoch_weights.predictor(run, epoch, threads=0), records.spec(run))


def reader(run: Path, epoch: int) -> Reader:
    """The network after this epoch. Only at the end of the run, its confidence is calibrated.

    Raises:
        NotTrained, EpochMissing: there are no such weights.
    """
    return ui.reader(run) if epoch == END else _reader(run, epoch, _stamp(run, epoch))


def _stamp(run: Path, epoch: int) -> float:
    return ui.stamp(run / "model.onnx" if epoch == END else run / "epochs" / f"{epoch:04d}.npz")


@st.cache_resource(max_entries=128, show_spinner=False)
def _evaluated(
    run: Path, epoch: int, stamp: tuple[float, str], _asked: Predictor, _digits: Digits
) -> Evaluation:
    return Evaluation(_asked.logits(_digits.images), _digits.labels)


def evaluation(run: Path, config: RunConfig, on: str, epoch: int) -> Evaluation:
    """The predictions of the network after this epoch, computed once for all sessions.

    Raises:
        NotShown: the images are missing, or there are no images.
        EpochMissing, NotTrained, NotEvaluated: the weights or the predictions are missing.
    """
    if on == config.dataset and epoch == END:
        return ui.evaluation(run)
    tested = digits(on, run, config)
    if not len(tested.labels):
        raise NotShown(_("All drawings were deleted. Choose other digits."))
    stamp = _stamp(run, epoch), tested.stamp
    words = _("Reading {n:,} digits") if records.spec(run).are_digits else _("Reading {n:,} images")
    with st.spinner(words.format(n=len(tested.labels)), show_time=True):
        return _evaluated(run, epoch, stamp, reader(run, epoch).predictor, tested)
