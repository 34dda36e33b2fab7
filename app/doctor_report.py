"""The doctor's report for a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.doctor_job import CheckState
from app.hardware.report import hardware_text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from app.doctor_facts import Interpreter
    from app.doctor_job import DoctorReport, EngineCheck

_LIBRARIES = (
    ("numpy", "numpy"),
    ("TensorFlow", "tensorflow"),
    ("OpenVINO", "openvino"),
    ("ONNX Runtime", "onnxruntime"),
    ("TensorRT's Python module", "tensorrt_python"),
)


def text_of(report: DoctorReport) -> str:
    """Write machine, interpreters, a table of engines, then every reason."""
    parts = [_machine(report.machine), hardware_text(report.hardware)]
    parts += [_interpreter(one) for one in report.interpreters]
    parts.append(_table(report))
    parts.append(_reasons(report.checks))
    return "\n\n".join(part for part in parts if part)


def _machine(machine: dict[str, Any]) -> str:
    if not machine:
        return "Machine: no Python could be asked"
    gpu = machine["gpu"] or "none from NVIDIA"
    if machine["compute_capability"]:
        gpu += f", compute capability {machine['compute_capability']}"
    jetpack = machine["jetpack"] or "not known"
    if machine["jetson_linux"] is None:
        jetpack = "not a Jetson"
    else:
        jetpack += f" (Jetson Linux {machine['jetson_linux']})"
    lines = [
        "Machine",
        _fact("processor", f"{machine['processor']}, {machine['platform']}"),
        _fact("JetPack", jetpack),
        _fact("GPU", gpu),
        _fact("CUDA", machine["cuda"] or "not found"),
        _fact("TensorRT's library", machine["tensorrt"] or "not found"),
    ]
    for one in machine["precisions"]:
        words = "yes" if one["is_available"] else f"no: {one['reason']}"
        lines.append(_fact(one["precision"], words))
    return "\n".join(lines)


def _interpreter(one: Interpreter) -> str:
    has = one.capabilities
    if has is None:
        return f"Python at {one.python}\n{_fact('cannot be used', one.obstacle)}"
    lines = [f"Python {has.python} at {one.python}"]
    for words, name in _LIBRARIES:
        lines.append(_fact(words, getattr(has, name) or "not installed"))
    lines.append(_fact("TF-TRT", has.tf_trt_obstacle or "yes"))
    return "\n".join(lines)


def _fact(name: str, value: str) -> str:
    return f"  {name:<26}{value}"


def _table(report: DoctorReport) -> str:
    lines = [
        f"{'engine':<24}{'precision':<11}{'state':<10}{'output':<9}"
        f"{'mask IoU':>9}{'max diff':>10}{'p50 ms':>9}{'fps':>8}{'hosting ms':>12}"
    ]
    for one in report.checks:
        figures = (
            f"{_number(one.mask_iou, '.4f'):>9}{_number(one.max_abs_diff, '.2g'):>10}"
            f"{_number(one.ms_p50, '.2f'):>9}{_number(one.fps, '.1f'):>8}"
            f"{_number(one.hosting_ms_p50, '.2f'):>12}"
        )
        line = f"{one.name:<24}{one.precision:<11}{one.state.value:<10}{one.verdict:<9}"
        is_tried = one.state is CheckState.WORKS
        lines.append((line + figures if is_tried else line).rstrip())
    if report.reference:
        lines.append(
            f"compared with {report.reference}, on frames of the bundled clip; equal:"
            " within 0.0001, near: mask IoU from 0.99; one thread"
        )
    return "\n".join(lines)


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def _reasons(checks: Sequence[EngineCheck]) -> str:
    """Each reason once, with the engines that it keeps away."""
    named: dict[tuple[str, str], list[str]] = {}
    for one in checks:
        if one.state is not CheckState.WORKS:
            kind = f"{one.error}: " if one.error else ""
            key = f"{kind}{one.reason}", one.hint
            named.setdefault(key, []).append(f"{one.name} {one.precision}")
    lines = []
    for (reason, hint), names in named.items():
        lines.append(f"{', '.join(names)}: {reason}")
        if hint:
            lines.append(f"    {hint}")
    return "\n".join(lines)
