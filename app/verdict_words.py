"""The words of a verdict: its line, what helps, and the figures it stands on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.evidence import STAGES, Cause
from app.hardware.alarms import clocks_remedy, fan_remedy, hottest
from app.hardware.power_mode import fastest_mode
from app.hardware.remedies import change_mode

if TYPE_CHECKING:
    from app.evidence import Evidence
    from app.hardware.readings import HardwareSample
    from app.hardware.remedies import RootRemedy

PART_NAMES = {
    Cause.PREPARE: "pre-processing",
    Cause.ENGINE: "the engine",
    Cause.SEGMENT: "post-processing",
    Cause.TRACK: "tracking",
    Cause.DECODE: "decoding",
    Cause.CAMERA: "the camera",
    Cause.DISPLAY: "the display",
}
"""What may be slowed from outside; recordings are told as they are."""


def outer_text(outer: Cause, inner: Cause, evidence: Evidence) -> str:
    """Say what slows a part from outside."""
    slow = PART_NAMES[inner]
    rates = f"{evidence.infer_hz:.0f} of {evidence.wanted_hz:.0f} fps"
    if outer in (Cause.THERMAL, Cause.CURRENT):
        since = f" since {evidence.throttled_since}" if evidence.throttled_since else ""
        return f"{outer.value}{since}: it slows {slow}, {rates}"
    if outer is Cause.CPU:
        others = f"{100 * evidence.others_load_ratio:.0f} %"
        return f"{outer.value}: other programs take {others} of the CPU, {rates}"
    mode = evidence.hardware.mode
    name = (mode.name or str(mode.number)) if mode else ""
    return f"{outer.value} {name} limits the clocks: it slows {slow}, {rates}"


def text_of(cause: Cause, evidence: Evidence) -> str:
    """Say what limits, with the figures."""
    rates = f"{evidence.infer_hz:.0f} of {evidence.wanted_hz:.0f} fps"
    if cause in STAGES:
        return f"{cause.value}: {evidence.stage_ms(cause):.1f} ms a frame, {rates}"
    if cause in (Cause.CAMERA, Cause.DECODE):
        nominal = f" of {evidence.nominal_hz:.0f}" if evidence.nominal_hz else ""
        lost = f", {evidence.lost_hz:.0f} lost" if evidence.lost_hz >= 0.5 else ""
        return f"{cause.value}: {evidence.capture_hz:.0f}{nominal} fps arrive{lost}"
    if cause is Cause.CPU:
        return f"{cause.value}: no stage is slow, yet they wait for the CPU, {rates}"
    if cause is Cause.STALLS:
        p99_ms = evidence.latency_p99_ms
        return f"{cause.value}: now and then a frame takes {p99_ms:.0f} ms, {rates}"
    if cause is Cause.RECORDING:
        if evidence.unrecorded_hz <= 0:
            return f"{cause.value}: encoding takes {evidence.encode_ms:.1f} ms a frame"
        return f"{cause.value}: {evidence.unrecorded_hz:.0f} frames a second are lost"
    if cause is Cause.DISPLAY:
        shown = evidence.display_hz or 0.0
        return f"{cause.value}: {shown:.0f} pictures a second; inference keeps up"
    spare = 1 - max(evidence.inference_busy_ratio, evidence.tracking_busy_ratio)
    return f"{cause.value}: {rates}, {100 * max(0.0, spare):.0f} % to spare"


def advice_of(cause: Cause) -> str:
    """Say what would help; empty where nothing is to be done."""
    return {
        Cause.CAMERA: "Shorten the exposure, or choose a smaller or faster mode"
        " of the camera; check its cable where frames are lost.",
        Cause.DECODE: "Use a video of a simpler codec or of a smaller size.",
        Cause.PREPARE: "Feed frames of a smaller size.",
        Cause.ENGINE: "Choose a faster engine, a lower precision or a smaller network.",
        Cause.SEGMENT: "Raise the thresholds: fewer regions are looked at.",
        Cause.TRACK: "Raise the thresholds: fewer objects are followed.",
        Cause.RECORDING: "Record with a faster encoder, or to a faster disk.",
        Cause.DISPLAY: "Make the window smaller, or hide trails and outlines.",
        Cause.CPU: "Close other programs.",
        Cause.STALLS: "Look for a program that works now and then.",
        Cause.THERMAL: "Cool the machine better, or lower the load.",
        Cause.CURRENT: "Use a stronger supply, or a power mode that takes less.",
    }.get(cause, "")


def remedy_of(cause: Cause, evidence: Evidence) -> RootRemedy | None:
    """Find what root can do about it."""
    hardware = evidence.hardware
    mode = hardware.mode
    best = fastest_mode(mode.known) if mode is not None else None
    if cause is Cause.POWER_MODE and mode is not None and best is not None:
        return change_mode(mode, *best)
    if cause is Cause.THERMAL:
        return fan_remedy(hardware)
    if cause in STAGES or cause is Cause.STALLS:
        return clocks_remedy(hardware)
    return None


def lines_of(evidence: Evidence) -> tuple[tuple[str, str], ...]:
    """Write down everything a verdict may stand on."""
    stages, hardware = evidence.stages, evidence.hardware
    lines = [
        ("Source", f"{evidence.capture_hz:.1f} fps arrive of {evidence.nominal_hz:g}"),
        ("Lost by the source", f"{evidence.lost_hz:.1f} a second"),
        ("Inferred", f"{evidence.infer_hz:.1f} fps"),
        ("Gave way to newer", f"{evidence.replaced_hz:.1f} a second"),
        (
            "Inference thread",
            f"{100 * evidence.inference_busy_ratio:.0f} % busy: pre-processing"
            f" {stages.prepare_ms:.2f} ms, engine {stages.infer_ms:.2f} ms,"
            f" second look {stages.look_ms:.2f} ms",
        ),
        (
            "Tracking thread",
            f"{100 * evidence.tracking_busy_ratio:.0f} % busy: post-processing"
            f" {stages.segment_ms:.2f} ms, tracking {stages.track_ms:.2f} ms",
        ),
        ("Latency p99", f"{evidence.latency_p99_ms:.1f} ms"),
    ]
    if evidence.display_hz is not None:
        lines.append(("Display", f"{evidence.display_hz:.1f} pictures a second"))
    if evidence.is_recording:
        lines.append(
            (
                "Recording",
                f"{evidence.unrecorded_hz:.1f} frames a second lost,"
                f" encoding {evidence.encode_ms:.2f} ms",
            )
        )
    return (*lines, *_hardware_lines(hardware, evidence.throttled_since))


def _hardware_lines(
    hardware: HardwareSample, since: str
) -> tuple[tuple[str, str], ...]:
    lines = []
    cpu, gpu, warmest = hardware.cpu, hardware.gpu, hottest(hardware)
    if cpu is not None and cpu.load_ratio is not None:
        own = cpu.own_load_ratio
        of_it = "" if own is None else f", {100 * own:.0f} % by this program"
        lines.append(("CPU", f"{100 * cpu.load_ratio:.0f} % of all cores{of_it}"))
    if gpu is not None and gpu.load_ratio is not None:
        lines.append(("GPU", f"{100 * gpu.load_ratio:.0f} %"))
    if gpu is not None and gpu.clock_mhz is not None:
        limit = f" of {gpu.limit_mhz:.0f}" if gpu.limit_mhz else ""
        lines.append(("GPU clock", f"{gpu.clock_mhz:.0f}{limit} MHz"))
    if warmest is not None:
        limit_c = warmest.limit_c
        limit = f", limit {limit_c:.0f} °C" if limit_c else ", limit unknown"
        lines.append(("Hottest", f"{warmest.name} {warmest.now_c:.1f} °C{limit}"))
    if hardware.mode is not None:
        name = hardware.mode.name or f"number {hardware.mode.number}"
        lines.append(("Power mode", name))
    words = "; ".join(each.what for each in hardware.throttles)
    if since:
        words += f" since {since}"
    lines.append(("Throttling", words.strip() or "none"))
    return tuple(lines)
