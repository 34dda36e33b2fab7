"""What lies between a scene and a network: covers, shadows, codecs, poor lenses.

Everything here changes frames in place, and is decided by the generator given.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def pass_before(
    frames: NDArray[np.uint8], rng: np.random.Generator
) -> NDArray[np.bool_]:
    """Let something large pass before everything: an arm, a person, a branch.

    Parameters
    ----------
    frames : ndarray of uint8, shape (H, W, T)
        Changed in place.
    rng : Generator
        Decides looks and motion.

    Returns
    -------
    ndarray of bool, shape (H, W)
        What it hides in the last frame.
    """
    height, width, count = frames.shape
    axes = rng.uniform(0.12, 0.7, 2) * height
    step = _random_step(rng, 0.1, 10.0)
    start = rng.uniform((0.0, 0.0), (width, height))
    turn = rng.uniform(0.0, 180.0)
    texture = rng.uniform(0, 255) + rng.uniform(0.0, 70.0) * _smooth_noise(
        rng, (height, width), int(rng.integers(4, 40))
    )
    softness = rng.uniform(0.5, 2.0) + 0.3 * float(np.hypot(*step))
    cover: NDArray[Any] = np.zeros((height, width), np.float32)
    for index in range(count):
        sharp = np.zeros((height, width), np.float32)
        _fill_ellipse(sharp, start + step * index, axes, turn)
        cover = cv2.GaussianBlur(sharp, (0, 0), softness)
        moved = np.roll(texture, np.rint(step[::-1] * index).astype(int), (0, 1))
        plane = frames[:, :, index].astype(np.float32)
        plane += cover * (moved - plane)
        frames[:, :, index] = np.clip(plane, 0, 255)
    return np.asarray(cover > 0.5)


def degrade(frames: NDArray[np.uint8], rng: np.random.Generator) -> None:
    """Change frames as cameras and files do; each change comes to some clips only.

    Parameters
    ----------
    frames : ndarray of uint8, shape (H, W, 3)
        Changed in place.
    rng : Generator
        Decides which changes, and how strong.
    """
    if rng.random() < 0.25:
        _cast_shadow(frames, rng)
    if rng.random() < 0.25:
        _defocus(frames, rng)
    if rng.random() < 0.3:
        _forget_blocks(frames, rng)
    if rng.random() < 0.3:
        _compress(frames, rng)
    chance = rng.random()
    # A source may repeat a frame, and the first frame of all has none before it.
    if chance < 0.04:
        frames[:, :, 1] = frames[:, :, 0]
    elif chance < 0.08:
        frames[:, :, 0] = frames[:, :, 1]


def _cast_shadow(frames: NDArray[np.uint8], rng: np.random.Generator) -> None:
    """Move one or two soft changes of light over the frames."""
    height, width, count = frames.shape
    for _ in range(int(rng.integers(1, 3))):
        axes = np.exp(rng.uniform(math.log(2.0), math.log(0.3 * height), 2))
        step = _random_step(rng, 0.3, 15.0)
        start = rng.uniform((0.0, 0.0), (width, height))
        turn, depth = rng.uniform(0.0, 180.0), rng.uniform(-0.25, 0.15)
        softness = rng.uniform(3.0, 10.0)
        for index in range(count):
            light = np.zeros((height, width), np.float32)
            _fill_ellipse(light, start + step * index, axes, turn)
            light = 1.0 + depth * cv2.GaussianBlur(light, (0, 0), softness)
            frames[:, :, index] = np.clip(frames[:, :, index] * light, 0, 255)


def _defocus(frames: NDArray[np.uint8], rng: np.random.Generator) -> None:
    sigma = rng.uniform(0.3, 1.2)
    for index in range(frames.shape[2]):
        frames[:, :, index] = cv2.GaussianBlur(frames[:, :, index], (0, 0), sigma)


def _forget_blocks(frames: NDArray[np.uint8], rng: np.random.Generator) -> None:
    """Shift the grey of some blocks for good, as codecs do in smooth areas."""
    height, width, count = frames.shape
    size = int(rng.choice((4, 8, 8, 16)))
    grid = (-(-height // size), -(-width // size))
    depth, share = rng.uniform(1.0, 6.0), rng.uniform(0.01, 0.4)
    shift = np.zeros((height, width), np.float32)
    for index in range(count):
        blocks = rng.normal(0.0, depth, grid) * (rng.random(grid) < share)
        wide = np.kron(blocks, np.ones((size, size)))[:height, :width]
        shift += cv2.blur(wide.astype(np.float32), (3, 3))
        frames[:, :, index] = np.clip(np.rint(frames[:, :, index] + shift), 0, 255)


def _compress(frames: NDArray[np.uint8], rng: np.random.Generator) -> None:
    quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(35, 96))]
    for index in range(frames.shape[2]):
        _, file = cv2.imencode(".jpg", frames[:, :, index], quality)
        decoded = cv2.imdecode(file, cv2.IMREAD_GRAYSCALE)
        if decoded is None:
            raise RuntimeError("OpenCV cannot read the JPEG that it has written")
        frames[:, :, index] = decoded


def _random_step(
    rng: np.random.Generator, slowest: float, fastest: float
) -> NDArray[np.float64]:
    speed = math.exp(rng.uniform(math.log(slowest), math.log(fastest)))
    heading = rng.uniform(0.0, 2.0 * math.pi)
    return np.array([math.cos(heading), math.sin(heading)]) * speed


def _smooth_noise(
    rng: np.random.Generator, shape: tuple[int, int], cells: int
) -> NDArray[np.float32]:
    grid = rng.uniform(-1.0, 1.0, (cells, cells)).astype(np.float32)
    size = (shape[1], shape[0])
    return cv2.resize(grid, size, interpolation=cv2.INTER_CUBIC).astype(np.float32)


def _fill_ellipse(
    image: NDArray[np.float32],
    centre: NDArray[np.float64],
    axes: NDArray[np.float64],
    turn_deg: float,
) -> None:
    x, y = (int(value * 16) for value in centre)
    a, b = (int(value * 16) for value in axes)
    cv2.ellipse(image, (x, y), (a, b), turn_deg, 0, 360, 1.0, -1, cv2.LINE_8, 4)
