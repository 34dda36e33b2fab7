from __future__ import annotations

import csv
from dataclasses import fields, replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from app.errors import OutputError
from app.hardware.figures import HardwareFigures
from app.telemetry import (
    DurationWindow,
    RateMeter,
    TelemetryEvent,
    TelemetryEvents,
    TelemetryHistory,
    TelemetrySample,
)
from app.telemetry_file import write_telemetry

if TYPE_CHECKING:
    from pathlib import Path

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


def test_a_span_is_read_without_the_rest() -> None:
    history = TelemetryHistory(capacity=50)
    for tick in range(120):
        history.append(replace(_sample(tick / 10), infer_hz=float(tick)))

    times_s, (rates,) = history.span(["infer_hz"], 9.0, 11.0)

    np.testing.assert_allclose(times_s, np.arange(89, 111) / 10)
    np.testing.assert_array_equal(rates, np.arange(89, 111))


def test_a_long_span_is_thinned_and_keeps_its_peaks() -> None:
    history = TelemetryHistory(capacity=36_000)
    for tick in range(40_000):
        value = 900.0 if tick == 23_457 else 5.0 + tick % 2
        history.append(replace(_sample(tick / 10), latency_p99_ms=value))

    times_s, (values,) = history.span(["latency_p99_ms"], 0.0, 4000.0)

    assert len(times_s) == len(values) <= 1200
    assert values.max() == 900.0
    assert times_s[values.argmax()] == pytest.approx(2345.7, abs=6.0)
    assert values.min() == 5.0
    assert np.all(np.diff(times_s) >= 0)


def test_a_thinned_span_does_not_flicker() -> None:
    history = TelemetryHistory(capacity=4000)
    rng = np.random.default_rng(3)
    for tick in range(5000):
        history.append(replace(_sample(tick / 10), infer_hz=rng.random()))
    before = dict(zip(*_span(history), strict=True))

    history.append(_sample(500.0))
    after = dict(zip(*_span(history), strict=True))

    shared = sorted(before.keys() & after.keys())[2:-2]
    assert len(shared) > 500
    assert [before[time_s] for time_s in shared] == [after[time_s] for time_s in shared]


def _span(history: TelemetryHistory) -> tuple[list[float], list[float]]:
    times_s, (values,) = history.span(["infer_hz"], 100.0, 500.0)
    return times_s.tolist()[::2], values.tolist()[::2]


def test_a_gap_ends_a_line() -> None:
    history = TelemetryHistory()
    history.append(_sample(1.0))
    history.append_gap(1.5)
    history.append(_sample(2.0))

    column = history.column("infer_hz")

    assert np.isnan(column).tolist() == [False, True, False]


def test_an_hour_of_samples_takes_the_memory_of_the_first() -> None:
    history = TelemetryHistory(capacity=3600)
    size = history._ring.nbytes

    for tick in range(10_000):
        history.append(_sample(float(tick)))

    assert history._ring.nbytes == size
    assert len(history) == 3600
    assert history.column("time_s")[0] == 6400.0


def test_figures_of_the_machine_are_kept_in_the_same_way() -> None:
    history = TelemetryHistory(10, HardwareFigures)

    history.append(HardwareFigures(3.0, temperature_cpu_c=41.0))

    assert history.column("temperature_cpu_c").tolist() == [41.0]
    assert np.isnan(history.column("power_total_w")).all()


def test_events_of_a_span_are_told() -> None:
    events = TelemetryEvents(capacity=3)
    for number in range(5):
        events.append(TelemetryEvent(float(number), str(number)))

    assert [each.text for each in events.within(0.0, 3.0)] == ["2", "3"]


def test_a_table_has_both_clocks_and_every_measurement(tmp_path: Path) -> None:
    history = TelemetryHistory()
    history.append(replace(_sample(10.0), infer_hz=118.5))
    history.append_gap(10.05)
    machine = TelemetryHistory(10, HardwareFigures)
    machine.append(HardwareFigures(10.2, temperature_cpu_c=41.0))
    events = TelemetryEvents()
    events.append(TelemetryEvent(10.1, "recording"))
    path = tmp_path / "table.csv"

    write_telemetry(path, (history, machine), events)

    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["time_s"] for row in rows] == ["10.000", "10.100", "10.200"]
    assert rows[0]["infer_hz"] == "118.5"
    assert rows[0]["temperature_cpu_c"] == ""
    assert rows[1]["event"] == "recording"
    assert rows[2]["temperature_cpu_c"] == "41"
    assert rows[2]["power_total_w"] == ""
    assert rows[0]["wall_time"][4] == "-"


def test_a_folder_that_is_not_there_is_an_error_with_a_hint(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot write"):
        write_telemetry(tmp_path / "no" / "t.csv", (), TelemetryEvents())
