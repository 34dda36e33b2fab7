"""Frames of a Video4Linux camera, from buffers that the driver shares with us."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from app.errors import SourceError, SourceFormatError, SourceLostError
from app.sources.live import CaptureSpec, Sample, said_of_exposure
from app.sources.pixels import PIXEL_FORMATS, PixelLayout, decode, has_colour
from app.sources.v4l2 import structs
from app.sources.v4l2.controls import apply_controls, read_control
from app.sources.v4l2.device import driver_errors, open_node
from app.sources.v4l2.query import (
    VideoMode,
    camera_key,
    list_modes,
    rate_of,
    refuse_other_than_camera,
)

if TYPE_CHECKING:
    import mmap
    from collections.abc import Callable, Mapping, Sequence

    from app.sources.v4l2.device import Device

# Room for a reader that is late; what the kernel allows is 32 buffers.
_ROOM_S = 0.066
_LEAST_BUFFERS, _MOST_BUFFERS = 8, 32
_MOST_DAMAGED = 10
_EXPOSURE_PERIOD_S = 1.0
_EXPOSURE_UNIT_S = 1e-4
_LARGEST_PX = 1920 * 1080


@dataclass(frozen=True, slots=True)
class V4l2Request:
    """What is asked of a camera; None takes the best it has."""

    path: str
    pixels: str | None = None
    size_px: tuple[int, int] | None = None
    rate_hz: float | None = None
    is_colour: bool = False


class V4l2Capture:
    """Obeys `Capture`.

    Parameters
    ----------
    request : V4l2Request
    saved_controls : callable, optional
        Gives values of controls by their names, for the key of a camera; they are set
        before the first frame. Those that the camera has not, or that another control
        rules, are left out.
    open_device : callable, optional
        Opens the node; tests give a fake.
    """

    def __init__(
        self,
        request: V4l2Request,
        saved_controls: Callable[[str], Mapping[str, int]] | None = None,
        open_device: Callable[[str], Device] | None = None,
    ) -> None:
        self._request = request
        self._saved_controls = saved_controls
        self._open_device = open_device or open_node
        self._device: Device | None = None
        self._buffers: list[mmap.mmap] = []
        self._layout = PixelLayout("GREY", 0, 0)
        self._is_monotonic = True
        self._is_colour = False
        self._damaged = 0
        self._rate_hz = 0.0
        self._has_exposure = False
        self._exposure_due_s = 0.0
        self._exposure_warning = ""

    def open(self) -> CaptureSpec:
        """Open the node, choose a mode, and let it stream; as `Capture` says."""
        self.close()
        path = self._request.path
        with driver_errors(path, "opening it"):
            self._device = device = self._open_device(path)
        try:
            return self._set_up(device)
        except SourceError:
            self.close()
            raise

    def read(self, timeout_s: float) -> Sample | None:
        """Give the next picture, as `Capture` says."""
        device = self._device
        if device is None:
            raise SourceError(f"{self._request.path} is not open")
        if not device.wait(timeout_s):
            return None
        buffer = _buffer()
        with driver_errors(self._request.path, "capturing"):
            try:
                device.ioctl(structs.DEQUEUE_BUFFER, buffer)
            except OSError as error:
                if error.errno in (errno.EAGAIN, errno.EINTR):
                    return None
                raise
        sample = self._sample(buffer)
        with driver_errors(self._request.path, "capturing"):
            device.ioctl(structs.QUEUE_BUFFER, _buffer(buffer.index))
        return sample

    def close(self) -> None:
        """Stop the stream and close the node."""
        device, self._device = self._device, None
        if device is None:
            return
        # One that was unplugged refuses all of it.
        with contextlib.suppress(OSError):
            device.ioctl(structs.STREAM_OFF, ctypes.c_int(structs.CAPTURE))
        for buffer in self._buffers:
            buffer.close()
        self._buffers = []
        device.close()

    def warnings(self) -> tuple[str, ...]:
        """Whether the exposure is too long for the rate; asked once a second."""
        now_s = time.monotonic()
        if self._has_exposure and now_s >= self._exposure_due_s:
            self._exposure_due_s = now_s + _EXPOSURE_PERIOD_S
            self._exposure_warning = self._judge_exposure()
        return (self._exposure_warning,) if self._exposure_warning else ()

    # --- setting it up

    def _set_up(self, device: Device) -> CaptureSpec:
        request, path = self._request, self._request.path
        with driver_errors(path, "telling who it is"):
            who = structs.Capability()
            device.ioctl(structs.QUERY_CAPABILITY, who)
        refuse_other_than_camera(path, who)
        with driver_errors(path, "listing its formats"):
            mode = choose_mode(list(list_modes(device)), request)
        self._set_format(device, mode)
        self._rate_hz = self._set_rate(device, request.rate_hz or mode.fastest_hz)
        with driver_errors(path, "setting its controls"):
            self._set_controls(device, who)
        with driver_errors(path, "streaming"):
            self._start(device)
        self._damaged = 0
        return CaptureSpec(
            title=who.card.decode("utf-8", "replace") or path,
            width_px=self._layout.width_px,
            height_px=self._layout.height_px,
            frame_rate_hz=self._rate_hz,
            is_colour=self._is_colour,
            asked_rate_hz=request.rate_hz,
            pixels=self._layout.pixels,
        )

    def _set_format(self, device: Device, mode: VideoMode) -> None:
        path = self._request.path
        wanted = structs.Format(type=structs.CAPTURE)
        layout = wanted.of.layout
        layout.width, layout.height = mode.width_px, mode.height_px
        layout.pixel_format = structs.fourcc_code(mode.pixels)
        layout.field = structs.FIELD_NONE
        with driver_errors(path, f"{mode.pixels} at {mode.size}"):
            device.ioctl(structs.SET_FORMAT, wanted)
        given = structs.fourcc_text(layout.pixel_format)
        if given != mode.pixels or (layout.width, layout.height) != (
            mode.width_px,
            mode.height_px,
        ):
            raise SourceFormatError(
                f"{path} was asked for {mode.pixels} at {mode.size} and gives"
                f" {given} at {layout.width}x{layout.height}",
                hint="Ask for what it gives, with format= and size=.",
            )
        stride = 0 if mode.pixels in ("MJPG", "JPEG") else int(layout.bytes_per_line)
        self._layout = PixelLayout(mode.pixels, mode.width_px, mode.height_px, stride)
        self._is_colour = self._request.is_colour and has_colour(mode.pixels)

    def _set_rate(self, device: Device, rate_hz: float) -> float:
        """Ask for a rate; gives the one that the driver grants."""
        asked = structs.StreamParameters(type=structs.CAPTURE)
        with driver_errors(self._request.path, "telling its rate"):
            try:
                device.ioctl(structs.GET_PARAMETERS, asked)
            except OSError as error:
                if error.errno in (errno.ENOTTY, errno.EINVAL):
                    return rate_hz
                raise
            capture = asked.of.capture
            if rate_hz and capture.capability & structs.CAP_TIME_PER_FRAME:
                capture.time_per_frame.numerator = 1000
                capture.time_per_frame.denominator = round(1000 * rate_hz)
                device.ioctl(structs.SET_PARAMETERS, asked)
        return rate_of(capture.time_per_frame) or rate_hz or 30.0

    def _set_controls(self, device: Device, who: structs.Capability) -> None:
        if self._saved_controls is not None:
            apply_controls(device, self._saved_controls(camera_key(who)))
        try:
            read_control(device, structs.EXPOSURE_ABSOLUTE)
        except OSError:
            self._has_exposure = False
        else:
            self._has_exposure = True

    def _start(self, device: Device) -> None:
        wanted = math.ceil(_ROOM_S * self._rate_hz)
        request = structs.BufferRequest(
            count=max(_LEAST_BUFFERS, min(wanted, _MOST_BUFFERS)),
            type=structs.CAPTURE,
            memory=structs.MEMORY_MMAP,
        )
        device.ioctl(structs.REQUEST_BUFFERS, request)
        for index in range(request.count):
            buffer = _buffer(index)
            device.ioctl(structs.QUERY_BUFFER, buffer)
            self._buffers.append(device.map(buffer.length, buffer.of.offset))
            device.ioctl(structs.QUEUE_BUFFER, _buffer(index))
        device.ioctl(structs.STREAM_ON, ctypes.c_int(structs.CAPTURE))

    # --- while it streams

    def _sample(self, buffer: structs.Buffer) -> Sample | None:
        image = None
        if not buffer.flags & structs.BUFFER_ERROR:
            memory = self._buffers[buffer.index]
            data = np.frombuffer(memory, np.uint8, min(buffer.bytes_used, len(memory)))
            image = decode(data, self._layout, is_colour=self._is_colour)
            # A map with a view of it cannot be closed.
            del data
        if image is None:
            self._damaged += 1
            if self._damaged >= _MOST_DAMAGED:
                raise SourceLostError(
                    f"{self._request.path} gave {self._damaged} damaged frames"
                    " in a row",
                    hint="Its format was changed by another program, or its cable or"
                    " hub is too slow.",
                )
            return None
        self._damaged = 0
        return Sample(int(buffer.sequence), _time_of(buffer), image)

    def _judge_exposure(self) -> str:
        assert self._device is not None
        try:
            ticks = read_control(self._device, structs.EXPOSURE_ABSOLUTE)
        except OSError:
            # Unplugged: reading frames tells.
            return ""
        return said_of_exposure(ticks * _EXPOSURE_UNIT_S, self._rate_hz)


def choose_mode(modes: Sequence[VideoMode], request: V4l2Request) -> VideoMode:
    """The mode that fits best what is asked.

    What is given is kept to. Of what is left: the rate that was asked for, or the
    fastest; then the largest picture up to 1920x1080; then the pixels that cost least.

    Raises
    ------
    SourceFormatError
        If the camera has no such mode, naming those it has.
    """
    path = request.path
    known = [mode for mode in modes if mode.pixels in PIXEL_FORMATS]
    if not known:
        names = ", ".join(sorted({mode.pixels for mode in modes})) or "none"
        raise SourceFormatError(
            f"{path} offers no pixels that Peregrine reads, only {names}",
            hint=f"It reads {', '.join(PIXEL_FORMATS)}.",
        )
    if request.pixels is not None:
        formats = sorted({mode.pixels for mode in known})
        known = [mode for mode in known if mode.pixels == request.pixels]
        if not known:
            raise SourceFormatError(
                f"{path} does not offer {request.pixels}",
                hint=f"It offers {', '.join(formats)}.",
            )
    if request.size_px is not None:
        sizes = sorted({(mode.width_px, mode.height_px) for mode in known})
        known = [m for m in known if (m.width_px, m.height_px) == request.size_px]
        if not known:
            width, height = request.size_px
            named = ", ".join(f"{w}x{h}" for w, h in sizes)
            raise SourceFormatError(
                f"{path} does not offer {width}x{height}", hint=f"It offers {named}."
            )

    def merit(mode: VideoMode) -> tuple[float, ...]:
        area = mode.width_px * mode.height_px
        colour_lost = request.is_colour and not has_colour(mode.pixels)
        fitting = area if area <= _LARGEST_PX else -area
        kind = PIXEL_FORMATS[mode.pixels]
        return (
            _rate_merit(mode, request.rate_hz),
            not colour_lost,
            fitting,
            -kind.cost,
        )

    return max(known, key=merit)


def _rate_merit(mode: VideoMode, asked_hz: float | None) -> float:
    if asked_hz is None:
        return mode.fastest_hz
    if mode.has_any_rate:
        return -max(0.0, asked_hz - mode.fastest_hz)
    return -min((abs(rate - asked_hz) for rate in mode.rates_hz), default=asked_hz)


def _buffer(index: int = 0) -> structs.Buffer:
    return structs.Buffer(index=index, type=structs.CAPTURE, memory=structs.MEMORY_MMAP)


def _time_of(buffer: structs.Buffer) -> int:
    """When the frame was taken, on the monotonic clock."""
    if buffer.flags & structs.CLOCK_MASK != structs.CLOCK_MONOTONIC:
        return time.monotonic_ns()
    stamp = buffer.timestamp
    return int(stamp.seconds) * 1_000_000_000 + int(stamp.microseconds) * 1000
