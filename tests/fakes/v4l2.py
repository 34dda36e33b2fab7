"""A camera that answers as a recorded driver did, and fails as it is told.

What a camera is and offers comes from `tests/data/v4l2/*.json`, recorded by
`tools/check_v4l2.py --record` from a real driver. Streaming is played here: frames are
due at the rate that was asked for, numbered and stamped as a driver does it.
"""

from __future__ import annotations

import ctypes
import errno
import json
import mmap
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from app.sources.v4l2 import structs

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from app.sources.v4l2.device import Argument

VIVID = Path(__file__).resolve().parent.parent / "data" / "v4l2" / "vivid.json"
_PAGE = mmap.PAGESIZE


def moving_square(index: int, width: int, height: int) -> NDArray[np.uint8]:
    """Grey picture with a bright square that moves right."""
    image = np.full((height, width), 60, np.uint8)
    left = (index * 4) % (width - 12)
    image[height // 2 - 6 : height // 2 + 6, left : left + 12] = 220
    return image


@dataclass
class FakeCamera:
    """One camera; `open_device` gives a node of it, as `open_node` does.

    Every fault can be set while it streams, from another thread.
    """

    recording: Path = VIVID
    picture: Callable[[int, int, int], NDArray[np.uint8]] = moving_square
    slowdown: float = 1.0
    """What it delivers is slower than it says by this factor."""
    exposure_ticks: int | None = None
    """In 100 us; None: it has no such control."""
    is_plugged: bool = True
    is_denied: bool = False
    is_busy: bool = False
    is_stalled: bool = False
    is_garbage: bool = False
    """Frames are cut short, as where a cable is bad."""
    has_foreign_format: bool = False
    """Another program changed its format: frames have another size."""
    lost: set[int] = field(default_factory=set)
    """Sequence numbers that the driver drops."""
    opened: int = 0
    controls: dict[int, int] = field(default_factory=dict)
    """What was set, by number."""
    delivered: int = 0

    def __post_init__(self) -> None:
        stored = json.loads(self.recording.read_text())
        self.answers = {
            (request, bytes.fromhex(asked)): (error, bytes.fromhex(answer))
            for request, asked, error, answer in stored["answers"]  # zeros cut off
        }
        self.owner: FakeNode | None = None
        self.lock = threading.Lock()

    def open_device(self, path: str) -> FakeNode:
        if not self.is_plugged:
            raise OSError(errno.ENOENT, "No such file or directory", path)
        if self.is_denied:
            raise OSError(errno.EACCES, "Permission denied", path)
        self.opened += 1
        return FakeNode(self)


class FakeNode:
    """Obeys `Device`."""

    def __init__(self, camera: FakeCamera) -> None:
        self._camera = camera
        self._format = structs.PixelLayout()
        self._period_s = 1 / 30
        self._memory: list[mmap.mmap] = []
        self._queued: list[int] = []
        self._started_s: float | None = None
        self._next = 0

    def ioctl(self, request: int, argument: Argument) -> None:
        if not self._camera.is_plugged:
            raise OSError(errno.ENODEV, "No such device")
        play = {
            structs.SET_FORMAT: self._set_format,
            structs.GET_PARAMETERS: self._get_parameters,
            structs.SET_PARAMETERS: self._set_parameters,
            structs.REQUEST_BUFFERS: self._request_buffers,
            structs.QUERY_BUFFER: self._query_buffer,
            structs.QUEUE_BUFFER: self._queue,
            structs.DEQUEUE_BUFFER: self._dequeue,
            structs.STREAM_ON: self._stream_on,
            structs.STREAM_OFF: self._stream_off,
            structs.GET_CONTROL: self._get_control,
            structs.SET_CONTROL: self._set_control,
            structs.GET_WIDE_CONTROLS: self._get_wide_control,
            structs.SET_WIDE_CONTROLS: self._set_wide_control,
        }.get(request)
        if play is not None:
            play(argument)
            return
        known = self._camera.answers.get((request, _cut(argument)))
        if known is None:
            raise OSError(errno.EINVAL, "Invalid argument")
        error, answer = known
        _fill(argument, answer)
        if error:
            raise OSError(error, "as recorded")

    def map(self, length: int, offset: int) -> mmap.mmap:
        assert length == len(self._memory[offset // _PAGE])
        return self._memory[offset // _PAGE]

    def wait(self, timeout_s: float) -> bool:
        deadline_s = time.monotonic() + timeout_s
        while True:
            if not self._camera.is_plugged:
                return True
            if self._started_s is not None and self._is_due():
                return True
            left_s = deadline_s - time.monotonic()
            if left_s <= 0:
                return False
            time.sleep(min(left_s, 0.001))

    def close(self) -> None:
        self._release()

    # --- what a driver plays

    def _release(self) -> None:
        with self._camera.lock:
            if self._camera.owner is self:
                self._camera.owner = None
        self._started_s = None

    def _is_due(self) -> bool:
        assert self._started_s is not None
        if self._camera.is_stalled:
            # It goes on where it was: nothing was taken meanwhile.
            self._started_s = time.monotonic() - self._next * self._period()
            return False
        return time.monotonic() >= self._due_s(self._next)

    def _period(self) -> float:
        return self._period_s * self._camera.slowdown

    def _due_s(self, sequence: int) -> float:
        assert self._started_s is not None
        return self._started_s + sequence * self._period()

    def _set_format(self, asked: structs.Format) -> None:
        camera = self._camera
        with camera.lock:
            if camera.is_busy or camera.owner not in (None, self):
                raise OSError(errno.EBUSY, "Device or resource busy")
            camera.owner = self
        layout = asked.of.layout
        pixels = structs.fourcc_text(layout.pixel_format)
        depth = {"GREY": 1, "YUYV": 2, "MJPG": 2}[pixels]
        layout.bytes_per_line = layout.width * depth
        layout.size_bytes = layout.bytes_per_line * layout.height
        self._format = structs.PixelLayout.from_buffer_copy(bytes(layout))

    def _get_parameters(self, answer: structs.StreamParameters) -> None:
        capture = answer.of.capture
        capture.capability = structs.CAP_TIME_PER_FRAME
        capture.time_per_frame.numerator = 1
        capture.time_per_frame.denominator = round(1 / self._period_s)

    def _set_parameters(self, asked: structs.StreamParameters) -> None:
        interval = asked.of.capture.time_per_frame
        self._period_s = interval.numerator / interval.denominator

    def _request_buffers(self, request: structs.BufferRequest) -> None:
        length = max(1, self._format.size_bytes)
        self._memory = [mmap.mmap(-1, length) for _ in range(request.count)]

    def _query_buffer(self, buffer: structs.Buffer) -> None:
        buffer.length = len(self._memory[buffer.index])
        buffer.of.offset = buffer.index * _PAGE

    def _queue(self, buffer: structs.Buffer) -> None:
        self._queued.append(buffer.index)

    def _stream_on(self, _: ctypes.c_int) -> None:
        self._started_s = time.monotonic()
        self._next = 0

    def _stream_off(self, _: ctypes.c_int) -> None:
        self._release()

    def _dequeue(self, buffer: structs.Buffer) -> None:
        if self._started_s is None or not self._is_due():
            raise OSError(errno.EAGAIN, "Resource temporarily unavailable")
        camera = self._camera
        late = int((time.monotonic() - self._due_s(self._next)) / self._period())
        if late >= len(self._memory):
            # The driver had no buffer for those: they are gone.
            self._next += late - len(self._memory) + 1
        while self._next in camera.lost:
            self._next += 1
        sequence, self._next = self._next, self._next + 1
        buffer.index = self._queued.pop(0)
        data = self._data(sequence)
        self._memory[buffer.index][: len(data)] = data
        buffer.bytes_used = len(data)
        buffer.sequence = sequence
        buffer.flags = structs.CLOCK_MONOTONIC
        taken_s = self._due_s(sequence)
        buffer.timestamp.seconds = int(taken_s)
        buffer.timestamp.microseconds = int(taken_s % 1 * 1e6)
        camera.delivered += 1

    def _data(self, sequence: int) -> bytes:
        width, height = self._format.width, self._format.height
        if self._camera.has_foreign_format:
            width, height = width // 2, height // 2
        image = self._camera.picture(sequence, width, height)
        pixels = structs.fourcc_text(self._format.pixel_format)
        if pixels == "YUYV":
            pair = np.stack([image, np.full_like(image, 128)], axis=2)
            data = pair.tobytes()
        elif pixels == "MJPG":
            data = cv2.imencode(".jpg", image)[1].tobytes()
        else:
            data = image.tobytes()
        return data[: len(data) // 3] if self._camera.is_garbage else data

    def _get_control(self, control: structs.ControlValue) -> None:
        camera = self._camera
        if control.id == structs.EXPOSURE_ABSOLUTE:
            if camera.exposure_ticks is None:
                raise OSError(errno.EINVAL, "Invalid argument")
            control.value = camera.exposure_ticks
            return
        if control.id in camera.controls:
            control.value = camera.controls[control.id]
            return
        asked = (structs.GET_CONTROL, _cut(structs.ControlValue(id=control.id)))
        error, answer = camera.answers.get(asked, (errno.EINVAL, b""))
        if error:
            raise OSError(error, "as recorded")
        _fill(control, answer)

    def _set_control(self, control: structs.ControlValue) -> None:
        self._camera.controls[control.id] = control.value

    def _get_wide_control(self, controls: structs.WideValues) -> None:
        wide = controls.controls[0]
        wide.of.wide = self._camera.controls.get(wide.id, 0)

    def _set_wide_control(self, controls: structs.WideValues) -> None:
        wide = controls.controls[0]
        self._camera.controls[wide.id] = wide.of.wide


def _cut(argument: Argument) -> bytes:
    return bytes(argument).rstrip(b"\0")


def _fill(argument: Argument, answer: bytes) -> None:
    size = ctypes.sizeof(argument)
    ctypes.memmove(ctypes.addressof(argument), answer.ljust(size, b"\0"), size)
