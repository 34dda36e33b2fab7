"""Renders training clips from their conditions, where the training runs.

Written in Keras' own operations, so that it is a part of the training's graph: on a
GPU a batch takes milliseconds, and no file of clips has to be made before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from keras import ops

from engines.training.backgrounds import EDGE_PX
from engines.training.conditions import (
    DISTRACTORS,
    FRAME_COUNT,
    OBJECTS,
    SHADOWS,
    ClipSize,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Tensor = Any
    """Of whichever library Keras runs on."""

_EXPOSURE_STEPS = 8
"""Short streaks that make up a frame's exposure."""
_BACKGROUND_STEPS = 2
_BLOCK_PX = 8
_CORE = 0.3
"""Share of the strongest cover from which a pixel belongs to an object."""
_LEAST_MOTION_PX = 0.2
"""What moves less from frame to frame, against the background, is doubtful."""


@keras.saving.register_keras_serializable("peregrine")
class ClipRenderer(keras.layers.Layer):  # type: ignore[misc]  # keras has no types
    """Conditions in, frames and what ought to be found in the last one out.

    Parameters
    ----------
    tiles : ndarray of uint8, shape (M, EDGE_PX, EDGE_PX)
        From `backgrounds.background_tiles`.
    size : ClipSize
        Of the frames.
    seed : int
        Of the sensor's noise.
    """

    def __init__(self, tiles: NDArray[np.uint8], size: ClipSize, seed: int) -> None:
        super().__init__(trainable=False, dtype="float32")
        self._size = size
        # A constant of this size would make compiling slow.
        self._tiles = self.add_weight(
            shape=(tiles.size,), dtype="uint8", trainable=False, initializer="zeros"
        )
        self._tiles.assign(tiles.ravel())
        self._noise = keras.random.SeedGenerator(seed)
        self.built = True
        self._columns = np.arange(size.width_px, dtype=np.float32)
        self._rows = np.arange(size.height_px, dtype=np.float32)[:, None]

    def noise_state(self) -> NDArray[np.uint32]:
        """Where the sensor's noise has come to; a checkpoint keeps it."""
        return np.asarray(self._noise.state.numpy())

    def set_noise_state(self, state: NDArray[np.uint32]) -> None:
        """Go on with the noise of a checkpoint."""
        self._noise.state.assign(state)

    def call(self, conditions: Mapping[str, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        """Render.

        Returns
        -------
        tuple of three tensors of float32
            Frames (N, H, W, 3), 0 to 255, oldest first; weight of foreground pixels
            (N, H, W, 1), 0 in the background; 1 where a pixel counts for nothing,
            because nobody can say whether something is there, likewise.
        """
        given = {name: ops.cast(value, "float32") for name, value in conditions.items()}
        scene = self._background(given)
        middle = ops.mean(scene, axis=(1, 2, 3), keepdims=True)
        layers = self._bodies(given, "distractor")
        for number in range(DISTRACTORS - 1):
            scene = _laid_over(scene, layers, number, middle)
        bodies = self._bodies(given, "object")
        shown = scene
        for number in range(OBJECTS):
            shown = _laid_over(shown, bodies, number, middle)
        before_all = DISTRACTORS - 1
        shown = _laid_over(shown, layers, before_all, middle)
        scene = _laid_over(scene, layers, before_all, middle)
        hidden = layers["opacity"][:, before_all] * layers["cover"][:, before_all]
        weight, ignored = self._target(given, shown, scene, bodies["cover"], hidden)
        return self._through_camera(given, shown), weight, ignored

    def _background(self, given: Mapping[str, Tensor]) -> Tensor:
        """Tiles under a moving camera, shape (N, T, H, W)."""
        total = 0.0
        for step in range(_BACKGROUND_STEPS):
            part = (step + 0.5) / _BACKGROUND_STEPS - 0.5
            total = total + self._background_at(given, part)
        return total / _BACKGROUND_STEPS

    def _background_at(self, given: Mapping[str, Tensor], part: float) -> Tensor:
        frame = np.arange(FRAME_COUNT, dtype=np.float32) - (FRAME_COUNT - 1)
        time = frame[None, :, None, None] + _wide(given["exposure"], 3) * part
        centre_y = 0.5 * (self._size.height_px - 1)
        centre_x = 0.5 * (self._size.width_px - 1)
        time = time + _wide(given["rolling"], 3) * (self._rows - centre_y)
        wave = self._waves(given, frame)
        shake = given["shake"][:, :, None, None, :]
        pan = given["pan"][:, None, None, None, :]
        x = self._columns - centre_x - pan[..., 0] * time - shake[..., 0] + wave[..., 0]
        y = self._rows - centre_y - pan[..., 1] * time - shake[..., 1] + wave[..., 1]
        turn = given["tile_angle"][:, None] + given["roll"]
        scale = given["tile_scale"][:, None] * (1.0 + given["zoom"])
        cosine, sine = ops.cos(turn) * scale, ops.sin(turn) * scale
        at = given["tile_at"][:, None, None, None, :]
        column = _wide(cosine, 2) * x - _wide(sine, 2) * y + at[..., 0]
        row = _wide(sine, 2) * x + _wide(cosine, 2) * y + at[..., 1]
        grey = self._sampled(_wide(given["tile"], 3), column, row)
        slope = given["slope"][:, None, None, None, :]
        tilt = slope[..., 0] * (self._columns / self._size.width_px - 0.5)
        tilt = tilt + slope[..., 1] * (self._rows / self._size.height_px - 0.5)
        grey = _wide(given["level"], 3) + _wide(given["gain"], 3) * (grey - 127.0)
        return ops.clip(grey + tilt, 0.0, 255.0)

    def _waves(self, given: Mapping[str, Tensor], frame: NDArray[np.float32]) -> Tensor:
        """Displacement of leaves and water, shape (N, T, H, W, 2)."""
        phase = given["wave_rate"][:, None] * frame
        grid = given["wave"]
        wide = [
            ops.image.resize(
                grid[:, number],
                (self._size.height_px, self._size.width_px),
                data_format="channels_last",
            )[:, None]
            for number in range(2)
        ]
        return wide[0] * _wide(ops.cos(phase), 3) + wide[1] * _wide(ops.sin(phase), 3)

    def _sampled(self, tile: Tensor, column: Tensor, row: Tensor) -> Tensor:
        """Look up grey levels between the pixels of tiles mirrored at their edges."""
        left, top = ops.floor(column), ops.floor(row)
        right_share, lower_share = column - left, row - top
        base = ops.cast(tile, "int32") * (EDGE_PX * EDGE_PX)
        left, top = ops.cast(left, "int32"), ops.cast(top, "int32")
        x0, x1 = _mirrored(left), _mirrored(left + 1)
        y0, y1 = _mirrored(top) * EDGE_PX, _mirrored(top + 1) * EDGE_PX

        def grey(x: Tensor, y: Tensor) -> Tensor:
            return ops.cast(ops.take(self._tiles, base + y + x), "float32")

        upper = grey(x0, y0) + right_share * (grey(x1, y0) - grey(x0, y0))
        lower = grey(x0, y1) + right_share * (grey(x1, y1) - grey(x0, y1))
        return upper + lower_share * (lower - upper)

    def _bodies(self, given: Mapping[str, Tensor], kind: str) -> dict[str, Tensor]:
        """Cover and texture of bodies in all frames, shape (N, bodies, T, H, W)."""

        def of(name: str) -> Tensor:
            return given[f"{kind}_{name}"]

        # Axes: clip, body, frame, row, column.
        frame = np.arange(FRAME_COUNT, dtype=np.float32)[:, None, None]
        frame = frame - (FRAME_COUNT - 1)
        exposure = _wide(given["exposure"], 4)
        rolling = _wide(given["rolling"], 4)
        rolling = rolling * (self._rows - 0.5 * self._size.height_px)
        shake = given["shake"][:, None, :, None, None, :]
        pan = given["pan"][:, None, None, None, None, :]
        at = of("at")[:, :, None, None, None, :] + pan * frame[..., None] + shake
        x, y, copy = self._cells(of, at)
        own = _turned(of("velocity")[:, :, None, None, None, :] - pan, copy["turn"])
        turn = _turned(of("turn")[:, :, None, None, None, :], copy["turn"])
        radius = 0.5 * _wide(of("diameter"), 3)
        softness = _wide(of("softness"), 3) / radius

        def added(step: Tensor, sums: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
            part = (ops.cast(step, "float32") + 0.5) / _EXPOSURE_STEPS - 0.5
            time = frame + exposure * part + rolling
            half_square = 0.5 * time * time
            along, across = (
                offset
                - own[axis] * time
                - turn[axis] * half_square
                - pan[..., axis] * (time - frame)
                for axis, offset in enumerate((x, y))
            )
            # Each step is a streak as long as the way to the next one.
            u, v = own[0] + pan[..., 0], own[1] + pan[..., 1]
            squared = u * u + v * v + 1e-6
            half = 0.5 * exposure / _EXPOSURE_STEPS
            shift = ops.clip((along * u + across * v) / squared, -half, half)
            angle = _wide(of("angle"), 3) + _wide(of("spin"), 3) * time + copy["turn"]
            cosine, sine = ops.cos(angle) / radius, ops.sin(angle) / radius
            along, across = along - shift * u, across - shift * v
            u = along * cosine + across * sine
            v = across * cosine - along * sine
            inside = ops.clip(0.5 - _distance(u, v, of) / softness, 0.0, 1.0)
            inside = inside * copy["is_there"]
            wave = of("texture_wave")[:, :, None, None, None, :]
            grain = ops.sin(
                wave[..., 0] * u + wave[..., 1] * v + _wide(of("texture_phase"), 3)
            )
            return sums[0] + inside, sums[1] + inside * grain

        # A loop of the graph, not of Python: unrolled, it takes minutes to compile.
        blank = ops.zeros_like(radius * frame * self._rows * self._columns)
        cover, texture = ops.fori_loop(0, _EXPOSURE_STEPS, added, (blank, blank))
        velocity = of("velocity")
        gap = (
            ops.sqrt(ops.sum(velocity * velocity, axis=-1)) * given["exposure"][:, None]
        )
        gap = gap / _EXPOSURE_STEPS
        # Streaks that overlap count twice: give back what is too much.
        length = 0.8 * of("diameter")
        share = of("is_there") * length / (length + gap) / _EXPOSURE_STEPS
        return {
            "cover": cover * _wide(share, 3),
            "texture": texture * _wide(share * of("texture"), 3),
            "contrast": of("contrast"),
            "opacity": _wide(of("opacity"), 3),
        }

    def _cells(self, of: Any, at: Tensor) -> tuple[Tensor, Tensor, dict[str, Tensor]]:  # noqa: ANN401
        """Place of each pixel in its cell of a crowd's grid, and that cell's copy.

        A body that is alone has one cell, larger than the picture.
        """
        pitch = _wide(of("pitch"), 3)
        x, y = self._columns - at[..., 0], self._rows - at[..., 1]
        column, row = ops.floor(x / pitch + 0.5), ops.floor(y / pitch + 0.5)
        is_first = ops.cast((column == 0.0) & (row == 0.0), "float32")
        own = _wide(of("texture_phase"), 3)
        drawn = [
            _scattered(column, row, own + 1.7 * number) * (1.0 - is_first)
            for number in range(4)
        ]
        spread = _wide(of("spread"), 3)
        spread = spread * (1.0 - is_first)
        x = x - column * pitch - spread * (drawn[0] - 0.5)
        y = y - row * pitch - spread * (drawn[1] - 0.5)
        is_there = ops.cast(drawn[3] <= _wide(of("density"), 3), "float32")
        return x, y, {"turn": 2.0 * np.pi * drawn[2], "is_there": is_there}

    def _target(
        self,
        given: Mapping[str, Tensor],
        shown: Tensor,
        empty: Tensor,
        cover: Tensor,
        hidden: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """Weight and doubt of the last frame's pixels."""
        last = FRAME_COUNT - 1
        signal = ops.abs(shown[:, last] - empty[:, last])[:, None]
        unrest = ops.square(empty[:, last] - empty[:, last - 1])
        unrest = ops.pad(unrest, ((0, 0), (4, 4), (4, 4)), mode="reflect")[..., None]
        unrest = ops.average_pool(unrest, 9, 1, "valid")[..., 0][:, None]
        sensor = given["noise"] * (1.0 - 0.6 * given["noise_soft"])
        floor = ops.square(sensor) + 0.5 + ops.square(0.25 * given["codec"])
        ratio = signal / ops.sqrt(0.5 * unrest + _wide(floor, 3))
        cover = cover[:, :, last] * (1.0 - hidden[:, None, last])
        core = cover > _CORE * ops.max(cover, axis=(2, 3), keepdims=True) + 1e-4
        core = ops.cast(core, "float32")
        area = ops.sum(core, axis=(2, 3))
        # A crowd's copies share what is summed over the picture.
        picture = float(self._size.width_px * self._size.height_px)
        copies = picture * given["object_density"] / ops.square(given["object_pitch"])
        copies = ops.maximum(copies, 1.0)
        area = area / copies
        clearness = ops.minimum(
            ops.minimum(
                ops.max(signal * core, axis=(2, 3)) / 10.0,
                ops.max(ratio * core, axis=(2, 3)) / 3.0,
            ),
            ops.sqrt(ops.sum(ops.square(ratio * core), axis=(2, 3)) / copies) / 10.0,
        )
        # Speed beside what a viewer could take for the camera's unrest.
        motion = given["object_own_speed"] / _LEAST_MOTION_PX
        clearness = ops.minimum(clearness, motion)
        weight = ops.clip(ops.sqrt(60.0 / ops.maximum(area, 1.0)), 0.5, 4.0)
        is_seen = ops.cast(clearness >= 1.0, "float32")
        is_doubtful = ops.cast(clearness >= 0.4, "float32") * (1.0 - is_seen)
        weight = ops.max(core * _wide(weight * is_seen, 2), axis=1)
        doubt = ops.max(core * _wide(is_doubtful, 2), axis=1)
        doubt = doubt * ops.cast(weight == 0.0, "float32")
        return weight[..., None], doubt[..., None]

    def _through_camera(self, given: Mapping[str, Tensor], shown: Tensor) -> Tensor:
        """Light, lens, sensor and codec; shape (N, H, W, T)."""
        picture = shown * self._shadows(given) * given["light"][:, :, None, None]
        blur = given["defocus"][:, None, None, None]
        soft = _softened(picture)
        softer = _softened(_softened(soft))
        picture = picture + ops.minimum(blur, 1.0) * (soft - picture)
        picture = picture + ops.maximum(blur - 1.0, 0.0) * (softer - picture)
        noise = keras.random.normal(ops.shape(picture), seed=self._noise)
        noise = noise + _wide(given["noise_soft"], 3) * (2.2 * _softened(noise) - noise)
        shot = _wide(given["noise_shot"], 3)
        level = ops.clip(picture, 0.0, 255.0) / 128.0
        sigma = _wide(given["noise"], 3) * ops.sqrt(1.0 - shot + shot * level)
        picture = ops.clip(ops.round(picture + sigma * noise), 0.0, 255.0)
        planes = [picture[:, number] for number in range(FRAME_COUNT)]
        planes = _encoded(planes, given)
        first = _wide(given["repeats_first"], 2)
        second = _wide(given["repeats_second"], 2)
        planes[1] = planes[1] + first * (planes[0] - planes[1])
        planes[0] = planes[0] + second * (planes[1] - planes[0])
        return ops.stack(planes, axis=-1)

    def _shadows(self, given: Mapping[str, Tensor]) -> Tensor:
        frame = np.arange(FRAME_COUNT, dtype=np.float32) - (FRAME_COUNT - 1)
        light = 1.0
        for number in range(SHADOWS):
            at = given["shadow_at"][:, number]
            velocity = given["shadow_velocity"][:, number]
            radius = given["shadow_radius"][:, number]
            x, y = (
                _wide(at[:, axis], 3) + _wide(velocity[:, axis, None] * frame, 2)
                for axis in (0, 1)
            )
            away = ops.square((self._columns - x) / _wide(radius[:, 0], 3))
            away = away + ops.square((self._rows - y) / _wide(radius[:, 1], 3))
            # Flat in the middle, soft at the rim.
            dark = 1.0 / (1.0 + ops.square(away))
            light = light * (1.0 + _wide(given["shadow_depth"][:, number], 3) * dark)
        return light


def _wide(value: Tensor, axes: int) -> Tensor:
    """Add axes of length 1 at the end."""
    return value[(..., *([None] * axes))]


def _turned(way: Tensor, angle: Tensor) -> tuple[Tensor, Tensor]:
    cosine, sine = ops.cos(angle), ops.sin(angle)
    x, y = way[..., 0], way[..., 1]
    return x * cosine - y * sine, x * sine + y * cosine


def _scattered(column: Tensor, row: Tensor, seed: Tensor) -> Tensor:
    """A number from 0 to 1 for each cell, without any order that shows."""
    mixed = ops.sin(12.9898 * column + 78.233 * row + 37.719 * seed) * 4375.85
    return mixed - ops.floor(mixed)


def _mirrored(index: Tensor) -> Tensor:
    folded = ops.mod(index, 2 * EDGE_PX)
    return ops.minimum(folded, 2 * EDGE_PX - 1 - folded)


def _distance(u: Tensor, v: Tensor, of: Any) -> Tensor:  # noqa: ANN401
    """About how far a point is out of a body, in radii; negative inside."""

    def ellipse(u: Tensor, v: Tensor, axis: Tensor, slim: Tensor) -> Tensor:
        # The root's argument is kept from zero, where it has no slope.
        long = ops.sqrt(ops.square(u) + ops.square(v / slim) + 1e-6)
        return (long - axis) * slim

    body = ellipse(u, v, 1.0, _wide(of("slim"), 3))
    angle, axis = _wide(of("lobe_angle"), 3), _wide(of("lobe"), 3)
    cosine, sine = ops.cos(angle), ops.sin(angle)
    lobe = ellipse(
        u * cosine + v * sine, v * cosine - u * sine, axis, _wide(of("lobe_slim"), 3)
    )
    body = ops.minimum(body, ops.where(axis > 0.0, lobe, 9.0))
    for number in range(of("cut").shape[-1]):
        angle = _wide(of("cut_angle")[..., number], 3)
        face = ops.cos(angle) * u + ops.sin(angle) * v
        body = ops.maximum(body, face - _wide(of("cut")[..., number], 3))
    return body


def _laid_over(
    scene: Tensor, layers: Mapping[str, Tensor], number: int, middle: Tensor
) -> Tensor:
    """Blend one body over a scene of shape (N, T, H, W)."""
    cover, texture = layers["cover"][:, number], layers["texture"][:, number]
    grey = middle + _wide(layers["contrast"][:, number], 3)
    blended = cover * (grey - scene) + texture
    return ops.clip(scene + layers["opacity"][:, number] * blended, 0.0, 255.0)


def _softened(picture: Tensor) -> Tensor:
    """Blur the last two axes by one pixel."""
    height, width = picture.shape[-2:]
    padded = ops.pad(picture, ((0, 0), (0, 0), (1, 1), (1, 1)), mode="reflect")
    rows = padded[:, :, :height] + 2.0 * padded[:, :, 1:-1] + padded[:, :, 2:]
    return (rows[..., :width] + 2.0 * rows[..., 1:-1] + rows[..., 2:]) / 16.0


def _cosines(edge: int) -> NDArray[np.float32]:
    """The discrete cosine transform of blocks of this edge, 8 x 8."""
    place = np.arange(edge)
    wave = np.cos(np.pi * (2 * place[None] + 1) * place[:, None] / (2 * edge))
    wave *= np.sqrt(2.0 / edge)
    wave[0] /= np.sqrt(2.0)
    return np.kron(np.eye(_BLOCK_PX // edge), wave).astype(np.float32)


def _encoded(planes: list[Tensor], given: Mapping[str, Tensor]) -> list[Tensor]:
    """What a codec leaves of frames: blocks, of which it forgets what is small."""
    small = _wide(given["codec_small"], 2)
    basis = _cosines(8) + small * (_cosines(4) - _cosines(8))
    inter = _wide(given["codec_inter"], 2)
    place = np.arange(_BLOCK_PX, dtype=np.float32)
    coarser = 1.0 + 0.2 * (place[:, None, None] + place)
    step = (given["codec"][:, None, None, None, None] + 1e-3) * coarser
    is_on = _wide(ops.cast(given["codec"] > 0.0, "float32"), 2)
    done: list[Tensor] = []
    for plane in planes:
        known = inter * done[-1] if done else 0.0
        height, width = plane.shape[1:]
        blocks = ops.reshape(
            plane - known,
            (-1, height // _BLOCK_PX, _BLOCK_PX, width // _BLOCK_PX, _BLOCK_PX),
        )
        wave = ops.einsum("nij,nhjwk,nlk->nhiwl", basis, blocks, basis)
        kept = ops.sign(wave) * ops.floor(ops.abs(wave) / step + 0.35) * step
        back = ops.einsum("nij,nhiwl,nlk->nhjwk", basis, kept, basis)
        decoded = ops.reshape(back, (-1, height, width)) + known
        decoded = ops.clip(ops.round(decoded), 0.0, 255.0)
        done.append(plane + is_on * (decoded - plane))
    return done
