"""The objects of a scene: their looks, and who follows whom."""

import array
import bisect
import math
from typing import TYPE_CHECKING, NamedTuple, Optional, Tuple

import numpy as np

from engines.scene.motion import SINGLE_MOTIONS, Arena, Motion, Path, draw_path
from engines.scene.settings import SceneSettings, random_stream
from engines.scene.sprites import Sprite

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Body(NamedTuple):
    """One object from its birth to its end."""

    id: int
    birth_s: float
    path: Path
    size_px: float
    sprite: Sprite
    angle_rad: float
    """At birth; against the direction of flight where it does not spin."""
    spin_rad_s: float
    grey: float
    pause_ratio: float
    """Time until its successor is born, in lifetimes."""

    @property
    def end_s(self) -> float:
        """When it has left."""
        return self.birth_s + self.path.end_s

    def angle_at(self, time_s: float) -> float:
        """Angle of the body against x, in radians."""
        if self.spin_rad_s != 0.0:
            return self.angle_rad + self.spin_rad_s * (time_s - self.birth_s)
        _, _, vx, vy = self.path.at(time_s - self.birth_s)
        return self.angle_rad + math.atan2(vy, vx)


class Succession:
    """Objects that follow one another, one at a time.

    Only the times of birth are kept, so that a scene can run for days; a body is
    drawn again from its own random stream when it is needed.

    Parameters
    ----------
    settings : SceneSettings
        The scene's.
    number : int
        Of this succession among the scene's; ids of its objects are this number
        plus multiples of `settings.object_count`.
    background_grey : float
        What contrast is measured from.
    """

    def __init__(
        self, settings: SceneSettings, number: int, background_grey: float
    ) -> None:
        self._settings = settings
        self._number = number
        self._background_grey = background_grey
        first = self._draw(0, 0.0)
        # The first one is already on its way when the scene begins.
        elapsed_ratio = random_stream(settings, 5, number).uniform(0.05, 0.8)
        birth_s = -elapsed_ratio * first.path.end_s
        self._births_s = array.array("d", [birth_s])
        self._recent = (0, first._replace(birth_s=birth_s))

    def body_at(self, time_s: float) -> Optional[Body]:
        """Body of a time; None in the pause between two."""
        while self._births_s[-1] <= time_s:
            last = self._body(len(self._births_s) - 1)
            # A path that misses the frame may have no length at all.
            lived_s = max(last.path.end_s, 1e-3)
            self._births_s.append(last.birth_s + lived_s * (1.0 + last.pause_ratio))
        body = self._body(bisect.bisect_right(self._births_s, time_s) - 1)
        return body if time_s < body.end_s else None

    def _body(self, ordinal: int) -> Body:
        if self._recent[0] != ordinal:
            self._recent = (ordinal, self._draw(ordinal, self._births_s[ordinal]))
        return self._recent[1]

    def _draw(self, ordinal: int, birth_s: float) -> Body:
        settings = self._settings
        identity = ordinal * settings.object_count + self._number
        rng = random_stream(settings, 6, identity)
        motion = Motion(settings.motion)
        if motion is Motion.MIXED:
            motion = SINGLE_MOTIONS[int(rng.integers(len(SINGLE_MOTIONS)))]
        size_px = _log_uniform(rng, settings.size_px)
        speed_px_s = _log_uniform(rng, settings.speed_px_s)
        # Room for the longest streak and some shake whatever they are set to: other
        # cameras then see the same objects on the same paths.
        reach_px = 0.5 * size_px + speed_px_s / settings.frame_rate_hz + 6.0
        arena = Arena(settings.width_px, settings.height_px, size_px, reach_px)
        path = draw_path(rng, motion, arena, speed_px_s)
        contrast = rng.uniform(*settings.contrast)
        grey = _contrasting(rng, self._background_grey, contrast)
        spins = rng.random() < 0.4
        return Body(
            identity,
            birth_s,
            path,
            size_px,
            _draw_sprite(rng, size_px),
            rng.uniform(0.0, 2.0 * math.pi) if spins else 0.0,
            rng.uniform(2.0, 25.0) * rng.choice((-1.0, 1.0)) if spins else 0.0,
            grey,
            rng.uniform(0.0, 0.1),
        )


def _log_uniform(rng: "np.random.Generator", bounds: Tuple[float, float]) -> float:
    return math.exp(rng.uniform(math.log(bounds[0]), math.log(bounds[1])))


def _contrasting(
    rng: "np.random.Generator", background: float, contrast: float
) -> float:
    """Grey that is darker or brighter than the background, where there is room."""
    sign = 1.0 if rng.random() < 0.5 else -1.0
    if not 0.0 <= background + sign * contrast <= 255.0:
        sign = 1.0 if background < 127.5 else -1.0
    return min(255.0, max(0.0, background + sign * contrast))


def _draw_sprite(rng: "np.random.Generator", size_px: float) -> Sprite:
    """Disc, ellipse, square, rod or triangle, with a paler rim or core."""
    shape = int(rng.integers(0, 5))
    if shape == 0:
        outline = _ellipse(1.0)
    elif shape == 1:
        outline = _ellipse(rng.uniform(0.45, 0.8))
    elif shape == 2:
        outline = _triangle(rng.uniform(0.7, 1.7))
    else:
        outline = _rectangle(1.0 if shape == 3 else rng.uniform(0.18, 0.4))
    paler = rng.uniform(0.5, 1.0)
    opacity = (1.0, paler) if rng.random() < 0.5 else (paler, 1.0)
    return Sprite(size_px, outline, opacity, is_round=shape == 0)


def _ellipse(breadth: float) -> "NDArray[np.float64]":
    angles = np.linspace(0.0, 2.0 * np.pi, 24, endpoint=False)
    return 0.5 * np.stack([np.cos(angles), breadth * np.sin(angles)], axis=1)


def _rectangle(breadth: float) -> "NDArray[np.float64]":
    signs = np.array([(1.0, 1.0), (-1.0, 1.0), (-1.0, -1.0), (1.0, -1.0)])
    return 0.5 / math.hypot(1.0, breadth) * signs * (1.0, breadth)


def _triangle(breadth: float) -> "NDArray[np.float64]":
    corners = np.array([(2.0, 0.0), (-1.0, breadth), (-1.0, -breadth)])
    return corners / max(math.hypot(3.0, breadth), 2.0 * breadth)
