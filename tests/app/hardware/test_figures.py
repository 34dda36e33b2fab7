from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest

from app.hardware.figures import figures_of
from app.hardware.readings import Core, Cpu, HardwareSample
from tests.fakes.boards import build_board, read_board

if TYPE_CHECKING:
    from pathlib import Path


def test_figures_of_a_tx2(tmp_path: Path) -> None:
    figures = figures_of(read_board(build_board("tx2_r32_maxp_core_arm", tmp_path)))

    assert figures.temperature_cpu_c == 38.0
    assert figures.temperature_gpu_c == 36.5
    assert figures.temperature_board_c == 36.0
    assert figures.temperature_limit_c == 101.0
    assert figures.cpu_clock_mhz == 2035.2
    assert math.isnan(figures.cpu_other_clock_mhz)
    assert figures.gpu_clock_mhz == 114.75
    assert figures.memory_gpu_mb == pytest.approx(786.2, abs=0.1)
    assert figures.power_total_w == 3.177
    assert figures.power_gpu_w == 0.383
    assert figures.power_cpu_w == 0.536
    assert figures.fan_ratio == 0.0


def test_the_second_kind_of_core_has_a_line_of_its_own() -> None:
    cores = (
        Core(0, "Cortex-A57", clock_mhz=2000.0),
        Core(1, "Denver 2", clock_mhz=1400.0),
        Core(2, "Denver 2", is_online=False),
        Core(3, "Cortex-A57", clock_mhz=None),
    )

    figures = figures_of(HardwareSample(cpu=Cpu(cores, 0.5)))

    assert (figures.cpu_clock_mhz, figures.cpu_other_clock_mhz) == (2000.0, 1400.0)


def test_only_what_is_known_goes_into_files() -> None:
    known = figures_of(HardwareSample(cpu=Cpu((), 0.5))).known()

    assert known == {"cpu_load_ratio": 0.5, "throttled": 0.0}
