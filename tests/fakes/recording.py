"""Feeds a recorder without a camera and without a network; also in a child process.

    python -m tests.fakes.recording FOLDER [--seconds N] [--size WxH] [--colour] ...

records live until it is killed, and prints what the recorder says is written.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from app.frames import Blobs, Frame, FrameResult, Tracks, TrackState
from app.recording.recorder import Recorder
from app.recording.settings import Quality, RecordingSettings
from app.sources.base import SourceSpec

if TYPE_CHECKING:
    from collections.abc import Callable

RATE_HZ = 120.0
PERIOD_NS = 8_333_333
ACKNOWLEDGE_S = 0.02
# A slow disk takes its time.
FINISH_S = 60.0


class Told(NamedTuple):
    """What a recorder in a child process said of itself, at one moment."""

    time_ns: int
    frames: int
    """Written."""
    results: int
    """Rows written."""
    samples: int
    """Measurements taken."""
    captured: int
    lost: int


def told_by(output: str) -> list[Told]:
    """Read what the child printed, up to where it was cut off."""
    lines = [line.split() for line in output.splitlines(keepends=True)]
    ends = [line.endswith("\n") for line in output.splitlines(keepends=True)]
    return [
        Told(*(int(word) for word in line))
        for line, is_whole in zip(lines, ends, strict=True)
        if is_whole and len(line) == len(Told._fields) and line[0] != "done"
    ]


def source_spec(
    size: tuple[int, int] = (64, 48), *, is_colour: bool = False
) -> SourceSpec:
    """A live source of this size."""
    return SourceSpec(
        uri="fake://texture",
        title="texture",
        width_px=size[0],
        height_px=size[1],
        frame_rate_hz=RATE_HZ,
        frame_count=None,
        is_live=True,
        is_colour=is_colour,
    )


def make_frame(
    index: int,
    size: tuple[int, int] = (64, 48),
    *,
    is_colour: bool = False,
    captured_ns: int | None = None,
) -> Frame:
    """A texture that moves; every frame differs from every other."""
    width, height = size
    rows, columns = np.mgrid[0:height, 0:width]
    image = ((columns * 3 + rows * 2 + index * 5) % 256).astype(np.uint8)
    image[:4, :32] = (
        np.repeat(
            np.unpackbits(np.array([index >> 8 & 255, index & 255], np.uint8)), 2
        )[None, :]
        * 255
    )
    if is_colour:
        image = np.stack([image, 255 - image, np.roll(image, 7, 1)], axis=-1)
    image.setflags(write=False)
    # Times that no round rate explains, as a camera has them.
    jitter_ns = (index * 7919) % 1_500_000
    return Frame(
        index=index,
        timestamp_ns=1_000_000_000 + index * PERIOD_NS + jitter_ns,
        captured_ns=time.monotonic_ns() if captured_ns is None else captured_ns,
        image=image,
    )


def number_in(image: np.ndarray) -> int:
    """The index that `make_frame` has drawn into a grey frame."""
    bits = (image[1, 0:32:2] > 127).astype(np.uint8)
    high, low = np.packbits(bits)
    return int(high) << 8 | int(low)


def make_result(frame: Frame, tracks: int = 3) -> FrameResult:
    """Tracks that move through a frame."""
    ids = np.arange(1, tracks + 1, dtype=np.int64)
    x_px = (frame.index * 2.0 + 10.0 * ids).astype(np.float32)
    one = np.ones(tracks, np.float32)
    return FrameResult(
        frame=frame,
        blobs=Blobs.of(x_px, 20.0 * one),
        tracks=Tracks(
            id=ids,
            state=np.full(tracks, TrackState.CONFIRMED, np.uint8),
            x_px=x_px,
            y_px=20.0 * one,
            vx_px_s=240.0 * one,
            vy_px_s=0.0 * one,
            width_px=8.0 * one,
            height_px=8.0 * one,
            area_px=50.0 * one,
            confidence=0.9 * one,
            blob=np.arange(tracks, dtype=np.int32),
            age_s=one,
            sigma_px=0.5 * one,
        ),
        mask=frame.image[..., :16] > 200
        if frame.image.ndim == 2
        else np.zeros((4, 4), bool),
        mask_area_px=(0.0, 0.0, 16.0, 48.0),
        done_ns=time.monotonic_ns(),
    )


def wait_until(condition: Callable[[], bool], timeout_s: float = 20.0) -> None:
    """Wait for something that another thread does."""
    deadline_s = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline_s:
            raise TimeoutError
        time.sleep(0.002)


def _say(*words: object) -> None:
    sys.stdout.write(" ".join(str(word) for word in words) + "\n")
    sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--size", default="640x480")
    parser.add_argument("--colour", action="store_true")
    parser.add_argument("--quality", type=Quality, default=Quality.GOOD)
    parser.add_argument("--reserve", type=int, default=1_000_000)
    parser.add_argument("--noise", action="store_true")
    arguments = parser.parse_args()
    width, height = (int(each) for each in arguments.size.split("x"))
    size, is_colour = (width, height), arguments.colour
    images = [make_frame(at, size, is_colour=is_colour).image for at in range(64)]
    if arguments.noise:
        shape = images[0].shape
        random = np.random.default_rng(1)
        images = [random.integers(0, 256, shape, np.uint8) for _ in range(64)]
    samples = 0

    def sample() -> dict[str, float]:
        nonlocal samples
        samples += 1
        return {"load": 1.0}

    recorder = Recorder(sample)
    recorder.configure(
        RecordingSettings(
            arguments.folder,
            quality=arguments.quality,
            reserve_bytes=arguments.reserve,
        )
    )
    recorder.open(source_spec(size, is_colour=is_colour))
    recorder.start("session")
    began_ns = time.monotonic_ns()
    acknowledged_s = 0.0
    for index in range(round(arguments.seconds * RATE_HZ)):
        due_ns = began_ns + index * PERIOD_NS
        time.sleep(max(0.0, (due_ns - time.monotonic_ns()) * 1e-9))
        now_ns = time.monotonic_ns()
        frame = Frame(index, due_ns, now_ns, images[index % len(images)])
        recorder.take_frame(frame)
        recorder.take_result(make_result(frame))
        if time.monotonic() - acknowledged_s > ACKNOWLEDGE_S:
            acknowledged_s = time.monotonic()
            status = recorder.status()
            _say(
                time.monotonic_ns(),
                status.written,
                status.results,
                status.samples,
                index + 1,
                status.losses.not_recorded,
            )
            if status.ended:
                break
    recorder.stop()
    recorder.finish(FINISH_S)
    status = recorder.status()
    _say(
        "done",
        status.taken,
        status.written,
        status.losses.not_recorded,
        status.ended,
    )


if __name__ == "__main__":
    main()
    sys.exit(0)
