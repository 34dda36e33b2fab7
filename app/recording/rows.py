"""What goes into the database of a session, beside the frames."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from app.frames import FrameResult, StageTimes, Tracks

RECOVERED_FLAG = 1
"""Of a frame whose row was made from the video: its number is a guess."""


@dataclass(frozen=True, slots=True)
class ResultRow:
    """What was found in one frame, without its pixels."""

    index: int
    captured_ns: int
    done_ns: int
    tracks: Tracks
    shapes: NDArray[np.float32]
    """Length, breadth and angle of each track's blob, shape (N, 3); NaN without one."""
    stages: StageTimes
    mask: NDArray[np.bool_] | None
    mask_area_px: tuple[float, float, float, float]

    @staticmethod
    def of(result: FrameResult, *, keeps_mask: bool) -> ResultRow:
        """Take from a result what is recorded."""
        tracks, blobs = result.tracks, result.blobs
        shapes = np.full((len(tracks), 3), np.nan, np.float32)
        is_seen = tracks.blob >= 0
        if len(blobs):
            columns = (blobs.length_px, blobs.breadth_px, blobs.angle_rad)
            for at, column in enumerate(columns):
                shapes[is_seen, at] = column[tracks.blob[is_seen]]
        return ResultRow(
            index=result.frame.index,
            captured_ns=result.frame.captured_ns,
            done_ns=result.done_ns,
            tracks=tracks,
            shapes=shapes,
            stages=result.stages,
            mask=_mask_of(result) if keeps_mask else None,
            mask_area_px=result.mask_area_px,
        )

    def track_rows(self) -> Iterator[tuple[Any, ...]]:
        """One row per track, as the table wants it."""
        tracks = self.tracks
        columns = (
            tracks.id,
            tracks.state,
            tracks.x_px,
            tracks.y_px,
            tracks.vx_px_s,
            tracks.vy_px_s,
            tracks.width_px,
            tracks.height_px,
            tracks.area_px,
            tracks.confidence,
            tracks.blob,
            tracks.age_s,
            tracks.sigma_px,
            *self.shapes.T,
        )
        for row in zip(*(column.tolist() for column in columns), strict=True):
            yield (self.index, *row)


@dataclass(frozen=True, slots=True)
class GapRow:
    """Frames that are missing."""

    first_index: int
    count: int
    cause: str
    """`source`, `encoder` or `disk`."""
    time_ns: int


@dataclass(frozen=True, slots=True)
class EventRow:
    """Something that happened."""

    time_ns: int
    kind: str
    text: str = ""
    values: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TelemetryRow:
    """One set of measurements."""

    time_ns: int
    values: dict[str, float]


def _mask_of(result: FrameResult) -> NDArray[np.bool_]:
    """One mask at the network's size, with what only a crop shows."""
    if not any(crop.mask.any() for crop in result.crops):
        return result.mask
    mask = result.mask.copy()
    left, top, width, height = result.mask_area_px
    for crop in result.crops:
        rows, columns = np.nonzero(crop.mask)
        v = (rows + crop.top_px + 0.5 - top) * (mask.shape[0] / height)
        u = (columns + crop.left_px + 0.5 - left) * (mask.shape[1] / width)
        mask[v.astype(np.intp), u.astype(np.intp)] = True
    return mask
