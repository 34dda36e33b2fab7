"""Which sources there are, and which one a URI means."""

from __future__ import annotations

import glob
from typing import TYPE_CHECKING

from app.errors import SourceFormatError
from app.sources import cameras, image_folder, session_replay, synthetic
from app.sources.image_folder import ImageFolderSource
from app.sources.session_replay import SessionReplay
from app.sources.synthetic import SyntheticSource
from app.sources.uri import is_there, parse_uri, refuse_missing_path

if TYPE_CHECKING:
    from app.sources.base import FrameSource

SOURCE_SCHEMES = {
    "PATH": "a video file, a folder of images, or a pattern as 'frames/*.png'",
    "file://PATH": "the same, as a URI with percent signs",
    f"{image_folder.SCHEME}://PATH?fps=120": "a folder of images, with its rate",
    f"{session_replay.SCHEME}://PATH": "a recorded session; its folder alone will do",
    f"{synthetic.SCHEME}://?objects=20&seconds=20": (
        "a moving scene whose true positions are known;"
        f" options: {', '.join(synthetic.OPTION_NAMES)}"
    ),
    "v4l2:///dev/video0?size=1280x720&fps=120&format=MJPG": (
        "a camera of Video4Linux, USB for instance; /dev/video0 alone will do"
    ),
    "csi://0?size=1280x720&fps=120": "a camera on the CSI connector of a Jetson",
    "rtsp://HOST/STREAM#transport=tcp": "a stream of a server; options follow a #",
    "rtp://@:5000?codec=h264": "a stream that is sent to a port of this machine",
    "gst://PIPELINE": "anything that GStreamer reads, as gst-launch-1.0 takes it",
}
"""How a source is written, and what it is: for help texts."""


def open_source(uri: str, *, is_paced: bool, is_colour: bool = False) -> FrameSource:
    """Make the source that a URI or path means; its `open` opens it.

    Parameters
    ----------
    uri : str
        One of `SOURCE_SCHEMES`.
    is_paced : bool
        Whether frames come at their own time, or as fast as they are read; a camera's
        come at their own time always.
    is_colour : bool
        Whether the network takes colour. Cameras convert no further than needed;
        stored sources give what they hold.

    Raises
    ------
    SourceFormatError
        If the scheme or an option is unknown, or a value is out of its bounds.
    """
    if cameras.is_camera(uri):
        return cameras.open_camera(uri, is_colour=is_colour)
    parsed = parse_uri(uri)
    if parsed.scheme == synthetic.SCHEME:
        return SyntheticSource(uri, is_paced=is_paced)
    if parsed.scheme == image_folder.SCHEME:
        return ImageFolderSource(uri, is_paced=is_paced)
    if parsed.scheme == session_replay.SCHEME:
        refuse_missing_path(parsed)
        return SessionReplay(uri, is_paced=is_paced)
    if parsed.scheme not in ("", "file"):
        raise SourceFormatError(
            f"{parsed.scheme}:// is not a kind of source that Peregrine reads",
            hint=f"It reads: {', '.join(SOURCE_SCHEMES)}.",
        )
    refuse_missing_path(parsed)
    path = parsed.path
    if is_there(path / "session.json"):
        return SessionReplay(uri, is_paced=is_paced)
    is_image = path.suffix.lower() in image_folder.IMAGE_SUFFIXES
    is_pattern = not is_there(path) and glob.has_magic(parsed.body)
    if path.is_dir() or is_image or is_pattern:
        return ImageFolderSource(uri, is_paced=is_paced)
    # FFmpeg is loaded only where a video is read: it would delay the window.
    from app.sources.video_file import VideoFileSource

    return VideoFileSource(uri, is_paced=is_paced)
