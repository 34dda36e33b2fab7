from __future__ import annotations

import time
from typing import TYPE_CHECKING

from app.hardware.log import HardwareLog
from app.hardware.tree import Tree
from tests.fakes.boards import build_board

if TYPE_CHECKING:
    from pathlib import Path


def test_rows_are_on_the_clock_of_the_frames(tmp_path: Path) -> None:
    tree = Tree(build_board("tx2_r32_maxp_core_arm", tmp_path))
    before_s = time.monotonic()

    with HardwareLog(tree) as log:
        end_s = time.monotonic() + 5.0
        while not log.rows and time.monotonic() < end_s:
            time.sleep(0.01)

    row = log.rows[0]
    assert before_s - 0.001 <= row["time_s"] <= time.monotonic()
    assert row["temperature_cpu_c"] == 38.0
    assert row["power_total_w"] == 3.177
    assert "emc_clock_mhz" not in row


def test_even_the_shortest_measurement_has_a_row(tmp_path: Path) -> None:
    tree = Tree(build_board("tx2_r32_maxp_core_arm", tmp_path))

    with HardwareLog(tree) as log:
        pass

    assert log.rows[0]["temperature_cpu_c"] == 38.0
