"""Which new tracks are old ones that come back, wherever that is.

An object that was hidden, or taken away and put back, comes back far from where it was
expected, and so does one after a cut of the film. Nothing of its motion tells that it
is the same. What tells is how often objects come that were never there, against how
often lost ones come back: the longer one is lost, the less likely it comes back in the
next frame, in inverse proportion to the time, as durations of all sizes are alike.

Objects that left over a border come back over that border, and hardly ever elsewhere.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from app.tracking.association import assign

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.intp]
    Bools = NDArray[np.bool_]

MEMORY_FRAMES = 2000.0
"""How far back what is learned goes."""
FIRST_FRAMES = 4
"""What is believed within so many frames of the first blob was there before."""
NEW_BEFORE, FRAMES_BEFORE = 0.05, 24.0
"""New objects, and frames, that are reckoned with before any was seen."""
BACK_BEFORE, LOST_BEFORE = 1.0, 3.0
"""Objects that came back, and the sum of one over the frame intervals that each lost
one was unseen for, over all frames, likewise."""
AGAIN_BEFORE = 4.0
"""Lost objects that were found again on their way, likewise."""
MISSED_STEPS = 1.5
"""Objects that are unseen for fewer frame intervals are merely missed."""
APART_STEPS = 0.5
"""Objects that are nearer to each other in time were there at once."""
EXIT_STEPS = 3.0
"""An object left if it was so many frame intervals from the border when last seen."""
ENTRY_STEPS = 1.5
"""An object came in if it was beyond the border so many frame intervals before."""
BORDER_DOUBT = 0.02
"""Objects that only seemed to leave over a border, or to come in over it, as a part."""
INSIDE, LEFT, RIGHT, TOP, BOTTOM = range(5)


def side_of(points_px: Floats, field_px: tuple[int, int] | None) -> Ints:
    """Border that each point, shape (2, N), is beyond; INSIDE for none."""
    side = np.full(points_px.shape[1], INSIDE)
    if field_px is None:
        return side
    x, y = points_px
    width, height = field_px
    for which, is_beyond in (
        (LEFT, x < 0),
        (RIGHT, x > width),
        (TOP, y < 0),
        (BOTTOM, y > height),
    ):
        side[is_beyond] = which
    return side


class Returns:
    """Learns the rates of new objects, and of lost ones that come back."""

    def __init__(self) -> None:
        self._new, self._frames = NEW_BEFORE, FRAMES_BEFORE
        self._back, self._lost = BACK_BEFORE, LOST_BEFORE
        self._again = AGAIN_BEFORE
        self._frame = 0

    @property
    def new_per_frame(self) -> float:
        """Objects that come and were never there before."""
        return self._new / self._frames

    @property
    def back_per_step(self) -> float:
        """Lost objects that come back in a frame, times the intervals each was lost."""
        return self._back / self._lost

    @property
    def new_cost(self) -> float:
        """Of taking a new object for a lost one that it seems to go on from.

        Natural log of all that came over those that were lost ones: where there are
        always others to come, some seem to come back that left for good.
        """
        return math.log1p(self._new / self._again)

    def found_again(self, count: int) -> None:
        """Count new tracks that were lost ones, found again on their way."""
        self._again += count

    def watch(self, blobs: int, steps: Floats) -> None:
        """Count a frame with so many blobs.

        Parameters
        ----------
        blobs : int
        steps : ndarray of float64, shape (T,)
            Frame intervals that each lost object has not been seen for.
        """
        if not (self._frame or blobs):
            return
        self._frame += 1
        self._new *= 1 - 1 / MEMORY_FRAMES
        self._again *= 1 - 1 / MEMORY_FRAMES
        self._frames = self._frames * (1 - 1 / MEMORY_FRAMES) + 1
        if steps.size:
            self._lost += float(np.add.reduce(1 / steps[steps > MISSED_STEPS]))

    def choose(
        self, steps: Floats, exits: Ints, entries: Ints, unlike: Floats, false: Floats
    ) -> tuple[Ints, Ints, Bools]:
        """Choose the new objects that are lost ones, and learn from it.

        One that is likelier to be chance than to be new is to be asked about again
        when more of it was seen, unless it is chosen.

        Parameters
        ----------
        steps : ndarray of float64, shape (N, T)
            Frame intervals from the last sight of each lost object to the first of
            each new one.
        exits, entries : ndarray of intp, shape (T,) and (N,)
            Borders that they left and came in over, from `side_of`.
        unlike : ndarray of float64, shape (N, T)
            Natural log of how much less likely the looks of a pair are.
        false : ndarray of float64, shape (N,)
            Such tracks that chance gives per frame.

        Returns
        -------
        new, lost : ndarray of intp
            Rows of each chosen pair: those that are likelier than all else together.
        is_open : ndarray of bool, shape (N,)
            Which are to be asked about again. Nothing is learned from them yet.
        """
        back = self.back_per_step / np.maximum(steps, 1) * np.exp(-unlike)
        back *= steps > APART_STEPS
        borders = (entries != INSIDE)[:, None].astype(int) + (exits != INSIDE)
        back *= np.where(entries[:, None] == exits, 1, BORDER_DOUBT**borders)
        total = back.sum(axis=1) + self.new_per_frame + false
        others = total[:, None] - back
        row, column = np.nonzero(back > others)
        odds = np.log(others[row, column] / back[row, column])
        chosen = assign(row, column, odds)
        row, column = row[chosen], column[chosen]
        is_open: Bools = false > self.new_per_frame
        is_open[row] = False
        if self._frame > FIRST_FRAMES:
            told = ~is_open
            came = float(np.sum(self.new_per_frame / total[told]))
            self._back += float(np.sum(back[told] / total[told, None]))
            self._new += came
        return row, column, is_open
