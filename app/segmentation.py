"""From foreground probability to blobs, at sub-pixel precision."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

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


class Regions(NamedTuple):
    """The pixels of each blob, blob after blob."""

    points: NDArray[np.intp]
    """Shape (P,): where in the flat mask; of each blob row by row."""
    first: NDArray[np.intp]
    """Shape (N,): where in `points` each blob starts."""

    def extents(self, width: int) -> NDArray[np.intp]:
        """First column, first row, last column and last row of each; shape (4, N).

        Parameters
        ----------
        width : int
            Of the mask.
        """
        if not self.first.size:
            return np.zeros((4, 0), np.intp)
        rows, columns = np.divmod(self.points, width)
        last = np.append(self.first[1:], self.points.size) - 1
        return np.stack(
            [
                np.minimum.reduceat(columns, self.first),
                rows[self.first],
                np.maximum.reduceat(columns, self.first),
                rows[last],
            ]
        )


_NO_REGIONS = Regions(np.zeros(0, np.intp), np.zeros(0, np.intp))


class Segmentation(NamedTuple):
    """Blobs of one picture and the mask they came from."""

    blobs: Blobs
    mask: NDArray[np.bool_]
    """At the network's size, without the regions that are no blob; read-only."""
    regions: Regions

    def mask_of(self, is_kept: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """The mask of some of the blobs; read-only."""
        if is_kept.all():
            return self.mask
        points, first = self.regions
        area = np.diff(np.append(first, points.size))
        mask = np.zeros_like(self.mask)
        mask.ravel()[points[np.repeat(is_kept, area)]] = True
        mask.setflags(write=False)
        return mask


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
    is_weak = probability > thresholds.low
    mask = np.zeros(is_weak.shape, np.bool_)
    points = np.flatnonzero(is_weak)
    if not points.size:
        mask.setflags(write=False)
        return Segmentation(Blobs.empty(), mask, _NO_REGIONS)
    # Its variant with statistics reads every pixel of the picture again, which costs
    # five times as much as the labels. Only foreground is looked at from here.
    _, labels = cv2.connectedComponentsWithAlgorithm(
        is_weak.view(np.uint8), 8, cv2.CV_16U, cv2.CCL_SAUF
    )
    label = labels.ravel()[points]
    # Blob after blob, each still row by row: then all blobs are summed up in one call.
    order = np.argsort(label, kind="stable")
    points = points[order]
    weight = probability.ravel()[points].astype(np.float64)
    area = np.bincount(label)[1:]
    first = np.cumsum(area) - area
    peak = np.maximum.reduceat(weight, first)
    is_blob = (peak > thresholds.high) & (area >= min_area_px)
    if not is_blob.all():
        is_kept = np.repeat(is_blob, area)
        points, weight = points[is_kept], weight[is_kept]
        peak, area = peak[is_blob], area[is_blob]
        first = np.cumsum(area) - area
    mask.ravel()[points] = True
    mask.setflags(write=False)
    if not points.size:
        return Segmentation(Blobs.empty(), mask, _NO_REGIONS)
    rows, columns = np.divmod(points, probability.shape[1])
    x, y = pixel_map.to_frame(columns.astype(np.float64), rows.astype(np.float64))
    moments = np.empty((6, points.size))
    moments[0] = weight
    np.multiply(weight, x, out=moments[1])
    np.multiply(weight, y, out=moments[2])
    np.multiply(moments[1], x, out=moments[3])
    np.multiply(moments[2], y, out=moments[4])
    np.multiply(moments[1], y, out=moments[5])
    sums: NDArray[np.float64] = np.add.reduceat(moments, first, axis=1)
    centre_x, centre_y, xx, yy, xy = sums[1:] / sums[0]
    scale_x, scale_y = pixel_map.scale_x, pixel_map.scale_y
    # A pixel is a square, not a point: its own variance is scale**2 / 12.
    var_x = xx - centre_x**2 + scale_x**2 / 12
    var_y = yy - centre_y**2 + scale_y**2 / 12
    cov_xy = xy - centre_x * centre_y
    middle, spread = (var_x + var_y) / 2, np.hypot((var_x - var_y) / 2, cov_xy)
    left, right = (
        np.minimum.reduceat(columns, first),
        np.maximum.reduceat(columns, first),
    )
    top, bottom = rows[first], rows[first + area - 1]
    # In the order of the fields of `Blobs`.
    values = np.array(
        [
            centre_x,
            centre_y,
            (right - left + 1) * scale_x,
            (bottom - top + 1) * scale_y,
            area * (scale_x * scale_y),
            peak,
            4 * np.sqrt(middle + spread),
            4 * np.sqrt(np.maximum(middle - spread, 0.0)),
            np.arctan2(2 * cov_xy, var_x - var_y) / 2,
        ],
        np.float32,
    )
    values.setflags(write=False)
    return Segmentation(Blobs(*values), mask, Regions(points, first))
