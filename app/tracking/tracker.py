"""Follows small fast objects from the blobs of each frame."""

from __future__ import annotations

import math
import statistics
from collections import deque
from typing import TYPE_CHECKING

import numpy as np

from app.errors import ConsoleError
from app.frames import Blobs, Tracks, TrackState
from app.tracking.association import assign, load_solver, pairs_within
from app.tracking.background import BackgroundMeter
from app.tracking.birth import Newborn, Nursery, believable
from app.tracking.bounces import BounceMeter
from app.tracking.columns import Column, Columns
from app.tracking.confidence import ConfidenceMeter
from app.tracking.doubts import Doubts, Given, rivals
from app.tracking.merging import find_meetings
from app.tracking.motion import BOUNCE, Motion, weighed
from app.tracking.noise import NoiseMeter
from app.tracking.rejoining import rejoin
from app.tracking.returns import ENTRY_STEPS, EXIT_STEPS, INSIDE, Returns, side_of
from app.tracking.settings import TrackerSettings
from app.tracking.shutter import ShutterMeter
from app.tracking.sightings import (
    Sightings,
    position_noise_px2,
    sightings_of,
    size_cost,
    streak_log_ratio,
)
from app.tracking.steadiness import SteadinessMeter, ways_off
from app.tracking.streaks import GAIN, shown

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.intp]
    Bools = NDArray[np.bool_]

INTERVALS = 31
"""Frame intervals whose median is the usual one."""
FIRST_INTERVAL_S = 1 / 120
NEW_RATIO = 0.5
"""Blobs without a track that a track's own blob must be likelier than, as a part."""
CANDIDATES = 16
"""Blobs that are looked at for one track, the nearest."""
UNSEEN_COST = 1.0
"""Cost of going on, for every time that the time unseen is e times longer."""
WEAK_COST = 1.0
"""Of a blob too weak to start a track."""
SIZE_RATE = 0.25
"""Part of a blob's size that goes into its track's."""
PATIENCE = 10.0
"""Time a track may go unseen, in times that it was there before."""
MIN_PATIENCE_STEPS = 2.5
"""The same for new tracks, in frame intervals."""
WHOLE_FRAMES = 1 + 1e-6
"""Factor on a time of whole frames, so that rounding does not make it one shorter."""
MEETING_STEPS = 10.5
"""Frame intervals that two objects are followed for in one blob."""
MISS_LOG_RATIO = 2.3
"""How much likelier chance is for a frame without a blob, natural log."""
BEST_LOG_RATIO, WORST_LOG_RATIO = -8.0, 2.0
"""What one blob may change of how likely chance is."""
# NumPy compares with a plain number five times as fast as with a member of an enum.
TENTATIVE, CONFIRMED, LOST, ENDED = (
    float(each)
    for each in (
        TrackState.TENTATIVE,
        TrackState.CONFIRMED,
        TrackState.LOST,
        TrackState.ENDED,
    )
)


class _Table(Columns):
    """All about tracks but their motion, one row each, by ascending id."""

    id = Column(0)
    state = Column(1)
    width_px = Column(2)
    height_px = Column(3)
    long_px = Column(4)
    broad_px = Column(5)
    area_px = Column(6)
    confidence = Column(7)
    born_s = Column(8)
    seen_s = Column(9)
    log_chance = Column(10)
    """Natural log of how many tracks as good as this one chance would have given."""

    COUNT = 13
    BOX = slice(2, 4)
    LOOK = slice(2, 8)
    """The same columns as those of `Sightings`."""
    WAY_OFF = slice(11, 13)
    """Which way it was off from where it was expected; 0 if it was not seen."""

    @property
    def body_px(self) -> Floats:
        body: Floats = np.sqrt(self.long_px * self.broad_px)
        return body


class Tracker:
    """Gives every object an id and keeps it.

    Used from one thread. The same blobs at the same times give the same tracks.

    Parameters
    ----------
    settings : TrackerSettings, optional
    """

    def __init__(self, settings: TrackerSettings | None = None) -> None:
        self._settings = settings or TrackerSettings()
        self._log_believed = float(np.log(self._settings.false_tracks_per_frame))
        self._nursery = Nursery(self._settings)
        self._motion = Motion.empty()
        self._table = _Table(np.zeros((_Table.COUNT, 0)))
        self._next_id = 1
        self._time_s: float | None = None
        self._field_px: tuple[int, int] | None = None
        self._intervals_s: deque[float] = deque(maxlen=INTERVALS)
        self._interval_s = FIRST_INTERVAL_S
        self._meter = BackgroundMeter()
        self._noise = NoiseMeter()
        self._bounces = BounceMeter()
        self._doubts = Doubts()
        self._steadiness = SteadinessMeter()
        self._confidence = ConfidenceMeter()
        self._returns = Returns()
        # Ids of new tracks that may be lost ones that came back, or chance.
        self._open = np.zeros(0)
        self._shutter = ShutterMeter()
        self._background = self._meter.update(
            sightings_of(Blobs.empty(), self._settings), 0
        )
        load_solver()

    def change_settings(self, settings: TrackerSettings) -> None:
        """Heed other settings from the next frame on; tracks and their ids stay."""
        if settings is not self._settings:
            self._settings = settings
            self._log_believed = float(np.log(settings.false_tracks_per_frame))
            self._nursery.change_settings(settings)

    def update(
        self, blobs: Blobs, time_s: float, field_px: tuple[int, int] | None = None
    ) -> Tracks:
        """Continue the tracks with the blobs of one frame.

        Parameters
        ----------
        blobs : Blobs
            Not modified, not kept.
        time_s : float
            When the frame was taken; larger than that of the call before.
        field_px : (int, int), optional
            Width and height of what can be seen. None takes it to be where blobs
            were so far.

        Returns
        -------
        Tracks
            All tracks there are, with those that end now, by ascending id.

        Raises
        ------
        ConsoleError
            If the time is not larger than that of the call before.
        """
        dt_s = self._step(time_s)
        self._field_px = field_px
        seen = sightings_of(blobs, self._settings, self._noise.scale, self._confidence)
        body = self._table.body_px
        if body.size:
            self._motion.predict(
                dt_s,
                self._interval_s,
                body,
                self._settings.agility,
                self._bounces.rate,
                self._steadiness.scale,
            )
        if len(self._doubts):
            self._doubts.predict(
                dt_s,
                self._interval_s,
                self._settings.agility,
                self._bounces.rate,
                self._steadiness.scale,
            )
        # Of those that are not found now, it stays the same.
        patience_s = self._patience_s()
        is_free = seen.confidence >= self._settings.birth_confidence
        unseen_s = time_s - self._table.seen_s
        track, blob = self._match(seen, is_free, body, patience_s, unseen_s, dt_s)
        is_false = ~is_free
        is_free[blob] = is_false[blob] = False
        believed = blob[self._table.state[track] != TENTATIVE]
        free = int(np.count_nonzero(is_free))
        self._background = self._meter.update(seen, free, field_px)
        # What is new may all be clutter that the meter has not taken in yet.
        newborn = self._nursery.update(
            seen,
            is_free,
            time_s,
            dt_s,
            self._interval_s,
            self._background.with_at_least(free),
            field_px,
            self._returns.new_per_frame,
            self._shutter,
        )
        self._confidence.update(
            seen.odds[believed],
            np.concatenate([seen.odds[is_false], self._nursery.given_up]),
        )
        self._meter.take_back(newborn.blob.size)
        if newborn.blob.size:
            newborn, lost, again = self._rejoin(newborn, seen, time_s)
            track, blob = np.concatenate([track, lost]), np.concatenate([blob, again])
        self._see(track, seen.values[Sightings.LOOK].take(blob, axis=1), time_s)
        is_new = self._judge(patience_s, time_s)
        row = np.empty(body.size + newborn.blob.size, np.int32)
        row.fill(-1)
        row[track] = seen.row[blob]
        if newborn.blob.size:
            row[body.size :] = seen.row[newborn.blob]
            self._add(newborn, seen.values[Sightings.LOOK, newborn.blob], time_s)
            is_new = np.append(is_new, self._table.state[body.size :] == CONFIRMED)
        self._watch(len(seen), time_s)
        if self._open.size:
            is_open = np.isin(self._table.id, self._open)
            is_found = self._table.state == CONFIRMED
            is_new |= is_open & is_found
            self._open = self._table.id[is_open & ~is_found]
        if np.count_nonzero(is_new):
            self._recognise(is_new.nonzero()[0], row, time_s, field_px)
        self._exchange(row)
        tracks = self._tracks(row, time_s)
        is_alive = self._table.state != ENDED
        if np.count_nonzero(is_alive) < is_alive.size:
            if len(self._doubts):
                self._doubts.forget(self._table.id[~is_alive])
            self._table = self._table.take(is_alive)
            self._motion = self._motion.take(is_alive)
        return tracks

    def foreseen(self, least_chance: float) -> NDArray[np.int64]:
        """Ids of lost objects whose place is known nevertheless.

        Parameters
        ----------
        least_chance : float
            How likely the object is within a body length of its track, at least.
            A smaller one foresees for longer, and is wrong more often.

        Returns
        -------
        ndarray of int64
            As of the last frame. What should be beyond the border has left.
        """
        table = self._table
        place = self._motion.combined()[:2]
        is_known: Bools = table.state == LOST
        is_known &= side_of(place, self._field_px) == INSIDE
        is_known &= self._motion.chance_within(place, table.body_px) >= least_chance
        ids: NDArray[np.int64] = table.id[is_known].astype(np.int64)
        return ids

    def _step(self, time_s: float) -> float:
        """Time since the last frame; keeps the usual one up to date."""
        if self._time_s is None:
            self._time_s = time_s
            return 0.0
        dt_s = time_s - self._time_s
        if not dt_s > 0:
            raise ConsoleError(
                f"a frame of {time_s:.6f} s came after one of {self._time_s:.6f} s",
                hint="Start tracking anew where the time starts anew.",
            )
        self._time_s = time_s
        self._intervals_s.append(dt_s)
        self._interval_s = statistics.median_low(self._intervals_s)
        return dt_s

    def _match(
        self,
        seen: Sightings,
        is_strong: Bools,
        body: Floats,
        patience_s: Floats,
        unseen_s: Floats,
        dt_s: float,
    ) -> tuple[Ints, Ints]:
        """Give blobs to tracks, and correct the tracks by them."""
        motion = self._motion
        ways_before = self._table.values[_Table.WAY_OFF].copy()
        self._table.values[_Table.WAY_OFF] = 0.0
        if not body.size or not len(seen):
            none = np.zeros(0, np.intp)
            return none, none
        floor = NEW_RATIO * self._background.per_px2
        centre = motion.combined()
        noise = position_noise_px2(body * body, self._settings, self._noise.scale)
        has_streaks = np.count_nonzero(seen.sharpness) > 0
        share = self._shutter.share if has_streaks else None
        least = floor if share is None else floor / GAIN
        reach = motion.reach_px(centre[:2], noise, least)
        track, blob = pairs_within(centre[:2], seen.point_px, reach, CANDIDATES)[:2]
        points, noise = seen.point_px.take(blob, axis=1), seen.noise_px2[blob]
        likelihood = motion.log_likelihood(track, points, noise)
        told = None
        if share is not None:
            share_s = share * self._interval_s
            told = shown(motion, track, seen, blob, likelihood, dt_s, share_s)
        elif has_streaks:
            step = centre[2:, track] * self._interval_s
            likelihood[:BOUNCE] += streak_log_ratio(seen, blob, step)
        density, weight = weighed(likelihood)
        cost = math.log(floor) - density
        # One that was seen in the frame before is awaited at whatever rate.
        longest_s = np.maximum(patience_s, 1.01 * dt_s)
        waiting = _waiting_cost(unseen_s / self._interval_s)
        waiting[unseen_s > longest_s] = np.inf
        cost += waiting[track]
        unlike = size_cost(seen.body_px[blob], body[track])
        cost += unlike
        if np.count_nonzero(is_strong) < is_strong.size:
            cost += WEAK_COST * ~is_strong[blob]
        cost -= seen.evidence[blob]
        chosen = assign(track, blob, cost)
        met = rivals(track, blob, cost, chosen)
        if met is not None:
            self._doubt(*met, body)
        track, blob, noise = track[chosen], blob[chosen], noise[chosen]
        points = points.take(chosen, axis=1)
        points, hidden = self._part(track, blob, seen, centre[:2], points, unseen_s)
        if len(self._doubts):
            # Only where objects are tells them apart, not their streaks.
            place = motion.log_likelihood(track, points, noise) if has_streaks else None
            fit = density[chosen] if place is None else weighed(place)[0]
            fit -= unlike[chosen]
            given = Given(track, points, noise, seen.body_px[blob], fit)
            self._doubts.follow(self._table.id, given.joined(hidden))
        if self._noise.is_due():
            self._noise.update(motion.surprise(track, points, noise))
        ways = ways_off(points, centre[:2, track])
        self._steadiness.update(ways_before.take(track, axis=1), ways)
        self._table.values[_Table.WAY_OFF, track] = ways
        was_seen = unseen_s[track] < 1.01 * dt_s
        if has_streaks:
            self._watch_shutter(track[was_seen], blob[was_seen], seen, dt_s)
        if told is not None:
            told.apply(motion, track, chosen)
        weight = weight.take(chosen, axis=1)
        motion.correct(track, points, noise, weight)
        self._bounces.update(weight[BOUNCE, was_seen], dt_s / self._interval_s)
        change = math.log(self._background.per_px2) - density[chosen]
        change -= seen.evidence[blob]
        np.minimum(change, WORST_LOG_RATIO, out=change)
        np.maximum(change, BEST_LOG_RATIO, out=change)
        self._table.log_chance[track] += change
        return track, blob

    def _watch_shutter(
        self, track: Ints, blob: Ints, seen: Sightings, dt_s: float
    ) -> None:
        """Learn how long streaks are for the way from the frame before."""
        is_told = seen.sharpness[blob] > 0
        is_told &= self._table.state[track] == CONFIRMED
        if not np.count_nonzero(is_told):
            return
        track, blob = track[is_told], blob[is_told]
        now = self._motion.cruising()[:, track]
        step = seen.point_px[:, blob] - (now[:2] - now[2:] * dt_s)
        step *= self._interval_s / dt_s
        self._shutter.update(seen.streak_px[blob], np.hypot(*step))

    def _doubt(self, first: Ints, second: Ints, body: Floats) -> None:
        """Follow what these tracks would be with each other's blobs, from now on."""
        is_believed = self._table.state != TENTATIVE
        both = is_believed[first] & is_believed[second]
        self._doubts.add(first[both], second[both], self._table.id, body, self._motion)

    def _part(
        self,
        track: Ints,
        blob: Ints,
        seen: Sightings,
        centre: Floats,
        points: Floats,
        unseen_s: Floats,
    ) -> tuple[Floats, Given | None]:
        """Correct tracks by blobs they share.

        Returns
        -------
        points : ndarray of float64
            Those that the owners of the blobs get.
        hidden : Given or None
            What the others get.
        """
        table = self._table
        is_hidden = unseen_s < MEETING_STEPS * self._interval_s
        is_hidden[track] = False
        hidden = is_hidden.nonzero()[0]
        if not hidden.size:
            return points, None
        own = table.values[_Table.BOX]
        meetings = find_meetings(
            points,
            seen.values[Sightings.BOX].take(blob, axis=1),
            centre.take(track, axis=1),
            own.take(track, axis=1),
            centre.take(hidden, axis=1),
            own.take(hidden, axis=1),
        )
        if meetings is None:
            return points, None
        noise = seen.noise_px2[blob[meetings.pair]]
        hidden, place = hidden[meetings.hidden], meetings.hidden_px
        likelihood = self._motion.log_likelihood(hidden, place, noise)
        fit, weight = weighed(likelihood)
        self._motion.correct(hidden, place, noise, weight)
        points[:, meetings.pair] = meetings.seen_px
        return points, Given(hidden, place, noise, table.body_px[hidden], fit)

    def _rejoin(
        self, newborn: Newborn, seen: Sightings, time_s: float
    ) -> tuple[Newborn, Ints, Ints]:
        """Take new tracks for lost ones whose way they go on from.

        Returns
        -------
        newborn : Newborn
            The others.
        lost, again : ndarray of intp
            Rows of the tracks, and of the blobs they were found at.
        """
        table = self._table
        is_lost = (table.seen_s < time_s) & (table.state != TENTATIVE)
        lost = np.flatnonzero(is_lost)
        gap_s = newborn.born_s[:, None] - table.seen_s[lost]
        body = table.body_px[lost]
        other = _waiting_cost(np.maximum(gap_s, 0) / self._interval_s)
        other += size_cost(seen.body_px[newborn.blob][:, None], body)
        other += self._returns.new_cost
        child, parent = rejoin(
            self._motion.cruising()[:, lost],
            newborn.motion.combined(),
            time_s - table.seen_s[lost],
            gap_s,
            body,
            self._interval_s,
            self._background.per_px2,
            other,
        )
        self._returns.found_again(child.size)
        parent = lost[parent]
        self._motion.state[:, :, parent] = newborn.motion.state[:, :, child]
        is_new = np.ones(newborn.blob.size, bool)
        is_new[child] = False
        return newborn.take(is_new), parent, newborn.blob[child]

    def _watch(self, blobs: int, time_s: float) -> None:
        table = self._table
        lost = (table.state == LOST).nonzero()[0]
        self._returns.watch(blobs, (time_s - table.seen_s[lost]) / self._interval_s)

    def _recognise(
        self,
        new: Ints,
        row: NDArray[np.int32],
        time_s: float,
        field_px: tuple[int, int] | None,
    ) -> None:
        """Let tracks that are believed now be lost ones that came back.

        The new ones end; `row`, of each track's blob, goes over with the rest.
        """
        table = self._table
        lost = (table.state == LOST).nonzero()[0]
        gap_s = table.born_s[new][:, None] - table.seen_s[lost]
        mean = self._motion.combined()[:, new]
        ago_s = time_s - table.born_s[new] + ENTRY_STEPS * self._interval_s
        entries = side_of(mean[:2] - mean[2:] * ago_s, field_px)
        mean = self._motion.cruising()[:, lost]
        ago_s = time_s - table.seen_s[lost] - EXIT_STEPS * self._interval_s
        exits = side_of(mean[:2] - mean[2:] * ago_s, field_px)
        body = table.body_px
        child, parent, is_open = self._returns.choose(
            gap_s / self._interval_s,
            exits,
            entries,
            size_cost(body[new][:, None], body[lost]),
            np.exp(table.log_chance[new]),
        )
        self._open = np.append(self._open, table.id[new[is_open]])
        child, parent = new[child], lost[parent]
        kept = table.id[parent], table.born_s[parent]
        table.values[:, parent] = table.values[:, child]
        table.id[parent], table.born_s[parent] = kept
        self._motion.state[:, :, parent] = self._motion.state[:, :, child]
        row[parent] = row[child]
        table.state[child], row[child] = ENDED, -1

    def _exchange(self, row: NDArray[np.int32]) -> None:
        """Let tracks that went on as each other be who they are again."""
        table = self._table
        for first, second, state in self._doubts.settled():
            pair = table.id.searchsorted((first, second))
            kept = table.id[pair], table.born_s[pair]
            table.values[:, pair] = table.values[:, pair[::-1]]
            table.id[pair], table.born_s[pair] = kept
            self._motion.state[:, :, pair] = state
            row[pair] = row[pair[::-1]]

    def _patience_s(self) -> Floats:
        """How long each track may go unseen: the longer, the longer it was seen."""
        table = self._table
        patience_s = table.seen_s - table.born_s
        patience_s *= WHOLE_FRAMES * PATIENCE
        np.maximum(patience_s, MIN_PATIENCE_STEPS * self._interval_s, out=patience_s)
        most_s = WHOLE_FRAMES * self._settings.lost_after_s
        return np.minimum(patience_s, most_s, out=patience_s)

    def _see(self, track: Ints, look: Floats, time_s: float) -> None:
        """Let tracks look like the blobs they were found at."""
        own = self._table.values[_Table.LOOK]
        after = own.take(track, axis=1)
        after += SIZE_RATE * (look - after)
        after[-1] = look[-1]  # confidence is that of the last blob
        own[:, track] = after
        self._table.seen_s[track] = time_s

    def _judge(self, patience_s: Floats, time_s: float) -> Bools:
        """Move the tracks on in their lives; tells which are believed from now on."""
        table = self._table
        unseen_s = time_s - table.seen_s
        is_found = unseen_s == 0.0
        is_new: Bools = table.state == TENTATIVE
        state = np.where(is_found, CONFIRMED, LOST)
        is_over = unseen_s > patience_s
        if np.count_nonzero(is_new):
            tentative = is_new.nonzero()[0]
            is_missed = ~is_found[tentative]
            table.log_chance[tentative] += MISS_LOG_RATIO * is_missed
            chance = table.log_chance[tentative]
            is_new[tentative] = believable(
                chance, self._log_believed, self._returns.new_per_frame
            )
            is_new &= is_found
            state[tentative] = np.where(is_new[tentative], CONFIRMED, TENTATIVE)
            is_over[tentative] |= chance > 0
            is_new &= ~is_over
        state[is_over] = ENDED
        table.state = state
        return is_new

    def _add(self, newborn: Newborn, look: Floats, time_s: float) -> None:
        count = newborn.blob.size
        born = _Table(np.empty((_Table.COUNT, count)))
        born.id = np.arange(self._next_id, self._next_id + count)
        self._next_id += count
        is_believed = believable(
            newborn.log_chance, self._log_believed, self._returns.new_per_frame
        )
        born.state = np.where(is_believed, CONFIRMED, TENTATIVE)
        born.values[_Table.LOOK] = look
        born.born_s = newborn.born_s
        born.seen_s = time_s
        born.log_chance = newborn.log_chance
        born.values[_Table.WAY_OFF] = 0.0
        self._table = self._table.joined(born)
        self._motion = self._motion.joined(newborn.motion)

    def _tracks(self, row: NDArray[np.int32], time_s: float) -> Tracks:
        table = self._table
        mean = self._motion.combined()
        covariance = self._motion.covariance_px2(mean[:2])
        age_s = time_s - table.born_s
        sigma_px = np.sqrt((covariance[0] + covariance[2]) * 0.5)
        box, rest = table.values[_Table.BOX], (table.area_px, table.confidence)
        floats = np.concatenate(
            (mean, box, rest, age_s[None], sigma_px[None], covariance),
            dtype=np.float32,
        )
        ids = table.id.astype(np.int64)
        state = table.state.astype(np.uint8)
        for each in (floats, ids, state, row):
            each.setflags(write=False)
        x, y, vx, vy, width, height, area, confidence, age, sigma = floats[:10]
        return Tracks(
            ids,
            state,
            x,
            y,
            vx,
            vy,
            width,
            height,
            area,
            confidence,
            row,
            age,
            sigma,
            floats[10:],
        )


def _waiting_cost(steps: Floats) -> Floats:
    """How much less likely a track goes on after so many frame intervals."""
    cost: Floats = np.log(np.maximum(steps, 1.0))
    cost *= UNSEEN_COST
    return cost
