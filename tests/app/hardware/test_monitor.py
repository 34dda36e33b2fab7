from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from app.hardware.monitor import HardwareMonitor
from app.hardware.readings import HardwareSample, Memory, Temperature

if TYPE_CHECKING:
    from collections.abc import Iterator


class _Steady:
    name = "temperature"

    def __init__(self) -> None:
        self.reads = 0

    def read(self) -> HardwareSample:
        self.reads += 1
        return HardwareSample(temperatures=(Temperature("CPU", float(self.reads)),))


class _Hanging:
    """Hangs at its second read until let go."""

    name = "rails"

    def __init__(self, let_go: threading.Event) -> None:
        self._let_go = let_go
        self._reads = 0

    def read(self) -> HardwareSample:
        self._reads += 1
        if self._reads > 1:
            self._let_go.wait(10.0)
        return HardwareSample(memory=Memory(100.0, 50.0))


class _Failing:
    name = "fan"

    def read(self) -> HardwareSample:
        raise ValueError("a fault of the reader")


@pytest.fixture
def let_go() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


def _until(condition: object) -> None:
    assert callable(condition)
    end_s = time.monotonic() + 5.0
    while not condition():
        assert time.monotonic() < end_s, "it did not happen within 5 s"
        time.sleep(0.005)


def test_a_sensor_that_hangs_becomes_a_gap_and_delays_no_other(
    let_go: threading.Event,
) -> None:
    steady = _Steady()
    makers = [lambda: _Hanging(let_go), lambda: steady]
    monitor = HardwareMonitor(makers, period_s=0.01, stale_s=0.2)
    monitor.start()
    monitor.wait(2.0)

    _until(lambda: monitor.sample().memory is None)
    reads = steady.reads
    _until(lambda: steady.reads > reads + 5)
    sample = monitor.sample()
    started_s = time.monotonic()
    monitor.stop()
    stopped_s = time.monotonic() - started_s
    let_go.set()

    assert [(gap.what, gap.reason[:13]) for gap in sample.gaps] == [
        ("rails", "no answer for")
    ]
    assert sample.temperatures[0].now_c > 5
    assert stopped_s < 1.0


def test_a_sensor_that_answers_again_is_told_again(let_go: threading.Event) -> None:
    monitor = HardwareMonitor([lambda: _Hanging(let_go)], period_s=0.01, stale_s=0.1)
    monitor.start()
    _until(lambda: monitor.sample().gaps)

    let_go.set()

    _until(lambda: monitor.sample().memory is not None)
    sample = monitor.sample()
    monitor.stop()

    assert sample.memory == Memory(100.0, 50.0)
    assert sample.gaps == ()


def test_the_sensors_can_be_read_more_often_while_it_runs() -> None:
    steady = _Steady()
    monitor = HardwareMonitor([lambda: steady], period_s=0.05)
    monitor.set_period(0.001)
    monitor.start()

    _until(lambda: steady.reads > 50)
    monitor.stop()

    assert monitor.sample().temperatures


def test_a_reader_with_a_fault_takes_no_other_with_it() -> None:
    makers = [_Failing, _Steady]
    monitor = HardwareMonitor(makers, period_s=0.01, stale_s=0.1)
    monitor.start()

    _until(lambda: monitor.sample().gaps and monitor.sample().temperatures)
    monitor.stop()

    assert monitor.sample().gaps[0].what == "fan"


def test_a_sample_is_on_the_clock_of_the_frames() -> None:
    before_s = time.monotonic()

    sample = HardwareMonitor([]).sample()

    assert before_s <= sample.time_s <= time.monotonic()
