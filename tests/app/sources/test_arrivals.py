from __future__ import annotations

import numpy as np
import pytest

from app.frames import Frame
from app.sources.arrivals import ArrivalMeter, ArrivalStatistics

_IMAGE = np.zeros((2, 2), np.uint8)


def _of(timestamps_ms: list[float], arrivals_ms: list[float]) -> ArrivalStatistics:
    meter = ArrivalMeter()
    for index, (taken, came) in enumerate(zip(timestamps_ms, arrivals_ms, strict=True)):
        meter.add(Frame(index, round(taken * 1e6), round(came * 1e6), _IMAGE))
    return meter.statistics()


@pytest.mark.parametrize("rate_hz", [30, 60, 120, 240, 500])
def test_even_frames_have_their_rate_and_no_jitter(rate_hz: int) -> None:
    times = [number * 1e3 / rate_hz for number in range(1000)]
    statistics = _of(times, times)

    assert statistics.rate_hz == pytest.approx(rate_hz, rel=1e-4)
    assert statistics.jitter_p99_ms == pytest.approx(0, abs=1e-3)
    assert statistics.count == 600
    assert sum(statistics.histogram) == 600
    assert max(statistics.histogram) == 600


def test_a_gap_is_in_the_histogram_and_not_in_the_usual_interval() -> None:
    times = [number * 10.0 + (70 if number > 50 else 0) for number in range(100)]
    statistics = _of(times, times)

    assert statistics.interval_p50_ms == pytest.approx(10)
    assert statistics.histogram[-1] == 1


def test_jitter_of_the_arrival_is_apart_from_that_of_the_source() -> None:
    times = [number * 10.0 for number in range(400)]
    late = [time + (4 if number % 20 == 0 else 0) for number, time in enumerate(times)]
    statistics = _of(times, late)

    assert statistics.jitter_p99_ms == pytest.approx(0, abs=1e-6)
    assert statistics.arrival_jitter_p99_ms == pytest.approx(4)


@pytest.mark.parametrize("count", [0, 1])
def test_without_an_interval_there_is_nothing_to_say(count: int) -> None:
    times = [0.0] * count

    assert _of(times, times) == ArrivalStatistics()
