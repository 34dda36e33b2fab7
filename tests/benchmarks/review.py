"""How long a long session takes to open for review, and how its frames come.

    .venv/bin/python -m tests.benchmarks.review [--frames 36000] [--size 640x480]

Records a session with the real recorder, as fast as that goes, and reviews it.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from app.process import prepare_process
from app.recording.corrections import Edit, EditKind
from app.recording.recorder import Recorder
from app.recording.settings import RecordingSettings
from app.review.review import Review, ReviewPhase
from tests.fakes.recording import PERIOD_NS, make_frame, make_result, source_spec

_TRACKS = 3


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--frames", type=int, default=36_000)
    parser.add_argument("--size", default="640x480")
    parser.add_argument("--session", type=Path, help="one that is there already")
    arguments = parser.parse_args()
    prepare_process()
    width, height = (int(each) for each in arguments.size.split("x"))
    with tempfile.TemporaryDirectory() as folder:
        session = arguments.session or _record(
            Path(folder), arguments.frames, (width, height)
        )
        _review(session)
    return 0


def _record(folder: Path, frames: int, size: tuple[int, int]) -> Path:
    recorder = Recorder(dict, waits=True)
    recorder.configure(RecordingSettings(folder, reserve_bytes=1_000_000))
    recorder.open(source_spec(size))
    recorder.start("session")
    images = [make_frame(at, size).image for at in range(64)]
    results = [make_result(make_frame(at, size), _TRACKS) for at in range(64)]
    from dataclasses import replace

    for at in range(frames):
        frame = replace(
            make_frame(0),
            index=at,
            timestamp_ns=at * PERIOD_NS,
            captured_ns=time.monotonic_ns(),
            image=images[at % 64],
        )
        recorder.take_frame(frame)
        recorder.take_result(replace(results[at % 64], frame=frame))
    recorder.finish()
    return folder / "session"


def _review(folder: Path) -> None:
    before_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    started_s = time.monotonic()
    review = Review(folder)
    review.start()
    while review.status().phase is ReviewPhase.LOADING:
        time.sleep(0.002)
    opened_s = time.monotonic() - started_s
    analysis = review.status().analysis
    assert analysis is not None
    frames = len(analysis.contents.frames)
    memory_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 - before_mb
    print(f"{frames} frames, {len(analysis.rows)} rows of tracks", file=sys.stderr)
    print("| what | takes |\n| --- | --- |")
    print(f"| open, all tracks read | {opened_s:.2f} s, {memory_mb:.0f} MB |")
    jumps = np.random.default_rng(1).integers(0, frames, 60).tolist()
    _print_times("jump to any frame", [_shown_ms(review, each) for each in jumps])
    middle = frames // 2
    _shown_ms(review, middle)
    forward = [_shown_ms(review, middle + at) for at in range(1, 200)]
    _print_times("step forward", forward)
    back = [_shown_ms(review, middle + 199 - at) for at in range(1, 300)]
    _print_times("step back", back)
    edits = []
    for at in range(10):
        started_s = time.monotonic()
        known = review.status().analysis
        review.correct(Edit(EditKind.SWAP, 1, 2, from_number=middle + at))
        while review.status().analysis is known:
            time.sleep(0.001)
        edits.append(1e3 * (time.monotonic() - started_s))
    _print_times("correct", edits)
    review.stop()


def _shown_ms(review: Review, number: int) -> float:
    started_s = time.monotonic()
    review.show(number)
    while True:
        result = review.results.take(5.0)
        assert result is not None
        if result.frame.index == number:
            return 1e3 * (time.monotonic() - started_s)


def _print_times(what: str, times_ms: list[float]) -> None:
    median, worst = float(np.median(times_ms)), max(times_ms)
    print(f"| {what} | median {median:.1f} ms, worst {worst:.1f} ms |")


if __name__ == "__main__":
    sys.exit(main())
