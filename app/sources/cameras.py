"""From the URI of a camera or a stream to the source that reads it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.camera_store import CameraStore, camera_file
from app.errors import SourceFormatError
from app.sources.live import LIVE_OPTIONS, LiveOptions, LiveSource
from app.sources.options import (
    RATE,
    SIZE,
    YES_OR_NO,
    Option,
    choice,
    number,
    number_range,
    take_options,
    whole,
)
from app.sources.pixels import PIXEL_FORMATS
from app.sources.uri import PIPELINE_SCHEME, SERVER_SCHEMES, parse_uri

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.sources.live import Capture
    from app.sources.uri import SourceUri

V4L2_SCHEME = "v4l2"
_CODECS = ("h264", "h265", "jpeg")
_DECODERS = ("auto", "software", "hardware")
_BOARD_HINT = "codec=h265 or decoder=software may be what it needs."
_DEVICE_TREE = Path("/proc/device-tree/compatible")


def _four_letters(text: str) -> str:
    name = text.upper().strip()
    name = {"MJPEG": "MJPG", "YUY2": "YUYV", "GRAY": "GREY"}.get(name, name)
    if name not in PIXEL_FORMATS:
        raise ValueError(text)
    return name


_V4L2_OPTIONS = {
    "size": SIZE,
    "fps": RATE,
    "format": Option(_four_letters, "one of " + ", ".join(PIXEL_FORMATS)),
}
_CSI_OPTIONS = {
    "size": SIZE,
    "fps": RATE,
    "flip": choice(
        "none",
        "counterclockwise",
        "rotate-180",
        "clockwise",
        "horizontal-flip",
        "upper-right-diagonal",
        "vertical-flip",
        "upper-left-diagonal",
    ),
    "exposure": number_range(1, 1_000_000, "us"),
    "gain": number_range(1, 1000, "times"),
    "aelock": YES_OR_NO,
    "awblock": YES_OR_NO,
}
_RTSP_OPTIONS = {
    "transport": choice("tcp", "udp"),
    "timeout": number(0.1, 60, "s"),
    "decoder": choice(*_DECODERS),
    "codec": choice("h264", "h265"),
}
_RTP_OPTIONS = {
    "codec": choice(*_CODECS),
    "payload": whole(0, 127),
    "timeout": number(0.1, 60, "s"),
    "decoder": choice(*_DECODERS),
}
OPTIONS: dict[str, dict[str, Option]] = {
    V4L2_SCHEME: {**_V4L2_OPTIONS, **LIVE_OPTIONS},
    "csi": {**_CSI_OPTIONS, **LIVE_OPTIONS},
    "rtsp": {**_RTSP_OPTIONS, **LIVE_OPTIONS},
    "rtsps": {**_RTSP_OPTIONS, **LIVE_OPTIONS},
    "rtp": {**_RTP_OPTIONS, **LIVE_OPTIONS},
    PIPELINE_SCHEME: LIVE_OPTIONS,
}
"""What follows `?` (`#` for RTSP and pipelines), by scheme."""


def is_camera(uri: str) -> bool:
    """Whether a URI names a camera or a stream, and no stored source."""
    return _schemed(uri).scheme in OPTIONS


def open_camera(uri: str, *, is_colour: bool = False) -> LiveSource:
    """Make the source that a camera's URI means; its `open` opens it.

    Parameters
    ----------
    uri : str
        Its scheme is a key of `OPTIONS`; a bare `/dev/video0` is one too.
    is_colour : bool
        Whether colour is wanted; `colour=` in the URI goes before it.

    Raises
    ------
    SourceFormatError
        If an option is unknown or wrong, or the address is missing.
    """
    parsed = _schemed(uri)
    options = take_options(parsed, OPTIONS[parsed.scheme])
    wants_colour = bool(options.get("colour", is_colour))
    make = _MAKERS[parsed.scheme]
    capture = make(parsed, options, wants_colour)
    has_end = parsed.scheme == "gst" and "reconnect" not in options
    return LiveSource(uri, capture, LiveOptions.of(options, keeps_old=has_end))


def _schemed(uri: str) -> SourceUri:
    parsed = parse_uri(uri)
    if not parsed.scheme and parsed.body.startswith("/dev/video"):
        return parse_uri(f"{V4L2_SCHEME}://{uri}")
    return parsed


def _v4l2(parsed: SourceUri, options: dict[str, Any], is_colour: bool) -> Capture:
    from app.sources.v4l2.capture import V4l2Capture, V4l2Request
    from app.sources.v4l2.device import resolve_path

    path = resolve_path(parsed.body)
    if not path.startswith("/"):
        raise SourceFormatError(
            f"{parsed.scheme}:// names {parsed.body!r}, which is no device",
            hint="Write the path of its node, as v4l2:///dev/video0, or its number.",
        )
    request = V4l2Request(
        path,
        pixels=options.get("format"),
        size_px=options.get("size"),
        rate_hz=options.get("fps"),
        is_colour=is_colour,
    )
    return V4l2Capture(request, CameraStore(camera_file()).controls)


def _csi(parsed: SourceUri, options: dict[str, Any], is_colour: bool) -> Capture:
    from app.sources.gstreamer.capture import GStreamerCapture, PipelineRequest
    from app.sources.gstreamer.launch import CsiRequest, csi_pipeline

    if not parsed.body.isdecimal():
        raise SourceFormatError(
            f"{parsed.scheme}:// names {parsed.body!r}, which is no sensor",
            hint="Write its number, as csi://0.",
        )
    names = {
        "size": "size_px",
        "fps": "rate_hz",
        "flip": "flip",
        "exposure": "exposure_us",
        "gain": "gain",
        "aelock": "locks_exposure",
        "awblock": "locks_white_balance",
    }
    given = {names[key]: value for key, value in options.items() if key in names}
    request = CsiRequest(sensor=int(parsed.body), is_colour=is_colour, **given)
    return GStreamerCapture(
        PipelineRequest(
            csi_pipeline(request),
            title=f"CSI camera {request.sensor}",
            is_colour=is_colour,
            asked_rate_hz=request.rate_hz,
            uri=parsed.uri,
            place=f"{parsed.scheme}://{request.sensor}",
        ),
        CameraStore(camera_file()).controls,
    )


def _rtsp(parsed: SourceUri, options: dict[str, Any], is_colour: bool) -> Capture:
    from app.sources.network import (
        OPEN_TIMEOUT_S,
        StreamCapture,
        StreamRequest,
        title_of,
    )

    address = f"{parsed.scheme}://{parsed.body}"
    title = title_of(address)
    transport = options.get("transport", "tcp")
    if _is_decoded_by_board(options):
        from app.sources.gstreamer.capture import GStreamerCapture, PipelineRequest
        from app.sources.gstreamer.launch import hardware_rtsp_pipeline

        codec = options.get("codec", "h264")
        launch = hardware_rtsp_pipeline(address, codec, transport, is_colour=is_colour)
        return GStreamerCapture(
            PipelineRequest(launch, title, is_colour, hint=_BOARD_HINT)
        )
    request = StreamRequest(
        address,
        title,
        transport=transport,
        is_colour=is_colour,
        timeout_s=options.get("timeout", OPEN_TIMEOUT_S),
    )
    return StreamCapture(request)


def _rtp(parsed: SourceUri, options: dict[str, Any], is_colour: bool) -> Capture:
    from app.sources.gstreamer.launch import HARDWARE_CODECS, hardware_rtp_pipeline
    from app.sources.network import (
        OPEN_TIMEOUT_S,
        StreamCapture,
        StreamRequest,
        rtp_description,
    )

    host, _, port = parsed.body.removeprefix("@").partition(":")
    if not port.isdecimal() or not 0 < int(port) < 65536:
        raise SourceFormatError(
            f"{parsed.scheme}://{parsed.body} names no port",
            hint="Write the port that the stream is sent to, as rtp://@:5000.",
        )
    codec, payload = options.get("codec", "h264"), options.get("payload", 96)
    if codec in HARDWARE_CODECS and _is_decoded_by_board(options):
        from app.sources.gstreamer.capture import GStreamerCapture, PipelineRequest

        launch = hardware_rtp_pipeline(
            host, int(port), codec, payload, is_colour=is_colour
        )
        title = f"{parsed.scheme}://{parsed.body}"
        return GStreamerCapture(
            PipelineRequest(launch, title, is_colour, hint=_BOARD_HINT)
        )
    if options.get("decoder") == "hardware":
        raise SourceFormatError(
            f"{codec} is not decoded by the board",
            hint=f"Leave out decoder=; the board decodes {', '.join(HARDWARE_CODECS)}.",
        )
    request = StreamRequest(
        rtp_description(host, int(port), codec, payload),
        f"{parsed.scheme}://{parsed.body}",
        is_sdp=True,
        is_colour=is_colour,
        timeout_s=options.get("timeout", OPEN_TIMEOUT_S),
    )
    return StreamCapture(request)


def _pipeline(parsed: SourceUri, options: dict[str, Any], is_colour: bool) -> Capture:
    from app.sources.gstreamer.capture import GStreamerCapture, PipelineRequest
    from app.sources.gstreamer.launch import own_pipeline

    if not parsed.body.strip():
        raise SourceFormatError(
            "gst:// has no pipeline",
            hint="Write it as for gst-launch-1.0, without a sink: gst://v4l2src !"
            " videoconvert.",
        )
    first = parsed.body.partition("!")[0].split()
    return GStreamerCapture(
        PipelineRequest(
            own_pipeline(parsed.body),
            title=first[0],
            is_colour=is_colour,
            # Where it is to be looked for, its end is a loss: a server may be gone.
            has_end="reconnect" not in options,
            uri=parsed.uri,
            place=f"{parsed.scheme}://{' '.join(first)}",
        ),
        CameraStore(camera_file()).controls,
    )


def _is_decoded_by_board(options: dict[str, Any]) -> bool:
    decoder = options.get("decoder", "auto")
    return bool(decoder == "hardware" or (decoder == "auto" and _has_own_decoder()))


def _has_own_decoder() -> bool:
    """Whether this is a Jetson, which has `nvv4l2decoder`."""
    try:
        return b"nvidia,tegra" in _DEVICE_TREE.read_bytes()
    except OSError:
        return False


_MAKERS: dict[str, Callable[[SourceUri, dict[str, Any], bool], Capture]] = {
    V4L2_SCHEME: _v4l2,
    "csi": _csi,
    "rtp": _rtp,
    PIPELINE_SCHEME: _pipeline,
    **dict.fromkeys(SERVER_SCHEMES, _rtsp),
}
