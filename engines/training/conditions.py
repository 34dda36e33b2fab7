"""The conditions of training clips, drawn: everything about a clip but its pixels.

Each condition is absent in a part of the clips, so that the network learns the easy
case too. Lengths are pixels of the network's input, times are frames.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Conditions = dict[str, NDArray[np.float32]]
    """Each of shape (N, ...): one row a clip."""

FRAME_COUNT = 3
OBJECTS = 6
"""Most objects of a clip."""
DISTRACTORS = 3
"""Most slow things of a clip: people, arms, leaves. The last passes before all."""
SHADOWS = 2
FACES = 3
"""Straight cuts that make a body angular."""
WAVES = (6, 8)
"""Grid of the movement of leaves and water, rows and columns."""


@dataclass(frozen=True)
class ClipSize:
    """Size of a clip's frames."""

    width_px: int = 160
    height_px: int = 120
    """Half of the default network's input, so that its odd levels are met again.
    Both are multiples of 8, the size of a codec's block."""


def draw_conditions(
    rng: np.random.Generator,
    count: int,
    size: ClipSize,
    tiles: int,
    scene_ratio: float = 0.0,
) -> Conditions:
    """Draw the conditions of some clips.

    Parameters
    ----------
    rng : Generator
        Decides everything.
    count : int
        Clips.
    size : ClipSize
        Of their frames.
    tiles : int
        Backgrounds to choose from.
    scene_ratio : float
        Share of the clips that look like the synthetic source's scenes instead, of
        0 to 1: sharp bodies on still textures, of one grey, that pass at speed.

    Returns
    -------
    dict of ndarray of float32
        As `render.ClipRenderer` takes them.
    """
    draw = _Draw(rng, count)
    camera = _camera(draw, size, tiles)
    pan = camera["pan"]
    drawn = {
        **camera,
        **_light_and_sensor(draw),
        **_prefixed("object", _objects(draw, size, pan)),
        **_prefixed("distractor", _distractors(draw, size, pan)),
    }
    drawn.update(_prefixed("shadow", _shadows(draw, size, drawn)))
    if scene_ratio > 0.0:
        _make_scenes(draw, drawn, draw.chance(scene_ratio))
    return {name: np.asarray(value, np.float32) for name, value in drawn.items()}


class _Draw:
    """Draws arrays whose first axis is the clip."""

    def __init__(self, rng: np.random.Generator, count: int) -> None:
        self.rng = rng
        self.count = count

    def uniform(
        self, low: float, high: float, shape: tuple[int, ...] = ()
    ) -> NDArray[np.float64]:
        return self.rng.uniform(low, high, (self.count, *shape))

    def log_uniform(
        self, low: float, high: float, shape: tuple[int, ...] = ()
    ) -> NDArray[np.float64]:
        return np.exp(self.uniform(math.log(low), math.log(high), shape))

    def normal(self, *shape: int) -> NDArray[np.float64]:
        return self.rng.standard_normal((self.count, *shape))

    def chance(self, probability: float, *shape: int) -> NDArray[np.bool_]:
        return self.rng.random((self.count, *shape)) < probability

    def sign(self, *shape: int) -> NDArray[np.float64]:
        return np.where(self.chance(0.5, *shape), 1.0, -1.0)

    def heading(self, *shape: int) -> NDArray[np.float64]:
        angle = self.uniform(0.0, 2.0 * math.pi, shape)
        return np.stack([np.cos(angle), np.sin(angle)], axis=-1)


def _prefixed(
    prefix: str, drawn: dict[str, NDArray[np.float64]]
) -> dict[str, NDArray[np.float64]]:
    return {f"{prefix}_{name}": value for name, value in drawn.items()}


def _camera(draw: _Draw, size: ClipSize, tiles: int) -> dict[str, NDArray[np.float64]]:
    count = draw.count
    pan = np.where(draw.chance(0.4), draw.log_uniform(0.1, 8.0), 0.0)
    shake = np.where(draw.chance(0.5), draw.log_uniform(0.05, 1.5), 0.0)
    roll = np.where(draw.chance(0.15), draw.log_uniform(0.0005, 0.01), 0.0)
    zoom = np.where(draw.chance(0.12), draw.log_uniform(0.0005, 0.01), 0.0)
    wave = np.where(draw.chance(0.25), draw.log_uniform(0.15, 2.0), 0.0)
    # Hard contrast burns out and drowns, as in pictures of heat.
    gain = draw.log_uniform(0.08, 1.8) * draw.sign()
    return {
        "tile": draw.rng.integers(0, tiles, count).astype(np.float64),
        "tile_at": draw.uniform(0.0, 512.0, (2,)),
        "tile_scale": draw.log_uniform(0.35, 1.4),
        "tile_angle": draw.uniform(0.0, 2.0 * math.pi),
        "gain": gain,
        "level": draw.uniform(15.0, 240.0),
        "slope": np.where(draw.chance(0.3), draw.uniform(-60.0, 60.0), 0.0)[:, None]
        * draw.heading(),
        "pan": pan[:, None] * draw.heading(),
        "shake": shake[:, None, None] * draw.normal(FRAME_COUNT, 2),
        "roll": roll[:, None] * draw.normal(FRAME_COUNT),
        "zoom": zoom[:, None] * draw.normal(FRAME_COUNT),
        "wave": wave[:, None, None, None, None] * draw.normal(2, *WAVES, 2),
        "wave_rate": draw.uniform(0.2, 1.2),
        "rolling": np.where(draw.chance(0.3), draw.uniform(-0.9, 0.9), 0.0)
        / size.height_px,
        "exposure": draw.uniform(0.04, 1.0),
    }


def _copies(
    draw: _Draw,
    is_crowd: NDArray[np.bool_],
    diameter: NDArray[np.float64],
    speed: NDArray[np.float64],
    sparsest: float,
) -> dict[str, NDArray[np.float64]]:
    """A crowd is one body in every cell of a grid, each going its own way.

    `pitch` is the grid's, px; `spread` how far a copy may lie from its cell's middle;
    `density` the share of cells that hold one. A copy stays in its cell.
    """
    room = 1.4 * diameter + 4.5 * speed + 2.0
    pitch = room * draw.log_uniform(1.0, sparsest, diameter.shape[1:])
    pitch = np.maximum(pitch, 9.0)
    alone = 1e5
    return {
        "pitch": np.where(is_crowd, pitch, alone),
        "spread": np.where(is_crowd, pitch - room, 0.0),
        "density": draw.uniform(0.3, 1.0, diameter.shape[1:]),
    }


def _light_and_sensor(draw: _Draw) -> dict[str, NDArray[np.float64]]:
    count = draw.count
    flicker = np.where(draw.chance(0.3), draw.log_uniform(0.003, 0.06), 0.0)
    step = np.where(draw.chance(0.08), draw.uniform(-0.2, 0.2), 0.0)
    light = 1.0 + flicker[:, None] * draw.normal(FRAME_COUNT)
    light += step[:, None] * (np.arange(FRAME_COUNT) >= draw.rng.integers(1, 3))
    twin = draw.rng.random(count)
    return {
        "light": light,
        "defocus": np.where(draw.chance(0.3), draw.uniform(0.0, 2.0), 0.0),
        "noise": np.where(draw.chance(0.95), draw.log_uniform(0.3, 9.0), 0.0),
        "noise_shot": np.where(draw.chance(0.5), draw.uniform(0.0, 1.0), 0.0),
        "noise_soft": np.where(draw.chance(0.4), draw.uniform(0.0, 1.0), 0.0),
        "codec": np.where(draw.chance(0.45), draw.log_uniform(1.5, 40.0), 0.0),
        "codec_small": draw.chance(0.4).astype(np.float64),
        "codec_inter": draw.chance(0.7).astype(np.float64),
        # A source may repeat a frame, and the first of all has none before it.
        "repeats_first": (twin < 0.04).astype(np.float64),
        "repeats_second": (twin > 0.96).astype(np.float64),
    }


def _bodies(draw: _Draw, bodies: int) -> dict[str, NDArray[np.float64]]:
    """Shapes and textures: one or two ellipses, which straight cuts may trim."""
    shape = (bodies,)
    slim = draw.uniform(0.25, 1.0, shape)
    has_lobe = draw.chance(0.3, bodies)
    lobe = draw.uniform(0.5, 1.1, shape) * has_lobe
    cuts = np.where(
        draw.chance(0.4, bodies)[..., None],
        draw.uniform(0.3, 0.9, (bodies, FACES)),
        9.0,
    )
    texture = np.where(draw.chance(0.6, bodies), draw.log_uniform(5.0, 70.0, shape), 0)
    return {
        "slim": slim,
        "lobe": lobe,
        "lobe_slim": draw.uniform(0.15, 0.6, shape),
        "lobe_angle": draw.uniform(0.3, math.pi - 0.3, shape),
        "cut": cuts,
        "cut_angle": draw.uniform(0.0, 2.0 * math.pi, (bodies, FACES)),
        "texture": texture,
        "texture_wave": draw.normal(bodies, 2) * 5.0,
        "texture_phase": draw.uniform(0.0, 2.0 * math.pi, shape),
        "angle": draw.uniform(0.0, 2.0 * math.pi, shape),
        "spin": np.where(draw.chance(0.4, bodies), draw.normal(bodies), 0.0),
    }


def _objects(
    draw: _Draw, size: ClipSize, pan: NDArray[np.float64]
) -> dict[str, NDArray[np.float64]]:
    one = (OBJECTS,)
    alive = draw.rng.integers(0, OBJECTS + 1, draw.count)
    alive = np.where(draw.chance(0.3), np.minimum(alive, 1), alive)
    is_crowd = draw.chance(0.12)
    diameter = draw.log_uniform(1.2, 40.0)
    diameter = np.where(is_crowd, draw.log_uniform(1.2, 12.0), diameter)[
        :, None
    ] * np.exp(draw.uniform(-0.4, 0.4, one))
    lengths = draw.log_uniform(0.02, 10.0)[:, None] * np.exp(
        draw.uniform(-0.5, 0.5, one)
    )
    fastest = 0.5 * size.width_px
    speed = np.clip(diameter * lengths, 0.1, fastest)
    # What crawls differs by little between frames: there has to be enough of it.
    crawl = draw.log_uniform(0.2, 1.2)[:, None] * np.exp(draw.uniform(-0.3, 0.3, one))
    speed = np.where(draw.chance(0.2)[:, None], crawl, speed)
    speed = np.where(is_crowd[:, None], np.minimum(speed, 8.0), speed)
    heading = draw.heading(OBJECTS)
    velocity = speed[..., None] * heading + pan[:, None, :]
    turn = speed * np.where(draw.chance(0.5, OBJECTS), draw.normal(OBJECTS) * 0.15, 0)
    across = np.stack([-heading[..., 1], heading[..., 0]], axis=-1)
    faint = draw.log_uniform(9.0, 120.0)[:, None] * np.exp(draw.uniform(-0.4, 0.4, one))
    bodies = _bodies(draw, OBJECTS)
    # What does not spin flies along its longer axis, or across it.
    along = np.arctan2(heading[..., 1], heading[..., 0])
    is_aligned = draw.chance(0.5, OBJECTS)
    bodies["angle"] = np.where(is_aligned, along, bodies["angle"])
    bodies["spin"] = np.where(is_aligned, 0.0, bodies["spin"])
    crowded = np.broadcast_to(is_crowd[:, None], diameter.shape)
    return {
        **bodies,
        **_copies(draw, crowded, diameter, speed, 3.0),
        "is_there": (np.arange(OBJECTS) < alive[:, None]).astype(np.float64),
        "diameter": diameter,
        "at": draw.uniform(-0.05, 1.05, (OBJECTS, 2))
        * np.array([size.width_px, size.height_px]),
        "velocity": velocity,
        "turn": turn[..., None] * across,
        "own_speed": speed,
        "contrast": faint * draw.sign(OBJECTS),
        "opacity": np.where(
            draw.chance(0.75, OBJECTS), 1.0, draw.uniform(0.3, 1.0, one)
        ),
        "softness": draw.uniform(0.7, 1.3, one),
    }


def _distractors(
    draw: _Draw, size: ClipSize, pan: NDArray[np.float64]
) -> dict[str, NDArray[np.float64]]:
    one = (DISTRACTORS,)
    # Large ones may move some pixels a frame, small ones hardly: leaves, not birds.
    diameter = draw.log_uniform(4.0, 140.0, one)
    # Specks that stand still flicker under a codec or a shaking camera.
    are_specks = draw.chance(0.3, DISTRACTORS)
    are_crowds = are_specks & draw.chance(0.8, DISTRACTORS)
    diameter = np.where(are_specks, draw.log_uniform(1.0, 8.0, one), diameter)
    slow = draw.log_uniform(0.002, 0.09, one) * diameter
    speed = np.where(draw.chance(0.8, DISTRACTORS), slow, 0.0)
    speed = np.where(diameter < 45.0, np.minimum(speed, 0.08), speed)
    speed = np.where(are_specks, 0.0, speed)
    probability = np.array([0.4, 0.4, 0.25])
    bodies = _bodies(draw, DISTRACTORS)
    bodies["spin"] *= 0.03
    bodies["spin"] = np.where(are_specks, 0.0, bodies["spin"])
    return {
        **bodies,
        **_copies(draw, are_crowds, diameter, speed, 9.0),
        "is_there": (draw.rng.random((draw.count, DISTRACTORS)) < probability).astype(
            np.float64
        ),
        "diameter": diameter,
        "at": draw.uniform(-0.1, 1.1, (DISTRACTORS, 2))
        * np.array([size.width_px, size.height_px]),
        "velocity": speed[..., None] * draw.heading(DISTRACTORS) + pan[:, None, :],
        "turn": np.zeros((draw.count, DISTRACTORS, 2)),
        "contrast": draw.uniform(-150.0, 150.0, one),
        "opacity": np.ones((draw.count, DISTRACTORS)),
        "softness": draw.uniform(0.7, 2.5, one),
    }


def _shadows(
    draw: _Draw, size: ClipSize, drawn: dict[str, NDArray[np.float64]]
) -> dict[str, NDArray[np.float64]]:
    """Soft patches of light and dark that wander, or that objects cast."""
    one = (SHADOWS,)
    speed = draw.log_uniform(0.2, 14.0, one)
    depth = np.where(draw.chance(0.15, SHADOWS), draw.uniform(-0.35, 0.2, one), 0.0)
    at = draw.uniform(0.0, 1.0, (SHADOWS, 2)) * np.array(
        [size.width_px, size.height_px]
    )
    velocity = speed[..., None] * draw.heading(SHADOWS)
    radius = draw.log_uniform(3.0, 40.0, (SHADOWS, 2))
    # The first objects' own, below them and blurred as they are.
    is_alone = drawn["object_pitch"][:, :SHADOWS] > size.width_px
    is_cast = draw.chance(0.2, SHADOWS) & (
        (drawn["object_is_there"][:, :SHADOWS] > 0.0) & is_alone
    )
    wide = drawn["object_diameter"][:, :SHADOWS]
    way = drawn["object_velocity"][:, :SHADOWS]
    blur = 0.35 * drawn["exposure"][:, None, None] * np.abs(way)
    below = np.stack([draw.uniform(-0.7, 0.7, one), draw.uniform(0.5, 2.5, one)], -1)
    where = drawn["object_at"][:, :SHADOWS] + wide[..., None] * below
    flat = np.array([1.0, 0.6])
    cast = wide[..., None] * flat * draw.uniform(0.3, 0.8, one)[..., None] + blur
    given = is_cast[..., None]
    return {
        "depth": np.where(is_cast, draw.uniform(-0.5, -0.08, one), depth),
        "at": np.where(given, where, at),
        "velocity": np.where(given, way, velocity),
        "radius": np.where(given, cast, radius),
    }


def _make_scenes(
    draw: _Draw,
    drawn: dict[str, NDArray[np.float64]],
    are_scenes: NDArray[np.bool_],
) -> None:
    """Make some clips like the synthetic source's scenes, seen at half their size.

    Ranges are those of `engines.scene.random_settings`, a little wider than what the
    source shows by default.
    """
    one, slow = (OBJECTS,), (DISTRACTORS,)
    diameter = draw.log_uniform(1.2, 10.0)[:, None] * np.exp(
        draw.uniform(-0.5, 0.5, one)
    )
    speed = draw.log_uniform(0.5, 20.0)[:, None] * np.exp(draw.uniform(-0.6, 0.6, one))
    heading = draw.heading(OBJECTS)
    drift = np.where(draw.chance(0.3), draw.log_uniform(0.012, 0.6), 0.0)
    pan = drift[:, None] * draw.heading()
    across = np.stack([-heading[..., 1], heading[..., 0]], axis=-1)
    bend = np.where(draw.chance(0.5, OBJECTS), draw.normal(OBJECTS) * 0.15, 0.0)
    shake = np.where(draw.chance(0.4), draw.log_uniform(0.05, 0.8), 0.0)
    # The last thing that is slow is a bar before all of them: what hides objects.
    large = draw.uniform(15.0, 60.0, slow)
    slim = draw.uniform(0.3, 1.0, slow)
    wander = 0.1 * draw.normal(DISTRACTORS, 2)
    large[:, -1], slim[:, -1], wander[:, -1] = 300.0, 0.05, 0.0
    made = {
        "tile_scale": draw.uniform(1.0, 2.0),
        "gain": draw.log_uniform(0.04, 0.75) * draw.sign(),
        "level": draw.uniform(25.0, 225.0),
        "pan": pan,
        "shake": shake[:, None, None] * draw.normal(FRAME_COUNT, 2),
        # Two by two pixels of the source are one of the network's.
        "noise": np.where(draw.chance(0.95), draw.log_uniform(0.3, 6.0), 0.0),
        "object_diameter": diameter,
        "object_velocity": speed[..., None] * heading + pan[:, None, :],
        "object_own_speed": speed,
        "object_turn": (speed * bend)[..., None] * across,
        "object_contrast": draw.log_uniform(12.0, 90.0)[:, None]
        * np.exp(draw.uniform(0.0, 0.8, one))
        * draw.sign(OBJECTS),
        "distractor_diameter": large,
        "distractor_slim": slim,
        "distractor_velocity": wander + pan[:, None, :],
        "distractor_is_there": draw.chance(0.25, DISTRACTORS),
    }
    alone = {"pitch": 1e5, "spread": 0.0, "lobe": 0.0, "texture": 0.0, "opacity": 1.0}
    absent = (
        *("slope", "roll", "zoom", "wave", "rolling", "defocus", "noise_shot"),
        *("noise_soft", "codec", "shadow_depth", "distractor_spin"),
    )
    for kind in ("object", "distractor"):
        made |= {f"{kind}_{name}": np.asarray(value) for name, value in alone.items()}
    made |= {name: np.asarray(0.0) for name in absent}
    for name, value in made.items():
        there = drawn[name]
        rows = are_scenes.reshape(-1, *[1] * (there.ndim - 1))
        drawn[name] = np.where(rows, value, there)
