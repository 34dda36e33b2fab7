"""Where the second look goes: to small objects, and round the frame for new ones."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from app.frames import TrackState

if TYPE_CHECKING:
    from app.frames import Blobs, Tracks

PLACES = 4
"""Crops of one picture of the network's size: two beside two."""
_OVERLAP_PX = 16
"""Of neighbours in the search: what is smaller is whole in one of them."""
_MARGIN_PX = 12
"""Between an object and the border of a crop that is for several."""
_CELL_PX = 16
_FORGET_FRAMES = 120
"""How long a place is remembered where something was that became no track."""


class Place(NamedTuple):
    """Where a crop lies."""

    left_px: int
    top_px: int
    is_search: bool


class Found(NamedTuple):
    """What there was in the newest tracked frame."""

    tracks: Tracks
    blobs: Blobs
    time_s: float


class _Target(NamedTuple):
    x: float
    y: float
    key: int
    """The track's id, 0 for a blob without a track."""


class LookPlan:
    """Chooses the crops of each frame.

    One place of each picture, and all that nobody needs, go round the frame: an
    object that the whole view never shows is found when its part has its turn. A blob
    that belongs to no track is looked at again in the next frame, for a track needs
    several in a row; where that came to nothing before, others go first. Tracks take
    turns by how long each has waited. Targets that are near each other share a crop.

    Parameters
    ----------
    frame_px, crop_px : (int, int)
        Width and height; the crop is not the larger.
    small_px : float
        Larger objects are seen well enough in the whole view, and get no crop.
    """

    def __init__(
        self, frame_px: tuple[int, int], crop_px: tuple[int, int], small_px: float
    ) -> None:
        self._frame_px, self._crop_px = frame_px, crop_px
        self._small_px = small_px
        self._round = _round_of(frame_px, crop_px)
        self._turn = 0
        self._frame = 0
        self._looked: dict[int, int] = {}
        self._tries: Counter[tuple[int, int]] = Counter()

    @property
    def round_crops(self) -> int:
        """Crops that show the whole frame once."""
        return len(self._round)

    def places(self, pictures: int, found: Found | None, time_s: float) -> list[Place]:
        """Choose the places of one frame.

        Parameters
        ----------
        pictures : int
            How many are inferred; each has `PLACES`.
        found : Found, optional
            None where no frame has been tracked yet.
        time_s : float
            Of the frame; tracks are where they should be by then.
        """
        self._frame += 1
        if self._frame % _FORGET_FRAMES == 0:
            self._tries.clear()
        count = pictures * PLACES
        places = self._aimed(count - pictures, found, time_s) if found else []
        while len(places) < count:
            left, top = self._round[self._turn % len(self._round)]
            places.append(Place(left, top, is_search=True))
            self._turn += 1
        return places

    def _aimed(self, most: int, found: Found, time_s: float) -> list[Place]:
        fresh = self._fresh(found)
        known = self._known(found, time_s)
        # A track is older than what may come to nothing: half of the places are its.
        first = fresh[: max(1, most // 2)] if known else fresh
        left = [*first, *known, *fresh[len(first) :]]
        places: list[Place] = []
        while left and len(places) < most:
            place, covered = self._around(left)
            places.append(place)
            for target in covered:
                if target.key:
                    self._looked[target.key] = self._frame
                else:
                    self._tries[_cell(target)] += 1
            left = [each for each in left if each not in covered]
        return places

    def _fresh(self, found: Found) -> list[_Target]:
        """Small blobs without a track; those of new places first."""
        blobs = found.blobs
        is_fresh = np.maximum(blobs.width_px, blobs.height_px) <= self._small_px
        is_fresh[found.tracks.blob[found.tracks.blob >= 0]] = False
        rows = np.flatnonzero(is_fresh)
        rows = rows[np.argsort(-blobs.confidence[rows], kind="stable")]
        points = zip(blobs.x_px[rows].tolist(), blobs.y_px[rows].tolist(), strict=True)
        targets = [_Target(x, y, 0) for x, y in points]
        return sorted(targets, key=lambda each: self._tries[_cell(each)])

    def _known(self, found: Found, time_s: float) -> list[_Target]:
        """Small tracks in the frame; those that have waited longest first."""
        tracks, ahead_s = found.tracks, time_s - found.time_s
        x = tracks.x_px + tracks.vx_px_s * ahead_s
        y = tracks.y_px + tracks.vy_px_s * ahead_s
        is_wanted = (
            (np.maximum(tracks.width_px, tracks.height_px) <= self._small_px)
            & (tracks.state != TrackState.ENDED)
            # Of one that may be anywhere, the round takes care.
            & (tracks.sigma_px < min(self._crop_px) / 4)
            & (x > -0.5)
            & (y > -0.5)
            & (x < self._frame_px[0] - 0.5)
            & (y < self._frame_px[1] - 0.5)
        )
        rows = np.flatnonzero(is_wanted)
        columns = (x[rows].tolist(), y[rows].tolist(), tracks.id[rows].tolist())
        targets = [_Target(*each) for each in zip(*columns, strict=True)]
        self._looked = {each.key: self._looked.get(each.key, 0) for each in targets}
        return sorted(targets, key=lambda each: self._looked[each.key])

    def _around(self, targets: list[_Target]) -> tuple[Place, list[_Target]]:
        """A crop with the first target, and with as many of the others as fit."""
        room_x, room_y = (max(each - 2 * _MARGIN_PX, 0) for each in self._crop_px)
        covered = [targets[0]]
        low_x = high_x = targets[0].x
        low_y = high_y = targets[0].y
        for each in targets[1:]:
            x0, x1 = min(low_x, each.x), max(high_x, each.x)
            y0, y1 = min(low_y, each.y), max(high_y, each.y)
            if x1 - x0 <= room_x and y1 - y0 <= room_y:
                low_x, high_x, low_y, high_y = x0, x1, y0, y1
                covered.append(each)
        left = _begin((low_x + high_x) / 2, self._crop_px[0], self._frame_px[0])
        top = _begin((low_y + high_y) / 2, self._crop_px[1], self._frame_px[1])
        return Place(left, top, is_search=False), covered


def _begin(middle: float, length: int, whole: int) -> int:
    return min(max(round(middle + 0.5 - length / 2), 0), whole - length)


def _cell(target: _Target) -> tuple[int, int]:
    return int(target.x) // _CELL_PX, int(target.y) // _CELL_PX


def _round_of(
    frame_px: tuple[int, int], crop_px: tuple[int, int]
) -> list[tuple[int, int]]:
    """Left and top of crops that cover the frame, neighbours far apart in the order."""
    columns, rows = (
        _starts(whole, length) for whole, length in zip(frame_px, crop_px, strict=True)
    )
    cells = [(left, top) for top in rows for left in columns]
    # In their order, an object could run ahead of the search.
    step = next(
        step
        for step in range(round(len(cells) * 0.618), len(cells) + 2)
        if math.gcd(step, len(cells)) == 1
    )
    return [cells[index * step % len(cells)] for index in range(len(cells))]


def _starts(whole: int, length: int) -> list[int]:
    step = max(length - _OVERLAP_PX, length // 2, 1)
    count = 1 + math.ceil((whole - length) / step)
    return [int(start) for start in np.rint(np.linspace(0, whole - length, count))]
