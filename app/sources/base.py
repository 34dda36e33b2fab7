"""The `FrameSource` protocol: what gives frames."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from app.frames import Frame


class FrameMode(enum.Enum):
    """Which frames are inferred when the engine is slower than the source."""

    LIVE = "live"
    """The newest frame wins; older ones are replaced, and counted."""
    EVERY_FRAME = "every-frame"
    """Every frame is inferred; the source waits."""


@dataclass(frozen=True, slots=True)
class SourceSpec:
    """What a source is, known once it is open."""

    uri: str
    """What opened it; opening it again gives the same source."""
    title: str
    """Short name for the operator."""
    width_px: int
    height_px: int
    frame_rate_hz: float
    """The rate the source claims."""
    frame_count: int | None
    """Length where it is known."""
    is_live: bool
    """Whether frames come at their own time (a camera), or wait to be read."""
    is_colour: bool
    """Whether frames are BGR (H, W, 3) or grey (H, W)."""


class FrameSource(Protocol):
    """Gives frames in order.

    Opened by its constructor's caller through `open`, read and closed in the
    capture thread. Times of frames are strictly increasing; indices too, with gaps
    where frames were lost.
    """

    def open(self) -> SourceSpec:
        """Get ready to read.

        Raises
        ------
        SourceError
            If nothing is there, or it cannot be read.
        """
        ...

    def read(self, timeout_s: float) -> Frame | None:
        """Give the next frame.

        Returns
        -------
        Frame or None
            None if no frame came within `timeout_s`; call again.

        Raises
        ------
        EndOfSource
            After the last frame.
        SourceLostError
            If the source failed. Frames given before it are good.
        """
        ...

    def close(self) -> None:
        """Release the source. Calling it again does nothing."""
        ...


class EndOfSource(Exception):  # noqa: N818  an event, not an error
    """The source has no more frames."""
