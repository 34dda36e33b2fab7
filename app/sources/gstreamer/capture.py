"""Frames from a pipeline of GStreamer, pulled in the thread that reads."""

from __future__ import annotations

import re
import time
from collections import deque
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

from app.errors import (
    SourceBusyError,
    SourceError,
    SourceFormatError,
    SourceLostError,
    SourceNotFoundError,
    SourceUnavailableError,
)
from app.sources.base import EndOfSource
from app.sources.gstreamer import running
from app.sources.gstreamer.controls import ElementControls
from app.sources.gstreamer.launch import SINK
from app.sources.gstreamer.library import APT_LINE, import_gstreamer
from app.sources.live import CaptureSpec, Sample, said_of_exposure
from app.sources.pixels import PixelLayout, decode, has_colour
from app.sources.stream_clock import StreamClock

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

_OPEN_S = 1.8
_POLL_S = 0.05
_FALLBACK_RATE_HZ = 30.0
_MEASURED_FRAMES = 8
_RAW_PIXELS = {
    "GRAY8": "GREY",
    "GRAY16_LE": "Y16",
    "NV12": "NV12",
    "I420": "YU12",
    "YUY2": "YUYV",
    "UYVY": "UYVY",
    "BGR": "BGR3",
    "RGB": "RGB3",
    "BGRx": "XR24",
}
_CONVERT_HINT = (
    "Put videoconvert at the end of the pipeline, or ask for another size, rate or"
    " format."
)
_LOGIN = re.compile(r"//[^/@\s]*@")
_TRY_HINT = "Try the pipeline with gst-launch-1.0."
_MOSAICS = {"bggr": "BA81", "gbrg": "GBRG", "grbg": "GRBG", "rggb": "RGGB"}


@dataclass(frozen=True, slots=True)
class PipelineRequest:
    """Which pipeline."""

    launch: str
    """As `gst-launch-1.0` takes it, with our appsink at its end."""
    title: str
    is_colour: bool = False
    asked_rate_hz: float | None = None
    has_end: bool = False
    """Whether its end is the end of the source, and not a loss."""
    uri: str = ""
    """What opens it."""
    place: str = ""
    """Which camera it is, whatever the options; empty where it has no controls."""
    hint: str = _TRY_HINT
    """What the operator can do where it gives no picture."""


class GStreamerCapture:
    """Obeys `Capture`.

    Parameters
    ----------
    request : PipelineRequest
    saved_controls : callable, optional
        Gives values of controls by their names, for the key of a camera; they are set
        before the first frame. What the pipeline itself sets goes before them.
    """

    def __init__(
        self,
        request: PipelineRequest,
        saved_controls: Callable[[str], Mapping[str, int]] | None = None,
    ) -> None:
        self._request = request
        self._saved_controls = saved_controls
        self._camera: running.RunningCamera | None = None
        self._rate_hz = 0.0
        self._gst: Any = None
        self._video: Any = None
        self._pipeline: Any = None
        self._sink: Any = None
        self._early: deque[Any] = deque()
        self._layout = PixelLayout("GREY", 0, 0)
        self._caps: Any = None
        self._has_ended = False
        self._clock = StreamClock(_FALLBACK_RATE_HZ)

    def open(self) -> CaptureSpec:
        """Let the pipeline play, and wait for its first picture; as `Capture` says."""
        self.close()
        self._gst, self._video = import_gstreamer()
        gst = self._gst
        try:
            self._pipeline = gst.parse_launch(self._request.launch)
        except Exception as error:  # GLib's own error is no class of Python's
            if type(error).__name__ not in ("Error", "GError"):
                raise
            raise self._unparsable(error) from error
        self._sink = self._pipeline.get_by_name(SINK)
        self._set_controls()
        # Its time is then that of `time.monotonic_ns`.
        self._pipeline.use_clock(gst.SystemClock.obtain())
        try:
            changed = self._pipeline.set_state(gst.State.PAUSED)
            # What is not live waits for its reader, and loses nothing.
            is_live = changed == gst.StateChangeReturn.NO_PREROLL
            self._sink.set_property("drop", is_live)
            self._pipeline.set_state(gst.State.PLAYING)
            self._early.append(self._wait_for_picture())
            return self._spec_of(self._early[0])
        except SourceError:
            self.close()
            raise

    def read(self, timeout_s: float) -> Sample | None:
        """Give the next picture, as `Capture` says."""
        if self._pipeline is None:
            raise SourceError(f"{self._request.title} is not open")
        if self._early:
            return self._sample_of(self._early.popleft())
        if self._has_ended:
            raise EndOfSource
        sample = self._sink.try_pull_sample(max(0, int(timeout_s * 1e9)))
        if sample is None:
            # At the end no sample is waited for, and the message may come later.
            self._look_at_messages(timeout_s if self._sink.is_eos() else 0.0)
            return None
        if sample.get_caps() is not self._caps and not sample.get_caps().is_equal(
            self._caps
        ):
            raise SourceLostError(
                f"{self._request.title} changed its format to"
                f" {sample.get_caps().to_string()}",
                hint="Start the source again to go on with it.",
            )
        return self._sample_of(sample)

    def close(self) -> None:
        """Stop the pipeline."""
        pipeline, self._pipeline = self._pipeline, None
        self._sink = self._caps = None
        self._early.clear()
        self._has_ended = False
        if self._camera is not None:
            running.forget(self._camera)
        self._camera = None
        if pipeline is not None:
            pipeline.set_state(self._gst.State.NULL)

    def warnings(self) -> tuple[str, ...]:
        """Whether the exposure is too long for the rate."""
        if self._camera is None:
            return ()
        said = said_of_exposure(
            self._camera.controls.shortest_exposure_s(), self._rate_hz
        )
        return (said,) if said else ()

    def _set_controls(self) -> None:
        request = self._request
        found, source = self._pipeline.iterate_sources().next()
        if not request.place or found != self._gst.IteratorResult.OK:
            return
        controls = ElementControls(source)
        if not controls.read():
            return
        camera = running.RunningCamera(
            request.uri, request.title, request.place, controls
        )
        if self._saved_controls is not None:
            free = controls.untouched()
            saved = self._saved_controls(camera.key)
            controls.write({name: saved[name] for name in saved.keys() & free})
        self._camera = camera
        running.note(camera)

    def _wait_for_picture(self) -> Any:  # noqa: ANN401  a Gst.Sample
        deadline_s = time.monotonic() + _OPEN_S
        while time.monotonic() < deadline_s:
            sample = self._sink.try_pull_sample(int(_POLL_S * 1e9))
            if sample is not None:
                return sample
            self._look_at_messages()
        raise SourceNotFoundError(
            f"{self._request.title} gave no picture within {_OPEN_S:g} s",
            hint=self._request.hint,
        )

    def _spec_of(self, sample: Any) -> CaptureSpec:  # noqa: ANN401
        caps = sample.get_caps()
        structure = caps.get_structure(0)
        pixels = _pixels_of(structure)
        _, width = structure.get_int("width")
        _, height = structure.get_int("height")
        has_rate, number, over = structure.get_fraction("framerate")
        rate_hz = number / over if has_rate and number else self._measured_rate()
        stride = 0
        if structure.get_name() == "video/x-raw":
            stride = int(self._info_of(caps).stride[0])
        elif structure.get_name() == "video/x-bayer":
            stride = (width + 3) // 4 * 4
        self._caps = caps
        self._layout = PixelLayout(pixels, width, height, stride)
        self._rate_hz = rate_hz
        self._clock = StreamClock(self._rate_hz, is_monotonic=True)
        return CaptureSpec(
            title=self._request.title,
            width_px=width,
            height_px=height,
            frame_rate_hz=self._rate_hz,
            is_colour=self._request.is_colour and has_colour(pixels),
            asked_rate_hz=self._request.asked_rate_hz,
            pixels=pixels,
        )

    def _measured_rate(self) -> float:
        """Where a pipeline tells none, as JPEG over RTP: by its first pictures."""
        deadline_s = time.monotonic() + _OPEN_S
        while len(self._early) < _MEASURED_FRAMES and time.monotonic() < deadline_s:
            sample = self._sink.try_pull_sample(int(_POLL_S * 1e9))
            if sample is not None:
                self._early.append(sample)
            elif self._sink.is_eos():
                break
        times_ns = [sample.get_buffer().pts for sample in self._early]
        steps_ns = [b - a for a, b in pairwise(times_ns) if b > a]
        return 1e9 / median(steps_ns) if steps_ns else _FALLBACK_RATE_HZ

    def _info_of(self, caps: Any) -> Any:  # noqa: ANN401
        # The name differs between GStreamer 1.14, 1.18 and 1.20.
        if hasattr(self._video.VideoInfo, "new_from_caps"):
            return self._video.VideoInfo.new_from_caps(caps)
        info = self._video.VideoInfo()
        info.from_caps(caps)
        return info

    def _sample_of(self, sample: Any) -> Sample | None:  # noqa: ANN401
        gst, buffer = self._gst, sample.get_buffer()
        stream_ns = None
        if buffer.pts != gst.CLOCK_TIME_NONE:
            running_ns = sample.get_segment().to_running_time(
                gst.Format.TIME, buffer.pts
            )
            stream_ns = int(running_ns) + int(self._pipeline.get_base_time())
        sequence, taken_ns = self._clock.take(stream_ns)
        image = self._image_of(buffer)
        return None if image is None else Sample(sequence, taken_ns, image)

    def _image_of(self, buffer: Any) -> NDArray[np.uint8] | None:  # noqa: ANN401
        is_colour = self._request.is_colour
        mapped = buffer.map(self._gst.MapFlags.READ)
        if hasattr(mapped, "__enter__"):
            # python3-gst-1.0 gives a view, which is gone after this block.
            with mapped as info:
                data = np.frombuffer(info.data, np.uint8)
                return decode(data, self._layout, is_colour=is_colour)
        is_mapped, info = mapped
        if not is_mapped:
            return None
        try:
            data = np.frombuffer(info.data, np.uint8)
            return decode(data, self._layout, is_colour=is_colour)
        finally:
            buffer.unmap(info)

    def _look_at_messages(self, timeout_s: float = 0.0) -> None:
        """Raise what the pipeline has to say, if it has ended."""
        gst = self._gst
        kinds = gst.MessageType.ERROR | gst.MessageType.EOS
        bus = self._pipeline.get_bus()
        message = bus.timed_pop_filtered(int(timeout_s * 1e9), kinds)
        if message is None:
            return
        if message.type == gst.MessageType.EOS:
            if self._request.has_end:
                self._has_ended = True
                raise EndOfSource
            raise SourceLostError(
                f"{self._request.title} has ended its stream",
                hint="Check that the camera or the server still runs.",
            )
        error, details = message.parse_error()
        raise self._typed(error, details or "", message.src.get_name())

    def _typed(self, error: Any, details: str, element: str) -> SourceError:  # noqa: ANN401
        gst, title = self._gst, self._request.title
        # The last line of the details names the file, or the host.
        more = details.rpartition("\n")[2].strip()
        told = _LOGIN.sub("//", f"{error.message} {more}").rstrip()
        said = f"{title}: {element} says: {told}"
        codes = gst.ResourceError
        if error.matches(gst.ResourceError.quark(), codes.BUSY):
            return SourceBusyError(said, hint="Close the other program that uses it.")
        if error.matches(gst.ResourceError.quark(), codes.NOT_FOUND):
            return SourceNotFoundError(said, hint="Check its name or address.")
        if "not-negotiated" in details:
            return SourceFormatError(
                f"{title}: {element} cannot give what the element behind it takes",
                hint=_CONVERT_HINT,
            )
        return SourceLostError(said, hint=self._request.hint)

    def _unparsable(self, error: Any) -> SourceError:  # noqa: ANN401
        gst = self._gst
        if error.matches(gst.ParseError.quark(), gst.ParseError.NO_SUCH_ELEMENT):
            return SourceUnavailableError(
                f"{self._request.title}: {error.message}",
                hint="On a Jetson, the nv elements come with JetPack. Others:"
                f" {APT_LINE}.",
            )
        if error.matches(gst.ParseError.quark(), gst.ParseError.LINK):
            return SourceFormatError(
                f"{self._request.title}: {error.message}", hint=_CONVERT_HINT
            )
        return SourceFormatError(
            f"{self._request.title}: {error.message}",
            hint="Write it as for gst-launch-1.0, without a sink at its end.",
        )


def _pixels_of(structure: Any) -> str:  # noqa: ANN401  a Gst.Structure
    name = structure.get_name()
    if name == "image/jpeg":
        return "MJPG"
    names = _MOSAICS if name == "video/x-bayer" else _RAW_PIXELS
    return names[structure.get_string("format")]
