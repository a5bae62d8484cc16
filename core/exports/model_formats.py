"""A trained model in other file formats, each with example code."""

from __future__ import annotations

import json
import tempfile
import threading
import zipfile
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from core.config import RunConfig
from core.data import specs
from core.data.specs import DatasetSpec
from core.exports import file_names, keras_script, onnx_drawing
from core.failures import Failure, KnownFailure
from core.files import DAMAGED_ARCHIVE
from core.i18n import _
from core.jobs import executor
from core.lazy import onnx
from core.network import architectures, predict
from core.runs import records

# A conversion imports TensorFlow, which takes 600 MB, so only one conversion runs at a time.
_one_at_a_time = threading.Lock()
_PATIENCE = 300  # seconds
_MOST_METADATA = 10_000  # bytes


class CannotConvert(KnownFailure, RuntimeError):
    """The model could not be written in this format. The message says why."""


class Format(NamedTuple):
    """A file format for models.

    Attributes:
        name: the name that people see.
        words: the purpose of the format.
        install: the packages that read the format.
        versions: the versions of these packages that can read the format.
        code: Python code that reads the file ``{name}`` and computes ``probabilities`` of ``images``.
    """

    name: str
    words: str
    install: str
    versions: str
    code: str


PICTURE = 'picture = Image.open("digit.png")  # white on black'

OLDEST_KERAS = "3.0.3"  # the oldest version that reads the files of `core.worker.portable`

_KERAS = """\
import keras

model = keras.saving.load_model("{name}")
probabilities = model.predict(images)"""


def example(spec: DatasetSpec) -> str:
    """Code that makes example images, which the user replaces."""
    shape = ", ".join(map(str, (1, *spec.image)))
    words = "0 is paper, 1 is ink, made as MNIST's images are"
    if not spec.takes_drawings:
        words = f"from 0 to 1, made as those of {spec.name} are"
    return f'images = np.zeros(({shape}), "float32")  # {words}'


def formats(spec: DatasetSpec = specs.MNIST) -> dict[str, Format]:
    """The formats for a network on this data set, by the ending of the file name."""
    by_ending = _formats()
    if not spec.takes_drawings:
        by_ending.pop("drawing.onnx")
    return by_ending


def _formats() -> dict[str, Format]:
    newer = _("{name} {version} or newer")
    keras = _("{newer}, and Keras 2.15 (TensorFlow 2.15)").format(
        newer=newer.format(name="Keras", version=OLDEST_KERAS)
    )
    runtime = newer.format(name="ONNX Runtime", version="1.18")
    return {
        "keras": Format(
            "Keras", _("Keras's own format. Load it to continue training."), "tensorflow",
            _("{keras}, but the optimizer's state is lost").format(keras=keras),
            _KERAS,
        ),
        "h5": Format(
            "HDF5",
            _("The old format of Keras, which most tutorials still use. Keras calls it legacy. It contains "
              "the network and its weights. Compile the model before you train or evaluate it."),
            "tensorflow", keras,
            _KERAS,
        ),
        "onnx": Format(
            "ONNX",
            _("For any ONNX runtime, without TensorFlow. The outputs are every layer and the logits."),
            "onnxruntime", runtime,
            'import onnxruntime\n\nsession = onnxruntime.InferenceSession("{name}")\n'
            'probabilities = session.run(["{last}"], {{"images": images}})[0]',
        ),
        "drawing.onnx": Format(
            _("ONNX for drawings"),
            _("The input is a drawing of 280×280 pixels, the output is a digit. The model includes the "
              "preprocessing, but does not remove specks."),
            "onnxruntime pillow", runtime,
            "import onnxruntime\nfrom PIL import Image\n\n"
            f"{PICTURE}\n"
            'drawing = np.asarray(picture.convert("L").resize((280, 280)))\n'
            'session = onnxruntime.InferenceSession("{name}")\n'
            'digit, probabilities = session.run(["digit", "probabilities"], {{"drawing": drawing}})',
        ),
        "tflite": Format(
            "LiteRT", _("For phones and small devices. Its former name is TensorFlow Lite."),
            "ai-edge-litert",
            newer.format(name="LiteRT", version="1.0"),
            "from ai_edge_litert.interpreter import Interpreter\n\n"
            'interpreter = Interpreter("{name}")\n'
            "read = interpreter.get_signature_runner()\n"
            "(given,) = read.get_input_details()\n"
            "(probabilities,) = read(**{{given: images}}).values()",
        ),
        "savedmodel.zip": Format(
            "SavedModel", _("For TensorFlow Serving, and for TensorFlow without Keras."), "tensorflow",
            newer.format(name="TensorFlow", version="2.15"),
            'import shutil\nimport tensorflow as tf\n\nshutil.unpack_archive("{name}", "model")\n'
            'model = tf.saved_model.load("model")\nprobabilities = model.serve(images).numpy()',
        ),
    }  # fmt: skip


def snippet(run: Path, ending: str) -> str:
    """Python code that uses the downloaded file in this format."""
    config, spec = records.config(run), records.spec(run)
    form = formats(spec)[ending]
    last = architectures.layers(config, spec)[-1].name
    code = form.code.format(name=f"{file_names.stem(run)}.{ending}", last=last)
    given = "" if PICTURE in code else f"{example(spec)}\n"
    imports, _blank, body = code.partition("\n\n")
    head = f"# pip install numpy {form.install}\n# For {form.versions}\nimport numpy as np\n{imports}\n"
    return f"{head}\n{given}{body}\nprint(probabilities)\n{_training(config, ending)}"


def _training(config: RunConfig, ending: str) -> str:
    """The code that is needed before the loaded model can be trained."""
    rate = repr(config.learning_rate)
    if ending == "h5":
        return (
            "\n# To train or evaluate it, compile it first: HDF5 holds no optimizer.\n"
            f"{keras_script.compiling(config, rate)}\n"
        )
    if ending == "keras" and config.learning_rate_schedule != "constant":
        return (
            "\n# To train on, set a learning rate: it is where the schedule ended.\n"
            f"model.optimizer.learning_rate = {rate}\n"
        )
    return ""


def write(run: Path, ending: str) -> bytes:
    """The bytes of the run's model in a format. Formats that need TensorFlow take some seconds.

    Args:
        ending: a key of `formats`.

    Raises:
        CannotConvert: the process that writes the file failed, or took too long.
        UnknownRun: the settings of the run cannot be read.
        OSError: the model is missing.
    """
    # The worker has written these files. But an old ``.keras`` file may need the newest version of Keras.
    if ending == "onnx" or (ending == "keras" and _is_portable(run / "model.keras")):
        return (run / f"model.{ending}").read_bytes()
    if ending == "drawing.onnx":
        return _for_drawings(run)
    with _one_at_a_time, tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model"
        try:
            code, printed = executor.current().convert([str(run.absolute()), ending, str(file)], _PATIENCE)
        except TimeoutError as error:
            raise CannotConvert("conversion_slow", s=_PATIENCE) from error
        if code:
            raise _failed(printed)
        return file.read_bytes()


def _failed(output: str) -> CannotConvert:
    """The error from the last line of the process's output, if there is one."""
    try:
        failure = Failure.model_validate_json((output.splitlines() or [""])[-1])
    except ValidationError:
        return CannotConvert("conversion_lost")
    return CannotConvert(failure.code, **failure.values)


def _for_drawings(run: Path) -> bytes:
    spec = records.spec(run)
    if not spec.takes_drawings:
        raise CannotConvert("not_drawable", name=spec.name)
    last = architectures.layers(records.config(run), spec)[-1].name
    try:
        return onnx_drawing.build(onnx.load(run / "model.onnx"), last).SerializeToString()
    except predict.no_network() as error:
        raise CannotConvert("model_damaged", name=run.name) from error


def _is_portable(file: Path) -> bool:
    """Whether a ``.keras`` file says that `core.worker.portable` wrote it."""
    try:
        with zipfile.ZipFile(file) as archive, archive.open("metadata.json") as opened:
            return bool(json.loads(opened.read(_MOST_METADATA))["written_for"] == OLDEST_KERAS)
    except (*DAMAGED_ARCHIVE, TypeError):
        return False
