from __future__ import annotations

import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

import main
from app.pipeline import Pipeline
from app.recording.session import Session
from app.sources.base import FrameMode
from tests.fakes.engines import FakeEngine
from tests.fakes.sources import FakeSource

if TYPE_CHECKING:
    from pathlib import Path


def test_what_the_machine_says_is_among_the_measurements_of_a_session() -> None:
    pipeline = Pipeline(FakeSource(), FakeEngine, FrameMode.EVERY_FRAME)

    pipeline.tell_machine({"temperature_cpu_c": 61.5, "throttled": 1.0})
    measured = pipeline._measurements()

    assert measured["temperature_cpu_c"] == 61.5
    assert measured["throttled"] == 1.0
    assert measured["infer_hz"] == 0.0


@pytest.mark.slow
def test_a_session_recorded_without_a_window_has_the_machine_s_figures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "take"
    source = "synthetic://?objects=2&seconds=5&size=320x240"
    options = ["--out", str(folder), "--reserve", "0.01", "--engine", "reference"]
    before_ns = time.monotonic_ns()

    recorded = main.main(["record", source, *options, "--json"])

    assert recorded == 0, capsys.readouterr().err
    with closing(Session(folder)) as session:
        rows = session.telemetry()
    told = [row for row in rows if "memory_used_mb" in row.values]
    assert told
    assert told[-1].values["memory_used_mb"] > 0
    assert "infer_hz" in told[-1].values
    assert before_ns < told[-1].time_ns < time.monotonic_ns()
