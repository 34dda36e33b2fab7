"""Pictures of what a network gets wrong on real clips, for the datasheet.

    .venv/bin/python -m tests.benchmarks.network_failures DATA [--out docs/images]

Of each case the frame with most mistakes is drawn: a box around what is labelled, a
circle around what was found, green where the two agree and red where they do not. The
pictures are of clips whose licences allow it (CC0 and MIT, see their README).
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from app.detection_score import Object, Tally
from tests.benchmarks.real_clips import ROOT, Network, frames_of, read_truth

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tests.benchmarks.real_clips import Picture, Points

_RIGHT, _WRONG = (90, 200, 60), (60, 60, 235)
_SIZE_PX = (480, 360)


class Case(NamedTuple):
    """One thing that goes wrong."""

    name: str
    clip: str
    network: str


CASES = (
    Case("hanging", "drone_clips/IR_HELICOPTER_034.mp4", "medium"),
    Case("slow", "drone_clips/V_BIRD_002.mp4", "default"),
    Case("hands", "fmo_clips/circle.avi", "medium"),
    Case("large", "fmo_clips/falling_pen.avi", "medium"),
)


def worst(case: Case, data: Path) -> tuple[Picture, Points, list[Object], int]:
    """The frame with most mistakes, what was found and what is true in it."""
    truth = read_truth(data)[case.clip]
    network = Network(ROOT / "resources/models" / case.network)
    wanted = {index for index in truth if index >= 3 or len(truth) < 10}
    found = dict(network(frames_of(data / case.clip), wanted))
    mistakes = {}
    for index, points in found.items():
        tally = Tally()
        tally.add(points, truth[index])
        mistakes[index] = tally.misses + tally.false
    chosen = max(mistakes, key=lambda index: mistakes[index])
    picture = next(
        frame
        for index, frame in enumerate(frames_of(data / case.clip))
        if index == chosen
    )
    return picture, found[chosen], truth[chosen], chosen


def drawn(picture: Picture, points: Points, wanted: list[Object]) -> NDArray[np.uint8]:
    """The part of the picture where something is, enlarged, with marks."""
    height, width = picture.shape[:2]
    scale = min(_SIZE_PX[0] / width, _SIZE_PX[1] / height)
    size = (round(width * scale), round(height * scale))
    shown = cv2.resize(picture, size, interpolation=cv2.INTER_CUBIC)
    hits = Tally().add(points, wanted)
    right, met = {hit[1] for hit in hits}, {hit[0] for hit in hits}
    for number, one in enumerate(wanted):
        half = one.length / 2
        corners = [
            tuple(
                round(scale * (at + side * half) + 0.5 * scale) for at in (one.x, one.y)
            )
            for side in (-1, 1)
        ]
        colour = _RIGHT if number in met else _WRONG
        cv2.rectangle(shown, corners[0], corners[1], colour, 2, cv2.LINE_AA)
    for number, point in enumerate(points):
        at = tuple(round(scale * (value + 0.5)) for value in point.tolist())
        colour = _RIGHT if number in right else _WRONG
        cv2.circle(shown, at, 12, colour, 2, cv2.LINE_AA)
    return np.asarray(shown, np.uint8)


def main() -> None:
    """Write the pictures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, metavar="DATA")
    parser.add_argument("--out", type=Path, default=ROOT / "docs/images")
    arguments = parser.parse_args()
    for case in CASES:
        picture, points, wanted, index = worst(case, arguments.data)
        path = arguments.out / f"network_{case.name}.png"
        if not cv2.imwrite(str(path), drawn(picture, points, wanted)):
            raise SystemExit(f"cannot write {path}")
        print(f"{path}: {case.network} on frame {index} of {case.clip}")


if __name__ == "__main__":
    main()
