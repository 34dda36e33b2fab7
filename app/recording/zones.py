"""Zones and lines that the operator draws, and who was in them or crossed them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from app.recording.layer import layer_error, load_layer, save_layer

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from app.recording.paths import TrackPaths

    Point: TypeAlias = tuple[float, float]

NAME = "zones.json"
LEAST_CORNERS = 3


@dataclass(frozen=True, slots=True)
class Zone:
    """A polygon of the frame."""

    name: str
    corners_px: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """A straight line that tracks cross."""

    name: str
    start_px: Point
    end_px: Point


@dataclass(frozen=True, slots=True)
class ZonePlan:
    """All zones and lines of a session."""

    zones: tuple[Zone, ...] = ()
    lines: tuple[Line, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Of zones and lines."""
        zones, lines = self.zones, self.lines
        return (*(each.name for each in zones), *(each.name for each in lines))

    def free_name(self, kind: str) -> str:
        """`zone 1`, or the next that is free."""
        number = 1
        while f"{kind} {number}" in self.names:
            number += 1
        return f"{kind} {number}"

    def with_point(self, name: str, number: int, point: Point) -> ZonePlan:
        """The same with one point of a zone or a line somewhere else."""

        def moved(line: Line) -> Line:
            ends = (line.start_px, line.end_px)
            return Line(name, *_replaced(ends, number, point))

        return ZonePlan(
            tuple(
                Zone(name, _replaced(each.corners_px, number, point))
                if each.name == name
                else each
                for each in self.zones
            ),
            tuple(moved(each) if each.name == name else each for each in self.lines),
        )

    def without(self, name: str) -> ZonePlan:
        """The same without one of them."""
        return ZonePlan(
            tuple(each for each in self.zones if each.name != name),
            tuple(each for each in self.lines if each.name != name),
        )


def _replaced(
    points: tuple[Point, ...], number: int, point: Point
) -> tuple[Point, ...]:
    return (*points[:number], point, *points[number + 1 :])


@dataclass(frozen=True, slots=True)
class Crossing:
    """A track went over a line."""

    line: str
    track_id: int
    time_s: float
    """Between two frames: where the straight way between them meets the line."""
    number: int
    """Place in the recording of the last frame before it."""
    is_forward: bool
    """From the left of the line to its right, as seen from its start."""


@dataclass(frozen=True, slots=True)
class Visit:
    """A track was in a zone."""

    zone: str
    track_id: int
    entered_s: float
    left_s: float
    """When it went, or was seen last."""
    number: int
    """Place in the recording of the first frame in it, or the last before it."""
    is_entry: bool
    """Whether it came in; otherwise it was first seen inside."""
    is_exit: bool
    """Whether it went out; otherwise it was last seen inside."""

    @property
    def dwell_s(self) -> float:
        """How long it was there."""
        return self.left_s - self.entered_s


def crossings(seen: TrackPaths, line: Line) -> list[Crossing]:
    """Who crossed a line, in the order of time."""
    steps = _steps(seen)
    start, end = np.array(line.start_px), np.array(line.end_px)
    part = _meeting(seen, steps, start, end)
    found = np.flatnonzero(~np.isnan(part))
    before = steps[found]
    is_forward = _side(seen, before, start, end) < 0
    time_s = seen.time_s[before] + part[found] * (
        seen.time_s[before + 1] - seen.time_s[before]
    )
    ids = _ids_of(seen, before)
    made = [
        Crossing(line.name, *each)
        for each in zip(
            ids.tolist(),
            time_s.tolist(),
            seen.number[before].tolist(),
            is_forward.tolist(),
            strict=True,
        )
    ]
    return sorted(made, key=lambda crossing: crossing.time_s)


def visits(seen: TrackPaths, zone: Zone) -> list[Visit]:
    """Who was in a zone, in the order of time.

    Also who passed it between two frames: fast objects do.
    """
    steps = _steps(seen)
    corners = np.array(zone.corners_px, np.float64)
    passages: list[tuple[int, float]] = []
    for start, end in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        parts = _meeting(seen, steps, start, end)
        found = np.flatnonzero(~np.isnan(parts))
        passages.extend(zip(steps[found].tolist(), parts[found].tolist(), strict=True))
    passages.sort()
    rows = np.array([row for row, _ in passages], np.intp)
    made: list[Visit] = []
    for track_id, own in zip(seen.ids.tolist(), seen.slices(), strict=True):
        first, last = np.searchsorted(rows, (own.start, own.stop))
        is_inside = bool(_is_inside(seen.x_px[own][:1], seen.y_px[own][:1], corners))
        if first == last and not is_inside:
            continue
        since = (seen.time_s[own.start], own.start, False)
        for row, part in passages[first:last]:
            time_s = seen.time_s[row] + part * (seen.time_s[row + 1] - seen.time_s[row])
            if is_inside:
                made.append(_visit(seen, zone, track_id, since, float(time_s), True))
            since = (time_s, row, True)
            is_inside = not is_inside
        if is_inside:
            end_s = float(seen.time_s[own.stop - 1])
            made.append(_visit(seen, zone, track_id, since, end_s, False))
    return sorted(made, key=lambda visit: visit.entered_s)


def load_zones(folder: Path) -> ZonePlan:
    """The zones and lines of a session.

    Raises
    ------
    SessionError
        If they are there and make no sense.
    """
    path = folder / NAME
    document = load_layer(path)
    try:
        zones = tuple(
            Zone(str(each["name"]), _points(each["corners_px"]))
            for each in document.get("zones", ())
        )
        lines = tuple(
            Line(str(each["name"]), *_points((each["start_px"], each["end_px"])))
            for each in document.get("lines", ())
        )
    except (KeyError, TypeError, ValueError) as error:
        raise layer_error(path, error) from error
    if any(len(zone.corners_px) < LEAST_CORNERS for zone in zones):
        raise layer_error(path, ValueError("a zone has fewer than three corners"))
    return ZonePlan(zones, lines)


def save_zones(folder: Path, plan: ZonePlan) -> None:
    """Keep zones and lines with their session.

    Raises
    ------
    OutputError
        If the disk cannot be written.
    """
    save_layer(
        folder / NAME,
        {
            "zones": [
                {"name": each.name, "corners_px": each.corners_px}
                for each in plan.zones
            ],
            "lines": [
                {"name": each.name, "start_px": each.start_px, "end_px": each.end_px}
                for each in plan.lines
            ],
        },
    )


def _visit(
    seen: TrackPaths,
    zone: Zone,
    track_id: int,
    since: tuple[float, int, bool],
    left_s: float,
    is_exit: bool,
) -> Visit:
    entered_s, row, is_entry = since
    number = int(seen.number[row])
    return Visit(
        zone.name, track_id, float(entered_s), left_s, number, is_entry, is_exit
    )


def _points(values: Any) -> tuple[Point, ...]:  # noqa: ANN401  from JSON
    return tuple((float(x), float(y)) for x, y in values)


def _steps(seen: TrackPaths) -> NDArray[np.intp]:
    """Rows after which another row of the same track follows."""
    rows = np.arange(len(seen.number))
    return np.setdiff1d(rows, seen.starts[1:] - 1, assume_unique=True)


def _ids_of(seen: TrackPaths, rows: NDArray[np.intp]) -> NDArray[np.int64]:
    return seen.ids[np.searchsorted(seen.starts, rows, side="right") - 1]


def _side(
    seen: TrackPaths,
    rows: NDArray[np.intp],
    start: NDArray[np.float64],
    end: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Under 0 on the left of the way from start to end, as it is seen on the screen."""
    along = end - start
    side: NDArray[np.float64] = along[0] * (seen.y_px[rows] - start[1]) - along[1] * (
        seen.x_px[rows] - start[0]
    )
    return side


def _meeting(
    seen: TrackPaths,
    steps: NDArray[np.intp],
    start: NDArray[np.float64],
    end: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Which part of each step is done where it meets a line; not a number if never.

    What lies on the line counts to its right, and what lies on a step to that one's:
    two lines that share a corner are then met an odd number of times by who passes.
    """
    before = _side(seen, steps, start, end)
    after = _side(seen, steps + 1, start, end)
    step_x = seen.x_px[steps + 1] - seen.x_px[steps]
    step_y = seen.y_px[steps + 1] - seen.y_px[steps]

    def beside(point: NDArray[np.float64]) -> NDArray[np.bool_]:
        side: NDArray[np.bool_] = (
            step_x * (point[1] - seen.y_px[steps])
            - step_y * (point[0] - seen.x_px[steps])
            >= 0
        )
        return side

    meets = ((before >= 0) != (after >= 0)) & (beside(start) != beside(end))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(meets, before / (before - after), np.nan)


def _is_inside(
    x: NDArray[np.float64], y: NDArray[np.float64], corners: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Whether points lie in a polygon: an odd number of sides is right of them."""
    inside = np.zeros(len(x), bool)
    for (x1, y1), (x2, y2) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        if y1 == y2:
            continue
        spans = (y1 > y) != (y2 > y)
        inside ^= spans & (x < x1 + (y - y1) * (x2 - x1) / (y2 - y1))
    return inside
