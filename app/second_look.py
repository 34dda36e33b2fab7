"""A second look at full resolution, so that small objects survive the resize.

Four crops of half of the network's width and height make up one more picture of the
size that the network takes, whatever engine runs it and however it was built.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from app.look_merge import LookedAt
from app.look_plan import PLACES, Found, LookPlan
from engines.manifest import Fit
from engines.postprocessing import probability_from_output

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from app.frames import Frame, FrameResult
    from app.look_plan import Place
    from engines.base import Engine
    from engines.preprocessing import Preprocessor

MOST_PICTURES = 4
_WORTH_SCALE = 1.5
"""Frame pixels per pixel of the network from which on there is more to see."""
_SMALL_NETWORK_PX = 8.0
"""What is larger in the whole view is seen well there."""
_PATIENCE_S = 0.1
_BUSY_RATIO = 0.85
"""Of the time from frame to frame; the rest is for what comes unevenly."""
_EASE = 0.1
"""Weight of the newest duration in a mean."""


@dataclass(frozen=True, slots=True)
class LookStatus:
    """How the second look fares."""

    pictures: int = 0
    """Inferences a frame that were asked for; 0 is off."""
    crops: float = 0.0
    """Per frame, a mean over the last ones. Fewer than asked where time is short, and
    none where the network sees each pixel of the frame already."""
    look_ms: float = 0.0
    """Time of them per frame, a mean as well."""


def second_look_text(status: LookStatus) -> str:
    """What a second look costs, for a person."""
    asked = status.pictures * PLACES
    return (
        f"second look: {status.crops:.1f} of {asked} crops a frame,"
        f" {status.look_ms:.2f} ms"
    )


def second_look_figures(status: LookStatus) -> dict[str, float]:
    """The same as one JSON object."""
    return {
        "asked": status.pictures,
        "crops_per_frame": round(status.crops, 2),
        "ms_per_frame": round(status.look_ms, 3),
    }


class LookBudget:
    """How many pictures fit into the time that the whole view leaves.

    Time that one frame leaves over is saved for the next, up to what one frame may
    take at most: where there is time for half a picture, every other frame has one.

    Parameters
    ----------
    period_ms : float
        From frame to frame; 0 allows everything.
    """

    def __init__(self, period_ms: float) -> None:
        self._period_ms = period_ms
        self._saved_ms = 0.0
        self._picture_ms = 0.0

    def pictures(self, most: int, whole_ms: float) -> int:
        """How many there is time for.

        Parameters
        ----------
        most : int
            As asked for.
        whole_ms : float
            What the whole view of this frame took.
        """
        if not self._period_ms or not most:
            return most
        # The first costs what the whole view does: nothing else is known yet.
        picture_ms = self._picture_ms or whole_ms
        saved_ms = self._saved_ms + _BUSY_RATIO * self._period_ms - whole_ms
        saved_ms = min(max(saved_ms, 0.0), most * picture_ms)
        count = min(int(saved_ms / picture_ms + 1e-6), most) if picture_ms else most
        self._saved_ms = saved_ms - count * picture_ms
        return count

    def note(self, pictures: int, spent_ms: float) -> None:
        """Learn from what some pictures took."""
        one_ms = spent_ms / pictures
        before_ms = self._picture_ms or one_ms
        self._picture_ms = before_ms + _EASE * (one_ms - before_ms)


class SecondLook:
    """Looks again at parts of the frame that was just inferred.

    Made and asked by the pipeline's owner, told by its tracking thread what was found,
    used by its inference thread.

    Parameters
    ----------
    waits_for_tracks : bool
        Whether each frame is looked at by the tracks of the frame before, so that the
        same frames always give the same crops. False takes the newest that there are.
    """

    def __init__(self, *, waits_for_tracks: bool) -> None:
        self.pictures = 0
        """Inferences a frame at most; 0 is off."""
        self._waits_for_tracks = waits_for_tracks
        self._news = threading.Condition()
        self._found: Found | None = None
        self._asked = self._tracked = 0
        self._is_closed = False
        self._budget = LookBudget(0.0)
        self._plan: LookPlan | None = None
        self._planned_for: object = None
        self._canvases: list[NDArray[np.uint8]] = []
        self._crops = self._look_ms = 0.0

    def status(self) -> LookStatus:
        """One snapshot; any thread may ask."""
        if not self.pictures:
            return LookStatus()
        return LookStatus(self.pictures, self._crops, self._look_ms)

    def keep_to(self, frame_rate_hz: float) -> None:
        """Leave out what would make frames of this rate late; 0 leaves nothing out."""
        self._budget = LookBudget(1e3 / frame_rate_hz if frame_rate_hz > 0 else 0.0)

    # --- tracking thread

    def note(self, result: FrameResult) -> None:
        """Take what was found in one frame more."""
        with self._news:
            self._tracked += 1
            self._found = Found(result.tracks, result.blobs, result.frame.time_s)
            self._news.notify_all()

    def close(self) -> None:
        """Nothing will be found any more: nobody waits for it."""
        with self._news:
            self._is_closed = True
            self._news.notify_all()

    # --- inference thread

    def expect_tracks(self) -> None:
        """Note that one more frame goes to the tracker."""
        self._asked += 1

    def look(
        self,
        engine: Engine,
        preprocessor: Preprocessor,
        stack: Sequence[Frame],
        whole_ms: float,
    ) -> tuple[LookedAt, ...]:
        """Infer crops of the newest frame of a stack.

        Parameters
        ----------
        engine : Engine
        preprocessor : Preprocessor
            Of frames of this size for this engine.
        stack : sequence of Frame
            Of one size, oldest first, not more than the network takes.
        whole_ms : float
            What the whole view took.

        Raises
        ------
        InferenceError
            If the engine fails.
        """
        started = time.perf_counter()
        plan = self._plan_for(preprocessor) if self.pictures else None
        count = self._budget.pictures(self.pictures, whole_ms) if plan else 0
        if plan is None or not count:
            self._average(0, 0.0)
            return ()
        places = plan.places(count, self._newest(), stack[-1].time_s)
        looked = tuple(
            self._infer(engine, preprocessor, stack, tuple(places[at : at + PLACES]))
            for at in range(0, len(places), PLACES)
        )
        spent_ms = (time.perf_counter() - started) * 1e3
        self._budget.note(count, spent_ms)
        self._average(len(places), spent_ms)
        return looked

    def _average(self, crops: int, spent_ms: float) -> None:
        self._crops += _EASE * (crops - self._crops)
        self._look_ms += _EASE * (spent_ms - self._look_ms)

    def _newest(self) -> Found | None:
        """What was found last, in the frame before where that is to be waited for."""
        with self._news:
            while (
                self._waits_for_tracks
                and self._tracked < self._asked
                and not self._is_closed
            ):
                self._news.wait(_PATIENCE_S)
            return self._found

    def _plan_for(self, preprocessor: Preprocessor) -> LookPlan | None:
        if self._planned_for is not preprocessor:
            self._planned_for = preprocessor
            self._plan = _plan_of(preprocessor)
            self._canvases = []
        return self._plan

    def _infer(
        self,
        engine: Engine,
        preprocessor: Preprocessor,
        stack: Sequence[Frame],
        places: tuple[Place, ...],
    ) -> LookedAt:
        spec = preprocessor.spec
        crop_px = crop_size_px(preprocessor)
        picture = LookedAt(
            np.zeros((spec.height_px, spec.width_px), np.float32),
            places,
            crop_px,
            preprocessor.frame_px,
        )
        planes = [
            self._plane(preprocessor, frame, picture, number)
            for number, frame in enumerate(stack)
        ]
        missing = spec.frame_count - len(planes)
        tensor = preprocessor.tensor([planes[0]] * missing + planes)
        output = engine.infer(tensor)
        probability = probability_from_output(output, engine.spec.model.output)
        width, height = crop_px
        for index in range(len(places)):
            left, top = picture.corner(index)
            # A blank line after each, or objects of neighbours would become one.
            inside = slice(top, top + height - 1), slice(left, left + width - 1)
            picture.probability[inside] = probability[inside]
        return picture

    def _plane(
        self,
        preprocessor: Preprocessor,
        frame: Frame,
        picture: LookedAt,
        number: int,
    ) -> NDArray[np.uint8]:
        """Put the crops of one frame side by side, in memory that is used again."""
        width, height = picture.crop_px
        spec = preprocessor.spec
        for index, place in enumerate(picture.places):
            part = preprocessor.in_colour(
                frame.image[
                    place.top_px : place.top_px + height,
                    place.left_px : place.left_px + width,
                ]
            )
            if number == len(self._canvases):
                shape = (spec.height_px, spec.width_px, *part.shape[2:])
                self._canvases.append(np.zeros(shape, np.uint8))
            left, top = picture.corner(index)
            self._canvases[number][top : top + height, left : left + width] = part
        return self._canvases[number]


def crop_size_px(preprocessor: Preprocessor) -> tuple[int, int]:
    """Width and height of the crops: four fill a picture."""
    return preprocessor.spec.width_px // 2, preprocessor.spec.height_px // 2


def small_px(preprocessor: Preprocessor) -> float:
    """Size in the frame up to which the second look shows an object better."""
    pixel_map = preprocessor.pixel_map
    scale = max(pixel_map.scale_x, pixel_map.scale_y)
    return min(_SMALL_NETWORK_PX * scale, min(crop_size_px(preprocessor)) / 3)


def _plan_of(preprocessor: Preprocessor) -> LookPlan | None:
    """None where there is nothing more to see."""
    pixel_map, crop_px = preprocessor.pixel_map, crop_size_px(preprocessor)
    frame_px = preprocessor.frame_px
    is_worth_it = (
        preprocessor.spec.fit is Fit.STRETCH
        and max(pixel_map.scale_x, pixel_map.scale_y) >= _WORTH_SCALE
        and 2 < crop_px[0] <= frame_px[0]
        and 2 < crop_px[1] <= frame_px[1]
    )
    return LookPlan(frame_px, crop_px, small_px(preprocessor)) if is_worth_it else None
