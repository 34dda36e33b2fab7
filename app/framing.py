"""Brings the visible part of a frame to the size and format of a picture."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from app.overlay import View

BACKDROP_BGR = (27, 23, 20)
"""What surrounds the frame where the view is larger."""

SQUARES_FROM_SCALE = 4.0
"""From here on pixels are shown as squares: who zooms in this far looks at them."""


def framed(image: NDArray[np.uint8], view: View) -> NDArray[np.uint8]:
    """Bring the visible part of a frame to the picture's size and format.

    The frame's pixels are shifted by half a pixel of the picture at most.

    Parameters
    ----------
    image : ndarray of uint8, shape (H, W) or (H, W, 3)
        Grey or BGR.
    view : View

    Returns
    -------
    ndarray of uint8, shape (view.height_px, view.width_px, 4)
        Blue, green, red, 255. The caller's own.
    """
    picture: NDArray[np.uint8] = np.empty((view.height_px, view.width_px, 4), np.uint8)
    rows = _span(view.top_px, view.scale, image.shape[0], view.height_px)
    columns = _span(view.left_px, view.scale, image.shape[1], view.width_px)
    target = picture[rows.shown, columns.shown]
    if target.shape != picture.shape:
        # Pixel by pixel is a hundred times slower.
        backdrop = np.array([*BACKDROP_BGR, 255], np.uint8).view(np.uint32)
        picture.view(np.uint32).fill(backdrop[0])
    if target.size:
        seen = image[rows.seen, columns.seen]
        sized = _resized(seen, columns.length_px, rows.length_px, view.scale)
        code = cv2.COLOR_GRAY2BGRA if image.ndim == 2 else cv2.COLOR_BGR2BGRA
        cv2.cvtColor(sized[rows.cut, columns.cut], code, dst=target)
    return picture


class _Span(NamedTuple):
    """What of one axis is seen."""

    seen: slice
    """Of the frame."""
    length_px: int
    """What the seen part measures in the picture before it is cut."""
    cut: slice
    """What remains of that."""
    shown: slice
    """Where in the picture that is."""


def _span(start_px: float, scale: float, frame_length: int, length_px: int) -> _Span:
    first = min(max(math.floor(start_px), 0), frame_length)
    end = min(max(math.ceil(start_px + length_px / scale), first), frame_length)
    begins = round((first - start_px) * scale)
    # A frame smaller than a pixel is still there.
    ends = max(round((end - start_px) * scale), begins + (first < end))
    shown = slice(max(begins, 0), max(min(ends, length_px), 0))
    cut = slice(shown.start - begins, shown.stop - begins)
    return _Span(slice(first, end), ends - begins, cut, shown)


def _resized(
    image: NDArray[np.uint8], width_px: int, height_px: int, scale: float
) -> NDArray[np.uint8]:
    if scale >= SQUARES_FROM_SCALE:
        method = cv2.INTER_NEAREST_EXACT
    else:
        method = cv2.INTER_LINEAR
        # Averaging by two is ten times faster than by any other factor, and keeps
        # small objects from falling between the samples.
        while image.shape[1] >= 2 * width_px and image.shape[0] >= 2 * height_px:
            half = image.shape[1] // 2, image.shape[0] // 2
            even = image[: 2 * half[1], : 2 * half[0]]
            image = cv2.resize(even, half, interpolation=cv2.INTER_AREA).astype(
                np.uint8, copy=False
            )
    if image.shape[:2] == (height_px, width_px):
        return image
    return cv2.resize(image, (width_px, height_px), interpolation=method).astype(
        np.uint8, copy=False
    )
