from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from app.segmentation import Thresholds, segment
from engines.preprocessing import PixelMap

if TYPE_CHECKING:
    from numpy.typing import NDArray

THRESHOLDS = Thresholds(low=0.3, high=0.7)
SAME = PixelMap(0.0, 0.0, 1.0, 1.0)


def _spot(x: float, y: float, sigma: float = 2.0) -> NDArray[np.float32]:
    rows, columns = np.mgrid[0:60, 0:80]
    spot = np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * sigma**2))
    return spot.astype(np.float32)


@pytest.mark.parametrize(("x", "y"), [(20.0, 30.0), (20.3, 30.8), (41.5, 12.25)])
def test_centres_are_found_to_a_tenth_of_a_pixel(x: float, y: float) -> None:
    blobs, *_ = segment(_spot(x, y), THRESHOLDS, SAME)

    assert blobs.x_px[0] == pytest.approx(x, abs=0.1)
    assert blobs.y_px[0] == pytest.approx(y, abs=0.1)


def test_positions_and_sizes_are_in_pixels_of_the_frame() -> None:
    probability = np.zeros((60, 80), np.float32)
    probability[10:14, 20:30] = 0.9

    blobs, *_ = segment(probability, THRESHOLDS, PixelMap(100.0, 50.0, 2.0, 3.0))

    # Columns 20 to 29 cover the frame from 100 + 40 to 100 + 60.
    assert blobs.x_px[0] == pytest.approx(100 + 50 - 0.5)
    assert blobs.y_px[0] == pytest.approx(50 + 36 - 0.5)
    assert blobs.width_px[0] == pytest.approx(20)
    assert blobs.height_px[0] == pytest.approx(12)
    assert blobs.area_px[0] == pytest.approx(240)


def test_a_faint_region_without_a_sure_pixel_is_no_blob() -> None:
    probability = np.zeros((60, 80), np.float32)
    probability[10:20, 10:20] = 0.6

    blobs, mask, _ = segment(probability, THRESHOLDS, SAME)

    assert len(blobs) == 0
    assert not mask.any()


def test_faint_pixels_around_a_sure_one_belong_to_its_blob() -> None:
    probability = np.zeros((60, 80), np.float32)
    probability[10:20, 10:20] = 0.5
    probability[15, 15] = 0.9

    blobs, mask, _ = segment(probability, THRESHOLDS, SAME)

    assert mask.sum() == 100
    assert blobs.confidence[0] == pytest.approx(0.9)


def test_a_speck_is_no_blob() -> None:
    probability = np.zeros((60, 80), np.float32)
    probability[10, 10] = 0.9

    blobs, *_ = segment(probability, THRESHOLDS, SAME, min_area_px=2)

    assert len(blobs) == 0


def test_a_streak_tells_its_direction_and_length() -> None:
    probability = np.zeros((60, 80), np.float32)
    for step in np.linspace(0, 30, 200):
        x, y = 10 + step * math.cos(0.5), 20 + step * math.sin(0.5)
        probability[round(y) - 1 : round(y) + 2, round(x) - 1 : round(x) + 2] = 0.9

    blobs, *_ = segment(probability, THRESHOLDS, SAME)

    assert blobs.angle_rad[0] == pytest.approx(0.5, abs=0.05)
    # Four standard deviations of a uniform streak are 4/sqrt(12) of its length.
    assert blobs.length_px[0] == pytest.approx(32 * 4 / math.sqrt(12), rel=0.05)
    assert blobs.breadth_px[0] < 5


def test_arrays_cannot_be_written_by_who_gets_them() -> None:
    blobs, mask, _ = segment(_spot(20, 20), THRESHOLDS, SAME)

    assert not mask.flags.writeable
    assert not blobs.x_px.flags.writeable
