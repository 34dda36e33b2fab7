from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

from app.telemetry import DurationWindow, RateMeter, TelemetryHistory, TelemetrySample

_MS_NS = 1_000_000


def _sample(time_s: float) -> TelemetrySample:
    return TelemetrySample(
        time_s, *(0.0 for _ in range(len(fields(TelemetrySample)) - 1))
    )


def test_a_steady_source_shows_its_rate() -> None:
    meter = RateMeter(window_s=1.0)

    for tick in range(300):
        meter.tick(10 * tick * _MS_NS)

    assert meter.rate_hz(2990 * _MS_NS) == pytest.approx(100.0, rel=0.01)


def test_a_stalled_source_shows_a_falling_rate() -> None:
    meter = RateMeter(window_s=1.0)
    for tick in range(100):
        meter.tick(tick * _MS_NS)

    soon, later, after = (meter.rate_hz(ms * _MS_NS) for ms in (99, 700, 2000))

    assert soon > later > after == 0.0


def test_percentiles_are_of_the_last_durations() -> None:
    window = DurationWindow(capacity=10)

    for value in range(1000):
        window.add(float(value))

    assert window.percentiles_ms(0, 50, 100) == (990.0, 994.5, 999.0)


def test_no_durations_give_zeros() -> None:
    assert DurationWindow().percentiles_ms(50, 99) == (0.0, 0.0)


def test_history_keeps_the_last_samples_in_order() -> None:
    history = TelemetryHistory(capacity=4)

    for time_s in range(6):
        history.append(_sample(float(time_s)))

    np.testing.assert_array_equal(history.column("time_s"), [2, 3, 4, 5])


def test_a_cleared_history_is_empty() -> None:
    history = TelemetryHistory(capacity=4)
    history.append(_sample(1.0))

    history.clear()

    assert len(history.column("time_s")) == 0
