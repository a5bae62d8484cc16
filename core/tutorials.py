"""The presets: their titles, where they come from, and the accuracy that they reach.

The numbers are those of ``python -m benchmarks.presets mnist-5k mnist``, see docs/benchmarks.md: medians of
three seeds on a machine with two cores.
"""

from __future__ import annotations

from typing import NamedTuple

from core.i18n import _


class Reached(NamedTuple):
    """The results of a preset.

    Attributes:
        accuracy: on the test images, 0 to 1.
        seconds: of training.
    """

    accuracy: float
    seconds: float


REACHED: dict[str, dict[str, Reached]] = {
    "tutorial-mlp": {"mnist-5k": Reached(0.9120, 0.845), "mnist": Reached(0.9686, 3.94)},
    "tutorial-mlp-10": {"mnist-5k": Reached(0.9290, 1.64), "mnist": Reached(0.9773, 9.47)},
    "tutorial-mlp-deep": {"mnist-5k": Reached(0.9410, 2.43), "mnist": Reached(0.9775, 23.2)},
    "tutorial-cnn": {"mnist-5k": Reached(0.9590, 7.46), "mnist": Reached(0.9884, 74.4)},
    "tutorial-mlp-32": {"mnist-5k": Reached(0.9290, 1.33), "mnist": Reached(0.9765, 8.44)},
    "tutorial-mlp-dropout": {"mnist-5k": Reached(0.9260, 1.79), "mnist": Reached(0.9759, 9.39)},
    "fast-99": {"mnist-5k": Reached(0.8560, 1.13), "mnist": Reached(0.9902, 8.25)},
}


def titles() -> dict[str, str]:
    """The title of each preset, in the order of the form."""
    return {
        "tutorial-mlp": _("Tutorial MLP: 128 units, 5 epochs"),
        "tutorial-mlp-10": _("Tutorial MLP: 128 units, 10 epochs"),
        "tutorial-mlp-deep": _("Tutorial MLP, deeper: 256-128 units, dropout"),
        "tutorial-cnn": _("Tutorial CNN: 32-64-64 filters"),
        "tutorial-mlp-32": _("Tutorial MLP: batches of 32, no validation"),
        "tutorial-mlp-dropout": _("Tutorial MLP with dropout"),
        "fast-99": _("Fast 99%: a small CNN and one cycle"),
    }


def source(preset: str) -> str:
    """Where a preset comes from, and how it differs from its source, in a few sentences."""
    return {
        "tutorial-mlp": _(
            "The first network of Chollet's book Deep Learning with Python, made smaller. It has 128 "
            "units instead of 512, uses Adam instead of RMSprop, and uses a fifth of the images for "
            "validation."
        ),
        "tutorial-mlp-10": _("The tutorial MLP, trained for twice as many epochs with half the batch size."),
        "tutorial-mlp-deep": _(
            "The tutorial MLP with a second hidden layer and dropout between the two layers, trained "
            "for ten epochs."
        ),
        "tutorial-cnn": _(
            "The first convolutional network of Chollet's book Deep Learning with Python (first "
            "edition). It has 128 dense units instead of 64, uses Adam instead of RMSprop, and uses a "
            "fifth of the images for validation."
        ),
        "tutorial-mlp-32": _("The network of TensorFlow's quickstart for beginners, without dropout."),
        "tutorial-mlp-dropout": _(
            "The network of TensorFlow's quickstart for beginners, with a tenth of the images for validation."
        ),
        "fast-99": _(
            "A preset of MNIST Lab for full MNIST. It is fast because it uses strides instead of "
            "poolings, few filters where the image is large, large batches, two epochs and no "
            "validation. It is accurate because it uses batch normalisation, momentum, and a learning "
            "rate that rises and then falls to zero in one cycle."
        ),
    }[preset]


def reached(preset: str, dataset: str) -> str:
    """The results of a preset on this data set, in a sentence; "" if they were not measured."""
    results = REACHED[preset].get(dataset)
    if results is None:
        return ""
    return _(
        "On {dataset}, the preset reached a test accuracy of {accuracy:.1%} in {seconds:.2g} "
        "seconds of training (median of three runs, on two cores)."
    ).format(dataset=dataset, accuracy=results.accuracy, seconds=results.seconds)
