"""The list of sessions, read and put in order beside the window."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import av
import cv2
import numpy as np
from av.error import FFmpegError

from app.recording.library import list_sessions, recover_sessions
from app.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from app.recording.library import SessionEntry
    from app.recording.manifest import SessionManifest

THUMBNAIL_PX = (120, 68)
_JOIN_S = 5.0


@dataclass(frozen=True, slots=True)
class ShelfStatus:
    """One snapshot of the list."""

    entries: tuple[SessionEntry, ...] = ()
    """Newest first."""
    thumbnails: Mapping[Path, NDArray[np.uint8]] = field(default_factory=dict)
    """BGR pictures by the session's folder; come one after the other."""
    recovered: tuple[str, ...] = ()
    """Names of the sessions that were put in order."""
    is_listed: bool = False
    is_done: bool = False
    fault: Exception | None = None


class SessionShelf:
    """Lists the sessions of a folder, recovers unfinished ones, makes thumbnails.

    Parameters
    ----------
    folder : Path
    known : mapping of Path to ndarray, optional
        Thumbnails made before.
    """

    def __init__(
        self, folder: Path, known: Mapping[Path, NDArray[np.uint8]] | None = None
    ) -> None:
        self._folder = folder
        self._status_lock = threading.Lock()
        self._status = ShelfStatus(thumbnails=dict(known or {}))
        self._worker = Worker("sessions", self._run, self._on_end)

    def start(self) -> None:
        """Begin."""
        self._worker.start()

    def request_stop(self) -> None:
        """Ask the thread to stop; does not wait."""
        self._worker.request_stop()

    def stop(self) -> None:
        """Stop, and wait.

        Raises
        ------
        WorkerStuckError
            If a disk does not answer.
        """
        self.request_stop()
        self._worker.join(_JOIN_S)

    def status(self) -> ShelfStatus:
        """One snapshot."""
        with self._status_lock:
            return self._status

    def _run(self, stop: threading.Event) -> None:
        self._change(entries=tuple(list_sessions(self._folder)), is_listed=True)
        recovered = tuple(each.name for each in recover_sessions(self._folder))
        if recovered:
            entries = tuple(list_sessions(self._folder))
            self._change(entries=entries, recovered=recovered)
        for entry in self._status.entries:
            if stop.is_set():
                return
            known = self._status.thumbnails
            if entry.folder in known or entry.is_recording:
                continue
            picture = thumbnail_of(entry.folder, entry.manifest)
            if picture is not None:
                self._change(thumbnails={**known, entry.folder: picture})
        self._change(is_done=True)

    def _change(self, **changes: object) -> None:
        with self._status_lock:
            self._status = replace(self._status, **changes)  # type: ignore[arg-type]

    def _on_end(self, error: Exception | None) -> None:
        self._change(is_listed=True, is_done=True, fault=error)


def thumbnail_of(folder: Path, manifest: SessionManifest) -> NDArray[np.uint8] | None:
    """A small BGR picture from the middle of a session; None where there is none."""
    if not manifest.segments:
        return None
    path = folder / manifest.segments[len(manifest.segments) // 2]
    try:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            stream.codec_context.thread_count = 1
            container.seek((container.duration or 0) // 2)
            frame = next(container.decode(stream))
            image = np.asarray(frame.to_ndarray(format="bgr24"), np.uint8)
    except (FFmpegError, OSError, IndexError, StopIteration):
        return None
    return _fitted(image)


def _fitted(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Shrink a picture and put it on a dark ground of the thumbnail's shape."""
    width, height = THUMBNAIL_PX
    scale = min(width / image.shape[1], height / image.shape[0])
    size = max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    canvas = np.zeros((height, width, 3), np.uint8)
    top, left = (height - size[1]) // 2, (width - size[0]) // 2
    canvas[top : top + size[1], left : left + size[0]] = small
    return canvas
