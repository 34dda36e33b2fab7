"""Writes small videos and images for the tests of sources."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import av
import cv2
import numpy as np
from av.audio.stream import AudioStream
from av.video.stream import VideoStream

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

RATE_HZ = 120
SIZE = (64, 48)


def picture(index: int, *, is_colour: bool = False) -> NDArray[np.uint8]:
    """A bright square that moves right; `index` can be told from its place."""
    image = np.full((SIZE[1], SIZE[0]), 40, np.uint8)
    left = 2 * (index % 24)
    image[16:32, left : left + 16] = 220
    return np.repeat(image[..., None], 3, axis=2) if is_colour else image


def write_video(
    path: Path,
    frame_count: int = 10,
    *,
    codec: str = "mpeg4",
    pix_fmt: str = "yuv420p",
    times_ms: Sequence[int] | None = None,
    rotation_deg: int = 0,
    options: dict[str, str] | None = None,
) -> Path:
    """Write a video; `times_ms` are the frames' times, evenly spaced without it."""
    with av.open(str(path), "w", options=options or {}) as container:
        stream = container.add_stream(codec, rate=RATE_HZ)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height = SIZE
        stream.pix_fmt = pix_fmt
        if rotation_deg:
            stream.set_display_rotation(rotation_deg)
        base = Fraction(1, 1000) if times_ms else Fraction(1, RATE_HZ)
        stream.codec_context.time_base = base
        for index in range(frame_count):
            frame = av.VideoFrame.from_ndarray(
                picture(index, is_colour=True), format="bgr24"
            )
            frame.pts = times_ms[index] if times_ms else index
            frame.time_base = base
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def write_sound(path: Path) -> Path:
    """Write a file that holds sound alone."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        assert isinstance(stream, AudioStream)
        frame = av.AudioFrame.from_ndarray(
            np.zeros((1, 800), np.int16), format="s16", layout="mono"
        )
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def cut(path: Path, *, keep_ratio: float) -> Path:
    """Take the end off a file."""
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * keep_ratio)])
    return path


def write_images(
    folder: Path, frame_count: int = 10, *, is_colour: bool = False
) -> Path:
    """Write `frame0.png`, `frame1.png` and so on."""
    folder.mkdir(exist_ok=True)
    for index in range(frame_count):
        cv2.imwrite(
            str(folder / f"frame{index}.png"), picture(index, is_colour=is_colour)
        )
    return folder
