"""Networks saved by Keras, version 2 or 3."""

import importlib
import json
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, List, Optional, Tuple

from engines.convert.constants import session_config
from engines.convert.ends import End
from engines.convert.errors import SizeError, SourceFormatError, missing_library
from engines.convert.graph import GraphDef, canonical
from engines.convert.model_source import GraphSource, SourceForm
from engines.convert.tensorflow_errors import translated
from engines.convert.tensorflow_source import SessionSource, import_tensorflow

if TYPE_CHECKING:
    from numpy.typing import NDArray


def open_keras(path: Path, size_px: Optional[Tuple[int, int]]) -> GraphSource:
    """Load a `.keras` or `.h5` file.

    Raises
    ------
    SourceFormatError
        If it is no model, or one with parts that only its own code can build.
    """
    tf = import_tensorflow()
    if tf.__version__.startswith("1."):
        return _open_in_session(path)
    return KerasSource(_load(path), size_px)


def _open_in_session(path: Path) -> SessionSource:
    """Load with the Keras of TensorFlow 1, at inference from the start."""
    tf = import_tensorflow()
    if path.suffix == ".keras":
        raise SourceFormatError(
            f"TensorFlow {tf.__version__} cannot read {path.name}: a .keras file",
            hint="Convert it with TensorFlow 2, or save it as .h5.",
        )
    graph = tf.Graph()
    session = tf.compat.v1.Session(graph=graph, config=session_config())
    with translated(f"loading {path.name}"), graph.as_default(), session.as_default():
        tf.keras.backend.set_session(session)
        tf.keras.backend.set_learning_phase(0)
        model = tf.keras.models.load_model(str(path), compile=False)
        inputs = tuple(_tensor_end(one.op.name, one) for one in model.inputs)
        outputs = tuple(
            _tensor_end(name, one)
            for name, one in zip(model.output_names, model.outputs)
        )
    return SessionSource(SourceForm.KERAS, session, (inputs, outputs))


def _load(path: Path) -> Any:  # noqa: ANN401  a model of either Keras
    keras = _keras_that_wrote(path)
    with translated(f"loading {path.name}"):
        try:
            return keras.models.load_model(str(path), compile=False)
        except (AttributeError, NotImplementedError, ImportError) as error:
            raise SourceFormatError(f"loading {path.name}: {error}") from error


def _keras_that_wrote(path: Path) -> Any:  # noqa: ANN401  a module
    """Keras 3 for what it wrote, Keras 2 for what older ones did."""
    version = _version_in(path)
    if version.startswith("3"):
        tf = import_tensorflow()
        return tf.keras
    try:
        return importlib.import_module("tf_keras")
    except ImportError as error:
        raise missing_library(
            "tf_keras",
            "pip install tf-keras==2.17.0",
            f"a model that Keras {version or '2'} saved",
        ) from error


def _version_in(path: Path) -> str:
    if zipfile.is_zipfile(str(path)):
        with zipfile.ZipFile(str(path)) as archive:
            if "metadata.json" not in archive.namelist():
                raise SourceFormatError(f"{path.name} is an archive without a model")
            metadata = json.loads(archive.read("metadata.json").decode("utf-8"))
        return str(metadata.get("keras_version", "3"))
    h5py: Any = importlib.import_module("h5py")
    try:
        with h5py.File(str(path), "r") as file:
            if "model_config" not in file.attrs:
                raise SourceFormatError(
                    f"{path.name} holds weights without a network",
                    hint="Save the whole model, not its weights only.",
                )
            version = file.attrs.get("keras_version", "2")
    except OSError as error:
        raise SourceFormatError(f"{path.name} is not a Keras file") from error
    return version.decode("utf-8") if isinstance(version, bytes) else str(version)


def _tensor_end(name: str, tensor: Any) -> End:  # noqa: ANN401  symbolic tensor
    shape = None if tensor.shape.ndims is None else tuple(tensor.shape.as_list())
    return End(name, canonical(tensor.name), tensor.dtype.name, shape)


class KerasSource(GraphSource):
    """A Keras model on TensorFlow 2, traced at inference.

    Parameters
    ----------
    model : keras.Model or tf_keras.Model
        What to trace.
    size_px : tuple of int, optional
        Width and height, for a model that leaves them open.
    """

    form = SourceForm.KERAS

    def __init__(
        self,
        model: Any,  # noqa: ANN401
        size_px: Optional[Tuple[int, int]],
    ) -> None:
        tf = import_tensorflow()
        # Kept: the traced function holds its variables by weak reference only.
        self._model = model
        self._names = list(getattr(model, "output_names", [])) or ["output"]
        shapes = [_with_size(tuple(one.shape), size_px) for one in model.inputs]
        names = [canonical(one.name).split("/")[-1] for one in model.inputs]
        specs = [
            tf.TensorSpec(shape, tf.as_dtype(one.dtype), name=name)
            for shape, one, name in zip(shapes, model.inputs, names)
        ]

        def infer(*tensors: Any) -> Any:  # noqa: ANN401
            given = tensors[0] if len(tensors) == 1 else list(tensors)
            results = model(given, training=False)
            return tf.nest.flatten(results)

        with translated("tracing the model"):
            self._function = tf.function(infer).get_concrete_function(*specs)

    def graph(self) -> GraphDef:
        """The traced graph, with its functions."""
        return self._function.graph.as_graph_def()

    def inputs(self) -> Tuple[End, ...]:
        """Inputs of the model."""
        count = len(self._function.structured_input_signature[0])
        return tuple(
            _tensor_end(canonical(one.name), one)
            for one in self._function.inputs[:count]
        )

    def outputs(self, input_end: End) -> Tuple[End, ...]:
        """Outputs of the model, by the names of their layers."""
        del input_end
        results = self._function.outputs
        names = self._names if len(self._names) == len(results) else []
        return tuple(
            _tensor_end(names[index] if names else canonical(one.name), one)
            for index, one in enumerate(results)
        )

    def run(
        self, input_end: End, output_end: End, tensors: "List[NDArray[Any]]"
    ) -> "List[NDArray[Any]]":
        """Infer with the model itself."""
        tf = import_tensorflow()
        index = [one.tensor for one in self.outputs(input_end)].index(output_end.tensor)
        with translated("running the network as trained"):
            return [
                self._function(tf.constant(tensor))[index].numpy() for tensor in tensors
            ]

    def freeze(self, input_end: End, output_end: End) -> GraphDef:
        """Replace variables by their values."""
        del input_end, output_end
        from tensorflow.python.framework import convert_to_constants

        with translated("freezing"):
            frozen = convert_to_constants.convert_variables_to_constants_v2(
                self._function, lower_control_flow=False
            )
            return frozen.graph.as_graph_def()

    def close(self) -> None:
        """Forget the model and its trace."""
        self._model = None
        self._function = None


def _with_size(
    shape: Tuple[Optional[int], ...], size_px: Optional[Tuple[int, int]]
) -> Tuple[Optional[int], ...]:
    sizes = [1, *shape[1:]]
    if len(sizes) == 4 and None in sizes[1:] and size_px is not None:
        # Channels are the one that is known, or the last.
        is_channels_first = sizes[1] is not None and sizes[3] is None
        for axis, size in zip((3, 2) if is_channels_first else (2, 1), size_px):
            sizes[axis] = size if sizes[axis] is None else sizes[axis]
    if None in sizes:
        raise SizeError(
            f"the input has shape {('?', *shape[1:])}: its size is open",
            hint="Give it with --size WIDTHxHEIGHT.",
        )
    return tuple(sizes)
