"""Says in one line what limits a feed, and why that is believed."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from app.evidence import STAGES, Cause, Evidence
from app.hardware.alarms import past_passive
from app.hardware.power_mode import fastest_mode
from app.pipeline import PipelineState
from app.process import DISPLAY_PERIOD_S
from app.sources.base import FrameMode
from app.verdict_words import (
    PART_NAMES,
    advice_of,
    lines_of,
    outer_text,
    remedy_of,
    text_of,
)

if TYPE_CHECKING:
    from app.hardware.readings import HardwareSample
    from app.hardware.remedies import RootRemedy
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
_MEASURING = "Measuring what limits the rate"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The line, and what it stands on."""

    cause: Cause = Cause.NONE
    text: str = ""
    evidence: tuple[tuple[str, str], ...] = ()
    """Names and figures."""
    advice: str = ""
    """What would help; empty where nothing is to be done."""
    remedy: RootRemedy | None = None
    """What root can do about it."""

    @property
    def is_empty(self) -> bool:
        """Whether nothing can be said."""
        return self.cause is Cause.NONE

    @property
    def is_well(self) -> bool:
        """Whether nothing has to be done."""
        return self.cause in (Cause.NONE, Cause.WELL)

    @property
    def is_behind(self) -> bool:
        """Whether faster clocks would help: a stage has not enough of them."""
        return self.cause in STAGES or self.cause is Cause.STALLS


def judge(evidence: Evidence) -> Verdict:
    """Find what limits a feed.

    A stage that is too slow is told by its name only where nothing makes it slow from
    outside: heat, too much current, other programs, or the power mode come first.
    """
    if evidence.state is not PipelineState.RUNNING or not evidence.capture_hz:
        is_on = evidence.state in (PipelineState.STARTING, PipelineState.RUNNING)
        return Verdict(text=_MEASURING if is_on else "", evidence=lines_of(evidence))
    cause = _bottleneck(evidence)
    if cause in PART_NAMES and cause is not Cause.CAMERA:
        outer = _outer_cause(evidence)
        if outer is not None:
            return _verdict(outer, outer_text(outer, cause, evidence), evidence)
    return _verdict(cause, text_of(cause, evidence), evidence)


def _verdict(cause: Cause, text: str, evidence: Evidence) -> Verdict:
    advice, remedy = advice_of(cause), remedy_of(cause, evidence)
    if remedy is not None:
        advice = f"{advice} {remedy.purpose}: {remedy.command}".strip()
    return Verdict(cause, text, lines_of(evidence), advice, remedy)


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
        return Cause.CPU if evidence.cpu_load_ratio >= _FULL else Cause.STALLS
    nominal_hz = evidence.nominal_hz
    if nominal_hz and (
        evidence.capture_hz < _ENOUGH * nominal_hz
        or evidence.lost_hz > (1 - _ENOUGH) * nominal_hz
    ):
        return Cause.CAMERA if evidence.is_live_source else Cause.DECODE
    wanted_hz = min(1.0 / evidence.display_period_s, evidence.infer_hz)
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
    return max(stages, key=lambda each: evidence.stage_ms(each))


def _outer_cause(evidence: Evidence) -> Cause | None:
    hardware = evidence.hardware
    if past_passive(hardware) or any(each.is_thermal for each in hardware.throttles):
        return Cause.THERMAL
    if hardware.throttles:
        return Cause.CURRENT
    if evidence.cpu_load_ratio >= _FULL and evidence.others_load_ratio >= _OTHERS:
        return Cause.CPU
    mode = hardware.mode
    best = fastest_mode(mode.known) if mode else None
    if mode is not None and best is not None and best[0] != mode.number:
        return Cause.POWER_MODE
    return None


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
        display_period_s: float = DISPLAY_PERIOD_S,
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
        display_period_s : float
            Shortest time between two pictures, as the operator chose it.
        """
        self._note_throttling(hardware, clock or time.strftime("%H:%M"))
        evidence = self._evidence(status, hardware, now_s)
        verdict = judge(
            replace(evidence, display_hz=display_hz, display_period_s=display_period_s)
        )
        if verdict.cause is not self._candidate:
            self._candidate, self._candidate_s = verdict.cause, now_s
        is_new = verdict.cause is not self._verdict.cause
        is_settled = now_s - self._candidate_s >= _SETTLED_S
        if is_new and not is_settled and verdict.cause is not Cause.NONE:
            text = self._verdict.text or _MEASURING
            return replace(self._verdict, text=text, evidence=verdict.evidence)
        self._verdict = verdict
        return verdict

    def _note_throttling(self, hardware: HardwareSample, clock: str) -> None:
        if not hardware.throttles and past_passive(hardware) is None:
            self._throttled_since = ""
        elif not self._throttled_since:
            self._throttled_since = clock

    def _evidence(
        self,
        status: PipelineStatus,
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
        is_running = status.state is PipelineState.RUNNING
        # Nothing can be compared with the first look.
        is_first = is_running and len(self._looks) < 2
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
            is_recording=recording.is_recording,
            unrecorded_hz=max(0, unrecorded - then_unrecorded) * per_s,
            encode_ms=recording.encode_ms,
            hardware=hardware,
            throttled_since=self._throttled_since,
        )
