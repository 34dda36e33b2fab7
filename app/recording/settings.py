"""What the operator chooses about a recording."""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray


class Quality(enum.Enum):
    """How much of a picture is kept."""

    SMALL = "small"
    """A third of the size; fine texture is lost."""
    GOOD = "good"
    LOSSLESS = "lossless"
    """Every pixel as it was captured; three to ten times the size."""


class EncoderChoice(enum.Enum):
    """What compresses the pictures; software takes over where there is no other."""

    AUTOMATIC = "automatic"
    """The graphics or video unit where there is one, else the processor."""
    SOFTWARE = "software"
    HEVC = "hevc"
    """H.265 by a graphics or video unit: smaller, and fewer programs read it."""


LEAST_CORNERS = 3


@dataclass(frozen=True, slots=True)
class TriggerZone:
    """A polygon of the frame: a track in it starts a recording."""

    AFTER_S: ClassVar[float] = 2.0
    points_px: tuple[tuple[float, float], ...]
    """Its corners, x and y, in full-frame pixels; three or more."""
    after_s: float = AFTER_S
    """How long recording goes on after the last track has left."""

    def holds(self, x_px: NDArray[np.float32], y_px: NDArray[np.float32]) -> bool:
        """Whether any of the points lies in it."""
        is_inside = [False] * len(x_px)
        corners = self.points_px
        for (ax, ay), (bx, by) in zip(corners, (*corners[1:], corners[0]), strict=True):
            for at, (x, y) in enumerate(zip(x_px, y_px, strict=True)):
                if (ay > y) != (by > y) and x < (bx - ax) * (y - ay) / (by - ay) + ax:
                    is_inside[at] = not is_inside[at]
        return any(is_inside)

    @property
    def text(self) -> str:
        """Its corners as the settings and the command line have them."""
        return ";".join(f"{x:g},{y:g}" for x, y in self.points_px)


def corners_from_text(text: str) -> tuple[tuple[float, float], ...]:
    """Read the corners of a polygon.

    Raises
    ------
    ValueError
        If it is none.
    """
    try:
        corners = tuple(
            (float(x), float(y))
            for x, y in (corner.split(",") for corner in text.split(";"))
        )
    except ValueError:
        corners = ()
    if len(corners) < LEAST_CORNERS:
        raise ValueError(
            f"{text!r} is no polygon: give three or more corners as X,Y;X,Y;X,Y"
        )
    return corners


@dataclass(frozen=True, slots=True)
class RecordingSettings:
    """Where and how sessions are recorded."""

    folder: Path
    """Holds the sessions, each a folder of its own."""
    quality: Quality = Quality.GOOD
    encoder: EncoderChoice = EncoderChoice.AUTOMATIC
    is_grey: bool = False
    """Whether colour is left out: half of the work, and of the size."""
    pretrigger_s: float = 0.0
    """How much from before the start is recorded too; held compressed in memory."""
    keeps_masks: bool = False
    """Whether the mask of every inferred frame is kept, as a PNG at the network's
    size."""
    seconds_limit: float | None = None
    """A recording ends after this time; None leaves that to the operator."""
    reserve_bytes: int = 500_000_000
    """Recording ends while this much of the disk is still free."""
    zone: TriggerZone | None = None
    """Starts and stops recordings; None leaves that to the operator."""

    def lowered(self, *, is_colour: bool) -> RecordingSettings | None:
        """With less to encode and to write; None if there is no less.

        Parameters
        ----------
        is_colour : bool
            Whether the source has colour to leave out.
        """
        if self.quality is Quality.LOSSLESS:
            return replace(self, quality=Quality.GOOD)
        if self.quality is Quality.GOOD:
            return replace(self, quality=Quality.SMALL)
        if is_colour and not self.is_grey:
            return replace(self, is_grey=True)
        return None
