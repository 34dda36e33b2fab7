"""Runs the trained graph as it is in a TensorFlow session, 1.15 to 2.x.

It is the reference that every other engine is compared with, and runs anywhere that
has TensorFlow. The compatibility interface of TensorFlow 1 is the one that all these
versions share.
"""

import os
import warnings
from typing import TYPE_CHECKING, Any, Dict, List, Optional, Tuple, Type

from engines.base import Engine, EngineKind, EngineSpec, Precision
from engines.errors import EngineLoadError, EngineUnavailableError, InferenceError
from engines.host.machine import find_gpu, find_processor
from engines.manifest import ModelManifest

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

# Preferred first: a frozen graph loads faster and has nothing to initialise.
FILE_FORMS = ("frozen-graph", "saved-model")

# Added after TensorFlow 1.15 to operations that it has too, with their defaults.
_LATER_ATTRIBUTES: Dict[str, Dict[str, Any]] = {
    "explicit_paddings": {"list": {}},
    "exponential_avg_factor": {"f": 1.0},
    "grad_a": {"b": False},
    "grad_b": {"b": False},
    "grad_x": {"b": False},
    "grad_y": {"b": False},
}
_SIGNATURE = "serving_default"
# Operations without a consumer that are no result.
_NO_RESULTS = ("Placeholder", "PlaceholderWithDefault", "Const", "NoOp", "Assert")


class TensorFlowEngine(Engine):
    """A graph in a session of its own.

    On a GPU, memory is taken as it is needed: a Jetson shares it with everything else.

    Parameters
    ----------
    manifest : ModelManifest
        The model; its `frozen-graph` or `saved-model` is read.
    precision : Precision, optional
        Only FP32: another precision is what conversions are for.
    threads : int
        Threads of one inference on the CPU.

    Raises
    ------
    EngineUnavailableError
        If TensorFlow is missing, or the precision is another.
    EngineLoadError
        If the file cannot be loaded, or its input and output are not clear.
    """

    def __init__(
        self,
        manifest: ModelManifest,
        precision: Optional[Precision] = None,
        threads: int = 1,
    ) -> None:
        if precision not in (None, Precision.FP32):
            raise EngineUnavailableError(
                f"TensorFlow runs the graph as trained, not in {precision.value}",
                hint="Leave the precision out, or convert the model to another engine.",
            )
        tensorflow = import_tensorflow()
        form, path = _file_of(manifest)
        self._graph = tensorflow.Graph()
        self._session = tensorflow.compat.v1.Session(
            graph=self._graph, config=_session_config(tensorflow, threads)
        )
        try:
            with self._graph.as_default():
                if form == "saved-model":
                    ends = _load_saved_model(tensorflow, self._session, path, manifest)
                else:
                    ends = _load_frozen_graph(tensorflow, path, manifest)
            source, result = (self._graph.get_tensor_by_name(name) for name in ends)
            # Checks feeds and fetches once instead of at every call.
            self._run = self._session.make_callable(result, feed_list=[source])
        except _load_errors(tensorflow) as error:
            self.close()
            raise EngineLoadError(
                f"TensorFlow {tensorflow.__version__} cannot load {path}:"
                f" {_reason(error)}",
                hint="A graph is read by the version that wrote it and by newer ones.",
            ) from error
        except EngineLoadError:
            self.close()
            raise
        self._failures = (tensorflow.errors.OpError, ValueError)
        self._spec = EngineSpec(
            kind=EngineKind.TENSORFLOW,
            precision=Precision.FP32,
            device=_device_of(self._session),
            library=f"tensorflow {tensorflow.__version__}",
            threads=threads,
            model=manifest,
        )

    @property
    def spec(self) -> EngineSpec:
        """What is running."""
        return self._spec

    def infer(self, tensor: "NDArray[Any]") -> "NDArray[Any]":
        """Run the graph once; see `Engine.infer`."""
        self.check_input(tensor)
        try:
            output: NDArray[Any] = self._run(tensor)
        except self._failures as error:
            raise InferenceError(f"TensorFlow failed: {_reason(error)}") from error
        return output

    def close(self) -> None:
        """Close the session. Calling it again does nothing."""
        self._session.close()


def import_tensorflow() -> Any:  # noqa: ANN401  a library without types
    """Import TensorFlow, which takes seconds.

    Raises
    ------
    EngineUnavailableError
        If it is missing or broken.
    """
    # Its notes on processor features are no news to an operator.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")
    # Otherwise the first session's number of threads computes for all later ones: a
    # session of two threads after one of a single thread then used 1.00 cores, on
    # 1.15 as on 2.17, and with this 1.7 to 1.9. Read at the first session.
    os.environ.setdefault("TF_OVERRIDE_GLOBAL_THREADPOOL", "1")
    try:
        with warnings.catch_warnings():
            # TensorFlow 1.15 warns of its own dtypes under numpy 1.17 and later.
            warnings.simplefilter("ignore", FutureWarning)
            import tensorflow
    except ImportError as error:
        raise EngineUnavailableError(
            f"TensorFlow cannot be imported by this Python ({_reason(error)})",
            hint="Choose another engine, or host this one in a Python that has it.",
        ) from error
    return tensorflow


def _file_of(manifest: ModelManifest) -> Tuple[str, "Path"]:
    for form in FILE_FORMS:
        if form in manifest.files:
            return form, manifest.path_of(form)
    raise EngineLoadError(
        "model {!r} has no file that TensorFlow reads, only {}".format(
            manifest.name, ", ".join(sorted(manifest.files)) or "none"
        ),
        hint="Use the folder of the model as it was trained.",
    )


def _session_config(tensorflow: Any, threads: int) -> Any:  # noqa: ANN401
    v1 = tensorflow.compat.v1
    return v1.ConfigProto(
        intra_op_parallelism_threads=threads,
        inter_op_parallelism_threads=1,
        # Threads between operations; those within one are the environment's affair,
        # see `import_tensorflow`.
        use_per_session_threads=True,
        allow_soft_placement=True,
        gpu_options=v1.GPUOptions(allow_growth=True),
    )


def _load_frozen_graph(
    tensorflow: Any,  # noqa: ANN401
    path: "Path",
    manifest: ModelManifest,
) -> List[str]:
    """Import the graph; gives the names of its input's and its output's tensor."""
    v1 = tensorflow.compat.v1
    definition = v1.GraphDef()
    definition.ParseFromString(path.read_bytes())
    _drop_later_attributes(v1.AttrValue, definition)
    v1.import_graph_def(definition, name="")
    operations = v1.get_default_graph().get_operations()
    inputs = [entry.name for entry in operations if entry.type == "Placeholder"]
    outputs = [
        entry.name
        for entry in operations
        if entry.type not in _NO_RESULTS
        and not any(tensor.consumers() for tensor in entry.outputs)
    ]
    return [
        _tensor_name(manifest.input.name or _only("input", inputs, path)),
        _tensor_name(manifest.output.name or _only("output", outputs, path)),
    ]


def _drop_later_attributes(attr_value: Any, definition: Any) -> None:  # noqa: ANN401
    """Make a graph readable by versions older than the one that wrote it.

    An attribute that was added later means, by its default, what was done before.
    """
    defaults = {name: attr_value(**value) for name, value in _LATER_ATTRIBUTES.items()}
    for node in definition.node:
        for name, default in defaults.items():
            if name in node.attr and node.attr[name] == default:
                del node.attr[name]


def _load_saved_model(
    tensorflow: Any,  # noqa: ANN401
    session: Any,  # noqa: ANN401
    path: "Path",
    manifest: ModelManifest,
) -> List[str]:
    """Load the model; gives the names of its input's and its output's tensor.

    The manifest may name a tensor by its key in the signature or by its own name.
    """
    v1 = tensorflow.compat.v1
    loaded = v1.saved_model.load(session, ["serve"], str(path))
    signatures = loaded.signature_def
    if _SIGNATURE not in signatures:
        raise EngineLoadError(
            "{} has no signature {!r}, only {}".format(
                path, _SIGNATURE, ", ".join(sorted(signatures)) or "none"
            ),
            hint="Export the model with a serving signature.",
        )
    signature = signatures[_SIGNATURE]
    names = []
    for what, wanted, entries in (
        ("input", manifest.input.name, signature.inputs),
        ("output", manifest.output.name, signature.outputs),
    ):
        key = wanted or _only(what, list(entries), path)
        names.append(entries[key].name if key in entries else _tensor_name(key))
    return names


def _only(what: str, names: List[str], path: "Path") -> str:
    if len(names) == 1:
        return names[0]
    raise EngineLoadError(
        "{} has {} {}s: {}".format(
            path, len(names), what, ", ".join(sorted(names)[:12]) or "none"
        ),
        hint=f"Name the right one in the manifest, as the {what}'s 'name'.",
    )


def _tensor_name(name: str) -> str:
    return name if ":" in name else name + ":0"


def _device_of(session: Any) -> str:  # noqa: ANN401
    has_gpu = any(device.device_type == "GPU" for device in session.list_devices())
    if not has_gpu:
        return find_processor()[0]
    gpu = find_gpu()
    return gpu.name if gpu is not None else "GPU"


def _load_errors(tensorflow: Any) -> Tuple[Type[Exception], ...]:  # noqa: ANN401
    from google.protobuf.message import DecodeError

    return (tensorflow.errors.OpError, DecodeError, KeyError, ValueError, OSError)


def _reason(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if hasattr(error, "message"):
        # TensorFlow tells first where the node was defined, last what went wrong,
        # and then only where again.
        told = [line.strip() for line in str(error.message).splitlines()]
        lines = [x for x in told if x and not x.startswith(("[[", "Hint:"))][-1:]
    return lines[0] if lines else type(error).__name__
