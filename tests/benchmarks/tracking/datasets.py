"""The data sets: synthetic scenes, and real paths from `tests/data/tracking`.

What may not be copied into the repository is read from a folder where there is one:
`mot15/SEQUENCE/{gt.txt,det.txt,seqinfo.ini}` and `kickercam/*.csv`.
"""

from __future__ import annotations

import configparser
import csv
import gzip
from collections import defaultdict
from functools import cache, partial
from pathlib import Path

import numpy as np

from engines.scene import Motion, Scene, SceneSettings
from tests.benchmarks.tracking.sequences import (
    DataSet,
    Detections,
    Film,
    Part,
    Truth,
    film_of,
)

PATHS = Path(__file__).resolve().parents[2] / "data" / "tracking"
RATE_HZ = 120.0
BODY_PX = 8.0
SIZE_RANGE_PX = (5.0, 12.0)
SPEEDS_BODIES = (1.0, 8.0)
SHUTTLE_PX, SHUTTLE_HZ = 20.0, 30.0
MOSQUITO_PX, MOSQUITO_PX_M, MOSQUITO_HZ = 6.0, 480.0, 50.0
MOSQUITO_FRAME_PX = 1280, 960
BALL_PX, BALL_HZ = 20.0, 120.0
DRONE_FRAME_PX = 640, 512

Path2 = dict[int, tuple[float, float, float, float]]
"""A box by frame."""


def all_sets(folder: Path | None) -> list[DataSet]:
    """Every data set that can be had; `folder` holds those not in the repository."""
    sets = [
        DataSet(
            f"Syn-{name}",
            f"synthetic, {motion.value}, 1 to 200 objects",
            partial(_synthetic, motion),
        )
        for name, motion in (
            ("ballistic", Motion.BALLISTIC),
            ("bouncing", Motion.BOUNCING),
            ("manoeuvring", Motion.MANOEUVRING),
        )
    ]
    sets += [
        DataSet("Shuttle1", "one shuttlecock, 30 fps, real paths", _shuttles),
        DataSet("ShuttleX", "four of them overlaid", partial(_shuttles, at_once=4)),
        DataSet("Mosquito", "a real swarm, 50 Hz", _mosquitoes),
        DataSet(
            "DronesX", "birds and aircraft, real, overlaid", _drones, is_fast=False
        ),
    ]
    if folder is None:
        return sets
    if list(folder.glob("kickercam/*.csv")):
        sets += [
            DataSet("Foosball1", "one ball, 120 fps, real", partial(_balls, folder)),
            DataSet("FoosballX", "three overlaid", partial(_balls, folder, at_once=3)),
        ]
    if (folder / "mot15").is_dir():
        sets.append(
            DataSet(
                "MOT15",
                "pedestrians, real detections",
                partial(_pedestrians, folder / "mot15"),
                is_fast=False,
                is_drawn=False,
            )
        )
    return sets


# Synthetic scenes

_SCENES = {
    # objects, frames, occluders
    Part.TUNING: ((1, 240, 0), (6, 240, 2), (30, 120, 0), (120, 40, 2)),
    Part.TEST: ((1, 240, 0), (5, 240, 2), (20, 120, 0), (60, 80, 3), (200, 40, 0)),
}


def _synthetic(motion: Motion, part: Part, draw: int) -> list[Film]:
    return [
        film_of(
            f"{motion.value}-{objects}",
            RATE_HZ,
            _scene(motion, objects, frames, occluders, part),
            (draw, objects, *motion.value.encode(), part is Part.TEST),
        )
        for objects, frames, occluders in _SCENES[part]
    ]


@cache
def _scene(
    motion: Motion, objects: int, frames: int, occluders: int, part: Part
) -> list[Truth]:
    scene = Scene(
        SceneSettings(
            width_px=1280,
            height_px=720,
            frame_rate_hz=RATE_HZ,
            object_count=objects,
            motion=motion,
            speed_px_s=(
                SPEEDS_BODIES[0] * BODY_PX * RATE_HZ,
                SPEEDS_BODIES[1] * BODY_PX * RATE_HZ,
            ),
            size_px=SIZE_RANGE_PX,
            exposure_ratio=0.1,
            clutter=0,
            occluders=occluders,
            seed=100 + (part is Part.TEST),
        )
    )
    truths = []
    for index in range(frames):
        seen = scene.truth(index)
        size = seen.size_px
        box = np.stack([seen.x_px, seen.y_px, size, size], axis=1)
        is_in = (box[:, 0] >= 0) & (box[:, 0] < 1280)
        is_in &= (box[:, 1] >= 0) & (box[:, 1] < 720)
        truths.append(Truth.of(seen.id[is_in], box[is_in], seen.visible_ratio[is_in]))
    return truths


# Real paths


def _rows(name: str) -> list[list[str]]:
    with gzip.open(PATHS / name, "rt", encoding="utf-8") as lines:
        return list(csv.reader(lines))[1:]


def _together(paths: list[Path2]) -> list[Truth]:
    """See paths at once; each is an object."""
    count = max(max(path) for path in paths) + 1
    truths = []
    for frame in range(count):
        ids = [number for number, path in enumerate(paths) if frame in path]
        truths.append(Truth.of(ids, [paths[number][frame] for number in ids]))
    return truths


def _overlays(
    name: str,
    rate_hz: float,
    paths: list[Path2],
    at_once: int,
    part: Part,
    draw: int,
    size_px: tuple[int, int] = (1280, 720),
) -> list[Film]:
    """Films of `at_once` paths each, every path in one film."""
    order = np.random.default_rng((7, at_once)).permutation(len(paths))
    return [
        film_of(
            f"{name}-{first}",
            rate_hz,
            _together([paths[row] for row in order[first : first + at_once]]),
            (draw, first, at_once, *name.encode(), part is Part.TEST),
            size_px,
        )
        for first in range(0, len(paths), at_once)
    ]


@cache
def _rallies() -> list[Path2]:
    rallies: dict[str, Path2] = defaultdict(dict)
    for name, frame, x, y in _rows("shuttlecock.csv.gz"):
        box = (float(x), float(y), SHUTTLE_PX, SHUTTLE_PX)
        rallies[name][int(frame)] = box
    return list(rallies.values())


def _shuttles(part: Part, draw: int, at_once: int = 1) -> list[Film]:
    rallies = _rallies()
    # Every third is for tuning.
    chosen = [
        path
        for row, path in enumerate(rallies)
        if (row % 3 == 0) is (part is Part.TUNING)
    ]
    return _overlays("shuttle", SHUTTLE_HZ, chosen, at_once, part, draw)


@cache
def _swarm() -> list[Truth]:
    by_frame: dict[int, list[tuple[int, float, float]]] = defaultdict(list)
    for number, frame, x, z in _rows("mosquito.csv.gz"):
        by_frame[int(frame)].append((int(number), float(x), float(z)))
    truths = []
    for frame in range(min(by_frame), max(by_frame) + 1):
        rows = by_frame.get(frame, [])
        box = [
            ((x + 0.2) * MOSQUITO_PX_M, (1.5 - z) * MOSQUITO_PX_M, *[MOSQUITO_PX] * 2)
            for _, x, z in rows
        ]
        truths.append(Truth.of([row[0] for row in rows], box))
    return truths


_SWARM_FRAMES = 600
_SWARM_TUNING_FRAMES = 500


def _mosquitoes(part: Part, draw: int) -> list[Film]:
    """Some of the animals are in both parts, at other times."""
    swarm = _swarm()
    if part is Part.TUNING:
        films = {0: swarm[:_SWARM_TUNING_FRAMES]}
    else:
        starts = range(_SWARM_FRAMES, len(swarm), _SWARM_FRAMES)
        films = {first: swarm[first : first + _SWARM_FRAMES] for first in starts}
    return [
        film_of(
            f"swarm-{first}", MOSQUITO_HZ, ways, (draw, 11, first), MOSQUITO_FRAME_PX
        )
        for first, ways in films.items()
    ]


@cache
def _flights() -> list[Path2]:
    flights: dict[str, Path2] = defaultdict(dict)
    for name, frame, *box in _rows("drones.csv.gz"):
        left, top, width, height = map(float, box)
        centre = (left + width / 2, top + height / 2)
        flights[name][int(frame)] = (*centre, width, height)
    return list(flights.values())


def _drones(part: Part, draw: int) -> list[Film]:
    flights = _flights()
    chosen = flights[:2] if part is Part.TUNING else flights[2:]
    return _overlays("drones", 30.0, chosen, len(chosen), part, draw, DRONE_FRAME_PX)


# What lies outside the repository

_BALL_FRAMES = 600
_BALL_TUNING_FILMS = 9


def _balls(folder: Path, part: Part, draw: int, at_once: int = 1) -> list[Film]:
    paths = _ball_paths(folder)
    is_tuning = part is Part.TUNING
    chosen = paths[:_BALL_TUNING_FILMS] if is_tuning else paths[_BALL_TUNING_FILMS:]
    return _overlays("balls", BALL_HZ, chosen, at_once, part, draw)


@cache
def _ball_paths(folder: Path) -> list[Path2]:
    [name, *_] = sorted(folder.glob("kickercam/*.csv"))
    paths: list[Path2] = []
    with name.open(encoding="utf-8") as lines:
        for frame, row in enumerate(list(csv.reader(lines))[1:]):
            x, y = float(row[-2]), float(row[-1])
            if frame % _BALL_FRAMES == 0:
                paths.append({})
            if x >= 0:
                paths[-1][frame % _BALL_FRAMES] = (x, y, BALL_PX, BALL_PX)
    return [path for path in paths if path]


_TEST_STREETS = ("ADL-Rundle-6", "ETH-Bahnhof", "KITTI-13")
"""All others that the folder holds are for tuning."""


def _pedestrians(folder: Path, part: Part, draw: int) -> list[Film]:
    """The detections are real, so every draw is the same."""
    del draw
    return [
        _street(each)
        for each in sorted(folder.iterdir())
        if each.is_dir() and (each.name in _TEST_STREETS) is (part is Part.TEST)
    ]


@cache
def _street(folder: Path) -> Film:
    facts = configparser.ConfigParser()
    facts.read(folder / "seqinfo.ini")
    count = facts.getint("Sequence", "seqLength")
    true = np.loadtxt(folder / "gt.txt", delimiter=",")
    true = true[true[:, 6] > 0]
    found = np.loadtxt(folder / "det.txt", delimiter=",")
    for table in (true, found):
        table[:, 2:4] += table[:, 4:6] / 2
    truths, detections = [], []
    for frame in range(1, count + 1):
        rows = true[true[:, 0] == frame]
        truths.append(Truth.of(rows[:, 1], rows[:, 2:6]))
        rows = found[found[:, 0] == frame]
        detections.append(Detections(rows[:, 2:6], rows[:, 6]))
    rate_hz = facts.getfloat("Sequence", "frameRate")
    size_px = facts.getint("Sequence", "imWidth"), facts.getint("Sequence", "imHeight")
    return Film(
        folder.name, rate_hz, truths, detections, size_px, is_scored_by_overlap=True
    )
