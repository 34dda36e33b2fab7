"""Faults that befall a camera or a stream at random, while something tracks it."""

from __future__ import annotations

import random
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from app.sources.live import LiveOptions, LiveSource
from app.sources.v4l2.capture import V4l2Capture, V4l2Request
from tests.fakes.rtsp import RtspServer
from tests.fakes.v4l2 import FakeCamera

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from app.frames import FrameResult
    from app.handoff import Backlog

_SIZE = (640, 360)
_PATIENCE_S = 20.0


class Victim(Protocol):
    """What faults can be done to."""

    kinds: tuple[str, ...]

    def begin(self, kind: str) -> None: ...

    def end(self, kind: str) -> None: ...


class CameraVictim:
    """A fake V4L2 camera."""

    kinds = ("unplugged", "stalled", "garbage", "format changed", "frames dropped")

    def __init__(self, rate_hz: float = 120.0) -> None:
        self.camera = FakeCamera()
        self._request = V4l2Request("/dev/video0", "GREY", _SIZE, rate_hz)

    def source(self) -> LiveSource:
        capture = V4l2Capture(self._request, open_device=self.camera.open_device)
        return LiveSource("v4l2:///dev/video0", capture, LiveOptions(stall_s=0.5))

    def begin(self, kind: str) -> None:
        self._set(kind, True)

    def end(self, kind: str) -> None:
        self._set(kind, False)

    def _set(self, kind: str, is_on: bool) -> None:
        camera = self.camera
        if kind == "unplugged":
            camera.is_plugged = not is_on
        elif kind == "stalled":
            camera.is_stalled = is_on
        elif kind == "garbage":
            camera.is_garbage = is_on
        elif kind == "format changed":
            camera.has_foreign_format = is_on
        else:
            camera.lost = set(range(0, 10**6, 3)) if is_on else set()


class StreamVictim:
    """A fake RTSP server; a context manager."""

    kinds = (
        "server gone",
        "hung up",
        "stalled",
        "garbage",
        "size changed",
        "pictures left out",
    )

    def __init__(self, rate_hz: int = 120) -> None:
        self.server = RtspServer(_SIZE, rate_hz)

    def source(self) -> LiveSource:
        from app.sources.cameras import open_camera

        return open_camera(self.server.uri)

    def begin(self, kind: str) -> None:
        server = self.server
        if kind == "server gone":
            server.stop()
        elif kind == "hung up":
            server.hang_up()
        elif kind == "stalled":
            server.is_stalled = True
        elif kind == "garbage":
            server.is_garbage = True
        elif kind == "size changed":
            server.size = (320, 180)
        else:
            server.dropped = set(range(0, 10**6, 4)) - set(range(0, 10**6, 30))

    def end(self, kind: str) -> None:
        server = self.server
        if kind == "server gone":
            server.start()
        server.is_stalled = server.is_garbage = False
        server.size = _SIZE
        server.dropped = set()


@dataclass(frozen=True, slots=True)
class Event:
    """One fault, and how long tracking took to be back after it had ended."""

    kind: str
    lasted_s: float
    back_s: float


class Watch(Protocol):
    """Tells whether a source is tracked again."""

    def rest(self, seconds: float) -> None:
        """Let time pass."""
        ...

    def is_tracked_since(self, after_ns: int) -> bool:
        """Look for a short time whether a frame that came later has been tracked."""
        ...


class ResultsWatch:
    """Obeys `Watch`; looks at the results of a pipeline."""

    def __init__(self, results: Backlog[FrameResult]) -> None:
        self._results = results

    def rest(self, seconds: float) -> None:
        until_s = time.monotonic() + seconds
        while time.monotonic() < until_s:
            self._results.take(0.01)

    def is_tracked_since(self, after_ns: int) -> bool:
        result = self._results.take(0.05)
        return result is not None and result.frame.captured_ns > after_ns


def befall(
    victim: Victim, watch: Watch, count: int, seed: int, longest_s: float = 1.0
) -> Iterator[Event]:
    """Let faults befall a victim, one after another, each until it is tracked again.

    Raises
    ------
    AssertionError
        If tracking does not come back.
    """
    chance = random.Random(seed)
    order = [victim.kinds[number % len(victim.kinds)] for number in range(count)]
    chance.shuffle(order)
    _wait(watch, "start")
    for kind in order:
        lasted_s = chance.uniform(0.02, longest_s)
        victim.begin(kind)
        watch.rest(lasted_s)
        victim.end(kind)
        yield Event(kind, lasted_s, _wait(watch, kind))
        watch.rest(chance.uniform(0.05, 0.3))


def _wait(watch: Watch, what: str) -> float:
    """Seconds until a frame that comes from now on is tracked."""
    from_ns = time.monotonic_ns()
    while not watch.is_tracked_since(from_ns):
        waited_s = (time.monotonic_ns() - from_ns) * 1e-9
        assert waited_s < _PATIENCE_S, (
            f"not tracked again {waited_s:.0f} s after: {what}"
        )
    return (time.monotonic_ns() - from_ns) * 1e-9


class RemoteCamera:
    """A `CameraVictim` whose camera is in another process: a file tells it what to do.

    Parameters
    ----------
    path : Path
        Holds the name of the fault that befalls it now, or nothing.
    """

    kinds = CameraVictim.kinds

    def __init__(self, path: Path) -> None:
        self._path = path
        path.write_text("")

    def begin(self, kind: str) -> None:
        self._path.write_text(kind)

    def end(self, _kind: str) -> None:
        self._path.write_text("")


def remote_source(path: Path) -> LiveSource:
    """The source of a `RemoteCamera`, where the feed runs."""
    victim = CameraVictim()

    def heed() -> None:
        before = ""
        while True:
            now = path.read_text()
            if now != before:
                for kind, begins in ((before, False), (now, True)):
                    if kind:
                        (victim.begin if begins else victim.end)(kind)
                before = now
            time.sleep(0.003)

    threading.Thread(target=heed, daemon=True).start()
    return victim.source()


@contextmanager
def victim_of(kind: str) -> Iterator[CameraVictim | StreamVictim]:
    """A camera or a stream, ready to be opened."""
    if kind == "camera":
        yield CameraVictim()
        return
    stream = StreamVictim()
    with stream.server:
        yield stream
