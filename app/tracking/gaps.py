"""Fills the frames in which a track was not seen, once it is known how it went on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]


def fill_gaps(
    frame: Ints, track_id: Ints, values: Floats, most_frames: int
) -> tuple[Ints, Ints, Floats]:
    """Let tracks go straight on from where they were lost to where they were found.

    Parameters
    ----------
    frame, track_id : ndarray of int64, shape (N,)
        When each track was seen; no track twice in a frame.
    values : ndarray of float64, shape (N, K)
        Where, and what else is known of it then.
    most_frames : int
        Longer gaps stay open.

    Returns
    -------
    frame, track_id, values : ndarray
        With the rows in between, by ascending frame and id.
    """
    order = np.lexsort((frame, track_id))
    frame, track_id, values = frame[order], track_id[order], values[order]
    apart = np.diff(frame)
    is_gap = (np.diff(track_id) == 0) & (apart > 1) & (apart <= most_frames + 1)
    before = np.flatnonzero(is_gap)
    missing = apart[before] - 1
    row = np.repeat(before, missing)
    step = np.arange(1, row.size + 1) - np.repeat(np.cumsum(missing) - missing, missing)
    part = (step / apart[row])[:, None]
    frame = np.concatenate([frame, frame[row] + step])
    track_id = np.concatenate([track_id, track_id[row]])
    values = np.concatenate([values, (1 - part) * values[row] + part * values[row + 1]])
    order = np.lexsort((track_id, frame))
    return frame[order], track_id[order], values[order]
