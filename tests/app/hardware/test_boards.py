"""Every recorded board is rebuilt as a tree and read to the expected values."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from app.hardware.power_mode import fastest_mode, mode_of_query
from tests.fakes.boards import BOARDS, build_board, read_board

if TYPE_CHECKING:
    from pathlib import Path

    from app.hardware.readings import HardwareSample


def temperatures(sample: HardwareSample) -> dict[str, float]:
    return {each.name: each.now_c for each in sample.temperatures}


def gaps(sample: HardwareSample) -> dict[str, str]:
    return {each.what: each.reason for each in sample.gaps}


@pytest.fixture
def tx2(tmp_path: Path) -> HardwareSample:
    return read_board(build_board("tx2_r32_maxp_core_arm", tmp_path))


def test_a_tx2_is_named_by_its_module(tx2: HardwareSample) -> None:
    assert tx2.board is not None
    assert tx2.board.name == "Jetson TX2 (quill)"
    assert (tx2.board.chip, tx2.board.jetpack) == ("tegra186", "4.6.6")


def test_temperatures_of_a_tx2_leave_out_the_constant_one(tx2: HardwareSample) -> None:
    assert temperatures(tx2) == {
        "BCPU-therm": 38.0,
        "MCPU-therm": 38.0,
        "GPU-therm": 36.5,
        "PLL-therm": 38.0,
        "Tboard_tegra": 36.0,
        "Tdiode_tegra": 35.0,
        "thermal-fan-est": 37.6,
    }


def test_a_limit_below_zero_is_none(tx2: HardwareSample) -> None:
    limits = {each.name: each.limit_c for each in tx2.temperatures}

    assert limits["BCPU-therm"] == 101.0
    assert limits["Tboard_tegra"] == 107.0
    assert limits["GPU-therm"] is None


def test_cores_of_a_tx2_are_told_apart_and_two_are_off(tx2: HardwareSample) -> None:
    assert tx2.cpu is not None
    assert [core.kind for core in tx2.cpu.cores] == [
        "Cortex-A57",
        "Denver 2",
        "Denver 2",
        "Cortex-A57",
        "Cortex-A57",
        "Cortex-A57",
    ]
    assert [core.is_online for core in tx2.cpu.cores] == [
        True,
        False,
        False,
        True,
        True,
        True,
    ]
    assert tx2.cpu.cores[3].clock_mhz == 1881.6
    assert tx2.cpu.cores[3].limit_mhz == 2035.2
    assert tx2.cpu.cores[1].clock_mhz is None


def test_gpu_memory_and_rails_of_a_tx2(tx2: HardwareSample) -> None:
    assert tx2.gpu is not None
    assert (tx2.gpu.name, tx2.gpu.load_ratio) == ("gp10b", 0.0)
    assert (tx2.gpu.clock_mhz, tx2.gpu.limit_mhz) == (114.75, 1134.75)
    assert tx2.memory is not None
    assert tx2.memory.total_mb == pytest.approx(7850.4, abs=0.1)
    assert tx2.memory.gpu_held_mb == pytest.approx(786.2, abs=0.1)
    assert tx2.memory.swap_used_mb == 0.0
    assert tx2.power is not None
    assert {rail.name: rail.power_w for rail in tx2.power.rails} == {
        "VDD_SYS_GPU": 0.383,
        "VDD_SYS_SOC": 0.536,
        "VDD_4V0_WIFI": 0.0,
        "VDD_IN": 3.177,
        "VDD_SYS_CPU": 0.536,
        "VDD_SYS_DDR": 0.575,
    }
    assert (tx2.power.total_w, tx2.power.is_sum) == (3.177, False)


def test_mode_fan_and_emc_of_a_tx2(tx2: HardwareSample) -> None:
    assert tx2.mode is not None
    assert (tx2.mode.number, tx2.mode.name) == (3, "MAXP_CORE_ARM")
    assert fastest_mode(tx2.mode.known) == (0, "MAXN")
    (fan,) = tx2.fans
    assert fan.is_off
    assert fan.control_path == "/sys/devices/pwm-fan/target_pwm"
    assert tx2.emc is not None
    assert (tx2.emc.clock_mhz, tx2.emc.cap_mhz) == (None, 1600.0)
    assert "Permission denied" in gaps(tx2)["EMC clock"]


def test_a_zone_more_moves_no_name(tmp_path: Path) -> None:
    sample = read_board(build_board("tx2_r28_ao_zone_shifted", tmp_path))

    assert temperatures(sample) == {
        "BCPU-therm": 53.0,
        "MCPU-therm": 53.0,
        "GPU-therm": 59.0,
        "PLL-therm": 53.0,
        "AO-therm": 50.5,
        "Tboard_tegra": 48.0,
        "Tdiode_tegra": 49.5,
        "thermal-fan-est": 52.1,
    }


def test_a_board_without_files_is_read_to_gaps(tmp_path: Path) -> None:
    sample = read_board(build_board("tx2_r28_ao_zone_shifted", tmp_path))

    assert sample.memory is sample.mode is sample.power is sample.gpu is None
    assert sample.fans == ()
    assert {"memory", "power mode", "power", "GPU", "fan", "CPU load"} <= set(
        gaps(sample)
    )


def test_an_agx_xavier_without_a_table_of_modes(tmp_path: Path) -> None:
    sample = read_board(build_board("agx_xavier_r35", tmp_path))

    assert sample.board is not None
    assert sample.board.chip == "tegra194"
    assert "PMIC-Die" not in temperatures(sample)
    assert temperatures(sample)["GPU-therm"] == 46.0
    assert sample.mode is not None
    assert (sample.mode.number, sample.mode.name) == (7, "")
    assert "not in /etc/nvpmodel.conf" in gaps(sample)["name of the power mode"]
    assert sample.cpu is not None
    assert [core.is_online for core in sample.cpu.cores] == [True] * 4 + [False] * 4
    assert sample.cpu.cores[0].clock_mhz == 1187.0
    assert sample.gpu is not None
    assert (sample.gpu.name, sample.gpu.limit_mhz) == ("gv11b", 675.75)
    assert sample.power is not None
    assert {rail.name: rail.power_w for rail in sample.power.rails} == {
        "GPU": 0.0,
        "CPU": pytest.approx(0.459648),
    }
    assert sample.power.is_sum
    (fan,) = sample.fans
    assert fan.duty_ratio == 0.0


def test_an_agx_orin_with_domains_that_are_off(tmp_path: Path) -> None:
    sample = read_board(build_board("agx_orin_r36", tmp_path))

    assert temperatures(sample)["tj-thermal"] == 47.5
    assert "cv0-thermal" not in temperatures(sample)
    assert gaps(sample)["cv0-thermal"] == "powered off"
    (tj,) = (each for each in sample.temperatures if each.name == "tj-thermal")
    assert (tj.passive_c, tj.hot_c, tj.critical_c) == (95.0, 99.0, 104.5)
    assert tj.limit_c == 95.0
    assert sample.gpu is not None
    assert (sample.gpu.name, sample.gpu.clock_mhz) == ("gpu", 306.0)
    assert sample.power is not None
    assert {rail.name: rail.power_w for rail in sample.power.rails} == {
        "VDD_GPU_SOC": pytest.approx(3.36224),
        "VDD_CPU_CV": pytest.approx(0.48032),
        "VIN_SYS_5V0": pytest.approx(4.86864),
        "VDDQ_VDD2_1V8AO": pytest.approx(0.39744),
    }
    (fan,) = sample.fans
    assert fan.duty_ratio == pytest.approx(69 / 255)


def test_an_orin_nano_whose_gpu_has_no_devfreq_class(tmp_path: Path) -> None:
    sample = read_board(build_board("orin_nano_super_r36.4.3", tmp_path))

    assert sample.board is not None
    assert (sample.board.jetson_linux, sample.board.jetpack) == ("36.4.3", "6.2")
    assert temperatures(sample)["cpu-thermal"] == 49.468
    assert sample.gpu is not None
    assert (sample.gpu.clock_mhz, sample.gpu.limit_mhz) == (306.0, 918.0)
    assert sample.power is not None
    assert sample.power.total_w == pytest.approx(4.7616)
    assert sample.emc is not None
    assert sample.emc.cap_mhz == 3199.0
    assert sample.cpu is not None
    assert sample.cpu.cores[0].limit_mhz == 1344.0


def test_a_thor_has_its_fan_in_two_places_and_no_load(tmp_path: Path) -> None:
    sample = read_board(build_board("thor_r38", tmp_path))

    assert sample.board is not None
    assert (sample.board.chip, sample.board.jetpack) == ("tegra264", "7.0")
    assert temperatures(sample)["tj-thermal"] == 66.625
    assert sample.gpu is not None
    assert (sample.gpu.load_ratio, sample.gpu.clock_mhz) == (None, 1574.0)
    assert "GPU load" in gaps(sample)
    (fan,) = sample.fans
    assert fan.speed_rpm == 2100
    assert sample.power is not None
    assert (sample.power.total_w, sample.power.is_sum) == (36.0, False)
    assert sample.mode is not None
    assert sample.mode.name == "120W"


@pytest.mark.parametrize("name", [each.stem for each in BOARDS.glob("*.manifest")])
def test_hwmon_numbers_mean_nothing(name: str, tmp_path: Path) -> None:
    text = (BOARDS / f"{name}.manifest").read_text()
    root = build_board(name, tmp_path / "as_recorded")
    moved = tmp_path / "moved"
    before = read_board(root)

    for number in range(9, -1, -1):
        text = text.replace(f"/hwmon{number}", f"/hwmon{number + 7}")
    (tmp_path / "moved.manifest").write_text(text)
    after = read_board(build_board(str(tmp_path / "moved"), moved))

    assert (after.power, after.temperatures) == (before.power, before.temperatures)
    assert [each.duty_ratio for each in after.fans] == [
        each.duty_ratio for each in before.fans
    ]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("NV Power Mode: MAXP_CORE_ARM\n3\n", (3, "MAXP_CORE_ARM")),
        ("NVPM WARN: fan mode is not set!\nNV Power Mode: MAXN\n0\n", (0, "MAXN")),
        (
            "NVPM VERB: parsing done\nNV Fan Mode:quiet\n"
            "NVPM VERB: Current mode: NV Power Mode: MODE_15W_6CORE\n2\n",
            (2, "MODE_15W_6CORE"),
        ),
        ("Failed to open /var/lib/nvpmodel/conf_file_path\n", None),
    ],
)
def test_what_nvpmodel_says_is_read(
    said: str, expected: tuple[int, str] | None
) -> None:
    mode = mode_of_query(said)

    assert (mode and (mode.number, mode.name)) == expected


@pytest.mark.parametrize(
    ("names", "fastest"),
    [
        (("MAXN", "MAXQ", "MAXP_CORE_ALL", "MAXP_CORE_ARM"), "MAXN"),
        (("15W", "25W", "MAXN_SUPER", "7W"), "MAXN_SUPER"),
        (("MODE_15W_6CORE", "MODE_20W_2CORE", "MODE_20W_6CORE"), "MODE_20W_6CORE"),
        (("MAXN", "MAXN_SUPER"), "MAXN_SUPER"),
        ((), None),
    ],
)
def test_the_fastest_mode_is_found_by_name(
    names: tuple[str, ...], fastest: str | None
) -> None:
    found = fastest_mode(tuple(enumerate(names)))

    assert (found and found[1]) == fastest
