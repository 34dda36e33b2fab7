"""Encoders: which can be had, how fast each is here, and which one records."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, replace
from functools import lru_cache
from glob import glob
from itertools import count, islice
from typing import TYPE_CHECKING

import numpy as np

from app.errors import RecordingError
from app.frames import Frame
from app.recording.encoder import GROUP_FRAMES, FrameEncoder
from app.recording.settings import EncoderChoice, Quality

if TYPE_CHECKING:
    from collections.abc import Iterator

    from app.recording.encoder import Encoder

log = logging.getLogger(__name__)

_PATIENCE_S = 3.0
_PAUSE_S = 0.005
_TRIAL_FRAMES, _WARM_UP_FRAMES = 14, 4
# A trial must leave this much of a frame's period to everything else.
_SHARE = 0.7


@dataclass(frozen=True, slots=True)
class Codec:
    """An encoder of FFmpeg, or of GStreamer, with its parameters for one quality."""

    encoder: str
    pixel_format: str
    options: tuple[tuple[str, str], ...]
    label: str
    """For the operator."""
    quantiser: int | None = None
    """Fixed, for encoders that take it only outside of their options."""
    is_hardware: bool = False
    elements: str = ""
    """Of a GStreamer pipeline, from raw pictures to a byte stream; empty is FFmpeg."""
    devices: tuple[str, ...] = ()
    """Patterns of files: where there is none of them, it need not be tried."""
    is_full_range: bool = False
    """Whether luma goes from 0 to 255 where the pixel format does not say so: grey."""

    @property
    def may_be_here(self) -> bool:
        """Whether it is worth a trial."""
        return not self.devices or any(map(glob, self.devices))


@dataclass(frozen=True, slots=True)
class CodecTrial:
    """How fast an encoder is here."""

    codec: Codec
    encode_ms: float
    """Median for one frame."""


_CONSTANT_NVENC = (
    ("preset", "p1"),
    ("tune", "ull"),
    ("delay", "0"),
    ("rc", "constqp"),
)
_JETSON_DEVICES = ("/dev/nvhost-msenc", "/dev/v4l2-nvenc")
_RENDER_DEVICES = ("/dev/dri/renderD*",)


def candidates(
    *,
    is_colour: bool,
    quality: Quality,
    choice: EncoderChoice = EncoderChoice.AUTOMATIC,
) -> tuple[Codec, ...]:
    """Encoders that can record, the one that is wanted most first."""
    if quality is Quality.LOSSLESS:
        # x264's own BGR is 4:4:4 and exact; 4:2:0 would halve the colour.
        fast = (("preset", "ultrafast"), ("tune", "zerolatency"), ("qp", "0"))
        if is_colour:
            return (Codec("libx264rgb", "bgr24", fast, "H.264 lossless, colour"),)
        return (Codec("libx264", "gray", fast, "H.264 lossless, grey"),)
    step = 34 if quality is Quality.SMALL else 26
    words = f"{'colour' if is_colour else 'grey'}, {quality.value}"
    # A constant quantiser: x264 then leaves out the analysis that a constant rate
    # factor needs, half of its work, and the pictures are as good and as large.
    options = (("preset", "ultrafast"), ("tune", "zerolatency"), ("qp", str(step)))
    software = (
        Codec(
            "libx264",
            "yuv420p" if is_colour else "gray",
            options,
            f"H.264 (x264), {words}",
        ),
        Codec(
            "mjpeg",
            "yuvj420p",
            (),
            f"Motion JPEG, {words}",
            quantiser=8 if quality is Quality.SMALL else 3,
        ),
    )
    hardware = {
        EncoderChoice.AUTOMATIC: ("h264",),
        EncoderChoice.SOFTWARE: (),
        EncoderChoice.HEVC: ("hevc", "h264"),
    }[choice]
    found = [
        replace(codec, is_hardware=True, is_full_range=not is_colour)
        for standard in hardware
        for codec in _hardware(standard, step, words)
    ]
    return (*found, *software)


def _hardware(standard: str, step: int, words: str) -> tuple[Codec, ...]:
    """Graphics and video units; `step` is the quantiser."""
    number, name = ("264", "H.264") if standard == "h264" else ("265", "HEVC")
    jetson = (
        "nvvidconv ! video/x-raw(memory:NVMM),format=NV12"
        f" ! nvv4l2h{number}enc maxperf-enable=1 preset-level=1 ratecontrol-enable=0"
        f" quant-i-frames={step} quant-p-frames={step} quant-b-frames={step}"
        f" insert-sps-pps=1 insert-vui=1 num-B-Frames=0"
        f" iframeinterval={GROUP_FRAMES} idrinterval={GROUP_FRAMES}"
    )
    vaapi = (
        f"videoconvert ! vah{number}enc rate-control=cqp qpi={step} qpp={step}"
        f" key-int-max={GROUP_FRAMES} b-frames=0 ref-frames=1"
    )
    older = (
        f"videoconvert ! vaapih{number}enc rate-control=cqp init-qp={step}"
        f" keyframe-period={GROUP_FRAMES} max-bframes=0"
    )
    nvenc = (*_CONSTANT_NVENC, ("qp", str(step)))
    return (
        Codec(f"{standard}_nvenc", "yuv420p", nvenc, f"NVENC {name}, {words}"),
        Codec(
            f"nvv4l2h{number}enc",
            "yuv420p",
            (),
            f"Jetson {name}, {words}",
            elements=jetson,
            devices=_JETSON_DEVICES,
        ),
        *(
            Codec(
                element,
                "yuv420p",
                (),
                f"VA-API {name}, {words}",
                elements=elements,
                devices=_RENDER_DEVICES,
            )
            for element, elements in (
                (f"vah{number}enc", vaapi),
                (f"vaapih{number}enc", older),
            )
        ),
    )


def open_encoder(
    codec: Codec, width_px: int, height_px: int, frame_rate_hz: float
) -> Encoder:
    """Open an encoder for frames of one size.

    Parameters
    ----------
    frame_rate_hz : float
        A hint; true times go with the frames.

    Raises
    ------
    RecordingError
        If this machine does not have it.
    """
    if not codec.elements:
        return FrameEncoder(codec, width_px, height_px, frame_rate_hz)
    # Few machines have these.
    from app.recording.gstreamer_encoder import GstreamerEncoder

    return GstreamerEncoder(codec, width_px, height_px, frame_rate_hz)


def choose_codec(
    width_px: int,
    height_px: int,
    frame_rate_hz: float,
    *,
    is_colour: bool,
    quality: Quality,
    choice: EncoderChoice = EncoderChoice.AUTOMATIC,
    without: frozenset[str] = frozenset(),
) -> CodecTrial:
    """Find the encoder that is wanted most among those that are fast enough here.

    Where none is, the fastest. Takes a tenth of a second the first time.

    Parameters
    ----------
    without : frozenset of str
        Encoders that have failed and are not tried again.

    Raises
    ------
    RecordingError
        If this machine has no encoder.
    """
    trials = [
        trial
        for trial in codec_trials(
            width_px,
            height_px,
            frame_rate_hz,
            is_colour=is_colour,
            quality=quality,
            choice=choice,
            is_complete=bool(without),
        )
        if trial.codec.encoder not in without
    ]
    if not trials:
        raise RecordingError(
            f"no encoder for {width_px} x {height_px} works on this machine",
            hint="Install FFmpeg's libraries with H.264 or Motion JPEG.",
        )
    budget_ms = _SHARE * 1e3 / frame_rate_hz
    fast = [trial for trial in trials if trial.encode_ms <= budget_ms]
    return fast[0] if fast else min(trials, key=lambda trial: trial.encode_ms)


@lru_cache(maxsize=32)
def codec_trials(
    width_px: int,
    height_px: int,
    frame_rate_hz: float,
    *,
    is_colour: bool,
    quality: Quality,
    choice: EncoderChoice,
    is_complete: bool,
) -> tuple[CodecTrial, ...]:
    """Try encoders on a moving texture.

    Parameters
    ----------
    is_complete : bool
        Whether all are tried, or none after the first that is fast enough.
    """
    trials = []
    for codec in candidates(is_colour=is_colour, quality=quality, choice=choice):
        if not codec.may_be_here:
            continue
        try:
            encoder = open_encoder(codec, width_px, height_px, frame_rate_hz)
            try:
                encode_ms = _trial_ms(encoder, is_colour=is_colour)
            finally:
                encoder.close()
        except RecordingError as error:
            log.debug("%s is not used: %s", codec.label, error)
            continue
        trials.append(CodecTrial(codec, encode_ms))
        if not is_complete and encode_ms <= _SHARE * 1e3 / frame_rate_hz:
            break
    return tuple(trials)


def _trial_ms(encoder: Encoder, *, is_colour: bool) -> float:
    frames = _texture(encoder.width_px, encoder.height_px, is_colour=is_colour)
    if encoder.codec.is_hardware:
        return _elapsed_ms(encoder, frames)
    # The processor's time: what else runs just now must not make a cheap encoder look
    # slow, and a dear one take its place.
    times_ms = []
    for frame in islice(frames, _TRIAL_FRAMES):
        started_ns = time.thread_time_ns()
        encoder.encode(frame)
        times_ms.append((time.thread_time_ns() - started_ns) * 1e-6)
    return float(np.median(times_ms[_WARM_UP_FRAMES:]))


def _elapsed_ms(encoder: Encoder, frames: Iterator[Frame]) -> float:
    """Time for a frame where another processor does the work, once it has begun."""
    deadline_s = time.monotonic() + _PATIENCE_S
    while not encoder.encode(next(frames)):
        if time.monotonic() > deadline_s:
            raise RecordingError(f"{encoder.codec.encoder} gives nothing")
        time.sleep(_PAUSE_S)
    started_s = time.perf_counter()
    for frame in islice(frames, _TRIAL_FRAMES):
        encoder.encode(frame)
    encoder.flush()
    return (time.perf_counter() - started_s) * 1e3 / _TRIAL_FRAMES


def _texture(width_px: int, height_px: int, *, is_colour: bool) -> Iterator[Frame]:
    """A noisy gradient that moves."""
    shape = (height_px, width_px)
    noise = np.random.default_rng(1).integers(0, 12, shape, np.uint8)
    base = np.add(noise, np.linspace(20, 200, width_px, dtype=np.uint8)[None, :])
    for number in count():
        image = np.ascontiguousarray(np.roll(base, 3 * number, axis=1))
        if is_colour:
            image = np.repeat(image[..., None], 3, axis=2)
        yield Frame(number, number * 8_333_333, 0, image)
