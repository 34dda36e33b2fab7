"""A desktop's NVIDIA GPU, by the driver's own library."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from app.hardware.readings import (
    Gap,
    Gpu,
    HardwareSample,
    Power,
    Rail,
    Temperature,
    Throttle,
)

if TYPE_CHECKING:
    from collections.abc import Callable

_MB = 1024.0**2
_TEMPERATURE_GPU = 0
_CLOCK_GRAPHICS = 0
_THRESHOLD_SHUTDOWN, _THRESHOLD_SLOWDOWN = 0, 1
_THERMAL_REASONS = 0x20 | 0x40
_POWER_REASONS = 0x04 | 0x80


class NvmlReader:
    """Asks NVML about the first GPU; each question may be refused on its own.

    A Jetson's NVML answers few of them, and which ones changes between releases.

    Parameters
    ----------
    load_library : callable, optional
        Gives the module `pynvml`.
    """

    name = "NVML"

    def __init__(self, load_library: Callable[[], Any] | None = None) -> None:
        self._load_library = load_library or _import_library
        self._library: Any = None
        self._device: Any = None
        self._gaps: list[Gap] = []

    def read(self) -> HardwareSample:
        """Give load, clocks, memory, temperature, power and throttling."""
        self._gaps = []
        if self._device is None:
            obstacle = self._open()
            if obstacle:
                return HardwareSample(gaps=(Gap("NVML", obstacle),))
        name = self._ask("name", "nvmlDeviceGetName")
        name = name.decode() if isinstance(name, bytes) else str(name or "GPU")
        temperature = self._temperature()
        power_mw = self._ask("power", "nvmlDeviceGetPowerUsage")
        power = None
        if power_mw is not None:
            rail = Rail("GPU board", power_mw / 1e3)
            power = Power((rail,), rail.power_w)
        return HardwareSample(
            gpu=self._gpu(name),
            temperatures=(temperature,) if temperature else (),
            power=power,
            throttles=self._throttles(),
            gaps=tuple(self._gaps),
        )

    def _open(self) -> str:
        """Load the library; say why not where it cannot be used."""
        try:
            self._library = self._load_library()
        except ImportError:
            return "nvidia-ml-py is not installed"
        try:
            self._library.nvmlInit()
            self._device = self._library.nvmlDeviceGetHandleByIndex(0)
        except self._library.NVMLError as error:
            return str(error)
        return ""

    def _ask(self, what: str, function: str, *arguments: int) -> Any:  # noqa: ANN401  NVML has no types
        """Ask one thing; None, and a gap, where it is refused."""
        call = getattr(self._library, function, None)
        if call is None:
            self._gaps.append(Gap(f"GPU {what}", f"no {function} in nvidia-ml-py"))
            return None
        try:
            return call(self._device, *arguments)
        except self._library.NVMLError as error:
            self._gaps.append(Gap(f"GPU {what}", str(error)))
            return None

    def _gpu(self, name: str) -> Gpu:
        load = self._ask("load", "nvmlDeviceGetUtilizationRates")
        memory = self._ask("memory", "nvmlDeviceGetMemoryInfo")
        return Gpu(
            name=name,
            load_ratio=None if load is None else load.gpu / 100.0,
            clock_mhz=self._ask("clock", "nvmlDeviceGetClockInfo", _CLOCK_GRAPHICS),
            limit_mhz=self._ask(
                "clock limit", "nvmlDeviceGetMaxClockInfo", _CLOCK_GRAPHICS
            ),
            memory_used_mb=None if memory is None else memory.used / _MB,
            memory_total_mb=None if memory is None else memory.total / _MB,
        )

    def _temperature(self) -> Temperature | None:
        now_c = self._ask("temperature", "nvmlDeviceGetTemperature", _TEMPERATURE_GPU)
        if now_c is None:
            return None
        limits = [
            self._ask("limit", "nvmlDeviceGetTemperatureThreshold", which)
            for which in (_THRESHOLD_SLOWDOWN, _THRESHOLD_SHUTDOWN)
        ]
        slow_c, off_c = (float(each) if each else None for each in limits)
        return Temperature("GPU (NVML)", float(now_c), slow_c, critical_c=off_c)

    def _throttles(self) -> tuple[Throttle, ...]:
        reasons = self._ask("throttling", "nvmlDeviceGetCurrentClocksThrottleReasons")
        if not reasons:
            return ()
        found = []
        if reasons & _THERMAL_REASONS:
            found.append(Throttle("the GPU's driver lowers its clock by heat"))
        if reasons & _POWER_REASONS:
            words = "the GPU's driver lowers its clock by its power limit"
            found.append(Throttle(words, is_thermal=False))
        return tuple(found)


def _import_library() -> Any:  # noqa: ANN401  it has no types
    return importlib.import_module("pynvml")
