"""Open a trained network, in whatever form it was saved."""

import abc
import enum
import hashlib
from pathlib import Path
from typing import (
    TYPE_CHECKING,
    Any,
    Dict,
    List,
    Mapping,
    Optional,
    Tuple,
    TypeVar,
    Union,
)

from engines.convert.ends import End
from engines.convert.errors import SourceFormatError, listing
from engines.errors import ManifestError
from engines.manifest import (
    MANIFEST_NAME,
    ModelManifest,
    load_manifest,
    sha256_of_file,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engines.convert.graph import GraphDef
    from engines.convert.onnx_source import OnnxSource


class SourceForm(enum.Enum):
    """How a trained network was saved."""

    FROZEN_GRAPH = "frozen-graph"
    CHECKPOINT = "checkpoint"
    SAVED_MODEL = "saved-model"
    KERAS = "keras"
    ONNX = "onnx"


_Source = TypeVar("_Source", bound="ModelSource")


class ModelSource(abc.ABC):
    """A trained network, loaded.

    Usable as a context manager; everything in one thread.
    """

    form: SourceForm

    @abc.abstractmethod
    def inputs(self) -> Tuple[End, ...]:
        """Inputs it could have, the likely ones."""

    @abc.abstractmethod
    def outputs(self, input_end: End) -> Tuple[End, ...]:
        """Outputs it could have for one input."""

    @abc.abstractmethod
    def run(
        self, input_end: End, output_end: End, tensors: "List[NDArray[Any]]"
    ) -> "List[NDArray[Any]]":
        """Infer with the network as trained: what every result is compared with."""

    @abc.abstractmethod
    def close(self) -> None:
        """Release it."""

    def __enter__(self: _Source) -> _Source:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


class GraphSource(ModelSource):
    """A network that is, or becomes, a TensorFlow graph."""

    @abc.abstractmethod
    def graph(self) -> "GraphDef":
        """The graph as it was saved, variables and training nodes included."""

    @abc.abstractmethod
    def freeze(self, input_end: End, output_end: End) -> "GraphDef":
        """Graph of the output with constants instead of variables."""

    def set_values(self, values: Mapping[str, float]) -> None:
        """Give placeholders that are no inputs what they are at inference."""
        del values

    def find_end(self, name: str) -> Optional[End]:
        """Describe a tensor that is no candidate; None if there is none."""
        del name
        return None

    def suggestions(self, input_end: End) -> Tuple[End, ...]:
        """Further tensors that could be the output."""
        del input_end
        return ()


class Location:
    """Where a network is and in which form, found without opening it.

    Parameters
    ----------
    path : Path
        What the operator named: a file, a folder, the prefix of a checkpoint, or a
        model folder with its manifest.

    Raises
    ------
    SourceFormatError
        If nothing known is there.
    """

    def __init__(self, path: Path) -> None:
        self.manifest: Optional[ModelManifest] = None
        """Of the model folder it was found in, if it was."""
        if (path / MANIFEST_NAME).is_file():
            self.manifest = load_manifest(path)
            path = _best_file(self.manifest)
        elif (path.parent / MANIFEST_NAME).is_file():
            self.manifest = _manifest_naming(path)
        self.form, self.path = _recognise(path)

    @property
    def name(self) -> str:
        """A name for the model."""
        if self.manifest is not None:
            return self.manifest.name
        return self.path.stem or self.path.name

    def sha256(self) -> str:
        """Hash of the file, or of all files of a folder with their names."""
        if self.form is SourceForm.CHECKPOINT:
            files = sorted(self.path.parent.glob(self.path.name + ".*"))
        elif self.path.is_file():
            return sha256_of_file(self.path)
        else:
            files = sorted(one for one in self.path.rglob("*") if one.is_file())
        digest = hashlib.sha256()
        for file in files:
            name = file.relative_to(self.path.parent).as_posix()
            digest.update(f"{name}\0{sha256_of_file(file)}\n".encode())
        return digest.hexdigest()


# The form closest to training first: the ladder starts at the top.
_FORMS_OF_A_MODEL = ("checkpoint", "saved-model", "keras", "frozen-graph", "onnx")


def _best_file(manifest: ModelManifest) -> Path:
    for form in _FORMS_OF_A_MODEL:
        if form in manifest.files:
            return manifest.path_of(form)
    raise SourceFormatError(
        "model {!r} has no file to convert from, only {}".format(
            manifest.name, listing(sorted(manifest.files)) or "none"
        ),
        hint="Convert the network it was made from.",
    )


def _manifest_naming(path: Path) -> Optional[ModelManifest]:
    try:
        manifest = load_manifest(path.parent)
    except ManifestError:
        return None  # it lies beside the file by chance and was not asked for
    return manifest if path.name in manifest.files.values() else None


_FORM_OF_SUFFIX: Dict[str, SourceForm] = {
    ".pb": SourceForm.FROZEN_GRAPH,
    ".pbtxt": SourceForm.FROZEN_GRAPH,
    ".keras": SourceForm.KERAS,
    ".h5": SourceForm.KERAS,
    ".hdf5": SourceForm.KERAS,
    ".onnx": SourceForm.ONNX,
}


def _recognise(path: Path) -> Tuple[SourceForm, Path]:
    if path.name in ("saved_model.pb", "saved_model.pbtxt"):
        return SourceForm.SAVED_MODEL, path.parent
    if path.is_dir():
        return _recognise_folder(path)
    if path.name.endswith((".meta", ".index")) and path.exists():
        return SourceForm.CHECKPOINT, path.with_suffix("")
    if Path(str(path) + ".index").is_file():
        return SourceForm.CHECKPOINT, path
    if not path.exists():
        raise SourceFormatError(
            f"there is no {path}", hint="Check the path of the network."
        )
    if path.suffix.lower() in _FORM_OF_SUFFIX:
        return _FORM_OF_SUFFIX[path.suffix.lower()], path
    raise SourceFormatError(
        f"{path.name} is no network that is known here",
        hint="Known are: SavedModel folders, checkpoints with their .meta file, "
        "and files named {}.".format(", ".join(sorted(_FORM_OF_SUFFIX))),
    )


def _recognise_folder(path: Path) -> Tuple[SourceForm, Path]:
    if any((path / name).is_file() for name in ("saved_model.pb", "saved_model.pbtxt")):
        return SourceForm.SAVED_MODEL, path
    metas = sorted(path.glob("*.meta"), key=lambda one: one.stat().st_mtime)
    if metas:
        return SourceForm.CHECKPOINT, metas[-1].with_suffix("")
    raise SourceFormatError(
        f"folder {path} holds neither a SavedModel, nor a checkpoint with its .meta "
        f"file, nor a {MANIFEST_NAME}",
        hint="Name the network's file.",
    )


def open_source(
    location: Location, size_px: Optional[Tuple[int, int]]
) -> "Union[GraphSource, OnnxSource]":
    """Load a network.

    Parameters
    ----------
    location : Location
        What to load.
    size_px : tuple of int, optional
        Width and height for a network that leaves them open.

    Raises
    ------
    ConversionError
        If it cannot be loaded.
    """
    if location.form is SourceForm.ONNX:
        from engines.convert.onnx_source import OnnxSource

        return OnnxSource(location.path, size_px)
    if location.form is SourceForm.KERAS:
        from engines.convert.keras_source import open_keras

        return open_keras(location.path, size_px)
    from engines.convert import tensorflow_source

    if location.form is SourceForm.SAVED_MODEL:
        return tensorflow_source.open_saved_model(location.path)
    if location.form is SourceForm.CHECKPOINT:
        return tensorflow_source.open_checkpoint(location.path)
    return tensorflow_source.open_frozen_graph(location.path)
