from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from app.hardware.log import HardwareLog, before_and_after
from app.hardware.tree import Tree
from tests.fakes.boards import build_board, write

if TYPE_CHECKING:
    from pathlib import Path

    from app.hardware.figures import HardwareFigures


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return build_board("tx2_r32_maxp_core_arm", tmp_path)


def test_rows_are_on_the_clock_of_the_frames(root: Path) -> None:
    rows: list[dict[str, float]] = []
    has_row = threading.Event()
    before_s = time.monotonic()

    def take(figures: HardwareFigures) -> None:
        rows.append(figures.to_row())
        has_row.set()

    with HardwareLog(take, Tree(root)):
        assert has_row.wait(5.0)

    row = rows[0]
    assert before_s - 0.001 <= row["time_s"] <= time.monotonic()
    assert row["temperature_cpu_c"] == 38.0
    assert row["power_total_w"] == 3.177
    assert "emc_clock_mhz" not in row


def test_even_the_shortest_measurement_is_told_of_before_and_after(root: Path) -> None:
    taken: list[HardwareFigures] = []

    with HardwareLog(taken.append, Tree(root)):
        pass

    assert len(taken) >= 2
    assert taken[0].temperature_cpu_c == taken[-1].temperature_cpu_c == 38.0


def test_a_machine_is_compared_with_itself_before(root: Path) -> None:
    rows: list[dict[str, float]] = []
    entered = threading.Event()

    def take(figures: HardwareFigures) -> None:
        rows.append(figures.to_row())
        if not entered.is_set():
            # Hot from the next reading on.
            zone = "/sys/devices/virtual/thermal/thermal_zone0"
            write(root, f"{zone}/temp", "88000")
            entered.set()

    with HardwareLog(take, Tree(root)):
        end_s = time.monotonic() + 10.0
        while rows[-1:] == rows[:1] and time.monotonic() < end_s:
            time.sleep(0.05)
        while rows[-1]["temperature_hottest_c"] != 88.0 and time.monotonic() < end_s:
            time.sleep(0.05)

    words = before_and_after(rows)
    assert "sensor nearest to its limit 38, then 88 °C" in words
    assert f"throttled in 0 of {len(rows)} readings" in words


def test_nothing_is_compared_where_nothing_was_read() -> None:
    assert before_and_after([]) == ""
