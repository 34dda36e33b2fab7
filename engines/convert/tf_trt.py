"""From a frozen graph to one whose segments run in TensorRT, TensorFlow 1.15 to 2.17.

TensorFlow 1 gives a graph with the engines in it, TensorFlow 2 a SavedModel with the
engines beside it. Both only run on the kind of GPU, and with the TensorRT, that they
were made on.

Some calls of TF-TRT end the process where TensorRT is missing: the version that is
loaded is never asked for, and Grappler is only run by TensorFlow's own converters,
which check first.
"""

import contextlib
import importlib
import json
import tempfile
import time
from pathlib import Path
from typing import (
    TYPE_CHECKING,
    Any,
    Callable,
    Dict,
    Iterator,
    List,
    NamedTuple,
    Optional,
    Tuple,
)

from engines.convert.errors import (
    MissingLibraryError,
    NativeSegmentError,
    UnsupportedTargetError,
)
from engines.convert.graph import GraphDef, Terminals
from engines.convert.tensorflow_errors import translated
from engines.convert.tensorflow_source import import_tensorflow
from engines.convert.tf_trt_log import (
    captured_stderr,
    read_conversion_log,
    read_fallbacks,
)
from engines.convert.tf_trt_parameters import (
    TfTrtParameters,
    arguments_v1,
    arguments_v2,
)
from engines.convert.tf_trt_report import (
    ELSEWHERE,
    TfTrtReport,
    report_on,
    require_engines,
)
from engines.host.machine import find_gpu, find_tensorrt_library, tf_trt_obstacle

if TYPE_CHECKING:
    from numpy.typing import NDArray

GRAPH_NAME = "tf_trt.pb"
SAVED_MODEL_NAME = "tf_trt"
FACTS_NAME = "tf_trt.json"
_SIGNATURE = "serving_default"
_CONVERTERS = "tensorflow.python.compiler.tensorrt.trt_convert"


class TfTrtModel(NamedTuple):
    """A converted model on disk."""

    path: Path
    """A graph's file, or the folder of a SavedModel."""
    report: TfTrtReport
    seconds: float


class _Converted(NamedTuple):
    graph: GraphDef
    save: Callable[[Path], Path]
    """Writes the model into a folder and gives its path."""


def convert_with_tf_trt(
    graph: GraphDef,
    terminals: Terminals,
    folder: Path,
    parameters: Optional[TfTrtParameters] = None,
    frames: "Tuple[NDArray[Any], ...]" = (),
    trt_convert: Any = None,  # noqa: ANN401  a module
) -> TfTrtModel:
    """Convert a frozen graph, build its engines and write it.

    Parameters
    ----------
    graph : GraphDef
        Frozen, its input of a fixed size.
    terminals : Terminals
        Its one input and its one output.
    folder : Path
        Where to write.
    parameters : TfTrtParameters, optional
        What was chosen.
    frames : tuple of ndarray
        Inputs: for the ranges of int8, and the first one to build the engines with.
    trt_convert : module, optional
        TensorFlow's converters; None imports them.

    Raises
    ------
    MissingLibraryError
        If this TensorFlow has no TF-TRT or there is no TensorRT.
    NoSpeedUpError
        If no engine was made.
    NativeSegmentError
        If an engine was made but cannot run.
    ConversionError
        If the conversion fails otherwise.
    """
    tf = import_tensorflow()
    parameters = TfTrtParameters() if parameters is None else parameters
    parameters.require_valid()
    if parameters.needs_frames and not frames:
        raise UnsupportedTargetError(
            "int8 finds its ranges on frames, and none were given",
            hint="Give frames, or choose fp16.",
        )
    if trt_convert is None:
        trt_convert = import_trt_convert()
    start = time.perf_counter()
    is_second = tf.executing_eagerly()
    convert = _convert_v2 if is_second else _convert_v1
    with contextlib.ExitStack() as stack:
        with captured_stderr() as captured, translated("converting with TF-TRT"):
            converted = convert(
                stack, graph, terminals, parameters, frames, trt_convert
            )
        log = read_conversion_log(captured.text)
        report = report_on(graph, converted.graph, log, parameters)
        obstacle = "" if report.engines else _obstacle()
        require_engines(report, log, parameters, obstacle)
        require_no_fallback(captured.text)
        path = converted.save(folder)
    if path.is_dir():  # TensorFlow 2 keeps engines in files of their own
        built = len(list(path.glob("assets/trt-serialized-engine.*")))
        report = report._replace(built_engines=built)
    _write_facts(folder, parameters, report)
    return TfTrtModel(path, report, time.perf_counter() - start)


def import_trt_convert() -> Any:  # noqa: ANN401  a module
    """Import TensorFlow's converters, which registers the engines' operation too.

    Raises
    ------
    MissingLibraryError
        If this TensorFlow has none.
    """
    try:
        return importlib.import_module(_CONVERTERS)
    except ImportError as error:
        raise MissingLibraryError(
            f"this TensorFlow has no TF-TRT ({error})",
            hint="Use TensorFlow 1.15 to 2.17 built for NVIDIA GPUs, or the target "
            "tensorrt.",
        ) from error


def _obstacle() -> str:
    import tensorflow as tf

    return tf_trt_obstacle(tf.__version__, find_tensorrt_library(), find_gpu())


@contextlib.contextmanager
def _checked_by_tensorflow() -> Iterator[None]:
    """Tell why a converter refuses to work: TensorFlow has one sentence for all."""
    try:
        yield
    except (RuntimeError, ValueError) as error:
        if isinstance(error, ValueError) and "is not a GPU" not in str(error):
            raise
        reason = _obstacle() or str(error)
        raise MissingLibraryError(
            f"TF-TRT cannot work here: {reason}", hint=ELSEWHERE
        ) from error


def _convert_v1(
    stack: contextlib.ExitStack,
    graph: GraphDef,
    terminals: Terminals,
    parameters: TfTrtParameters,
    frames: "Tuple[NDArray[Any], ...]",
    trt_convert: Any,  # noqa: ANN401
) -> _Converted:
    import tensorflow as tf

    del stack
    # The graph's ends are not looked for: Grappler removes what nobody keeps.
    ends = (*terminals.inputs, *terminals.outputs, *parameters.denied_nodes)
    kept = parameters._replace(denied_nodes=tuple(dict.fromkeys(ends)))
    arguments = arguments_v1(kept, trt_convert.TrtGraphConverter)
    arguments["input_graph_def"] = graph
    with tf.Graph().as_default():
        with _checked_by_tensorflow():
            converter = trt_convert.TrtGraphConverter(**arguments)
        converted = converter.convert()
        if parameters.needs_frames:
            calibration = frames[: parameters.calibration_frames]
            converted = _calibrate(converter, terminals, calibration)

    def save(folder: Path) -> Path:
        path = folder / GRAPH_NAME
        path.write_bytes(converted.SerializeToString())
        return path

    return _Converted(converted, save)


def _calibrate(
    converter: Any,  # noqa: ANN401
    terminals: Terminals,
    frames: "Tuple[NDArray[Any], ...]",
) -> GraphDef:
    remaining = iter(frames)
    name = terminals.inputs[0] + ":0"
    return converter.calibrate(
        fetch_names=[terminals.outputs[0] + ":0"],
        num_runs=len(frames),
        feed_dict_fn=lambda: {name: next(remaining)},
    )


def _convert_v2(
    stack: contextlib.ExitStack,
    graph: GraphDef,
    terminals: Terminals,
    parameters: TfTrtParameters,
    frames: "Tuple[NDArray[Any], ...]",
    trt_convert: Any,  # noqa: ANN401
) -> _Converted:
    source = stack.enter_context(tempfile.TemporaryDirectory())
    saved_model = str(Path(source) / "source")
    write_saved_model(graph, terminals, saved_model)
    arguments = arguments_v2(parameters, trt_convert)
    arguments["input_saved_model_dir"] = saved_model
    with _checked_by_tensorflow():
        converter = trt_convert.TrtGraphConverterV2(**arguments)

    def inputs() -> "Iterator[Tuple[NDArray[Any], ...]]":
        for frame in frames[: parameters.calibration_frames]:
            yield (frame,)

    calibration = [inputs] if parameters.needs_frames else []
    with _checked_by_tensorflow():
        function = converter.convert(*calibration)
    if frames:
        # Else the first frame of a live picture waits for minutes.
        converter.build(input_fn=lambda: iter([(frames[0],)]))

    def save(folder: Path) -> Path:
        path = folder / SAVED_MODEL_NAME
        converter.save(str(path))
        return path

    return _Converted(function.graph.as_graph_def(), save)


def write_saved_model(graph: GraphDef, terminals: Terminals, folder: str) -> None:
    """Write a frozen graph as the SavedModel that TensorFlow 2 converts."""
    import tensorflow as tf

    v1 = tf.compat.v1
    with tf.Graph().as_default() as imported:
        tf.import_graph_def(graph, name="")
        ends = [
            {name: imported.get_tensor_by_name(name + ":0")}
            for name in (terminals.inputs[0], terminals.outputs[0])
        ]
        signature = v1.saved_model.signature_def_utils.predict_signature_def(*ends)
        with v1.Session(graph=imported) as session:
            builder = v1.saved_model.builder.SavedModelBuilder(folder)
            builder.add_meta_graph_and_variables(
                session, ["serve"], signature_def_map={_SIGNATURE: signature}
            )
            builder.save()


def require_no_fallback(text: str) -> None:
    """Refuse engines that TensorFlow runs itself.

    Parameters
    ----------
    text : str
        What was captured while they were built or first run.

    Raises
    ------
    NativeSegmentError
        Naming the engines and TensorRT's reason.
    """
    fallbacks = read_fallbacks(text)
    if fallbacks:
        names = ", ".join(one.engine for one in fallbacks)
        raise NativeSegmentError(
            f"TensorRT does not run {names}, TensorFlow does, as slow as before: "
            f"{fallbacks[0].reason}",
            hint="Give another max_workspace_size_bytes, free memory, or choose the "
            "target tensorrt.",
        )


def machine_facts() -> Dict[str, str]:
    """Everything that an engine of TF-TRT is bound to."""
    tf = import_tensorflow()
    gpu = find_gpu()
    return {
        "tensorflow": str(tf.__version__),
        "tensorrt": find_tensorrt_library() or "none",
        "gpu": gpu.name if gpu else "none",
        "compute_capability": "{}.{}".format(*gpu.compute_capability) if gpu else "",
    }


def _write_facts(
    folder: Path, parameters: TfTrtParameters, report: TfTrtReport
) -> None:
    document = {
        "machine": machine_facts(),
        "parameters": parameters.to_document(),
        "report": report.to_document(),
    }
    text = json.dumps(document, indent=2)
    (folder / FACTS_NAME).write_text(text + "\n", encoding="utf-8")


def files_of(model: TfTrtModel) -> List[Path]:
    """List a model's files, the one to load first."""
    if model.path.is_file():
        return [model.path, model.path.with_name(FACTS_NAME)]
    first = model.path / "saved_model.pb"
    inside = sorted(one for one in model.path.rglob("*") if one.is_file())
    others = [one for one in inside if one != first]
    return [first, *others, model.path.with_name(FACTS_NAME)]
