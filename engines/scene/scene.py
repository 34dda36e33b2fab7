"""Renders a scene and tells the truth of it."""

from typing import TYPE_CHECKING, List, NamedTuple, Optional, Tuple

import cv2
import numpy as np

from engines.scene.backdrop import (
    Backdrop,
    Occluders,
    SensorNoise,
    Shake,
    flicker_gain,
)
from engines.scene.bodies import Body, Succession
from engines.scene.motion import Streak
from engines.scene.settings import SceneSettings, check_settings, random_stream

if TYPE_CHECKING:
    from numpy.typing import NDArray


class SceneTruth(NamedTuple):
    """Where the objects of one frame really are, one row each.

    An object is listed from its first to its last visible pixel, hidden by an
    occluder or not. Floats are float32, positions in full-frame pixels with pixel
    centres at whole numbers.
    """

    id: "NDArray[np.int64]"
    """Never repeated within a scene."""
    x_px: "NDArray[np.float32]"
    """Centre of the streak: the body's mean position while the shutter was open."""
    y_px: "NDArray[np.float32]"
    vx_px_s: "NDArray[np.float32]"
    """At the middle of the exposure; the camera's shake is not in it."""
    vy_px_s: "NDArray[np.float32]"
    size_px: "NDArray[np.float32]"
    """Diameter of the body."""
    length_px: "NDArray[np.float32]"
    """Of the whole streak: the body's diameter and the distance travelled."""
    visible_ratio: "NDArray[np.float32]"
    """Share of the streak inside the frame and not behind an occluder, 0 to 1."""


class _Footprint(NamedTuple):
    """What one object covers in one frame."""

    body: Body
    x_px: float
    y_px: float
    vx_px_s: float
    vy_px_s: float
    length_px: float
    left: int
    top: int
    cover: "NDArray[np.float32]"
    """Shape (h, w): share of the exposure, times the body's opacity."""
    peak: float
    visible_ratio: float


class Scene:
    """Renders frames and tells the truth about them.

    Made, used and dropped in one thread.

    Parameters
    ----------
    settings : SceneSettings
        What it looks like.

    Raises
    ------
    ValueError
        If a setting is outside `SETTING_BOUNDS`, or a range is upside down.
    """

    def __init__(self, settings: SceneSettings) -> None:
        check_settings(settings)
        self.settings = settings
        size = (settings.width_px, settings.height_px)
        # One stream a part: more objects leave the background as it is.
        self._backdrop = Backdrop(
            random_stream(settings, 1),
            size[0],
            size[1],
            settings.background,
            settings.clutter,
            settings.drift_px_s,
        )
        self._shake = Shake(random_stream(settings, 2), settings.jitter_px)
        self._occluders = Occluders(
            random_stream(settings, 3), size[0], size[1], settings.occluders
        )
        self._noise = SensorNoise(
            random_stream(settings, 4), size[0], size[1], settings.noise_sigma
        )
        self._successions = [
            Succession(settings, number, self._backdrop.mean_grey)
            for number in range(settings.object_count)
        ]
        self._recent: Tuple[int, List[_Footprint]] = (-1, [])

    def render(self, index: int) -> "NDArray[np.uint8]":
        """Render one frame.

        Frames in order are fastest. The first call far into the scene works through
        the objects before it, once: seconds for each hour of the scene.

        Parameters
        ----------
        index : int
            From 0; the middle of its exposure is at `index / frame_rate_hz`.

        Returns
        -------
        ndarray of uint8, shape (H, W)
            Grey, read-only, the caller's own.
        """
        time_s = index / self.settings.frame_rate_hz
        shake_px = self._shake.at(time_s)
        image = self._backdrop.render(time_s, shake_px)
        for footprint in self._footprints(index):
            _paint(image, footprint)
        self._occluders.cover(image, 0, 0, shake_px)
        if self.settings.flicker_ratio > 0.0:
            gain = flicker_gain(time_s, self.settings.flicker_ratio)
            cv2.convertScaleAbs(image, dst=image, alpha=gain)
        self._noise.add_to(image, index)
        image.setflags(write=False)
        return image

    def truth(self, index: int) -> SceneTruth:
        """Tell where the objects of one frame are."""
        rows = self._footprints(index)
        floats = np.array(
            [
                (
                    row.x_px,
                    row.y_px,
                    row.vx_px_s,
                    row.vy_px_s,
                    row.body.size_px,
                    row.length_px,
                    row.visible_ratio,
                )
                for row in rows
            ],
            np.float32,
        ).reshape(len(rows), 7)
        ids = np.array([row.body.id for row in rows], np.int64)
        columns = np.ascontiguousarray(floats.T)
        for column in (ids, columns):
            column.setflags(write=False)
        return SceneTruth(ids, *columns)

    def mask(self, index: int) -> "NDArray[np.bool_]":
        """Mark the pixels where an object was seen.

        A pixel counts if the body covered it for at least three tenths of the time
        it covered the streak's core, and no occluder stands before it.

        Returns
        -------
        ndarray of bool, shape (H, W)
            The caller's own.
        """
        mask = np.zeros((self.settings.height_px, self.settings.width_px), np.bool_)
        for row in self._footprints(index):
            height, width = row.cover.shape
            part = mask[row.top : row.top + height, row.left : row.left + width]
            part |= row.cover > 0.3 * row.peak
        shake_px = self._shake.at(index / self.settings.frame_rate_hz)
        self._occluders.cover(mask, 0, 0, shake_px, value=0)
        return mask

    def _footprints(self, index: int) -> List[_Footprint]:
        """What all objects cover; kept for the frame last asked for."""
        if index < 0:
            raise ValueError(f"frame index {index} is negative")
        if self._recent[0] != index:
            found = []
            time_s = index / self.settings.frame_rate_hz
            for succession in self._successions:
                body = succession.body_at(time_s)
                footprint = body and self._footprint(body, time_s)
                if footprint is not None:
                    found.append(footprint)
            self._recent = (index, found)
        return self._recent[1]

    def _footprint(self, body: Body, time_s: float) -> Optional[_Footprint]:
        """What one object covers; None if it is out of sight."""
        settings = self.settings
        age_s = time_s - body.birth_s
        half_s = 0.5 * settings.exposure_ratio / settings.frame_rate_hz
        shake = self._shake.at(time_s)
        streaks = body.path.streaks(age_s - half_s, age_s + half_s, shake)
        box = _box_around(streaks, body.size_px, settings)
        if box is None:
            return None
        left, top, shape = box
        angle = body.angle_at(time_s)
        parts = [
            body.sprite.swept(angle, streak, (left, top), shape) for streak in streaks
        ]
        cover = parts[0].cover
        for part in parts[1:]:
            cover = cover + part.cover
        visible = float(cv2.sumElems(cover)[0])
        if visible <= 0.0:
            return None
        if settings.occluders:
            unhidden = cover.copy()
            self._occluders.cover(unhidden, left, top, shake, value=0)
            visible = float(cv2.sumElems(unhidden)[0])
        _, _, vx, vy = body.path.at(age_s)
        return _Footprint(
            body,
            sum(streak.time_ratio * streak.x_px for streak in streaks),
            sum(streak.time_ratio * streak.y_px for streak in streaks),
            vx,
            vy,
            body.size_px + sum(streak.length_px for streak in streaks),
            left,
            top,
            cover,
            max(part.peak for part in parts),
            min(1.0, visible / sum(part.mass for part in parts)),
        )


def _box_around(
    streaks: List[Streak], size_px: float, settings: SceneSettings
) -> Optional[Tuple[int, int, Tuple[int, int]]]:
    """Left, top and shape of the frame's part that streaks touch, if any."""
    room = 0.5 * size_px + 2.0
    xs = [x for streak in streaks for x in (streak.x0_px, streak.x1_px)]
    ys = [y for streak in streaks for y in (streak.y0_px, streak.y1_px)]
    left = max(0, int(min(xs) - room))
    top = max(0, int(min(ys) - room))
    right = min(settings.width_px, int(max(xs) + room) + 1)
    bottom = min(settings.height_px, int(max(ys) + room) + 1)
    if right <= left or bottom <= top:
        return None
    return left, top, (bottom - top, right - left)


def _paint(image: "NDArray[np.uint8]", footprint: _Footprint) -> None:
    """Blend an object into the frame, in place."""
    height, width = footprint.cover.shape
    rows = slice(footprint.top, footprint.top + height)
    columns = slice(footprint.left, footprint.left + width)
    behind = image[rows, columns].astype(np.float32)
    behind += footprint.cover * (np.float32(footprint.body.grey) - behind)
    behind += 0.5
    image[rows, columns] = behind
