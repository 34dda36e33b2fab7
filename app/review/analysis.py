"""What is found in a session, with the operator's corrections, zones and ground."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from app.frames import Tracks, TrackState
from app.recording.kinematics import Motion
from app.recording.paths import TrackPaths
from app.recording.statistics import track_figures
from app.recording.zones import Crossing, Visit, crossings, visits

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from app.recording.corrections import Edit
    from app.recording.ground import Ground
    from app.recording.session import TrackRows
    from app.recording.statistics import TrackFigures, TrackStatistics
    from app.recording.zones import ZonePlan
    from app.review.contents import SessionContents

_BELIEVED = (TrackState.CONFIRMED, TrackState.LOST)


@dataclass(frozen=True, slots=True)
class Layers:
    """What the operator has added to a session."""

    edits: tuple[Edit, ...]
    """Corrections in force."""
    undone: tuple[Edit, ...]
    """Corrections taken back, the next to be made again last."""
    plan: ZonePlan
    ground: Ground | None


class TrackMotion(NamedTuple):
    """How one track moved, where it was seen."""

    time_s: NDArray[np.float64]
    motion: Motion
    unit: str
    """Of lengths: px or m."""


@dataclass(frozen=True, slots=True)
class Analysis:
    """All that follows from the recorded tracks and the layers over them."""

    contents: SessionContents
    layers: Layers
    rows: TrackRows
    """As corrected."""
    believed: TrackPaths
    """Seen or, for a moment, predicted."""
    seen: TrackPaths
    figures: tuple[TrackFigures, ...]
    """Of the tracks that were seen, in the order of their ids."""
    crossings: tuple[Crossing, ...]
    visits: tuple[Visit, ...]

    @property
    def statistics(self) -> tuple[TrackStatistics, ...]:
        """Figures of each track that was seen, in the order of their ids."""
        return tuple(each.statistics for each in self.figures)

    @property
    def unit(self) -> str:
        """Of lengths in the statistics: px or m."""
        return "px" if self.layers.ground is None else "m"

    def free_id(self) -> int:
        """An id that no track has had."""
        used = [int(self.contents.tracks.id.max(initial=0))]
        used += [
            max(edit.id, edit.other)
            for edit in (*self.layers.edits, *self.layers.undone)
        ]
        return max(used) + 1

    def is_inferred(self, number: int) -> bool:
        """Whether a frame went through the network."""
        inferred = self.contents.inferred
        at = int(np.searchsorted(inferred, number))
        return at < len(inferred) and int(inferred[at]) == number

    def tracks_at(self, number: int) -> Tracks:
        """The tracks of a frame.

        In one that did not go through the network they are halfway between those
        before and after it, and shown as predicted.
        """
        inferred = self.contents.inferred
        after = int(np.searchsorted(inferred, number))
        is_between = 0 < after < len(inferred) and inferred[after] != number
        if not is_between:
            return self.rows.at(number)
        first, last = int(inferred[after - 1]), int(inferred[after])
        time_s = self.contents.frames.time_s[[first, number, last]]
        part = (time_s[1] - time_s[0]) / max(time_s[2] - time_s[0], 1e-9)
        return _between(self.rows.at(first), self.rows.at(last), float(part))

    def position_at(self, track_id: int, number: int) -> tuple[float, float] | None:
        """Where a track was believed in a frame, or None."""
        own = self.believed.rows_of(track_id)
        numbers = self.believed.number[own]
        if not len(numbers) or not numbers[0] <= number <= numbers[-1]:
            return None
        return (
            float(np.interp(number, numbers, self.believed.x_px[own])),
            float(np.interp(number, numbers, self.believed.y_px[own])),
        )

    def track_near(
        self, number: int, x_px: float, y_px: float, reach_px: float
    ) -> int | None:
        """The track whose edge is nearest to a point of a frame, within a reach."""
        tracks = self.tracks_at(number)
        there = np.flatnonzero(tracks.state != TrackState.ENDED)
        if not len(there):
            return None
        away = np.hypot(tracks.x_px[there] - x_px, tracks.y_px[there] - y_px)
        away -= np.maximum(tracks.width_px[there], tracks.height_px[there]) / 2
        nearest = int(away.argmin())
        return int(tracks.id[there[nearest]]) if away[nearest] <= reach_px else None

    def way(self, track_id: int, from_s: float, to_s: float) -> NDArray[np.float64]:
        """Positions of a track between two times, shape (N, 2)."""
        paths = self.believed
        own = paths.rows_of(track_id)
        first, last = np.searchsorted(paths.time_s[own], (from_s, to_s + 1e-9))
        cut = slice(own.start + int(first), own.start + int(last))
        return np.stack([paths.x_px[cut], paths.y_px[cut]], axis=1)

    def ids_between(self, from_s: float, to_s: float) -> list[int]:
        """Tracks that were there between two times."""
        paths = self.believed
        is_there = (paths.first_s <= to_s) & (paths.last_s >= from_s)
        return [int(each) for each in paths.ids[is_there]]

    def motion(self, track_id: int) -> TrackMotion:
        """Speed, acceleration and heading of a track along its way."""
        own = self.seen.rows_of(track_id)
        at = int(np.searchsorted(self.seen.ids, track_id))
        nothing = np.zeros(0)
        motion = Motion(nothing, nothing, nothing)
        if own.stop > own.start:
            motion = self.figures[at].motion
        return TrackMotion(self.seen.time_s[own], motion, self.unit)


def analyse(
    contents: SessionContents,
    layers: Layers,
    rows: TrackRows,
    before: Analysis | None = None,
) -> Analysis:
    """Find what follows from corrected rows and the layers.

    Parameters
    ----------
    contents : SessionContents
    layers : Layers
    rows : TrackRows
        Of the contents, with the corrections of the layers applied.
    before : Analysis, optional
        Of the same contents: what a change has left alone is taken from it.
    """
    seen = TrackPaths.of(contents.frames, rows, (TrackState.CONFIRMED,))
    plan = layers.plan
    ground = layers.ground
    if before is not None and before.layers.ground == ground:
        figures = track_figures(seen, ground, before.seen, before.figures)
    else:
        figures = track_figures(seen, ground)
    crossed = [each for line in plan.lines for each in crossings(seen, line)]
    visited = [each for zone in plan.zones for each in visits(seen, zone)]
    return Analysis(
        contents=contents,
        layers=layers,
        rows=rows,
        believed=TrackPaths.of(contents.frames, rows, _BELIEVED),
        seen=seen,
        figures=tuple(figures),
        crossings=tuple(sorted(crossed, key=lambda each: each.time_s)),
        visits=tuple(sorted(visited, key=lambda each: each.entered_s)),
    )


def _between(before: Tracks, after: Tracks, part: float) -> Tracks:
    shared, rows, others = np.intersect1d(before.id, after.id, return_indices=True)
    ended = before.state[rows] == TrackState.ENDED
    rows, others = rows[~ended], others[~ended]
    columns = {
        name: getattr(before, name)[rows]
        + np.float32(part)
        * (getattr(after, name)[others] - getattr(before, name)[rows])
        for name in ("x_px", "y_px", "width_px", "height_px", "sigma_px")
    }
    kept = {
        name: getattr(before, name)[rows]
        for name in ("vx_px_s", "vy_px_s", "area_px", "confidence", "age_s")
    }
    is_believed = np.isin(before.state[rows], _BELIEVED)
    state = np.where(is_believed, TrackState.LOST, TrackState.TENTATIVE)
    return replace(
        before,
        id=shared[~ended],
        state=state.astype(np.uint8),
        blob=np.full(len(rows), -1, np.int32),
        **columns,
        **kept,
    )
