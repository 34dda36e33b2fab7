"""The way of each track through a session."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from app.frames import TrackState
    from app.recording.session import FrameTable, TrackRows


@dataclass(frozen=True, slots=True)
class TrackPaths:
    """Rows of tracks, by track and then by time; those of one track are a slice."""

    ids: NDArray[np.int64]
    """Of the tracks, ascending; shape (T,)."""
    starts: NDArray[np.intp]
    """First row of each track, and the number of rows; shape (T + 1,)."""
    number: NDArray[np.int64]
    """The frame's place in the recording; shape (R,), like the columns below."""
    time_s: NDArray[np.float64]
    """Since the first frame."""
    x_px: NDArray[np.float64]
    y_px: NDArray[np.float64]
    state: NDArray[np.uint8]

    @staticmethod
    def of(
        frames: FrameTable, rows: TrackRows, states: Sequence[TrackState]
    ) -> TrackPaths:
        """Sort the rows whose state is one of these."""
        state = rows.columns["state"].astype(np.uint8)
        chosen = np.flatnonzero(np.isin(state, states))
        ids = rows.id[chosen]
        # Rows come in the order of frames, which a stable sort keeps.
        order = np.argsort(ids, kind="stable")
        chosen = chosen[order]
        known, first = np.unique(ids[order], return_index=True)
        number = rows.number[chosen]
        return TrackPaths(
            ids=known,
            starts=np.r_[first, len(chosen)],
            number=number,
            time_s=frames.time_s[number],
            x_px=rows.columns["x_px"][chosen],
            y_px=rows.columns["y_px"][chosen],
            state=state[chosen],
        )

    def __len__(self) -> int:
        return len(self.ids)

    def rows_of(self, track_id: int) -> slice:
        """The rows of a track; an empty slice where there is none."""
        at = int(np.searchsorted(self.ids, track_id))
        if at == len(self.ids) or self.ids[at] != track_id:
            return slice(0, 0)
        return slice(int(self.starts[at]), int(self.starts[at + 1]))

    def slices(self) -> list[slice]:
        """The rows of every track, in the order of `ids`."""
        return [slice(*ends) for ends in pairwise(self.starts.tolist())]

    @property
    def first_s(self) -> NDArray[np.float64]:
        """When each track was there first."""
        return self.time_s[self.starts[:-1]]

    @property
    def last_s(self) -> NDArray[np.float64]:
        """When each track was there last."""
        return self.time_s[self.starts[1:] - 1]
