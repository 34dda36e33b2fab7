"""A camera whose pictures lie in memory: it costs a copy a frame, as a driver does."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from app.frames import Frame
from app.sources.base import SourceSpec
from app.sources.pacing import sleep_until
from engines.scene import Scene, SceneSettings

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Played forwards and backwards, so that nothing ever jumps.
_PICTURES = 180
# Of the eight that a driver buffers; frames that wait longer are lost.
_MOST_LATE_FRAMES = 7
_COLOURS = (0.8, 1.0, 0.9)


@dataclass
class MemoryCamera:
    """Obeys `FrameSource`; gives rendered pictures of the synthetic scene, live.

    They are rendered when it is opened, with the sensor's noise: what they cost then
    is no part of what is measured.
    """

    width_px: int
    height_px: int
    is_colour: bool
    rate_hz: float = 120.0
    _pictures: list[NDArray[np.uint8]] = field(default_factory=list)
    _index: int = 0
    _epoch_ns: int | None = None

    def open(self) -> SourceSpec:
        """Render the pictures."""
        scene = Scene(
            SceneSettings(
                width_px=self.width_px,
                height_px=self.height_px,
                frame_rate_hz=self.rate_hz,
                seed=5,
            )
        )
        random = np.random.default_rng(1)
        for index in range(_PICTURES):
            picture = scene.render(index)
            if self.is_colour:
                channels = picture[..., None] * np.array(_COLOURS, np.float32)
                channels += random.normal(0, 2, channels.shape).astype(np.float32)
                picture = np.clip(channels, 0, 255).astype(np.uint8)
            self._pictures.append(picture)
        return SourceSpec(
            uri="memory://",
            title="pictures in memory",
            width_px=self.width_px,
            height_px=self.height_px,
            frame_rate_hz=self.rate_hz,
            frame_count=None,
            is_live=True,
            is_colour=self.is_colour,
        )

    def read(self, timeout_s: float) -> Frame | None:
        """Give the next frame at its time; one that is read too late is lost."""
        now_ns = time.monotonic_ns()
        if self._epoch_ns is None:
            self._epoch_ns = now_ns
        newest = int((now_ns - self._epoch_ns) * 1e-9 * self.rate_hz)
        if newest - self._index > _MOST_LATE_FRAMES:
            self._index = newest
        timestamp_ns = round(self._index * 1e9 / self.rate_hz)
        if not sleep_until(self._epoch_ns + timestamp_ns, timeout_s):
            return None
        phase = self._index % (2 * _PICTURES)
        at = phase if phase < _PICTURES else 2 * _PICTURES - 1 - phase
        image = self._pictures[at].copy()
        image.setflags(write=False)
        frame = Frame(self._index, timestamp_ns, time.monotonic_ns(), image)
        self._index += 1
        return frame

    def close(self) -> None:
        """Drop the pictures."""
        self._pictures.clear()
