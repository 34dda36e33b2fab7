"""Pipelines of GStreamer, as text: one place for all of them."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

SINK = "peregrine"
_CSI_SIZE = (1280, 720)
_CSI_RATE_HZ = 120.0
# So many frames the reader can be late before some are lost, which then shows as a gap:
# a quarter of a second at 120 fps, 60 ms at 500.
_HELD = 32
# As long as this is waited for packets that come out of order.
_REORDER_MS = 50
HARDWARE_CODECS = ("h264", "h265")
"""What a Jetson's own decoder is asked for."""
_RAW_FORMATS = "GRAY8, NV12, I420, YUY2, UYVY, BGR, RGB, BGRx, GRAY16_LE"
FLIPS = (
    "none",
    "counterclockwise",
    "rotate-180",
    "clockwise",
    "horizontal-flip",
    "upper-right-diagonal",
    "vertical-flip",
    "upper-left-diagonal",
)
"""Names of `nvvidconv`'s flip-method, by its numbers."""


@dataclass(frozen=True, slots=True)
class CsiRequest:
    """What is asked of a camera on the CSI connector of a Jetson."""

    sensor: int = 0
    size_px: tuple[int, int] = _CSI_SIZE
    rate_hz: float = _CSI_RATE_HZ
    is_colour: bool = False
    flip: str = "none"
    exposure_us: tuple[float, float] | None = None
    """Bounds of the exposure; None leaves it to the camera."""
    gain: tuple[float, float] | None = None
    """Bounds of the analogue gain."""
    locks_exposure: bool = False
    locks_white_balance: bool = False


def csi_pipeline(request: CsiRequest) -> str:
    """Capture with Argus, keep it in the device's memory, hand over grey or BGRx.

    Size and rate choose the sensor's mode: its number differs between releases.
    """
    source = ["nvarguscamerasrc", f"sensor-id={request.sensor}"]
    if request.exposure_us is not None:
        low, high = (round(1000 * each) for each in request.exposure_us)
        source.append(f'exposuretimerange="{low} {high}"')
    if request.gain is not None:
        low_gain, high_gain = request.gain
        source.append(f'gainrange="{low_gain:g} {high_gain:g}"')
    if request.locks_exposure:
        source.append("aelock=true")
    if request.locks_white_balance:
        source.append("awblock=true")
    width, height = request.size_px
    mode = (
        f"video/x-raw(memory:NVMM), width=(int){width}, height=(int){height},"
        f" framerate=(fraction){_fraction(request.rate_hz)}, format=(string)NV12"
    )
    flip = f"nvvidconv flip-method={FLIPS.index(request.flip)}"
    return _joined(" ".join(source), mode, flip, _handed_over(request.is_colour))


def hardware_rtsp_pipeline(
    address: str, codec: str, transport: str, *, is_colour: bool
) -> str:
    """Fetch a stream, and decode it with a Jetson's own decoder."""
    source = f'rtspsrc location="{_quoted(address)}" protocols={transport}'
    return _joined(f"{source} latency={_REORDER_MS}", *_decoded(codec, is_colour))


def hardware_rtp_pipeline(
    host: str, port: int, codec: str, payload: int, *, is_colour: bool
) -> str:
    """Take a stream that is sent here, and decode it with a Jetson's own decoder."""
    address = f' address="{_quoted(host)}"' if host else ""
    described = (
        "application/x-rtp, media=(string)video, clock-rate=(int)90000,"
        f" encoding-name=(string){codec.upper()}, payload=(int){payload}"
    )
    return _joined(
        f"udpsrc{address} port={port}",
        described,
        f"rtpjitterbuffer latency={_REORDER_MS}",
        *_decoded(codec, is_colour),
    )


def own_pipeline(text: str) -> str:
    """The operator's own, with our end behind it."""
    raw = f"video/x-raw, format=(string){{{_RAW_FORMATS}}}"
    mosaic = "video/x-bayer, format=(string){bggr, gbrg, grbg, rggb}"
    ending = f'caps="{raw}; image/jpeg; {mosaic}"'
    return f"{text.rstrip().rstrip('!').rstrip()} ! {_sink()} {ending}"


def _decoded(codec: str, is_colour: bool) -> tuple[str, ...]:
    return (
        f"rtp{codec}depay",
        f"{codec}parse",
        "nvv4l2decoder enable-max-performance=true",
        "nvvidconv",
        _handed_over(is_colour),
    )


def _handed_over(is_colour: bool) -> str:
    pixels = "BGRx" if is_colour else "GRAY8"
    return f"video/x-raw, format=(string){pixels}"


def _joined(*elements: str) -> str:
    return " ! ".join((*elements, _sink()))


def _sink() -> str:
    return (
        f"appsink name={SINK} sync=false enable-last-sample=false max-buffers={_HELD}"
    )


def _fraction(rate_hz: float) -> str:
    ratio = Fraction(rate_hz).limit_denominator(1001)
    return f"{ratio.numerator}/{ratio.denominator}"


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
