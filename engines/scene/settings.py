"""What a scene looks like: its settings, their bounds, and how to draw them."""

import math
from typing import Dict, NamedTuple, Tuple

import numpy as np

from engines.scene.motion import Motion


class SceneSettings(NamedTuple):
    """What a scene looks like. Ranges are (lowest, highest)."""

    width_px: int = 640
    height_px: int = 480
    frame_rate_hz: float = 120.0
    object_count: int = 6
    """Objects alive at a time; each that leaves is soon replaced."""
    motion: Motion = Motion.MIXED
    speed_px_s: Tuple[float, float] = (600.0, 4800.0)
    """Speeds are drawn evenly in their logarithm, sizes too."""
    size_px: Tuple[float, float] = (5.0, 18.0)
    """The body's diameter: its largest extent."""
    exposure_ratio: float = 0.5
    """Share of the frame's time the shutter is open. Larger streaks are fainter."""
    contrast: Tuple[float, float] = (40.0, 120.0)
    """Distance of an object's grey from the background's mean, to either side."""
    background: Tuple[float, float] = (70.0, 150.0)
    """Darkest and brightest grey of the background's texture."""
    noise_sigma: float = 3.0
    """Standard deviation of the sensor's noise in grey levels."""
    clutter: int = 6
    """Things that look like objects and are none; every fourth moves slowly."""
    drift_px_s: float = 0.0
    """Speed of the background."""
    jitter_px: float = 0.0
    """Camera shake, root mean square of each axis."""
    occluders: int = 0
    """Bars that objects pass behind."""
    flicker_ratio: float = 0.0
    """Amplitude of the light's flicker on the mains."""
    seed: int = 0


SETTING_BOUNDS: Dict[str, Tuple[float, float]] = {
    "width_px": (16, 7680),
    "height_px": (16, 4320),
    "frame_rate_hz": (1.0, 10000.0),
    "object_count": (0, 1000),
    "speed_px_s": (1.0, 1e6),
    "size_px": (1.0, 400.0),
    "exposure_ratio": (0.0, 1.0),
    "contrast": (0.0, 255.0),
    "background": (0.0, 255.0),
    "noise_sigma": (0.0, 60.0),
    "clutter": (0, 1000),
    "drift_px_s": (0.0, 1e5),
    "jitter_px": (0.0, 50.0),
    "occluders": (0, 50),
    "flicker_ratio": (0.0, 0.5),
    "seed": (0, 2**63 - 1),
}
"""Lowest and highest value of each setting."""


def check_settings(settings: SceneSettings) -> None:
    """Refuse settings that are out of bounds.

    Raises
    ------
    ValueError
        Naming the setting, its value and its bounds.
    """
    Motion(settings.motion)
    for name, (low, high) in SETTING_BOUNDS.items():
        setting = getattr(settings, name)
        values = setting if isinstance(setting, tuple) else (setting,)
        if not all(low <= value <= high for value in values):
            raise ValueError(
                f"{name} is {setting}, it must be from {low:g} to {high:g}"
            )
        if values[0] > values[-1]:
            raise ValueError(f"{name} is {setting}, the lower value comes first")


def random_settings(
    rng: "np.random.Generator", width_px: int, height_px: int
) -> SceneSettings:
    """Draw the conditions of a scene for training.

    Bodies of 2.5 to 40 px that move from about one pixel to ten body lengths a
    frame, streaks from none to a whole frame's way, contrast from barely visible to
    hard, calm and shaking cameras, still and drifting backgrounds, clean and noisy
    sensors. Each condition is absent in a part of the scenes, so that the network
    also learns the easy case.

    Parameters
    ----------
    rng : Generator
        Decides everything, the scene's seed included.
    width_px, height_px : int
        Size of the frames.
    """

    def log_uniform(low: float, high: float) -> float:
        return float(math.exp(rng.uniform(math.log(low), math.log(high))))

    def sometimes(probability: float, value: float) -> float:
        return value if rng.random() < probability else 0.0

    frame_rate_hz = 120.0
    largest = min(40.0, 0.3 * min(width_px, height_px))
    smallest_size = log_uniform(2.5, 0.7 * largest)
    size = (smallest_size, min(largest, smallest_size * rng.uniform(1.0, 3.0)))
    slowest = log_uniform(1.0, 5.0 * smallest_size)
    fastest = min(10.0 * smallest_size, slowest * rng.uniform(1.5, 8.0))
    darkest = rng.uniform(0.0, 200.0)
    faintest = log_uniform(12.0, 90.0)
    return SceneSettings(
        width_px=width_px,
        height_px=height_px,
        frame_rate_hz=frame_rate_hz,
        object_count=int(rng.integers(0, 6 + width_px * height_px // 25000)),
        motion=Motion.MIXED,
        speed_px_s=(slowest * frame_rate_hz, max(slowest, fastest) * frame_rate_hz),
        size_px=size,
        exposure_ratio=float(rng.uniform(0.05, 1.0)),
        contrast=(faintest, min(160.0, faintest * rng.uniform(1.0, 3.0))),
        background=(darkest, min(255.0, darkest + rng.uniform(5.0, 130.0))),
        noise_sigma=sometimes(0.9, log_uniform(0.7, 10.0)),
        clutter=int(rng.integers(0, 4 + width_px * height_px // 15000)),
        drift_px_s=sometimes(0.3, log_uniform(3.0, 150.0)),
        jitter_px=sometimes(0.4, log_uniform(0.1, 1.5)),
        occluders=int(rng.integers(1, 4)) if rng.random() < 0.2 else 0,
        flicker_ratio=sometimes(0.3, log_uniform(0.005, 0.06)),
        seed=int(rng.integers(0, 2**62)),
    )


def random_stream(settings: SceneSettings, *part: int) -> "np.random.Generator":
    """Randomness of one part of a scene: more objects leave its background as it is."""
    return np.random.default_rng([settings.seed, *part])
