"""Write the engines of the targets `tensorrt` and `tf-trt`, run them, and report.

Beside `writers.py`, which calls this for the two: they need an NVIDIA GPU, and say more
of themselves.
"""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, List, NamedTuple, Optional, Tuple

from engines.base import Engine, Precision
from engines.convert.errors import UnsupportedTargetError
from engines.convert.graph import GraphDef, Terminals, count_by_op
from engines.convert.memory import available_bytes
from engines.convert.onnx_export import OnnxNetwork, run_onnx
from engines.convert.plan import PLAN_NAME, PlanParameters, plan_from_onnx
from engines.convert.plan_progress import BuildProgress, OnProgress
from engines.convert.report import NodeCounts, StepReport
from engines.convert.tf_trt import convert_with_tf_trt, files_of
from engines.convert.tf_trt_measure import measured_here
from engines.convert.tf_trt_parameters import TfTrtParameters
from engines.convert.tf_trt_search import (
    SEGMENT_SIZES,
    WORKSPACES_BYTES,
    SearchResult,
    Trial,
    search,
)
from engines.convert.verify import compare, require_equal
from engines.convert.writers import Written, calibration_of
from engines.errors import EngineUnavailableError
from engines.manifest import Layout
from engines.plan_manifest import manifest_path

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engines.convert.conversion import Prepared
    from engines.manifest import ModelManifest


class _Compared(NamedTuple):
    """How far an engine is from the network as trained; None where it did not run."""

    max_abs_diff: Optional[float]
    mask_iou: Optional[float]
    notes: Tuple[str, ...]


def write_plan(
    network: OnnxNetwork,
    before: "Tuple[NodeCounts, int]",
    prepared: "Prepared",
    parameters: PlanParameters,
    folder: Path,
    on_progress: OnProgress,
) -> Written:
    """Build a TensorRT plan from an ONNX network.

    Parameters
    ----------
    network : OnnxNetwork
        The optimised network, at its definite size.
    before : tuple
        Its nodes and its bytes.
    prepared : Prepared
        What it is compared on, and with; the frames find the ranges of int8.
    parameters : PlanParameters
        What was chosen.
    folder : Path
        Where to write.
    on_progress : callable
        Told how far the build is, from TensorRT's threads.

    Raises
    ------
    EngineError
        If it cannot be built, or computes something else.
    """
    start = time.perf_counter()
    tensors = network.tensors_for(prepared.samples.tensors)
    path = folder / PLAN_NAME
    content = network.model.SerializeToString()
    ranges = network.tensors_for(calibration_of(prepared))
    made = plan_from_onnx(content, path, parameters, ranges, on_progress)
    fixed = {one.name for one in network.model.graph.initializer}
    inputs = [one.name for one in network.model.graph.input if one.name not in fixed]
    ends = inputs[0], network.model.graph.output[0].name
    layout = network.layout if prepared.model else Layout.NHWC
    model = _model(prepared, layout, ends, {"tensorrt": path.name}, folder)
    compared = _compare_plan(network, made.network, model, prepared, parameters)
    notes = [*made.notes, *compared.notes]
    if parameters.precision is Precision.INT8 and not prepared.samples.is_real:
        notes.append("give real frames with --frames for ranges that fit")
    return Written(
        form="tensorrt",
        files=(path.name, manifest_path(path).name),
        input_shape=tuple(tensors[0].shape),
        layout=layout,
        input_name=ends[0],
        output_name=ends[1],
        report=StepReport(
            name="tensorrt",
            summary=f"built by {made.manifest.library} {made.manifest.version}",
            ops_before=before[0],
            ops_after=made.layers_by_kind,
            bytes_before=before[1],
            bytes_after=path.stat().st_size,
            seconds=time.perf_counter() - start,
            max_abs_diff=compared.max_abs_diff,
            mask_iou=compared.mask_iou,
            notes=tuple(notes),
        ),
    )


def _compare_plan(
    network: OnnxNetwork,
    content: bytes,
    model: "Optional[ModelManifest]",
    prepared: "Prepared",
    parameters: PlanParameters,
) -> _Compared:
    from engines.tensorrt_runtime import TensorRtEngine

    tensors = network.tensors_for(prepared.samples.tensors)
    notes: Tuple[str, ...] = ()
    try:
        results = _run(TensorRtEngine, model, tensors)
    except EngineUnavailableError as error:
        notes = (f"the plan could not be run here: {error.message}",)
        if parameters.precision is Precision.FP32:
            return _Compared(None, None, notes)
        # What the lower precision costs can be told all the same.
        output_name = network.model.graph.output[0].name
        results = run_onnx(content, output_name, tensors)
        notes = (*notes, "its network was run by ONNX Runtime instead")
    results = network.results_from(results)
    return _compare(results, prepared, "tensorrt", parameters.precision, notes)


def write_tf_trt(
    graph: GraphDef,
    terminals: Terminals,
    prepared: "Prepared",
    parameters: TfTrtParameters,
    folder: Path,
) -> Written:
    """Convert a graph with TF-TRT.

    Parameters
    ----------
    graph : GraphDef
        Optimised, its input of a definite size.
    terminals : Terminals
        Its ends.
    prepared : Prepared
        What it is compared on, and with; the frames find the ranges of int8.
    parameters : TfTrtParameters
        What was chosen.
    folder : Path
        Where to write.

    Raises
    ------
    EngineError
        If it cannot be converted, is no faster, or computes something else.
    """
    from engines.tf_trt_runtime import TfTrtEngine

    start = time.perf_counter()
    frames = prepared.samples.tensors
    inputs = calibration_of(prepared) if parameters.needs_frames else frames
    made = convert_with_tf_trt(graph, terminals, folder, parameters, tuple(inputs))
    files = tuple(one.relative_to(folder).as_posix() for one in files_of(made))
    ends = terminals.inputs[0], terminals.outputs[0]
    layout = prepared.model.input.layout if prepared.model else Layout.NHWC
    model = _model(prepared, layout, ends, {"tf-trt": files[0]}, folder)
    notes = made.report.sentences()
    try:
        results = _run(TfTrtEngine, model, frames)
        compared = _compare(results, prepared, "tf-trt", parameters.precision, notes)
    except EngineUnavailableError as error:
        compared = _Compared(None, None, (*notes, error.message))
    return Written(
        form="tf-trt",
        files=files,
        input_shape=prepared.shape,
        layout=layout,
        input_name=ends[0],
        output_name=ends[1],
        report=StepReport(
            name="tf-trt",
            summary="segments of the graph run in TensorRT",
            ops_before=count_by_op(graph),
            ops_after=made.report.ops,
            bytes_before=graph.ByteSize(),
            bytes_after=sum((folder / name).stat().st_size for name in files),
            seconds=time.perf_counter() - start,
            max_abs_diff=compared.max_abs_diff,
            mask_iou=compared.mask_iou,
            kept=made.report.stayed,
            notes=compared.notes,
        ),
    )


def search_tf_trt(
    graph: GraphDef,
    terminals: Terminals,
    prepared: "Prepared",
    start: TfTrtParameters,
    on_progress: OnProgress,
) -> SearchResult:
    """Look for the workspace and the segment size that are fastest on this machine.

    Parameters
    ----------
    graph, terminals, prepared
        As `write_tf_trt` takes them.
    start : TfTrtParameters
        Everything but the two that are searched; its workspace is tried first.
    on_progress : callable
        Told of every try.

    Raises
    ------
    UnsupportedTargetError
        If the network takes no pictures.
    EngineError
        The first failure, if every try failed.
    """
    layout = prepared.model.input.layout if prepared.model else Layout.NHWC
    ends = terminals.inputs[0], terminals.outputs[0]
    model = _model(prepared, layout, ends, {}, Path())
    if model is None:
        raise UnsupportedTargetError(
            "only a network that takes pictures is timed, so there is nothing to search"
        )
    workspaces = _workspaces_to_try(start.max_workspace_size_bytes, available_bytes())
    most = len(workspaces) + len(SEGMENT_SIZES) - 1
    done: List[Trial] = []

    def tell(trial: Trial) -> None:
        done.append(trial)
        ratio = min(1.0, len(done) / most)
        on_progress(BuildProgress(ratio, trial.sentence()))

    measure = measured_here(graph, terminals, model, prepared.samples.tensors)
    return search(measure, start, workspaces, on_trial=tell)


def _workspaces_to_try(first: int, free_bytes: int) -> Tuple[int, ...]:
    """Workspaces that leave half of the memory to everybody else, one at least."""
    others = (size for size in WORKSPACES_BYTES if size != first)
    return (first, *(size for size in others if size <= free_bytes // 2))


def _model(
    prepared: "Prepared",
    layout: Layout,
    ends: Tuple[str, str],
    files: Dict[str, str],
    folder: Path,
) -> "Optional[ModelManifest]":
    if prepared.model is None:
        return None
    return prepared.model._replace(
        input=prepared.model.input._replace(layout=layout, name=ends[0]),
        output=prepared.model.output._replace(layout=layout, name=ends[1]),
        files=files,
        folder=folder,
    )


def _run(
    kind: Any,  # noqa: ANN401  a class of engines that takes a manifest
    model: "Optional[ModelManifest]",
    tensors: "List[NDArray[Any]]",
) -> "List[NDArray[Any]]":
    if model is None:
        raise EngineUnavailableError("only a network that takes pictures is run here")
    engine: Engine = kind(model)
    with engine:
        return [engine.infer(one).copy() for one in tensors]


def _compare(
    results: "List[NDArray[Any]]",
    prepared: "Prepared",
    name: str,
    precision: Precision,
    notes: Tuple[str, ...],
) -> _Compared:
    difference = compare(prepared.reference, results, prepared.model)
    require_equal(difference, name, precision)
    if not difference.is_equal:
        notes = (*notes, f"not equal to the network as trained: {precision.value}")
    return _Compared(difference.max_abs_diff, difference.mask_iou, notes)
