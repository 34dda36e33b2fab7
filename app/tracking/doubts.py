"""Whether two tracks that met went on as each other.

Where two objects are near each other, one frame hardly tells which is which, and how
they go on does. So the choice that was not made is followed too: as if each track had
taken the other's blobs since. Should that be likelier in the end, the two tracks are
exchanged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from app.tracking.columns import Column, Columns
from app.tracking.motion import Motion, weighed
from app.tracking.sightings import size_cost

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.intp]
    Bools = NDArray[np.bool_]

LIKELIER = 6.0
"""How much likelier a choice is than one that is not followed, natural log.

Larger follows more of them, for longer.
"""
SURE = 2.5
"""How much likelier the other choice has to become, natural log.

Larger exchanges fewer tracks, and those later.
"""
MOST_STEPS = 30.0
"""Frame intervals that a choice is doubted for."""
MOST = 256
"""Doubts at once, the likeliest: a crowd of objects then costs little."""


class Given(NamedTuple):
    """What tracks took in a frame."""

    track: Ints
    """Their rows, each once."""
    point_px: Floats
    """Shape (2, K)."""
    noise_px2: Floats
    body_px: Floats
    fit: Floats
    """Natural log of how likely it is for its track."""

    def joined(self, other: Given | None) -> Given:
        """Put the tracks of another behind these."""
        if other is None:
            return self
        both = zip(self, other, strict=True)
        return Given(*(np.concatenate(each, axis=-1) for each in both))


class _Table(Columns):
    first_id = Column(0)
    second_id = Column(1)
    first_body_px = Column(2)
    second_body_px = Column(3)
    steps = Column(4)
    """Frame intervals since the choice."""
    log_ratio = Column(5)
    """How much likelier the other choice is, natural log."""

    COUNT = 6
    BODY = slice(2, 4)


class Doubts:
    """Pairs of tracks that may have gone on as each other."""

    def __init__(self) -> None:
        self._table = _Table(np.zeros((_Table.COUNT, 0)))
        # Of the first of each pair with the blobs of the second, then the reverse.
        self._motion = Motion.empty()

    def __len__(self) -> int:
        return len(self._table)

    def predict(
        self,
        dt_s: float,
        interval_s: float,
        agility: float,
        bounce_rate: float,
        steadiness: float = 1.0,
    ) -> None:
        """Move on, as `Motion.predict` does."""
        body = self._table.values[_Table.BODY].ravel()
        self._motion.predict(dt_s, interval_s, body, agility, bounce_rate, steadiness)
        self._table.steps += dt_s / interval_s

    def add(
        self, first: Ints, second: Ints, ids: Floats, body_px: Floats, motion: Motion
    ) -> None:
        """Doubt the choice for pairs of tracks, from this frame on.

        Parameters
        ----------
        first, second : ndarray of intp, shape (N,)
            Rows of the tracks.
        ids, body_px : ndarray of float64, shape (T,)
            Of all tracks.
        motion : Motion
            The same, before what they are given in this frame.
        """
        zeros = np.zeros(first.size)
        added = np.array(
            (ids[first], ids[second], body_px[first], body_px[second], zeros, zeros)
        )
        crossed = self._motion.state.reshape(*motion.state.shape[:2], 2, len(self))
        both = motion.state[:, :, np.array((first, second))]
        state = np.concatenate([crossed, both], axis=3)
        self._table = self._table.joined(_Table(added))
        self._motion = Motion(state.reshape(*state.shape[:2], -1))

    def follow(self, ids: Floats, given: Given) -> None:
        """Let each of a pair have what the other was given, and give up some doubts.

        Parameters
        ----------
        ids : ndarray of float64, shape (T,)
            Of all tracks, ascending.
        given : Given
            The same as theirs.
        """
        table = self._table
        place = np.full(ids.size, -1)
        place[given.track] = np.arange(given.track.size)
        other = np.concatenate([table.second_id, table.first_id])
        place = place[ids.searchsorted(other)]
        row = (place >= 0).nonzero()[0]
        place = place[row]
        if row.size:
            points, noise = given.point_px.take(place, axis=1), given.noise_px2[place]
            likelihood = self._motion.log_likelihood(row, points, noise)
            fit, weight = weighed(likelihood)
            self._motion.correct(row, points, noise, weight)
            body = table.values[_Table.BODY].ravel()[row]
            fit -= size_cost(given.body_px[place], body)
            gain = np.zeros(other.size)
            gain[row] = fit - given.fit[place]
            table.log_ratio += gain[: len(self)] + gain[len(self) :]
        is_kept = (table.log_ratio > -LIKELIER) & (table.steps < MOST_STEPS)
        if is_kept.size > MOST:
            is_kept[np.argsort(table.log_ratio)[:-MOST]] = False
        self._keep(is_kept)

    def settled(self) -> Iterator[tuple[float, float, Floats]]:
        """Take out pairs of ids to be exchanged, with the state of their motion."""
        while len(self) and self._table.log_ratio.max() > SURE:
            best = int(self._table.log_ratio.argmax())
            ids = self._table.values[:2, best].copy()
            state = self._motion.state[:, :, [best, len(self) + best]]
            self.forget(ids)
            yield ids[0], ids[1], state

    def forget(self, ids: Floats) -> None:
        """Drop all doubts about the given tracks."""
        is_one = np.isin(self._table.values[:2], ids)
        self._keep(~(is_one[0] | is_one[1]))

    def _keep(self, kept: Bools) -> None:
        if np.count_nonzero(kept) < kept.size:
            self._table = self._table.take(kept)
            self._motion = self._motion.take(np.tile(kept, 2))


def rivals(
    track: Ints, blob: Ints, cost: Floats, chosen: Ints
) -> tuple[Ints, Ints] | None:
    """Find tracks that might as well have what each other was given.

    Parameters
    ----------
    track, blob : ndarray of intp, shape (P,)
        The pairs that could be chosen, ascending.
    cost : ndarray of float64, shape (P,)
    chosen : ndarray of intp
        Positions of those that were chosen, ascending.

    Returns
    -------
    first, second : ndarray of intp
        Rows of the tracks; no pair twice. Without any, None.
    """
    is_close = cost < 0
    if np.count_nonzero(is_close) == chosen.size:
        return None
    blobs = int(blob.max()) + 1
    owner_cost = np.full(blobs, -np.inf)
    owner_cost[blob[chosen]] = cost[chosen]
    more = cost - owner_cost[blob]
    # Of an exchange, no more than half is the first way round or the second.
    is_close &= more < LIKELIER
    is_close[chosen] = False
    close = is_close.nonzero()[0]
    if not close.size:
        return None
    owner = np.full(blobs, -1)
    owner[blob[chosen]] = track[chosen]
    own, own_cost = np.full(track[-1] + 1, -1), np.zeros(track[-1] + 1)
    own[track[chosen]], own_cost[track[chosen]] = blob[chosen], cost[chosen]
    first, second = track[close], owner[blob[close]]
    more = more[close] - own_cost[first]
    # The other takes what is left to it, if that is anything for it.
    key, sought = track * blobs + blob, second * blobs + own[first]
    place = np.minimum(key.searchsorted(sought), key.size - 1)
    is_there = (own[first] >= 0) & (key[place] == sought)
    more[is_there] += np.minimum(cost[place[is_there]], 0)
    first, second = first[more < LIKELIER], second[more < LIKELIER]
    if not first.size:
        return None
    low, high = np.minimum(first, second), np.maximum(first, second)
    pair = np.unique(low * own.size + high)
    return pair // own.size, pair % own.size
