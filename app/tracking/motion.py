"""Motion of many tracks at once, as three guesses about each.

Since it was last seen an object went on as it did (CRUISE), turned (TURN), or hit
something and left at any angle (BOUNCE). Each guess is a constant-velocity Kalman
filter, and its weight follows from how well it predicted the blobs. Whenever a track
is seen, all three start anew from what they believe together, as in an interacting
multiple model filter; the third then loses its direction. Through a gap they stay
apart: an object that came back from a wall is found again near the wall, and one that
flew on is found far behind it.

Errors are taken to be the same along x and y, so a covariance is three numbers:
of position, of position with velocity, of velocity.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Rows = NDArray[np.intp] | NDArray[np.bool_]

MODELS = 3
CRUISE, TURN, BOUNCE = range(MODELS)

ACCELERATION = np.array([[0.04], [0.45], [0.45]])
"""Of each model (row), in body lengths per frame interval squared."""
SWERVE = 0.05
"""Acceleration while cruising that grows with speed: parts of it per interval."""
MIN_BODY_PX = 4.0
"""Smaller objects turn no less, and are measured no better, than this one."""
KEEP = 0.95
"""Probability that cruising, or turning, goes on for another frame."""
LATER_BOUNCES = 1 / 3
"""Bounces while an object is unseen, which has other causes as a rule, as a part."""
BOUNCE_SPEED = 2.0
"""Speed after a bounce, relative to that before."""
BOUNCE_BODIES = 1.5
"""Speed given to an object at rest, in body lengths per frame interval."""

_MEAN = slice(0, 4)
_POSITION = slice(0, 2)
_VELOCITY = slice(2, 4)
_COVARIANCE = slice(4, 7)
_PP, _PV, _VV, _WEIGHT = 4, 5, 6, 7
_ROWS = 8


class Motion:
    """Position and velocity of T tracks under each of M models.

    Parameters
    ----------
    state : ndarray of float64, shape (8, M, T)
        x, y in px; their velocities in px/s; the variances in px^2, px^2/s and
        px^2/s^2; the probability of the model. Kept, and modified. Each lies in one
        piece for all models, on which NumPy is twice as fast for few tracks.
    """

    __slots__ = ("state",)

    def __init__(self, state: Floats) -> None:
        self.state = state

    @staticmethod
    def empty() -> Motion:
        """No tracks."""
        return Motion(np.zeros((_ROWS, MODELS, 0)))

    @staticmethod
    def from_two_points(
        first_px: Floats,
        second_px: Floats,
        dt_s: Floats,
        noise_px2: Floats,
    ) -> Motion:
        """Start at the second of two positions of each of N objects.

        Parameters
        ----------
        first_px, second_px : ndarray of float64, shape (2, N)
        dt_s : ndarray of float64, shape (N,)
            Time between the two, over 0.
        noise_px2 : ndarray of float64, shape (N,)
            Variance of a measured position along one axis.
        """
        state = np.empty((_ROWS, MODELS, dt_s.size))
        state[_POSITION] = second_px[:, None]
        state[_VELOCITY] = ((second_px - first_px) / dt_s)[:, None]
        state[_PP] = noise_px2
        state[_PV] = noise_px2 / dt_s
        state[_VV] = 2 * noise_px2 / dt_s**2
        state[_WEIGHT] = 0.5
        state[_WEIGHT, BOUNCE] = 0
        return Motion(state)

    def __len__(self) -> int:
        return int(self.state.shape[2])

    def take(self, rows: Rows) -> Motion:
        """Copy the given rows."""
        return Motion(self.state[:, :, rows])

    def joined(self, other: Motion) -> Motion:
        """Put the rows of another behind these."""
        return Motion(np.concatenate([self.state, other.state], axis=2))

    def combined(self) -> Floats:
        """Mean over the models: x, y and their velocities, shape (4, T)."""
        weighted = self.state[_MEAN] * self.state[_WEIGHT]
        mean: Floats = np.add.reduce(weighted, axis=1)
        return mean

    def cruising(self) -> Floats:
        """Mean of the model that nothing happens to, shape (4, T). Not a copy."""
        return self.state[_MEAN, CRUISE]

    def covariance_px2(self, centre_px: Floats) -> Floats:
        """Of the position: along x, of x with y, along y; shape (3, T).

        Where the models are apart, as after a gap, it is longer along the way.

        Parameters
        ----------
        centre_px : ndarray of float64, shape (2, T)
            From `combined`.
        """
        apart = self.state[_POSITION] - centre_px[:, None]
        products = np.empty((3, *apart.shape[1:]))
        np.multiply(apart, apart[0], out=products[:2])
        np.multiply(apart[1], apart[1], out=products[2])
        products[::2] += self.state[_PP]
        products *= self.state[_WEIGHT]
        covariance: Floats = np.add.reduce(products, axis=1)
        return covariance

    def sigma_px(self, centre_px: Floats) -> Floats:
        """Standard deviation of the position along one axis, shape (T,).

        Parameters
        ----------
        centre_px : ndarray of float64, shape (2, T)
            From `combined`.
        """
        along_x, _, along_y = self.covariance_px2(centre_px)
        sigma: Floats = np.sqrt((along_x + along_y) / 2)
        return sigma

    def chance_within(self, centre_px: Floats, radius_px: Floats) -> Floats:
        """How likely each object is near a point, shape (T,).

        Good to a tenth: exact for the models whose mean is that point.

        Parameters
        ----------
        centre_px : ndarray of float64, shape (2, T)
        radius_px : ndarray of float64, shape (T,)
            How near.
        """
        twice = 2 * self.state[_PP]
        radius2 = radius_px * radius_px
        apart2 = _squared(self.state[_POSITION] - centre_px[:, None])
        chance = -np.expm1(-radius2 / twice) * np.exp(-apart2 / (twice + radius2))
        total: Floats = np.add.reduce(chance * self.state[_WEIGHT])
        return total

    def predict(
        self,
        dt_s: float,
        interval_s: float,
        body_px: Floats,
        agility: float,
        bounce_rate: float,
        steadiness: float = 1.0,
    ) -> None:
        """Move all tracks on.

        Parameters
        ----------
        dt_s : float
            Time to move on by.
        interval_s : float
            Usual time between frames. The models' noise is that of one such interval,
            and grows with `dt_s` as it does over several of them.
        body_px : ndarray of float64, shape (T,)
            Size of each object; larger ones turn in more pixels.
        agility : float
            Factor on the acceleration.
        bounce_rate : float
            Probability of a bounce in a frame interval.
        steadiness : float
            Factor on the acceleration of those that cruise.
        """
        steps = dt_s / interval_s
        body = np.maximum(body_px, MIN_BODY_PX)
        body *= agility
        velocity = self.state[_VELOCITY]
        dt = np.array(dt_s)  # which NumPy takes twice as fast as a plain number
        moved = velocity * dt
        speed2 = _squared(velocity)
        # Nothing has come of a bounce yet where a track was just seen.
        is_fresh = self.state[_WEIGHT, BOUNCE] == 0.0
        bounced = self._bounced(moved, speed2, dt_s, body / interval_s)
        self._shift_weight(is_fresh, steps, bounce_rate)
        self.state[_POSITION] += moved
        noise = ACCELERATION * body
        noise[CRUISE] *= steadiness
        noise *= noise
        noise[CRUISE] += speed2[CRUISE] * (SWERVE * agility * interval_s) ** 2
        pp, pv, vv = self.state[_COVARIANCE]
        pp += pv * dt
        pv += vv * dt
        pp += pv * dt
        growth = (steps**3 / 3, steps * steps / (2 * interval_s), steps / interval_s**2)
        self.state[_COVARIANCE] += np.multiply.outer(growth, noise)
        np.copyto(self.state[:_WEIGHT, BOUNCE], bounced, where=is_fresh)

    def _bounced(
        self, moved: Floats, speed2: Floats, dt_s: float, body_px_s: Floats
    ) -> Floats:
        """Let all tracks be hit at some moment of the time, each as likely.

        Parameters
        ----------
        moved, speed2 : ndarray of float64, shape (2, M, T) and (M, T)
            How far they would go, and their squared speed.
        dt_s : float
            The time.
        body_px_s : ndarray of float64, shape (T,)
            Body lengths per frame interval.

        Returns
        -------
        ndarray of float64, shape (7, T)
            Afterwards, without the weight. The way they went tells only in part how
            they go on: how much of it was before the hit is not known.
        """
        before, speed2 = self.state[:, BOUNCE], speed2[BOUNCE]
        variance = BOUNCE_BODIES * body_px_s
        variance *= variance
        variance += BOUNCE_SPEED**2 / 2 * speed2
        after = np.zeros((_WEIGHT, speed2.size))
        after[_POSITION] = before[_POSITION] + moved[:, BOUNCE] * 0.5
        growth = (dt_s * dt_s / 3, dt_s / 2, 1.0)
        np.multiply.outer(growth, variance, out=after[_COVARIANCE])
        after[_PP] += before[_PP] + speed2 * (dt_s * dt_s / 24)
        return after

    def _shift_weight(
        self, is_fresh: NDArray[np.bool_], steps: float, bounce_rate: float
    ) -> None:
        """Let the chance of a bounce grow with time."""
        weight = self.state[_WEIGHT]
        goes_on = np.where(
            is_fresh,
            (1 - bounce_rate) ** steps,
            (1 - LATER_BOUNCES * bounce_rate) ** steps,
        )
        weight *= goes_on
        weight[BOUNCE] += 1 - goes_on

    def reach_px(
        self, centre_px: Floats, noise_px2: Floats, density_px2: float
    ) -> Floats:
        """Distance beyond which no point is likelier than one of the background.

        Parameters
        ----------
        centre_px : ndarray of float64, shape (2, T)
            Where the distance is measured from, for each track.
        noise_px2 : ndarray of float64, shape (T,)
            Variance of a measured position along one axis.
        density_px2 : float
            Points per square pixel that have nothing to do with the track.

        Returns
        -------
        ndarray of float64, shape (T,)
        """
        variance = self.state[_PP] + noise_px2
        # The sum over the models is at most MODELS times the largest of them.
        ratio = (MODELS / (2 * np.pi * density_px2)) * self.state[_WEIGHT]
        ratio /= variance
        reach = np.log(np.maximum(ratio, 1.0, out=ratio), out=ratio)
        variance *= 2.0
        reach *= variance
        np.sqrt(reach, out=reach)
        apart = self.state[_POSITION] - centre_px[:, None]
        reach += np.sqrt(_squared(apart))
        farthest: Floats = np.maximum.reduce(reach)
        return farthest

    def log_likelihood(
        self, rows: NDArray[np.intp], points_px: Floats, noise_px2: Floats
    ) -> Floats:
        """Log density of each point under each model of its track.

        Parameters
        ----------
        rows : ndarray of intp, shape (K,)
        points_px : ndarray of float64, shape (2, K)
        noise_px2 : ndarray of float64, shape (K,)
            Variance of each point along one axis.

        Returns
        -------
        ndarray of float64, shape (M, K)
            With the weights of the models in it: the sum over the models of its
            exponential is the density of the point per square pixel.
        """
        state = self.state.take(rows, axis=2)
        twice = state[_PP] + noise_px2
        twice *= 2.0
        apart = points_px[:, None] - state[_POSITION]
        exponent = _squared(apart)
        exponent /= twice
        twice *= np.pi
        density: Floats = np.maximum(state[_WEIGHT], 1e-12)
        density /= twice
        np.log(density, out=density)
        density -= exponent
        return density

    def joint_log_likelihood(
        self,
        rows: NDArray[np.intp],
        points_px: Floats,
        noise_px2: Floats,
        velocity_px_s: Floats,
        variance: Floats,
    ) -> Floats:
        """Log density of points that are seen to move, under each model.

        Parameters
        ----------
        rows : ndarray of intp, shape (K,)
        points_px, velocity_px_s : ndarray of float64, shape (2, K)
        noise_px2, variance : ndarray of float64, shape (K,)
            Of each point, and of each velocity, along one axis.

        Returns
        -------
        ndarray of float64, shape (M, K)
            As from `log_likelihood`, and per (px/s)^2.
        """
        state = self.state.take(rows, axis=2)
        pp, pv, vv = state[_COVARIANCE]
        total = vv + variance
        gain = pv / total
        rest = pp - gain * pv
        rest += noise_px2
        apart = velocity_px_s[:, None] - state[_VELOCITY]
        exponent = _squared(apart)
        exponent /= total
        # Where it is, as far as its velocity does not tell.
        apart *= gain
        apart += state[_POSITION]
        np.subtract(points_px[:, None], apart, out=apart)
        exponent += _squared(apart) / rest
        total *= rest
        density: Floats = np.maximum(state[_WEIGHT], 1e-12)
        density /= total
        np.log(density, out=density)
        density -= exponent * 0.5
        density -= 2 * np.log(2 * np.pi)
        return density

    def heed(self, velocity_px_s: Floats, variance: Floats) -> Floats:
        """Correct all tracks by a measured velocity of each.

        Parameters
        ----------
        velocity_px_s : ndarray of float64, shape (2, M, T), or (2, 1, T) for all models
        variance : ndarray of float64, shape (T,) or (M, T)
            Of each along one axis; infinite where nothing was measured.

        Returns
        -------
        ndarray of float64, shape (M, T)
            Log density of that velocity, under each model as it was before.
        """
        pp, pv, vv = self.state[_COVARIANCE]
        total = vv + variance
        apart = velocity_px_s - self.state[_VELOCITY]
        log_density: Floats = _squared(apart)
        log_density /= -2 * total
        log_density -= np.log(2 * np.pi * total)
        of_position = pv / total
        of_velocity = vv / total
        self.state[_POSITION] += of_position * apart
        self.state[_VELOCITY] += of_velocity * apart
        pp -= of_position * pv
        pv *= 1 - of_velocity
        vv *= 1 - of_velocity
        return log_density

    def surprise(
        self, rows: NDArray[np.intp], points_px: Floats, noise_px2: Floats
    ) -> Floats:
        """Squared distance from each track's likeliest model, in its own variances.

        Twice an exponentially distributed number where the uncertainty is honest:
        half of them are above 2 ln 2.

        Parameters
        ----------
        rows : ndarray of intp, shape (K,)
        points_px : ndarray of float64, shape (2, K)
        noise_px2 : ndarray of float64, shape (K,)
            Variance of each point along one axis.
        """
        model = self.state[_WEIGHT].argmax(axis=0)[rows]
        expected = self.state[:, model, rows]
        apart = points_px - expected[_POSITION]
        squared = apart * apart
        surprise: Floats = (squared[0] + squared[1]) / (expected[_PP] + noise_px2)
        return surprise

    def correct(
        self,
        rows: NDArray[np.intp],
        points_px: Floats,
        noise_px2: Floats,
        weight: Floats,
    ) -> None:
        """Move the given tracks towards the points they were seen at.

        Parameters
        ----------
        rows : ndarray of intp, shape (K,)
            Tracks, each at most once.
        points_px : ndarray of float64, shape (2, K)
        noise_px2 : ndarray of float64, shape (K,)
            Variance of each point along one axis.
        weight : ndarray of float64, shape (M, K)
            Of the models at these points, from `weighed`.
        """
        state = self.state.take(rows, axis=2)
        apart = points_px[:, None] - state[_POSITION]
        # Of the position, and of it with the velocity.
        across = state[_PP:_VV]
        gains = across / (across[0] + noise_px2)
        both = state[_MEAN].reshape(2, 2, *weight.shape)
        both += gains[:, None] * apart
        state[_VV] -= gains[1] * across[1]
        across *= 1 - gains[0]
        state[_WEIGHT] = weight
        _mix(state)
        self.state[:, :, rows] = state


def weighed(log_likelihood: Floats) -> tuple[Floats, Floats]:
    """Density of points, and how likely each model is there.

    Parameters
    ----------
    log_likelihood : ndarray of float64, shape (M, K)
        From `Motion.log_likelihood`.

    Returns
    -------
    log_density : ndarray of float64, shape (K,)
        Natural log of the density per square pixel under all models together.
    weight : ndarray of float64, shape (M, K)
        Of each model; they sum to 1.
    """
    most = np.maximum.reduce(log_likelihood)
    weight = np.exp(log_likelihood - most)
    total = np.add.reduce(weight)
    weight /= total
    most += np.log(total)
    return most, weight


_SHARE = np.array([[KEEP, 1 - KEEP, 1], [1 - KEEP, KEEP, 1], [0.5, 0.5, 1]])[:, :, None]
"""Part of each model (row) that the next step of each (column) starts from."""


def _mix(state: Floats) -> None:
    """Let every model start from what all of them believe."""
    joint = _SHARE * state[_WEIGHT, :, None]
    total = np.add.reduce(joint)
    joint /= total
    # Second moments about the origin mix linearly, covariances do not.
    _add_products(state, 0.5)
    mixed: Floats = np.einsum("ijk,nik->njk", joint, state[:_WEIGHT])
    _add_products(mixed, -0.5)
    state[:_WEIGHT] = mixed
    state[_WEIGHT] = total
    state[_WEIGHT, BOUNCE] = 0


def _add_products(state: Floats, factor: float) -> None:
    """Go from covariances to second moments, summed over x and y, or back."""
    # Of x, y, x, y, vx, vy each with x, y, vx, vy, vx, vy.
    mean = state.take(_TWICE, axis=0)
    products = mean[:-2] * mean[2:]
    moments = products[::2]
    moments += products[1::2]
    moments *= factor
    state[_COVARIANCE] += moments


_TWICE = np.array([0, 1, 0, 1, 2, 3, 2, 3])


def _squared(vectors: Floats) -> Floats:
    """Squared length of vectors, shape (2, ...)."""
    x, y = vectors * vectors
    x += y
    length2: Floats = x
    return length2
