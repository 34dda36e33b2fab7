"""The density of blobs that belong to no track."""

from __future__ import annotations

import numpy as np
import pytest

from app.frames import Blobs
from app.tracking.background import Background, BackgroundMeter
from app.tracking.settings import TrackerSettings
from app.tracking.sightings import Sightings, sightings_of


def _corners(width_px: float, height_px: float) -> Sightings:
    blobs = Blobs.of([0, width_px], [0, height_px], 5.0)
    return sightings_of(blobs, TrackerSettings())


def test_a_steady_number_is_learned() -> None:
    meter = BackgroundMeter()

    for _ in range(200):
        background = meter.update(_corners(1000, 500), 8)

    assert background.per_frame == pytest.approx(8, rel=0.02)
    assert background.per_px2 == pytest.approx(8 / 500_000, rel=0.02)


def test_one_odd_frame_changes_little() -> None:
    meter = BackgroundMeter()
    for _ in range(100):
        before = meter.update(_corners(1000, 500), 2)

    after = meter.update(_corners(1000, 500), 20)

    assert after.per_frame < before.per_frame + 1


def test_an_empty_scene_is_never_quite_empty() -> None:
    meter = BackgroundMeter()

    for _ in range(300):
        background = meter.update(_corners(1000, 500), 0)

    assert background.per_frame > 0.04


def test_a_field_is_not_taken_for_smaller_than_it_can_be() -> None:
    """One object that stands still has shown next to nothing of the field."""
    one = sightings_of(Blobs.of([500], [500], 10.0), TrackerSettings())

    background = BackgroundMeter().update(one, 1)

    assert background.per_px2 < background.per_frame / (600 * 600)


def test_a_field_that_is_told_is_as_large_as_told() -> None:
    one = sightings_of(Blobs.of([500], [500], 10.0), TrackerSettings())

    background = BackgroundMeter().update(one, 1, (200, 100))

    assert background.per_px2 == pytest.approx(background.per_frame / 20_000)


def test_blobs_of_new_tracks_are_background_no_longer() -> None:
    meter = BackgroundMeter()
    for _ in range(100):
        before = meter.update(_corners(1000, 500), 6)

    for _ in range(100):
        after = meter.update(_corners(1000, 500), 6)
        meter.take_back(2)

    assert after.per_frame < before.per_frame - 3


def test_nothing_seen_is_no_error() -> None:
    nothing = Sightings(np.zeros((Sightings.COUNT, 0)))

    assert BackgroundMeter().update(nothing, 0).per_px2 > 0


def test_a_denser_frame_counts_more() -> None:
    background = Background(per_frame=2.0, per_px2=1e-6)

    assert background.with_at_least(10) == pytest.approx((10.0, 5e-6))
    assert background.with_at_least(1) == background
