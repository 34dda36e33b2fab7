from __future__ import annotations

import numpy as np
import pytest

from app.tracking.confidence import STRONGEST, ConfidenceMeter, log_odds

_LEVELS = np.linspace(0.3, 0.99, 24)


def _taught(true: float, false: float, frames: int = 100) -> ConfidenceMeter:
    """By confidences that are normal about these, five blobs of each kind a frame."""
    random = np.random.default_rng(1)
    meter = ConfidenceMeter()
    for _ in range(frames):
        kinds = [np.clip(random.normal(mean, 0.1, 5), 0, 1) for mean in (true, false)]
        meter.update(*map(log_odds, kinds))
    return meter


def test_before_anything_was_seen_confidence_says_nothing() -> None:
    ratio = ConfidenceMeter().log_ratio(log_odds(_LEVELS))

    assert not ratio.any()


def test_without_false_blobs_it_says_nothing() -> None:
    meter = ConfidenceMeter()
    for _ in range(100):
        meter.update(log_odds(np.full(5, 0.9)), np.zeros(0))

    assert not meter.log_ratio(log_odds(_LEVELS)).any()


def test_where_both_kinds_are_alike_it_says_next_to_nothing() -> None:
    ratio = _taught(0.7, 0.7).log_ratio(log_odds(_LEVELS))

    assert np.abs(ratio).max() < 0.3


def test_surer_blobs_are_likelier_of_objects_where_that_was_so() -> None:
    unsure, halfway, sure = _taught(0.85, 0.55).log_ratio(
        log_odds(np.array([0.5, 0.72, 0.9]))
    )

    assert unsure < -1.2 < 1.2 < sure
    assert abs(halfway) < 0.5


def test_surer_blobs_are_never_worse() -> None:
    assert not _taught(0.5, 0.9).log_ratio(log_odds(_LEVELS)).any()


def test_few_blobs_are_believed_less_than_many() -> None:
    sure = log_odds(np.array([0.9]))

    assert (
        0 < _taught(0.85, 0.55, 2).log_ratio(sure) < _taught(0.85, 0.55).log_ratio(sure)
    )


@pytest.mark.parametrize(("confidence", "most"), [(1.0, STRONGEST), (0.0, -STRONGEST)])
def test_one_blob_says_no_more_than_some(confidence: float, most: float) -> None:
    meter = _taught(0.95, 0.2)

    assert meter.log_ratio(log_odds(np.array([confidence]))).tolist() == [most]


def test_what_false_blobs_were_like_long_ago_is_forgotten() -> None:
    meter = _taught(0.85, 0.85)
    sure = log_odds(np.array([0.9]))
    before = meter.log_ratio(sure)[0]

    for _ in range(1000):
        meter.update(np.zeros(0), log_odds(np.full(5, 0.55)))

    assert before < 0.3 < 1.5 < meter.log_ratio(sure)[0]


def test_ten_thousand_blobs_at_once_leave_nothing_of_those_before() -> None:
    meter = _taught(0.85, 0.55)

    meter.update(np.zeros(0), log_odds(np.full(10_000, 0.99)))

    assert not meter.log_ratio(log_odds(_LEVELS)).any()
