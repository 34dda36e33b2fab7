"""Paths of objects through a scene: closed-form functions of time.

Every path is a chain of pieces of constant acceleration, so that a position at any
time, and the streak between two times, cost a look-up and a few multiplications.
"""

import bisect
import enum
import math
from typing import TYPE_CHECKING, Callable, Dict, List, NamedTuple, Tuple

if TYPE_CHECKING:
    import numpy as np


class Motion(str, enum.Enum):
    """How objects move."""

    LINEAR = "linear"
    """Straight, at constant speed."""
    BALLISTIC = "ballistic"
    """Thrown: an arc under gravity."""
    BOUNCING = "bouncing"
    """Reflected by the frame's edges a few times, then leaving."""
    MANOEUVRING = "manoeuvring"
    """Turning at random, as insects do, and kept inside for a while."""
    MIXED = "mixed"
    """Each object one of the others."""


class Streak(NamedTuple):
    """A straight part of what an object travelled while the shutter was open."""

    x0_px: float
    y0_px: float
    x1_px: float
    y1_px: float
    time_ratio: float
    """Share of the exposure spent on this part."""

    @property
    def x_px(self) -> float:
        """Its middle."""
        return 0.5 * (self.x0_px + self.x1_px)

    @property
    def y_px(self) -> float:
        """Its middle."""
        return 0.5 * (self.y0_px + self.y1_px)

    @property
    def length_px(self) -> float:
        """From its beginning to its end."""
        return math.hypot(self.x1_px - self.x0_px, self.y1_px - self.y0_px)

    @property
    def heading_rad(self) -> float:
        """Direction of travel against x, y down."""
        return math.atan2(self.y1_px - self.y0_px, self.x1_px - self.x0_px)


class _Piece(NamedTuple):
    start_s: float
    x: float
    y: float
    vx: float
    vy: float
    ax: float
    ay: float

    def at(self, time_s: float) -> Tuple[float, float, float, float]:
        t = time_s - self.start_s
        return (
            self.x + (self.vx + 0.5 * self.ax * t) * t,
            self.y + (self.vy + 0.5 * self.ay * t) * t,
            self.vx + self.ax * t,
            self.vy + self.ay * t,
        )


class Path:
    """Position and velocity as functions of the time since birth.

    Parameters
    ----------
    pieces : list of pieces
        In order, the first from time 0.
    end_s : float
        When the object has left.
    """

    def __init__(self, pieces: List[_Piece], end_s: float) -> None:
        self.end_s = end_s
        self._pieces = pieces
        self._starts = [piece.start_s for piece in pieces]

    def at(self, time_s: float) -> Tuple[float, float, float, float]:
        """Position in px and velocity in px/s: x, y, vx, vy."""
        number = max(0, bisect.bisect_right(self._starts, time_s) - 1)
        return self._pieces[number].at(time_s)

    def streaks(
        self, begin_s: float, end_s: float, offset_px: Tuple[float, float]
    ) -> List[Streak]:
        """Straight parts travelled between two times, broken where pieces meet."""
        dx, dy = offset_px
        whole_s = end_s - begin_s
        inner = [start for start in self._starts[1:] if begin_s < start < end_s]
        times = [begin_s, *inner, end_s]
        streaks = []
        x0, y0, _, _ = self.at(begin_s)
        for since_s, until_s in zip(times, times[1:]):
            x1, y1, _, _ = self.at(until_s)
            ratio = (until_s - since_s) / whole_s if whole_s > 0.0 else 1.0
            streaks.append(Streak(x0 + dx, y0 + dy, x1 + dx, y1 + dy, ratio))
            x0, y0 = x1, y1
        return streaks


class Arena(NamedTuple):
    """Where an object moves, and how much room it needs to be out of sight."""

    width_px: int
    height_px: int
    size_px: float
    reach_px: float
    """Distance of its centre from the frame at which nothing of it is seen."""


def draw_path(
    rng: "np.random.Generator", motion: Motion, arena: Arena, speed_px_s: float
) -> Path:
    """Draw a path at random.

    Four in five objects enter across an edge, the others appear inside; all leave
    across an edge.

    Parameters
    ----------
    rng : Generator
        Its state alone decides the path.
    motion : Motion
        Not `MIXED`.
    arena : Arena
        The frame and the object's room in it.
    speed_px_s : float
        Above 0. Speed at birth; gravity adds to it.
    """
    begin = _birthplace(rng, motion, arena)
    target = (
        rng.uniform(0.1, 0.9) * arena.width_px,
        rng.uniform(0.1, 0.6 if motion is Motion.BALLISTIC else 0.9) * arena.height_px,
    )
    distance = max(1.0, math.hypot(target[0] - begin[0], target[1] - begin[1]))
    aim_s = distance / speed_px_s
    first = _Piece(
        0.0,
        begin[0],
        begin[1],
        (target[0] - begin[0]) / aim_s,
        (target[1] - begin[1]) / aim_s,
        0.0,
        0.0,
    )
    return _DRAW[motion](rng, arena, first, aim_s)


def _birthplace(
    rng: "np.random.Generator", motion: Motion, arena: Arena
) -> Tuple[float, float]:
    across = rng.uniform(0.05, 0.95)
    if rng.random() < 0.2:
        return (
            rng.uniform(0.1, 0.9) * arena.width_px,
            across * arena.height_px,
        )
    # Thrown things do not come from above: they would leave before they arrive.
    side = int(rng.integers(0, 3 if motion is Motion.BALLISTIC else 4))
    if side == 0:
        return -arena.reach_px, across * arena.height_px
    if side == 1:
        return arena.width_px - 1 + arena.reach_px, across * arena.height_px
    if side == 2:
        return across * arena.width_px, arena.height_px - 1 + arena.reach_px
    return across * arena.width_px, -arena.reach_px


def _linear(
    rng: "np.random.Generator",  # noqa: ARG001  all motions are called alike
    arena: Arena,
    first: _Piece,
    aim_s: float,  # noqa: ARG001
) -> Path:
    return _path_that_leaves(arena, [first])


def _ballistic(
    rng: "np.random.Generator", arena: Arena, first: _Piece, aim_s: float
) -> Path:
    # Gravity in terms of the way, so that slow and fast throws both curve.
    crossing_s = _crossing_s(arena, first)
    gravity = rng.uniform(0.2, 1.0) * arena.height_px / crossing_s**2
    lead_s = min(aim_s, crossing_s)
    thrown = first._replace(vy=first.vy - 0.5 * gravity * lead_s, ay=gravity)
    return _path_that_leaves(arena, [thrown])


def _bouncing(
    rng: "np.random.Generator",
    arena: Arena,
    first: _Piece,
    aim_s: float,  # noqa: ARG001  all motions are called alike
) -> Path:
    gravity, restitution = 0.0, 1.0
    if rng.random() < 0.5:
        crossing_s = _crossing_s(arena, first)
        gravity = rng.uniform(0.2, 1.0) * arena.height_px / crossing_s**2
        restitution = rng.uniform(0.75, 0.95)
    radius = 0.5 * arena.size_px
    right, bottom = arena.width_px - 1 - radius, arena.height_px - 1 - radius
    pieces = [first._replace(ay=gravity)]
    if right - radius < 1.0 or bottom - radius < 1.0:
        return _path_that_leaves(arena, pieces)
    for _ in range(int(rng.integers(1, 7))):
        last = pieces[-1]
        across_s = _exit_s(last.x, last.vx, last.ax, radius, right)
        down_s = _exit_s(last.y, last.vy, last.ay, radius, bottom)
        flight_s = min(across_s, down_s)
        if math.isinf(flight_s):
            break
        x, y, vx, vy = last.at(last.start_s + flight_s)
        if across_s <= down_s:
            vx *= -restitution
        else:
            vy *= -restitution
        pieces.append(_Piece(last.start_s + flight_s, x, y, vx, vy, 0.0, gravity))
    return _path_that_leaves(arena, pieces)


def _manoeuvring(
    rng: "np.random.Generator",
    arena: Arena,
    first: _Piece,
    aim_s: float,  # noqa: ARG001  all motions are called alike
) -> Path:
    speed = math.hypot(first.vx, first.vy)
    crossing_s = min(arena.width_px, arena.height_px) / speed
    centre = (0.5 * arena.width_px, 0.5 * arena.height_px)
    heading = math.atan2(first.vy, first.vx)
    start_s, x, y = 0.0, first.x, first.y
    pieces = []
    for _ in range(int(rng.integers(6, 18))):
        duration_s = crossing_s * rng.uniform(0.1, 0.4)
        turn = rng.normal(0.0, 0.8)
        ahead = (
            x + speed * duration_s * math.cos(heading),
            y + speed * duration_s * math.sin(heading),
        )
        is_inside = 0 <= ahead[0] < arena.width_px and 0 <= ahead[1] < arena.height_px
        if not is_inside:
            home = math.atan2(centre[1] - y, centre[0] - x)
            off = home - heading
            turn = 0.3 * turn + math.atan2(math.sin(off), math.cos(off))
        turn = min(1.3, max(-1.3, turn))
        piece = _Piece(
            start_s,
            x,
            y,
            speed * math.cos(heading),
            speed * math.sin(heading),
            speed * (math.cos(heading + turn) - math.cos(heading)) / duration_s,
            speed * (math.sin(heading + turn) - math.sin(heading)) / duration_s,
        )
        pieces.append(piece)
        heading += turn
        start_s += duration_s
        x, y, _, _ = piece.at(start_s)
    pieces.append(
        _Piece(
            start_s,
            x,
            y,
            speed * math.cos(heading),
            speed * math.sin(heading),
            0.0,
            0.0,
        )
    )
    return _path_that_leaves(arena, pieces)


_DRAW: "Dict[Motion, Callable[[np.random.Generator, Arena, _Piece, float], Path]]" = {
    Motion.LINEAR: _linear,
    Motion.BALLISTIC: _ballistic,
    Motion.BOUNCING: _bouncing,
    Motion.MANOEUVRING: _manoeuvring,
}

SINGLE_MOTIONS = tuple(_DRAW)
"""What `MIXED` mixes."""


def _crossing_s(arena: Arena, first: _Piece) -> float:
    """Time to cross the frame at the speed of birth."""
    return 0.5 * (arena.width_px + arena.height_px) / math.hypot(first.vx, first.vy)


def _path_that_leaves(arena: Arena, pieces: List[_Piece]) -> Path:
    """End a path where it first goes out of sight."""
    room = arena.reach_px
    right, bottom = arena.width_px - 1 + room, arena.height_px - 1 + room
    starts = [piece.start_s for piece in pieces]
    for piece, until_s in zip(pieces, [*starts[1:], math.inf]):
        leave_s = piece.start_s + min(
            _exit_s(piece.x, piece.vx, piece.ax, -room, right),
            _exit_s(piece.y, piece.vy, piece.ay, -room, bottom),
        )
        if leave_s < until_s:
            return Path(pieces, leave_s)
    # Rounding may leave a path outside that began at the very edge.
    return Path(pieces, starts[-1])


def _exit_s(
    position: float, velocity: float, acceleration: float, low: float, high: float
) -> float:
    """Seconds until one coordinate crosses a bound outward; infinite if never."""
    best_s = math.inf
    for bound, outward in ((low, -1.0), (high, 1.0)):
        for time_s in _roots(0.5 * acceleration, velocity, position - bound):
            is_outward = (velocity + acceleration * time_s) * outward > 0.0
            if time_s >= 0.0 and is_outward:
                best_s = min(best_s, time_s)
    return best_s


def _roots(a: float, b: float, c: float) -> Tuple[float, ...]:
    """Real roots of `a t^2 + b t + c`."""
    if abs(a) < 1e-9:
        return (-c / b,) if abs(b) > 1e-9 else ()
    below = b * b - 4.0 * a * c
    if below < 0.0:
        return ()
    # The stable form: no difference of two nearly equal numbers.
    q = -0.5 * (b + math.copysign(math.sqrt(below), b))
    return (q / a, c / q) if q != 0.0 else (0.0,)
