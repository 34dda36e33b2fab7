"""Pixels of frames that FFmpeg decoded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from av.video.frame import VideoFrame
    from numpy.typing import NDArray

_FULL_RANGE = 2
"""Of a frame's `color_range`: black is 0 and not 16."""
_LUMA_FIRST = ("yuv", "nv12", "nv21", "gray")
"""Formats of 8 bits whose first plane is luma begin like this."""


def pixels_of(frame: VideoFrame) -> NDArray[np.uint8]:
    """Grey (H, W) where the frame has no colour, BGR (H, W, 3) elsewhere."""
    name = frame.format.name
    is_even = frame.width % 2 == 0 and frame.height % 2 == 0
    if name == "yuv420p" and is_even and frame.color_range != _FULL_RANGE:
        # Twice as fast as FFmpeg's own conversion, and at most 3 levels off.
        planes = frame.to_ndarray()
        return np.asarray(cv2.cvtColor(planes, cv2.COLOR_YUV2BGR_I420), np.uint8)
    is_grey = name.startswith(("gray", "mono"))
    pixels = frame.to_ndarray(format="gray" if is_grey else "bgr24")
    return np.asarray(pixels, np.uint8)


def luma_of(frame: VideoFrame) -> NDArray[np.uint8]:
    """Grey (H, W), as it comes: nothing is converted where there is luma."""
    name = frame.format.name
    is_deep = any(component.bits != 8 for component in frame.format.components)
    if is_deep or not name.startswith(_LUMA_FIRST) or "yuyv" in name:
        return np.asarray(frame.to_ndarray(format="gray"), np.uint8)
    plane = frame.planes[0]
    rows = np.frombuffer(memoryview(plane), np.uint8)
    grey: NDArray[np.uint8] = rows.reshape(-1, plane.line_size)
    return grey[: frame.height, : frame.width].copy()
