"""Blobs in which two objects that meet have grown together.

Such a blob goes to one of their tracks and the other has none. Where two boxes of the
tracks' sizes explain its box better than one does, both objects are at its ends: as far
apart along each axis as it is wider than one of them, and on the sides on which their
tracks expect them. So both ways survive the meeting, and are told apart after it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.intp]

MIN_GROWTH = 1.15
"""Size of such a blob, at least, relative to that of one object."""
MAX_MISFIT = 0.3
"""Natural log of its size over that of the two where they are expected, at most."""
REACH_BODIES = 0.6
"""Distance of an object from the middle of the blob, at most, in sizes of the blob."""


class Meetings(NamedTuple):
    """Objects that share the blob of another."""

    pair: Ints
    """Which of the given pairs of a track and its blob."""
    hidden: Ints
    """Which of the given tracks without a blob."""
    seen_px: Floats
    """Where the object of the first is, shape (2, N)."""
    hidden_px: Floats
    """Where that of the other is."""


def find_meetings(
    place_px: Floats,
    box_px: Floats,
    expected_px: Floats,
    own_px: Floats,
    hidden_expected_px: Floats,
    hidden_own_px: Floats,
) -> Meetings | None:
    """Look for two objects in one blob.

    Parameters
    ----------
    place_px, box_px : ndarray of float64, shape (2, P)
        Centres of the blobs that are some track's, and their widths and heights.
    expected_px, own_px : ndarray of float64, shape (2, P)
        Where those tracks expect their objects, and how large these are.
    hidden_expected_px, hidden_own_px : ndarray of float64, shape (2, H)
        The same of the tracks without a blob.

    Returns
    -------
    Meetings or None
        A blob is shared by two at most.
    """
    size = _size(box_px)
    alone = np.log(size / _size(own_px))
    grown = (alone > np.log(MIN_GROWTH)).nonzero()[0]
    if not (grown.size and hidden_own_px.shape[1]):
        return None
    apart = place_px[:, None, grown] - hidden_expected_px[:, :, None]
    squared = np.add.reduce(apart * apart) / size[grown] ** 2
    # Each the nearest to the other: no blob and no object is in two pairs.
    hidden = squared.argmin(axis=0)
    blob = np.arange(grown.size)
    is_in = squared[hidden].argmin(axis=1) == blob
    is_in &= squared[hidden, blob] < REACH_BODIES**2
    pair, hidden = grown[is_in], hidden[is_in]
    own, other = own_px[:, pair], hidden_own_px[:, hidden]
    larger = np.maximum(own, other)
    between = expected_px[:, pair] - hidden_expected_px[:, hidden]
    both = np.maximum(np.abs(between) + (own + other) / 2, larger)
    misfit = np.abs(np.log(size[pair] / _size(both)))
    is_both = misfit < np.minimum(alone[pair], MAX_MISFIT)
    if not np.count_nonzero(is_both):
        return None
    pair, hidden = pair[is_both], hidden[is_both]
    aside = np.maximum(box_px[:, pair] - larger[:, is_both], 0) / 2
    aside *= np.sign(between[:, is_both])
    middle = place_px[:, pair]
    return Meetings(pair, hidden, middle + aside, middle - aside)


def _size(box_px: Floats) -> Floats:
    """Geometric mean of widths and heights."""
    size: Floats = np.sqrt(box_px[0] * box_px[1])
    return size
