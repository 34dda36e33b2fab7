"""Joins what a frame shows as a whole with what crops of it show, each object once."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from app.frames import Blobs, Crop
from app.segmentation import segment
from engines.preprocessing import PixelMap

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from app.look_plan import Place
    from app.segmentation import Segmentation, Thresholds

    Bools = NDArray[np.bool_]
    Floats = NDArray[np.float32]

_SAME = PixelMap(0.0, 0.0, 1.0, 1.0)


class LookedAt(NamedTuple):
    """One picture of crops, with what the network says of it."""

    probability: NDArray[np.float32]
    """Of foreground, shape (h, w) at the network's size; 0 between the crops."""
    places: tuple[Place, ...]
    """Of the crops, from left to right, row by row."""
    crop_px: tuple[int, int]
    """Their width and height."""
    frame_px: tuple[int, int]

    def corner(self, index: int) -> tuple[int, int]:
        """Where in the picture a crop begins: column and row."""
        return index % 2 * self.crop_px[0], index // 2 * self.crop_px[1]


class Joined(NamedTuple):
    """The blobs of a frame, and the masks they came from."""

    blobs: Blobs
    mask: Bools
    """Of the whole view, where it has the say; read-only."""
    crops: tuple[Crop, ...]


class _Seen(NamedTuple):
    """The blobs of one picture of crops."""

    segmentation: Segmentation
    blobs: Blobs
    """In the frame."""
    crop: NDArray[np.intp]
    """Which crop of the picture each is in."""
    room_px: Floats
    """From its edge to the nearest border of the crop that hides something; 0 and
    less where it is cut."""


def join(
    whole: Segmentation,
    pixel_map: PixelMap,
    pictures: tuple[LookedAt, ...],
    thresholds: Thresholds,
    small_px: float,
) -> Joined:
    """Take each object from the view that shows it best.

    An object that a crop's border cuts is left to the whole view. Of several crops
    that show an object, the one that shows most around it has it. What a crop shows
    replaces what the whole view shows there, but for large objects: of those, the
    whole view shows all, and a crop a part.

    Parameters
    ----------
    whole : Segmentation
        Of the whole view.
    pixel_map : PixelMap
        From its pixels to the frame's.
    pictures : tuple of LookedAt
    thresholds : Thresholds
        Of the network.
    small_px : float
        Larger objects are left to the whole view.
    """
    seen = [_seen(each, thresholds) for each in pictures]
    fine = Blobs.empty()
    for each in seen:
        fine = fine.joined(each.blobs)
    room = np.concatenate([each.room_px for each in seen])
    crop = np.concatenate([each.crop + 4 * n for n, each in enumerate(seen)])
    is_large = np.maximum(whole.blobs.width_px, whole.blobs.height_px) > small_px
    is_kept = (room > 0) & ~_touching(fine, whole.blobs.take(is_large), 0.0).any(axis=1)
    _keep_one_of_each(is_kept, fine, room, crop)
    reach_px = max(pixel_map.scale_x, pixel_map.scale_y)
    is_replaced = _touching(whole.blobs, fine.take(is_kept), reach_px).any(axis=1)
    is_ours = is_large | ~is_replaced
    crops: list[Crop] = []
    first = 0
    for picture, each in zip(pictures, seen, strict=True):
        count = len(each.blobs)
        mask = each.segmentation.mask_of(is_kept[first : first + count])
        crops += _crops(picture, mask)
        first += count
    return Joined(
        blobs=whole.blobs.take(is_ours).joined(fine.take(is_kept)),
        mask=whole.mask_of(is_ours),
        crops=tuple(crops),
    )


def _seen(picture: LookedAt, thresholds: Thresholds) -> _Seen:
    found = segment(picture.probability, thresholds, _SAME)
    width, height = picture.crop_px
    left, top, right, bottom = found.regions.extents(found.mask.shape[1])
    crop = np.minimum(left // width, 1) + 2 * np.minimum(top // height, 1)
    corner = np.array([picture.corner(n) for n in range(len(picture.places))])[crop]
    place = np.array([each[:2] for each in picture.places])[crop]
    shift = place - corner
    blobs = found.blobs
    moved = Blobs(
        blobs.x_px + shift[:, 0].astype(np.float32),
        blobs.y_px + shift[:, 1].astype(np.float32),
        *blobs.columns()[2:],
    )
    # The last column and row of a crop are blank: what touches them ends before.
    sides = [
        (left - corner[:, 0], place[:, 0] == 0),
        (top - corner[:, 1], place[:, 1] == 0),
        (corner[:, 0] + width - 2 - right, place[:, 0] + width == picture.frame_px[0]),
        (
            corner[:, 1] + height - 2 - bottom,
            place[:, 1] + height == picture.frame_px[1],
        ),
    ]
    room = [np.where(is_frame, width + height, gap) for gap, is_frame in sides]
    return _Seen(found, moved, crop, np.min(room, axis=0).astype(np.float32))


def _touching(blobs: Blobs, others: Blobs, reach_px: float) -> Bools:
    """Whether boxes overlap, or nearly; shape (blobs, others)."""
    away_x = np.abs(blobs.x_px[:, None] - others.x_px)
    away_y = np.abs(blobs.y_px[:, None] - others.y_px)
    near_x = (blobs.width_px[:, None] + others.width_px) / 2 + reach_px
    near_y = (blobs.height_px[:, None] + others.height_px) / 2 + reach_px
    is_near: Bools = (away_x < near_x) & (away_y < near_y)
    return is_near


def _keep_one_of_each(
    is_kept: Bools, fine: Blobs, room_px: Floats, crop: NDArray[np.intp]
) -> None:
    """Leave out what another crop shows with more around it."""
    is_double = _touching(fine, fine, 0.0) & (crop[:, None] != crop)
    for row in np.argsort(-room_px, kind="stable").tolist():
        if is_kept[row]:
            is_kept[is_double[row]] = False


def _crops(picture: LookedAt, mask: Bools) -> list[Crop]:
    width, height = picture.crop_px
    crops = []
    for index, place in enumerate(picture.places):
        left, top = picture.corner(index)
        part = mask[top : top + height, left : left + width].copy()
        part.setflags(write=False)
        crops.append(Crop(place.left_px, place.top_px, part, place.is_search))
    return crops
