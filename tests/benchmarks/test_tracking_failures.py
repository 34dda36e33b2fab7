"""The list of a tracker's failures, on films whose failures are known."""

from __future__ import annotations

import numpy as np
import pytest

from tests.benchmarks.tracking.failures import Kind, failures, suspects
from tests.benchmarks.tracking.sequences import Detections, Film, Found, Truth

FRAMES = 30
APART_PX = 100.0


def _boxes(places: list[float]) -> np.ndarray:
    return np.array([[place, 50.0, 10.0, 10.0] for place in places]).reshape(-1, 4)


def _film(objects: int, frames: int = FRAMES) -> Film:
    """Objects that stand side by side, all detected in every frame."""
    boxes = _boxes([APART_PX * (1 + each) for each in range(objects)])
    truth = [Truth.of(range(objects), boxes)] * frames
    seen = [Detections(boxes, np.ones(objects))] * frames
    return Film("still", 120.0, truth, seen)


def _found(ids: dict[int, int]) -> Found:
    """Tracks by the object that they are at."""
    return Found(
        np.array(list(ids), np.int64),
        _boxes([APART_PX * (1 + each) for each in ids.values()]),
    )


def test_objects_that_keep_their_tracks_are_no_failures() -> None:
    found = [_found({7: 0, 8: 1})] * FRAMES

    assert failures(_film(2), found) == []


def test_a_switch_tells_both_tracks_and_whose_the_new_one_was() -> None:
    found = [_found({7: 0, 8: 1})] * 12 + [_found({8: 0, 7: 1})] * 18

    first, second = failures(_film(2), found)

    assert first.kind is second.kind is Kind.SWITCH
    assert (first.frame, first.frames) == (11, 1)
    assert {(each.object, each.before, each.after) for each in (first, second)} == {
        (0, 7, 8),
        (1, 8, 7),
    }


def test_a_switch_that_is_soon_undone_is_a_flicker() -> None:
    mistaken = [_found({9: 0})] * 2
    found = [_found({7: 0})] * 10 + mistaken + [_found({7: 0})] * 18

    [flicker] = failures(_film(1), found)

    assert flicker.kind is Kind.FLICKER
    assert (flicker.frame, flicker.frames) == (9, 3)


@pytest.mark.parametrize("unfollowed", [3, 4, 9])
def test_detections_that_no_track_takes_are_a_loss_from_four_on(
    unfollowed: int,
) -> None:
    gap = [_found({})] * unfollowed
    found = [_found({7: 0})] * 10 + gap + [_found({7: 0})] * (20 - unfollowed)

    lost = [each for each in failures(_film(1), found) if each.kind is Kind.LOSS]

    assert [each.detections for each in lost] == [unfollowed] * (unfollowed >= 4)


def test_an_object_that_is_believed_late_is_a_late_birth() -> None:
    found = [_found({})] * 6 + [_found({7: 0})] * 24

    [late] = failures(_film(1), found)

    assert late.kind is Kind.LATE
    assert (late.frame, late.detections) == (0, 6)


def test_a_track_of_nothing_is_a_ghost() -> None:
    found = [_found({7: 0})] * 10 + [_found({7: 0, 9: 4})] * 5 + [_found({7: 0})] * 15

    [ghost] = failures(_film(1), found)

    assert ghost.kind is Kind.GHOST
    assert (ghost.frame, ghost.before) == (10, 9)


def test_without_truth_a_track_that_begins_where_one_ended_is_suspect() -> None:
    found = [_found({7: 0, 5: 3})] * 10 + [_found({5: 3})] * 5 + [_found({9: 0})] * 15

    [suspect] = suspects(found, 120.0)

    assert (suspect.before, suspect.after, suspect.frames) == (7, 9, 6)
