"""Runs another engine over a recorded session, and compares."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from app.durable import filled_beside
from app.errors import SessionError
from app.frames import TrackState
from app.pipeline import Pipeline, PipelineState
from app.recording.corrections import Corrections
from app.recording.exports.formats import FOLDER
from app.recording.session import Session
from app.sources.base import FrameMode
from app.sources.session_replay import SessionReplay
from app.track_table import TrackTable

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from app.frames import Tracks
    from engines.base import Engine

_NEAR_PX = 20.0
_TABLE = "replay.csv"


@dataclass(frozen=True, slots=True)
class Comparison:
    """How what an engine finds now differs from what was recorded."""

    frames: int
    """That both have looked at."""
    recorded: int
    """Confirmed positions recorded, over all those frames."""
    replayed: int
    """Confirmed positions now."""
    matched: int
    """Of them, pairs that lie near each other."""
    distance_px: float
    """Median between the two of a pair."""
    switches: int
    """How often a recorded track is another one now than a frame before."""
    tracks_recorded: int
    tracks_replayed: int

    @property
    def agreement(self) -> float:
        """Pairs among everything that one of the two has, 0 to 1."""
        union = self.recorded + self.replayed - self.matched
        return self.matched / union if union else 1.0

    def figures(self) -> dict[str, Any]:
        """The same as one JSON object."""
        return asdict(self) | {"agreement": round(self.agreement, 4)}


def replay_session(
    folder: Path,
    make_engine: Callable[[], Engine],
    on_frame: Callable[[], object] = lambda: None,
) -> tuple[Comparison, Path]:
    """Track every recorded frame anew; gives the comparison and the new table.

    Raises
    ------
    ConsoleError, EngineError
        If the session or the engine fails.
    """
    session = Session(folder)
    try:
        tracks = Corrections(folder).applied(session.tracks())
        inferred = set(session.inferred().tolist())
        first = int(session.frames.source_index[0]) if len(session.frames) else 0
        number_of = {
            int(index) - first: at
            for at, index in enumerate(session.frames.source_index)
        }
        exports = folder / FOLDER
        pipeline = Pipeline(
            SessionReplay(str(folder), is_paced=False),
            make_engine,
            FrameMode.EVERY_FRAME,
        )
        counter = _Counter()
        backlog = pipeline.subscribe()
        pipeline.start()
        try:
            with (
                filled_beside(exports) as beside,
                TrackTable(beside / _TABLE) as table,
            ):
                while not backlog.is_drained:
                    result = backlog.take(timeout_s=0.1)
                    if result is None:
                        continue
                    table.write(result)
                    number = number_of[result.frame.index]
                    if number in inferred:
                        counter.count(tracks.at(number), result.tracks)
                    on_frame()
        finally:
            pipeline.stop()
        status = pipeline.status()
        if status.state is PipelineState.FAULTED and status.fault is not None:
            raise status.fault
        if not counter.frames:
            raise SessionError(f"{folder} holds no results to compare with")
        return counter.comparison(), exports / _TABLE
    finally:
        session.close()


class _Counter:
    """Adds up what two trackers have of the same frames."""

    def __init__(self) -> None:
        self.frames = 0
        self._recorded = self._replayed = 0
        self._distances_px: list[float] = []
        self._partner: dict[int, int] = {}
        self._switches = 0
        self._ids: tuple[set[int], set[int]] = (set(), set())

    def count(self, recorded: Tracks, replayed: Tracks) -> None:
        """Add one frame."""
        self.frames += 1
        ours, theirs = _confirmed(recorded), _confirmed(replayed)
        self._recorded += len(ours[0])
        self._replayed += len(theirs[0])
        self._ids[0].update(ours[0].tolist())
        self._ids[1].update(theirs[0].tolist())
        if not len(ours[0]) or not len(theirs[0]):
            return
        distances = np.hypot(*(ours[1][:, None] - theirs[1][None]).transpose(2, 0, 1))
        rows, columns = linear_sum_assignment(np.minimum(distances, 2 * _NEAR_PX))
        for row, column in zip(rows, columns, strict=True):
            if distances[row, column] > _NEAR_PX:
                continue
            self._distances_px.append(float(distances[row, column]))
            own, other = int(ours[0][row]), int(theirs[0][column])
            if self._partner.get(own, other) != other:
                self._switches += 1
            self._partner[own] = other

    def comparison(self) -> Comparison:
        """What came of it."""
        distances = self._distances_px
        return Comparison(
            frames=self.frames,
            recorded=self._recorded,
            replayed=self._replayed,
            matched=len(distances),
            distance_px=round(float(np.median(distances)), 3) if distances else 0.0,
            switches=self._switches,
            tracks_recorded=len(self._ids[0]),
            tracks_replayed=len(self._ids[1]),
        )


def _confirmed(tracks: Tracks) -> tuple[Any, Any]:
    is_sure = tracks.state == TrackState.CONFIRMED
    points = np.stack([tracks.x_px[is_sure], tracks.y_px[is_sure]], axis=1)
    return tracks.id[is_sure], points
