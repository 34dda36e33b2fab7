"""Which engines this interpreter can run, and how one is opened."""

import importlib.util
from typing import NamedTuple, Optional, Tuple

from engines.base import Engine, EngineKind, Precision
from engines.engine_manifest import installed_version
from engines.errors import EngineUnavailableError
from engines.host.machine import find_gpu, find_tensorrt_library, tf_trt_obstacle
from engines.manifest import ModelManifest
from engines.tensorrt_adapter import tensorrt_obstacle

_MODULES = {
    EngineKind.OPENVINO: "openvino",
    EngineKind.ONNXRUNTIME: "onnxruntime",
    EngineKind.TENSORFLOW: "tensorflow",
}


class Availability(NamedTuple):
    """Whether one kind of engine runs here and, when not, why."""

    kind: EngineKind
    is_available: bool
    reason: str
    """Empty where it is available."""


def availability() -> Tuple[Availability, ...]:
    """Look which engines can be opened, without importing a library."""
    found = [Availability(EngineKind.REFERENCE, True, "")]
    for kind, module in _MODULES.items():
        has_module = importlib.util.find_spec(module) is not None
        reason = "" if has_module else f"{module} is not installed"
        found.append(Availability(kind, has_module, reason))
    for kind, obstacle in (
        (EngineKind.TENSORRT, tensorrt_obstacle() or _gpu_obstacle()),
        (EngineKind.TF_TRT, _tf_trt_obstacle()),
    ):
        found.append(Availability(kind, not obstacle, obstacle))
    return tuple(found)


def _gpu_obstacle() -> str:
    return "" if find_gpu() else "there is no NVIDIA GPU"


def _tf_trt_obstacle() -> str:
    version = installed_version("tensorflow") or None
    return tf_trt_obstacle(version, find_tensorrt_library(), find_gpu())


def open_engine(
    kind: EngineKind,
    manifest: Optional[ModelManifest] = None,
    precision: Optional[Precision] = None,
    threads: int = 1,
) -> Engine:
    """Load a network. Call it in the thread that will infer.

    Parameters
    ----------
    kind : EngineKind
        What runs it.
    manifest : ModelManifest, optional
        The model. The reference engine has none.
    precision : Precision, optional
        None takes the fastest this machine has that is not quantised.
    threads : int
        Threads of one inference.

    Raises
    ------
    EngineError
        If the library is missing or the model cannot be loaded.
    """
    if kind is EngineKind.REFERENCE:
        from engines.reference import ReferenceEngine

        return ReferenceEngine()
    if manifest is None:
        raise EngineUnavailableError(
            f"the {kind.value} engine needs a model",
            hint="Name a model folder.",
        )
    if kind is EngineKind.OPENVINO:
        from engines.openvino_runtime import OpenVinoEngine

        return OpenVinoEngine(manifest, precision, threads)
    if kind is EngineKind.ONNXRUNTIME:
        from engines.onnxruntime_runtime import OnnxRuntimeEngine

        return OnnxRuntimeEngine(manifest, precision, threads)
    if kind is EngineKind.TENSORFLOW:
        from engines.tensorflow_runtime import TensorFlowEngine

        return TensorFlowEngine(manifest, precision, threads)
    if kind is EngineKind.TENSORRT:
        from engines.tensorrt_runtime import TensorRtEngine

        return TensorRtEngine(manifest, precision, threads)
    from engines.tf_trt_runtime import TfTrtEngine

    return TfTrtEngine(manifest, precision, threads)
