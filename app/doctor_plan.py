"""Which engines the doctor tries, in which Python, and why not the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engines.base import EngineKind, Precision
from engines.convert.request import PRECISIONS, Target

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from app.doctor_facts import Interpreter
    from engines.host.machine import Capabilities

REFERENCE = "tensorflow, as trained"
NO_GPU = "there is no NVIDIA GPU"

_GPU_KINDS = (EngineKind.TENSORRT, EngineKind.TF_TRT)
_TARGETS = {
    EngineKind.TENSORFLOW: Target.TENSORFLOW,
    EngineKind.TF_TRT: Target.TF_TRT,
    EngineKind.TENSORRT: Target.TENSORRT,
    EngineKind.OPENVINO: Target.OPENVINO,
    EngineKind.ONNXRUNTIME: Target.ONNXRUNTIME,
}
# These read the bundled model's files where nothing can convert it.
_READ_AS_THEY_ARE = (EngineKind.OPENVINO, EngineKind.ONNXRUNTIME)
_HINTS = {
    EngineKind.TENSORFLOW: "On a workstation: make engines. On a Jetson: NVIDIA's"
    " TensorFlow wheel for this JetPack; name its Python with --python.",
    EngineKind.TF_TRT: "It needs TensorFlow 1.15 to 2.17 built with TensorRT, as"
    " NVIDIA's wheels for JetPack 4.4 to 6.2 are.",
    EngineKind.TENSORRT: "On a Jetson: sudo apt install tensorrt"
    " python3-libnvinfer. On a workstation with an NVIDIA GPU: pip install tensorrt.",
    EngineKind.OPENVINO: "pip install openvino, or make engines.",
    EngineKind.ONNXRUNTIME: "pip install onnxruntime, or make engines.",
}


@dataclass(frozen=True, slots=True)
class EngineCase:
    """One engine in one precision, and where it is to be tried."""

    name: str
    kind: EngineKind
    precision: Precision
    target: Target | None
    """What to convert to first; None runs the bundled files."""
    python: Path | None
    """None where it cannot be tried."""
    obstacle: str = ""
    """Why it cannot."""
    hint: str = ""
    """What to install."""


def plan(interpreters: Sequence[Interpreter]) -> tuple[EngineCase, ...]:
    """List every engine, the reference first; those that cannot run with the reason."""
    cases = [
        _case(
            REFERENCE,
            EngineKind.TENSORFLOW,
            Precision.FP32,
            interpreters,
            converts=False,
        )
    ]
    for kind, target in _TARGETS.items():
        for precision in PRECISIONS[target]:
            name = "tensorflow, folded" if kind is EngineKind.TENSORFLOW else kind.value
            cases.append(_case(name, kind, precision, interpreters, converts=True))
    return tuple(cases)


def _case(
    name: str,
    kind: EngineKind,
    precision: Precision,
    interpreters: Sequence[Interpreter],
    *,
    converts: bool,
) -> EngineCase:
    """Choose the first Python that can both convert and run, or else that can run."""
    able, reasons = [], []
    for one in interpreters:
        if one.capabilities is None:
            continue
        obstacle = obstacle_of(kind, one.capabilities)
        if obstacle:
            reasons.append(obstacle)
        else:
            able.append(one)
    if not able:
        # The first Python is the one that was named, or the one that converts.
        reason = reasons[0] if reasons else "no Python was found"
        hint = _HINTS[kind] if reason != NO_GPU else ""
        return EngineCase(name, kind, precision, None, None, reason, hint)
    converters = [one for one in able if _has_tensorflow(one)]
    chosen = (converters or able)[0]
    denied = _precision_obstacle(kind, precision, chosen.capabilities)
    if denied:
        return EngineCase(name, kind, precision, None, None, denied)
    target = _TARGETS[kind] if converts else None
    if converts and not converters:
        if kind not in _READ_AS_THEY_ARE or precision is Precision.INT8:
            reason = f"{chosen.python} has no TensorFlow, which converts the network"
            hint = _HINTS[EngineKind.TENSORFLOW]
            return EngineCase(name, kind, precision, None, None, reason, hint)
        target = None
    return EngineCase(name, kind, precision, target, chosen.python)


def obstacle_of(kind: EngineKind, has: Capabilities) -> str:
    """Why a Python cannot run a kind of engine; empty where it can."""
    if kind is EngineKind.TF_TRT:
        return has.tf_trt_obstacle
    if kind is EngineKind.TENSORRT:
        if has.gpu is None:
            return NO_GPU
        is_there = has.tensorrt_python is not None
        return "" if is_there else "TensorRT's Python module is not installed"
    version, words = {
        EngineKind.TENSORFLOW: (has.tensorflow, "TensorFlow"),
        EngineKind.OPENVINO: (has.openvino, "OpenVINO"),
        EngineKind.ONNXRUNTIME: (has.onnxruntime, "ONNX Runtime"),
    }[kind]
    return "" if version else f"{words} is not installed"


def _has_tensorflow(one: Interpreter) -> bool:
    return one.capabilities is not None and one.capabilities.tensorflow is not None


def _precision_obstacle(
    kind: EngineKind, precision: Precision, has: Capabilities | None
) -> str:
    # The precisions are the GPU's where there is one. OpenVINO runs on the processor,
    # and says itself then what that lacks.
    if has is None or (kind in _GPU_KINDS) != (has.gpu is not None):
        return ""
    reasons = (x.reason for x in has.precisions if x.precision == precision.value)
    return next(reasons, "")
