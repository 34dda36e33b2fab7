"""A small disk in a file that can be slowed and lose its power; needs root."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_LIMITS = (
    Path("/sys/fs/cgroup/blkio/blkio.throttle.write_bps_device"),
    Path("/sys/fs/cgroup/io.max"),
)


class LoopDisk:
    """An ext4 file system on a loop device.

    What the kernel has sent to the device, and only that, is in its image: a copy of
    the image is what a power cut leaves.

    Parameters
    ----------
    folder : Path
        Holds the image and the place where it is mounted.
    """

    def __init__(self, folder: Path, image: Path) -> None:
        self.image = image
        self.path = folder / f"{image.name}.mounted"
        self._device = ""

    def __enter__(self) -> LoopDisk:
        self.path.mkdir()
        self._device = _run("losetup", "--find", "--show", str(self.image)).strip()
        _run("mount", self._device, str(self.path))
        return self

    def __exit__(self, *_: object) -> None:
        _run("umount", str(self.path))
        _run("losetup", "--detach", self._device)
        self.path.rmdir()

    def copy_image(self, to: Path) -> None:
        """Copy what has reached the device; whoever writes to it should stand still."""
        _run("cp", "--sparse=always", str(self.image), str(to))

    @contextlib.contextmanager
    def slowed(self, bytes_per_s: int) -> Iterator[None]:
        """Write no faster than this."""
        name = Path(self._device).name
        numbers = Path(f"/sys/block/{name}/dev").read_text(encoding="ascii").strip()
        limit = next(each for each in _LIMITS if each.exists())
        is_old = limit is _LIMITS[0]
        limit.write_text(f"{numbers} {'' if is_old else 'wbps='}{bytes_per_s}")
        try:
            yield
        finally:
            limit.write_text(f"{numbers} {'0' if is_old else 'wbps=max'}")


def make_image(path: Path, megabytes: int) -> Path:
    """Make the image of an empty disk."""
    with path.open("wb") as file:
        file.truncate(megabytes * 1_000_000)
    # Nothing is left for the kernel to write in its own time: that would take the whole
    # of a slowed disk for a quarter of a minute.
    now = "lazy_itable_init=0,lazy_journal_init=0"
    _run("mkfs.ext4", "-q", "-F", "-E", now, str(path))
    return path


def is_possible() -> bool:
    """Whether this machine lets us."""
    if not all(shutil.which(each) for each in ("losetup", "mkfs.ext4", "mount")):
        return False
    return Path("/dev/loop-control").exists() and os.geteuid() == 0


def _run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
