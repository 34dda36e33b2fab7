"""What a verdict is found from, and what it may be."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

from app.frames import StageTimes
from app.hardware.readings import HardwareSample
from app.pipeline import PipelineState
from app.process import DISPLAY_PERIOD_S
from app.sources.base import FrameMode


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


STAGES = {
    Cause.PREPARE: "prepare_ms",
    Cause.ENGINE: "infer_ms",
    Cause.SEGMENT: "segment_ms",
    Cause.TRACK: "track_ms",
}
"""Causes that are a stage, and the field of its time."""


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
    """Pictures that the window took; None while nothing is displayed."""
    display_period_s: float = DISPLAY_PERIOD_S
    """Shortest time between two pictures, as the operator chose it."""
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
        stages = self.stages
        stage_ms = stages.prepare_ms + stages.infer_ms + stages.look_ms
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

    @property
    def cpu_load_ratio(self) -> float:
        """What all programs take of all cores; 0 where that is not known."""
        cpu = self.hardware.cpu
        return (cpu.load_ratio if cpu else None) or 0.0

    @property
    def wanted_hz(self) -> float:
        """The rate that the feed should have."""
        return max(self.nominal_hz, self.capture_hz)

    def stage_ms(self, cause: Cause) -> float:
        """Time of the stage that is such a cause."""
        return float(getattr(self.stages, STAGES[cause]))
