"""Readers one by one, on trees that change between two reads."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from app.hardware.board import find_board
from app.hardware.catalogue import readers_of
from app.hardware.cpu import CpuReader, numbers_of
from app.hardware.disk import DiskReader
from app.hardware.nvml import NvmlReader
from app.hardware.power import RaplReader
from app.hardware.readings import Gpu, HardwareSample, Power, Rail
from app.hardware.thermal import HwmonTemperatureReader, ThermalReader
from app.hardware.throttling import ThrottleReader
from app.hardware.tree import Tree, UnreadableError
from tests.fakes.boards import build_board, write


def stat(*busy_and_idle: tuple[int, int]) -> str:
    rows = [
        f"cpu{number} {busy} 0 0 {idle} 0 0 0 0"
        for number, (busy, idle) in enumerate(busy_and_idle)
    ]
    busy, idle = (sum(column) for column in zip(*busy_and_idle, strict=True))
    return "\n".join([f"cpu {busy} 0 0 {idle} 0 0 0 0", *rows, "intr 1"])


def test_load_is_that_since_the_read_before(tmp_path: Path) -> None:
    write(tmp_path, "/proc/stat", stat((100, 900), (500, 500)))
    write(tmp_path, "/sys/devices/system/cpu/present", "0-1")
    reader = CpuReader(Tree(tmp_path))

    write(tmp_path, "/proc/stat", stat((150, 950), (600, 500)))
    cpu = reader.read().cpu

    assert cpu is not None
    assert [core.load_ratio for core in cpu.cores] == [0.5, 1.0]
    assert cpu.load_ratio == 0.75


def test_the_load_of_children_is_one_s_own(tmp_path: Path) -> None:
    def process(number: int, ticks: int, children: str) -> None:
        words = " ".join(["0"] * 11)
        text = f"{number} (a b) {words} {ticks} 0 0"
        write(tmp_path, f"/proc/{number}/stat", text)
        write(tmp_path, f"/proc/{number}/task/{number}/children", children)

    write(tmp_path, "/sys/devices/system/cpu/present", "0")
    process(10, 0, "11")
    process(11, 0, "12")
    process(12, 0, "")
    reader = CpuReader(Tree(tmp_path), own_process=10)

    process(12, 10**6, "")
    cpu = reader.read().cpu

    assert cpu is not None
    assert cpu.own_load_ratio == 1.0


@pytest.mark.parametrize(
    ("listed", "numbers"), [("0", [0]), ("0,3-5", [0, 3, 4, 5]), ("0-1", [0, 1])]
)
def test_lists_of_the_kernel_are_read(listed: str, numbers: list[int]) -> None:
    assert numbers_of(listed) == numbers


def test_an_active_cooler_is_throttling_and_a_fan_is_not(tmp_path: Path) -> None:
    for number, (kind, state) in enumerate(
        [("cpu-balanced", 2), ("pwm-fan", 3), ("gpu-balanced", 0)]
    ):
        folder = f"/sys/class/thermal/cooling_device{number}"
        write(tmp_path, f"{folder}/type", kind)
        write(tmp_path, f"{folder}/cur_state", str(state))

    (found,) = ThrottleReader(Tree(tmp_path)).read().throttles

    assert "cpu-balanced" in found.what


def test_a_counter_of_throttling_tells_when_it_rises(tmp_path: Path) -> None:
    core = "/sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count"
    current = "/sys/class/hwmon/hwmon2/oc1_event_cnt"
    write(tmp_path, core, "7")
    write(tmp_path, current, "0")
    reader = ThrottleReader(Tree(tmp_path))
    before = reader.read().throttles

    write(tmp_path, current, "1")
    (after,) = reader.read().throttles

    assert before == ()
    assert not after.is_thermal
    assert "current" in after.what


def test_sensors_of_a_desktop_have_their_limits(tmp_path: Path) -> None:
    folder = "/sys/class/hwmon/hwmon5"
    write(tmp_path, f"{folder}/name", "coretemp")
    write(tmp_path, f"{folder}/temp1_label", "Package id 0")
    write(tmp_path, f"{folder}/temp1_input", "61000")
    # Where the fans should run at full speed, which a busy processor reaches.
    write(tmp_path, f"{folder}/temp1_max", "84000")
    write(tmp_path, f"{folder}/temp1_crit", "100000")
    write(tmp_path, f"{folder}/temp2_input", "40000")
    write(tmp_path, f"{folder}/temp2_crit", "-40000")

    first, second = HwmonTemperatureReader(Tree(tmp_path)).read().temperatures

    assert (first.name, first.now_c) == ("coretemp Package id 0", 61.0)
    assert (first.hot_c, first.critical_c) == (None, 100.0)
    assert second.limit_c is None


def test_several_disks_are_told_apart_by_their_devices(tmp_path: Path) -> None:
    for number, disk, milli_c in ((2, "nvme0", 41000), (7, "nvme1", 66000)):
        folder = f"/sys/class/hwmon/hwmon{number}"
        write(tmp_path, f"/sys/class/nvme/{disk}/model", "a disk")
        write(tmp_path, f"{folder}/name", "nvme")
        write(tmp_path, f"{folder}/temp1_label", "Composite")
        write(tmp_path, f"{folder}/temp1_input", str(milli_c))
        write(tmp_path, f"{folder}/temp1_max", "81850")
        write(tmp_path, f"{folder}/temp1_crit", "84850")
        there = Path("../../nvme") / disk
        (tmp_path / folder.lstrip("/") / "device").symlink_to(there)

    found = HwmonTemperatureReader(Tree(tmp_path)).read().temperatures

    assert [(each.name, each.now_c, each.limit_c) for each in found] == [
        ("nvme Composite (nvme0)", 41.0, 81.85),
        ("nvme Composite (nvme1)", 66.0, 81.85),
    ]


def orin_zone(root: Path, milli_c: int) -> None:
    """A zone as boards of JetPack 6 have it, with the coolers of each trip."""
    coolers = ("hot-surface-alert", "cpufreq-cpu0", "cpu-throttle-alert")
    zone = "/sys/class/thermal/thermal_zone0"
    write(root, f"{zone}/type", "cpu-thermal")
    write(root, f"{zone}/temp", str(milli_c))
    trips = (("passive", 99000), ("critical", 104500), ("passive", 70000))
    for number, (kind, limit_milli_c) in enumerate(trips):
        write(root, f"{zone}/trip_point_{number}_type", kind)
        write(root, f"{zone}/trip_point_{number}_temp", str(limit_milli_c))
    for number, (cooler, trip) in enumerate(zip(coolers, (2, 0, 0), strict=True)):
        folder = f"/sys/class/thermal/cooling_device{number}"
        is_active = milli_c >= trips[trip][1]
        write(root, f"{folder}/type", cooler)
        write(root, f"{folder}/cur_state", str(int(is_active)))
        write(root, f"{zone}/cdev{number}_trip_point", str(trip))
        link = root / zone.lstrip("/") / f"cdev{number}"
        if not link.exists():
            link.symlink_to(f"../cooling_device{number}")


def test_a_hot_surface_is_told_and_throttles_nothing(tmp_path: Path) -> None:
    orin_zone(tmp_path, 75_000)
    (warm,) = ThermalReader(Tree(tmp_path)).read().temperatures
    calm = ThrottleReader(Tree(tmp_path)).read().throttles

    orin_zone(tmp_path, 99_500)
    throttled = ThrottleReader(Tree(tmp_path)).read().throttles

    assert (warm.passive_c, warm.critical_c) == (99.0, 104.5)
    assert calm == ()
    assert [each.what for each in throttled] == [
        "cooling device cpufreq-cpu0 is active",
        "cooling device cpu-throttle-alert is active",
    ]


def test_energy_becomes_power(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = [10.0]
    clock = SimpleNamespace(monotonic=lambda: now_s[0])
    monkeypatch.setattr("app.hardware.power.time", clock)
    zone = "/sys/class/powercap/intel-rapl:0"
    write(tmp_path, f"{zone}/name", "package-0")
    write(tmp_path, f"{zone}/energy_uj", "1000000")
    reader = RaplReader(Tree(tmp_path))

    write(tmp_path, f"{zone}/energy_uj", "31000000")
    now_s[0] = 12.0
    power = reader.read().power

    assert power == Power((Rail("package-0", 15.0),), 15.0)


def test_an_energy_counter_that_began_again_gives_nothing(tmp_path: Path) -> None:
    zone = "/sys/class/powercap/intel-rapl:0"
    write(tmp_path, f"{zone}/name", "package-0")
    write(tmp_path, f"{zone}/energy_uj", "31000000")
    reader = RaplReader(Tree(tmp_path))

    write(tmp_path, f"{zone}/energy_uj", "5")

    assert reader.read().power is None


def test_disk_space_is_that_of_the_nearest_folder(tmp_path: Path) -> None:
    disk = DiskReader(lambda: tmp_path / "not" / "there").read().disk

    assert disk is not None
    assert 0 < disk.free_mb <= disk.total_mb


def test_disk_space_is_that_of_the_folder_that_is_set_now(tmp_path: Path) -> None:
    folders = [tmp_path / "first", Path("/proc")]
    reader = DiskReader(lambda: folders.pop(0))

    first, second = reader.read().disk, reader.read()

    assert first is not None
    assert first.folder == str(tmp_path / "first")
    # No disk is behind it, and none of its space is free.
    assert second.disk is not None
    assert (second.disk.folder, second.disk.free_mb) == ("/proc", 0.0)


def test_a_file_that_is_no_number_is_told_with_its_text(tmp_path: Path) -> None:
    write(tmp_path, "/sys/x", "many")

    with pytest.raises(UnreadableError, match="'many' is no number"):
        Tree(tmp_path).number("/sys/x")


def test_a_folder_in_a_file_s_place_is_unreadable(tmp_path: Path) -> None:
    (tmp_path / "sys").mkdir()

    with pytest.raises(UnreadableError, match="directory"):
        Tree(tmp_path).text("/sys")


class _NvmlError(Exception):
    pass


def _refuse(*_: object) -> None:
    raise _NvmlError("Not Supported")


def nvml(**answers: Any) -> Any:
    """A library that answers what is given and refuses the rest."""
    names = [
        "nvmlDeviceGetName",
        "nvmlDeviceGetUtilizationRates",
        "nvmlDeviceGetMemoryInfo",
        "nvmlDeviceGetClockInfo",
        "nvmlDeviceGetMaxClockInfo",
        "nvmlDeviceGetTemperature",
        "nvmlDeviceGetTemperatureThreshold",
        "nvmlDeviceGetPowerUsage",
        "nvmlDeviceGetCurrentClocksThrottleReasons",
    ]
    calls = dict.fromkeys(names, _refuse)
    for name, answer in answers.items():
        calls[name] = lambda *_, answer=answer: answer
    return SimpleNamespace(
        NVMLError=_NvmlError,
        nvmlInit=lambda: None,
        nvmlDeviceGetHandleByIndex=lambda _: object(),
        **calls,
    )


def test_each_question_to_nvml_is_refused_on_its_own() -> None:
    library = nvml(
        nvmlDeviceGetName="Thor",
        nvmlDeviceGetUtilizationRates=SimpleNamespace(gpu=87),
    )

    sample = NvmlReader(lambda: library).read()

    assert sample.gpu == Gpu("Thor", load_ratio=0.87)
    assert sample.temperatures == ()
    assert {gap.what for gap in sample.gaps} >= {"GPU memory", "GPU temperature"}


def test_what_nvml_knows_is_told() -> None:
    library = nvml(
        nvmlDeviceGetName=b"RTX",
        nvmlDeviceGetUtilizationRates=SimpleNamespace(gpu=50),
        nvmlDeviceGetMemoryInfo=SimpleNamespace(used=2 * 2**30, total=8 * 2**30),
        nvmlDeviceGetClockInfo=900,
        nvmlDeviceGetMaxClockInfo=1800,
        nvmlDeviceGetTemperature=84,
        nvmlDeviceGetTemperatureThreshold=92,
        nvmlDeviceGetPowerUsage=150_000,
        nvmlDeviceGetCurrentClocksThrottleReasons=0x40 | 0x04,
    )

    sample = NvmlReader(lambda: library).read()

    assert sample.gaps == ()
    assert sample.gpu == Gpu("RTX", 0.5, 900, None, 1800, 2048.0, 8192.0)
    assert sample.temperatures[0].passive_c == 92.0
    assert sample.power == Power((Rail("GPU board", 150.0),), 150.0)
    assert [each.is_thermal for each in sample.throttles] == [True, False]


def test_a_machine_without_the_library_says_so() -> None:
    def missing() -> Any:
        raise ImportError

    (gap,) = NvmlReader(missing).read().gaps

    assert "not installed" in gap.reason


def test_two_sources_of_one_gpu_are_joined() -> None:
    files = HardwareSample(gpu=Gpu("gpu", None, 1574.0))
    library = HardwareSample(gpu=Gpu("Thor", 0.87))

    assert files.merged(library).gpu == Gpu("gpu", 0.87, 1574.0)


def test_this_machine_is_read_with_the_same_readers() -> None:
    sample = HardwareSample()
    for maker in readers_of(Tree(), own_process=os.getpid()):
        sample = sample.merged(maker().read())

    assert sample.memory is not None
    assert 0 < sample.memory.available_mb < sample.memory.total_mb
    assert sample.cpu is not None
    assert len(sample.cpu.cores) >= len(os.sched_getaffinity(0))
    assert sample.board is not None
    assert not sample.board.is_jetson


def test_a_recorded_error_is_met_through_a_link_too(tmp_path: Path) -> None:
    root = build_board("agx_orin_r36", tmp_path)

    with pytest.raises(UnreadableError, match="temporarily"):
        Tree(root).text("/sys/class/thermal/thermal_zone2/temp")


def test_a_tree_without_a_device_tree_is_no_jetson(tmp_path: Path) -> None:
    write(tmp_path, "/sys/class/dmi/id/sys_vendor", "ACME")
    write(tmp_path, "/sys/class/dmi/id/product_name", "Desk 3")

    board = find_board(Tree(tmp_path))

    assert (board.name, board.is_jetson) == ("ACME Desk 3", False)
