"""Data sets whose shutter is open for most of the frame: blobs are streaks."""

from __future__ import annotations

from functools import cache, partial

import numpy as np

from app.segmentation import Thresholds, segment
from engines.preprocessing import PixelMap
from engines.scene import Motion, Scene, SceneSettings
from tests.benchmarks.tracking import sequences
from tests.benchmarks.tracking.sequences import (
    DataSet,
    Detections,
    Film,
    Part,
    Truth,
)

EXPOSURE_RATIO = 0.8
RATE_HZ = 120.0
SIZE_PX = 1280, 720
SPEED_PX_S = (960.0, 7680.0)
BODY_PX = (5.0, 12.0)
ANGLE_NOISE_RAD = 0.1
_SAME = PixelMap(0.0, 0.0, 1.0, 1.0)
SCENES = {
    # objects, frames, occluders
    Part.TUNING: ((1, 240, 0), (6, 240, 2), (30, 120, 0), (100, 40, 2)),
    Part.TEST: ((1, 240, 0), (5, 240, 2), (20, 120, 0), (60, 80, 3)),
}


def streak_sets() -> list[DataSet]:
    """One for each kind of motion."""
    return [
        DataSet(
            f"Streak-{motion.value}",
            f"synthetic, {motion.value}, 1 to 60 objects, shutter open for 80 %",
            partial(_films, motion),
        )
        for motion in (Motion.BALLISTIC, Motion.BOUNCING, Motion.MANOEUVRING)
    ]


def _films(motion: Motion, part: Part, draw: int) -> list[Film]:
    films = []
    for objects, frames, occluders in SCENES[part]:
        truth, whole = _scene(motion, objects, frames, occluders, part)
        seed = draw, objects, *motion.value.encode(), part is Part.TEST
        random = np.random.default_rng(seed)
        shapes = np.concatenate(whole)
        detections = [_detect(each, random, shapes) for each in whole]
        name = f"{motion.value}-{objects}"
        films.append(Film(name, RATE_HZ, truth, detections, SIZE_PX))
    return films


@cache
def _scene(
    motion: Motion, objects: int, frames: int, occluders: int, part: Part
) -> tuple[list[Truth], list[sequences.Floats]]:
    """True boxes, and the blobs of true masks: x, y, w, h, length, breadth, angle."""
    width, height = SIZE_PX
    scene = Scene(
        SceneSettings(
            width_px=width,
            height_px=height,
            frame_rate_hz=RATE_HZ,
            object_count=objects,
            motion=motion,
            speed_px_s=SPEED_PX_S,
            size_px=BODY_PX,
            exposure_ratio=EXPOSURE_RATIO,
            clutter=0,
            occluders=occluders,
            seed=200 + (part is Part.TEST),
        )
    )
    truths, found = [], []
    for index in range(frames):
        seen = scene.truth(index)
        box = np.stack([seen.x_px, seen.y_px, seen.size_px, seen.size_px], axis=1)
        is_in = (box[:, :2] >= 0).all(axis=1) & (box[:, :2] < SIZE_PX).all(axis=1)
        truths.append(Truth.of(seen.id[is_in], box[is_in], seen.visible_ratio[is_in]))
        mask = scene.mask(index).astype(np.float32)
        blobs = segment(mask, Thresholds(0.4, 0.6), _SAME).blobs
        columns = (
            blobs.x_px,
            blobs.y_px,
            blobs.width_px,
            blobs.height_px,
            blobs.length_px,
            blobs.breadth_px,
            blobs.angle_rad,
        )
        found.append(np.stack(columns, axis=1).astype(float))
    return truths, found


def _detect(
    blobs: sequences.Floats, random: np.random.Generator, shapes: sequences.Floats
) -> Detections:
    """Make the true blobs as faulty as the other data sets, and add false ones.

    Those are blobs of this film elsewhere, turned at random: that one is a streak
    does not tell that it is real.
    """
    count = len(blobs)
    seen = blobs[random.random(count) >= sequences.MISS_RATIO]
    clutter = random.poisson(
        sequences.CLUTTER_PER_OBJECT * count + sequences.CLUTTER_PER_FRAME
    )
    false = shapes[random.integers(0, len(shapes), clutter)].copy()
    false[:, :2] = random.random((clutter, 2)) * SIZE_PX
    false[:, 6] = random.uniform(-np.pi / 2, np.pi / 2, clutter)
    rows = np.concatenate([seen, false])
    rows[:, :2] += random.normal(0, sequences.JITTER_PX, (len(rows), 2))
    rows[:, 2:6] *= np.exp(random.normal(0, sequences.SIZE_NOISE, (len(rows), 4)))
    rows[:, 6] += random.normal(0, ANGLE_NOISE_RAD, len(rows))
    sure = np.concatenate([random.beta(8, 2, len(seen)), random.beta(5, 3, len(false))])
    return Detections(rows[:, :4], sure, rows[:, 4:])
