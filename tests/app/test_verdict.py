from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.evidence import Cause, Evidence
from app.frames import StageTimes
from app.hardware.readings import (
    Cpu,
    HardwareSample,
    PowerMode,
    Temperature,
    Throttle,
)
from app.ledger import LedgerCounts
from app.pipeline import PipelineState
from app.recording.status import FrameLosses, RecordingState, RecordingStatus
from app.sources.base import FrameMode
from app.verdict import Judge, Verdict, judge
from tests.fakes.statuses import status

IDLE = HardwareSample(cpu=Cpu((), 0.4, 0.35))
WELL = Evidence(
    nominal_hz=120.0,
    capture_hz=120.0,
    infer_hz=119.5,
    stages=StageTimes(0.2, 2.9, 0.5, 0.3),
    latency_p99_ms=9.0,
    display_hz=60.0,
    hardware=IDLE,
)
# 4.8 ms to pre-process and 8 ms to infer at 78 fps: the inference thread has no rest.
BEHIND = replace(
    WELL, infer_hz=78.0, replaced_hz=42.0, stages=StageTimes(4.8, 8.0, 0.5, 0.3)
)
BUSY_WITH_OTHERS = HardwareSample(cpu=Cpu((), 0.99, 0.5))
BUSY_ALONE = HardwareSample(cpu=Cpu((), 0.99, 0.97))
MODES = ((0, "MAXN"), (3, "MAXP_CORE_ARM"))
SLOW_MODE = HardwareSample(mode=PowerMode(3, "MAXP_CORE_ARM", MODES))
FAST_MODE = HardwareSample(mode=PowerMode(0, "MAXN", MODES))
HOT = HardwareSample(temperatures=(Temperature("tj", 96.0, 95.0, 99.0, 104.5),))
WARM = HardwareSample(temperatures=(Temperature("tj", 90.0, 95.0, 99.0, 104.5),))


@pytest.mark.parametrize(
    ("evidence", "cause"),
    [
        (WELL, Cause.WELL),
        (replace(WELL, hardware=HOT), Cause.WELL),
        (replace(WELL, hardware=SLOW_MODE), Cause.WELL),
        (replace(WELL, nominal_hz=0.0), Cause.WELL),
        (BEHIND, Cause.ENGINE),
        (replace(BEHIND, stages=StageTimes(8.0, 4.8, 0.5, 0.3)), Cause.PREPARE),
        (replace(BEHIND, stages=StageTimes(0.2, 3, 12.0, 0.6)), Cause.SEGMENT),
        (replace(BEHIND, stages=StageTimes(0.2, 3, 0.6, 12.0)), Cause.TRACK),
        (replace(BEHIND, hardware=BUSY_ALONE), Cause.ENGINE),
        (replace(BEHIND, hardware=BUSY_WITH_OTHERS), Cause.CPU),
        (replace(BEHIND, hardware=HOT), Cause.THERMAL),
        (replace(BEHIND, hardware=WARM), Cause.ENGINE),
        (replace(BEHIND, hardware=SLOW_MODE), Cause.POWER_MODE),
        (replace(BEHIND, hardware=FAST_MODE), Cause.ENGINE),
        (
            replace(
                BEHIND,
                hardware=replace(SLOW_MODE, throttles=(Throttle("cpu-balanced"),)),
            ),
            Cause.THERMAL,
        ),
        (
            replace(
                BEHIND,
                hardware=HardwareSample(throttles=(Throttle("oc1", is_thermal=False),)),
            ),
            Cause.CURRENT,
        ),
        (
            replace(BEHIND, stages=StageTimes(0.2, 2, 1, 1), hardware=BUSY_ALONE),
            Cause.CPU,
        ),
        (replace(BEHIND, stages=StageTimes(0.2, 2, 1, 1)), Cause.STALLS),
        (
            replace(WELL, is_live_source=True, capture_hz=60.0, infer_hz=60.0),
            Cause.CAMERA,
        ),
        (
            # The camera's own fault, whatever the machine is doing.
            replace(
                WELL,
                is_live_source=True,
                capture_hz=60.0,
                infer_hz=60.0,
                hardware=HOT,
            ),
            Cause.CAMERA,
        ),
        (replace(WELL, is_live_source=True, lost_hz=10.0), Cause.CAMERA),
        (replace(WELL, capture_hz=60.0, infer_hz=60.0), Cause.DECODE),
        (
            replace(WELL, capture_hz=60.0, infer_hz=60.0, hardware=HOT),
            Cause.THERMAL,
        ),
        (replace(WELL, display_hz=8.0), Cause.DISPLAY),
        (replace(WELL, display_hz=None), Cause.WELL),
        # The operator asked for ten pictures a second.
        (replace(WELL, display_hz=9.8, display_period_s=0.1), Cause.WELL),
        (replace(WELL, display_hz=8.0, hardware=BUSY_WITH_OTHERS), Cause.CPU),
        (replace(BEHIND, display_hz=8.0), Cause.ENGINE),
        (replace(WELL, is_recording=True), Cause.WELL),
        (replace(WELL, is_recording=True, unrecorded_hz=4.0), Cause.RECORDING),
        (replace(BEHIND, mode=FrameMode.EVERY_FRAME), Cause.ENGINE),
        (
            replace(WELL, mode=FrameMode.EVERY_FRAME, capture_hz=90, infer_hz=90),
            Cause.DECODE,
        ),
        (
            replace(
                WELL,
                mode=FrameMode.EVERY_FRAME,
                capture_hz=90.0,
                infer_hz=90.0,
                is_recording=True,
                encode_ms=11.0,
            ),
            Cause.RECORDING,
        ),
        (replace(WELL, state=PipelineState.PAUSED), Cause.NONE),
        (replace(WELL, state=PipelineState.STARTING), Cause.NONE),
        (replace(WELL, capture_hz=0.0), Cause.NONE),
    ],
)
def test_the_cause_is_named(evidence: Evidence, cause: Cause) -> None:
    verdict = judge(evidence)

    assert verdict.cause is cause
    assert verdict.text.startswith(cause.value)
    assert bool(verdict.advice) is (not verdict.is_well)


def test_the_line_has_the_figures() -> None:
    assert judge(WELL).text == "Keeps up: 120 of 120 fps, 63 % to spare"
    assert judge(BEHIND).text == "Engine-bound: 8.0 ms a frame, 78 of 120 fps"
    hot = replace(BEHIND, hardware=HOT, throttled_since="14:03")
    assert judge(hot).text == (
        "Thermal throttling since 14:03: it slows the engine, 78 of 120 fps"
    )
    mode = judge(replace(BEHIND, hardware=SLOW_MODE))
    assert mode.text == (
        "Power mode MAXP_CORE_ARM limits the clocks: it slows the engine, 78 of 120 fps"
    )
    assert mode.advice == "Switch to MAXN: sudo nvpmodel -m 0"


def test_the_evidence_is_what_the_verdict_stands_on() -> None:
    lines = dict(judge(replace(BEHIND, hardware=HOT)).evidence)

    assert lines["Inference thread"].startswith("100 % busy")
    assert lines["Gave way to newer"] == "42.0 a second"
    assert lines["Hottest"] == "tj 96.0 °C, limit 95 °C"


rates = st.floats(0.0, 500.0)
times_ms = st.floats(0.0, 100.0)


@given(
    nominal_hz=rates,
    capture_hz=rates,
    infer_hz=rates,
    replaced_hz=rates,
    lost_hz=rates,
    stages=st.builds(StageTimes, times_ms, times_ms, times_ms, times_ms),
    display_hz=st.none() | rates,
    mode=st.sampled_from(FrameMode),
    is_live_source=st.booleans(),
    is_recording=st.booleans(),
    unrecorded_hz=rates,
    hardware=st.sampled_from([IDLE, HOT, SLOW_MODE, BUSY_WITH_OTHERS]),
)
def test_a_verdict_never_contradicts_its_evidence(**figures: Any) -> None:
    evidence = Evidence(**figures)

    cause = judge(evidence).cause

    is_live = evidence.mode is FrameMode.LIVE
    if cause is Cause.WELL:
        assert is_live
        assert evidence.infer_hz >= 0.95 * evidence.capture_hz
        assert evidence.capture_hz >= 0.95 * evidence.nominal_hz
        assert not evidence.unrecorded_hz
    if cause is Cause.THERMAL:
        assert evidence.hardware is HOT
    if cause is Cause.POWER_MODE:
        assert evidence.hardware is SLOW_MODE
    if cause is Cause.CPU:
        assert evidence.hardware is BUSY_WITH_OTHERS
    if cause in (Cause.ENGINE, Cause.PREPARE) and is_live:
        assert evidence.inference_busy_ratio >= 0.8
    if cause in (Cause.SEGMENT, Cause.TRACK) and is_live:
        assert evidence.tracking_busy_ratio >= 0.8
    if cause is Cause.CAMERA:
        assert evidence.is_live_source
    if cause is Cause.DISPLAY:
        assert evidence.display_hz is not None


# --- over time


def looks(judge_: Judge, seconds: float, from_s: float = 0.0, **more: Any) -> Verdict:
    """Look ten times a second at a feed with these rates."""
    hardware = more.pop("hardware", IDLE)
    clock = more.pop("clock", "14:03")
    captured, inferred = more.pop("rates", (120, 120))
    verdict = Verdict()
    for tick in range(int(10 * seconds) + 1):
        now_s = from_s + tick / 10
        ledger = LedgerCounts(
            captured=int(captured * now_s), inferred=int(inferred * now_s)
        )
        now = status(ledger=ledger, capture_hz=captured, infer_hz=inferred, **more)
        verdict = judge_.look(now, 60.0, hardware, now_s, clock)
    return verdict


def test_counts_become_rates_of_the_last_seconds() -> None:
    judge_ = Judge()
    looks(judge_, 3.0)
    behind = LedgerCounts(captured=480, inferred=420, replaced=60)

    verdict = judge_.look(status(ledger=behind), 60.0, IDLE, 4.0)

    assert dict(verdict.evidence)["Source"] == "120.0 fps arrive of 120"
    assert dict(verdict.evidence)["Gave way to newer"] == "30.0 a second"


def test_a_status_that_comes_late_is_no_slower_feed() -> None:
    judge_ = Judge()
    looks(judge_, 3.0)

    for late_s in (6.0, 6.1, 7.2):
        ledger = LedgerCounts(captured=370, inferred=370)
        verdict = judge_.look(status(ledger=ledger), 60.0, IDLE, late_s)

    assert verdict.cause is Cause.WELL


def test_before_a_second_has_passed_nothing_is_claimed() -> None:
    verdict = looks(Judge(), 0.4)

    assert verdict.cause is Cause.NONE
    assert verdict.text == "Measuring what limits the rate"


@pytest.mark.parametrize("state", [PipelineState.STARTING, PipelineState.RUNNING])
def test_the_first_look_at_a_feed_says_that_it_measures(state: PipelineState) -> None:
    verdict = Judge().look(replace(status(), state=state), 60.0, IDLE, 0.0)

    assert verdict.is_empty
    assert verdict.text == "Measuring what limits the rate"


def test_of_a_feed_that_has_ended_nothing_is_said() -> None:
    ended = replace(status(), state=PipelineState.STOPPED)

    assert Judge().look(ended, 60.0, IDLE, 0.0).text == ""


def test_another_cause_has_to_hold_for_a_second() -> None:
    judge_ = Judge()
    looks(judge_, 3.0)
    slow = {"stages": StageTimes(0.2, 30.0, 0.5, 0.3), "rates": (120, 33)}

    shortly = looks(judge_, 0.5, 3.1, **slow)
    later = looks(judge_, 6.0, 3.7, **slow)

    assert shortly.cause is Cause.WELL
    assert later.cause is Cause.ENGINE


def test_throttling_is_told_from_its_beginning() -> None:
    judge_ = Judge()
    slow: dict[str, Any] = {
        "stages": StageTimes(0.2, 30.0, 0.5, 0.3),
        "rates": (120, 33),
    }
    looks(judge_, 3.0, hardware=HOT, clock="14:03", **slow)

    verdict = looks(judge_, 1.0, 3.1, hardware=HOT, clock="14:04", **slow)

    assert "since 14:03" in verdict.text


def test_frames_that_a_recording_loses_are_told() -> None:
    judge_ = Judge()
    recording = RecordingStatus(state=RecordingState.RECORDING)
    looks(judge_, 2.0, recording=recording)
    losing = replace(recording, losses=FrameLosses(disk=40))

    verdict = looks(judge_, 1.2, 2.1, recording=losing)

    assert verdict.cause is Cause.RECORDING


def test_a_paused_feed_has_no_verdict() -> None:
    judge_ = Judge()
    looks(judge_, 3.0)

    assert looks(judge_, 0.0, 3.1, state=PipelineState.PAUSED) == Verdict(
        evidence=looks(judge_, 0.0, 3.2, state=PipelineState.PAUSED).evidence
    )
