"""Training further: a network learns a user's clips, and does not forget the rest.

    python -m engines.training.further --model MODEL --frames NPZ --folder FOLDER

A process of its own that speaks JSON on stdout, one object a line, each with its
`event`:

    started    network, steps, done: steps of an earlier try that count
    rehearsal  done, count: clips rendered, so that nothing is forgotten
    training   done, count, loss
    exporting
    finished   parameters, gflop, differences
    stopped    done: asked to end (SIGTERM); the same command goes on from there
    failed     error: type, message, hint

Exit status 0 after `finished` and `stopped`, 1 after `failed`. FOLDER keeps
`checkpoint.npz` until its caller deletes it; the model's files appear in it when all
of them are written and compute the same.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import re
import signal
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from engines.convert.event_stream import EventStream
from engines.errors import EngineError
from engines.manifest import load_manifest
from engines.training.labelled_frames import LabelledFrames, drawn_lessons

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from engines.training.labelled_frames import Lessons

CHECKPOINT = "checkpoint.npz"
REHEARSAL = "rehearsal.npz"
BATCH_SIZE = 16
"""Crops of a step; every other one is of a rendered clip."""
PEAK_RATE = 1e-3
WEIGHT_DECAY = 1e-3
_CROP = (120, 160)
_STEPS_PER_ROUND = 20
_REHEARSED = 64
"""Rendered clips that are gone through again and again."""
_RENDERED_AT_ONCE = 8
_SCENE_RATIO = 0.3
_OPTIMISER = "optimiser/"
_WEIGHTS = "weights/"


class Training:
    """One training, step by step.

    Parameters
    ----------
    options : Namespace
        Of the command line.
    emit : callable
        Tells an event.
    is_stopping : callable
        Asked between steps.
    """

    def __init__(
        self,
        options: argparse.Namespace,
        emit: Callable[..., None],
        is_stopping: Callable[[], bool],
    ) -> None:
        from engines.training.start_weights import weights_of_model

        self._options = options
        self._emit = emit
        self._is_stopping = is_stopping
        self._manifest = load_manifest(options.model)
        shape, self._weights = weights_of_model(self._manifest)
        spec = self._manifest.input
        self._settings = dataclasses.replace(
            shape,
            # Names of tensors are made of it.
            name=re.sub(r"[^A-Za-z0-9_.-]", "-", options.folder.name) or shape.name,
            width_px=spec.width_px,
            height_px=spec.height_px,
        )
        self._frames = LabelledFrames.load(options.frames)
        _, _, height_px, width_px = self._frames.planes.shape
        self._crop = min(_CROP[0], height_px), min(_CROP[1], width_px)

    def run(self) -> dict[str, Any] | None:
        """Train and write the model; None if it was asked to end before."""
        from engines.training.further_lesson import Lesson
        from engines.training.networks import build_network, set_weights

        steps = self._options.steps
        network = build_network(self._settings, *self._crop)
        set_weights(network, self._weights)
        lesson = Lesson(network, WEIGHT_DECAY)
        done = self._resume(lesson)
        self._emit("started", network=self._settings.name, steps=steps, done=done)
        rehearsal = self._rehearsal() if done < steps else None
        while done < steps:
            if rehearsal is None or self._is_stopping():
                self._save(lesson, done)
                self._emit("stopped", done=done)
                return None
            rng = np.random.default_rng([self._options.seed, done])
            losses = []
            for step in range(done, min(steps, done + _STEPS_PER_ROUND)):
                rate = rate_of(step, steps)
                losses.append(lesson.learn(self._batch(rng, rehearsal), rate))
            done += len(losses)
            self._save(lesson, done)
            self._emit("training", done=done, count=steps, loss=float(np.mean(losses)))
        self._emit("exporting")
        return self._export(lesson.weights())

    def _batch(self, rng: np.random.Generator, rehearsal: Lessons) -> Lessons:
        own = drawn_lessons(self._frames, rng, BATCH_SIZE // 2, *self._crop)
        rows = rng.integers(0, len(rehearsal[0]), BATCH_SIZE - BATCH_SIZE // 2)
        frames, weight, doubt = (
            np.concatenate([one, other[rows]])
            for one, other in zip(own, rehearsal, strict=True)
        )
        frames /= np.float32(255.0)
        return frames, weight, doubt

    def _rehearsal(self) -> Lessons | None:
        """Rendered clips with what is wanted in them; None if asked to end."""
        from engines.training.rehearsal import rendered_clips

        path = self._options.folder / REHEARSAL
        if path.exists():
            with np.load(path) as archive:
                return archive["frames"], archive["weight"], archive["doubt"]
        parts = []
        for number in range(0, _REHEARSED, _RENDERED_AT_ONCE):
            if self._is_stopping():
                return None
            clips = rendered_clips(
                self._options.seed, number, _RENDERED_AT_ONCE, self._crop, _SCENE_RATIO
            )
            parts.append(clips)
            done = number + _RENDERED_AT_ONCE
            self._emit("rehearsal", done=done, count=_REHEARSED)
        frames, weight, doubt = (
            np.concatenate(each) for each in zip(*parts, strict=True)
        )
        np.savez(path, frames=frames, weight=weight, doubt=doubt)
        return frames, weight, doubt

    def _save(self, lesson: Any, done: int) -> None:  # noqa: ANN401
        from engines.training.networks import save_weights

        state: dict[str, NDArray[Any]] = {"done": np.asarray(done)}
        state |= {f"{_WEIGHTS}{k}": value for k, value in lesson.weights().items()}
        for number, value in enumerate(lesson.optimiser_state()):
            state[f"{_OPTIMISER}{number}"] = value
        save_weights(self._options.folder / CHECKPOINT, state)

    def _resume(self, lesson: Any) -> int:  # noqa: ANN401
        from engines.training.networks import load_weights

        path = self._options.folder / CHECKPOINT
        if not path.exists():
            return 0
        state: dict[str, NDArray[Any]] = load_weights(path)
        weights = {
            name[len(_WEIGHTS) :]: value
            for name, value in state.items()
            if name.startswith(_WEIGHTS)
        }
        count = sum(name.startswith(_OPTIMISER) for name in state)
        lesson.restore(weights, [state[f"{_OPTIMISER}{n}"] for n in range(count)])
        return int(state["done"])

    def _export(self, weights: dict[str, NDArray[np.float32]]) -> dict[str, Any]:
        from engines.training.export import export
        from engines.training.networks import build_network, multiply_accumulates

        manifest, network = self._manifest, build_network(self._settings)
        notes = (
            f"{manifest.name}, trained further on {len(self._frames.planes)} labelled"
            f" frames by 'main.py finetune' ({self._options.steps} steps)."
        )
        thresholds = manifest.threshold_low, manifest.threshold_high
        folder = self._options.folder
        differences = export(self._settings, weights, folder, thresholds, notes)
        return {
            "parameters": int(network.count_params()),
            "gflop": round(2e-9 * multiply_accumulates(network), 4),
            "differences": differences,
        }


def rate_of(step: int, steps: int) -> float:
    """Learning rate of a step: it rises for a tenth of them, and falls to nothing."""
    warm_up = max(1, steps // 10)
    if step < warm_up:
        return PEAK_RATE * (step + 1) / warm_up
    passed = (step - warm_up) / max(1, steps - warm_up)
    return float(PEAK_RATE * 0.5 * (1.0 + np.cos(np.pi * passed)))


def main() -> int:
    """Run the command line; gives the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m engines.training.further",
        description="Train a network further; events as JSON lines on stdout.",
    )
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--frames", type=Path, required=True, metavar="NPZ")
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    stopping: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: stopping.append(number))
    events = EventStream()
    os.environ["KERAS_BACKEND"] = "tensorflow"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        made = Training(options, events.emit, lambda: bool(stopping)).run()
    except EngineError as error:
        events.emit("failed", error=_document(error))
        return 1
    except Exception as error:  # noqa: BLE001  the last frame of this process
        traceback.print_exc()
        hint = "This is a fault of the training: please report it with its output."
        unexpected = EngineError(f"{type(error).__name__}: {error}", hint)
        events.emit("failed", error=_document(unexpected))
        return 1
    if made is not None:
        events.emit("finished", **made)
    return 0


def _document(error: EngineError) -> dict[str, str]:
    return {"type": type(error).__name__, "message": error.message, "hint": error.hint}


if __name__ == "__main__":
    sys.exit(main())
