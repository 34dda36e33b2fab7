"""Statuses of pipelines that ran elsewhere."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from app.frames import StageTimes
from app.ledger import LedgerCounts
from app.pipeline import PipelineState, PipelineStatus
from app.segmentation import Thresholds
from app.sources.base import FrameMode, SourceSpec
from app.telemetry import TelemetrySample
from engines.reference import ReferenceEngine

SOURCE = SourceSpec(
    uri="/data/serve.mp4",
    title="serve.mp4",
    width_px=640,
    height_px=480,
    frame_rate_hz=120.0,
    frame_count=2400,
    is_live=False,
    is_colour=True,
)

RUNNING = PipelineStatus(
    state=PipelineState.RUNNING,
    source=SOURCE,
    engine=ReferenceEngine().spec,
    mode=FrameMode.LIVE,
    thresholds=Thresholds(0.4, 0.6),
    ledger=LedgerCounts(
        numbered=1200, lost=2, captured=1198, pending=1, inferred=1190, replaced=7
    ),
    capture_hz=120.0,
    infer_hz=118.7,
    latency_p50_ms=3.14,
    latency_p99_ms=9.87,
    stages=StageTimes(0.2, 2.1, 0.5, 0.3),
    confirmed_tracks=12,
    tracks_born=40,
    trial=None,
    fault=None,
)


def status(**changes: Any) -> PipelineStatus:
    """A pipeline that runs, but for the given fields."""
    return replace(RUNNING, **changes)


def sample(time_s: float, **changes: Any) -> TelemetrySample:
    """Measurements of a pipeline that runs, but for the given fields."""
    taken = TelemetrySample(
        time_s=time_s,
        capture_hz=120.0,
        infer_hz=118.7,
        display_hz=60.0,
        latency_p50_ms=3.1,
        latency_p99_ms=9.9,
        prepare_ms=0.2,
        infer_ms=2.1,
        segment_ms=0.5,
        track_ms=0.3,
        tracks=12,
    )
    return replace(taken, **changes)
