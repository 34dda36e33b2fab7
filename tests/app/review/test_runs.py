"""Stretches of a track in a timeline."""

from __future__ import annotations

import numpy as np

from app.frames import TrackState
from app.recording.paths import TrackPaths
from app.review.runs import Run, runs_of

SEEN, LOST = TrackState.CONFIRMED, TrackState.LOST


def _path(numbers: list[int], states: list[TrackState]) -> TrackPaths:
    count = len(numbers)
    number = np.array(numbers)
    zero = np.zeros(count)
    return TrackPaths(
        ids=np.array([5]),
        starts=np.array([0, count]),
        number=number,
        time_s=number * 0.5,
        x_px=zero,
        y_px=zero,
        state=np.array(states, np.uint8),
    )


def test_a_track_that_is_lost_and_found_has_three_stretches_that_touch() -> None:
    paths = _path([0, 1, 2, 3, 4, 5], [SEEN, SEEN, LOST, LOST, SEEN, SEEN])

    found = runs_of(paths, 5, np.arange(10) * 0.5)

    assert found == [
        Run(0.0, 1.0, is_seen=True),
        Run(1.0, 2.0, is_seen=False),
        Run(2.0, 2.5, is_seen=True),
    ]


def test_frames_that_were_not_inferred_are_no_interruption_but_absence_is() -> None:
    # Of the frames, every other one went through the network.
    paths = _path([0, 2, 4, 10, 12], [SEEN] * 5)

    found = runs_of(paths, 5, np.arange(0, 20, 2) * 0.5)

    assert found == [Run(0.0, 2.0, is_seen=True), Run(5.0, 6.0, is_seen=True)]


def test_who_is_not_there_has_none() -> None:
    assert runs_of(_path([0], [SEEN]), 6, np.arange(3) * 0.5) == []
