"""Stands for `gst-launch-1.0`: gives what a real one has given, picture for picture.

    python -m tests.fakes.gst_launch

runs the real program, with x264 for the encoder that a board would have, and writes
down what it says to pictures of `make_frame`.
"""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from app.paths import ROOT
from app.recording.codecs import Codec
from app.recording.encoder import planes_of
from app.recording.gstreamer_encoder import pipeline_text
from tests.fakes.recording import make_frame

if TYPE_CHECKING:
    from pathlib import Path

RECORDED = ROOT / "tests" / "data" / "recording" / "gstreamer.multipart"
FRAMES = 40
SIZE = (64, 48)
CODEC = Codec(
    "x264enc",
    "yuv420p",
    (),
    "GStreamer H.264, grey, good",
    elements="x264enc tune=zerolatency speed-preset=ultrafast pass=quant quantizer=26"
    " key-int-max=30",
    is_hardware=True,
    is_full_range=True,
)


# Starts as fast as the real one: it imports nothing of the console.
_PROGRAM = """#!{python} -S
import sys
parts = open({recorded!r}, "rb").read().split(b"--peregrine\\r\\n")[1:]
for part in parts[:{pictures}]:
    if len(sys.stdin.buffer.read({picture_bytes})) < {picture_bytes}:
        break
    sys.stdout.buffer.write(b"--peregrine\\r\\n" + part)
    sys.stdout.buffer.flush()
"""


def install(folder: Path, *, dies_after: int = FRAMES) -> None:
    """Put the fake into a folder, to be found there instead of the real one.

    Parameters
    ----------
    dies_after : int
        Pictures after which it ends.
    """
    launch = _PROGRAM.format(
        python=sys.executable,
        recorded=str(RECORDED),
        pictures=dies_after,
        picture_bytes=SIZE[0] * SIZE[1] * 3 // 2,
    )
    for name, text in (
        ("gst-launch-1.0", launch),
        ("gst-inspect-1.0", "#!/bin/sh\nexit 0\n"),
    ):
        program = folder / name
        program.write_text(text, encoding="utf-8")
        program.chmod(0o755)


def main() -> None:
    """Record what the real program gives."""
    pictures = b"".join(
        planes_of(make_frame(at, SIZE).image, CODEC).tobytes() for at in range(FRAMES)
    )
    words = pipeline_text(CODEC, *SIZE, 120.0).split()
    done = subprocess.run(
        ["gst-launch-1.0", "-q", *words],
        input=pictures,
        capture_output=True,
        check=True,
    )
    RECORDED.parent.mkdir(exist_ok=True)
    RECORDED.write_bytes(done.stdout)


if __name__ == "__main__":
    main()
