"""From ONNX to a standalone TensorRT plan, on the machine that will run it."""

import hashlib
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, List, NamedTuple, Optional, Tuple

from engines.base import Precision
from engines.convert.errors import OutOfMemoryError, UnsupportedTargetError
from engines.convert.memory import available_bytes, default_workspace_bytes
from engines.convert.plan_build import ShouldStop, build_plan, require_precision
from engines.convert.plan_network import ParsedNetwork, PlanLayer, count_layers
from engines.convert.plan_precision import half_typed, quantised
from engines.convert.plan_progress import BuildProgress, OnProgress
from engines.cuda_runtime import CudaDevice, CudaError, CudaRuntime
from engines.errors import EngineUnavailableError
from engines.plan_manifest import PlanManifest, save_plan_manifest
from engines.tensorrt_adapter import TensorRt, load_tensorrt, precision_obstacle

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engines.manifest import ModelManifest

PLAN_NAME = "model.plan"
_LEAST_WORKSPACE_BYTES = 1 << 20


class PlanParameters(NamedTuple):
    """What can be chosen of a plan."""

    precision: Precision = Precision.FP16
    """Fastest arithmetic that may be chosen. Lower is faster and less exact."""
    workspace_bytes: Optional[int] = None
    """Memory a layer may use. Larger admits faster kernels and leaves less to other
    programs; None takes a quarter of what is free, 512 MiB at most."""
    timing_cache: Optional[Path] = None
    """File of measurements that makes the next build on this machine faster."""
    input_shape: Optional[Tuple[int, ...]] = None
    """For a network that leaves sizes open."""
    calibration_frames: Optional[int] = None
    """Frames that int8 finds its ranges on. More fit more pictures, and take longer;
    None takes all."""

    def require_valid(self) -> None:
        """Refuse values that cannot be meant.

        Raises
        ------
        UnsupportedTargetError
            Naming the value and its bound.
        """
        limit = self.workspace_bytes
        if limit is not None and limit < _LEAST_WORKSPACE_BYTES:
            raise UnsupportedTargetError(
                f"a workspace of {limit} bytes is too small for any layer",
                hint=f"Give {_LEAST_WORKSPACE_BYTES} bytes at least, or leave it out.",
            )
        if self.input_shape is not None and min(self.input_shape) < 1:
            raise UnsupportedTargetError(
                f"the input shape {self.input_shape} has a size below 1"
            )


class PlanResult(NamedTuple):
    """The plan that was built."""

    path: Path
    manifest: PlanManifest
    layers: Tuple[PlanLayer, ...]
    """TensorRT's network before it fused layers."""
    network: bytes
    """The ONNX that was built: typed or quantised where this TensorRT needs that."""
    seconds: float
    notes: Tuple[str, ...]

    @property
    def layers_by_kind(self) -> Dict[str, int]:
        """Count of layers."""
        return count_layers(self.layers)


def _tell_nobody(progress: BuildProgress) -> None:
    del progress


def _never() -> bool:
    return False


def plan_from_onnx(
    content: bytes,
    path: Path,
    parameters: Optional[PlanParameters] = None,
    frames: "Optional[List[NDArray[Any]]]" = None,
    on_progress: OnProgress = _tell_nobody,
    should_stop: ShouldStop = _never,
    trt: Optional[TensorRt] = None,
) -> PlanResult:
    """Build a plan and write it with its manifest.

    Parameters
    ----------
    content : bytes
        The ONNX file.
    path : Path
        Where to write; a manifest is written beside it.
    parameters : PlanParameters, optional
        What was chosen.
    frames : list of ndarray, optional
        Inputs to find the ranges of int8 with, where the network has none.
    on_progress : callable
        Told how far the build is, from TensorRT's threads.
    should_stop : callable
        Asked at every step whether to give up.
    trt : TensorRt, optional
        The library; None takes what is installed.

    Raises
    ------
    EngineError
        If there is no TensorRT, or the network cannot be built: `plan_network` and
        `plan_build` tell the kinds.
    """
    parameters = PlanParameters() if parameters is None else parameters
    parameters.require_valid()
    start = time.perf_counter()
    trt = load_tensorrt() if trt is None else trt
    cuda = _cuda()
    device = cuda.device if cuda is not None else None
    notes = _check_device(trt, device, parameters.precision)
    network = _typed(trt, content, parameters.precision)
    parsed = ParsedNetwork(trt, network, parameters.input_shape)
    is_int8 = parameters.precision is Precision.INT8
    if is_int8 and frames and not parsed.has_quantisation:
        frames = frames[: parameters.calibration_frames]
        network = quantised(network, frames)
        parsed = ParsedNetwork(trt, network, parameters.input_shape)
        notes.append(f"ranges of int8 found on {len(frames)} frames")
    require_precision(parsed, parameters.precision)
    workspace_bytes = parameters.workspace_bytes
    if workspace_bytes is None:
        workspace_bytes = default_workspace_bytes(_free_bytes(cuda))
    plan = build_plan(
        parsed,
        parameters.precision,
        workspace_bytes,
        parameters.timing_cache,
        on_progress,
        should_stop,
    )
    path.write_bytes(plan)
    bound_to = None if trt.is_portable else device
    manifest = PlanManifest(
        library=trt.name,
        version=trt.version,
        gpu=bound_to.name if bound_to else "",
        compute_capability=_capability(bound_to) if bound_to else "",
        precision=parameters.precision.value,
        source_sha256=hashlib.sha256(content).hexdigest(),
        plan_sha256=hashlib.sha256(plan).hexdigest(),
        workspace_bytes=workspace_bytes,
        layers=parsed.network.num_layers,
    )
    save_plan_manifest(manifest, path)
    on_progress(BuildProgress(1.0, "Plan written"))
    seconds = time.perf_counter() - start
    return PlanResult(path, manifest, parsed.layers(), network, seconds, tuple(notes))


def _typed(trt: TensorRt, content: bytes, precision: Precision) -> bytes:
    if precision is Precision.FP16 and not trt.has_precision_flag(Precision.FP16):
        return half_typed(content)
    return content


def _free_bytes(cuda: Optional[CudaRuntime]) -> int:
    if cuda is None or cuda.device.is_integrated:
        return available_bytes()
    return cuda.free_bytes()


def _cuda() -> Optional[CudaRuntime]:
    try:
        return CudaRuntime()
    except EngineUnavailableError:
        return None
    except CudaError as error:
        raise OutOfMemoryError(f"the GPU does not answer: {error.message}") from error


def _capability(device: CudaDevice) -> str:
    return "{}.{}".format(*device.compute_capability)


def _check_device(
    trt: TensorRt, device: Optional[CudaDevice], precision: Precision
) -> List[str]:
    if device is None:
        if trt.is_portable:
            return ["built without a GPU, for every GPU; it was not run here"]
        raise EngineUnavailableError(
            f"{trt.library} builds for the GPU it runs on, and there is none",
            hint="Convert the network on the machine that will run it.",
        )
    obstacle = precision_obstacle(trt, precision, device.name)
    if obstacle:
        raise UnsupportedTargetError(
            f"precision {precision.value}: {obstacle}", hint="Choose fp32 or fp16."
        )
    return []


def run_plan(
    model: "ModelManifest", tensors: "List[NDArray[Any]]"
) -> "List[NDArray[Any]]":
    """Infer with a plan that was just built.

    Parameters
    ----------
    model : ModelManifest
        Whose `tensorrt` file is the plan.
    tensors : list of ndarray
        Inputs.

    Raises
    ------
    EngineError
        If it cannot be loaded or run here.
    """
    from engines.tensorrt_runtime import TensorRtEngine

    with TensorRtEngine(model) as engine:
        return [engine.infer(one).copy() for one in tensors]
