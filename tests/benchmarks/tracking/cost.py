"""Frames a second of every tracker alone, by the number of objects."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tests.benchmarks.tracking.contestants import follow
from tests.benchmarks.tracking.sequences import Detections, Film, Truth

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.benchmarks.tracking.contestants import Contestant
    from tests.benchmarks.tracking.runs import Makers

OBJECTS = (1, 5, 20, 100, 300, 1000)
ENOUGH_S = 4.0
"""A tracker that took longer for its frames is not timed again."""


def print_costs(makers: Makers) -> None:
    """Print a row for each tracker."""
    print(f"| tracker | {' | '.join(map(str, OBJECTS))} |")
    print("| --- " * (len(OBJECTS) + 1) + "|")
    films = [crowd(objects) for objects in OBJECTS]
    for name, make in makers.items():
        if name.startswith(("Peregrine,", "Perfect")):
            continue
        cells = [f"{_rate_hz(make, film):.0f}" for film in films]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


def _rate_hz(make: Callable[[Film], Contestant], film: Film) -> float:
    """The best of three runs: other programs only slow one down."""
    rates = []
    for _ in range(3):
        run = follow(make, film)
        if run.crash:
            return float("nan")
        rates.append(len(film.detections) / run.seconds)
        if run.seconds > ENOUGH_S:
            break
    return max(rates)


def crowd(objects: int) -> Film:
    """Objects that cross a field, which grows with them, two body lengths a frame."""
    random = np.random.default_rng([23, objects])
    side_px = 80.0 * max(9.0, np.sqrt(objects))
    place = random.random((objects, 2)) * side_px
    angle = random.random(objects) * 2 * np.pi
    step = 16.0 * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    truth, detections = [], []
    for number in range(120 if objects <= 100 else 30):
        path = (place + step * number) % (2 * side_px)
        centre = side_px - np.abs(path - side_px)
        box = np.concatenate([centre, np.full((objects, 2), 8.0)], axis=1)
        truth.append(Truth.of(np.arange(objects), box))
        noisy = box + random.normal(0, 0.5, box.shape)
        is_seen = random.random(objects) > 0.05
        detections.append(Detections(noisy[is_seen], np.full(is_seen.sum(), 0.9)))
    return Film(f"crowd-{objects}", 120.0, truth, detections)
