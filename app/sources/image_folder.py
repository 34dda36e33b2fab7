"""Numbered images in a folder, as a film."""

from __future__ import annotations

import glob
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from app.errors import (
    SourceError,
    SourceFormatError,
    SourceLostError,
    SourceNotFoundError,
)
from app.frames import Frame
from app.sources.base import EndOfSource, SourceSpec
from app.sources.options import RATE, take_options
from app.sources.pacing import Pacer
from app.sources.uri import is_there, parse_uri, refuse_missing_path

if TYPE_CHECKING:
    from numpy.typing import NDArray

SCHEME = "folder"
IMAGE_SUFFIXES = frozenset(
    {".bmp", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"}
)
"""What counts as an image, in lower case."""
_DEFAULT_RATE_HZ = 120.0


class ImageFolderSource:
    """Obeys `FrameSource`; reads images in the natural order of their names.

    `frame9.png` comes before `frame10.png`. Images are grey or BGR, 8 bits, as the
    first one is; deeper ones are scaled down.

    Parameters
    ----------
    uri : str
        A folder, a pattern as `frames/*.png`, one image, or any of these as
        `folder:///path?fps=120`.
    is_paced : bool
        Whether frames come at the rate given, or as fast as they are read.

    Raises
    ------
    SourceFormatError
        If the URI has an unknown option or the rate is no number above 0.
    """

    def __init__(self, uri: str, *, is_paced: bool) -> None:
        parsed = parse_uri(uri)
        options = take_options(parsed, {"fps": RATE})
        refuse_missing_path(parsed)
        self._uri = uri
        self._place = parsed.path
        self._rate_hz: float = options.get("fps", _DEFAULT_RATE_HZ)
        self._is_paced = is_paced
        self._pacer = Pacer(is_paced=is_paced)
        self._paths: list[Path] | None = None
        self._index = 0
        self._next: NDArray[np.uint8] | None = None
        self._shape: tuple[int, ...] = ()

    def open(self) -> SourceSpec:
        """List the images and read the first.

        Raises
        ------
        SourceNotFoundError
            If there is no such folder, or the pattern matches nothing.
        SourceFormatError
            If it holds no image, or the first cannot be read.
        """
        paths = _images_at(self._place)
        first = _image_from(paths[0], cv2.IMREAD_ANYCOLOR)
        if first is None:
            raise SourceFormatError(
                f"{paths[0]} cannot be read as an image",
                hint="Remove it from the folder, or copy it again.",
            )
        self._paths, self._index, self._next = paths, 0, first
        self._shape = first.shape
        self._pacer = Pacer(is_paced=self._is_paced)
        return SourceSpec(
            uri=self._uri,
            title=self._place.resolve().name,
            width_px=first.shape[1],
            height_px=first.shape[0],
            frame_rate_hz=self._rate_hz,
            frame_count=len(paths),
            is_live=False,
            is_colour=first.ndim == 3,
        )

    def read(self, timeout_s: float) -> Frame | None:
        """Give the next image, as `FrameSource` says."""
        if self._paths is None:
            raise SourceError(f"{self._place} is not open")
        if self._index >= len(self._paths):
            raise EndOfSource
        if self._next is None:
            self._next = self._image_like_the_first(self._paths[self._index])
        timestamp_ns = round(self._index * 1e9 / self._rate_hz)
        if not self._pacer.wait(timestamp_ns, timeout_s):
            return None
        frame = Frame(self._index, timestamp_ns, time.monotonic_ns(), self._next)
        self._index += 1
        self._next = None
        return frame

    def close(self) -> None:
        """Forget the images."""
        self._paths = self._next = None

    def _image_like_the_first(self, path: Path) -> NDArray[np.uint8]:
        is_colour = len(self._shape) == 3
        mode = cv2.IMREAD_COLOR if is_colour else cv2.IMREAD_GRAYSCALE
        image = _image_from(path, mode)
        if image is None:
            raise SourceLostError(
                f"image {self._index}, {path}, cannot be read",
                hint="The images before it are good. Remove it or copy it again.",
            )
        if image.shape != self._shape:
            height, width = image.shape[:2]
            raise SourceLostError(
                f"{path} is {width}x{height}, the images before it are"
                f" {self._shape[1]}x{self._shape[0]}",
                hint="Put images of one size into one folder.",
            )
        return image


def _images_at(place: Path) -> list[Path]:
    """Images of a folder, of a pattern, or the one image; at least one."""
    if not is_there(place):
        found = [Path(name) for name in glob.glob(str(place))]  # noqa: PTH207  any root
    else:
        found = list(place.iterdir()) if place.is_dir() else [place]
    if not found and not is_there(place):
        raise SourceNotFoundError(
            f"there is nothing at {place}", hint="Check the path or the pattern."
        )
    images = [
        item
        for item in found
        if item.suffix.lower() in IMAGE_SUFFIXES and item.is_file()
    ]
    if not images:
        kinds = ", ".join(sorted(IMAGE_SUFFIXES))
        raise SourceFormatError(
            f"{place} holds no images", hint=f"Images end in {kinds}."
        )
    return sorted(images, key=_natural_key)


def _natural_key(path: Path) -> list[tuple[bool, int, str]]:
    """Order in which numbers count as numbers."""
    return [
        (not part.isdecimal(), int(part) if part.isdecimal() else 0, part)
        for part in re.split(r"(\d+)", path.name)
    ]


def _image_from(path: Path, mode: int) -> NDArray[np.uint8] | None:
    """Read an image; None if it is none. Read-only."""
    try:
        content = np.fromfile(path, np.uint8)
        image = cv2.imdecode(content, mode) if len(content) else None
    except (OSError, cv2.error):
        return None
    if image is None:
        return None
    pixels = np.asarray(image, np.uint8)
    pixels.setflags(write=False)
    return pixels
