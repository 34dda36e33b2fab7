"""Lines, areas and labels with soft edges over a picture.

OpenCV draws without opacity, and each of its calls gives the interpreter away, which
costs a wait where another thread computes. So the shapes of all tracks are drawn
together, as coverage in one plane, and whose pixel it is goes to a second. Colour,
opacity and a dark halo come from one pass over the touched pixels.
"""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Path: TypeAlias = NDArray[np.int32]
    """Shape (P, 2): view coordinates in sixteenths of a pixel."""

NOBODY = 0
"""Owner of what belongs to no track."""

_FRACTION_BITS = 4
_OWNERS = 256
_GOLDEN_ANGLE_RAD = math.pi * (3 - math.sqrt(5))
_HALO_OPACITY = 0.7
_BLOCK_PX = 8
_PIXEL_BLOCK = np.dtype("V32")
_BLUE_RED, _GREEN = np.uint32(0x00FF00FF), np.uint32(0x0000FF00)
_OPAQUE = np.uint32(0xFF000000)
_LETTERING_OVERSAMPLING = 8
_CLEAR_FROM = 127


def owner_of(track_id: int) -> int:
    """Whose colour a track has: 255 differ, then they repeat."""
    return 1 + track_id % (_OWNERS - 1)


def track_colour_bgr(track_id: int) -> tuple[int, int, int]:
    """The colour of a track everywhere in the window, 0 to 255.

    Neighbouring ids are far apart in hue, and all are about equally bright.
    """
    packed = int(_palette()[owner_of(track_id)])
    return packed & 255, packed >> 8 & 255, packed >> 16 & 255


def fixed_point(points: NDArray[np.floating]) -> NDArray[np.int32]:
    """Bring view coordinates to the form in which paths are drawn."""
    fixed: NDArray[np.int32] = np.rint(points * (1 << _FRACTION_BITS)).astype(np.int32)
    return fixed


class Ink:
    """Planes to draw on, kept from picture to picture; used by one thread.

    Call `begin`, draw from the back to the front, then `blend`.
    """

    def __init__(self) -> None:
        self._coverage = self._owner = self._halo = np.zeros((0, 0), np.uint8)
        self._labels: list[tuple[_Lettering, int, int, int]] = []
        self._claims: dict[int, tuple[list[Path], list[Path]]] = {}

    def begin(self, width_px: int, height_px: int) -> None:
        """Start an empty drawing of this size."""
        self._labels.clear()
        self._claims.clear()
        if self._coverage.shape != (height_px, width_px):
            self._coverage, self._owner, self._halo = np.zeros(
                (3, height_px, width_px), np.uint8
            )
            return
        self._coverage.fill(0)
        self._owner.fill(NOBODY)

    def draw_lines(self, lines: Sequence[Path], opacity: float) -> None:
        """Draw open lines of any owners, one pixel wide.

        Parameters
        ----------
        lines : sequence of paths
        opacity : float
            0 to 1.
        """
        self._draw(lines, opacity, 1, is_closed=False)

    def crop(self, left_px: int, top_px: int, right_px: int, bottom_px: int) -> None:
        """Take away what has been drawn outside these columns and rows."""
        coverage = self._coverage
        coverage[: max(top_px, 0)] = 0
        coverage[max(bottom_px, 0) :] = 0
        coverage[:, : max(left_px, 0)] = 0
        coverage[:, max(right_px, 0) :] = 0

    def draw_outlines(
        self, areas: Sequence[Path], opacity: float, width_px: int
    ) -> None:
        """Draw lines of any owners that end where they start."""
        self._draw(areas, opacity, width_px, is_closed=True)

    def fill(self, areas: Sequence[Path], opacity: float) -> None:
        """Fill areas of any owners; an area inside another is a hole."""
        cv2.fillPoly(
            self._coverage, areas, round(opacity * 255), cv2.LINE_AA, _FRACTION_BITS
        )

    def claim(
        self, owner: int, lines: Sequence[Path] = (), areas: Sequence[Path] = ()
    ) -> None:
        """Give what is drawn there its owner; where two claim, one of them has it.

        Parameters
        ----------
        owner : int
            From `owner_of`.
        lines, areas : sequence of paths
            Lines are claimed as open ones.
        """
        claimed_lines, claimed_areas = self._claims.setdefault(owner, ([], []))
        claimed_lines.extend(lines)
        claimed_areas.extend(areas)

    def write(self, text: str, u: float, v: float, height_px: int, owner: int) -> None:
        """Put a label above everything drawn, inside the picture where it fits.

        Parameters
        ----------
        text : str
            ASCII.
        u, v : float
            Its left end and the middle of its height.
        height_px : int
            Of its digits.
        owner : int
            From `owner_of`.
        """
        letters = _lettering(text, height_px)
        height, width = letters.coverage.shape
        rows, columns = self._coverage.shape
        left = min(max(round(u) - letters.margin_px, 0), columns - width)
        top = min(max(round(v - height / 2), 0), rows - height)
        if left >= 0 and top >= 0:
            self._labels.append((letters, left, top, owner))

    def blend(
        self, picture: NDArray[np.uint8], reach_px: int, quiet_opacity: float
    ) -> None:
        """Bring the drawing onto a picture.

        Parameters
        ----------
        picture : ndarray of uint8, shape (H, W, 4)
            Blue, green, red, 255; contiguous, of the size given to `begin`. Modified.
        reach_px : int
            How far halos and claims reach from a line: half the widest line, and 1.
        quiet_opacity : float
            0 to 1. What is drawn with less has no halo.
        """
        for owner, (lines, areas) in self._claims.items():
            if areas:
                cv2.fillPoly(self._owner, areas, owner, cv2.LINE_8, _FRACTION_BITS)
            if lines:
                cv2.polylines(
                    self._owner, lines, False, owner, 1, cv2.LINE_8, _FRACTION_BITS
                )
        pen = np.ones((2 * reach_px + 1, 2 * reach_px + 1), np.uint8)
        cv2.dilate(self._owner, pen, dst=self._owner)
        cv2.dilate(self._coverage, pen, dst=self._halo)
        for label in self._labels:
            self._letter(*label)
        self._mix(picture.reshape(-1).view(np.uint32), round(quiet_opacity * 255))

    def _draw(
        self, lines: Sequence[Path], opacity: float, width_px: int, *, is_closed: bool
    ) -> None:
        if lines:
            cv2.polylines(
                self._coverage,
                lines,
                is_closed,
                round(opacity * 255),
                width_px,
                cv2.LINE_AA,
                _FRACTION_BITS,
            )

    def _letter(self, letters: _Lettering, left: int, top: int, owner: int) -> None:
        height, width = letters.coverage.shape
        cell = slice(top, top + height), slice(left, left + width)
        # A line that ran behind a label would make it unreadable.
        np.copyto(self._coverage[cell], letters.coverage, where=letters.is_clear)
        np.copyto(self._owner[cell], owner, where=letters.is_clear)
        np.maximum(self._halo[cell], letters.halo, out=self._halo[cell])

    def _mix(self, pixels: NDArray[np.uint32], quiet: int) -> None:
        # Halos are dilated coverage: where there is none, there is nothing.
        at = np.flatnonzero(_blocks(self._halo) != 0)
        ink = _blocks(self._coverage).take(at).view(np.uint8).astype(np.uint32)
        ink += ink >> 7
        halo = _blocks(self._halo).take(at).view(np.uint8)
        kept = _kept_under_halo(quiet).take(halo)
        kept *= 256 - ink
        kept >>= 8
        colour = _palette().take(_blocks(self._owner).take(at).view(np.uint8))
        blocks = pixels[: len(pixels) // _BLOCK_PX * _BLOCK_PX].view(_PIXEL_BLOCK)
        below = blocks.take(at).view(np.uint32)
        # Two channels at a time: each lane of 16 bits holds a product of 8 by 8.
        mixed = _lane_mix(below & _BLUE_RED, colour & _BLUE_RED, kept, ink) & _BLUE_RED
        mixed |= _lane_mix(below & _GREEN, colour & _GREEN, kept, ink) & _GREEN
        mixed |= _OPAQUE
        blocks[at] = mixed.view(_PIXEL_BLOCK)


class _Lettering(NamedTuple):
    """One text as it is laid over a picture: three planes of shape (h, w)."""

    coverage: NDArray[np.uint8]
    halo: NDArray[np.uint8]
    is_clear: NDArray[np.bool_]
    """Where nothing behind it may shine through."""
    margin_px: int
    """From the planes' edge to the letters."""


def _blocks(plane: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """See a plane as blocks of pixels: an eighth to search and to gather.

    Up to seven pixels at the end of the last row are in no block and stay as they are.
    """
    flat = plane.reshape(-1)
    return flat[: len(flat) // _BLOCK_PX * _BLOCK_PX].view(np.uint64)


def _lane_mix(
    below: NDArray[np.uint32],
    above: NDArray[np.uint32],
    kept: NDArray[np.uint32],
    ink: NDArray[np.uint32],
) -> NDArray[np.uint32]:
    below *= kept
    above *= ink
    below += above
    below >>= 8
    return below


@functools.lru_cache(maxsize=128)
def _kept_under_halo(quiet: int) -> NDArray[np.uint32]:
    """How much of a picture stays under each strength of halo, 0 to 256."""
    strength = np.clip((np.arange(256) - quiet) / max(255 - quiet, 1), 0, 1)
    kept: NDArray[np.uint32] = np.rint(256 * (1 - _HALO_OPACITY * strength)).astype(
        np.uint32
    )
    return kept


@functools.cache
def _palette() -> NDArray[np.uint32]:
    """Colours of the owners as pixels: evenly spaced in Oklab's hue."""
    hue = np.arange(_OWNERS) * _GOLDEN_ANGLE_RAD
    lightness = np.where(np.arange(_OWNERS) % 2, 0.84, 0.76)
    chroma = np.full(_OWNERS, 0.16)
    lightness[NOBODY], chroma[NOBODY] = 0.92, 0.0
    a, b = chroma * np.cos(hue), chroma * np.sin(hue)
    # Oklab to linear sRGB (B. Ottosson, 2020).
    cone_l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    cone_m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    cone_s = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    linear = np.stack(
        [
            -0.0041960863 * cone_l - 0.7034186147 * cone_m + 1.7076147010 * cone_s,
            -1.2684380046 * cone_l + 2.6097574011 * cone_m - 0.3413193965 * cone_s,
            4.0767416621 * cone_l - 3.3077115913 * cone_m + 0.2309699292 * cone_s,
            np.ones(_OWNERS),
        ],
        axis=1,
    ).clip(0, 1)
    encoded = np.where(
        linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055
    )
    pixels: NDArray[np.uint32] = np.rint(encoded * 255).astype(np.uint8).view(np.uint32)
    return pixels.ravel()


# Of ids, one after another: more than are seen at once would only hold memory.
@functools.lru_cache(maxsize=512)
def _lettering(text: str, height_px: int) -> _Lettering:
    """Draw a text large and shrink it: strokes get even widths and soft edges."""
    large_px = height_px * _LETTERING_OVERSAMPLING
    font, stroke = cv2.FONT_HERSHEY_SIMPLEX, round(large_px * 0.17)
    scale = cv2.getFontScaleFromHeight(font, large_px, stroke)
    (width, _), _ = cv2.getTextSize(text, font, scale, stroke)
    canvas = np.zeros((3 * large_px, width + 2 * large_px), np.uint8)
    origin = large_px, 2 * large_px
    cv2.putText(canvas, text, origin, font, scale, 255, stroke, cv2.LINE_AA)
    # OpenCV 4 and 5 have different fonts of different heights.
    left, top, width, height = cv2.boundingRect(canvas)
    letters = cv2.resize(
        canvas[top : top + height, left : left + width],
        (max(1, round(width * height_px / height)), height_px),
        interpolation=cv2.INTER_AREA,
    )
    margin = max(2, round(height_px * 0.3))
    coverage = np.pad(letters.astype(np.uint8), margin)
    pen = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * margin - 1,) * 2)
    halo = cv2.blur(cv2.dilate(coverage, pen), (3, 3)).astype(np.uint8)
    return _Lettering(coverage, halo, halo > _CLEAR_FROM, margin)
