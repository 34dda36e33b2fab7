"""Blobs of two objects that meet."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from app.frames import Blobs, TrackState
from app.tracking.merging import Meetings, find_meetings
from app.tracking.tracker import Tracker


def _columns(*points: tuple[float, float]) -> np.ndarray:
    return np.array(points, float).reshape(-1, 2).T


def _find(
    place: tuple[float, float],
    box: tuple[float, float],
    expected: tuple[float, float],
    *hidden: tuple[float, float],
) -> Meetings | None:
    """One blob, of objects of 8 px."""
    return find_meetings(
        _columns(place),
        _columns(box),
        _columns(expected),
        _columns((8, 8)),
        _columns(*hidden),
        _columns(*[(8, 8)] * len(hidden)),
    )


def test_both_objects_are_at_the_ends_of_the_blob() -> None:
    # They are 5 px apart along x and 3 along y.
    found = _find((102.5, 51.5), (13, 11), (101, 50), (104, 52.5))

    assert found is not None
    assert found.pair.tolist() == [0]
    assert found.hidden.tolist() == [0]
    assert found.seen_px[:, 0].tolist() == pytest.approx([100, 50])
    assert found.hidden_px[:, 0].tolist() == pytest.approx([105, 53])


def test_a_blob_no_larger_than_one_object_is_of_one() -> None:
    assert _find((102.5, 51.5), (8.5, 8.5), (101, 50), (104, 52.5)) is None


def test_an_object_far_from_a_large_blob_is_not_in_it() -> None:
    assert _find((102.5, 51.5), (13, 11), (101, 50), (118, 52)) is None


def test_a_blob_larger_than_both_together_is_something_else() -> None:
    assert _find((100, 50), (30, 30), (100, 50), (104, 52)) is None


def test_the_nearest_of_several_is_in_the_blob() -> None:
    found = _find((102.5, 51.5), (13, 11), (101, 50), (108, 54), (104, 52.5))

    assert found is not None
    assert found.hidden.tolist() == [1]


def _crossing(frame: int) -> list[tuple[float, float, float, float]]:
    """Boxes of two that cross slowly, as one while they are near each other."""
    first = np.array([100 + 1.5 * frame, 100 + 0.4 * frame])
    second = np.array([190 - 1.5 * frame, 103 + 0.4 * frame])
    if np.hypot(*(first - second)) >= 7:
        return [(*first, 8.0, 8.0), (*second, 8.0, 8.0)]
    return [(*(first + second) / 2, *(np.abs(first - second) + 8))]


def test_two_that_grow_together_and_part_keep_their_ids() -> None:
    tracker = Tracker()
    ends = []

    for frame in range(60):
        x, y, width, height = (
            np.array(each, np.float32) for each in zip(*_crossing(frame), strict=True)
        )
        blobs = replace(Blobs.of(x, y), width_px=width, height_px=height)
        tracks = tracker.update(blobs, frame / 120)
        if frame in {10, 59}:
            assert (tracks.state == TrackState.CONFIRMED).all()
            ends.append(dict(zip(tracks.id.tolist(), tracks.vx_px_s > 0, strict=True)))

    assert len(ends[0]) == 2
    assert ends[0] == ends[1]
