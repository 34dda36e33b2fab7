from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.look_merge import Joined, LookedAt, join
from app.look_plan import Place
from app.segmentation import Thresholds, segment
from engines.preprocessing import PixelMap

if TYPE_CHECKING:
    from numpy.typing import NDArray

FRAME, NETWORK, CROP = (640, 480), (160, 120), (80, 60)
SCALE = 4.0
THRESHOLDS = Thresholds(0.4, 0.6)
SMALL = 20.0


def frame_of(*objects: tuple[int, int, int]) -> NDArray[np.float32]:
    """What is true of each pixel of the frame; objects are squares: x, y, size."""
    truth = np.zeros((FRAME[1], FRAME[0]), np.float32)
    for x, y, size in objects:
        left, top = x - size // 2, y - size // 2
        truth[max(top, 0) : top + size, max(left, 0) : left + size] = 1.0
    return truth


def looked_at(truth: NDArray[np.float32], *places: tuple[int, int]) -> LookedAt:
    """A picture of crops in which everything is seen as it is."""
    picture = LookedAt(
        np.zeros((NETWORK[1], NETWORK[0]), np.float32),
        tuple(Place(*place, is_search=False) for place in places),
        CROP,
        FRAME,
    )
    width, height = CROP
    for index, (left, top) in enumerate(places):
        u, v = picture.corner(index)
        picture.probability[v : v + height - 1, u : u + width - 1] = truth[
            top : top + height - 1, left : left + width - 1
        ]
    return picture


def joined(
    truth: NDArray[np.float32], *places: tuple[int, int], is_whole_blind: bool = False
) -> Joined:
    coarse = cv2.resize(truth, NETWORK, interpolation=cv2.INTER_AREA)
    if is_whole_blind:
        coarse = np.zeros_like(coarse)
    pixel_map = PixelMap(0.0, 0.0, SCALE, SCALE)
    whole = segment(coarse.astype(np.float32), THRESHOLDS, pixel_map, min_area_px=1)
    padded = [*places, *[places[0]] * (-len(places) % 4)]
    pictures = tuple(
        looked_at(truth, *padded[at : at + 4]) for at in range(0, len(padded), 4)
    )
    return join(whole, pixel_map, pictures, THRESHOLDS, SMALL)


cells = st.lists(
    st.tuples(st.integers(0, 15), st.integers(0, 11)), max_size=12, unique=True
)
corners = st.tuples(
    st.integers(0, FRAME[0] - CROP[0]), st.integers(0, FRAME[1] - CROP[1])
)


@given(cells=cells, places=st.lists(corners, min_size=1, max_size=8))
def test_each_object_is_found_once_however_the_crops_overlap(
    cells: list[tuple[int, int]], places: list[tuple[int, int]]
) -> None:
    # On the network's pixels, so that the whole view sees each of them as well.
    objects = [(40 * c + 20, 40 * r + 20, 8) for c, r in cells]

    result = joined(frame_of(*objects), *places)

    found = np.stack([result.blobs.x_px, result.blobs.y_px], axis=1)
    wanted = np.array([(x - 0.5, y - 0.5) for x, y, _ in objects]).reshape(-1, 2)
    assert found.shape == wanted.shape
    away = np.abs(found[:, None] - wanted).max(axis=2)
    assert (away.min(axis=1, initial=9.0) < 0.01).all()
    assert (away.min(axis=0, initial=9.0) < 0.01).all()


@given(
    objects=st.lists(
        st.tuples(st.integers(2, 637), st.integers(2, 477), st.just(3)), max_size=6
    ),
    places=st.lists(corners, min_size=1, max_size=8),
)
def test_what_only_crops_see_is_found_once_and_only_where_it_is(
    objects: list[tuple[int, int, int]], places: list[tuple[int, int]]
) -> None:
    truth = frame_of(*objects)

    result = joined(truth, *places, is_whole_blind=True)

    assert not result.mask.any()
    for crop in result.crops:
        part = truth[crop.top_px :, crop.left_px :][: CROP[1], : CROP[0]]
        assert not (crop.mask & (part == 0)).any()
    shown = np.zeros(truth.shape, int)
    for crop in result.crops:
        shown[crop.top_px :, crop.left_px :][: CROP[1], : CROP[0]] += crop.mask
    # Drawn by one crop, counted by one blob.
    assert shown.max(initial=0) <= 1
    assert len(result.blobs) == cv2.connectedComponents(shown.astype(np.uint8))[0] - 1


def test_a_small_object_keeps_the_exact_place_that_the_crop_saw() -> None:
    truth = frame_of((301, 202, 4))

    alone = joined(truth, (0, 0))
    again = joined(truth, (270, 180))

    assert len(alone.blobs) <= 1
    (x,), (y,) = again.blobs.x_px, again.blobs.y_px
    assert (x, y) == pytest.approx((300.5, 201.5), abs=1e-3)
    assert again.blobs.width_px.tolist() == [4.0]
    assert not again.mask.any()
    assert sum(int(crop.mask.sum()) for crop in again.crops) == 16


def test_a_large_object_is_left_to_the_whole_view() -> None:
    truth = frame_of((320, 240, 48))

    result = joined(truth, (280, 210), (300, 230))

    assert len(result.blobs) == 1
    assert result.blobs.width_px[0] == pytest.approx(48, abs=4)
    assert not any(crop.mask.any() for crop in result.crops)
    assert result.mask.any()


def test_an_object_on_the_border_of_a_crop_is_left_to_the_whole_view() -> None:
    truth = frame_of((320, 240, 8))

    cut = joined(truth, (320 - CROP[0], 200))
    unseen = joined(truth, (320 - CROP[0], 200), is_whole_blind=True)

    assert len(cut.blobs) == 1
    assert cut.mask.any()
    assert len(unseen.blobs) == 0


def test_an_object_on_the_border_of_the_frame_is_not_cut() -> None:
    truth = frame_of((1, 100, 4))

    result = joined(truth, (0, 80), is_whole_blind=True)

    assert len(result.blobs) == 1


def test_two_objects_that_are_one_to_the_whole_view_are_two() -> None:
    truth = frame_of((300, 240, 8), (310, 240, 8))

    apart = joined(truth, (270, 210))

    assert len(joined(truth, (0, 0)).blobs) == 1
    assert sorted(apart.blobs.x_px.tolist()) == pytest.approx([299.5, 309.5], abs=0.1)
