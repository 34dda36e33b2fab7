"""A source made of a moving square, which fails and loses frames as it is told."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import numpy as np

from app.errors import ConsoleError, SourceLostError
from app.frames import Frame
from app.sources.base import EndOfSource, SourceSpec

if TYPE_CHECKING:
    from collections.abc import Collection

    from numpy.typing import NDArray

SQUARE_PX = 8
STEP_PX = 6
_DARK, _BRIGHT = 40, 220


class FakeSource:
    """Obeys `FrameSource`; every frame shows one bright square, moving right.

    Parameters
    ----------
    frame_count : int or None
        Length, with the frames that `gaps` leaves out. None never ends.
    size : tuple of int
        Width and height in pixels.
    rate_hz : float
        What the timestamps tell; `delay_s` alone decides how fast frames come.
    is_live : bool
        What the spec says of it.
    is_colour : bool
        Whether images are BGR (H, W, 3) or grey (H, W).
    lost_after : int, optional
        Reading fails with `SourceLostError` instead of giving this frame.
    gaps : collection of int
        Indices that are left out, as a driver loses them.
    delay_s : float
        How long a frame takes to come.
    refusal : ConsoleError, optional
        `open` raises it.
    """

    def __init__(
        self,
        frame_count: int | None = 3,
        *,
        size: tuple[int, int] = (64, 48),
        rate_hz: float = 120.0,
        is_live: bool = False,
        is_colour: bool = False,
        lost_after: int | None = None,
        gaps: Collection[int] = (),
        delay_s: float = 0.0,
        refusal: ConsoleError | None = None,
    ) -> None:
        self.opened = 0
        """How often it was opened."""
        self.closed = 0
        """How often it was closed."""
        self.threads: set[str] = set()
        """Names of the threads that called it."""
        self._frame_count = frame_count
        self._size = size
        self._rate_hz = rate_hz
        self._is_live = is_live
        self._is_colour = is_colour
        self._lost_after = lost_after
        self._gaps = frozenset(gaps)
        self._delay_s = delay_s
        self._refusal = refusal
        self._index = 0
        self._left_s = delay_s

    def open(self) -> SourceSpec:
        self._note_thread()
        self.opened += 1
        if self._refusal is not None:
            raise self._refusal
        width_px, height_px = self._size
        return SourceSpec(
            uri="fake://square",
            title="moving square",
            width_px=width_px,
            height_px=height_px,
            frame_rate_hz=self._rate_hz,
            frame_count=self._frame_count,
            is_live=self._is_live,
            is_colour=self._is_colour,
        )

    def read(self, timeout_s: float) -> Frame | None:
        self._note_thread()
        nap_s = min(self._left_s, timeout_s)
        time.sleep(nap_s)
        self._left_s -= nap_s
        if self._left_s > 0:
            return None
        self._left_s = self._delay_s
        while self._index in self._gaps:
            self._index += 1
        if self._lost_after is not None and self._index >= self._lost_after:
            raise SourceLostError(
                f"the moving square gave no frame {self._index}",
                hint="Open it again.",
            )
        if self._frame_count is not None and self._index >= self._frame_count:
            raise EndOfSource
        index = self._index
        self._index += 1
        return Frame(
            index=index,
            timestamp_ns=int(index * 1e9 / self._rate_hz),
            captured_ns=time.monotonic_ns(),
            image=self.image(index),
        )

    def close(self) -> None:
        self._note_thread()
        self.closed += 1

    def centre_px(self, index: int) -> tuple[float, float]:
        """Where the square's centre is in a frame."""
        left, top = self._corner(index)
        return left + (SQUARE_PX - 1) / 2, top + (SQUARE_PX - 1) / 2

    def image(self, index: int) -> NDArray[np.uint8]:
        """What a frame shows; read-only."""
        width_px, height_px = self._size
        left, top = self._corner(index)
        image = np.full((height_px, width_px), _DARK, np.uint8)
        image[top : top + SQUARE_PX, left : left + SQUARE_PX] = _BRIGHT
        if self._is_colour:
            image = np.repeat(image[..., None], 3, axis=2)
        image.setflags(write=False)
        return image

    def _corner(self, index: int) -> tuple[int, int]:
        width_px, height_px = self._size
        return (index * STEP_PX) % (width_px - SQUARE_PX), (height_px - SQUARE_PX) // 2

    def _note_thread(self) -> None:
        self.threads.add(threading.current_thread().name)
