"""Where a tracker goes wrong on a film: switches, losses, late births and ghosts."""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import linear_sum_assignment

from tests.benchmarks.tracking.likeness import nearness, overlap

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tests.benchmarks.tracking.sequences import Film, Found, Truth

    Floats = NDArray[np.float64]

ALIKE = 0.5
"""A box is an object's from this similarity on."""
LOSS_FRAMES = 4
"""Detections in a row that no track took, after one took those before."""
LATE_FRAMES = 4
"""Detections of an object before it is believed."""
FLICKER_FRAMES = 8
"""A switch that is undone within so many is none."""
SUSPECT_S, SUSPECT_BODIES = 1.0, 8.0
GHOST_FRAMES = 3
"""Frames that a track of nothing is shown."""


class Kind(enum.Enum):
    """What went wrong."""

    SWITCH = "switch"
    FLICKER = "flicker"
    """Another's track had it for a moment, as where blobs grow together."""
    LOSS = "loss"
    LATE = "late birth"
    GHOST = "ghost"


@dataclass(frozen=True)
class Failure:
    """One of them."""

    kind: Kind
    frame: int
    """The first of what is wrong."""
    object: int
    """Of the truth; -1 for a ghost."""
    before: int = -1
    """Track that had it, or the ghost."""
    after: int = -1
    """Track that has it now."""
    frames: int = 0
    """Since it was last followed, or that it went on."""
    detections: int = 0
    """Of the object in these frames."""
    was_of: int = -1
    """Object that the track that has it now had before."""


def failures(film: Film, found: Sequence[Found]) -> list[Failure]:
    """Find them all, by frame."""
    rows = [
        _Frame(
            truth.id.tolist(),
            _matched(film, truth, seen.box, None),
            _matched(film, truth, each.box, each.id),
            each.id.tolist(),
        )
        for truth, seen, each in zip(film.truth, film.detections, found, strict=True)
    ]
    some = [*_told_apart(_of_objects(rows)), *_ghosts(rows)]
    return sorted(some, key=lambda each: each.frame)


def suspects(shown: Sequence[Found], rate_hz: float) -> list[Failure]:
    """Switches that may be, where no truth is known.

    A track that is last seen where another is first seen, soon after and not farther
    off than `SUSPECT_BODIES`, may be of the same object.
    """
    first: dict[int, tuple[int, Floats]] = {}
    last: dict[int, tuple[int, Floats]] = {}
    for frame, each in enumerate(shown):
        for track, box in zip(each.id.tolist(), each.box, strict=True):
            first.setdefault(track, (frame, box))
            last[track] = frame, box
    some = []
    for after, (start, box) in first.items():
        near = [
            (float(np.hypot(*(box[:2] - there[:2]))), end, before)
            for before, (end, there) in last.items()
            if 0 < start - end <= SUSPECT_S * rate_hz
        ]
        apart, end, before = min(near, default=(np.inf, 0, 0))
        if apart <= SUSPECT_BODIES * np.sqrt(box[2] * box[3]):
            gap = start - end
            some.append(Failure(Kind.SWITCH, end, -1, before, after, gap))
    return some


def _told_apart(some: Sequence[Failure]) -> list[Failure]:
    """Take two switches of an object that undo each other soon for one flicker."""
    kept: list[Failure] = []
    last: dict[int, Failure] = {}
    for each in some:
        before = last.pop(each.object, None)
        if (
            before is not None
            and each.kind is before.kind is Kind.SWITCH
            and (each.before, each.after) == (before.after, before.before)
            and each.frame + each.frames - before.frame <= FLICKER_FRAMES
        ):
            length = each.frame + each.frames - before.frame
            kept[kept.index(before)] = replace(before, kind=Kind.FLICKER, frames=length)
            continue
        kept.append(each)
        last[each.object] = each
    return kept


@dataclass(frozen=True)
class _Frame:
    objects: list[int]
    detection: dict[int, int]
    """Row of each object's detection."""
    track: dict[int, int]
    """Id of each object's track."""
    tracks: list[int]


def _matched(
    film: Film, truth: Truth, box: Floats, ids: NDArray[np.int64] | None
) -> dict[int, int]:
    alike = overlap if film.is_scored_by_overlap else nearness
    likeness = alike(truth, box)
    row, column = linear_sum_assignment(-np.where(likeness >= ALIKE, likeness, 0))
    is_good = likeness[row, column] >= ALIKE
    row, column = row[is_good], column[is_good]
    values = column if ids is None else ids[column]
    return dict(zip(truth.id[row].tolist(), values.tolist(), strict=True))


def _of_objects(rows: Sequence[_Frame]) -> list[Failure]:
    some = []
    last: dict[int, tuple[int, int]] = {}  # track and frame, by object
    owner: dict[int, int] = {}  # object, by track
    unfollowed: dict[int, list[int]] = {}  # frames with a detection, since
    for frame, row in enumerate(rows):
        for each in row.objects:
            track = row.track.get(each)
            missed = unfollowed.setdefault(each, [])
            if track is None:
                if each in row.detection:
                    missed.append(frame)
                continue
            count = len(missed)
            if each not in last:
                if count >= LATE_FRAMES:
                    first = missed[0]
                    some.append(
                        Failure(Kind.LATE, first, each, -1, track, frame - first, count)
                    )
            else:
                before, since = last[each]
                if before != track:
                    switch = Failure(
                        Kind.SWITCH,
                        since,
                        each,
                        before,
                        track,
                        frame - since,
                        count,
                        owner.get(track, -1),
                    )
                    some.append(switch)
                elif count >= LOSS_FRAMES:
                    some.append(
                        Failure(
                            Kind.LOSS, since, each, before, track, frame - since, count
                        )
                    )
            last[each] = track, frame
            owner[track] = each
            missed.clear()
    for each, missed in unfollowed.items():
        if len(missed) >= LOSS_FRAMES:
            kind = Kind.LOSS if each in last else Kind.LATE
            before = last[each][0] if each in last else -1
            length = len(rows) - missed[0]
            some.append(Failure(kind, missed[0], each, before, -1, length, len(missed)))
    return some


def _ghosts(rows: Sequence[_Frame]) -> list[Failure]:
    first: dict[int, int] = {}
    length: dict[int, int] = {}
    some = []
    for frame, row in enumerate(rows):
        real = set(row.track.values())
        for track in row.tracks:
            if track in real:
                length.pop(track, None)
                continue
            first[track] = first.get(track, frame) if track in length else frame
            length[track] = length.get(track, 0) + 1
            if length[track] == GHOST_FRAMES:
                some.append(Failure(Kind.GHOST, first[track], -1, track))
    return some
