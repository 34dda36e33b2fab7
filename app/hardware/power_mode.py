"""The power mode of a Jetson, by its name."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import TYPE_CHECKING

from app.hardware.readings import Gap, HardwareSample, PowerMode
from app.hardware.tree import UnreadableError

if TYPE_CHECKING:
    from app.hardware.tree import Tree

_STATUS = "/var/lib/nvpmodel/status"
_TABLE = "/etc/nvpmodel.conf"
_QUERY_S = 3.0


class PowerModeReader:
    """Reads what `nvpmodel` has noted; asks it where it has noted nothing.

    The numbers are in no order of speed and change between releases: names count.
    """

    name = "power mode"

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._known = _modes_in(tree.find_text(_TABLE))

    def read(self) -> HardwareSample:
        """Give the mode, with those the board has."""
        try:
            noted = self._tree.text(_STATUS)
        except UnreadableError as error:
            return self._asked(error.reason)
        found = re.search(r"pmode:(\d+)", noted)
        if not found:
            return self._asked(f"{noted[:30]!r} is no mode")
        number = int(found[1])
        name = dict(self._known).get(number, "")
        gaps = () if name else (Gap("name of the power mode", f"not in {_TABLE}"),)
        return HardwareSample(mode=PowerMode(number, name, self._known), gaps=gaps)

    def _asked(self, reason: str) -> HardwareSample:
        program = shutil.which("nvpmodel") if self._tree.is_live else None
        if program is None:
            gap = Gap("power mode", f"{_STATUS}: {reason}")
            return HardwareSample(gaps=(gap,))
        try:
            done = subprocess.run(
                [program, "-q"],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
                timeout=_QUERY_S,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return HardwareSample(gaps=(Gap("power mode", f"nvpmodel -q: {error}"),))
        mode = mode_of_query(done.stdout + done.stderr, self._known)
        if mode is None:
            said = (done.stdout + done.stderr).strip().splitlines()
            reason = said[-1] if said else f"status {done.returncode}"
            return HardwareSample(gaps=(Gap("power mode", f"nvpmodel -q: {reason}"),))
        return HardwareSample(mode=mode)


def mode_of_query(
    said: str, known: tuple[tuple[int, str], ...] = ()
) -> PowerMode | None:
    """Read what `nvpmodel -q` says; lines about other things may come first."""
    found = re.search(r"NV Power Mode:\s*(\S+)\s*\n\s*(\d+)", said)
    return PowerMode(int(found[2]), found[1], known) if found else None


def fastest_mode(known: tuple[tuple[int, str], ...]) -> tuple[int, str] | None:
    """Find the mode without limits: MAXN, or else the most watts, then cores."""
    if not known:
        return None

    def speed(mode: tuple[int, str]) -> tuple[int, int, int]:
        name = mode[1].upper()
        watts = re.search(r"(\d+)W", name)
        cores = re.search(r"(\d+)CORE", name)
        # MAXN_SUPER goes beyond MAXN.
        is_free = 1 + ("SUPER" in name) if "MAXN" in name else 0
        return is_free, int(watts[1]) if watts else 0, int(cores[1]) if cores else 0

    best = max(known, key=speed)
    return best if any(speed(best)) else None


def _modes_in(table: str) -> tuple[tuple[int, str], ...]:
    found = re.findall(r"<\s*POWER_MODEL\s+ID=(\d+)\s+NAME=(\S+)\s*>", table)
    return tuple((int(number), name) for number, name in found)
