"""The manifest of a model: how frames become its input and what its output means.

A model is a folder with a `manifest.json` and the files it names. Any user's
network is described the same way: one or three channels, one or several frames,
NHWC or NCHW, float or uint8, probabilities, logits or several classes.
"""

import enum
import hashlib
from pathlib import Path
from typing import Any, Dict, Mapping, NamedTuple, Tuple

from engines.documents import read_document, write_versioned
from engines.errors import ManifestError

MANIFEST_NAME = "manifest.json"
SCHEMA_VERSION = 1


class Colour(enum.Enum):
    """Channels of one frame as the network wants them."""

    GREY = "grey"
    BGR = "bgr"
    RGB = "rgb"

    @property
    def channels(self) -> int:
        """Number of channels."""
        return 1 if self is Colour.GREY else 3


class Layout(enum.Enum):
    """Order of the axes of a tensor."""

    NHWC = "nhwc"
    NCHW = "nchw"


class Fit(enum.Enum):
    """How a frame of another shape is brought to the network's input size."""

    STRETCH = "stretch"
    """Scale each axis on its own: everything is seen, shapes are distorted."""
    CROP = "crop"
    """Take the centre of the frame unscaled; what lies outside is not seen."""


class Activation(enum.Enum):
    """What the numbers of the output are."""

    PROBABILITY = "probability"
    """Foreground probability, 0 to 1."""
    LOGIT = "logit"
    """Before the sigmoid."""
    CLASS_LOGITS = "class-logits"
    """One channel per class, before the softmax."""
    CLASS_PROBABILITIES = "class-probabilities"
    """One channel per class, after the softmax."""


class InputSpec(NamedTuple):
    """How frames become the network's input.

    The value fed for a pixel is `pixel * scale + offset`. Frames are stacked along
    the channel axis, oldest first.
    """

    width_px: int
    height_px: int
    frame_count: int = 1
    colour: Colour = Colour.GREY
    layout: Layout = Layout.NHWC
    dtype: str = "float32"
    scale: float = 1.0 / 255.0
    offset: float = 0.0
    fit: Fit = Fit.STRETCH
    name: str = ""
    """Name of the input in the graph; empty where there is only one."""

    @property
    def shape(self) -> Tuple[int, int, int, int]:
        """Shape of the input tensor, a batch of one included."""
        channels = self.frame_count * self.colour.channels
        if self.layout is Layout.NHWC:
            return (1, self.height_px, self.width_px, channels)
        return (1, channels, self.height_px, self.width_px)


class OutputSpec(NamedTuple):
    """What the network's output means."""

    activation: Activation = Activation.PROBABILITY
    layout: Layout = Layout.NHWC
    foreground_class: int = 1
    """Channel of the foreground; read for class outputs only."""
    name: str = ""


# Not a read-only view, which cannot be sent to another process; nobody writes to it.
_NOTHING: Mapping[str, str] = {}


class ModelManifest(NamedTuple):
    """A model: its name, input, output, thresholds and files."""

    name: str
    input: InputSpec
    output: OutputSpec = OutputSpec()
    threshold_low: float = 0.35
    """A pixel above it may belong to a blob (hysteresis). Lower joins faint parts."""
    threshold_high: float = 0.7
    """A blob needs one pixel above it. Higher finds less, more surely."""
    files: Mapping[str, str] = _NOTHING
    """File form (`saved-model`, `frozen-graph`, `onnx`) to path within the folder."""
    sha256: Mapping[str, str] = _NOTHING
    """File form to the file's hash, where it is one file."""
    notes: str = ""
    folder: Path = Path()
    """Where the files are; not written to the file."""

    def path_of(self, form: str) -> Path:
        """Path of the file of one form.

        Raises
        ------
        ManifestError
            If the model has no file of that form, or it is gone.
        """
        if form not in self.files:
            raise ManifestError(
                "model {!r} has no {} file, only {}".format(
                    self.name, form, ", ".join(sorted(self.files)) or "none"
                )
            )
        path = self.folder / self.files[form]
        if not path.exists():
            raise ManifestError(
                f"model {self.name!r} names {path}, which is not there",
                hint="Copy the whole model folder, or convert the model again.",
            )
        return path


def load_manifest(folder: Path) -> ModelManifest:
    """Read `manifest.json` of a model's folder.

    Raises
    ------
    ManifestError
        If it is missing, is no JSON, is of a newer schema, or a field is wrong.
    """
    path = folder / MANIFEST_NAME
    document = read_document(
        path, "A model is a folder with a manifest.json and the files it names."
    )
    return manifest_from_document(document, folder)


def manifest_from_document(document: Any, folder: Path) -> ModelManifest:  # noqa: ANN401
    """Validate a parsed manifest.

    Raises
    ------
    ManifestError
        Naming the field that is wrong.
    """
    if not isinstance(document, dict):
        raise ManifestError("a manifest is a JSON object")
    version = document.get("schema_version")
    if version != SCHEMA_VERSION:
        raise ManifestError(
            f"manifest of schema version {version!r}, "
            f"this Peregrine reads {SCHEMA_VERSION}"
        )
    try:
        input_fields = dict(document["input"])
        input_fields["colour"] = Colour(input_fields.get("colour", "grey"))
        input_fields["layout"] = Layout(input_fields.get("layout", "nhwc"))
        input_fields["fit"] = Fit(input_fields.get("fit", "stretch"))
        output_fields = dict(document.get("output", {}))
        output_fields["activation"] = Activation(
            output_fields.get("activation", "probability")
        )
        output_fields["layout"] = Layout(output_fields.get("layout", "nhwc"))
        manifest = ModelManifest(
            name=str(document["name"]),
            input=InputSpec(**input_fields),
            output=OutputSpec(**output_fields),
            threshold_low=float(document.get("threshold_low", 0.35)),
            threshold_high=float(document.get("threshold_high", 0.7)),
            files=dict(document.get("files", {})),
            sha256=dict(document.get("sha256", {})),
            notes=str(document.get("notes", "")),
            folder=folder,
        )
    except KeyError as error:
        raise ManifestError(f"manifest lacks {error}") from error
    except (TypeError, ValueError) as error:
        raise ManifestError(f"manifest has a wrong field: {error}") from error
    _check(manifest)
    return manifest


def _check(manifest: ModelManifest) -> None:
    spec = manifest.input
    for name in ("width_px", "height_px", "frame_count"):
        value = getattr(spec, name)
        if not isinstance(value, int) or not 1 <= value <= 16384:
            raise ManifestError(
                f"input {name} is {value!r}, it must be a whole number from 1"
            )
    if spec.dtype not in ("float32", "uint8"):
        raise ManifestError(
            f"input dtype is {spec.dtype!r}, it must be float32 or uint8"
        )
    if not 0.0 < manifest.threshold_low <= manifest.threshold_high < 1.0:
        raise ManifestError(
            f"thresholds {manifest.threshold_low} and {manifest.threshold_high} "
            "must satisfy 0 < low <= high < 1"
        )


def save_manifest(manifest: ModelManifest, folder: Path) -> None:
    """Write `manifest.json` into a folder, whole or not at all."""
    fields = {
        "name": manifest.name,
        "input": _fields(manifest.input),
        "output": _fields(manifest.output),
        "threshold_low": manifest.threshold_low,
        "threshold_high": manifest.threshold_high,
        "files": dict(manifest.files),
        "sha256": dict(manifest.sha256),
        "notes": manifest.notes,
    }
    write_versioned(folder / MANIFEST_NAME, SCHEMA_VERSION, fields)


def _fields(spec: Any) -> Dict[str, Any]:  # noqa: ANN401
    return {
        name: value.value if isinstance(value, enum.Enum) else value
        for name, value in spec._asdict().items()
    }


def sha256_of_file(path: Path) -> str:
    """Hash of a file's bytes, as lower-case hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()
