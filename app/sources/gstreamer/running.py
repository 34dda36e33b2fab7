"""Which cameras GStreamer reads in this process, for who asks for their controls.

A camera of Video4Linux is reached through its node by any program. The element that
reads another one is reached only where it runs, so what runs is noted here.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.sources.gstreamer.controls import ElementControls

_running_lock = threading.Lock()
_running: dict[str, RunningCamera] = {}


@dataclass(frozen=True, slots=True)
class RunningCamera:
    """A camera that is read now."""

    uri: str
    """What opened it."""
    title: str
    place: str
    """Which of its kind it is: the same whatever its options."""
    controls: ElementControls

    @property
    def key(self) -> str:
        """Under which its values are kept."""
        return f"{self.title} at {self.place}"


def note(camera: RunningCamera) -> None:
    """It runs from now on."""
    with _running_lock:
        _running[camera.uri] = camera


def forget(camera: RunningCamera) -> None:
    """It runs no more; another one that took its place stays."""
    with _running_lock:
        if _running.get(camera.uri) is camera:
            del _running[camera.uri]


def running_cameras() -> tuple[RunningCamera, ...]:
    """All of them."""
    with _running_lock:
        return tuple(_running.values())


def running_camera(uri: str) -> RunningCamera | None:
    """The one that a URI opened; None if it does not run."""
    with _running_lock:
        return _running.get(uri)
