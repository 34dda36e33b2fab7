"""Which track followed which object of a scene, and whether it kept its id."""

from __future__ import annotations

import bisect
import tempfile
import weakref
from array import array
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from app.frames import TrackState
from app.sources.synthetic import SyntheticSource

if TYPE_CHECKING:
    from collections.abc import Iterable

    from app.frames import FrameResult

_NEAR_PX = 12.0
_VISIBLE = 0.9


_TRACK = np.dtype([("id", "i8"), ("x_px", "f4"), ("y_px", "f4")])


class Kept(NamedTuple):
    """How many objects had the same id before and after some moments."""

    kept: int
    followed: int
    """Objects in sight all the while, with a track before."""

    @property
    def text(self) -> str:
        """As a table shows it."""
        share = 100 * self.kept / max(self.followed, 1)
        return f"{self.kept} of {self.followed} ({share:.1f} %)"


class Identities:
    """Notes the believed tracks of results, and asks the scene what they follow.

    Parameters
    ----------
    uri : str
        Of the synthetic source.
    """

    def __init__(self, uri: str) -> None:
        self._scene = SyntheticSource(uri, is_paced=False).scene
        self._indices = array("q")
        # On disk: the memory of the process is measured.
        self._seen = tempfile.TemporaryFile()  # noqa: SIM115  as long as this lives
        weakref.finalize(self, self._seen.close)
        self._ends = array("q", [0])

    @property
    def newest(self) -> int:
        """Index of the newest frame; -1 before the first."""
        return self._indices[-1] if self._indices else -1

    def note(self, result: FrameResult) -> None:
        """Keep the tracks of a result; later frames come later."""
        tracks = result.tracks
        is_alive = (tracks.state == TrackState.CONFIRMED) | (
            tracks.state == TrackState.LOST
        )
        seen = np.empty(int(is_alive.sum()), _TRACK)
        for name in _TRACK.names or ():
            seen[name] = getattr(tracks, name)[is_alive]
        self._indices.append(result.frame.index)
        self._ends.append(self._ends[-1] + self._seen.write(seen.tobytes()))

    def kept_over(self, spans: Iterable[tuple[int, int]]) -> Kept:
        """Count the objects that kept their id from one frame to another.

        Parameters
        ----------
        spans : iterable of (int, int)
            Indices of frames: before and after. The noted frames next to them are
            compared; a span that reaches past what was noted is left out.
        """
        kept = followed = 0
        for first, last in spans:
            at = bisect.bisect_right(self._indices, first) - 1
            until = bisect.bisect_left(self._indices, last)
            if at < 0 or until >= len(self._indices):
                continue
            before, after = self._followers(at), self._followers(until)
            for number in self._in_sight(at, until) & before.keys():
                followed += 1
                kept += after.get(number) == before[number]
        return Kept(kept, followed)

    def _in_sight(self, at: int, until: int) -> set[int]:
        """Objects that are whole in the picture from one noted frame to another."""
        found: set[int] | None = None
        for index in range(self._indices[at], self._indices[until] + 1):
            truth = self._scene.truth(index)
            whole = set(truth.id[truth.visible_ratio > _VISIBLE].tolist())
            found = whole if found is None else found & whole
        return found or set()

    def _followers(self, at: int) -> dict[int, int]:
        """The id of the track at each object, by the object's number."""
        truth = self._scene.truth(self._indices[at])
        self._seen.seek(self._ends[at])
        seen = np.frombuffer(
            self._seen.read(self._ends[at + 1] - self._ends[at]), _TRACK
        )
        self._seen.seek(self._ends[-1])
        followers: dict[int, int] = {}
        if not len(seen):
            return followers
        for number, x_px, y_px in zip(truth.id, truth.x_px, truth.y_px, strict=True):
            distances = np.hypot(seen["x_px"] - x_px, seen["y_px"] - y_px)
            nearest = int(distances.argmin())
            if distances[nearest] < _NEAR_PX:
                followers[int(number)] = int(seen["id"][nearest])
        return followers
