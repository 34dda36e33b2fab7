"""From frames to the network's input, and back to pixels of the frame."""

from typing import TYPE_CHECKING, Any, NamedTuple, Sequence, Tuple

import cv2
import numpy as np

from engines.manifest import Colour, Fit, InputSpec, Layout

if TYPE_CHECKING:
    from numpy.typing import NDArray


class PixelMap(NamedTuple):
    """Where the pixels of the network's input lie in the full frame.

    Pixel centres are at whole numbers in both: input pixel `u` covers the frame from
    `left_px + u * scale_x` on, `scale_x` pixels wide.
    """

    left_px: float
    """Frame coordinate of the input's left edge (an edge, not a pixel centre)."""
    top_px: float
    scale_x: float
    """Frame pixels per input pixel."""
    scale_y: float

    def to_frame(self, x: "NDArray[Any]", y: "NDArray[Any]") -> "Tuple[Any, Any]":
        """Bring pixel-centre coordinates of the input to the frame's."""
        return (
            (x + 0.5) * self.scale_x + self.left_px - 0.5,
            (y + 0.5) * self.scale_y + self.top_px - 0.5,
        )


class Preprocessor:
    """Makes the network's input from frames of one size.

    Each frame is brought to the network's size once (`plane`), however often it is
    stacked (`tensor`): a network that sees three frames costs one resize a frame.

    Parameters
    ----------
    spec : InputSpec
        What the network takes.
    frame_width_px, frame_height_px : int
        Size of the frames to come.
    """

    def __init__(
        self, spec: InputSpec, frame_width_px: int, frame_height_px: int
    ) -> None:
        self.spec = spec
        self.frame_px = (frame_width_px, frame_height_px)
        """Width and height of the frames to come."""
        self._frame_shape = (frame_height_px, frame_width_px)
        if spec.fit is Fit.STRETCH:
            self.pixel_map = PixelMap(
                0.0,
                0.0,
                frame_width_px / spec.width_px,
                frame_height_px / spec.height_px,
            )
        else:
            self.pixel_map = PixelMap(
                float((frame_width_px - spec.width_px) // 2),
                float((frame_height_px - spec.height_px) // 2),
                1.0,
                1.0,
            )
        self._tensor = np.empty(spec.shape, np.dtype(spec.dtype))

    def plane(self, image: "NDArray[np.uint8]") -> "NDArray[np.uint8]":
        """Bring one frame to the network's size and colour.

        Parameters
        ----------
        image : ndarray of uint8, shape (H, W) or (H, W, 3)
            Grey or BGR, of the size given to the constructor.

        Returns
        -------
        ndarray of uint8, shape (h, w) or (h, w, 3)
            May share memory with `image`.
        """
        if image.shape[:2] != self._frame_shape:
            raise ValueError(
                f"frame of {image.shape[:2]}, prepared for {self._frame_shape}"
            )
        return self.in_colour(self._in_size(image))

    def tensor(self, planes: "Sequence[NDArray[np.uint8]]") -> "NDArray[Any]":
        """Stack planes into the network's input.

        Parameters
        ----------
        planes : sequence of ndarray
            `frame_count` results of `plane`, oldest first.

        Returns
        -------
        ndarray, shape `spec.shape`
            Reused on the next call.
        """
        spec = self.spec
        if len(planes) != spec.frame_count:
            raise ValueError(
                f"{len(planes)} planes, the network takes {spec.frame_count}"
            )
        # Stacked as bytes, then converted once: four times less to move about.
        stacked = planes[0] if len(planes) == 1 else cv2.merge(list(planes))
        stacked = stacked.reshape(spec.height_px, spec.width_px, -1)
        if spec.layout is Layout.NCHW:
            stacked = np.moveaxis(stacked, 2, 0)
        if spec.dtype == "uint8":
            self._tensor[0] = stacked
            return self._tensor
        np.multiply(stacked, np.float32(spec.scale), out=self._tensor[0])
        if spec.offset:
            self._tensor += np.float32(spec.offset)
        return self._tensor

    def in_colour(self, image: "NDArray[np.uint8]") -> "NDArray[np.uint8]":
        """Bring a picture of any size to the network's colour.

        Parameters
        ----------
        image : ndarray of uint8, shape (H, W) or (H, W, 3)
            Grey or BGR.

        Returns
        -------
        ndarray of uint8, shape (H, W) or (H, W, 3)
            May share memory with `image`.
        """
        is_grey = image.ndim == 2
        wanted = self.spec.colour
        if wanted is Colour.GREY:
            code = None if is_grey else cv2.COLOR_BGR2GRAY
        elif is_grey:
            code = cv2.COLOR_GRAY2BGR
        else:
            code = cv2.COLOR_BGR2RGB if wanted is Colour.RGB else None
        if code is None:
            return image
        return cv2.cvtColor(image, code).astype(np.uint8, copy=False)

    def _in_size(self, image: "NDArray[np.uint8]") -> "NDArray[np.uint8]":
        spec = self.spec
        height, width = self._frame_shape
        if (width, height) == (spec.width_px, spec.height_px):
            return image
        if spec.fit is Fit.STRETCH:
            shrinks = width > spec.width_px or height > spec.height_px
            # Area averaging keeps an object of a few pixels from falling between
            # the samples.
            method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
            resized = cv2.resize(
                image, (spec.width_px, spec.height_px), interpolation=method
            )
            return resized.astype(np.uint8, copy=False)
        return self._cropped(image)

    def _cropped(self, image: "NDArray[np.uint8]") -> "NDArray[np.uint8]":
        spec = self.spec
        height, width = self._frame_shape
        left, top = int(self.pixel_map.left_px), int(self.pixel_map.top_px)
        inside = image[
            max(top, 0) : max(top, 0) + min(height, spec.height_px),
            max(left, 0) : max(left, 0) + min(width, spec.width_px),
        ]
        before_x, before_y = max(-left, 0), max(-top, 0)
        after_x = spec.width_px - before_x - inside.shape[1]
        after_y = spec.height_px - before_y - inside.shape[0]
        if not (before_x or before_y or after_x or after_y):
            return inside
        return cv2.copyMakeBorder(
            inside, before_y, after_y, before_x, after_x, cv2.BORDER_REPLICATE
        ).astype(np.uint8, copy=False)
