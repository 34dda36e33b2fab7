"""Where tracks come from: blobs in a row that chance would hardly line up.

A fast object's second blob may be anywhere within a speed limit, so every blob that
belongs to no track is paired with every near one of the last frames, and every pair
predicts a third blob. One blob may be in many pairs; the least accidental row of
blobs wins it. How accidental a row is, is the number of such rows that blobs strewn
over the frame at the present density would give by chance in one frame. Two blobs are
enough where they are near each other and the frame is empty.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from app.tracking.association import pairs_within
from app.tracking.bounces import FIRST_RATE
from app.tracking.columns import Column, Columns
from app.tracking.motion import BOUNCE, Motion, weighed
from app.tracking.shutter import ShutterMeter
from app.tracking.sightings import Sightings, streak_log_ratio
from app.tracking.streaks import heed_pairs, shown

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from app.tracking.background import Background
    from app.tracking.settings import TrackerSettings

    Floats = NDArray[np.float64]
    Ints = NDArray[np.intp]
    Bools = NDArray[np.bool_]

FRAMES_BACK = 2
"""A blob waits so many frames for the next of its object: one may be missing."""
MAX_SEEDS = 512
"""Blobs of one frame that are looked at, so that a flood of them costs little."""
MAX_PAIRS = 2048
MAX_TRIPLES = 1024
PARTNERS = 8
"""Blobs of this frame that one of an earlier frame is paired with, the nearest."""
MAX_SIZE_LOG_RATIO = 0.7
"""Blobs whose sizes differ by more are not of one object."""
MOST_LOG_CHANCE = 5.0
"""Rows of three of which chance gives more are not looked at, natural log."""
GATE_SIGMA = 3.0
GATE_BODIES = 1.0
COMPANY = 30.0
"""Limits that each other object that comes in the same frame raises the limit by.

Larger believes objects sooner where several come, and one part more of them is false.
"""
ENTRY_DOUBT = 2.0
"""Larger believes objects that come in from beyond the border later."""
MISS_LOG_RATIO = 2.3
"""How much likelier chance is for every frame without a blob, natural log."""


class Newborn(NamedTuple):
    """Tracks that start in this frame."""

    motion: Motion
    """At the time of this frame, corrected by its blob."""
    blob: Ints
    """Row of that blob in the sightings."""
    born_s: Floats
    """When the first blob was seen."""
    log_chance: Floats
    """Natural log of the number of such tracks that chance gives per frame."""

    def take(self, rows: Bools) -> Newborn:
        """Copy the given rows."""
        return Newborn(
            self.motion.take(rows),
            self.blob[rows],
            self.born_s[rows],
            self.log_chance[rows],
        )


NOBODY = Newborn(Motion.empty(), np.zeros(0, np.intp), *np.zeros((2, 0)))


def believable(
    log_chance: Floats, log_limit: float, new_per_frame: float = 0.0
) -> Bools:
    """Which rows of blobs are tracks, so that few of those taken are chance.

    One alone has to be less likely than the limit; of several that are found at
    once, the n-th best may be n times as likely (Benjamini and Hochberg 1995): where
    sixty objects appear together, not all that fits is chance. Where some are
    believed so, and where new objects keep coming, others are believed more easily:
    most that fits is one of them. Where there is only chance, none are believed so,
    and nothing is easier for it.

    Parameters
    ----------
    log_chance : ndarray of float64, shape (N,)
        Natural log of the number of such tracks that chance gives per frame.
    log_limit : float
        Natural log of the number of false tracks per frame.
    new_per_frame : float
        New objects that are expected.
    """
    rank = np.arange(1, log_chance.size + 1)
    is_below = np.sort(log_chance) < log_limit + np.log(rank)
    company = rank[is_below].max(initial=0) + new_per_frame
    is_believed: Bools = log_chance < log_limit + np.log1p(COMPANY * company)
    return is_believed


def among_the_rest(log_chance: Floats, log_limit: float, blobs: int) -> Floats:
    """How accidental rows of three are once believed ones are no longer chance.

    Blobs of rows that are believed are of objects, and only the others fall into a row
    by chance: the cube of their number tells how many rows they give. What is believed
    then leaves fewer again (after Storey 2002, who estimates the part of tests in which
    there is nothing to be found). Where there is only chance, none are believed, and
    nothing changes.

    Parameters
    ----------
    log_chance : ndarray of float64, shape (N,)
        Natural log of the number of such tracks that chance gives per frame, if all
        blobs are chance. No blob in two rows.
    log_limit : float
        Natural log of the number of false tracks per frame.
    blobs : int
        Of this frame that belong to no track, N or more.

    Returns
    -------
    ndarray of float64, shape (N,)
    """
    left, lower = blobs, 0.0
    while left > 1:
        is_sure = believable(log_chance + lower, log_limit)
        rest = max(blobs - int(np.count_nonzero(is_sure)), 1)
        if rest >= left:
            break
        left, lower = rest, 3 * math.log(rest / blobs)
    return log_chance + lower


class _Seeds(Sightings):
    """Blobs that belong to no track."""

    time_s = Column(Sightings.COUNT)
    frames = Column(Sightings.COUNT + 1)
    """Frames since it was seen."""
    key = Column(Sightings.COUNT + 2)
    """Never given twice."""

    COUNT = Sightings.COUNT + 3


class _PairTable(Columns):
    """Two blobs each that may be of one object."""

    body_px = Column(0)
    frames = Column(1)
    """Frames since the second was seen."""
    born_s = Column(2)
    """When the first was seen."""
    first_key = Column(3)
    second_key = Column(4)
    log_chance = Column(5)
    blob = Column(6)
    """Row of the second in its frame's sightings."""

    COUNT = 7


class _Pairs(NamedTuple):
    table: _PairTable
    motion: Motion

    def take(self, rows: Ints | Bools) -> _Pairs:
        return _Pairs(self.table.take(rows), self.motion.take(rows))

    def joined(self, other: _Pairs) -> _Pairs:
        return _Pairs(self.table.joined(other.table), self.motion.joined(other.motion))

    def without(self, keys: Floats) -> _Pairs:
        """Those that hold none of the given blobs."""
        is_used = _is_among(self.table.first_key, keys)
        is_used |= _is_among(self.table.second_key, keys)
        return self.take(~is_used)


_NONE = np.zeros(0)
_NO_PAIRS = _Pairs(_PairTable(np.zeros((_PairTable.COUNT, 0))), Motion.empty())


class Nursery:
    """Keeps blobs without a track until enough of them make one.

    Parameters
    ----------
    settings : TrackerSettings
    """

    def __init__(self, settings: TrackerSettings) -> None:
        self.change_settings(settings)
        self._next_key = 0
        self._seeds = _Seeds(np.zeros((_Seeds.COUNT, 0)))
        self._pairs = _NO_PAIRS
        self.given_up = _NONE
        """Log odds of the blobs that no track has taken in time, of this frame."""

    def change_settings(self, settings: TrackerSettings) -> None:
        """Heed other settings from the next frame on."""
        self._settings = settings
        self._log_believed = float(np.log(settings.false_tracks_per_frame))

    def update(
        self,
        seen: Sightings,
        is_free: Bools,
        time_s: float,
        dt_s: float,
        interval_s: float,
        background: Background,
        field_px: tuple[int, int] | None = None,
        new_per_frame: float = 0.0,
        shutter: ShutterMeter | None = None,
    ) -> Newborn:
        """Take the blobs of a frame that no track took, and give new tracks.

        Parameters
        ----------
        seen : Sightings
        is_free : ndarray of bool, shape (N,)
            Which of them no track took.
        time_s, dt_s, interval_s : float
            Of this frame; since the last; usual time between frames.
        background : Background
        field_px : (int, int), optional
            Width and height of what can be seen: objects come from beyond it.
        new_per_frame : float
            New objects that are expected.
        shutter : ShutterMeter, optional
            What streaks tell of speed. Pairs of blobs are shown to it while it does
            not know.
        """
        self.given_up = _NONE
        pairs, seeds = self._pairs, self._seeds
        shutter = shutter or ShutterMeter()
        if not (len(seeds) or len(pairs.table) or np.count_nonzero(is_free)):
            return NOBODY
        if len(pairs.table):
            pairs.motion.predict(
                dt_s,
                interval_s,
                pairs.table.body_px,
                self._settings.agility,
                FIRST_RATE,
            )
            pairs.table.frames += 1
        seeds.frames += 1
        fresh, blob = self._fresh(seen, is_free, time_s)
        newborn = []
        if len(pairs.table) and blob.size:
            triples, used = self._triples(
                pairs, fresh, blob, dt_s, interval_s, background, shutter.share
            )
            newborn.append(triples)
            if used.size:
                self._forget(used)
                is_left = ~_is_among(fresh.key, used)
                fresh, blob = fresh.take(is_left), blob[is_left]
        if len(self._pairs.table):
            self._pairs = self._pairs.take(self._pairs.table.frames < FRAMES_BACK)
        if len(self._seeds) and blob.size:
            found = self._make_pairs(
                fresh, blob, interval_s, background, field_px, shutter
            )
            couples, used = self._couples(found, new_per_frame)
            newborn.append(couples)
            self._pairs = self._pairs.joined(found)
            if used.size:
                self._forget(used)
                fresh = fresh.take(~_is_among(fresh.key, used))
        is_kept = self._seeds.frames < FRAMES_BACK
        self.given_up = self._seeds.odds[~is_kept]
        self._seeds = self._seeds.take(is_kept).joined(fresh)
        return _together(newborn)

    def _fresh(
        self, seen: Sightings, is_free: Bools, time_s: float
    ) -> tuple[_Seeds, Ints]:
        """Make seeds of the free blobs, and give their rows in `seen`."""
        blob = np.flatnonzero(is_free)
        if blob.size > MAX_SEEDS:
            surest = np.argsort(-seen.confidence[blob], kind="stable")
            blob = blob[surest[:MAX_SEEDS]]
        fresh = _Seeds(np.empty((_Seeds.COUNT, blob.size)))
        fresh.values[: Sightings.COUNT] = seen.values[:, blob]
        fresh.time_s = time_s
        fresh.frames = 0
        fresh.key = np.arange(self._next_key, self._next_key + blob.size)
        self._next_key += blob.size
        return fresh, blob

    def _forget(self, keys: Floats) -> None:
        """Drop what holds a blob that a track has now."""
        self._pairs = self._pairs.without(keys)
        self._seeds = self._seeds.take(~_is_among(self._seeds.key, keys))

    def _triples(
        self,
        pairs: _Pairs,
        fresh: _Seeds,
        blob: Ints,
        dt_s: float,
        interval_s: float,
        background: Background,
        share: float | None,
    ) -> tuple[Newborn, Floats]:
        """Pairs that a third blob goes on from, and the keys of all their blobs."""
        centre = pairs.motion.combined()
        reach = GATE_SIGMA * pairs.motion.sigma_px(centre[:2])
        reach += GATE_BODIES * pairs.table.body_px
        pair, third, _ = pairs_within(centre[:2], fresh.point_px, reach, PARTNERS)
        ratio = np.abs(np.log(fresh.body_px[third] / pairs.table.body_px[pair]))
        is_alike = ratio < MAX_SIZE_LOG_RATIO
        pair, third = pair[is_alike], third[is_alike]
        if not pair.size:
            return NOBODY, _NONE
        points, noise = fresh.point_px[:, third], fresh.noise_px2[third]
        likelihood = pairs.motion.log_likelihood(pair, points, noise)
        told = None
        if share is not None and np.count_nonzero(fresh.sharpness):
            share_s = share * interval_s
            told = shown(pairs.motion, pair, fresh, third, likelihood, dt_s, share_s)
        else:
            step = centre[2:, pair] * interval_s
            likelihood[:BOUNCE] += streak_log_ratio(fresh, third, step)
        chance = pairs.table.log_chance[pair] + np.log(background.per_px2)
        density, weight = weighed(likelihood)
        chance -= density + fresh.evidence[third]
        chance += MISS_LOG_RATIO * (pairs.table.frames[pair] - 1)
        order = np.argsort(chance, kind="stable")[:MAX_TRIPLES]
        order = order[chance[order] < MOST_LOG_CHANCE]
        if not order.size:
            return NOBODY, _NONE
        keys = np.stack(
            [
                pairs.table.first_key[pair[order]],
                pairs.table.second_key[pair[order]],
                fresh.key[third[order]],
            ]
        )
        first_come = _first_come(keys)
        order = order[first_come]
        log_chance = among_the_rest(chance[order], self._log_believed, blob.size)
        kept = (log_chance < 0).nonzero()[0]
        order, log_chance = order[kept], log_chance[kept]
        keys = keys[:, first_come[kept]]
        pair, third = pair[order], third[order]
        motion = pairs.motion.take(pair)
        if told is not None:
            told.apply(motion, np.arange(pair.size), order)
        motion.correct(
            np.arange(pair.size),
            points[:, order],
            noise[order],
            weight[:, order],
        )
        born_s = pairs.table.born_s[pair]
        return Newborn(motion, blob[third], born_s, log_chance), keys.ravel()

    def _make_pairs(
        self,
        fresh: _Seeds,
        blob: Ints,
        interval_s: float,
        background: Background,
        field_px: tuple[int, int] | None,
        shutter: ShutterMeter,
    ) -> _Pairs:
        seeds = self._seeds
        apart_s = fresh.time_s[0] - seeds.time_s
        steps = apart_s / interval_s
        reach = self._settings.max_step_bodies * seeds.body_px * steps
        reach += 4 * self._settings.position_noise_px
        old, new, squared = pairs_within(
            seeds.point_px, fresh.point_px, reach, PARTNERS
        )
        ratio = np.abs(np.log(fresh.body_px[new] / seeds.body_px[old]))
        is_alike = ratio < MAX_SIZE_LOG_RATIO
        old, new, squared = old[is_alike], new[is_alike], squared[is_alike]
        if not old.size:
            return _NO_PAIRS
        table = _PairTable(np.zeros((_PairTable.COUNT, old.size)))
        body = table.body_px = np.sqrt(seeds.body_px[old] * fresh.body_px[new])
        area = np.pi * (squared + body**2 / 4)
        table.log_chance = np.log(background.per_frame * background.per_px2 * area)
        step = (fresh.point_px[:, new] - seeds.point_px[:, old]) / steps[old]
        motion = Motion.from_two_points(
            seeds.point_px[:, old],
            fresh.point_px[:, new],
            apart_s[old],
            fresh.noise_px2[new],
        )
        table.log_chance -= heed_pairs(
            motion, seeds, fresh, old, new, step, steps[old], interval_s, shutter
        )
        table.log_chance -= seeds.evidence[old] + fresh.evidence[new]
        if field_px is not None:
            table.log_chance += _entry_log_ratio(
                seeds.point_px[:, old], step, np.array(field_px)
            )
        table.born_s = seeds.time_s[old]
        table.first_key, table.second_key = seeds.key[old], fresh.key[new]
        table.blob = blob[new]
        pairs = _Pairs(table, motion)
        if old.size > MAX_PAIRS:
            order = np.argsort(table.log_chance, kind="stable")
            pairs = pairs.take(order[:MAX_PAIRS])
        return pairs

    def _couples(self, pairs: _Pairs, new_per_frame: float) -> tuple[Newborn, Floats]:
        """Pairs that need no third blob, and the keys of their blobs."""
        chance = pairs.table.log_chance
        order = np.argsort(chance, kind="stable")
        order = order[chance[order] < 0]
        if not order.size:
            return NOBODY, _NONE
        keys = np.stack([pairs.table.first_key[order], pairs.table.second_key[order]])
        first_come = _first_come(keys)
        is_sure = believable(
            chance[order[first_come]], self._log_believed, new_per_frame
        )
        first_come = first_come[is_sure]
        sure = pairs.take(order[first_come])
        newborn = Newborn(
            sure.motion,
            sure.table.blob.astype(np.intp),
            sure.table.born_s,
            sure.table.log_chance,
        )
        return newborn, keys[:, first_come].ravel()


def _entry_log_ratio(first_px: Floats, step_px: Floats, field_px: Floats) -> Floats:
    """How much less accidental a pair is that just came in from beyond the border.

    Parameters
    ----------
    first_px, step_px : ndarray of float64, shape (2, K)
        Where each pair was first, and how far it moves in a frame interval.
    field_px : ndarray of float64, shape (2,)
        Width and height of what can be seen.

    Returns
    -------
    ndarray of float64, shape (K,)
        Natural log of the part of the field from which so fast an object was beyond
        it a frame before; 0 for those that were not.
    """
    before = first_px - step_px
    came_in = ((before < 0) | (before > field_px[:, None])).any(axis=0)
    part = (np.abs(step_px) / field_px[:, None]).sum(axis=0)
    ratio = np.zeros(came_in.size)
    ratio[came_in] = np.log(np.minimum(ENTRY_DOUBT * part[came_in] + 1e-9, 1))
    return ratio


def _together(newborn: list[Newborn]) -> Newborn:
    some = [each for each in newborn if each.blob.size]
    if not some:
        return NOBODY
    if len(some) == 1:
        return some[0]
    first, second = some
    return Newborn(
        first.motion.joined(second.motion),
        np.concatenate([first.blob, second.blob]),
        np.concatenate([first.born_s, second.born_s]),
        np.concatenate([first.log_chance, second.log_chance]),
    )


def _is_among(keys: Floats, some: Floats) -> Bools:
    # Far faster than numpy.isin for the few keys that there are.
    is_among: Bools = (keys[:, None] == some).any(axis=1)
    return is_among


def _first_come(keys: Floats) -> Ints:
    """Go through columns of keys, and take each that shares none with one taken."""
    taken: set[float] = set()
    chosen = []
    for index, column in enumerate(keys.T.tolist()):
        if taken.isdisjoint(column):
            taken.update(column)
            chosen.append(index)
    return np.array(chosen, np.intp)
