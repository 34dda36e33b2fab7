"""From a camera's pixels to grey or BGR, in one step and no further than asked.

Where grey is asked for, luma is taken as it comes: a grey network never pays for
colour. Formats go by the four letters that Video4Linux gives them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Raw = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class PixelLayout:
    """How a picture lies in memory."""

    pixels: str
    """Four letters, a key of `PIXEL_FORMATS`."""
    width_px: int
    height_px: int
    stride_bytes: int = 0
    """From one row to the next; 0 where there are no rows, as in a JPEG."""


@dataclass(frozen=True, slots=True)
class PixelFormat:
    """One format: how it becomes grey, and how it becomes BGR."""

    to_grey: Callable[[Raw, PixelLayout], Raw]
    to_bgr: Callable[[Raw, PixelLayout], Raw] | None
    """None for formats without colour."""
    cost: int
    """Rank by the work of making grey of it; the cheapest is taken."""
    title: str


def decode(data: Raw, layout: PixelLayout, *, is_colour: bool) -> Raw | None:
    """Make a picture of what a camera gave.

    Parameters
    ----------
    data : ndarray of uint8, shape (N,)
        Borrowed; it may be reused afterwards.
    layout : PixelLayout
    is_colour : bool
        Whether BGR is wanted; formats without colour give grey all the same.

    Returns
    -------
    ndarray of uint8, shape (H, W) or (H, W, 3), or None
        Read-only. None if the data are damaged: too short, or no JPEG.
    """
    kind = PIXEL_FORMATS[layout.pixels]
    convert = kind.to_bgr if is_colour and kind.to_bgr is not None else kind.to_grey
    try:
        image = convert(data, layout)
    except (ValueError, cv2.error):
        return None
    image.setflags(write=False)
    return image


def has_colour(pixels: str) -> bool:
    """Whether a format has any."""
    return PIXEL_FORMATS[pixels].to_bgr is not None


def _rows(data: Raw, layout: PixelLayout, rows: int, row_bytes: int) -> Raw:
    """View of the rows, without what pads them; ValueError if too few came."""
    stride = layout.stride_bytes or row_bytes
    needed = stride * (rows - 1) + row_bytes
    if len(data) < needed:
        raise ValueError(f"{len(data)} bytes of {needed}")
    return np.lib.stride_tricks.as_strided(
        data, (rows, row_bytes), (stride, 1), writeable=False
    )


def _luma(data: Raw, layout: PixelLayout) -> Raw:
    return _rows(data, layout, layout.height_px, layout.width_px).copy()


def _deep(bits: int) -> Callable[[Raw, PixelLayout], Raw]:
    """To 8 bits, from 16 of which the lower `bits` are used."""

    def convert(data: Raw, layout: PixelLayout) -> Raw:
        rows = _rows(data, layout, layout.height_px, 2 * layout.width_px)
        deep = np.ascontiguousarray(rows).view(np.uint16)
        return np.asarray(cv2.convertScaleAbs(deep, alpha=0.5 ** (bits - 8)), np.uint8)

    return convert


def _packed(data: Raw, layout: PixelLayout, channels: int) -> Raw:
    rows = _rows(data, layout, layout.height_px, channels * layout.width_px)
    return rows.reshape(layout.height_px, layout.width_px, channels)


def _channel(channels: int, which: int) -> Callable[[Raw, PixelLayout], Raw]:
    def convert(data: Raw, layout: PixelLayout) -> Raw:
        return np.asarray(cv2.extractChannel(_packed(data, layout, channels), which))

    return convert


def _coloured(channels: int, code: int) -> Callable[[Raw, PixelLayout], Raw]:
    def convert(data: Raw, layout: PixelLayout) -> Raw:
        return np.asarray(cv2.cvtColor(_packed(data, layout, channels), code))

    return convert


def _as_it_is(data: Raw, layout: PixelLayout) -> Raw:
    return _packed(data, layout, 3).copy()


def _two_planes(data: Raw, layout: PixelLayout) -> Raw:
    rows = layout.height_px + (layout.height_px + 1) // 2
    return np.asarray(
        cv2.cvtColor(_rows(data, layout, rows, layout.width_px), cv2.COLOR_YUV2BGR_NV12)
    )


def _three_planes(data: Raw, layout: PixelLayout) -> Raw:
    """Luma, then both chroma planes with half the stride."""
    width, height = layout.width_px, layout.height_px
    stride = layout.stride_bytes or width
    chroma = PixelLayout("", width // 2, height, stride // 2)
    planes = np.empty((height * 3 // 2, width), np.uint8)
    planes[:height] = _rows(data, layout, height, width)
    planes[height:] = _rows(
        data[stride * height :], chroma, height, width // 2
    ).reshape(-1, width)
    return np.asarray(cv2.cvtColor(planes, cv2.COLOR_YUV2BGR_I420))


def _jpeg(mode: int) -> Callable[[Raw, PixelLayout], Raw]:
    def convert(data: Raw, layout: PixelLayout) -> Raw:
        image = cv2.imdecode(data, mode) if len(data) else None
        if image is None or image.shape[:2] != (layout.height_px, layout.width_px):
            raise ValueError("no JPEG of this size")
        return np.asarray(image, np.uint8)

    return convert


def _mosaic(code: int, bits: int = 8) -> Callable[[Raw, PixelLayout], Raw]:
    to_eight = _luma if bits == 8 else _deep(bits)

    def convert(data: Raw, layout: PixelLayout) -> Raw:
        return np.asarray(cv2.cvtColor(to_eight(data, layout), code))

    return convert


_RANK_COPY, _RANK_PICK, _RANK_CONVERT, _RANK_MOSAIC, _RANK_JPEG = range(5)


def _mosaics() -> dict[str, PixelFormat]:
    codes = {
        "BGGR": (cv2.COLOR_BayerBGGR2GRAY, cv2.COLOR_BayerBGGR2BGR),
        "GBRG": (cv2.COLOR_BayerGBRG2GRAY, cv2.COLOR_BayerGBRG2BGR),
        "GRBG": (cv2.COLOR_BayerGRBG2GRAY, cv2.COLOR_BayerGRBG2BGR),
        "RGGB": (cv2.COLOR_BayerRGGB2GRAY, cv2.COLOR_BayerRGGB2BGR),
    }
    letters = {
        "BGGR": ("BA81", "BG10", "BG12"),
        "GBRG": ("GBRG", "GB10", "GB12"),
        "GRBG": ("GRBG", "BA10", "BA12"),
        "RGGB": ("RGGB", "RG10", "RG12"),
    }
    return {
        name: PixelFormat(
            _mosaic(codes[order][0], bits),
            _mosaic(codes[order][1], bits),
            _RANK_MOSAIC,
            f"Bayer {order}, {bits} bits",
        )
        for order, names in letters.items()
        for name, bits in zip(names, (8, 10, 12), strict=True)
    }


PIXEL_FORMATS: dict[str, PixelFormat] = {
    "GREY": PixelFormat(_luma, None, _RANK_COPY, "grey"),
    "Y10": PixelFormat(_deep(10), None, _RANK_CONVERT, "grey, 10 bits"),
    "Y12": PixelFormat(_deep(12), None, _RANK_CONVERT, "grey, 12 bits"),
    "Y16": PixelFormat(_deep(16), None, _RANK_CONVERT, "grey, 16 bits"),
    "NV12": PixelFormat(_luma, _two_planes, _RANK_COPY, "YUV 4:2:0"),
    "YU12": PixelFormat(_luma, _three_planes, _RANK_COPY, "YUV 4:2:0"),
    "YUYV": PixelFormat(
        _channel(2, 0), _coloured(2, cv2.COLOR_YUV2BGR_YUY2), _RANK_PICK, "YUV 4:2:2"
    ),
    "UYVY": PixelFormat(
        _channel(2, 1), _coloured(2, cv2.COLOR_YUV2BGR_UYVY), _RANK_PICK, "YUV 4:2:2"
    ),
    "BGR3": PixelFormat(
        _coloured(3, cv2.COLOR_BGR2GRAY), _as_it_is, _RANK_CONVERT, "BGR"
    ),
    "RGB3": PixelFormat(
        _coloured(3, cv2.COLOR_RGB2GRAY),
        _coloured(3, cv2.COLOR_RGB2BGR),
        _RANK_CONVERT,
        "RGB",
    ),
    "XR24": PixelFormat(
        _coloured(4, cv2.COLOR_BGRA2GRAY),
        _coloured(4, cv2.COLOR_BGRA2BGR),
        _RANK_CONVERT,
        "BGR and a byte",
    ),
    "MJPG": PixelFormat(
        _jpeg(cv2.IMREAD_GRAYSCALE), _jpeg(cv2.IMREAD_COLOR), _RANK_JPEG, "JPEG"
    ),
    "JPEG": PixelFormat(
        _jpeg(cv2.IMREAD_GRAYSCALE), _jpeg(cv2.IMREAD_COLOR), _RANK_JPEG, "JPEG"
    ),
    **_mosaics(),
}
"""What can be read, by four letters."""
