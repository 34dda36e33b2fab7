"""Writes what the operator sees: as a video, or as one picture."""

from __future__ import annotations

import contextlib
import errno
from fractions import Fraction
from typing import TYPE_CHECKING

import av
import cv2
from av.error import FFmpegError

from app.errors import OutputError
from app.ink import Ink
from app.overlay import OverlayOptions, View, compose

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    import numpy as np
    from numpy.typing import NDArray
    from typing_extensions import Self

    from app.frames import FrameResult, Trail

_TIME_BASE = Fraction(1, 1_000_000)
# Coarser than this and a file that was never finished loses what the operator saw.
_FRAGMENT_US = 250_000
_KEY_FRAME_S = 1.0
# Lines and letters are made for a picture of this height.
_NOMINAL_HEIGHT_PX = 540
# What OpenCV's conversion to YUV does (ITU-R BT.601, limited range).
_BT601 = 6
_LIMITED_RANGE = 1


class AnnotatedVideo:
    """An H.264 video of composed frames, with the times the source gave them.

    Usable up to the last fragment even if it is never closed. Used by one thread::

        with AnnotatedVideo(path, 1280, 720, 120.0) as video:
            video.write(result, trails.snapshot())

    Parameters
    ----------
    path : Path
        Ends in `.mp4`. Overwritten if it exists.
    width_px, height_px : int
        Of the video; the frame is fitted into it. Odd sizes lose a pixel, for the
        format has colour for pairs only.
    frame_rate_hz : float
        A hint to the encoder and to players. Times come from the results.
    options : OverlayOptions, optional
        What is drawn over the frames.

    Raises
    ------
    OutputError
        If the file cannot be made.
    """

    def __init__(
        self,
        path: Path,
        width_px: int,
        height_px: int,
        frame_rate_hz: float = 60.0,
        options: OverlayOptions | None = None,
    ) -> None:
        self._path = path
        self._width_px, self._height_px = width_px & ~1, height_px & ~1
        self._options = options or OverlayOptions()
        self._ink = Ink()
        self._start_ns: int | None = None
        self._is_closed = False
        try:
            self._container = av.open(
                str(path),
                "w",
                format="mp4",
                options={
                    # Readable while it is written, and an ordinary MP4 once closed.
                    "movflags": "hybrid_fragmented",
                    "frag_duration": str(_FRAGMENT_US),
                    "flush_packets": "1",
                },
            )
            self._stream = self._container.add_stream(
                "libx264",
                rate=Fraction(frame_rate_hz).limit_denominator(1001),
                options={"preset": "veryfast", "crf": "20", "rc-lookahead": "10"},
            )
            self._stream.width, self._stream.height = self._width_px, self._height_px
            self._stream.pix_fmt = "yuv420p"
            codec = self._stream.codec_context
            codec.time_base = _TIME_BASE
            codec.gop_size = max(1, round(_KEY_FRAME_S * frame_rate_hz))
            # Frames out of order would let the first time be later than 0.
            codec.max_b_frames = 0
            codec.colorspace = _BT601
            codec.color_range = _LIMITED_RANGE
            # Otherwise a path that cannot be written is noticed at the first frame.
            self._container.start_encoding()
        except (FFmpegError, OSError) as error:
            raise _output_error(path, error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is None:
            self.close()
            return
        # What ended the block says more than that the file could not be finished.
        with contextlib.suppress(OutputError):
            self.close()

    def write(self, result: FrameResult, trails: tuple[Trail, ...]) -> None:
        """Compose one result and append it.

        Parameters
        ----------
        result : FrameResult
            Later than the one before.
        trails : tuple of Trail
            As they were after this frame.

        Raises
        ------
        OutputError
            If the disk is full or gone; every further call then fails too.
        """
        frame = result.frame
        view = _fitted(frame.width_px, frame.height_px, self._width_px, self._height_px)
        picture = compose(result, trails, view, self._options, self._ink)
        yuv = cv2.cvtColor(picture, cv2.COLOR_BGRA2YUV_I420).astype("uint8", copy=False)
        if self._start_ns is None:
            self._start_ns = frame.timestamp_ns
        encoded = av.VideoFrame.from_ndarray(yuv, format="yuv420p")
        encoded.pts = round((frame.timestamp_ns - self._start_ns) / 1000)
        encoded.time_base = _TIME_BASE
        self._mux(encoded)

    def close(self) -> None:
        """Finish the file. Calling it again does nothing.

        Raises
        ------
        OutputError
            If the disk is full or gone.
        """
        if self._is_closed:
            return
        self._is_closed = True
        try:
            self._mux(None)
        finally:
            try:
                self._container.close()
            except (FFmpegError, OSError) as error:
                raise _output_error(self._path, error) from error

    def _mux(self, frame: av.VideoFrame | None) -> None:
        try:
            self._container.mux(self._stream.encode(frame))
        except (FFmpegError, OSError) as error:
            raise _output_error(self._path, error) from error


def write_annotated_picture(
    path: Path,
    result: FrameResult,
    trails: tuple[Trail, ...],
    view: View | None = None,
    options: OverlayOptions | None = None,
) -> None:
    """Compose one result and write it as a PNG.

    Parameters
    ----------
    path : Path
        Overwritten if it exists.
    result : FrameResult
    trails : tuple of Trail
        As they were after this frame.
    view : View, optional
        None shows the whole frame at its own size.
    options : OverlayOptions, optional

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    frame = result.frame
    size = frame.width_px, frame.height_px
    picture = compose(result, trails, view or _fitted(*size, *size), options)
    try:
        path.write_bytes(_png(picture))
    except OSError as error:
        raise _output_error(path, error) from error


def _fitted(
    frame_width_px: int, frame_height_px: int, width_px: int, height_px: int
) -> View:
    ratio = max(1.0, height_px / _NOMINAL_HEIGHT_PX)
    return View.fit(frame_width_px, frame_height_px, width_px, height_px, ratio)


def _png(picture: NDArray[np.uint8]) -> bytes:
    _, encoded = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_BGRA2BGR))
    return encoded.tobytes()


def _output_error(path: Path, error: OSError | FFmpegError) -> OutputError:
    number = getattr(error, "errno", None)
    if number == errno.ENOSPC:
        return OutputError(
            f"the disk of {path} is full",
            hint="Free some space, or write to another disk.",
        )
    reason = getattr(error, "strerror", None) or str(error)
    return OutputError(
        f"{path} cannot be written: {reason}",
        hint="Choose a folder that exists and that you may write to.",
    )
