"""Frames of a clip, prepared for a network that is being converted.

As a program it prepares them where nobody else computes: it reads a pickled order from
its input, and writes what went wrong, pickled, or nothing.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import subprocess
import sys
from collections import deque
from typing import TYPE_CHECKING

import numpy as np

from app.errors import ConsoleError, SourceError, SourceFormatError
from app.paths import ROOT
from app.process import yield_process
from app.sources.base import EndOfSource
from app.sources.catalogue import open_source
from engines.preprocessing import Preprocessor

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from app.sources.base import FrameSource
    from engines.manifest import InputSpec

SAMPLE_COUNT = 32
"""Frames to compare on."""
_PREPARED_COUNT = 2 * SAMPLE_COUNT
_FRAMES_LOOKED_AT = 960
_READ_TIMEOUT_S = 0.1
_POLL_S = 0.05


def save_prepared_frames(
    uri: str, spec: InputSpec, path: Path, is_cancelled: Callable[[], bool]
) -> int:
    """Write network inputs made from a clip; gives how many there are to compare on.

    Evenly spread over the first 960 frames, each with the frames before it that the
    network sees together. Every other one is for the ranges of a quantised network,
    which is judged on the rest.

    Parameters
    ----------
    uri : str
        The clip, as `open_source` takes it.
    spec : InputSpec
        What the network takes.
    path : Path
        The `.npz` to write.
    is_cancelled : callable
        Asked between frames; once it is true no more are read.

    Raises
    ------
    SourceError
        If the clip cannot be read, or is too short.
    """
    source = open_source(uri, is_paced=False)
    try:
        tensors = _spread(_tensors(source, spec, is_cancelled))
    finally:
        source.close()
    if not tensors:
        raise SourceFormatError(
            f"{uri} has fewer than the {spec.frame_count} frames that the network "
            "sees together",
            hint="Give a longer clip with --frames.",
        )
    compared, calibration = tensors[::2], tensors[1::2] or tensors[:1]
    np.savez(
        path,
        tensors=np.concatenate(compared),
        calibration=np.concatenate(calibration),
        title=np.array(uri),
    )
    return len(compared)


def save_frames_apart(
    uri: str, spec: InputSpec, path: Path, is_cancelled: Callable[[], bool]
) -> None:
    """Do as `save_prepared_frames` in a process of its own.

    Reading a clip takes the interpreter for up to 0.7 s at once, and its libraries stay
    in the memory: beside a window both are felt.

    Raises
    ------
    SourceError
        As there, and if the process died.
    """
    with subprocess.Popen(
        [sys.executable, "-m", "app.conversion_frames"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        # Imported from there, while relative paths of clips stay right.
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        # Ctrl+C in a terminal reaches this process, which cancels.
        start_new_session=True,
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        yield_process(child.pid)
        # One that died reads nothing; what it says, or not, tells why.
        with contextlib.suppress(BrokenPipeError), child.stdin as order:
            pickle.dump((uri, spec, path), order)
        while child.poll() is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(_POLL_S)
            if is_cancelled():
                child.kill()
        said = child.stdout.read()
    if said:
        raise pickle.loads(said)
    if child.returncode and not is_cancelled():
        raise SourceError(
            f"reading {uri} ended with status {child.returncode}",
            hint="Play the clip in the console first: does it open there?",
        )


def _tensors(
    source: FrameSource, spec: InputSpec, is_cancelled: Callable[[], bool]
) -> list[NDArray[np.generic]]:
    clip = source.open()
    preprocessor = Preprocessor(spec, clip.width_px, clip.height_px)
    planes: deque[NDArray[np.uint8]] = deque(maxlen=spec.frame_count)
    expected = min(clip.frame_count or _FRAMES_LOOKED_AT, _FRAMES_LOOKED_AT)
    step = max(1, expected // _PREPARED_COUNT)
    tensors: list[NDArray[np.generic]] = []
    for number in range(_FRAMES_LOOKED_AT):
        frame = None
        try:
            while frame is None and not is_cancelled():
                frame = source.read(_READ_TIMEOUT_S)
        except EndOfSource:
            break
        if frame is None:
            break
        # Copied: a plane may share the memory of a frame that its source reuses.
        planes.append(preprocessor.plane(frame.image).copy())
        if len(planes) == spec.frame_count and number % step == 0:
            tensors.append(preprocessor.tensor(list(planes)).copy())
    if not tensors and len(planes) == spec.frame_count:
        tensors.append(preprocessor.tensor(list(planes)).copy())
    return tensors


def _spread(tensors: list[NDArray[np.generic]]) -> list[NDArray[np.generic]]:
    """Keep at most `_PREPARED_COUNT`, evenly spread."""
    if len(tensors) <= _PREPARED_COUNT:
        return tensors
    chosen = np.linspace(0, len(tensors) - 1, _PREPARED_COUNT).round().astype(int)
    return [tensors[index] for index in chosen]


def _main() -> int:
    uri, spec, path = pickle.load(sys.stdin.buffer)
    try:
        save_prepared_frames(uri, spec, path, lambda: False)
    except ConsoleError as error:
        pickle.dump(error, sys.stdout.buffer)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(_main())
