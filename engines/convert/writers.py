"""Write the engine of each target, run it, and report how far it is from the top."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, List, NamedTuple, Tuple

from engines.base import Precision
from engines.convert.graph import Terminals, count_by_op
from engines.convert.onnx_export import (
    OnnxNetwork,
    count_onnx_nodes,
    onnx_from_graph,
    run_onnx,
)
from engines.convert.plan_progress import OnProgress
from engines.convert.report import NodeCounts, StepReport
from engines.convert.request import ConversionRequest, Target
from engines.convert.samples import made_up_calibration
from engines.convert.tf_trt_search import Trial
from engines.convert.verify import compare, require_equal, run_graph
from engines.manifest import Layout, ModelManifest

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engines.convert.conversion import Prepared
    from engines.convert.graph import GraphDef

GRAPH_FILE = "optimised.pb"
ONNX_FILE = "model.onnx"
OPENVINO_FILE = "model.xml"
_OPENVINO_WEIGHTS = "model.bin"


class Written(NamedTuple):
    """An engine on disk."""

    form: str
    """What its file is called in the model's manifest."""
    files: Tuple[str, ...]
    """Names within the folder, the one to load first."""
    input_shape: Tuple[int, ...]
    layout: Layout
    """Order of axes it takes and gives."""
    input_name: str
    output_name: str
    report: StepReport
    trials: Tuple[Trial, ...] = ()
    """What a search for the best parameters tried."""


def write_graph(
    graph: "GraphDef",
    terminals: Terminals,
    prepared: "Prepared",
    request: ConversionRequest,
    folder: Path,
    on_progress: OnProgress,
) -> Written:
    """Make the engine of a target from the optimised graph.

    `on_progress` is told how far a target is that takes minutes.

    Raises
    ------
    ConversionError
        If the target's library refuses it, or the result is not what it claims.
    """
    if request.target is Target.TF_TRT:
        from engines.convert import nvidia_writers

        chosen = request.nvidia.for_tf_trt(request.precision)
        trials: Tuple[Trial, ...] = ()
        if request.nvidia.is_searched:
            found = nvidia_writers.search_tf_trt(
                graph, terminals, prepared, chosen, on_progress
            )
            chosen, trials = found.best.parameters, found.trials
        written = nvidia_writers.write_tf_trt(
            graph, terminals, prepared, chosen, folder
        )
        return written._replace(trials=trials)
    (folder / GRAPH_FILE).write_bytes(graph.SerializeToString())
    if request.target is Target.TENSORFLOW:
        return _tensorflow(graph, terminals, prepared, folder)
    before = count_by_op(graph), graph.ByteSize()
    if request.target is Target.OPENVINO:
        path = folder / GRAPH_FILE
        written = _openvino(path, before, terminals, prepared, request, folder)
        path.unlink()
        return written
    (folder / GRAPH_FILE).unlink()
    start = time.perf_counter()
    has_pictures = _has_nhwc_pictures(prepared)
    network = onnx_from_graph(
        graph, terminals.inputs[0], terminals.outputs[0], has_pictures
    )
    return _onnx(network, before, prepared, request, folder, start, on_progress)


def write_onnx(
    model: Any,  # noqa: ANN401  a ModelProto
    prepared: "Prepared",
    request: ConversionRequest,
    folder: Path,
    on_progress: OnProgress,
) -> Written:
    """Make the engine of a target from an ONNX network.

    Raises
    ------
    ConversionError
        If the target cannot be made from ONNX, or refuses it.
    """
    from engines.convert.errors import UnsupportedTargetError

    if request.target in (Target.TENSORFLOW, Target.TF_TRT):
        raise UnsupportedTargetError(
            "TensorFlow does not read ONNX",
            hint="Choose the target openvino, onnxruntime, onnx or tensorrt.",
        )
    before = count_onnx_nodes(model), model.ByteSize()
    start = time.perf_counter()
    layout = prepared.model.input.layout if prepared.model else Layout.NCHW
    network = OnnxNetwork(model, layout, is_turned=False)
    if request.target is not Target.OPENVINO:
        return _onnx(network, before, prepared, request, folder, start, on_progress)
    path = folder / ONNX_FILE
    path.write_bytes(model.SerializeToString())
    ends = Terminals((prepared.input_end.tensor,), (prepared.output_end.tensor,))
    written = _openvino(path, before, ends, prepared, request, folder)
    path.unlink()
    return written


def described(
    model: ModelManifest, written: Written, sha256: Dict[str, str]
) -> ModelManifest:
    """Bring a model's description to the engine that was made from it."""
    file = written.files[0]
    return model._replace(
        input=model.input._replace(layout=written.layout, name=written.input_name),
        output=model.output._replace(layout=written.layout, name=written.output_name),
        files={written.form: file},
        sha256={written.form: sha256[file]},
    )


def _layout(prepared: "Prepared") -> Layout:
    return prepared.model.input.layout if prepared.model else Layout.NHWC


def _has_nhwc_pictures(prepared: "Prepared") -> bool:
    is_picture = prepared.model is not None and prepared.reference[0].ndim == 4
    return is_picture and _layout(prepared) is Layout.NHWC


def _tensorflow(
    graph: "GraphDef", terminals: Terminals, prepared: "Prepared", folder: Path
) -> Written:
    from engines.convert.tensorflow_source import read_graph

    start = time.perf_counter()
    read = read_graph(folder / GRAPH_FILE)
    input_name, output_name = terminals.inputs[0], terminals.outputs[0]
    results = run_graph(read, terminals, prepared.samples.tensors)
    return Written(
        form="frozen-graph",
        files=(GRAPH_FILE,),
        input_shape=prepared.shape,
        layout=_layout(prepared),
        input_name=input_name,
        output_name=output_name,
        report=_report(
            "tensorflow",
            "written as a frozen graph and read again",
            (count_by_op(graph), graph.ByteSize()),
            (count_by_op(read), (folder / GRAPH_FILE).stat().st_size),
            start,
            results,
            prepared,
            Precision.FP32,
        ),
    )


def _onnx(
    network: OnnxNetwork,
    before: "Tuple[NodeCounts, int]",
    prepared: "Prepared",
    request: ConversionRequest,
    folder: Path,
    start: float,
    on_progress: OnProgress,
) -> Written:
    if request.target is Target.TENSORRT:
        from engines.convert import nvidia_writers

        plan = request.nvidia.for_plan(request.precision)
        return nvidia_writers.write_plan(
            network, before, prepared, plan, folder, on_progress
        )
    content = network.model.SerializeToString()
    (folder / ONNX_FILE).write_bytes(content)
    fixed = {one.name for one in network.model.graph.initializer}
    inputs = [one.name for one in network.model.graph.input if one.name not in fixed]
    output_name = network.model.graph.output[0].name
    tensors = network.tensors_for(prepared.samples.tensors)
    results = network.results_from(run_onnx(content, output_name, tensors))
    notes: Tuple[str, ...] = ()
    if network.is_turned:
        notes = ("pictures are NCHW now, which saves the transposes at both ends",)
    return Written(
        form="onnx",
        files=(ONNX_FILE,),
        input_shape=tuple(tensors[0].shape),
        layout=network.layout if prepared.model else Layout.NHWC,
        input_name=inputs[0],
        output_name=output_name,
        report=_report(
            request.target.value,
            "written as ONNX and run by ONNX Runtime",
            before,
            (count_onnx_nodes(network.model), len(content)),
            start,
            results,
            prepared,
            Precision.FP32,
            notes,
        ),
    )


def _openvino(
    path: Path,
    before: "Tuple[NodeCounts, int]",
    terminals: Terminals,
    prepared: "Prepared",
    request: ConversionRequest,
    folder: Path,
) -> Written:
    from engines.convert import openvino_export
    from engines.convert.quantisation import quantise

    start = time.perf_counter()
    precision, samples = request.precision, prepared.samples
    openvino_export.require_precision(precision)
    network = openvino_export.read_network(path, prepared.shape)
    notes: List[str] = []
    if precision is Precision.INT8:
        quantised = quantise(network, calibration_of(prepared), prepared.model)
        network = quantised.network
        notes.extend(quantised.notes)
        if not samples.is_real:
            notes.append("give real frames with --frames for ranges that fit")
    file = folder / OPENVINO_FILE
    openvino_export.save_network(network, file)
    results = openvino_export.run_network(file, precision, samples.tensors)
    size = file.stat().st_size + (folder / _OPENVINO_WEIGHTS).stat().st_size
    return Written(
        form="openvino",
        files=(OPENVINO_FILE, _OPENVINO_WEIGHTS),
        input_shape=prepared.shape,
        layout=_layout(prepared),
        input_name=terminals.inputs[0],
        output_name=terminals.outputs[0],
        report=_report(
            "openvino",
            f"written for OpenVINO and run in {precision.value}",
            before,
            (openvino_export.count_network_nodes(network), size),
            start,
            results,
            prepared,
            precision,
            tuple(notes),
        ),
    )


def calibration_of(prepared: "Prepared") -> "List[NDArray[Any]]":
    """Inputs for ranges: others than those to compare on, wherever there are any."""
    samples, model = prepared.samples, prepared.model
    if not samples.is_real:
        spec = model.input if model else None
        return made_up_calibration(prepared.shape, prepared.input_end.dtype, spec)
    return list(samples.calibration) or samples.tensors


def _report(
    name: str,
    summary: str,
    before: "Tuple[NodeCounts, int]",
    after: "Tuple[NodeCounts, int]",
    start: float,
    results: "List[NDArray[Any]]",
    prepared: "Prepared",
    precision: Precision,
    notes: Tuple[str, ...] = (),
) -> StepReport:
    difference = compare(prepared.reference, results, prepared.model)
    require_equal(difference, name, precision)
    if not difference.is_equal:
        notes = (*notes, f"not equal to the network as trained: {precision.value}")
    return StepReport(
        name=name,
        summary=summary,
        ops_before=before[0],
        ops_after=after[0],
        bytes_before=before[1],
        bytes_after=after[1],
        seconds=time.perf_counter() - start,
        max_abs_diff=difference.max_abs_diff,
        mask_iou=difference.mask_iou,
        notes=notes,
    )
