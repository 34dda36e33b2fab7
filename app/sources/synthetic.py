"""A camera that does not exist: a scene whose true positions are known."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from app.errors import SourceError, SourceFormatError
from app.frames import Frame
from app.sources.base import EndOfSource, SourceSpec
from app.sources.options import refuse_unknown_options
from app.sources.pacing import sleep_until
from app.sources.scene_camera import SceneCamera
from app.sources.uri import parse_uri
from engines.scene import SETTING_BOUNDS, Motion, Scene, SceneSettings

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

SCHEME = "synthetic"
_MOST_LATE_FRAMES = 7
"""Of the eight that a camera's driver buffers; frames that wait longer are lost."""


def _range(text: str) -> tuple[float, float]:
    low, _, high = text.partition("-")
    return float(low), float(high or low)


@dataclass(frozen=True, slots=True)
class _Option:
    """How one key of the query becomes a setting of the scene."""

    setting: str
    parse: Callable[[str], object]
    form: str
    """What the value looks like, for messages."""


_OPTIONS = {
    "fps": _Option("frame_rate_hz", float, "a number"),
    "objects": _Option("object_count", int, "a whole number"),
    "motion": _Option("motion", Motion, "one of " + ", ".join(m.value for m in Motion)),
    "speed": _Option("speed_px_s", _range, "px/s as 600-4800, each"),
    "body": _Option("size_px", _range, "px as 5-18, each"),
    "blur": _Option("exposure_ratio", float, "a number"),
    "contrast": _Option("contrast", _range, "grey levels as 40-120, each"),
    "background": _Option("background", _range, "grey levels as 70-150, each"),
    "noise": _Option("noise_sigma", float, "a number"),
    "clutter": _Option("clutter", int, "a whole number"),
    "drift": _Option("drift_px_s", float, "a number"),
    "shake": _Option("jitter_px", float, "a number"),
    "occluders": _Option("occluders", int, "a whole number"),
    "flicker": _Option("flicker_ratio", float, "a number"),
    "seed": _Option("seed", int, "a whole number"),
}
OPTION_NAMES = ("size", *_OPTIONS, "seconds", "frames")
"""Keys of the query of a `synthetic://` URI."""


class SyntheticSource:
    """Obeys `FrameSource`; renders frames of a `Scene`.

    Paced, it is a camera: frames come at their own time, counted from the first
    read, and a reader that is more than seven frames late loses some, which shows as
    a gap in the indices; it is rendered in a process of its own. Not paced, it
    renders as fast as it is read.

    Parameters
    ----------
    uri : str
        As in `synthetic://?size=640x480&fps=120&objects=20&seconds=20`.
    is_paced : bool
        Whether frames come at their own time.

    Raises
    ------
    SourceFormatError
        If the URI has an unknown option or a value out of its bounds.
    """

    def __init__(self, uri: str = f"{SCHEME}://", *, is_paced: bool) -> None:
        self.settings, self._frame_count = _settings_from(uri)
        self._uri = uri
        self._is_paced = is_paced
        self._renderer: Scene | SceneCamera | None = None
        self._index = 0
        self._epoch_ns: int | None = None
        self._rendered: tuple[int, NDArray[np.uint8]] | None = None

    @cached_property
    def scene(self) -> Scene:
        """The truth about the frames: a scene of its own, for one other thread."""
        return Scene(self.settings)

    def open(self) -> SourceSpec:
        """Make the scene; the clock starts with the first read."""
        settings = self.settings
        self._renderer = SceneCamera(settings) if self._is_paced else Scene(settings)
        self._index, self._epoch_ns = 0, None
        # The first frame takes longest, and would make the others look early.
        self._rendered = (0, self._renderer.render(0))
        return SourceSpec(
            uri=self._uri,
            title=f"synthetic, {settings.object_count} objects",
            width_px=settings.width_px,
            height_px=settings.height_px,
            frame_rate_hz=settings.frame_rate_hz,
            frame_count=self._frame_count,
            is_live=self._is_paced,
            is_colour=False,
        )

    def read(self, timeout_s: float) -> Frame | None:
        """Give the next frame, as `FrameSource` says."""
        if self._renderer is None:
            raise SourceError(f"{self._uri} is not open")
        index = self._next_index()
        if self._frame_count is not None and index >= self._frame_count:
            raise EndOfSource
        # Rendered before the wait, so that the frame comes on time.
        if self._rendered is None or self._rendered[0] != index:
            self._rendered = (index, self._renderer.render(index))
        timestamp_ns = self._timestamp_ns(index)
        if self._epoch_ns is not None and not sleep_until(
            self._epoch_ns + timestamp_ns, timeout_s
        ):
            return None
        image = self._rendered[1]
        self._index, self._rendered = index + 1, None
        return Frame(index, timestamp_ns, time.monotonic_ns(), image)

    def close(self) -> None:
        """Drop the scene."""
        if isinstance(self._renderer, SceneCamera):
            self._renderer.close()
        self._renderer = None
        self._rendered = None

    def _next_index(self) -> int:
        if not self._is_paced:
            return self._index
        now_ns = time.monotonic_ns()
        if self._epoch_ns is None:
            self._epoch_ns = now_ns
        newest = int((now_ns - self._epoch_ns) * 1e-9 * self.settings.frame_rate_hz)
        return newest if newest - self._index > _MOST_LATE_FRAMES else self._index

    def _timestamp_ns(self, index: int) -> int:
        return round(index * 1e9 / self.settings.frame_rate_hz)


def _settings_from(uri: str) -> tuple[SceneSettings, int | None]:
    """Settings of the scene, and how many frames it has."""
    parsed = parse_uri(uri)
    if parsed.body.strip("/"):
        raise SourceFormatError(
            f"{uri} names {parsed.body!r}, but a synthetic source has no name",
            hint=f"Options follow a question mark, as in {SCHEME}://?objects=20.",
        )
    refuse_unknown_options(parsed, OPTION_NAMES)
    settings = SceneSettings()
    limits: list[int] = []
    for key, text in parsed.options.items():
        if key == "size":
            width_px, height_px = _size(text)
            settings = settings._replace(width_px=width_px, height_px=height_px)
        elif key in _OPTIONS:
            option = _OPTIONS[key]
            value = _value(key, text, option)
            settings = settings._replace(**{option.setting: value})
    for key, frames_each in (("seconds", settings.frame_rate_hz), ("frames", 1.0)):
        if key in parsed.options:
            limits.append(_frame_limit(key, parsed.options[key], frames_each))
    return settings, min(limits, default=None)


def _value(key: str, text: str, option: _Option) -> Any:  # noqa: ANN401  any setting
    low, high = SETTING_BOUNDS.get(option.setting, (None, None))
    allowed = option.form
    if low is not None:
        allowed += f" from {low:g} to {high:g}"
    try:
        value = option.parse(text)
    except ValueError as error:
        raise _refusal(key, text, allowed) from error
    if low is None or high is None:
        return value
    ends = value if isinstance(value, tuple) else (value,)
    if not all(low <= end <= high for end in ends) or ends[0] > ends[-1]:
        raise _refusal(key, text, allowed)
    return value


def _size(text: str) -> tuple[int, int]:
    bounds = SETTING_BOUNDS["width_px"], SETTING_BOUNDS["height_px"]
    allowed = "width x height as 640x480, {:g}x{:g} to {:g}x{:g}".format(
        *(bound[end] for end in (0, 1) for bound in bounds)
    )
    width, _, height = text.lower().partition("x")
    try:
        size = int(width), int(height)
    except ValueError as error:
        raise _refusal("size", text, allowed) from error
    if not all(
        low <= value <= high for value, (low, high) in zip(size, bounds, strict=True)
    ):
        raise _refusal("size", text, allowed)
    return size


def _frame_limit(key: str, text: str, frames_each: float) -> int:
    try:
        count = round(float(text) * frames_each)
    except (ValueError, OverflowError) as error:
        raise _refusal(key, text, "a number above 0") from error
    if count < 1:
        raise _refusal(key, text, "a number above 0")
    return count


def _refusal(key: str, text: str, allowed: str) -> SourceFormatError:
    return SourceFormatError(
        f"option {key} of {SCHEME}:// is {text!r}", hint=f"It must be {allowed}."
    )
