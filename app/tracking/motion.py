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

ACCELERATION = np.array([0.04, 0.45, 0.45])
"""Of each model, in body lengths per frame interval squared."""
SWERVE = np.array([0.05, 0.0, 0.0])
"""Of each model, acceleration that grows with speed: parts of it per interval."""
MIN_BODY_PX = 4.0
"""Smaller objects turn no less, and are measured no better, than this one."""
KEEP = 0.95
"""Probability that cruising, or turning, goes on for another frame."""
BOUNCE_RATE = 0.06
"""Probability of a bounce in a frame interval."""
LATER_BOUNCE_RATE = 0.02
"""The same while the object is unseen, which has other causes as a rule."""
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
    state : ndarray of float64, shape (M, 8, T)
        Of each model: x, y in px; their velocities in px/s; the variances in px^2,
        px^2/s and px^2/s^2; the probability of the model. Kept, and modified.
    """

    __slots__ = ("state",)

    def __init__(self, state: Floats) -> None:
        self.state = state

    @staticmethod
    def empty() -> Motion:
        """No tracks."""
        return Motion(np.zeros((MODELS, _ROWS, 0)))

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
        state = np.empty((MODELS, _ROWS, dt_s.size))
        state[:, _POSITION] = second_px
        state[:, _VELOCITY] = (second_px - first_px) / dt_s
        state[:, _PP] = noise_px2
        state[:, _PV] = noise_px2 / dt_s
        state[:, _VV] = 2 * noise_px2 / dt_s**2
        state[:, _WEIGHT] = 0.5
        state[BOUNCE, _WEIGHT] = 0
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
        weighted = self.state[:, _MEAN] * self.state[:, _WEIGHT, None]
        mean: Floats = np.add.reduce(weighted)
        return mean

    def cruising(self) -> Floats:
        """Mean of the model that nothing happens to, shape (4, T). Not a copy."""
        return self.state[CRUISE, _MEAN]

    def covariance_px2(self, centre_px: Floats) -> Floats:
        """Of the position: along x, of x with y, along y; shape (3, T).

        Where the models are apart, as after a gap, it is longer along the way.

        Parameters
        ----------
        centre_px : ndarray of float64, shape (2, T)
            From `combined`.
        """
        weight = self.state[:, _WEIGHT]
        apart = self.state[:, _POSITION] - centre_px
        products = np.empty((MODELS, 3, weight.shape[1]))
        np.multiply(apart, apart[:, :1], out=products[:, :2])
        np.multiply(apart[:, 1], apart[:, 1], out=products[:, 2])
        products[:, ::2] += self.state[:, _PP, None]
        products *= weight[:, None]
        covariance: Floats = np.add.reduce(products)
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

    def predict(
        self, dt_s: float, interval_s: float, body_px: Floats, agility: float
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
        """
        steps = dt_s / interval_s
        body = np.maximum(body_px, MIN_BODY_PX) * agility
        # Nothing has come of a bounce yet where a track was just seen.
        fresh = (self.state[BOUNCE, _WEIGHT] == 0).nonzero()[0]
        before = self.state[BOUNCE].take(fresh, axis=1)
        bounced = _bounced(before, dt_s, body[fresh] / interval_s)
        self._shift_weight(fresh, steps)
        self.state[:, _POSITION] += self.state[:, _VELOCITY] * dt_s
        velocity = self.state[:, _VELOCITY]
        noise = _squared(velocity) * (SWERVE[:, None] * (agility * interval_s)) ** 2
        noise += (ACCELERATION[:, None] * body) ** 2
        noise *= steps
        pp, pv, vv = self.state[:, _PP], self.state[:, _PV], self.state[:, _VV]
        pp += (2 * pv + vv * dt_s) * dt_s + noise * (steps * steps / 3)
        pv += vv * dt_s + noise * (steps / (2 * interval_s))
        vv += noise / interval_s**2
        self.state[BOUNCE, :_WEIGHT, fresh] = bounced.T

    def _shift_weight(self, fresh: NDArray[np.intp], steps: float) -> None:
        """Let the chance of a bounce grow with time."""
        weight = self.state[:, _WEIGHT]
        goes_on = np.empty(weight.shape[1])
        goes_on.fill((1 - LATER_BOUNCE_RATE) ** steps)
        goes_on[fresh] = (1 - BOUNCE_RATE) ** steps
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
        variance = self.state[:, _PP] + noise_px2
        # The sum over the models is at most MODELS times the largest of them.
        ratio = (MODELS / (2 * np.pi * density_px2)) * self.state[:, _WEIGHT] / variance
        reach = np.sqrt(2 * variance * np.log(np.maximum(ratio, 1)))
        apart = self.state[:, _POSITION] - centre_px
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
        state = self.state[:, :, rows]
        variance = state[:, _PP] + noise_px2
        apart = points_px - state[:, _POSITION]
        density: Floats = np.log(
            np.maximum(state[:, _WEIGHT], 1e-12) / (2 * np.pi * variance)
        )
        density -= _squared(apart) / (2 * variance)
        return density

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
        model = self.state[:, _WEIGHT].argmax(axis=0)[rows]
        expected = self.state[model, :, rows].T
        apart = points_px - expected[_POSITION]
        squared = apart * apart
        surprise: Floats = (squared[0] + squared[1]) / (expected[_PP] + noise_px2)
        return surprise

    def correct(
        self,
        rows: NDArray[np.intp],
        points_px: Floats,
        noise_px2: Floats,
        log_likelihood: Floats,
    ) -> None:
        """Move the given tracks towards the points they were seen at.

        Parameters
        ----------
        rows : ndarray of intp, shape (K,)
            Tracks, each at most once.
        points_px : ndarray of float64, shape (2, K)
        noise_px2 : ndarray of float64, shape (K,)
            Variance of each point along one axis.
        log_likelihood : ndarray of float64, shape (M, K)
            What `log_likelihood` gave for these points.
        """
        state = self.state.take(rows, axis=2)
        apart = points_px - state[:, _POSITION]
        pp, pv = state[:, _PP], state[:, _PV]
        variance = pp + noise_px2
        # Of the position, and of it with the velocity.
        gains = state[:, _PP:_VV] / variance[:, None]
        both = state[:, _MEAN].reshape(MODELS, 2, 2, -1)
        both += gains[:, :, None] * apart[:, None]
        state[:, _VV] -= gains[:, 1] * pv
        state[:, _PP:_VV] *= 1 - gains[:, :1]
        weight = np.exp(log_likelihood - np.maximum.reduce(log_likelihood))
        state[:, _WEIGHT] = weight / np.add.reduce(weight)
        _mix(state)
        self.state[:, :, rows] = state


_SHARE = np.array([[KEEP, 1 - KEEP, 1], [1 - KEEP, KEEP, 1], [0.5, 0.5, 1]])
"""Part of each model (row) that the next step of each (column) starts from."""


def _mix(state: Floats) -> None:
    """Let every model start from what all of them believe."""
    joint = _SHARE[:, :, None] * state[:, None, _WEIGHT]
    total = np.add.reduce(joint)
    joint /= total
    # Second moments about the origin mix linearly, covariances do not.
    _add_products(state, 0.5)
    mixed: Floats = np.einsum("ijk,ink->jnk", joint, state[:, :_WEIGHT])
    _add_products(mixed, -0.5)
    state[:, :_WEIGHT] = mixed
    state[:, _WEIGHT] = total
    state[BOUNCE, _WEIGHT] = 0


def _add_products(state: Floats, factor: float) -> None:
    """Go from covariances to second moments, summed over x and y, or back."""
    mean = state[:, _MEAN]
    squares = mean * mean
    # Of the position and of the velocity: along x, and along y.
    state[:, _PP : _VV + 1 : 2] += factor * (squares[:, ::2] + squares[:, 1::2])
    across = mean[:, _POSITION] * mean[:, _VELOCITY]
    state[:, _PV] += factor * (across[:, 0] + across[:, 1])


def _squared(vectors: Floats) -> Floats:
    """Squared length of vectors, shape (M, 2, T)."""
    squares = vectors * vectors
    length2: Floats = squares[:, 0] + squares[:, 1]
    return length2


def _bounced(state: Floats, dt_s: float, body_px_s: Floats) -> Floats:
    """Move on tracks that are hit at some moment of the time, each as likely.

    Parameters
    ----------
    state : ndarray of float64, shape (8, K)
        Of one model, before.
    dt_s : float
        Time to move on by.
    body_px_s : ndarray of float64, shape (K,)
        Body lengths per frame interval.

    Returns
    -------
    ndarray of float64, shape (7, K)
        Afterwards, without the weight. The way they went tells only in part how they
        go on: how much of it was before the hit is not known.
    """
    velocity = state[_VELOCITY]
    speed2 = np.add.reduce(velocity * velocity)
    variance = BOUNCE_SPEED**2 / 2 * speed2 + (BOUNCE_BODIES * body_px_s) ** 2
    after = np.zeros((_WEIGHT, speed2.size))
    after[_POSITION] = state[_POSITION] + velocity * (dt_s / 2)
    after[_PP] = state[_PP] + (variance / 3 + speed2 / 24) * dt_s**2
    after[_PV] = variance * (dt_s / 2)
    after[_VV] = variance
    return after
