"""What is read of a machine, frozen; None is what could not be read."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from typing import Any


@dataclass(frozen=True, slots=True)
class Gap:
    """Something that could not be read."""

    what: str
    reason: str


@dataclass(frozen=True, slots=True)
class Board:
    """Which machine it is."""

    name: str
    chip: str = ""
    """As the device tree names it, `tegra186` for instance."""
    jetson_linux: str | None = None
    """Release of NVIDIA's Linux for Jetson."""
    jetpack: str | None = None

    @property
    def is_jetson(self) -> bool:
        """Whether it has a chip of NVIDIA's Tegra family."""
        return self.chip.startswith("tegra")


@dataclass(frozen=True, slots=True)
class Temperature:
    """One sensor with the limits that the system itself gives it."""

    name: str
    now_c: float
    passive_c: float | None = None
    """Clocks are lowered from here on."""
    hot_c: float | None = None
    critical_c: float | None = None
    """The machine is switched off here."""

    @property
    def limit_c(self) -> float | None:
        """The first limit that changes something."""
        known = [
            limit
            for limit in (self.passive_c, self.hot_c, self.critical_c)
            if limit is not None
        ]
        return min(known) if known else None


@dataclass(frozen=True, slots=True)
class Core:
    """One core of the processor."""

    number: int
    kind: str = ""
    """`Cortex-A57` for instance; empty where the machine does not say."""
    is_online: bool = True
    load_ratio: float | None = None
    clock_mhz: float | None = None
    limit_mhz: float | None = None
    """What it may rise to now: a power mode or heat lowers it."""
    top_mhz: float | None = None
    """What the core can do."""


@dataclass(frozen=True, slots=True)
class Cpu:
    """The processor."""

    cores: tuple[Core, ...]
    load_ratio: float | None = None
    """Of all cores that are online."""
    own_load_ratio: float | None = None
    """The same, by this program and the processes it started."""


@dataclass(frozen=True, slots=True)
class Gpu:
    """A graphics processor."""

    name: str
    load_ratio: float | None = None
    clock_mhz: float | None = None
    floor_mhz: float | None = None
    """Pinned clocks have it at the limit."""
    limit_mhz: float | None = None
    memory_used_mb: float | None = None
    memory_total_mb: float | None = None
    """Of its own; a Jetson's GPU has none and shares the RAM."""


@dataclass(frozen=True, slots=True)
class Memory:
    """Main memory."""

    total_mb: float
    available_mb: float
    swap_total_mb: float = 0.0
    swap_used_mb: float = 0.0
    gpu_held_mb: float | None = None
    """What GPU and multimedia hold of it, on a Jetson."""

    @property
    def used_mb(self) -> float:
        """What programs cannot get any more."""
        return self.total_mb - self.available_mb


@dataclass(frozen=True, slots=True)
class Rail:
    """One supply."""

    name: str
    power_w: float


@dataclass(frozen=True, slots=True)
class Power:
    """What the machine takes."""

    rails: tuple[Rail, ...]
    total_w: float
    is_sum: bool = True
    """Whether the total was added up, for want of a rail that feeds all."""


@dataclass(frozen=True, slots=True)
class Fan:
    """One fan."""

    name: str
    duty_ratio: float | None = None
    speed_rpm: float | None = None
    control_path: str = ""
    """The file that sets it, 0 to 255; empty where there is none."""

    @property
    def is_off(self) -> bool:
        """Whether it stands still, as far as is known."""
        if self.speed_rpm is not None and self.speed_rpm > 0:
            return False
        return self.duty_ratio == 0 or (self.duty_ratio is None and self.speed_rpm == 0)


@dataclass(frozen=True, slots=True)
class PowerMode:
    """What `nvpmodel` is set to."""

    number: int
    name: str
    """Empty where the board's table could not be read."""
    known: tuple[tuple[int, str], ...] = ()
    """Number and name of every mode of the board."""


@dataclass(frozen=True, slots=True)
class Throttle:
    """Something that lowers the clocks now."""

    what: str
    is_thermal: bool = True


@dataclass(frozen=True, slots=True)
class Emc:
    """The memory controller of a Jetson."""

    clock_mhz: float | None = None
    cap_mhz: float | None = None


@dataclass(frozen=True, slots=True)
class Disk:
    """Where recordings and logs go."""

    folder: str
    total_mb: float
    free_mb: float


@dataclass(frozen=True, slots=True)
class HardwareSample:
    """Everything at one time; what no reader gave is empty."""

    time_s: float = 0.0
    """Monotonic, the clock of the frames."""
    board: Board | None = None
    mode: PowerMode | None = None
    temperatures: tuple[Temperature, ...] = ()
    cpu: Cpu | None = None
    gpu: Gpu | None = None
    emc: Emc | None = None
    memory: Memory | None = None
    power: Power | None = None
    fans: tuple[Fan, ...] = ()
    throttles: tuple[Throttle, ...] = ()
    disk: Disk | None = None
    gaps: tuple[Gap, ...] = ()

    def merged(self, other: HardwareSample) -> HardwareSample:
        """Join what two readers gave; the first wins where both gave one."""
        changes: dict[str, Any] = {}
        for field in fields(self):
            mine, theirs = getattr(self, field.name), getattr(other, field.name)
            if isinstance(mine, tuple):
                changes[field.name] = mine + theirs
            elif mine is None:
                changes[field.name] = theirs
        if self.gpu is not None and other.gpu is not None:
            changes["gpu"] = _filled(self.gpu, other.gpu)
        if self.power is not None and other.power is not None:
            rails = self.power.rails + other.power.rails
            total_w = self.power.total_w + other.power.total_w
            changes["power"] = Power(rails, total_w, is_sum=True)
        return replace(self, **changes)

    def to_document(self) -> dict[str, Any]:
        """Write it as JSON values."""
        return asdict(self)


def _filled(first: Gpu, second: Gpu) -> Gpu:
    missing = {
        field.name: getattr(second, field.name)
        for field in fields(first)
        if getattr(first, field.name) is None
    }
    return replace(first, **missing)
