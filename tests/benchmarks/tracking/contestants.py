"""Peregrine's tracker and its peers behind one face, and how peers are tuned."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import norfair
import numpy as np
import supervision
import trackers
from scipy.optimize import linear_sum_assignment
from trackers.utils.iou import DIoU, GIoU, IoU

from tests.benchmarks.tracking.peregrine import PeregrineFilled
from tests.benchmarks.tracking.sequences import Found

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.benchmarks.tracking.sequences import Detections, Film

    Settings = dict[str, Any]

PERFECT_BODIES = 1.2
"""A detection farther from an object, in its body lengths, is not of it."""
NOTHING = Found(np.zeros(0, np.int64), np.zeros((0, 4)))


class Contestant(Protocol):
    """Follows the objects of one film."""

    def update(self, seen: Detections, time_s: float) -> Found:
        """Take the next frame."""


class Perfect:
    """Knows which detection is which object: what no tracker can be better than.

    Detections of no object are left out, and what was not detected is not reported.

    Parameters
    ----------
    film : Film
    """

    def __init__(self, film: Film) -> None:
        self._truth = iter(film.truth)

    def update(self, seen: Detections, time_s: float) -> Found:
        del time_s
        truth = next(self._truth)
        apart = np.hypot(
            *(truth.box[:, None, :2] - seen.box[None, :, :2]).transpose(2, 0, 1)
        )
        apart /= np.sqrt(truth.box[:, 2] * truth.box[:, 3])[:, None]
        is_near = apart <= PERFECT_BODIES
        row, column = linear_sum_assignment(np.where(is_near, apart, 1e6))
        is_found = is_near[row, column]
        return Found(truth.id[row[is_found]], seen.box[column[is_found]])


class ByOverlap:
    """A tracker of Roboflow's `trackers`.

    Parameters
    ----------
    make : type
        Of the tracker.
    film : Film
    grow : float
        Boxes are made so many times as wide and high, for the tracker alone.
    settings
        Of the tracker.
    """

    def __init__(
        self, make: type, film: Film, grow: float = 1.0, **settings: Any
    ) -> None:
        if "iou" in settings:
            settings["iou"] = {"iou": IoU, "giou": GIoU, "diou": DIoU}[
                settings["iou"]
            ]()
        if make is trackers.BoTSORTTracker:
            settings["enable_cmc"] = False  # there are no pictures
        self._tracker = make(frame_rate=film.rate_hz, **settings)
        self._grow = grow

    def update(self, seen: Detections, time_s: float) -> Found:
        del time_s
        centre, half = seen.box[:, :2], seen.box[:, 2:] * (self._grow / 2)
        found = self._tracker.update(
            supervision.Detections(
                xyxy=np.concatenate([centre - half, centre + half], axis=1),
                confidence=seen.confidence,
                class_id=np.zeros(len(seen.box), int),
            )
        )
        ids = found.tracker_id
        if ids is None or not len(ids):
            return NOTHING
        is_known = ids >= 0
        low, high = found.xyxy[is_known, :2], found.xyxy[is_known, 2:]
        box = np.concatenate([(low + high) / 2, (high - low) / self._grow], axis=1)
        return Found(ids[is_known].astype(np.int64), box)


class Norfair:
    """Norfair on the centres, as its documentation has it for points.

    Parameters
    ----------
    film : Film
    reach_px : float
        Distance at which a detection is too far.
    reach_bodies : float
        The same in body lengths of the detections, added.
    r, q : float
        Noise of its filter.
    settings
        Of the tracker.
    """

    def __init__(
        self,
        film: Film,
        reach_px: float = 30.0,
        reach_bodies: float = 0.0,
        r: float = 4.0,
        q: float = 0.1,
        least_confidence: float = 0.0,
        **settings: Any,
    ) -> None:
        boxes = np.concatenate([each.box for each in film.detections[:50]])
        body_px = float(np.sqrt(np.median(boxes[:, 2] * boxes[:, 3])))
        self._least = least_confidence
        self._tracker = norfair.Tracker(
            distance_function="euclidean",
            distance_threshold=reach_px + reach_bodies * body_px,
            filter_factory=norfair.OptimizedKalmanFilterFactory(R=r, Q=q),
            **settings,
        )

    def update(self, seen: Detections, time_s: float) -> Found:
        del time_s
        tracked = self._tracker.update(
            [
                norfair.Detection(points=box[None, :2], data=box[2:])
                for box, confidence in zip(seen.box, seen.confidence, strict=True)
                if confidence >= self._least
            ]
        )
        if not tracked:
            return NOTHING
        return Found(
            np.array([each.id for each in tracked], np.int64),
            np.array(
                [[*each.estimate[0], *each.last_detection.data] for each in tracked]
            ),
        )


# Peers


@dataclass(frozen=True)
class Peer:
    """A tracker by others, and the ranges its settings are drawn from."""

    name: str
    make: Callable[..., Contestant]
    draw: Callable[[np.random.Generator], Settings]


def peers() -> list[Peer]:
    """Those of the comparison."""

    def overlap(make: type) -> Callable[..., Contestant]:
        return lambda film, **settings: ByOverlap(make, film, **settings)

    return [
        Peer("SORT", overlap(trackers.SORTTracker), _draw_sort),
        Peer("ByteTrack", overlap(trackers.ByteTrackTracker), _draw_byte_track),
        Peer("OC-SORT", overlap(trackers.OCSORTTracker), _draw_oc_sort),
        Peer("BoT-SORT", overlap(trackers.BoTSORTTracker), _draw_bot_sort),
        Peer("C-BIoU", overlap(trackers.CBIoUTracker), _draw_c_biou),
        Peer("norfair", Norfair, _draw_norfair),
    ]


def _log_uniform(random: np.random.Generator, low: float, high: float) -> float:
    return round(float(np.exp(random.uniform(np.log(low), np.log(high)))), 4)


def _uniform(random: np.random.Generator, low: float, high: float) -> float:
    return round(float(random.uniform(low, high)), 3)


def _whole(random: np.random.Generator, low: int, high: int) -> int:
    return int(random.integers(low, high + 1))


def _draw_common(random: np.random.Generator) -> Settings:
    return {
        "grow": _log_uniform(random, 1.0, 14.0),
        "lost_track_buffer": round(_log_uniform(random, 1, 60)),
        "minimum_consecutive_frames": _whole(random, 1, 4),
    }


def _draw_iou(random: np.random.Generator) -> str:
    return ("iou", "giou", "diou")[int(random.integers(3))]


def _draw_sort(random: np.random.Generator) -> Settings:
    return {
        **_draw_common(random),
        "minimum_iou_threshold": _log_uniform(random, 0.01, 0.5),
        "track_activation_threshold": _uniform(random, 0.1, 0.8),
        "iou": _draw_iou(random),
    }


def _draw_byte_track(random: np.random.Generator) -> Settings:
    return {
        **_draw_sort(random),
        "high_conf_det_threshold": _uniform(random, 0.3, 0.8),
    }


def _draw_oc_sort(random: np.random.Generator) -> Settings:
    settings = _draw_byte_track(random)
    del settings["track_activation_threshold"]
    return {
        **settings,
        "direction_consistency_weight": _uniform(random, 0.0, 0.5),
        "delta_t": _whole(random, 1, 3),
    }


def _draw_bot_sort(random: np.random.Generator) -> Settings:
    return {
        **_draw_common(random),
        "track_activation_threshold": _uniform(random, 0.1, 0.8),
        "high_conf_det_threshold": _uniform(random, 0.3, 0.8),
        "minimum_iou_threshold_first_assoc": _log_uniform(random, 0.01, 0.5),
        "minimum_iou_threshold_second_assoc": _log_uniform(random, 0.01, 0.5),
        "minimum_iou_threshold_unconfirmed_assoc": _log_uniform(random, 0.01, 0.5),
        "iou": _draw_iou(random),
    }


def _draw_c_biou(random: np.random.Generator) -> Settings:
    settings = _draw_bot_sort(random)
    del settings["iou"]
    return {
        **settings,
        "buffer_ratio_first": _uniform(random, 0.0, 0.7),
        "buffer_ratio_second": _uniform(random, 0.3, 1.5),
    }


def _draw_norfair(random: np.random.Generator) -> Settings:
    return {
        "reach_px": 0.0,
        "reach_bodies": _log_uniform(random, 0.7, 12.0),
        "hit_counter_max": round(_log_uniform(random, 1, 30)),
        # Norfair wants it below hit_counter_max.
        "initialization_delay": 0 if random.random() < 0.3 else None,
        "least_confidence": _uniform(random, 0.0, 0.6),
        "r": _log_uniform(random, 0.1, 10.0),
        "q": _log_uniform(random, 0.01, 10.0),
    }


@dataclass
class Run:
    """What became of one film."""

    found: list[Found]
    seconds: float
    crash: str = ""


def follow(make: Callable[[Film], Contestant], film: Film) -> Run:
    """Run a tracker over a film; one that crashes has found nothing at all."""
    run = Run([], 0.0)
    try:
        contestant = make(film)
        for number, seen in enumerate(film.detections):
            time_s = number / film.rate_hz
            # Of the processor, so that other programs count less.
            started = time.process_time()
            found = contestant.update(seen, time_s)
            run.seconds += time.process_time() - started
            run.found.append(found)
        if isinstance(contestant, PeregrineFilled):
            run.found = contestant.finish(run.found)
    except Exception as error:  # noqa: BLE001  whatever a foreign tracker raises
        run.crash = f"{type(error).__name__}: {error}"
        run.found = [NOTHING] * len(film.detections)
    return run
