"""What is behind, before and over the objects of a scene.

Everything that costs is made once: a periodic texture to crop from, tiles of noise,
bars that hide. A frame then takes a few library calls over the whole image.
"""

import math
from typing import TYPE_CHECKING, List, NamedTuple, Optional, Tuple

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_CELLS_PX = (64, 32, 16, 8, 4, 2)
"""Sizes of the texture's details; its period is a multiple of the largest."""
_NOISE_MARGIN_PX = 96
_FLICKER_HZ = 100.0
"""Lamps on 50 Hz mains; a camera of 120 Hz sees a beat of 20 Hz."""


class Backdrop:
    """A textured background that moves without end.

    Parameters
    ----------
    rng : Generator
        Decides texture, clutter and direction of the drift.
    width_px, height_px : int
        Size of the frame.
    grey_range : tuple of two floats
        Darkest and brightest level of the texture, 0 to 255; clutter may go beyond.
    clutter : int
        Look-alikes per frame's area, every fourth of them large and slowly moving.
    drift_px_s : float
        Speed of the background.
    """

    def __init__(
        self,
        rng: "np.random.Generator",
        width_px: int,
        height_px: int,
        grey_range: Tuple[float, float],
        clutter: int,
        drift_px_s: float,
    ) -> None:
        self._size = (width_px, height_px)
        tile = _periodic_texture(rng, width_px, height_px, grey_range)
        self._tile_size = (tile.shape[1], tile.shape[0])
        moving = clutter // 4
        share = tile.size / float(width_px * height_px)
        for _ in range(round((clutter - moving) * share)):
            _draw_look_alike(rng, tile)
        self.mean_grey = float(tile.mean())
        # One row and column more on each side: sub-pixel crops look there.
        self._texture = np.pad(
            tile, ((1, height_px + 1), (1, width_px + 1)), mode="wrap"
        )
        angle = rng.uniform(0.0, 2.0 * math.pi)
        self._drift = (drift_px_s * math.cos(angle), drift_px_s * math.sin(angle))
        self._distractors = [
            _Distractor.draw(rng, width_px, height_px) for _ in range(moving)
        ]

    def render(
        self, time_s: float, shake_px: Tuple[float, float]
    ) -> "NDArray[np.uint8]":
        """Background at a time, moved by the camera's shake; a new array."""
        width, height = self._size
        left = (-self._drift[0] * time_s - shake_px[0]) % self._tile_size[0]
        top = (-self._drift[1] * time_s - shake_px[1]) % self._tile_size[1]
        if left == int(left) and top == int(top):
            rows = slice(int(top) + 1, int(top) + 1 + height)
            columns = slice(int(left) + 1, int(left) + 1 + width)
            image = self._texture[rows, columns].copy()
        else:
            centre = (left + 1 + 0.5 * (width - 1), top + 1 + 0.5 * (height - 1))
            crop = cv2.getRectSubPix(self._texture, self._size, centre)
            image = np.asarray(crop, np.uint8)
        for distractor in self._distractors:
            distractor.draw_at(image, time_s, shake_px)
        return image


def _periodic_texture(
    rng: "np.random.Generator",
    width_px: int,
    height_px: int,
    grey_range: Tuple[float, float],
) -> "NDArray[np.uint8]":
    """Sum of smooth noise of several sizes, which continues across its edges."""
    period = _CELLS_PX[0]
    width = (width_px // period + 1) * period
    height = (height_px // period + 1) * period
    texture = np.zeros((height, width), np.float32)
    # From grain as strong as the large forms to soft clouds.
    slope = rng.uniform(0.1, 0.9)
    for cell in _CELLS_PX:
        grid = rng.random((height // cell, width // cell)).astype(np.float32)
        wrapped = np.pad(grid, 2, mode="wrap")
        size = (wrapped.shape[1] * cell, wrapped.shape[0] * cell)
        smooth = np.asarray(cv2.resize(wrapped, size, interpolation=cv2.INTER_CUBIC))
        amplitude = rng.uniform(0.1, 1.0) * cell**slope
        texture += amplitude * smooth[2 * cell :, 2 * cell :][:height, :width]
    low, high = float(texture.min()), float(texture.max())
    texture -= low
    texture *= (grey_range[1] - grey_range[0]) / max(high - low, 1e-6)
    texture += grey_range[0]
    return texture.astype(np.uint8)


def _draw_look_alike(rng: "np.random.Generator", tile: "NDArray[np.uint8]") -> None:
    """Draw a still thing with the looks of an object or of its streak."""
    height, width = tile.shape
    x, y = rng.uniform(0.0, width), rng.uniform(0.0, height)
    angle = rng.uniform(0.0, 2.0 * math.pi)
    grey = float(
        np.clip(tile.mean() + rng.choice((-1, 1)) * rng.uniform(30, 120), 0, 255)
    )
    kind = int(rng.integers(0, 5))
    at = (int(x * 16), int(y * 16))
    if kind == 0:
        cv2.circle(tile, at, int(rng.uniform(1.5, 8) * 16), grey, -1, cv2.LINE_AA, 4)
        return
    if kind == 1:
        axes = (int(rng.uniform(3, 30) * 16), int(rng.uniform(2, 12) * 16))
        turn = math.degrees(angle)
        cv2.ellipse(tile, at, axes, turn, 0, 360, grey, -1, cv2.LINE_AA, 4)
        return
    if kind == 2:
        corner = (int(x + rng.uniform(4, 60)), int(y + rng.uniform(4, 60)))
        cv2.rectangle(tile, (int(x), int(y)), corner, grey, -1)
        return
    # A short thick line is a streak, a long thin one a cable or an edge.
    is_streak = kind == 3
    length = rng.uniform(6, 50) if is_streak else rng.uniform(60, 400)
    thickness = int(rng.integers(2, 10) if is_streak else rng.integers(1, 4))
    end = (x + length * math.cos(angle), y + length * math.sin(angle))
    other = (int(end[0] * 16), int(end[1] * 16))
    cv2.line(tile, at, other, grey, thickness, cv2.LINE_AA, 4)


class _Distractor(NamedTuple):
    """Something large and slow: a person, a leaf, a shadow."""

    x: float
    y: float
    vx: float
    vy: float
    width_px: int
    height_px: int
    axes_px: Tuple[float, float]
    angle_deg: float
    grey: float

    @staticmethod
    def draw(
        rng: "np.random.Generator", width_px: int, height_px: int
    ) -> "_Distractor":
        largest = 0.12 * min(width_px, height_px)
        return _Distractor(
            rng.uniform(0, width_px),
            rng.uniform(0, height_px),
            rng.normal(0.0, 25.0),
            rng.normal(0.0, 25.0),
            width_px,
            height_px,
            (
                rng.uniform(0.3, 1.0) * largest,
                rng.uniform(0.3, 1.0) * largest,
            ),
            rng.uniform(0.0, 180.0),
            rng.uniform(0.0, 255.0),
        )

    def draw_at(
        self,
        image: "NDArray[np.uint8]",
        time_s: float,
        shake_px: Tuple[float, float],
    ) -> None:
        x = _there_and_back(self.x + self.vx * time_s, self.width_px) + shake_px[0]
        y = _there_and_back(self.y + self.vy * time_s, self.height_px) + shake_px[1]
        axes = (int(self.axes_px[0] * 16), int(self.axes_px[1] * 16))
        cv2.ellipse(
            image,
            (int(x * 16), int(y * 16)),
            axes,
            self.angle_deg,
            0,
            360,
            self.grey,
            -1,
            cv2.LINE_AA,
            4,
        )


def _there_and_back(value: float, length: float) -> float:
    """Fold an unbounded coordinate into 0 to `length`, turning at the ends."""
    folded = value % (2.0 * length)
    return folded if folded <= length else 2.0 * length - folded


class Shake:
    """A camera's vibration: a few sines for each axis.

    Parameters
    ----------
    rng : Generator
        Decides frequencies and phases.
    jitter_px : float
        Root mean square of each axis.
    """

    def __init__(self, rng: "np.random.Generator", jitter_px: float) -> None:
        count = 3
        self._amplitude = jitter_px * math.sqrt(2.0 / count)
        # From a hand's tremor to a machine's hum.
        hertz = np.exp(rng.uniform(math.log(3.0), math.log(40.0), (2, count)))
        self._omega = (2.0 * math.pi * hertz).tolist()
        self._phase = rng.uniform(0.0, 2.0 * math.pi, (2, count)).tolist()

    def at(self, time_s: float) -> Tuple[float, float]:
        """Displacement of the picture at a time, px."""
        if self._amplitude == 0.0:
            return 0.0, 0.0
        x, y = (
            self._amplitude
            * sum(math.sin(w * time_s + p) for w, p in zip(omega, phase))
            for omega, phase in zip(self._omega, self._phase)
        )
        return x, y


class Occluders:
    """Still bars that objects pass behind.

    Parameters
    ----------
    rng : Generator
        Decides where they stand.
    width_px, height_px : int
        Size of the frame.
    count : int
        How many, upright or lying.
    """

    def __init__(
        self, rng: "np.random.Generator", width_px: int, height_px: int, count: int
    ) -> None:
        self._bars: List[Tuple[int, int, int, int, int]] = []
        for _ in range(count):
            breadth = int(rng.uniform(0.015, 0.06) * width_px) + 2
            grey = int(rng.integers(10, 246))
            # They reach past the frame, so that shake never shows their ends.
            if rng.random() < 0.6:
                left = int(rng.uniform(0.1, 0.9) * width_px)
                bar = (left, -height_px, left + breadth, 2 * height_px, grey)
            else:
                top = int(rng.uniform(0.1, 0.9) * height_px)
                bar = (-width_px, top, 2 * width_px, top + breadth, grey)
            self._bars.append(bar)

    def cover(
        self,
        image: "NDArray[np.generic]",
        left_px: int,
        top_px: int,
        shake_px: Tuple[float, float],
        value: Optional[int] = None,
    ) -> None:
        """Paint the bars over a part of the frame.

        Parameters
        ----------
        image : ndarray
            Changed in place.
        left_px, top_px : int
            Where in the frame the part begins.
        shake_px : tuple of two floats
            The camera's shake; bars move by whole pixels.
        value : int, optional
            Painted in place of the bars' own grey.
        """
        dx = round(shake_px[0]) - left_px
        dy = round(shake_px[1]) - top_px
        for x0, y0, x1, y1, grey in self._bars:
            rows = slice(max(0, y0 + dy), max(0, y1 + dy))
            columns = slice(max(0, x0 + dx), max(0, x1 + dx))
            image[rows, columns] = grey if value is None else value


class SensorNoise:
    """Gaussian noise from tiles drawn once, laid over each frame elsewhere.

    Parameters
    ----------
    rng : Generator
        Decides the tile.
    width_px, height_px : int
        Size of the frame.
    sigma : float
        Standard deviation in grey levels.
    """

    def __init__(
        self, rng: "np.random.Generator", width_px: int, height_px: int, sigma: float
    ) -> None:
        self._sigma = sigma
        if sigma == 0.0:
            return
        shape = (height_px + _NOISE_MARGIN_PX, width_px + _NOISE_MARGIN_PX)
        levels = np.rint(rng.standard_normal(shape, np.float32) * np.float32(sigma))
        # Two tiles, because unsigned saturating sums are the fast ones.
        self._brighter = np.clip(levels, 0, 255).astype(np.uint8)
        self._darker = np.clip(-levels, 0, 255).astype(np.uint8)

    def add_to(self, image: "NDArray[np.uint8]", frame_index: int) -> None:
        """Add the noise of one frame in place."""
        if self._sigma == 0.0:
            return
        top, left = _scatter(frame_index)
        height, width = image.shape
        rows, columns = slice(top, top + height), slice(left, left + width)
        cv2.add(image, self._brighter[rows, columns], dst=image)
        cv2.subtract(image, self._darker[rows, columns], dst=image)


def _scatter(frame_index: int) -> Tuple[int, int]:
    """Row and column within the margin, far apart for successive frames."""
    mixed = (frame_index * 2654435761 + 0x9E3779B9) & 0xFFFFFFFF
    mixed ^= mixed >> 15
    mixed = (mixed * 0x85EBCA6B) & 0xFFFFFFFF
    mixed ^= mixed >> 13
    return mixed % _NOISE_MARGIN_PX, (mixed >> 12) % _NOISE_MARGIN_PX


def flicker_gain(time_s: float, ratio: float) -> float:
    """Brightness under a lamp on the mains, around 1."""
    return 1.0 + ratio * math.sin(2.0 * math.pi * _FLICKER_HZ * time_s)
