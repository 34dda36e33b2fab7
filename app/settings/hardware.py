"""What the operator sets about the machine."""

from __future__ import annotations

from app.hardware.alarms import AlarmLimits
from app.settings.section import Look, Section, setting

_MB_PER_GB = 1024.0
_LIMITS = AlarmLimits()


class HardwareOptions(Section):
    """How the machine is watched, and what is kept free of it."""

    reading_period_s: float = setting(
        1.0,
        "Read the sensors every",
        "Larger takes less of the processor, reaches further back in the graphs, and"
        " sees changes later.",
        Look(unit="s", decimals=1),
        ge=0.5,
        le=10,
    )
    near_limit_c: float = setting(
        _LIMITS.near_limit_c,
        "Warn before a limit",
        "Degrees below the temperature at which clocks are lowered. Larger warns"
        " earlier.",
        Look(unit="°C", decimals=0),
        ge=1,
        le=40,
    )
    memory_reserve_gb: float | None = setting(
        None,
        "Keep memory free",
        "Engines and conversions that would leave less are refused, and less is an"
        " alarm. Larger is safer, and refuses more.",
        Look(unit="GB", automatic="8 % of it, 0.25 to 1 GB"),
        ge=0.05,
        le=1024,
    )
    full_disk_gb: float | None = setting(
        None,
        "Warn of a full disk",
        "From this much free space down. Larger warns earlier.",
        Look(unit="GB", automatic="2 GB, or 3 % of the disk"),
        ge=0.05,
        le=10_000,
    )
    runs_remedies: bool = setting(
        True,
        "Offer to run remedies",
        "Power mode, clocks and fan are set by commands of root, each run only when"
        " agreed to, and taken back at the end. Off shows the commands to copy.",
    )

    @property
    def memory_reserve_mb(self) -> float | None:
        """What is kept free; None leaves it to the console."""
        reserve_gb = self.memory_reserve_gb
        return None if reserve_gb is None else reserve_gb * _MB_PER_GB

    def alarm_limits(self) -> AlarmLimits:
        """From where on something is wrong."""
        full_gb = self.full_disk_gb
        return AlarmLimits(
            near_limit_c=self.near_limit_c,
            memory_reserve_mb=self.memory_reserve_mb,
            full_disk_mb=None if full_gb is None else full_gb * _MB_PER_GB,
        )
