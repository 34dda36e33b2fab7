"""Composes what the operator sees: the frame, the mask, tracks and their trails.

Pure functions from values to pixels, without a window: the display, annotated videos
and tests share them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from app.frames import TrackState
from app.framing import SQUARES_FROM_SCALE, framed
from app.ink import NOBODY, Ink, fixed_point, owner_of
from app.overlay_shapes import (
    LINE_POINTS,
    brackets,
    contours_of,
    crosses,
    dashed_ellipses,
    joined_contours,
    leads,
    trail_lines,
    uncertainty_axes,
    widened,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from app.frames import FrameResult, Trail
    from app.ink import Path
    from app.overlay_shapes import Contours, Points

_MAX_SCALE = 64.0

_TRAIL_STEPS = 10
_TRAIL_STEP_POINTS = 4
_TRAIL_OPACITY = 0.95
_OUTLINE_OPACITY = 0.9
_TENTATIVE_OPACITY = 0.7
_CROP_OPACITY, _SEARCH_OPACITY = 0.8, 0.35
# What is fainter than this needs no halo, which would only darken the frame.
_QUIET_OPACITY = 0.3

# In pixels of the desktop.
_LINE, _TRAIL = 2.0, 2.6
_GAP = 5.0
"""Between an object and its marker."""
_LEAST, _MOST, _UNSURE = 9.0, 400.0, 80.0
"""From the middle of a marker to its edge; how much of that is for not knowing."""
_ANYWHERE = 320.0
"""Lost objects are not marked where two standard deviations are more."""
_FARTHEST_S = 0.25
"""What lies further ahead, as in a paused feed, is not predicted."""
_TEXT = 10.5
_ASIDE = 0.8
_LABEL_GAP = 4.0


@dataclass(frozen=True, slots=True)
class View:
    """The part of the frame that a picture shows, and the picture's size.

    View coordinates `u`, `v` are device pixels of the picture, right and down. Pixel
    centres are at whole numbers here as in the frame.
    """

    width_px: int
    """Of the picture, in device pixels."""
    height_px: int
    left_px: float
    """How far the picture's left edge lies right of the frame's, in frame pixels."""
    top_px: float
    scale: float
    """Device pixels per frame pixel, over 0."""
    device_pixel_ratio: float = 1.0
    """Device pixels per pixel of the desktop: lines and letters grow with it."""

    @staticmethod
    def fit(
        frame_width_px: int,
        frame_height_px: int,
        width_px: int,
        height_px: int,
        device_pixel_ratio: float = 1.0,
    ) -> View:
        """Show the whole frame, centred, as large as the picture allows."""
        scale = min(width_px / frame_width_px, height_px / frame_height_px)
        return View(
            width_px=width_px,
            height_px=height_px,
            left_px=(frame_width_px - width_px / scale) / 2,
            top_px=(frame_height_px - height_px / scale) / 2,
            scale=scale,
            device_pixel_ratio=device_pixel_ratio,
        )

    def to_view(self, x_px: float, y_px: float) -> tuple[float, float]:
        """Where a point of the frame is in the picture."""
        return (
            (x_px + 0.5 - self.left_px) * self.scale - 0.5,
            (y_px + 0.5 - self.top_px) * self.scale - 0.5,
        )

    def to_frame(self, u: float, v: float) -> tuple[float, float]:
        """Which point of the frame is at a point of the picture."""
        return (
            (u + 0.5) / self.scale + self.left_px - 0.5,
            (v + 0.5) / self.scale + self.top_px - 0.5,
        )

    def zoomed(self, factor: float, about_u: float, about_v: float) -> View:
        """Scale by a factor; the point of the frame under (u, v) stays there."""
        scale = min(max(self.scale * factor, 1 / _MAX_SCALE), _MAX_SCALE)
        shift = 1 / self.scale - 1 / scale
        return replace(
            self,
            left_px=self.left_px + (about_u + 0.5) * shift,
            top_px=self.top_px + (about_v + 0.5) * shift,
            scale=scale,
        )

    def moved(self, du: float, dv: float) -> View:
        """Move the frame by device pixels, right and down."""
        return replace(
            self,
            left_px=self.left_px - du / self.scale,
            top_px=self.top_px - dv / self.scale,
        )

    def resized(self, width_px: int, height_px: int) -> View:
        """Give the picture another size; the frame's point at its centre stays."""
        return replace(
            self,
            width_px=width_px,
            height_px=height_px,
            left_px=self.left_px + (self.width_px - width_px) / 2 / self.scale,
            top_px=self.top_px + (self.height_px - height_px) / 2 / self.scale,
        )

    def kept_on(self, frame_width_px: int, frame_height_px: int) -> View:
        """Move just enough that the picture's centre is on the frame.

        Along an axis where the whole frame fits, the frame is centred.
        """
        return replace(
            self,
            left_px=_kept(self.left_px, self.width_px / self.scale, frame_width_px),
            top_px=_kept(self.top_px, self.height_px / self.scale, frame_height_px),
        )


def _kept(start: float, length: float, frame_length: int) -> float:
    if length >= frame_length:
        return (frame_length - length) / 2
    return min(max(start, -length / 2), frame_length - length / 2)


@dataclass(frozen=True, slots=True)
class OverlayOptions:
    """What is drawn over the frame."""

    mask_opacity: float = 0.35
    """0 to 1. Larger hides more of what the mask lies on."""
    shows_mask: bool = True
    shows_outlines: bool = True
    """Of the mask's regions."""
    shows_ids: bool = True
    """Markers stay without them."""
    shows_trails: bool = True
    shows_prediction: bool = False
    """Where believed objects should be at the time the picture is shown."""
    shows_crops: bool = False
    """What was looked at again; where it is searched, fainter."""


def compose(
    result: FrameResult,
    trails: tuple[Trail, ...],
    view: View,
    options: OverlayOptions | None = None,
    ink: Ink | None = None,
    ahead_s: float = 0.0,
) -> NDArray[np.uint8]:
    """Draw one result as the operator sees it.

    Parameters
    ----------
    result : FrameResult
    trails : tuple of Trail
        As they were after this frame.
    view : View
    options : OverlayOptions, optional
    ink : Ink, optional
        Whoever composes again and again keeps one for each thread.
    ahead_s : float
        From the frame to the moment its picture is shown: what a prediction is for.

    Returns
    -------
    ndarray of uint8, shape (view.height_px, view.width_px, 4)
        Blue, green, red, 255: Qt's RGB32. The caller's own.
    """
    options = options or OverlayOptions()
    picture = framed(result.frame.image, view)
    drawing = _Drawing(result, view, options, ink or Ink())
    if options.shows_trails:
        drawing.draw_trails(trails)
    if options.shows_crops and result.crops:
        drawing.draw_crops()
    if options.shows_mask or options.shows_outlines:
        drawing.draw_mask()
    drawing.draw_tracks()
    if options.shows_prediction and 0 < ahead_s <= _FARTHEST_S:
        drawing.draw_prediction(ahead_s)
    drawing.blend(picture)
    return picture


class _Drawing:
    """The drawing of one result, from the back to the front."""

    def __init__(
        self, result: FrameResult, view: View, options: OverlayOptions, ink: Ink
    ) -> None:
        self._result = result
        self._view = view
        self._options = options
        self._ink = ink
        self._unit = view.device_pixel_ratio
        ink.begin(view.width_px, view.height_px)

    def draw_trails(self, trails: tuple[Trail, ...]) -> None:
        long_enough = [trail for trail in trails if len(trail.points_px) > 1]
        if not long_enough:
            return
        count = _TRAIL_STEPS * _TRAIL_STEP_POINTS + 1
        centre = self._placed(trail_lines(long_enough, count))
        lines = fixed_point(widened(centre, 1.0, _TRAIL * self._unit))
        shape = (-1, _TRAIL_STEP_POINTS + 1, 2)
        for step in range(_TRAIL_STEPS):
            opacity = _TRAIL_OPACITY * ((step + 1) / _TRAIL_STEPS) ** 1.5
            first = step * _TRAIL_STEP_POINTS
            piece = lines[:, :, first : first + _TRAIL_STEP_POINTS + 1]
            self._ink.draw_lines(list(piece.reshape(shape)), opacity)
        for trail, line in zip(long_enough, fixed_point(centre), strict=True):
            self._ink.claim(owner_of(trail.track_id), [line])
        # A lost track may be believed outside the frame, where nothing is seen.
        height_px, width_px = self._result.frame.image.shape[:2]
        corners = np.array([[0, 0], [width_px, height_px]]) - 0.5
        (left, top), (right, bottom) = np.rint(self._placed(corners) + 0.5).astype(int)
        self._ink.crop(left, top, right, bottom)

    def draw_crops(self) -> None:
        crops = self._result.crops
        left_top = np.array([(each.left_px, each.top_px) for each in crops], float)
        size = np.array([each.mask.shape[::-1] for each in crops], float)
        centre = self._placed(left_top - 0.5 + size / 2)
        corners = fixed_point(
            brackets(centre, size / 2 * self._view.scale, 2 * self._unit)
        )
        is_search = np.array([each.is_search for each in crops])
        for chosen, opacity in (
            (is_search, _SEARCH_OPACITY),
            (~is_search, _CROP_OPACITY),
        ):
            lines = corners[chosen].reshape(-1, LINE_POINTS, 2)
            self._ink.draw_lines(list(lines), opacity)

    def draw_mask(self) -> None:
        view, result = self._view, self._result
        window = (
            *view.to_frame(-0.5, -0.5),
            *view.to_frame(view.width_px - 0.5, view.height_px - 0.5),
        )
        masks = [(result.mask, result.mask_area_px)]
        for crop in result.crops:
            height, width = crop.mask.shape
            area_px = float(crop.left_px), float(crop.top_px), width, height
            masks.append((crop.mask, area_px))
        contours = joined_contours(
            contours_of(mask, area_px, window, self._fineness(mask, area_px))
            for mask, area_px in masks
            if mask.any()
        )
        if not len(contours):
            return
        areas = contours.split(fixed_point(self._placed(contours.points_px)))
        if self._options.shows_mask and self._options.mask_opacity > 0:
            self._ink.fill(areas, self._options.mask_opacity)
        if self._options.shows_outlines:
            width_px = max(1, round(self._unit))
            self._ink.draw_outlines(areas, _OUTLINE_OPACITY, width_px)
        areas_of: dict[int, list[Path]] = {}
        for owner, area in zip(self._owners_of(contours), areas, strict=True):
            areas_of.setdefault(owner, []).append(area)
        for owner, own in areas_of.items():
            self._ink.claim(owner, areas=own)

    def _fineness(
        self, mask: NDArray[np.bool_], area_px: tuple[float, float, float, float]
    ) -> int:
        pixel_size = area_px[2] / mask.shape[1] * self._view.scale
        return 1 if pixel_size < 2 * SQUARES_FROM_SCALE else 4

    def draw_tracks(self) -> None:
        tracks, unit = self._result.tracks, self._unit
        centre = self._placed(np.stack([tracks.x_px, tracks.y_px], axis=1))
        size = np.stack([tracks.width_px, tracks.height_px], axis=1) * self._view.scale
        least, most = _LEAST * unit, _MOST * unit
        room = np.minimum(np.maximum(size / 2 + _GAP * unit, least), most)
        covariance = self._covariance()
        half_axes = uncertainty_axes(
            covariance, room.max(axis=1, initial=0), _UNSURE * unit
        )
        radius = np.linalg.norm(half_axes[:, 0], axis=1)
        limits = np.array([self._view.width_px, self._view.height_px])
        is_seen = np.all((centre >= 0) & (centre < limits), axis=1)
        tentative, confirmed, lost = (
            np.flatnonzero(is_seen & (tracks.state == state))
            for state in (TrackState.TENTATIVE, TrackState.CONFIRMED, TrackState.LOST)
        )
        # A mark for what may be anywhere says nothing.
        variance = np.maximum(covariance[0], covariance[2])[lost]
        lost = lost[2 * np.sqrt(variance) <= _ANYWHERE * unit]
        corners = brackets(centre, room, 2 * unit)
        self._mark([(tentative, corners[tentative])], _TENTATIVE_OPACITY, unit)
        ellipses = dashed_ellipses(centre[lost], half_axes[lost])
        plus = crosses(centre[lost], 3 * unit)
        # What is seen lies above what is guessed.
        believed = [(lost, ellipses), (lost, plus), (confirmed, corners[confirmed])]
        self._mark(believed, 1.0, _LINE * unit)
        if self._options.shows_ids:
            aside = np.stack([radius, radius], axis=1) * _ASIDE
            self._label(lost, "?", centre, aside)
            self._label(confirmed, "", centre, room)

    def draw_prediction(self, ahead_s: float) -> None:
        tracks = self._result.tracks
        is_believed = tracks.state == TrackState.CONFIRMED
        is_believed |= tracks.state == TrackState.LOST
        rows = np.flatnonzero(is_believed)
        position = np.stack([tracks.x_px, tracks.y_px], axis=1)[rows]
        velocity = np.stack([tracks.vx_px_s, tracks.vy_px_s], axis=1)[rows]
        step: Points = np.multiply(velocity, ahead_s * self._view.scale, dtype=float)
        self._mark([(rows, leads(self._placed(position), step))], 1.0, self._unit)

    def blend(self, picture: NDArray[np.uint8]) -> None:
        reach_px = math.ceil(_LINE * self._unit / 2)
        quiet = self._options.mask_opacity if self._options.shows_mask else 0.0
        self._ink.blend(picture, reach_px, max(quiet, _QUIET_OPACITY))

    def _covariance(self) -> Points:
        """Of the tracks' positions in the picture, shape (3, N)."""
        tracks = self._result.tracks
        covariance = tracks.covariance_px2
        if covariance is None:
            variance = tracks.sigma_px**2
            covariance = np.stack([variance, np.zeros_like(variance), variance])
        placed: Points = np.multiply(covariance, self._view.scale**2, dtype=float)
        return placed

    def _mark(
        self,
        marks: list[tuple[NDArray[np.intp], Points]],
        opacity: float,
        width_px: float,
    ) -> None:
        """Draw lines, shape (rows, L, LINE_POINTS, 2), for the tracks of some rows."""
        shape = (-1, LINE_POINTS, 2)
        joined = np.concatenate([lines.reshape(shape) for _, lines in marks])
        drawn = fixed_point(widened(joined, width_px, width_px))
        self._ink.draw_lines(list(drawn.reshape(shape)), opacity)
        first = 0
        for rows, lines in marks:
            count = lines.shape[1]
            for track_id in self._result.tracks.id[rows].tolist():
                own = drawn[first : first + count].reshape(shape)
                self._ink.claim(owner_of(track_id), list(own))
                first += count

    def _label(
        self, rows: NDArray[np.intp], suffix: str, centre: Points, room: Points
    ) -> None:
        corner = centre[rows] + room[rows] * (1, -1) + (_LABEL_GAP * self._unit, 0)
        height_px = round(_TEXT * self._unit)
        ids = self._result.tracks.id[rows].tolist()
        for track_id, (u, v) in zip(ids, corner.tolist(), strict=True):
            text = f"{track_id}{suffix}"
            self._ink.write(text, u, v, height_px, owner_of(track_id))

    def _owners_of(self, contours: Contours) -> list[int]:
        """Whose blob each contour is: the one whose centre it surrounds."""
        blobs, tracks = self._result.blobs, self._result.tracks
        owners = np.full(len(blobs) + 1, NOBODY)
        is_seen = (tracks.blob >= 0) & (tracks.state != TrackState.ENDED)
        owners[tracks.blob[is_seen]] = [
            owner_of(i) for i in tracks.id[is_seen].tolist()
        ]
        low = np.minimum.reduceat(contours.points_px, contours.starts)[:, None]
        high = np.maximum.reduceat(contours.points_px, contours.starts)[:, None]
        centres = np.stack([blobs.x_px, blobs.y_px], axis=1)
        # The column after the last blob stands for none.
        is_its = np.ones((len(contours), len(blobs) + 1), np.bool_)
        is_its[:, :-1] = np.all((low <= centres) & (centres <= high), axis=2)
        return [int(owner) for owner in owners[is_its.argmax(axis=1)]]

    def _placed(self, points_px: NDArray[np.floating]) -> Points:
        """Bring points of the frame, shape (..., 2), into the picture."""
        edge = 0.5 - np.array([self._view.left_px, self._view.top_px])
        placed: Points = (points_px + edge) * self._view.scale - 0.5
        return placed
