from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from app.hardware.alarms import (
    AlarmKind,
    AlarmLimits,
    clocks_remedy,
    find_alarms,
    hottest,
)
from app.hardware.readings import (
    Cpu,
    Disk,
    Fan,
    HardwareSample,
    Memory,
    PowerMode,
    Temperature,
    Throttle,
)
from tests.fakes.boards import build_board, read_board, write

if TYPE_CHECKING:
    from pathlib import Path

FAN = Fan("fan", 0.0, 0.0, "/sys/devices/pwm-fan/target_pwm")
WELL = HardwareSample(
    temperatures=(
        Temperature("CPU", 50.0, 95.0, None, 101.0),
        Temperature("board", 60.0),
    ),
    cpu=Cpu((), 0.2),
    memory=Memory(8000.0, 4000.0),
    fans=(replace(FAN, duty_ratio=0.4),),
    disk=Disk("/data", 100_000.0, 50_000.0),
)


def kinds(
    sample: HardwareSample, before: frozenset[AlarmKind] = frozenset()
) -> set[AlarmKind]:
    return {each.kind for each in find_alarms(sample, before)}


def heated(now_c: float) -> HardwareSample:
    return replace(WELL, temperatures=(Temperature("CPU", now_c, 95.0, None, 101.0),))


def test_a_machine_that_is_well_raises_no_alarm() -> None:
    assert find_alarms(WELL) == ()


def test_nothing_known_raises_no_alarm() -> None:
    assert find_alarms(HardwareSample()) == ()


@pytest.mark.parametrize(
    ("now_c", "before", "kind"),
    [
        (89.9, frozenset(), None),
        (90.0, frozenset(), AlarmKind.NEAR_LIMIT),
        (88.0, frozenset([AlarmKind.NEAR_LIMIT]), AlarmKind.NEAR_LIMIT),
        (86.9, frozenset([AlarmKind.NEAR_LIMIT]), None),
        (95.0, frozenset(), AlarmKind.THROTTLING),
    ],
)
def test_a_limit_is_told_before_it_is_reached(
    now_c: float, before: frozenset[AlarmKind], kind: AlarmKind | None
) -> None:
    assert kinds(heated(now_c), before) == ({kind} if kind else set())


def test_the_last_limit_switches_the_machine_off() -> None:
    sample = replace(WELL, temperatures=(Temperature("T", 98.0, critical_c=101.0),))

    (alarm,) = find_alarms(sample)

    assert alarm.text == (
        "T has 98 °C. 3 °C more and the machine slows down or switches off."
    )


def test_the_sensor_nearest_to_its_own_limit_counts() -> None:
    disk = Temperature("nvme", 78.0, None, 80.0, 85.0)
    cpu = Temperature("CPU", 85.0, 95.0)

    assert hottest(HardwareSample(temperatures=(cpu, disk))) == disk


def test_throttling_by_current_asks_for_no_fan() -> None:
    sample = replace(WELL, throttles=(Throttle("too much current", is_thermal=False),))

    (alarm,) = find_alarms(sample)

    assert alarm.kind is AlarmKind.THROTTLING
    assert alarm.remedy is None
    assert "supply" in alarm.hint


def test_memory_below_the_reserve_is_told_with_what_the_gpu_holds() -> None:
    sample = replace(WELL, memory=Memory(8000.0, 500.0, gpu_held_mb=2100.0))

    (alarm,) = find_alarms(sample)

    assert alarm.text == (
        "500 MB of memory are left, less than the reserve of 640 MB;"
        " the GPU holds 2100 MB."
    )


@pytest.mark.parametrize(
    ("cpu_load", "fan", "is_raised"),
    [
        (0.9, FAN, True),
        (0.1, FAN, False),
        (0.9, replace(FAN, duty_ratio=0.3), False),
        (0.9, replace(FAN, speed_rpm=900.0), False),
        (0.9, Fan("CPU fan", speed_rpm=0.0), False),
    ],
)
def test_a_fan_that_is_off_under_load(
    cpu_load: float, fan: Fan, is_raised: bool
) -> None:
    cool = (Temperature("CPU", 40.0, 95.0),)
    sample = replace(WELL, cpu=Cpu((), cpu_load), fans=(fan,), temperatures=cool)

    assert kinds(sample) == ({AlarmKind.FAN} if is_raised else set())


def test_a_full_disk_is_told() -> None:
    sample = replace(WELL, disk=Disk("/data", 100_000.0, 1500.0))

    (alarm,) = find_alarms(sample)

    assert alarm.text == "1.5 GB are left where /data is."


def test_a_disk_is_full_before_a_recording_ends() -> None:
    sample = replace(WELL, disk=Disk("/data", 100_000.0, 11_264.0))

    (alarm,) = find_alarms(sample, limits=AlarmLimits(recording_ends_mb=10_240.0))

    assert alarm.text == (
        "11.0 GB are left where /data is; a recording ends at 10.0 GB."
    )
    assert find_alarms(sample) == ()


def test_the_limits_of_the_operator_are_heeded() -> None:
    sample = replace(
        WELL,
        disk=Disk("/data", 100_000.0, 9000.0),
        memory=Memory(8000.0, 1900.0),
        temperatures=(Temperature("CPU", 86.0, 95.0),),
    )
    limits = AlarmLimits(
        near_limit_c=10.0, memory_reserve_mb=2000.0, full_disk_mb=10_000.0
    )

    assert find_alarms(sample) == ()
    assert {each.kind for each in find_alarms(sample, limits=limits)} == {
        AlarmKind.NEAR_LIMIT,
        AlarmKind.MEMORY,
        AlarmKind.DISK,
    }


def test_a_slow_power_mode_is_told_with_the_exact_command() -> None:
    modes = ((0, "MAXN"), (3, "MAXP_CORE_ARM"))
    sample = replace(WELL, mode=PowerMode(3, "MAXP_CORE_ARM", modes))

    (alarm,) = find_alarms(sample)

    assert "sudo nvpmodel -m 0" in alarm.hint
    assert "sudo jetson_clocks" in alarm.hint
    assert alarm.remedy is not None
    assert alarm.remedy.restore == "nvpmodel -m 3"
    assert find_alarms(sample, is_running=False) == ()


def test_clocks_that_move_matter_where_a_feed_falls_behind(tmp_path: Path) -> None:
    changes = {"/var/lib/nvpmodel/status": "pmode:0000"}
    sample = read_board(build_board("tx2_r32_maxp_core_arm", tmp_path, changes))

    (alarm,) = find_alarms(sample, is_behind=True)

    assert alarm.kind is AlarmKind.CLOCKS
    assert alarm.hint == "Hold them at their limits: sudo jetson_clocks"
    assert alarm.remedy is not None
    assert alarm.remedy.purpose == "Pin the clocks"
    assert find_alarms(sample) == ()


def test_a_tx2_that_heats_up_raises_alarms_with_its_own_fan(tmp_path: Path) -> None:
    root = build_board("tx2_r32_maxp_core_arm", tmp_path)
    assert kinds(read_board(root)) == {AlarmKind.POWER_MODE}

    for zone in (0, 1):
        path = f"/sys/devices/virtual/thermal/thermal_zone{zone}/temp"
        write(root, path, "97500")
    alarms = {each.kind: each for each in find_alarms(read_board(root))}

    assert set(alarms) == {AlarmKind.NEAR_LIMIT, AlarmKind.FAN, AlarmKind.POWER_MODE}
    assert alarms[AlarmKind.NEAR_LIMIT].hint == (
        "Turn the fan on: sudo sh -c 'echo 0 > /sys/devices/pwm-fan/temp_control;"
        " echo 255 > /sys/devices/pwm-fan/target_pwm'"
    )


def test_clocks_that_move_can_be_pinned_on_a_jetson(tmp_path: Path) -> None:
    root = build_board("tx2_r32_maxp_core_arm", tmp_path)
    remedy = clocks_remedy(read_board(root))

    write(
        root,
        "/sys/devices/17000000.gp10b/devfreq/17000000.gp10b/min_freq",
        "1134750000",
    )

    assert remedy is not None
    assert "jetson_clocks --restore" in remedy.restore
    assert clocks_remedy(read_board(root)) is None


def test_a_sensor_past_its_limit_counts_beside_one_that_is_nearer_to_its_own() -> None:
    disk = Temperature("nvme", 89.0, None, 80.0, 85.0)
    cpu = Temperature("CPU", 96.0, 95.0)
    sample = HardwareSample(temperatures=(disk, cpu))

    (alarm,) = find_alarms(sample)

    assert alarm.kind is AlarmKind.THROTTLING
    assert "CPU has 96 °C, over its limit of 95 °C" in alarm.text


def test_a_disk_that_is_hot_lowers_no_clocks() -> None:
    sample = HardwareSample(temperatures=(Temperature("nvme", 79.0, None, 81.0),))

    (alarm,) = find_alarms(sample)

    assert alarm.text == (
        "nvme has 79 °C. 2 °C more and it is hotter than its maker allows for long."
    )
