"""What streaks show of velocities, once the shutter's share of a frame is known.

A streak is then a velocity but for its sign: v or -v. Each sign is tried, and so is
that it shows nothing, as where an object bounced or two grew together.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from app.tracking.motion import BOUNCE, MODELS, TURN, Motion
from app.tracking.sightings import WRONG_RATIO, streak_log_ratio

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from app.tracking.shutter import ShutterMeter
    from app.tracking.sightings import Sightings

    Floats = NDArray[np.float64]
    Ints = NDArray[np.intp]

LENGTHS = 2.0
"""Natural log of the longest over the shortest streak in a film.

By chance a streak has any direction, and any length between the two.
"""
GAIN = 8.0
"""How much likelier a streak makes a blob, at most: tracks reach farther for it."""
STRAIGHT, CURVED = 0.1, 0.6
"""Change of velocity between two frames, as a part of it: of objects that fly on, and
of those that are on a curve."""
SAME_SPEED = 0.2
"""Change of speed on a curve, as a part of it."""
UNEVEN = 0.15
"""What an even curve misses of the way between two frames, as a part of it."""
SWINGS = 0.5
"""Part of the objects that did not go on that are on a curve, and hit nothing."""
FIRST_TURN = 0.3
"""Change of velocity from that between a pair of blobs to that of its second one."""
ALIKE = 0.35
"""Difference of the natural logs of streaks that may be of one object."""
ALIGNED = 0.25
"""Tangent of the angle between their mean and the way between them."""
_SIGNS = np.array([0.0, 1.0, -1.0])
_MEAN_PLACE, _MEAN_VELOCITY = slice(0, 2), slice(2, 4)
_PP, _VV, _WEIGHT = 4, 6, 7


class Shown(NamedTuple):
    """What streaks tell of tracks that their blobs may belong to."""

    pair: Ints
    """Rows of the pairs with a streak, ascending."""
    velocity_px_s: Floats
    """Shape (2, K), but for the sign."""
    variance: Floats
    """Along one axis, shape (K,)."""
    sign: Floats
    """Likeliest under each model, shape (M, K): 1, -1, or 0 where it shows nothing."""

    def apply(self, motion: Motion, track: Ints, chosen: Ints) -> None:
        """Let tracks know the velocities of the blobs they were given.

        Parameters
        ----------
        motion : Motion
        track : ndarray of intp, shape (K,)
            Of the chosen pairs, each at most once.
        chosen : ndarray of intp, shape (K,)
            Rows of those pairs.
        """
        place = np.searchsorted(self.pair, chosen)
        is_in = place < self.pair.size
        is_in[is_in] = self.pair[place[is_in]] == chosen[is_in]
        place, track = place[is_in], track[is_in]
        sign = self.sign[:, place]
        told = motion.take(track)
        told.heed(
            sign * self.velocity_px_s[:, None, place],
            np.where(sign == 0, np.inf, self.variance[place]),
        )
        motion.state[:, :, track] = told.state


def shown(
    motion: Motion,
    track: Ints,
    seen: Sightings,
    blob: Ints,
    likelihood: Floats,
    dt_s: float,
    share_s: float,
) -> Shown:
    """Weigh pairs of tracks and blobs by the velocities that the blobs show.

    Parameters
    ----------
    motion : Motion
        At the time of the blobs. Not modified.
    track, blob : ndarray of intp, shape (K,)
        The pairs.
    seen : Sightings
    likelihood : ndarray of float64, shape (M, K)
        Of their places, from `Motion.log_likelihood`. Modified: where a blob is a
        streak it becomes that of place and streak, relative to how likely any object
        shows such a streak.
    dt_s : float
        Time since the frame before.
    share_s : float
        How long the shutter is open.
    """
    pair = np.flatnonzero(seen.sharpness[blob])
    track, blob = track[pair], blob[pair]
    velocity, variance = _velocities(seen, blob, share_s)
    points, noise = seen.point_px[:, blob], seen.noise_px2[blob]
    turning = motion.state[:, TURN].take(track, axis=1)
    chance = np.maximum(motion.state[_WEIGHT, BOUNCE].take(track), 1e-12)
    log = np.empty((3, MODELS, pair.size))
    log[0] = likelihood[:, pair] + math.log(WRONG_RATIO)
    relative = math.log((1 - WRONG_RATIO) / 2) - np.log(_by_chance(velocity))
    for row, sign in ((1, 1.0), (2, -1.0)):
        signed = sign * velocity
        log[row] = motion.joint_log_likelihood(track, points, noise, signed, variance)
        swing = _log_swing(turning, signed, variance, points, noise, dt_s)
        swing += np.log(SWINGS * chance)
        log[row, BOUNCE] += math.log(1 - SWINGS)
        log[row, BOUNCE] = np.logaddexp(log[row, BOUNCE], swing)
        log[row] += relative
    most = np.maximum.reduce(log)
    likelihood[:, pair] = most + np.log(np.exp(log - most).sum(axis=0))
    sign = _SIGNS[log.argmax(axis=0)]
    return Shown(pair, velocity, variance, sign)


def _log_swing(
    turning: Floats,
    velocity: Floats,
    variance: Floats,
    points: Floats,
    noise: Floats,
    dt_s: float,
) -> Floats:
    """Log density of place and velocity of objects that turned evenly, at any rate."""
    was = turning[_MEAN_VELOCITY]
    was2, speed2 = _squared(was), _squared(velocity)
    along = was2 * SAME_SPEED**2 + variance
    apart = np.sqrt(speed2) - np.sqrt(was2)
    place = turning[_MEAN_PLACE] + (_chord(was, velocity) - was) * dt_s
    across = noise + turning[_PP]
    across += (was2 * UNEVEN**2 + variance / 4) * dt_s**2
    log: Floats = apart * apart / (-2 * along)
    log -= _squared(points - place) / (2 * across)
    log -= np.log((2 * np.pi) ** 2.5 * across * np.sqrt(speed2 * along))
    return log


def heed_pairs(
    motion: Motion,
    first: Sightings,
    second: Sightings,
    old: Ints,
    new: Ints,
    step_px: Floats,
    steps: Floats,
    interval_s: float,
    shutter: ShutterMeter,
) -> Floats:
    """Weigh pairs of blobs by their streaks, and let them know their velocities.

    While the share is not known, it is learned from them, and only their directions
    count.

    Parameters
    ----------
    motion : Motion
        Of the pairs. Modified.
    first, second : Sightings
    old, new : ndarray of intp, shape (K,)
        Rows of the pairs in them.
    step_px : ndarray of float64, shape (2, K)
        Movement in one frame interval.
    steps : ndarray of float64, shape (K,)
        Frame intervals between the two.
    interval_s : float
        Usual time between frames.
    shutter : ShutterMeter

    Returns
    -------
    ndarray of float64, shape (K,)
        Natural log of how much likelier the streaks are of one object than not.
    """
    if not (np.count_nonzero(first.sharpness) or np.count_nonzero(second.sharpness)):
        return np.zeros(old.size)
    if shutter.share is None:
        is_next = steps < 1.5
        rows = old[is_next], new[is_next]
        shutter.update(*smooth_pairs(first, second, *rows, step_px[:, is_next]))
        ratio = streak_log_ratio(first, old, step_px)
        ratio += streak_log_ratio(second, new, step_px)
        return ratio
    velocity = step_px / interval_s
    heed_second(motion, second, new, velocity, shutter.share * interval_s)
    return pair_log_ratio(first, second, old, new, step_px, steps, shutter.share)


def pair_log_ratio(
    first: Sightings,
    second: Sightings,
    old: Ints,
    new: Ints,
    step_px: Floats,
    steps: Floats,
    share: float,
) -> Floats:
    """How much likelier the streaks of two blobs are if one object made both.

    Its mean velocity is then the step between them, and the two velocities differ as
    those of an object that flies on, or is on a curve.

    Parameters
    ----------
    first, second : Sightings
    old, new : ndarray of intp, shape (K,)
        Rows of the pairs in them.
    step_px : ndarray of float64, shape (2, K)
        Movement in one frame interval.
    steps : ndarray of float64, shape (K,)
        Frame intervals between the two.
    share : float
        Part of an interval that the shutter is open.

    Returns
    -------
    ndarray of float64, shape (K,)
        Natural log; 0 where neither is a streak.
    """
    likely = np.zeros(old.size)
    has_first, has_second = first.sharpness[old] > 0, second.sharpness[new] > 0
    own = (first.noise_px2[old] + second.noise_px2[new]) / steps**2
    for seen, row, is_it in (
        (first, old, has_first & ~has_second),
        (second, new, has_second & ~has_first),
    ):
        some = np.flatnonzero(is_it)
        likely[some] = _alone(
            *_velocities(seen, row[some], share), step_px[:, some], own[some]
        )
    some = np.flatnonzero(has_first & has_second)
    likely[some] = _together(
        *_velocities(first, old[some], share),
        *_velocities(second, new[some], share),
        step_px[:, some],
        own[some],
        steps[some],
    )
    tells = has_first | has_second
    ratio = np.log(WRONG_RATIO + (1 - WRONG_RATIO) * likely)
    ratio[~tells] = 0.0
    return ratio


def _alone(velocity: Floats, variance: Floats, step: Floats, own: Floats) -> Floats:
    """How much likelier one of two blobs is a streak along the step than by chance."""
    length2 = _squared(step)
    density = np.zeros(own.size)
    for turn in (STRAIGHT, CURVED):
        spread = variance + own + (turn / 2) ** 2 * length2
        density += _density(velocity - step, spread)
        density += _density(velocity + step, spread)
    density /= 4 * _by_chance(velocity)
    return density


def _together(
    one: Floats,
    one_variance: Floats,
    two: Floats,
    two_variance: Floats,
    step: Floats,
    own: Floats,
    steps: Floats,
) -> Floats:
    """How much likelier two streaks go with each other and the step than by chance."""
    length2 = _squared(step)
    # Objects that turn by more than a right angle are none of a pair.
    two = two * np.where((one * two).sum(axis=0) < 0, -1.0, 1.0)
    both = one_variance + two_variance
    change = _density(two - one, both + STRAIGHT**2 * length2 * steps)
    speed = np.sqrt(_squared(two))
    apart = speed - np.sqrt(_squared(one))
    spread = SAME_SPEED**2 * length2 + both
    curve = np.exp(apart * apart / (-2 * spread))
    curve /= np.sqrt(2 * np.pi * spread) * np.pi * speed
    mean = _chord(one, two)
    spread = both / 4 + own + length2 * (UNEVEN * steps) ** 2
    density = _density(mean - step, spread) + _density(mean + step, spread)
    density *= (change + curve) / 8
    density /= _by_chance(one) * _by_chance(two)
    return density


def heed_second(
    motion: Motion,
    seen: Sightings,
    blob: Ints,
    velocity_px_s: Floats,
    share_s: float,
) -> None:
    """Let pairs know how fast their second blob is, where that is a streak.

    Parameters
    ----------
    motion : Motion
        Of the pairs. Modified.
    seen : Sightings
    blob : ndarray of intp, shape (K,)
        Their second blobs.
    velocity_px_s : ndarray of float64, shape (2, K)
        Between the two.
    share_s : float
        How long the shutter is open.
    """
    some = np.flatnonzero(seen.sharpness[blob])
    velocity, variance = _velocities(seen, blob[some], share_s)
    between = velocity_px_s[:, some]
    velocity *= np.where((velocity * between).sum(axis=0) < 0, -1.0, 1.0)
    turned = motion.take(some)
    turned.state[_VV, TURN] += FIRST_TURN**2 * _squared(between)
    weight = turned.heed(velocity[:, None], variance)[:BOUNCE]
    weight -= np.logaddexp.reduce(weight)
    turned.state[_WEIGHT, :BOUNCE] = np.exp(weight)
    motion.state[:, :BOUNCE, some] = turned.state[:, :BOUNCE]


def smooth_pairs(
    first: Sightings, second: Sightings, old: Ints, new: Ints, step_px: Floats
) -> tuple[Floats, Floats]:
    """Streaks and steps of pairs that look like one object, whatever the share.

    Their streaks are as long as each other, and their mean is along the step.

    Parameters
    ----------
    first, second : Sightings
    old, new : ndarray of intp, shape (K,)
        Rows of the pairs in them.
    step_px : ndarray of float64, shape (2, K)

    Returns
    -------
    streak_px, step_px : ndarray of float64, shape (N,)
    """
    some = np.flatnonzero((first.sharpness[old] > 0) & (second.sharpness[new] > 0))
    one, _ = _velocities(first, old[some], 1.0)
    two, _ = _velocities(second, new[some], 1.0)
    step = step_px[:, some]
    length = np.sqrt(_squared(step))
    # Turned forwards, each.
    one *= np.where((one * step).sum(axis=0) < 0, -1.0, 1.0)
    two *= np.where((two * step).sum(axis=0) < 0, -1.0, 1.0)
    x, y = one + two
    along = x * step[0] + y * step[1]
    is_smooth = np.abs(x * step[1] - y * step[0]) < ALIGNED * along
    ratio = np.log(_squared(one) / _squared(two))
    is_smooth &= np.abs(ratio) < 2 * ALIKE
    along, length = along[is_smooth], length[is_smooth]
    return along / (2 * length), length


def _velocities(seen: Sightings, rows: Ints, share_s: float) -> tuple[Floats, Floats]:
    """Velocities that streaks show, shape (2, K), and their variance along one axis."""
    angle = seen.angle_rad[rows]
    velocity: Floats = np.stack([np.cos(angle), np.sin(angle)])
    velocity *= seen.streak_px[rows] / share_s
    return velocity, seen.streak_noise_px2[rows] / share_s**2


def _by_chance(velocity: Floats) -> Floats:
    """Density of the velocities that any streaks show."""
    density: Floats = 1 / (2 * np.pi * LENGTHS * _squared(velocity))
    return density


def _chord(one: Floats, two: Floats) -> Floats:
    """Mean velocity of objects that turn evenly from one to the other."""
    across = one[0] * two[1] - one[1] * two[0]
    half = np.abs(np.arctan2(across, (one * two).sum(axis=0))) / 2
    half = np.clip(half, 1e-6, 1.0)
    chord: Floats = (one + two) * (np.tan(half) / (2 * half))
    return chord


def _density(apart: Floats, variance: Floats) -> Floats:
    density: Floats = np.exp(_squared(apart) / (-2 * variance))
    density /= 2 * np.pi * variance
    return density


def _squared(vectors: Floats) -> Floats:
    x, y = vectors * vectors
    x += y
    squared: Floats = x
    return squared
