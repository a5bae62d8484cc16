"""A run's settings, validated, under their Keras names, and the presets.

A `RunConfig` has everything that is needed to repeat a training run. It is frozen, means the same on every
machine, and does not change when it is written as JSON and read again. Two things are checked elsewhere:
`core.network.architectures.layers` checks the shapes of the network, and `core.jobs.run_queue.check` checks
the limits of the operator.
"""

from __future__ import annotations

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

from core import knobs
from core.i18n import N_, _
from core.knobs import Knob, Swept
from core.setting_errors import explain

# Whether the data set exists is checked when a run is created. A run stays readable without its data set.
DatasetName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
Architecture = Literal["mlp", "cnn"]
Activation = Literal["relu", "tanh", "sigmoid", "elu", "selu", "gelu"]
OptimizerName = Literal["adam", "sgd", "rmsprop", "adagrad", "adamw"]
# The class of each optimizer in Keras.
OPTIMIZERS: dict[OptimizerName, str] = {
    "adam": "Adam", "sgd": "SGD", "rmsprop": "RMSprop", "adagrad": "Adagrad", "adamw": "AdamW",
}  # fmt: skip
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
    """Split a comma-separated text, which comes from a terminal or a link, into a list."""
    return [part.strip() for part in value.split(",")] if isinstance(value, str) else value


def _none_if_all(value: Any) -> Any:
    return None if value in ("all", "") else value


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


_LARGER = N_("More of them can learn more. The network then takes longer to train and overfits more easily.")


class ConvBlock(_Frozen):
    """A convolution and its pooling. On the command line: ``32:3:max``, or just ``32``.

    Attributes:
        filters: the number of filters.
        kernel_size: the height and width of a filter, in pixels.
        pooling: how the image is halved: by ``"max"`` or ``"average"`` pooling of 2×2 pixels, by ``"stride"``
            (the convolution moves by two pixels), or not at all (``"none"``).
    """

    # fmt: off
    filters: Annotated[int, Field(ge=1, le=256), Knob(
        N_("Filters"), _LARGER, keras="Conv2D(filters)",
        swept=Swept(low=2, high=128, step=2, log=True, usual=(4, 32)),
        swept_title=N_("Filters of the first block"))]
    kernel_size: Annotated[int, Field(ge=1, le=7), Knob(
        N_("Kernel"), N_("The height and width of the filter, in pixels."), keras="Conv2D(kernel_size)",
        swept=Swept(usual=(3, 5)))] = 3
    pooling: Annotated[Pooling, Knob(
        N_("Pooling"),
        N_("Halves the size of the image: keeps the largest or the average of 2×2 pixels, or every second "
           "pixel."),
        keras="MaxPooling2D, AveragePooling2D, Conv2D(strides=2)",
        words={"max": N_("max"), "average": N_("average"), "stride": N_("stride 2"), "none": N_("none")},
    )] = "max"
    # fmt: on

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        parts = value.split(":")
        if len(parts) > len(cls.model_fields):
            raise ValueError(
                _("{value} has too many parts. Write filters:kernel_size:pooling, as in 32:3:max.").format(
                    value=value
                )
            )
        return dict(zip(cls.model_fields, parts, strict=False))

    def __str__(self) -> str:
        return f"{self.filters}:{self.kernel_size}:{self.pooling}"


_LEAST_SPLIT = 0.01


def _none_or_some(split: float) -> float:
    """Refuse a validation split that is too small to contain an image, as Keras does."""
    if 0 < split < _LEAST_SPLIT:
        raise ValueError(
            _("validation_split cannot be {received}: it must be 0 or from {least} to {most}.").format(
                received=split, least=_LEAST_SPLIT, most=KNOBS["validation_split"].high
            )
        )
    return split


class Amounts(NamedTuple):
    """The largest changes of an image by augmentation. 0 means no change.

    The limits are those of the settings with the same names.

    Attributes:
        rotation: degrees; the angle is uniform in ±rotation.
        shift: pixels; uniform in ±shift, independently for each axis.
        zoom: share; the scale factor is uniform in 1 ± zoom.
        shear: degrees; the slant of upright strokes is uniform in ±shear.
        thickness: pixels; the edges of strokes move by a distance that is uniform in ±thickness.
        elastic: pixels; the root mean square of the distance by which a point moves.
    """

    rotation: float = 0.0
    shift: float = 0.0
    zoom: float = 0.0
    shear: float = 0.0
    thickness: float = 0.0
    elastic: float = 0.0


_UP_TO_4 = Field(min_length=1, max_length=4)
_WIDTH = Swept(low=4, high=1024, step=2, log=True, usual=(16, 256))
# fmt: off
LearningRate = Annotated[float, Field(gt=0, le=10), Knob(
    N_("Learning rate"),
    N_("How large each update of the weights is. Too small: the loss falls slowly. Too large: the loss "
       "jumps."),
    keras="Adam(learning_rate=)", step=10, log=True, least=1e-5, live=True,
    swept=Swept(high=1, usual=(1e-4, 1e-1)))]
DropoutRate = Annotated[float, Field(ge=0, le=0.9), Knob(
    N_("Dropout"),
    N_("Sets this share of a layer's outputs to 0 at random during training. It reduces "
       "overfitting."),
    keras="Dropout(rate)", step=0.05, live=True, swept=Swept(usual=(0, 0.6)))]
Epochs = Annotated[int, Field(ge=1, le=1000), Knob(
    N_("Epochs"), N_("How many times the network is trained on every training image."), keras="fit(epochs=)")]
Units = Annotated[int, Field(ge=1, le=2048), Knob(
    N_("Units"), _LARGER, keras="Dense(units)", name="units",
    swept=_WIDTH, swept_title=N_("Units of each layer"))]
# fmt: on


class RunConfig(_Frozen):
    """The settings of one training run. The defaults are those of the preset ``tutorial-mlp``.

    The `Knob` of each setting describes its effect, and the type of the field has its limits.
    """

    # fmt: off
    dataset: Annotated[DatasetName, Knob(
        N_("Data set"),
        N_("mnist-5k trains in seconds. mnist has 15 times as many digits and gives a higher accuracy.")
    )] = "mnist-5k"
    # The number of training images to use, from the beginning; None uses all of them.
    training_images: Annotated[int | None, Field(ge=100, le=1_000_000), BeforeValidator(_none_if_all), Knob(
        N_("Training images"),
        N_("Train on only this many images, to see how much the amount of data matters. Empty: all images."),
        step=100, swept=Swept(step=10, log=True))] = None
    architecture: Annotated[Architecture, Knob(
        N_("Network"),
        N_("An MLP gets the pixels as a list. A CNN looks at neighbouring pixels and is usually more "
           "accurate."),
        keras="Sequential([...])", words={"mlp": "MLP", "cnn": "CNN"})] = "mlp"
    # The units of each hidden dense layer of an MLP.
    hidden_units: Annotated[tuple[Units, ...], BeforeValidator(_split), _UP_TO_4, Knob(
        N_("Hidden layers"),
        N_("The number of hidden layers. Each layer computes its features from the outputs of the layer "
           "before."), keras="Dense",
        name="hidden_layers", swept=Swept(), architecture="mlp")] = (128,)
    conv_blocks: Annotated[tuple[ConvBlock, ...], BeforeValidator(_split), _UP_TO_4, Knob(
        N_("Conv blocks"),
        N_("The number of convolution blocks. A convolution searches the whole image for small patterns."),
        keras="Conv2D",
        name="conv_layers", architecture="cnn",
    )] = (ConvBlock(filters=32), ConvBlock(filters=64), ConvBlock(filters=64, pooling="none"))
    dense_units: Annotated[int, Field(ge=0, le=2048), Knob(
        N_("Dense units"), N_("The units of the dense layer before the output. 0 leaves the layer out."),
        keras="Dense(units)",
        swept=_WIDTH, architecture="cnn")] = 128
    # "valid" shrinks the image by the kernel size less 1.
    padding: Annotated[Padding, Knob(
        N_("Padding"), N_("valid makes the image smaller at each convolution. same keeps its size."),
        keras="Conv2D(padding=)", architecture="cnn")] = "valid"
    # The activation of every hidden layer.
    activation: Annotated[Activation, Knob(
        N_("Activation"),
        N_("The function after each hidden layer. Without it, several layers could learn no more than one."),
        keras="activation=",
        swept=Swept())] = "relu"
    dropout: DropoutRate = 0.0
    dropout_place: Annotated[DropoutPlace, Knob(
        N_("Dropout layers"), N_("After which layers dropout is applied."),
        words={
            "hidden": N_("after every dense layer"), "between": N_("between dense layers only"),
            "everywhere": N_("after convolution blocks as well"),
        })] = "hidden"
    # Batch normalisation is between the weights and the activation of each hidden layer.
    batch_normalization: Annotated[bool, Knob(
        N_("Batch normalisation"),
        N_("Keeps each layer's outputs in a stable range. Needs fewer epochs, but each step takes longer."),
        keras="BatchNormalization", swept=Swept())] = False
    # The initializer of the hidden layers.
    kernel_initializer: Annotated[Initializer, Knob(
        N_("Initial weights"),
        N_("How the weights are initialised. He suits deep networks with ReLU. With zeros, the network "
           "learns nothing."),
        keras="kernel_initializer=", swept=Swept())] = "glorot_uniform"
    # The factor of the squared weights of the hidden layers in the loss.
    l2: Annotated[float, Field(ge=0, le=0.1), Knob(
        N_("L2"), N_("Adds a penalty on large weights to the loss. It reduces overfitting."),
        keras="kernel_regularizer=L2(l2)", step=10, log=True, least=1e-6,
        swept=Swept(usual=(1e-6, 1e-2)))] = 0.0
    # The share of the target that is spread over all classes.
    label_smoothing: Annotated[float, Field(ge=0, le=0.5), Knob(
        N_("Label smoothing"),
        N_("Trains towards a probability a little below 1. The network then becomes less "
           "overconfident."),
        keras="CategoricalCrossentropy(label_smoothing=)", step=0.05, swept=Swept(usual=(0, 0.2)))] = 0.0
    # The optimizers have the default settings of Keras.
    optimizer: Annotated[OptimizerName, Knob(
        N_("Optimizer"),
        N_("How the gradient is turned into an update of the weights. Adam is a good first choice."),
        keras="compile(optimizer=)", swept=Swept())] = "adam"
    # Only for "sgd".
    momentum: Annotated[float, Field(ge=0, le=0.99), Knob(
        N_("Momentum"),
        N_("Adds this share of the previous update to each update. The path becomes smoother and often "
           "faster."),
        keras="SGD(momentum=)", step=0.01)] = 0.0
    nesterov: Annotated[bool, Knob(
        N_("Nesterov"), N_("Computes the gradient at the point where the momentum leads."),
        keras="SGD(nesterov=)")] = False
    # With a schedule, the largest learning rate.
    learning_rate: LearningRate = 0.001
    # See `core.training.schedules`.
    learning_rate_schedule: Annotated[Schedule, Knob(
        N_("Schedule"),
        N_("How the learning rate changes during training: large at first, smaller towards the end."),
        keras="ExponentialDecay, CosineDecay, ReduceLROnPlateau",
        words={
            "constant": N_("constant"), "exponential": N_("exponential decay"), "cosine": N_("cosine"),
            "one-cycle": N_("one cycle"), "plateau": N_("reduce on plateau"),
        },
        swept=Swept())] = "constant"
    decay_rate: Annotated[float, Field(ge=0.01, le=0.99), Knob(
        N_("Decay rate"),
        N_("The factor by which the learning rate is multiplied, after each epoch or at each plateau."),
        keras="ExponentialDecay(decay_rate), ReduceLROnPlateau(factor)", step=0.01)] = 0.5
    plateau_patience: Annotated[int, Field(ge=1, le=100), Knob(
        N_("Plateau patience"),
        N_("The number of epochs without a lower loss after which the learning rate is reduced."),
        keras="ReduceLROnPlateau(patience)")] = 2
    # Only for the schedule "one-cycle".
    warmup: Annotated[float, Field(ge=0, le=0.9), Knob(
        N_("Warm-up"), N_("The share of all steps in which the learning rate rises to its maximum."),
        step=0.05)] = 0.3
    # Without a validation split, early stopping uses the training loss.
    early_stopping_patience: Annotated[int, Field(ge=0, le=100), Knob(
        N_("Early stopping"),
        N_("Ends the run after this many epochs without a lower validation loss. 0: off."),
        keras="EarlyStopping(patience)")] = 0
    restore_best_weights: Annotated[bool, Knob(
        N_("Restore the best weights"),
        N_("A run that ends early keeps the weights of its best epoch, not those of its last epoch."),
        keras="EarlyStopping(restore_best_weights=)")] = True
    # Augmentation, see `Amounts`.
    rotation: Annotated[float, Field(ge=0, le=45), Knob(
        N_("Rotation (degrees)"), N_("Rotates each training image by up to this angle, in both directions."),
        keras="RandomRotation",
        swept=Swept(usual=(0, 20)))] = 0.0
    shift: Annotated[float, Field(ge=0, le=8), Knob(
        N_("Shift (pixels)"), N_("Shifts each training image by up to this many pixels, in all directions."),
        keras="RandomTranslation",
        step=0.5, swept=Swept(usual=(0, 4)))] = 0.0
    zoom: Annotated[float, Field(ge=0, le=0.5), Knob(
        N_("Zoom (share)"), N_("Makes each training image larger or smaller by up to this share."),
        keras="RandomZoom", step=0.05,
        swept=Swept(usual=(0, 0.25)))] = 0.0
    shear: Annotated[float, Field(ge=0, le=30), Knob(
        N_("Shear (degrees)"), N_("Slants each training image by up to this angle, in both directions."),
        keras="RandomShear")] = 0.0
    thickness: Annotated[float, Field(ge=0, le=1), Knob(
        N_("Thickness (pixels)"), N_("Makes the strokes thicker or thinner by up to this many pixels."),
        step=0.1)] = 0.0
    elastic: Annotated[float, Field(ge=0, le=3), Knob(
        N_("Elastic (pixels)"), N_("Distorts each training image like a picture on a rubber sheet."),
        keras="RandomElasticTransform", step=0.25,
        swept=Swept(usual=(0, 1.5)))] = 0.0
    epochs: Epochs = 5
    batch_size: Annotated[int, Field(ge=1, le=4096), Knob(
        N_("Batch size"),
        N_("The number of images per step. With small batches, an epoch has more steps and noisier "
           "gradients."),
        keras="fit(batch_size=)", step=2, log=True, swept=Swept(low=8, high=1024, usual=(16, 256)))] = 128
    # 0, or at least `_LEAST_SPLIT`. As in Keras, the last training images are used for validation.
    validation_split: Annotated[float, Field(ge=0, le=0.9), AfterValidator(_none_or_some), Knob(
        N_("Validation split"),
        N_("The share of the training images that is used for validation only. It shows the accuracy on "
           "unseen images."),
        keras="fit(validation_split=)", step=0.05)] = 0.2
    # The seed of the initial weights, the shuffling, the augmentation and the dropout.
    seed: Annotated[int, Field(ge=0, lt=2**32), Knob(
        N_("Seed"), N_("Sets the random numbers. The same seed on the same machine gives the same run."),
        keras="keras.utils.set_random_seed")] = 0
    # fmt: on

    @classmethod
    def read(cls, values: dict[str, Any]) -> Self:
        """Validate settings.

        Args:
            values: by the name of the setting. Numbers and lists may be given as text.

        Raises:
            ConfigError: a setting is unknown or its value is not allowed.
        """
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            raise ConfigError(explain(error, cls.model_fields)) from None

    @property
    def augmentation(self) -> Amounts:
        return Amounts(**{name: getattr(self, name) for name in Amounts._fields})

    def but(self, **changes: Any) -> Self:
        """A copy of the settings with some of them changed. Validates and raises like `read`."""
        return self.read(self.model_dump() | changes)


# Every knob by its name, which is the name of the setting. The lists `hidden_units` and `conv_blocks` have
# several knobs, for their lengths and items: `hidden_layers`, `units`, `conv_layers`, `filters`,
# `kernel_size` and `pooling`.
KNOBS = knobs.read(RunConfig)


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
    # 99% test accuracy on full MNIST in a fraction of the time of the tutorial CNN. It is fast because of
    # strides instead of pooling, few filters for the large image, half as many epochs, batches four times as
    # large, and no validation. It is accurate because of batch normalisation, momentum, and one cycle of the
    # learning rate with a high maximum (Smith and Topin, 2018: "super-convergence").
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
    """The settings of ``--preset NAME --set KEY=VALUE ...``.

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
    """The settings that differ from others, each as ``KEY=VALUE``. `RunConfig.read` accepts these values."""
    return [
        f"{name}={_written(getattr(config, name))}"
        for name in RunConfig.model_fields
        if getattr(config, name) != getattr(base, name)
    ]


def _written(value: object) -> str:
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return "all" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
