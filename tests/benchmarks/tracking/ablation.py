"""The tracker without one of its parts each, to see what the part gives.

A part is taken out by patching functions and constants for as long as the tracker
runs; the product has no switches for it.
"""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any
from unittest import mock

import numpy as np

from app.tracking import birth, motion, sightings, streaks, tracker
from app.tracking.bounces import BounceMeter
from app.tracking.confidence import ConfidenceMeter
from app.tracking.noise import NoiseMeter
from app.tracking.returns import Returns
from app.tracking.settings import TrackerSettings
from app.tracking.shutter import ShutterMeter
from app.tracking.steadiness import SteadinessMeter
from app.tracking.tracker import Tracker
from tests.benchmarks.tracking.peregrine import Peregrine

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from tests.benchmarks.tracking.sequences import Detections, Film, Found

    Patches = list[tuple[Any, str, Any]]
    """What is replaced: its owner, its name, and what by."""

ONE_MODEL_ACCELERATION = 0.25
"""Of the only model of motion; 0.1 and 0.45 are worse on the tuning part."""


class Ablated(Peregrine):
    """The tracker with some of it replaced.

    Parameters
    ----------
    film : Film
    patches : list of (owner, name, value)
    settings : TrackerSettings, optional
    """

    def __init__(
        self,
        film: Film,
        patches: Patches,
        settings: TrackerSettings | None = None,
    ) -> None:
        super().__init__(film)
        self._patches = patches
        self._tracker = Tracker(settings)

    def update(self, seen: Detections, time_s: float) -> Found:
        with ExitStack() as stack:
            for owner, name, value in self._patches:
                stack.enter_context(mock.patch.object(owner, name, value))
            return super().update(seen, time_s)


_NO_LENGTHS = [(ShutterMeter, "update", lambda *_: None)]
_NO_BOUNCES = [(BounceMeter, "rate", 1e-9), (birth, "FIRST_RATE", 1e-9)]


def ablations() -> dict[str, Callable[[Film], Ablated]]:
    """By what they lack."""
    settings = TrackerSettings()
    patched: dict[str, Patches] = {
        "streaks": [
            *(
                (each, "streak_log_ratio", _no_ratio)
                for each in (tracker, birth, streaks)
            ),
            *_NO_LENGTHS,
        ],
        "lengths of streaks": _NO_LENGTHS,
        "sizes": [(sightings, "SIZE_COST", 0.0), (birth, "MAX_SIZE_LOG_RATIO", np.inf)],
        "bounces": _NO_BOUNCES,
        "several models of motion": [
            (
                motion,
                "ACCELERATION",
                np.full((motion.MODELS, 1), ONE_MODEL_ACCELERATION),
            ),
            (motion, "SWERVE", 0.0),
            *_NO_BOUNCES,
        ],
        "rejoining": [(tracker, "rejoin", _nobody)],
        "returns": [(Returns, "choose", _no_returns)],
        "meetings": [(tracker, "find_meetings", lambda *_: None)],
        "doubts": [(tracker, "rivals", lambda *_: None)],
        "learned noise": [(NoiseMeter, "update", lambda *_: None)],
        "learned bounces": [(BounceMeter, "update", lambda *_: None)],
        "learned steadiness": [(SteadinessMeter, "update", lambda *_: None)],
        "learned confidence": [(ConfidenceMeter, "update", lambda *_: None)],
        "one assignment of all": [(tracker, "assign", _nearest_first)],
    }
    changed = {
        "weak blobs": TrackerSettings(min_confidence=settings.birth_confidence),
        "going on unseen": TrackerSettings(lost_after_s=0.0),
    }
    return {
        **{
            f"Peregrine without {name}": partial(Ablated, patches=patches)
            for name, patches in patched.items()
        },
        **{
            f"Peregrine without {name}": partial(Ablated, patches=[], settings=other)
            for name, other in changed.items()
        },
    }


def _no_ratio(_seen: object, rows: NDArray[np.intp], _step_px: object) -> object:
    return np.zeros(len(rows))


def _nobody(*_: object) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    none = np.zeros(0, np.intp)
    return none, none


def _no_returns(
    _: Returns, steps: NDArray[np.float64], *__: object
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.bool_]]:
    return *_nobody(), np.zeros(len(steps), bool)


def _nearest_first(
    rows: NDArray[np.intp], columns: NDArray[np.intp], cost: NDArray[np.float64]
) -> NDArray[np.intp]:
    chosen: list[int] = []
    row_taken: set[int] = set()
    column_taken: set[int] = set()
    for each in np.argsort(cost, kind="stable").tolist():
        row, column = int(rows[each]), int(columns[each])
        if cost[each] < 0 and row not in row_taken and column not in column_taken:
            row_taken.add(row)
            column_taken.add(column)
            chosen.append(each)
    return np.sort(np.array(chosen, np.intp))
