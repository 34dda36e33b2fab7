"""From pixels to metres: by a known length, or by four known points of a plane."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

import cv2
import numpy as np

from app.errors import MeasureError
from app.recording.layer import layer_error, load_layer, save_layer

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    Point: TypeAlias = tuple[float, float]

NAME = "ground.json"
# A quadrangle this much thinner than long cannot be told from a line.
_LEAST_RATIO = 1e-3


class GroundKind(enum.Enum):
    """How lengths are known."""

    SCALE = "scale"
    """One length holds everywhere: the camera looks straight at the plane."""
    PLANE = "plane"
    """Four points of a plane are known: the camera may look at it from the side."""


@dataclass(frozen=True, slots=True)
class Ground:
    """The plane that objects move in, in metres; made by `scale` and `plane`."""

    kind: GroundKind
    points_px: tuple[Point, ...]
    points_m: tuple[Point, ...]
    _matrix: NDArray[np.float64] = field(repr=False, compare=False)
    """Homography from pixels to metres, shape (3, 3)."""

    @staticmethod
    def scale(start_px: Point, end_px: Point, length_m: float) -> Ground:
        """Take a line of known length.

        Raises
        ------
        MeasureError
            If the line or the length is nothing.
        """
        length_px = float(np.hypot(end_px[0] - start_px[0], end_px[1] - start_px[1]))
        if not length_px >= 1:
            raise MeasureError("the line has no length", hint="Draw a longer one.")
        if not 0 < length_m < np.inf:
            raise MeasureError(
                f"the length is {length_m} m", hint="Give a length over 0."
            )
        each = length_m / length_px
        return Ground(
            GroundKind.SCALE,
            (start_px, end_px),
            ((0.0, 0.0), (float(length_m), 0.0)),
            np.diag([each, each, 1.0]),
        )

    @staticmethod
    def plane(points_px: Sequence[Point], points_m: Sequence[Point]) -> Ground:
        """Take four points of a plane, and where they are on it.

        Raises
        ------
        MeasureError
            If they are not four, or three of them lie on one line.
        """
        if len(points_px) != 4 or len(points_m) != 4:
            raise MeasureError("a plane takes four points", hint="Mark four corners.")
        for points, where in ((points_px, "in the picture"), (points_m, "in metres")):
            if _is_flat(points):
                raise MeasureError(
                    f"three of the points {where} lie on one line",
                    hint="Choose the corners of a rectangle on the ground.",
                )
        matrix = cv2.getPerspectiveTransform(
            np.array(points_px, np.float32), np.array(points_m, np.float32)
        )
        return Ground(
            GroundKind.PLANE,
            tuple((float(x), float(y)) for x, y in points_px),
            tuple((float(x), float(y)) for x, y in points_m),
            np.asarray(matrix, np.float64),
        )

    def to_metres(
        self, x_px: NDArray[np.float64], y_px: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Where points of the picture are; not a number beyond the horizon."""
        x, y, depth = self._matrix @ np.stack([x_px, y_px, np.ones(np.shape(x_px))])
        middle = np.mean(self.points_px, axis=0)
        side = self._matrix[2] @ (middle[0], middle[1], 1.0)
        # The homography is known up to its sign: the marked points are in front.
        depth = np.where(depth * np.sign(side) > 0, depth, np.nan)
        return x / depth, y / depth

    def distance_m(self, start_px: Point, end_px: Point) -> float:
        """How far two points of the picture are from each other."""
        x, y = self.to_metres(*np.array([start_px, end_px], np.float64).T)
        return float(np.hypot(x[1] - x[0], y[1] - y[0]))


def load_ground(folder: Path) -> Ground | None:
    """The ground of a session; None where nobody has measured it.

    Raises
    ------
    SessionError
        If it is there and makes no sense.
    """
    path = folder / NAME
    document = load_layer(path)
    if not document:
        return None
    try:
        kind = GroundKind(document["kind"])
        points_px, points_m = (
            _points(document["points_px"]),
            _points(document["points_m"]),
        )
        if kind is GroundKind.PLANE:
            return Ground.plane(points_px, points_m)
        return Ground.scale(points_px[0], points_px[1], points_m[1][0])
    except (KeyError, IndexError, TypeError, ValueError, MeasureError) as error:
        raise layer_error(path, error) from error


def save_ground(folder: Path, ground: Ground | None) -> None:
    """Keep the ground with its session; None takes it away.

    Raises
    ------
    OutputError
        If the disk cannot be written.
    """
    if ground is None:
        save_layer(folder / NAME, {})
        return
    save_layer(
        folder / NAME,
        {
            "kind": ground.kind.value,
            "points_px": ground.points_px,
            "points_m": ground.points_m,
        },
    )


def _points(values: Any) -> tuple[Point, ...]:  # noqa: ANN401  from JSON
    return tuple((float(x), float(y)) for x, y in values)


def _is_flat(points: Sequence[Point]) -> bool:
    """Whether three of four points lie on one line, or two at one place."""
    corners = np.array(points, np.float64)
    extent = float(np.ptp(corners, axis=0).max())
    if not extent > 0 or not np.all(np.isfinite(corners)):
        return True
    for left_out in range(4):
        a, b, c = np.delete(corners, left_out, axis=0)
        area = abs((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]))
        if area < _LEAST_RATIO * extent**2:
            return True
    return False
