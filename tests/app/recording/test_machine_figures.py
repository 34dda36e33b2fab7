from __future__ import annotations

from app.pipeline import Pipeline
from app.sources.base import FrameMode
from tests.fakes.engines import FakeEngine
from tests.fakes.sources import FakeSource


def test_what_the_machine_says_is_among_the_measurements_of_a_session() -> None:
    pipeline = Pipeline(FakeSource(), FakeEngine, FrameMode.EVERY_FRAME)

    pipeline.tell_machine({"temperature_cpu_c": 61.5, "throttled": 1.0})
    measured = pipeline._measurements()

    assert measured["temperature_cpu_c"] == 61.5
    assert measured["throttled"] == 1.0
    assert measured["infer_hz"] == 0.0
