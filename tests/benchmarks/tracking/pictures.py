"""Strips of frames around each failure of the tracker, to be looked at.

    .venv-tracking/bin/python -m tests.benchmarks.tracking.pictures --out FOLDER \\
        [--sets Mosquito ...] [--part tuning] [--draw 0] [--data FOLDER]
    .venv/bin/python -m tests.benchmarks.tracking.pictures --out FOLDER \\
        --clip FILE [--truth FILE.csv] [--frames 40-60]

Films are drawn on black; a clip is found by the default network and drawn on its own
pixels. Its truth is a table of frame, x, y, w, h; without one, tracks that begin where
another ended are taken for failures. With `--frames` all of these are drawn.

White crosses are detections, grey rings the truth with the object's number, and
coloured ellipses tracks with their ids and two standard deviations: whole where they
are seen, dashed where not, thin where not believed yet.
"""

from __future__ import annotations

import argparse
import csv
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from app.frames import Tracks, TrackState
from app.tracking.tracker import Tracker
from tests.benchmarks.tracking.failures import Failure, Kind, failures, suspects
from tests.benchmarks.tracking.peregrine import Peregrine
from tests.benchmarks.tracking.sequences import Detections, Film, Found, Part, Truth

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Picture = NDArray[np.uint8]

PANEL_PX = 240
PANELS = 8
MARGIN_BODIES = 4.0
COLOURS = (
    (80, 180, 255),
    (255, 160, 80),
    (120, 230, 120),
    (220, 120, 255),
    (90, 240, 240),
    (255, 120, 160),
)
TRUTH, DETECTION, WORDS = (150, 150, 150), (255, 255, 255), (235, 235, 235)


class Shot(NamedTuple):
    """All there is to draw of one frame."""

    picture: Picture | None
    truth: Truth
    seen: Detections
    tracks: Tracks


def main() -> int:
    """Write one PNG for each failure, and list them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--sets", nargs="+")
    parser.add_argument("--part", choices=[each.value for each in Part], default="test")
    parser.add_argument("--draw", type=int, default=0)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--clip", type=Path)
    parser.add_argument("--truth", type=Path)
    parser.add_argument("--frames", help="first-last, all of them")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    if arguments.clip:
        film, shots = _clip(arguments.clip, arguments.truth)
        name = arguments.clip.stem
        if arguments.frames:
            first, last = map(int, arguments.frames.split("-"))
            _write_frames(arguments.out, name, shots, first, last)
        else:
            _write(arguments.out, name, film, shots, is_known=bool(arguments.truth))
        return 0
    from tests.benchmarks.tracking.datasets import all_sets

    for each in all_sets(arguments.data):
        if not arguments.sets or each.name in arguments.sets:
            for film in each.films(Part(arguments.part), arguments.draw):
                _write(arguments.out, f"{each.name}-{film.name}", film, _shots(film))
    return 0


def _shots(film: Film) -> list[Shot]:
    follower = Peregrine(film)
    shots = []
    for number, (truth, seen) in enumerate(
        zip(film.truth, film.detections, strict=True)
    ):
        follower.update(seen, number / film.rate_hz)
        shots.append(Shot(None, truth, seen, follower.tracks))
    return shots


def _clip(path: Path, truth: Path | None) -> tuple[Film, list[Shot]]:
    from tests.benchmarks.real_clips import ROOT, Network, frames_of

    pictures = list(frames_of(path))
    rate_hz = cv2.VideoCapture(str(path)).get(cv2.CAP_PROP_FPS)
    network = Network(ROOT / "resources/models/default")
    size_px = pictures[0].shape[1], pictures[0].shape[0]
    tracker = Tracker()
    truths = _truths(truth, len(pictures))
    maps = dict(network.maps(pictures, range(len(pictures))))
    shots = []
    for number, picture in enumerate(pictures):
        blobs = maps[number].blobs(network.thresholds) if number in maps else None
        if blobs is None:
            nothing = Detections(np.zeros((0, 4)), np.zeros(0))
            shots.append(Shot(picture, truths[number], nothing, Tracks.empty()))
            continue
        columns = blobs.x_px, blobs.y_px, blobs.width_px, blobs.height_px
        seen = Detections(np.stack(columns, axis=1), blobs.confidence)
        tracks = tracker.update(blobs, number / rate_hz, size_px)
        shots.append(Shot(picture, truths[number], seen, tracks))
    seen = [each.seen for each in shots]
    return Film(path.stem, rate_hz, truths, seen, size_px), shots


def _truths(path: Path | None, count: int) -> list[Truth]:
    rows: dict[int, list[tuple[float, ...]]] = {}
    if path is not None:
        with path.open(newline="") as lines:
            for row in csv.DictReader(lines):
                x, y, w, h = (float(row[key]) for key in "xywh")
                box = x + w / 2, y + h / 2, w, h
                rows.setdefault(int(float(row["frame"])), []).append(box)
    # Some tables count frames from 1.
    first = min(rows, default=0)
    return [
        Truth.of(range(len(boxes)), boxes)
        for boxes in (rows.get(number + first, []) for number in range(count))
    ]


# Drawing


def _write(
    folder: Path,
    name: str,
    film: Film,
    shots: Sequence[Shot],
    *,
    is_known: bool = True,
) -> None:
    found = []
    for each in shots:
        is_shown = each.tracks.state == TrackState.CONFIRMED
        found.append(Found(each.tracks.id[is_shown], _boxes(each.tracks)[is_shown]))
    some = failures(film, found) if is_known else suspects(found, film.rate_hz)
    for failure in some:
        words = _words(name, failure)
        print(words, flush=True)
        if failure.kind is Kind.FLICKER:
            continue
        frames = _frames_of(failure, len(shots))
        window = _window(failure, [shots[frame] for frame in frames])
        panels = [_panel(shots[frame], frame, window) for frame in frames]
        file = f"{name}-{failure.frame}-{failure.kind.value}".replace(" ", "-")
        strip = _labelled(np.concatenate(panels, axis=1), words)
        cv2.imwrite(str(folder / f"{file}-{failure.before}.png"), strip)


def _write_frames(
    folder: Path, name: str, shots: Sequence[Shot], first: int, last: int
) -> None:
    for start in range(first, min(last + 1, len(shots)), PANELS):
        frames = range(start, min(start + PANELS, len(shots)))
        height, width = shots[start].picture.shape[:2]
        window = np.array([0, 0, width, height], float)
        panels = [_panel(shots[frame], frame, window) for frame in frames]
        strip = _labelled(np.concatenate(panels, axis=1), f"{name} from {start}")
        cv2.imwrite(str(folder / f"{name}-{start:04d}.png"), strip)


def _words(name: str, failure: Failure) -> str:
    return (
        f"{name}: {failure.kind.value} at frame {failure.frame}, object"
        f" {failure.object}, track {failure.before} then {failure.after}, after"
        f" {failure.frames} frames with {failure.detections} detections unused"
    )


def _frames_of(failure: Failure, count: int) -> list[int]:
    """From before to after, those in the middle left out where there are many."""
    first, last = failure.frame - 2, failure.frame + failure.frames + 2
    if last - first + 1 > PANELS:
        half = PANELS // 2
        frames = [*range(first, first + half), *range(last - half + 1, last + 1)]
    else:
        frames = list(range(first, first + PANELS))
    return [frame for frame in frames if 0 <= frame < count]


def _boxes(tracks: Tracks) -> NDArray[np.float64]:
    columns = tracks.x_px, tracks.y_px, tracks.width_px, tracks.height_px
    return np.stack(columns, axis=1).astype(float)


def _window(failure: Failure, shots: Sequence[Shot]) -> NDArray[np.float64]:
    """A square around the object and the tracks that it is about."""
    boxes = []
    for each in shots:
        boxes.append(each.truth.box[each.truth.id == failure.object])
        is_it = np.isin(each.tracks.id, [failure.before, failure.after])
        is_it &= each.tracks.state != TrackState.ENDED
        if failure.object < 0 or not len(boxes[-1]):
            boxes.append(_boxes(each.tracks)[is_it])
    box = np.concatenate(boxes)
    if not len(box):
        box = np.concatenate([each.truth.box for each in shots])
    body = float(np.sqrt(np.median(box[:, 2] * box[:, 3])))
    low, high = box[:, :2].min(axis=0), box[:, :2].max(axis=0)
    centre, half = (low + high) / 2, (high - low).max() / 2 + MARGIN_BODIES * body
    return np.concatenate([centre - half, centre + half])


def _panel(shot: Shot, frame: int, window: NDArray[np.float64]) -> Picture:
    left, top, right, bottom = window
    scale = PANEL_PX / max(right - left, bottom - top)
    panel = np.full((PANEL_PX, PANEL_PX, 3), 24, np.uint8)
    if shot.picture is not None:
        place = np.array([[scale, 0, -left * scale], [0, scale, -top * scale]])
        cv2.warpAffine(shot.picture, place, (PANEL_PX, PANEL_PX), panel)

    def at(x: float, y: float) -> tuple[int, int]:
        return round((x - left) * scale), round((y - top) * scale)

    for number, (x, y, w, h) in zip(
        shot.truth.id.tolist(), shot.truth.box.tolist(), strict=True
    ):
        radius = max(round(max(w, h) * scale / 2), 3)
        cv2.circle(panel, at(x, y), radius, TRUTH, 1, cv2.LINE_AA)
        cv2.putText(panel, str(number), at(x, y + h), 1, 0.8, TRUTH, 1, cv2.LINE_AA)
    for x, y, _, _ in shot.seen.box.tolist():
        cv2.drawMarker(panel, at(x, y), DETECTION, cv2.MARKER_CROSS, 8, 1)
    for row in np.flatnonzero(shot.tracks.state != TrackState.ENDED):
        _draw_track(panel, shot.tracks, int(row), scale, at)
    cv2.putText(panel, str(frame), (6, 16), 1, 1.0, WORDS, 1, cv2.LINE_AA)
    panel[:, -1] = 90
    return panel


def _draw_track(
    panel: Picture, tracks: Tracks, row: int, scale: float, at: object
) -> None:
    colour = COLOURS[int(tracks.id[row]) % len(COLOURS)]
    along_x, across, along_y = tracks.covariance_px2[:, row].astype(float)
    values, vectors = np.linalg.eigh([[along_x, across], [across, along_y]])
    axes = 2 * np.sqrt(np.maximum(values, 0)) * scale
    angle = float(np.degrees(np.arctan2(vectors[1, 1], vectors[0, 1])))
    centre = at(float(tracks.x_px[row]), float(tracks.y_px[row]))
    size = round(max(axes[1], 4)), round(max(axes[0], 4))
    state = tracks.state[row]
    thick = 1 if state == TrackState.TENTATIVE else 2
    step = 24 if state == TrackState.LOST else 360
    # One that is larger than the picture only hides it.
    for start in range(0, 360 if size[0] < PANEL_PX else 0, step):
        end = start + (step / 2 if step < 360 else 360)
        cv2.ellipse(panel, centre, size, angle, start, end, colour, thick, cv2.LINE_AA)
    words = str(int(tracks.id[row]))
    place = centre[0] + 6, centre[1] - 6
    cv2.putText(panel, words, place, 1, 1.0, colour, 1, cv2.LINE_AA)


def _labelled(strip: Picture, words: str) -> Picture:
    bar = np.full((24, strip.shape[1], 3), 40, np.uint8)
    cv2.putText(bar, words, (6, 16), 1, 1.0, WORDS, 1, cv2.LINE_AA)
    return np.concatenate([bar, strip])


if __name__ == "__main__":
    sys.exit(main())
