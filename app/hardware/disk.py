"""Space where recordings go."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from app.hardware.readings import Disk, Gap, HardwareSample

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_MB = 1024.0**2


class DiskReader:
    """Reads how full the file system of a folder is.

    Parameters
    ----------
    find_folder : callable
        Gives the folder that counts now. It need not be there yet: the nearest that
        is counts.
    """

    name = "disk"

    def __init__(self, find_folder: Callable[[], Path]) -> None:
        self._find_folder = find_folder

    def read(self) -> HardwareSample:
        """Give total and free space."""
        asked = self._find_folder()
        folder = asked.absolute()
        while not folder.exists() and folder != folder.parent:
            folder = folder.parent
        try:
            usage = shutil.disk_usage(folder)
        except OSError as error:
            reason = error.strerror or "cannot be read"
            return HardwareSample(gaps=(Gap("disk", f"{folder}: {reason}"),))
        disk = Disk(str(asked), usage.total / _MB, usage.free / _MB)
        return HardwareSample(disk=disk)
