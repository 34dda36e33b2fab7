"""A minute of frames that are nothing but false detections: time and memory."""

from __future__ import annotations

import resource
import time

import numpy as np

from tests.benchmarks.tracking.peregrine import Peregrine
from tests.benchmarks.tracking.sequences import Detections, Film

DETECTIONS = 10_000
RATE_HZ = 120.0
FRAMES = 7200
ROWS = 12
SIZE_PX = 1280, 720


def print_flood() -> None:
    """Print a row for every five seconds of the minute."""
    random = np.random.default_rng(29)
    follower = Peregrine(Film("flood", RATE_HZ, [], [], SIZE_PX))
    print("| seconds | ms a frame, mean | longest | tracks, most | memory, most, MB |")
    print("| --- | --- | --- | --- | --- |")
    for part in range(ROWS):
        took_ms, tracks = [], []
        for number in range(part * FRAMES // ROWS, (part + 1) * FRAMES // ROWS):
            seen = _seen(random)
            started = time.process_time()
            follower.update(seen, number / RATE_HZ)
            took_ms.append(1e3 * (time.process_time() - started))
            tracks.append(len(follower.tracks))
        memory_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(
            f"| {(part + 1) * FRAMES / ROWS / RATE_HZ:.0f} | {np.mean(took_ms):.1f}"
            f" | {max(took_ms):.1f} | {max(tracks)} | {memory_mb:.0f} |",
            flush=True,
        )


def _seen(random: np.random.Generator) -> Detections:
    place = random.random((DETECTIONS, 2)) * SIZE_PX
    size = np.exp(random.normal(np.log(8), 0.3, (DETECTIONS, 1)))
    box = np.concatenate([place, size, size], axis=1)
    return Detections(box, random.random(DETECTIONS))
