"""A run's settings: every knob, validated, under the name that Keras gives it.

A `RunConfig` says everything that a training run needs to be repeated. It is frozen, has no
optional meaning that depends on where it is read, and survives JSON unchanged. What it cannot
know, whether the network's shapes work out and whether the operator allows its size, is said by
`core.network.architectures.layers` and `core.jobs.jobs.check`.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal, NamedTuple, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails

from core.i18n import _

DatasetName = Literal["mnist-5k", "mnist"]
Architecture = Literal["mlp", "cnn"]
Activation = Literal["relu", "tanh", "sigmoid", "elu", "selu", "gelu"]
OptimizerName = Literal["adam", "sgd", "rmsprop", "adagrad", "adamw"]
Pooling = Literal["max", "average", "stride", "none"]
Padding = Literal["valid", "same"]
DropoutPlace = Literal["hidden", "between", "everywhere"]
Initializer = Literal[
    "glorot_uniform", "glorot_normal", "he_uniform", "he_normal", "lecun_normal", "random_normal", "zeros"
]
Schedule = Literal["constant", "exponential", "cosine", "one-cycle", "plateau"]


class ConfigError(ValueError):
    """Settings that cannot be used. The message says what was received and what is allowed."""


def _split(value: Any) -> Any:
    """Read a comma-separated text, as a terminal or a link gives it, as a list."""
    return [part.strip() for part in value.split(",")] if isinstance(value, str) else value


def _none_if_all(value: Any) -> Any:
    return None if value in ("all", "") else value


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class ConvBlock(_Frozen):
    """One convolution and what follows it. In a terminal: ``32:3:max``, or just ``32``.

    Attributes:
        filters: patterns to look for.
        kernel_size: the side of each pattern, in pixels.
        pooling: how the image is halved afterwards: by 2×2 pooling, by ``"stride"`` (there is no
            pooling, and the convolution itself moves on by two pixels), or not at all.
    """

    filters: int = Field(ge=1, le=256)
    kernel_size: int = Field(3, ge=1, le=7)
    pooling: Pooling = "max"

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        parts = value.split(":")
        if len(parts) > len(cls.model_fields):
            raise ValueError(
                _("{value} has too many parts; write filters:kernel_size:pooling, as in 32:3:max.").format(
                    value=value
                )
            )
        return dict(zip(cls.model_fields, parts, strict=False))

    def __str__(self) -> str:
        return f"{self.filters}:{self.kernel_size}:{self.pooling}"


def _none_or_some(split: float) -> float:
    """Keras refuses a validation split so small that no image falls into it."""
    if 0 < split < 0.01:
        raise ValueError(
            _("validation_split cannot be {received}: it must be 0 or from 0.01 to 0.9.").format(
                received=split
            )
        )
    return split


class Amounts(NamedTuple):
    """How much the images are changed: each is the most that is done, either way; 0 is off.

    Attributes:
        rotation: degrees, 0 to 45; the angle is uniform in ±rotation.
        shift: pixels, 0 to 8; uniform in ±shift, each axis by itself.
        zoom: share, 0 to 0.5; the scale factor is uniform in 1 ± zoom.
        shear: degrees, 0 to 30; upright strokes slant by an angle uniform in ±shear.
        thickness: pixels, 0 to 1; the edges of strokes move out or in by uniform in ±thickness.
        elastic: pixels, 0 to 3; the root mean square of how far the warp moves a point.
    """

    rotation: float = 0.0
    shift: float = 0.0
    zoom: float = 0.0
    shear: float = 0.0
    thickness: float = 0.0
    elastic: float = 0.0


Units = Annotated[int, Field(ge=1, le=2048)]


class RunConfig(_Frozen):
    """The settings of one training run.

    The defaults are those of the preset ``tutorial-mlp``.

    Attributes:
        dataset: the data set's name, see `core.data.datasets`.
        training_images: use only the first so many training images; None uses all of them.
        architecture: ``"mlp"`` (dense layers only) or ``"cnn"`` (convolutions, then dense layers).
        hidden_units: units of each hidden dense layer of the MLP, 1 to 4 layers.
        conv_blocks: the CNN's convolutions, 1 to 4 blocks.
        dense_units: units of the CNN's hidden dense layer; 0 leaves it out.
        padding: Keras's padding of the convolutions: ``"valid"`` shrinks the image by the kernel
            size less 1, ``"same"`` keeps its size.
        activation: the activation of every hidden layer.
        dropout: the share of activations that a dropout layer sets to 0 while training, 0 to 0.9.
        dropout_place: after every hidden dense layer (``"hidden"``), only between two of them
            (``"between"``), or after the conv blocks as well (``"everywhere"``).
        batch_normalization: normalise between each hidden layer's weights and its activation.
        kernel_initializer: Keras's initializer of that name, for the weights of the hidden layers.
        l2: the penalty on the squared weights of the hidden layers, 0 to 0.1 (Keras: ``L2(l2)``).
        label_smoothing: the share of the target that is spread over all ten digits, 0 to 0.5.
        optimizer: Keras's optimizer of that name with its default settings.
        momentum: for ``"sgd"``: how much of the step before each step goes on with, 0 to 0.99.
        nesterov: for ``"sgd"`` with momentum: look at the slope where the momentum leads to.
        learning_rate: the optimizer's step size, above 0 and at most 10. Under a schedule that
            changes it, the largest one.
        learning_rate_schedule: how the step size changes while training, see `core.training.schedules`.
        decay_rate: what the learning rate is multiplied by: over each epoch with ``"exponential"``, at
            each plateau with ``"plateau"``; 0.01 to 0.99.
        plateau_patience: epochs without a better loss that make a plateau, 1 to 100.
        warmup: the share of all steps in which ``"one-cycle"`` rises to its peak, 0 to 0.9.
        early_stopping_patience: end after so many epochs without a better loss, 1 to 100; 0 never does.
        restore_best_weights: whether a run that ended early takes back the weights of its best epoch.
        rotation: augmentation: turn each training image by up to so many degrees, 0 to 45.
        shift: augmentation: move it by up to so many pixels along each axis, 0 to 8.
        zoom: augmentation: make it larger or smaller by up to this share, 0 to 0.5.
        shear: augmentation: slant it by up to so many degrees, 0 to 30.
        thickness: augmentation: make its strokes thicker or thinner by up to so many pixels, 0 to 1.
        elastic: augmentation: bend it by about so many pixels, 0 to 3.
        epochs: passes over the training images, at least 1.
        batch_size: images per step, 1 to 4096.
        validation_split: the share of the training images held back to validate on: 0, or 0.01
            to 0.9. As in Keras, the last ones.
        seed: seeds the initial weights, the shuffling, the augmentation and the dropout, 0 to 2**32 - 1.
    """

    dataset: DatasetName = "mnist-5k"
    training_images: Annotated[
        Annotated[int, Field(ge=100, le=1_000_000)] | None, BeforeValidator(_none_if_all)
    ] = None
    architecture: Architecture = "mlp"
    hidden_units: Annotated[tuple[Units, ...], BeforeValidator(_split), Field(min_length=1, max_length=4)] = (
        128,
    )
    conv_blocks: Annotated[
        tuple[ConvBlock, ...], BeforeValidator(_split), Field(min_length=1, max_length=4)
    ] = (
        ConvBlock(filters=32),
        ConvBlock(filters=64),
        ConvBlock(filters=64, pooling="none"),
    )
    dense_units: int = Field(128, ge=0, le=2048)
    padding: Padding = "valid"
    activation: Activation = "relu"
    dropout: float = Field(0.0, ge=0, le=0.9)
    dropout_place: DropoutPlace = "hidden"
    batch_normalization: bool = False
    kernel_initializer: Initializer = "glorot_uniform"
    l2: float = Field(0.0, ge=0, le=0.1)
    label_smoothing: float = Field(0.0, ge=0, le=0.5)
    optimizer: OptimizerName = "adam"
    momentum: float = Field(0.0, ge=0, le=0.99)
    nesterov: bool = False
    learning_rate: float = Field(0.001, gt=0, le=10)
    learning_rate_schedule: Schedule = "constant"
    decay_rate: float = Field(0.5, ge=0.01, le=0.99)
    plateau_patience: int = Field(2, ge=1, le=100)
    warmup: float = Field(0.3, ge=0, le=0.9)
    early_stopping_patience: int = Field(0, ge=0, le=100)
    restore_best_weights: bool = True
    rotation: float = Field(0.0, ge=0, le=45)
    shift: float = Field(0.0, ge=0, le=8)
    zoom: float = Field(0.0, ge=0, le=0.5)
    shear: float = Field(0.0, ge=0, le=30)
    thickness: float = Field(0.0, ge=0, le=1)
    elastic: float = Field(0.0, ge=0, le=3)
    epochs: int = Field(5, ge=1, le=1000)
    batch_size: int = Field(128, ge=1, le=4096)
    validation_split: Annotated[float, Field(ge=0, le=0.9), AfterValidator(_none_or_some)] = 0.2
    seed: int = Field(0, ge=0, lt=2**32)

    @classmethod
    def read(cls, values: dict[str, Any]) -> Self:
        """The settings that these values describe.

        Args:
            values: by setting; numbers and lists may be given as text.

        Raises:
            ConfigError: a setting is unknown or its value is not allowed.
        """
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            raise ConfigError(explain(error)) from None

    @property
    def augmentation(self) -> Amounts:
        return Amounts(**{name: getattr(self, name) for name in Amounts._fields})

    def but(self, **changes: Any) -> Self:
        """These settings with some of them changed, validated as by `read`."""
        return self.read(self.model_dump() | changes)


def _preset(**values: Any) -> RunConfig:
    return RunConfig.read(values)


PRESETS: dict[str, RunConfig] = {
    "tutorial-mlp": _preset(hidden_units=(128,), batch_size=128, epochs=5, validation_split=0.2),
    "tutorial-mlp-10": _preset(hidden_units=(128,), batch_size=64, epochs=10, validation_split=0.2),
    "tutorial-mlp-deep": _preset(
        hidden_units=(256, 128),
        dropout=0.2,
        dropout_place="between",
        batch_size=64,
        epochs=10,
        validation_split=0.2,
    ),
    "tutorial-cnn": _preset(
        architecture="cnn",
        conv_blocks="32:3:max,64:3:max,64:3:none",
        dense_units=128,
        batch_size=64,
        epochs=5,
        validation_split=0.2,
    ),
    "tutorial-mlp-32": _preset(hidden_units=(128,), batch_size=32, epochs=5, validation_split=0),
    "tutorial-mlp-dropout": _preset(
        hidden_units=(128,), dropout=0.2, batch_size=32, epochs=5, validation_split=0.1
    ),
    # 99 % of full MNIST in a fraction of the tutorial CNN's time. What makes it fast: strides instead of
    # poolings, few filters where the image is large, half the epochs in batches four times as large,
    # and no validation; what makes up for it: batch normalisation, momentum, one high cycle of the
    # learning rate (Smith and Topin, 2018: "super-convergence").
    "fast-99": _preset(
        architecture="cnn",
        conv_blocks="8:5:stride,64:5:stride",
        dense_units=128,
        batch_normalization=True,
        label_smoothing=0.1,
        optimizer="sgd",
        momentum=0.9,
        nesterov=True,
        learning_rate=0.3,
        learning_rate_schedule="one-cycle",
        warmup=0.3,
        batch_size=256,
        epochs=2,
        validation_split=0,
    ),
}


def from_settings(preset: str | None, assignments: list[str]) -> RunConfig:
    """The run that ``--preset NAME --set KEY=VALUE ...`` describes.

    Raises:
        ConfigError: an unknown preset or setting, or a value that is not allowed.
    """
    if preset is not None and preset not in PRESETS:
        raise ConfigError(
            _("There is no preset {name}. Choose one of {names}.").format(
                name=repr(preset), names=", ".join(PRESETS)
            )
        )
    changes: dict[str, str] = {}
    for assignment in assignments:
        key, equals, value = assignment.partition("=")
        if not equals:
            raise ConfigError(
                _("{received} is not a setting. Write KEY=VALUE, as in epochs=3.").format(
                    received=repr(assignment)
                )
            )
        changes[key.strip()] = value.strip()
    base = PRESETS[preset] if preset is not None else RunConfig()
    return base.but(**changes)


def assignments(config: RunConfig, base: RunConfig) -> list[str]:
    """The settings that differ from others, each as ``KEY=VALUE``, which `RunConfig.read` reads back."""
    return [
        f"{name}={_written(getattr(config, name))}"
        for name in RunConfig.model_fields
        if getattr(config, name) != getattr(base, name)
    ]


def _written(value: object) -> str:
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return "all" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def explain(error: ValidationError) -> str:
    """Pydantic's findings in plain words: for each, what was received and what is allowed."""
    return " ".join(_explain_one(finding) for finding in error.errors())


def _explain_one(finding: ErrorDetails) -> str:
    name = ".".join(str(part) for part in finding["loc"])
    context = finding.get("ctx", {})
    if finding["type"] == "extra_forbidden":
        return _("There is no setting {name}. The settings are {names}.").format(
            name=name, names=", ".join(RunConfig.model_fields)
        )
    if finding["type"] == "value_error":
        return str(context["error"])
    return _("{name} cannot be {received}: it must be {allowed}.").format(
        name=name,
        received=json.dumps(finding["input"], default=str),
        allowed=_allowed(finding["type"], finding["msg"]).format(**context),
    )


def _allowed(kind: str, message: str) -> str:
    """What would have been accepted where pydantic found an error of this kind."""
    match kind:
        case "greater_than_equal":
            return _("at least {ge}")
        case "greater_than":
            return _("above {gt}")
        case "less_than_equal":
            return _("at most {le}")
        case "less_than":
            return _("below {lt}")
        case "literal_error":
            return _("one of {expected}")
        case "too_short" | "too_long":
            return _("a list of 1 to 4")
        case "finite_number":
            return _("a finite number")
        case "bool_parsing" | "bool_type":
            return _("true or false")
        case _ if kind.startswith("int_"):
            return _("a whole number")
        case _ if kind.startswith("float_"):
            return _("a number")
        case _:
            # What is left can only come from a hand-made file: pydantic's own words will do.
            words = message.replace("{", "{{").replace("}", "}}")
            return _("something else ({words})").format(words=words)
