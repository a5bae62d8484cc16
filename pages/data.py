"""The Data page: browse the images of a data set and see their pixel values."""

import math

import numpy as np
import streamlit as st

from core import charts, ui
from core.data import datasets, specs
from core.data.download import FetchFailed
from core.data.specs import DatasetSpec
from core.i18n import _
from core.ui import query, state
from core.ui.gallery import Tile, gallery
from core.ui.whole_number import whole

PER_PAGE = 40


@st.dialog(_("What the computer sees"), width="medium")
def show_digit(image: np.ndarray, label: int, index: int, split: str, spec: DatasetSpec) -> None:
    """One image and its pixel values."""
    words = _(
        "Digit **{label}**, number {index:,} of the {split} images. For the computer, this image is "
        "only {size} numbers."
    )
    if not spec.are_digits:
        words = _(
            "**{label}**, number {index:,} of the {split} images. For the computer, this image is "
            "only {size} numbers."
        )
    st.markdown(
        words.format(
            label=ui.plain(spec.classes[label]), index=index, split=SPLITS[split],
            size=" × ".join(map(str, image.shape)),
        )
    )  # fmt: skip
    if image.ndim == 3:
        colours = [_("red"), _("green"), _("blue")]
        colour = st.segmented_control(
            _("Colour"), range(3), default=0, required=True, key=state.DATA_PIXEL_COLOUR,
            format_func=colours.__getitem__,
        )  # fmt: skip
        image = image[..., colour]
    scale = st.segmented_control(
        _("Values"),
        ["raw", "normalised"],
        default="raw",
        required=True,
        format_func={"raw": _("raw, 0 to 255"), "normalised": _("normalised, 0 to 1")}.__getitem__,
        key=state.DATA_PIXEL_SCALE,
        persist_state="session",
    )
    if scale == "normalised":
        st.caption(
            _("The network gets each value divided by 255, because training works better with small numbers.")
        )
    else:
        st.caption(
            _("0 is paper, 255 is ink. The image is stored in this form, with one byte for each pixel.")
        )
    figure = charts.pixels(image, normalised=scale == "normalised")
    # On a phone, the numbers stay readable, and the matrix scrolls sideways.
    with ui.at_least(680):
        ui.chart(
            figure, key=state.DATA_PIXELS,
            alt=_("The pixel values of a {label} as a heat map").format(label=spec.classes[label]),
        )  # fmt: skip


def offer_mnist(problem: datasets.DatasetMissing) -> None:
    """Offer two ways to get full MNIST: a download, or the upload of a file."""
    if isinstance(problem, datasets.DatasetDamaged):
        ui.sorry(problem)
    else:
        st.info(
            _(
                "Full MNIST is not on this machine yet. It has 60,000 training images and 10,000 test "
                "images. The file is saved where Keras saves it, so that other Keras programs find it as "
                "well."
            ),
            icon=":material/download:",
        )
    if st.button(
        _("Download full MNIST (11 MB)"), type="primary", icon=":material/download:", key=state.DATA_FETCH
    ):
        fetch_mnist()
    ui.say_where_files_are_taken()
    file = st.file_uploader(
        _("Or upload the file mnist.npz"), type="npz", key=state.DATA_MNIST_FILE,
        max_upload_size=math.ceil(specs.MNIST.most_bytes / 1e6),
    )  # fmt: skip
    if file is not None:
        try:
            with st.spinner(_("Checking the file")):
                datasets.store(file, "mnist", file.name)
        except (datasets.BadDataFile, datasets.CannotKeep) as error:
            ui.sorry(error)
        else:
            st.rerun()


def fetch_mnist() -> None:
    bar = st.progress(0.0, text=_("Connecting"))

    def report(done: int, total: int) -> None:
        bar.progress(
            done / max(1, total),
            text=_("{done:.1f} of {total:.1f} MB").format(done=done / 1e6, total=total / 1e6),
        )

    try:
        datasets.fetch("mnist", str(ui.settings().mnist_url), report)
    except (FetchFailed, datasets.BadDataFile) as error:
        bar.empty()
        ui.sorry(
            _("{reason} You can upload the file below instead.").format(reason=error),
        )
    except datasets.CannotKeep as error:
        bar.empty()
        ui.sorry(error)
    else:
        st.rerun()


def first_page() -> None:
    """Go back to the first page, because other images are shown."""
    state.DATA_PAGE.set(1)


SPLITS = {"train": _("training"), "test": _("test")}

lead = ui.heading(
    _("Data"),
    _(
        "People wrote these digits by hand. The digits were scanned and resized. A network learns from the "
        "training images. The test images are not used for training: they show whether the network can read "
        "new digits, or has only memorised the training images."
    ),
)

query.choice(state.DATA_DATASET, specs.names())
name = st.segmented_control(
    _("Data set"), specs.names(), required=True, key=state.DATA_DATASET,
    persist_state="session", on_change=first_page,
    help=_("mnist-5k is a small part of MNIST that comes with the app. Training on it is fast, so it is a "
           "good start."),
)  # fmt: skip

try:
    with st.spinner(_("Reading {name}").format(name=name), show_time=True):
        datasets.check(name)
        dataset = ui.dataset(name)
except datasets.DatasetMissing as error:
    if name == specs.MNIST.name:
        offer_mnist(error)
    else:
        ui.sorry(error)
    st.stop()

spec = specs.of(name)
if not spec.are_digits:
    lead.markdown(
        _("These are images and their classes. A network learns from the training images. The test images "
          "are not used for training: they show whether the network can read new images, or has only "
          "memorised the training images.")
    )  # fmt: skip
with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
    split = query.switch(_("Split"), state.DATA_SPLIT, SPLITS, labelled=True, on_change=first_page)
    query.several(state.DATA_DIGITS, range(len(spec.classes)))
    chosen = st.pills(
        _("Digits") if spec.are_digits else _("Classes"), range(len(spec.classes)), selection_mode="multi",
        key=state.DATA_DIGITS, persist_state="session", on_change=first_page,
        format_func=lambda place: ui.plain(spec.classes[place]),
        help=_("Choose no class to see all classes."), wrap=True,
    )  # fmt: skip
    query.number(state.DATA_SEED, 0, 2**32 - 1)
    seed = whole(
        _("Shuffle seed"), 0, 2**32 - 1, key=state.DATA_SEED, persist_state="session", width=160,
        on_change=first_page,
        help=_("The same number always gives the same order. Another number gives another order."),
    )  # fmt: skip

images, labels = dataset.part(split)
shown = np.flatnonzero(np.isin(labels, chosen or range(len(spec.classes))))
shown = np.random.default_rng(seed).permutation(shown)
query.number(state.DATA_PAGE, 1, len(labels))
on_page = shown[ui.pager(len(shown), PER_PAGE, state.DATA_PAGE)]

words = _("{n:,} {split} images. Press an image to see its numbers.")
if spec.are_digits:
    words = _("{n:,} {split} images. Press a digit to see its numbers.")
st.caption(words.format(n=len(shown), split=SPLITS[split]))
alt = _("A handwritten {label}, number {index}") if spec.drawable else _("A {label}, number {index}")
pressed = gallery(
    [
        Tile(
            images[i],
            spec.classes[labels[i]],
            alt.format(label=spec.classes[labels[i]], index=i),
            key=f"{name}-{split}-{i}",
        )
        for i in on_page
    ],
    key=state.DATA_DIGIT_TILES,
)
if pressed:
    index = int(pressed.rsplit("-", 1)[1])
    show_digit(images[index], int(labels[index]), index, split, spec)

balance, facts = st.columns([3, 2], gap="large")
with balance:
    words = _("Number of images of each digit") if spec.are_digits else _("Number of images of each class")
    st.header(words, anchor=False)
    ui.chart(
        charts.class_balance(labels, spec), key=state.DATA_BALANCE,
        alt=_("The number of images of each digit")
        if spec.are_digits
        else _("The number of images of each class"),
    )  # fmt: skip
    if spec.are_digits:
        st.caption(
            _(
                "If a digit were rare, a network could ignore this digit and still have a high accuracy. "
                "Here, no digit is rare."
            )
        )
with facts:
    st.header(_("Shapes and ranges"), anchor=False)
    st.dataframe(
        {
            _("array"): ["x_train", "y_train", "x_test", "y_test"],
            _("shape"): [
                "×".join(map(str, array.shape))
                for array in (dataset.x_train, dataset.y_train, dataset.x_test, dataset.y_test)
            ],
            _("values"): [
                f"{array.min()} – {array.max()}"
                for array in (dataset.x_train, dataset.y_train, dataset.x_test, dataset.y_test)
            ],
        },
        hide_index=True,
        key=state.DATA_SHAPES,
        alt=_("The shapes and value ranges of the four arrays"),
    )
    st.caption(
        _(
            "x holds the images: number of images × rows × columns, one byte for each pixel. y holds "
            "the correct classes."
        )
    )
