"""Every kind of fault, at random, while a source is tracked and recorded."""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from app.pipeline import Pipeline, PipelineState
from app.recording.session import Session
from app.recording.settings import RecordingSettings
from app.sources.base import FrameMode
from engines.reference import ReferenceEngine
from tests.fakes.camera_faults import ResultsWatch, befall, victim_of

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("kind", ["camera", "stream"])
def test_no_fault_ends_the_feed_and_the_ledger_adds_up(
    kind: str, tmp_path: Path
) -> None:
    with victim_of(kind) as victim:
        pipeline = Pipeline(victim.source(), ReferenceEngine, FrameMode.LIVE)
        results = pipeline.subscribe()
        pipeline.configure_recording(RecordingSettings(tmp_path, reserve_bytes=0))
        pipeline.start_recording("over-the-gaps")
        pipeline.start()
        try:
            count = 2 * len(victim.kinds)
            watch = ResultsWatch(results)
            events = list(befall(victim, watch, count, seed=6, longest_s=0.8))
            state = pipeline.status().state
        finally:
            pipeline.stop()

    status = pipeline.status()
    assert len(events) == count
    assert state is PipelineState.RUNNING
    assert status.fault is None
    assert status.ledger.is_balanced
    assert status.ledger.pending == 0
    assert status.camera is not None
    assert status.camera.report.outages > 0
    assert status.ledger.lost > 0
    _refuse_silent_gaps(tmp_path / "over-the-gaps", status.ledger.lost)


def _refuse_silent_gaps(folder: Path, lost: int) -> None:
    """The recording went on over the gaps, and each is marked in it."""
    assert json.loads((folder / "session.json").read_text())["state"] == "complete"
    with closing(Session(folder)) as session:
        gaps = session.gaps()
        indices = session.frames.source_index
        notes = [event for event in session.events() if event.kind == "source"]
    missing = int(indices[-1] - indices[0] + 1 - len(indices))
    at_source = sum(gap.count for gap in gaps if gap.cause == "source")
    assert sum(gap.count for gap in gaps) == missing
    assert 0 < at_source <= lost
    assert any("looked for" in note.text for note in notes)
