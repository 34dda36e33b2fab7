"""Which cameras there are, and which formats, sizes and rates each of them offers."""

from __future__ import annotations

import errno
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from app.errors import SourceError, SourceFormatError
from app.sources.v4l2 import structs
from app.sources.v4l2.device import driver_errors, open_node

if TYPE_CHECKING:
    import ctypes
    from collections.abc import Callable, Iterator

    from app.sources.v4l2.device import Device

_DEVICES = Path("/sys/class/video4linux")
_MOST_ENTRIES = 256
# Offered where a driver takes any size within bounds.
_COMMON_SIZES = (
    (320, 240),
    (640, 480),
    (800, 600),
    (1280, 720),
    (1280, 1024),
    (1920, 1080),
    (3840, 2160),
)


@dataclass(frozen=True, slots=True)
class VideoMode:
    """One pixel format at one size, with the rates it comes at."""

    pixels: str
    """Four letters, as MJPG."""
    width_px: int
    height_px: int
    rates_hz: tuple[float, ...]
    """Fastest first; empty where the driver does not tell."""
    has_any_rate: bool = False
    """Whether every rate up to the first of `rates_hz` can be had."""

    @property
    def fastest_hz(self) -> float:
        """The highest rate; 0 where the driver does not tell."""
        return self.rates_hz[0] if self.rates_hz else 0.0

    @property
    def size(self) -> str:
        """As in a URI."""
        return f"{self.width_px}x{self.height_px}"


@dataclass(frozen=True, slots=True)
class CameraDescription:
    """A camera and what it offers."""

    path: str
    """Of its node; the whole URI of one that runs and has none."""
    title: str
    driver: str
    bus: str
    """Where it is plugged in."""
    modes: tuple[VideoMode, ...] = ()
    problem: str = ""
    """Why it cannot be asked, with what to do."""

    @property
    def key(self) -> str:
        """The same for the same camera in the same socket, whatever its number."""
        return _key(self.title, self.bus)

    @property
    def uri(self) -> str:
        """Opens it as it is."""
        return self.path if self.is_only_running else f"v4l2://{self.path}"

    @property
    def is_only_running(self) -> bool:
        """Whether it has no node, and can be asked only while it runs."""
        return "://" in self.path


def list_cameras(
    open_device: Callable[[str], Device] = open_node, folder: Path = _DEVICES
) -> tuple[CameraDescription, ...]:
    """Ask every camera of this machine; those that refuse tell why.

    A node that gives no pictures, as the second one of most USB cameras, is left out.
    """
    numbers = sorted(
        int(each.name.removeprefix("video"))
        for each in folder.glob("video*")
        if each.name.removeprefix("video").isdecimal()
    )
    found = []
    for number in numbers:
        path = f"/dev/video{number}"
        try:
            described = describe_camera(path, open_device)
        except SourceError as error:
            title = _name_of(folder / f"video{number}" / "name")
            problem = f"{error.message}. {error.hint}"
            described = CameraDescription(path, title, "", "", problem=problem)
        if described is not None:
            found.append(described)
    return tuple(found)


def describe_camera(
    path: str, open_device: Callable[[str], Device] = open_node
) -> CameraDescription | None:
    """Ask one camera; None if the node gives no pictures.

    Raises
    ------
    SourceError
        If it cannot be opened.
    """
    with driver_errors(path, "opening it"):
        device = open_device(path)
    try:
        with driver_errors(path, "telling what it offers"):
            who = structs.Capability()
            device.ioctl(structs.QUERY_CAPABILITY, who)
            if not capabilities_of(who) & structs.CAP_CAPTURE:
                return None
            return CameraDescription(
                path=path,
                title=_text(who.card),
                driver=_text(who.driver),
                bus=_text(who.bus_info),
                modes=tuple(list_modes(device)),
            )
    finally:
        device.close()


def camera_key(who: structs.Capability) -> str:
    """As `CameraDescription.key`."""
    return _key(_text(who.card), _text(who.bus_info))


def capabilities_of(who: structs.Capability) -> int:
    """What this node can do; the device as a whole may do more."""
    has_own = who.capabilities & structs.CAP_DEVICE_CAPS
    return int(who.device_caps if has_own else who.capabilities)


def refuse_other_than_camera(path: str, who: structs.Capability) -> None:
    """Refuse a node that gives no pictures.

    Raises
    ------
    SourceFormatError
        Saying what it is instead.
    """
    can = capabilities_of(who)
    if can & structs.CAP_CAPTURE and can & structs.CAP_STREAMING:
        return
    if can & structs.CAP_CAPTURE_MPLANE:
        raise SourceFormatError(
            f"{path} gives pictures in several planes of memory only",
            hint=f"Open it as gst://v4l2src device={path}.",
        )
    raise SourceFormatError(
        f"{path} ({_text(who.card)}) gives no pictures",
        hint="Most cameras have two nodes: try the one with the lower number.",
    )


def list_modes(device: Device) -> Iterator[VideoMode]:
    """All modes of an open device; raises `OSError`."""
    formats = structs.FormatDescription(type=structs.CAPTURE)
    for _ in _entries(device, structs.ENUMERATE_FORMATS, formats):
        code = int(formats.pixel_format)
        for width_px, height_px in list(_sizes(device, code)):
            rates, has_any = _rates(device, code, width_px, height_px)
            pixels = structs.fourcc_text(code)
            yield VideoMode(pixels, width_px, height_px, rates, has_any)


def _sizes(device: Device, code: int) -> Iterator[tuple[int, int]]:
    entry = structs.SizeEntry(pixel_format=code)
    for _ in _entries(device, structs.ENUMERATE_SIZES, entry):
        values = tuple(entry.values)
        if entry.type == structs.DISCRETE:
            yield values[0], values[1]
            continue
        low_w, high_w, step_w, low_h, high_h, step_h = values
        for width, height in {*_COMMON_SIZES, (high_w, high_h)}:
            is_inside = low_w <= width <= high_w and low_h <= height <= high_h
            is_on_step = not (
                (width - low_w) % max(1, step_w) or (height - low_h) % max(1, step_h)
            )
            if is_inside and is_on_step:
                yield width, height
        return


def _rates(
    device: Device, code: int, width_px: int, height_px: int
) -> tuple[tuple[float, ...], bool]:
    entry = structs.IntervalEntry(pixel_format=code, width=width_px, height=height_px)
    rates = []
    for _ in _entries(device, structs.ENUMERATE_INTERVALS, entry):
        rates.append(rate_of(entry.values[0]))
        if entry.type != structs.DISCRETE:
            return (rates[0],), True
    return tuple(sorted({rate for rate in rates if rate}, reverse=True)), False


def rate_of(interval: structs.Fraction) -> float:
    """Frames per second; 0 where the driver does not tell."""
    if not interval.numerator:
        return 0.0
    return round(float(interval.denominator / interval.numerator), 6)


def _entries(
    device: Device,
    request: int,
    entry: structs.FormatDescription | structs.SizeEntry | structs.IntervalEntry,
) -> Iterator[ctypes.Structure]:
    """Fill the entry with one after another of a list."""
    for index in range(_MOST_ENTRIES):
        entry.index = index
        try:
            device.ioctl(request, entry)
        except OSError as error:
            # EINVAL is the end of a list; ENOTTY: the driver has no such list.
            if error.errno in (errno.EINVAL, errno.ENOTTY):
                return
            raise
        yield entry


def _key(title: str, bus: str) -> str:
    return f"{title} at {bus}"


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace").strip()


def _name_of(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return "camera"
