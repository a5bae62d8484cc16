"""Which digits a network is judged by, as it was after which epoch, and what it makes of them."""

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

END = 0  # in place of an epoch: as the run has ended
_KEPT = "drawings"


class NotShown(LookupError):
    """These digits cannot be shown, or not be read. The message says why and what to do."""


class NotAtHand(NotShown):
    """These digits have to be fetched first."""


class Digits(NamedTuple):
    """Digits and what they are.

    Attributes:
        images: uint8 ``(n, *spec.image)``.
        labels: uint8 ``(n,)``.
        stamp: another one wherever they are others.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    stamp: str


def choose(run: Path, config: RunConfig) -> tuple[str, int]:
    """Let the visitor choose the digits, and the epoch. Returns the digits' name, and the epoch or `END`."""
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
            format_func=lambda name: _("kept drawings") if name == _KEPT else name.replace("_", "-"),
            help=_("What it is judged by: the test images of its own data set, or other digits.")
            if spec.are_digits
            else _("What it is judged by: the test images of its own data set, or other images."),
        )  # fmt: skip
        if len(kept) < 2:
            return on, END
        query.choice(state.EVALUATE_EPOCH, [*kept, END])
        epoch: int = st.select_slider(
            _("After epoch"), [*kept, END], key=state.EVALUATE_EPOCH, width=420,
            persist_state="session", format_func=lambda epoch: str(epoch) if epoch else _("trained"),
            help=_("Drag to see how it learned: all below is what the network made of the digits then.")
            if spec.are_digits
            else _("Drag to see how it learned: all below is what the network made of the images then."),
        )  # fmt: skip
    return on, epoch


def _has_drawings() -> bool:
    try:
        return collection.count(ui.settings().drawings) > 0
    except (store.DamagedDrawings, OSError):
        return False  # the Drawings page says so


def digits(on: str, run: Path, config: RunConfig) -> Digits:
    """The digits of this name.

    Raises:
        NotAtHand: they have to be fetched first.
        NotShown: they are damaged, or others than when the run was trained.
    """
    if on == _KEPT:
        try:
            found = collection.every(ui.settings().drawings, strokes=False)
        except (store.DamagedDrawings, OSError) as error:
            raise NotShown(str(error)) from error
        images, labels = collection.arrays(found)
        return Digits(images, labels, f"{len(found)}-{found[-1].id if found else 0}-{hash(labels.tobytes())}")
    try:
        if on == fashion.NAME:
            return _fashion(fashion.stamp())
        dataset = ui.dataset(on)
    except datasets.DatasetMissing as error:
        raise NotAtHand(str(error)) from error
    if on == config.dataset and records.environment(run).get("dataset_sha256") not in (None, dataset.digest):
        raise NotShown(
            _("{name} has changed since this run was trained: it cannot be shown. Train anew.").format(
                name=on
            )
        )
    return Digits(dataset.x_test, dataset.y_test, dataset.digest)


@st.cache_resource(max_entries=2, show_spinner=False)
def _fashion(stamp: float) -> Digits:
    return Digits(*fashion.load(), f"{fashion.NAME}-{stamp}")


def offer_fashion() -> None:
    """Let the visitor fetch Fashion-MNIST."""
    st.info(
        _("Fashion-MNIST is clothes in the size of digits: a network that reads digits has never seen any. "
          "It is kept where Keras keeps it."),
        icon=":material/checkroom:",
    )  # fmt: skip
    if not st.button(
        _("Get Fashion-MNIST ({megabytes} MB)").format(megabytes=fashion.MEGABYTES), type="primary",
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
    """Of digits that are none, what they are."""
    if on == fashion.NAME:
        things = ", ".join(f"{number} {name}" for number, name in enumerate(fashion.names()))
        st.caption(
            _("There are no digits here, so being right is chance. What does it take them for, and how sure "
              "is it of that? The classes are {things}.").format(things=things)
        )  # fmt: skip


@st.cache_resource(max_entries=32, show_spinner=False)
def _reader(run: Path, epoch: int, stamp: float) -> Reader:
    return Reader(epoch_weights.predictor(run, epoch, threads=0), records.spec(run))


def reader(run: Path, epoch: int) -> Reader:
    """What reads digits as the network did then; only at the end is its confidence calibrated.

    Raises:
        NotTrained, EpochMissing: the network is not there.
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
    """What the network made of these digits then, worked out once for all sessions.

    Raises:
        NotShown: these digits are not there, or there is none.
        EpochMissing, NotTrained, NotEvaluated: the network, or what it made of them, is not there.
    """
    if on == config.dataset and epoch == END:
        return ui.evaluation(run)
    found = digits(on, run, config)
    if not len(found.labels):
        raise NotShown(_("There is no drawing any more. Choose other digits."))
    stamp = _stamp(run, epoch), found.stamp
    words = _("Reading {n:,} digits") if records.spec(run).are_digits else _("Reading {n:,} images")
    with st.spinner(words.format(n=len(found.labels)), show_time=True):
        return _evaluated(run, epoch, stamp, reader(run, epoch).predictor, found)
