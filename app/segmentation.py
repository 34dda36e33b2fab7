"""From foreground probability to blobs, at sub-pixel precision."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import cv2
import numpy as np

from app.frames import Blobs

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engines.preprocessing import PixelMap


class Thresholds(NamedTuple):
    """Hysteresis: a blob is what is above `low` around a pixel above `high`."""

    low: float
    """Foreground probability. Lower joins faint parts, and neighbours."""
    high: float
    """Foreground probability. Higher finds less, more surely."""


class Segmentation(NamedTuple):
    """Blobs of one frame and the mask they came from."""

    blobs: Blobs
    mask: NDArray[np.bool_]
    """At the network's size, without the regions that are no blob; read-only."""


def segment(
    probability: NDArray[np.float32],
    thresholds: Thresholds,
    pixel_map: PixelMap,
    min_area_px: float = 2.0,
) -> Segmentation:
    """Find the blobs in a map of foreground probability.

    Parameters
    ----------
    probability : ndarray of float32, shape (h, w)
        0 to 1, at the network's size. Not modified, not kept.
    thresholds : Thresholds
        Hysteresis (Canny, IEEE PAMI 8(6), 1986).
    pixel_map : PixelMap
        From the network's pixels to the full frame's.
    min_area_px : float
        In pixels of the network. Larger ignores more specks.

    Returns
    -------
    Segmentation
        Centres are means weighted by probability, axes come from second moments.
    """
    weak = (probability > thresholds.low).view(np.uint8)
    mask = np.zeros(weak.shape, np.bool_)
    mask.setflags(write=False)
    if not weak.any():
        return Segmentation(Blobs.empty(), mask)
    # Its variant with statistics reads every pixel of the picture again, which costs
    # five times as much as the labels. Only foreground is looked at from here.
    count, labels = cv2.connectedComponentsWithAlgorithm(
        weak, 8, cv2.CV_16U, cv2.CCL_SAUF
    )
    points: NDArray[np.int32] = cv2.findNonZero(weak).astype(np.int32, copy=False)
    columns, rows = points.reshape(-1, 2).T
    label = labels[rows, columns].astype(np.intp)
    weight = probability[rows, columns].astype(np.float64)
    peak = np.zeros(count)
    np.maximum.at(peak, label, weight)
    area = np.bincount(label, minlength=count)
    is_blob = (peak > thresholds.high) & (area >= min_area_px)
    kept = np.flatnonzero(is_blob)
    if not len(kept):
        return Segmentation(Blobs.empty(), mask)
    mask = np.zeros(weak.shape, np.bool_)
    mask[rows, columns] = is_blob[label]
    mask.setflags(write=False)

    x, y = pixel_map.to_frame(columns.astype(np.float64), rows.astype(np.float64))

    def total(values: NDArray[np.float64]) -> NDArray[np.float64]:
        sums = np.bincount(label, weights=values, minlength=count)[kept]
        return sums.astype(np.float64, copy=False)

    def mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return total(weight * values) / mass

    mass = total(weight)
    centre_x, centre_y = mean(x), mean(y)
    # A pixel is a square, not a point: its own variance is scale**2 / 12.
    var_x = mean(x * x) - centre_x**2 + pixel_map.scale_x**2 / 12
    var_y = mean(y * y) - centre_y**2 + pixel_map.scale_y**2 / 12
    cov_xy = mean(x * y) - centre_x * centre_y
    middle, spread = (var_x + var_y) / 2, np.hypot((var_x - var_y) / 2, cov_xy)
    scale_x, scale_y = pixel_map.scale_x, pixel_map.scale_y
    return Segmentation(
        Blobs(
            x_px=_column(centre_x),
            y_px=_column(centre_y),
            width_px=_column(_extent(columns, label, count)[kept] * scale_x),
            height_px=_column(_extent(rows, label, count)[kept] * scale_y),
            area_px=_column(area[kept] * scale_x * scale_y),
            confidence=_column(peak[kept]),
            length_px=_column(4 * np.sqrt(middle + spread)),
            breadth_px=_column(4 * np.sqrt(np.maximum(middle - spread, 0.0))),
            angle_rad=_column(np.arctan2(2 * cov_xy, var_x - var_y) / 2),
        ),
        mask,
    )


def _extent(
    positions: NDArray[np.int32], label: NDArray[np.intp], count: int
) -> NDArray[np.int32]:
    """Number of pixels along one axis, from the first to the last of each label."""
    first = np.full(count, np.iinfo(np.int32).max, np.int32)
    last = np.zeros(count, np.int32)
    np.minimum.at(first, label, positions)
    np.maximum.at(last, label, positions)
    extent: NDArray[np.int32] = last - first + 1
    return extent


def _column(values: NDArray[Any]) -> NDArray[np.float32]:
    column = values.astype(np.float32)
    column.setflags(write=False)
    return column
