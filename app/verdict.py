"""Says in one line what limits a feed, and why that is believed."""

from __future__ import annotations

import enum
import time
from collections import deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from app.frames import StageTimes
from app.hardware.alarms import hottest
from app.hardware.power_mode import fastest_mode
from app.hardware.readings import HardwareSample
from app.pipeline import PipelineState
from app.process import DISPLAY_PERIOD_S
from app.sources.base import FrameMode

if TYPE_CHECKING:
    from app.ledger import LedgerCounts
    from app.pipeline import PipelineStatus

# A rate this near to what is asked for keeps up.
_ENOUGH = 0.95
# A thread that works this much of the time has none left; medians leave out the
# slowest frames.
_SATURATED = 0.8
# A display that shows fewer than this share of its pictures is seen to stutter.
_SMOOTH = 0.6
# Other programs matter from this share of all cores on, where nothing is idle.
_OTHERS, _FULL = 0.2, 0.9
_SPAN_S = 2.0
_SETTLED_S = 1.0


class Cause(enum.Enum):
    """What limits a feed; the value is how the line begins."""

    NONE = ""
    """Nothing flows: there is nothing to be said."""
    WELL = "Keeps up"
    CAMERA = "Camera-bound"
    DECODE = "Decoding limits"
    PREPARE = "Pre-processing limits"
    ENGINE = "Engine-bound"
    SEGMENT = "Post-processing limits"
    TRACK = "Tracking limits"
    RECORDING = "Recording limits"
    DISPLAY = "Display limits"
    CPU = "CPU contention"
    STALLS = "Stalls"
    """No stage is slow, and now and then one frame is."""
    THERMAL = "Thermal throttling"
    CURRENT = "Throttled by power"
    POWER_MODE = "Power mode"


_STAGES = {
    Cause.PREPARE: "prepare_ms",
    Cause.ENGINE: "infer_ms",
    Cause.SEGMENT: "segment_ms",
    Cause.TRACK: "track_ms",
}
_WORDS = {
    Cause.PREPARE: "pre-processing",
    Cause.ENGINE: "the engine",
    Cause.SEGMENT: "post-processing",
    Cause.TRACK: "tracking",
    Cause.DECODE: "decoding",
    Cause.CAMERA: "the camera",
    Cause.DISPLAY: "the display",
}


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a verdict is found from; rates are over the last seconds."""

    state: PipelineState = PipelineState.RUNNING
    mode: FrameMode = FrameMode.LIVE
    is_live_source: bool = False
    nominal_hz: float = 0.0
    """What the source should give; 0 where it does not say."""
    capture_hz: float = 0.0
    infer_hz: float = 0.0
    lost_hz: float = 0.0
    """Frames that the source numbered and did not deliver."""
    replaced_hz: float = 0.0
    """Frames that gave way to newer ones."""
    stages: StageTimes = field(default_factory=StageTimes)
    latency_p99_ms: float = 0.0
    display_hz: float | None = None
    """None while nothing is displayed."""
    is_recording: bool = False
    unrecorded_hz: float = 0.0
    """Frames that a recording lost."""
    encode_ms: float = 0.0
    hardware: HardwareSample = field(default_factory=HardwareSample)
    throttled_since: str = ""
    """Time of day; empty while nothing is throttled."""

    @property
    def inference_busy_ratio(self) -> float:
        """Share of its time that the inference thread works."""
        stage_ms = self.stages.prepare_ms + self.stages.infer_ms
        return stage_ms * self.infer_hz / 1e3

    @property
    def tracking_busy_ratio(self) -> float:
        """Share of its time that the tracking thread works."""
        stage_ms = self.stages.segment_ms + self.stages.track_ms
        return stage_ms * self.infer_hz / 1e3

    @property
    def others_load_ratio(self) -> float:
        """What other programs take of all cores."""
        cpu = self.hardware.cpu
        if cpu is None or cpu.load_ratio is None or cpu.own_load_ratio is None:
            return 0.0
        return max(0.0, cpu.load_ratio - cpu.own_load_ratio)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The line, and what it stands on."""

    cause: Cause = Cause.NONE
    text: str = ""
    evidence: tuple[tuple[str, str], ...] = ()
    """Names and figures."""
    advice: str = ""
    """What would help; empty where nothing is to be done."""

    @property
    def is_empty(self) -> bool:
        """Whether nothing can be said."""
        return self.cause is Cause.NONE

    @property
    def is_well(self) -> bool:
        """Whether nothing has to be done."""
        return self.cause in (Cause.NONE, Cause.WELL)


def judge(evidence: Evidence) -> Verdict:
    """Find what limits a feed.

    A stage that is too slow is told by its name only where nothing makes it slow from
    outside: heat, too much current, other programs, or the power mode come first.
    """
    if evidence.state is not PipelineState.RUNNING or not evidence.capture_hz:
        return Verdict(evidence=_lines(evidence))
    cause = _bottleneck(evidence)
    if cause in _WORDS and cause is not Cause.CAMERA:
        outer = _outer_cause(evidence)
        if outer is not None:
            text = _outer_text(outer, cause, evidence)
            return Verdict(outer, text, _lines(evidence), _advice(outer, evidence))
    text = _text(cause, evidence)
    return Verdict(cause, text, _lines(evidence), _advice(cause, evidence))


def _bottleneck(evidence: Evidence) -> Cause:
    if evidence.unrecorded_hz > 0:
        return Cause.RECORDING
    if evidence.mode is FrameMode.EVERY_FRAME:
        return _slowest_thread(evidence)
    is_behind = (
        evidence.infer_hz < _ENOUGH * evidence.capture_hz
        or evidence.replaced_hz > (1 - _ENOUGH) * evidence.capture_hz
    )
    if is_behind:
        cause = _slowest_stage(evidence)
        busy_ratio = max(evidence.inference_busy_ratio, evidence.tracking_busy_ratio)
        if busy_ratio >= _SATURATED:
            return cause
        # Neither thread has worked all the time: it was not let work.
        return Cause.CPU if _cpu_load_ratio(evidence) >= _FULL else Cause.STALLS
    nominal_hz = evidence.nominal_hz
    if nominal_hz and (
        evidence.capture_hz < _ENOUGH * nominal_hz
        or evidence.lost_hz > (1 - _ENOUGH) * nominal_hz
    ):
        return Cause.CAMERA if evidence.is_live_source else Cause.DECODE
    wanted_hz = min(1.0 / DISPLAY_PERIOD_S, evidence.infer_hz)
    if evidence.display_hz is not None and evidence.display_hz < _SMOOTH * wanted_hz:
        return Cause.DISPLAY
    return Cause.WELL


def _slowest_thread(evidence: Evidence) -> Cause:
    """Where every frame counts, something always limits: find it."""
    busy_ratio = max(evidence.inference_busy_ratio, evidence.tracking_busy_ratio)
    if busy_ratio >= _SATURATED:
        return _slowest_stage(evidence)
    encoder_ratio = evidence.encode_ms * evidence.capture_hz / 1e3
    if evidence.is_recording and encoder_ratio >= _SATURATED:
        return Cause.RECORDING
    return Cause.CAMERA if evidence.is_live_source else Cause.DECODE


def _slowest_stage(evidence: Evidence) -> Cause:
    stages = (Cause.SEGMENT, Cause.TRACK)
    if evidence.inference_busy_ratio >= evidence.tracking_busy_ratio:
        stages = (Cause.ENGINE, Cause.PREPARE)
    return max(stages, key=lambda each: _stage_ms(each, evidence))


def _outer_cause(evidence: Evidence) -> Cause | None:
    hardware = evidence.hardware
    warmest = hottest(hardware)
    is_hot = (
        warmest is not None
        and warmest.passive_c is not None
        and warmest.now_c >= warmest.passive_c
    )
    if is_hot or any(each.is_thermal for each in hardware.throttles):
        return Cause.THERMAL
    if hardware.throttles:
        return Cause.CURRENT
    if _cpu_load_ratio(evidence) >= _FULL and evidence.others_load_ratio >= _OTHERS:
        return Cause.CPU
    mode = hardware.mode
    best = fastest_mode(mode.known) if mode else None
    if mode is not None and best is not None and best[0] != mode.number:
        return Cause.POWER_MODE
    return None


def _outer_text(outer: Cause, inner: Cause, evidence: Evidence) -> str:
    slow = _WORDS[inner]
    rates = f"{evidence.infer_hz:.0f} of {_wanted_hz(evidence):.0f} fps"
    if outer in (Cause.THERMAL, Cause.CURRENT):
        since = f" since {evidence.throttled_since}" if evidence.throttled_since else ""
        return f"{outer.value}{since}: it slows {slow}, {rates}"
    if outer is Cause.CPU:
        others = f"{100 * evidence.others_load_ratio:.0f} %"
        return f"{outer.value}: other programs take {others} of the CPU, {rates}"
    mode = evidence.hardware.mode
    name = (mode.name or str(mode.number)) if mode else ""
    return f"{outer.value} {name} limits the clocks: it slows {slow}, {rates}"


def _text(cause: Cause, evidence: Evidence) -> str:
    rates = f"{evidence.infer_hz:.0f} of {_wanted_hz(evidence):.0f} fps"
    if cause in _STAGES:
        return f"{cause.value}: {_stage_ms(cause, evidence):.1f} ms a frame, {rates}"
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


def _advice(cause: Cause, evidence: Evidence) -> str:
    mode = evidence.hardware.mode
    best = fastest_mode(mode.known) if mode else None
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
        Cause.STALLS: "Pin the clocks where that can be done, and look for a program"
        " that works now and then.",
        Cause.THERMAL: "Turn the fan on, clear its way, or lower the load.",
        Cause.CURRENT: "Use a stronger supply, or a power mode that takes less.",
        Cause.POWER_MODE: f"sudo nvpmodel -m {best[0]} switches to {best[1]}."
        if best
        else "",
    }.get(cause, "")


def _cpu_load_ratio(evidence: Evidence) -> float:
    cpu = evidence.hardware.cpu
    return (cpu.load_ratio if cpu else None) or 0.0


def _stage_ms(cause: Cause, evidence: Evidence) -> float:
    return float(getattr(evidence.stages, _STAGES[cause]))


def _wanted_hz(evidence: Evidence) -> float:
    return max(evidence.nominal_hz, evidence.capture_hz)


def _lines(evidence: Evidence) -> tuple[tuple[str, str], ...]:
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
            f" {stages.prepare_ms:.2f} ms, engine {stages.infer_ms:.2f} ms",
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


class Judge:
    """Judges a feed again and again: rates over the last seconds, and since when.

    Used by one thread.
    """

    def __init__(self) -> None:
        self._looks: deque[tuple[float, LedgerCounts, int]] = deque()
        self._throttled_since = ""
        self._verdict = Verdict()
        self._candidate = Cause.NONE
        self._candidate_s = 0.0

    def reset(self) -> None:
        """Another feed begins: its counts start at 0."""
        self._looks.clear()
        self._verdict = Verdict()
        self._candidate = Cause.NONE

    def look(
        self,
        status: PipelineStatus,
        display_hz: float | None,
        hardware: HardwareSample,
        now_s: float,
        clock: str | None = None,
    ) -> Verdict:
        """Judge what is now; another cause must hold for a second to be told.

        Parameters
        ----------
        status : PipelineStatus
        display_hz : float, optional
            None where nothing is displayed.
        hardware : HardwareSample
        now_s : float
            Monotonic.
        clock : str, optional
            The time of day, as throttling that begins now is told by.
        """
        self._note_throttling(hardware, clock or time.strftime("%H:%M"))
        verdict = judge(self._evidence(status, display_hz, hardware, now_s))
        if verdict.cause is not self._candidate:
            self._candidate, self._candidate_s = verdict.cause, now_s
        is_new = verdict.cause is not self._verdict.cause
        is_settled = now_s - self._candidate_s >= _SETTLED_S
        if is_new and not is_settled and verdict.cause is not Cause.NONE:
            text = self._verdict.text or "Measuring what limits the rate"
            return replace(self._verdict, text=text, evidence=verdict.evidence)
        self._verdict = verdict
        return verdict

    def _note_throttling(self, hardware: HardwareSample, clock: str) -> None:
        warmest = hottest(hardware)
        is_hot = (
            warmest is not None
            and warmest.passive_c is not None
            and warmest.now_c >= warmest.passive_c
        )
        if not hardware.throttles and not is_hot:
            self._throttled_since = ""
        elif not self._throttled_since:
            self._throttled_since = clock

    def _evidence(
        self,
        status: PipelineStatus,
        display_hz: float | None,
        hardware: HardwareSample,
        now_s: float,
    ) -> Evidence:
        recording = status.recording
        unrecorded = recording.losses.not_recorded
        if status.state is not PipelineState.RUNNING:
            self._looks.clear()
        self._looks.append((now_s, status.ledger, unrecorded))
        while now_s - self._looks[0][0] > _SPAN_S and len(self._looks) > 2:
            self._looks.popleft()
        _, then, then_unrecorded = self._looks[0]
        ledger, source = status.ledger, status.source
        # A status comes late where this process had to wait: only the feed's own
        # rates are on the feed's clock, and counts are taken in proportion to them.
        captured = max(1, ledger.captured - then.captured)
        per_s = status.capture_hz / captured
        is_first = len(self._looks) < 2
        return Evidence(
            state=PipelineState.STARTING if is_first else status.state,
            mode=status.mode,
            is_live_source=source.is_live if source else False,
            nominal_hz=source.frame_rate_hz if source else 0.0,
            capture_hz=status.capture_hz,
            infer_hz=status.infer_hz,
            lost_hz=(ledger.lost - then.lost) * per_s,
            replaced_hz=(ledger.replaced - then.replaced) * per_s,
            stages=status.stages,
            latency_p99_ms=status.latency_p99_ms,
            display_hz=display_hz,
            is_recording=recording.is_recording,
            unrecorded_hz=max(0, unrecorded - then_unrecorded) * per_s,
            encode_ms=recording.encode_ms,
            hardware=hardware,
            throttled_since=self._throttled_since,
        )
