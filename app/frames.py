"""What flows through the pipeline: frames, blobs, tracks, results.

Everything here is frozen, because it crosses threads, and its arrays are read-only.
Blobs and tracks are arrays with one row per object, not lists of objects: the
tracker works on whole columns.

Axes: origin top left, `x_px` right, `y_px` down, pixel centres at whole numbers of
the full frame. Times are seconds or nanoseconds as the name says.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Frame:
    """One image with its number and times."""

    index: int
    """Number given by the source, from 0; a gap means frames lost at the source."""
    timestamp_ns: int
    """When the source took it, on the source's own clock (a file's starts at 0)."""
    captured_ns: int
    """When it arrived here: `time.monotonic_ns()`."""
    image: NDArray[np.uint8]
    """Grey (H, W) or BGR (H, W, 3); read-only."""

    @property
    def time_s(self) -> float:
        """`timestamp_ns` in seconds: the tracker's clock."""
        return self.timestamp_ns * 1e-9

    @property
    def width_px(self) -> int:
        """Width of the image."""
        return int(self.image.shape[1])

    @property
    def height_px(self) -> int:
        """Height of the image."""
        return int(self.image.shape[0])


def _column(values: object) -> NDArray[np.float32]:
    array: NDArray[np.float32] = np.array(values, np.float32)
    array.setflags(write=False)
    return array


@dataclass(frozen=True, slots=True)
class Blobs:
    """Connected foreground regions of one frame, one row each.

    All arrays are float32 of shape (N,), in full-frame pixels.
    """

    x_px: NDArray[np.float32]
    """Centre, weighted by foreground probability."""
    y_px: NDArray[np.float32]
    width_px: NDArray[np.float32]
    """Of the upright bounding box."""
    height_px: NDArray[np.float32]
    area_px: NDArray[np.float32]
    confidence: NDArray[np.float32]
    """Highest foreground probability of the region, 0 to 1."""
    length_px: NDArray[np.float32]
    """Along the longer principal axis (four standard deviations of the mass)."""
    breadth_px: NDArray[np.float32]
    """Along the shorter principal axis."""
    angle_rad: NDArray[np.float32]
    """Of the longer axis against x, -pi/2 to pi/2, y down."""

    def __len__(self) -> int:
        return len(self.x_px)

    def take(self, rows: NDArray[np.bool_] | NDArray[np.intp]) -> Blobs:
        """Copy some of the rows."""
        return Blobs(*(_column(each[rows]) for each in self.columns()))

    def joined(self, others: Blobs) -> Blobs:
        """These rows, and others after them."""
        pairs = zip(self.columns(), others.columns(), strict=True)
        return Blobs(*(_column(np.concatenate(pair)) for pair in pairs))

    def columns(self) -> tuple[NDArray[np.float32], ...]:
        """All arrays, in the order of the fields."""
        return tuple(getattr(self, each.name) for each in fields(self))

    @staticmethod
    def empty() -> Blobs:
        """No blobs."""
        return Blobs(*(_column([]) for _ in range(9)))

    @staticmethod
    def of(
        x_px: object,
        y_px: object,
        size_px: object = 8.0,
        confidence: object = 1.0,
    ) -> Blobs:
        """Round blobs at the given centres: for tests, labels and detections.

        `size_px` and `confidence` are one value for all or one for each.
        """
        x = _column(x_px)
        size = _column(np.broadcast_to(np.asarray(size_px, np.float32), x.shape))
        sure = _column(np.broadcast_to(np.asarray(confidence, np.float32), x.shape))
        return Blobs(
            x_px=x,
            y_px=_column(y_px),
            width_px=size,
            height_px=size,
            area_px=_column(np.pi / 4 * size**2),
            confidence=sure,
            length_px=size,
            breadth_px=size,
            angle_rad=_column(np.zeros_like(x)),
        )


class TrackState(enum.IntEnum):
    """Where a track is in its life.

    TENTATIVE ──confirmed by hits──▶ CONFIRMED ◀──found again──┐
        │                                │                     │
        │ missed                         └──missed──▶ LOST ────┘
        ▼                                              │ lost for too long
      ENDED ◀──────────────────────────────────────────┘
    """

    TENTATIVE = 0
    """New, not yet believed."""
    CONFIRMED = 1
    LOST = 2
    """Believed, and not seen now: its position is predicted."""
    ENDED = 3


@dataclass(frozen=True, slots=True)
class Tracks:
    """The tracker's state after one frame, one row per track.

    Arrays have shape (N,); floats are float32. A track appears as `ENDED` in exactly
    one `Tracks`, the last that holds it. Ids never repeat within a tracker.
    """

    id: NDArray[np.int64]
    state: NDArray[np.uint8]
    """Values of `TrackState`."""
    x_px: NDArray[np.float32]
    """Filtered centre, full-frame pixels; predicted where `state` is LOST."""
    y_px: NDArray[np.float32]
    vx_px_s: NDArray[np.float32]
    vy_px_s: NDArray[np.float32]
    width_px: NDArray[np.float32]
    height_px: NDArray[np.float32]
    area_px: NDArray[np.float32]
    confidence: NDArray[np.float32]
    """Of the blob it was last matched with."""
    blob: NDArray[np.int32]
    """Row in the frame's `Blobs` it was matched with, -1 for a miss."""
    age_s: NDArray[np.float32]
    """Seconds since birth."""
    sigma_px: NDArray[np.float32]
    """Standard deviation of the position along one axis."""
    covariance_px2: NDArray[np.float32] | None = None
    """Shape (3, N): of the position along x, of x with y, along y. None where it was
    not kept: as recorded."""

    def __len__(self) -> int:
        return len(self.id)

    @staticmethod
    def empty() -> Tracks:
        """No tracks."""
        none = _column([])
        return Tracks(
            id=np.zeros(0, np.int64),
            state=np.zeros(0, np.uint8),
            x_px=none,
            y_px=none,
            vx_px_s=none,
            vy_px_s=none,
            width_px=none,
            height_px=none,
            area_px=none,
            confidence=none,
            blob=np.zeros(0, np.int32),
            age_s=none,
            sigma_px=none,
        )


@dataclass(frozen=True, slots=True)
class StageTimes:
    """How long each stage took for one frame, in milliseconds."""

    prepare_ms: float = 0.0
    infer_ms: float = 0.0
    segment_ms: float = 0.0
    track_ms: float = 0.0
    look_ms: float = 0.0
    """Of the second look, between `infer_ms` and `segment_ms`."""


@dataclass(frozen=True, slots=True)
class Trail:
    """Recent positions of one track, oldest first."""

    track_id: int
    points_px: NDArray[np.float32]
    """Shape (N, 2): x and y in full-frame pixels."""


@dataclass(frozen=True, slots=True)
class Crop:
    """A part of a frame that was looked at again, at full resolution."""

    left_px: int
    """Column of the frame that is its first."""
    top_px: int
    mask: NDArray[np.bool_]
    """Foreground, shape (h, w): a pixel for each of the frame's; read-only."""
    is_search: bool
    """Whether it looked for new objects, and not after a known one."""


@dataclass(frozen=True, slots=True)
class FrameResult:
    """What was found in one frame."""

    frame: Frame
    blobs: Blobs
    tracks: Tracks
    mask: NDArray[np.bool_]
    """Foreground at the network's size, shape (h, w); it covers `mask_area_px`."""
    mask_area_px: tuple[float, float, float, float]
    """Left, top, width and height of the part of the frame the mask covers."""
    done_ns: int
    """When the result was ready: `time.monotonic_ns()`."""
    stages: StageTimes = field(default_factory=StageTimes)
    crops: tuple[Crop, ...] = ()
    """What was looked at again; what a crop found is in its mask alone."""

    @property
    def latency_ms(self) -> float:
        """From arrival of the frame to its result."""
        return (self.done_ns - self.frame.captured_ns) * 1e-6
