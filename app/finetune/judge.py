"""How well a model finds what is labelled in frames that were held back."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import numpy as np

from app.detection_score import Tally
from app.segmentation import Thresholds, segment
from engines.base import EngineKind
from engines.catalogue import open_engine
from engines.manifest import load_manifest
from engines.postprocessing import probability_from_output
from engines.preprocessing import Preprocessor
from engines.training.evaluate import engine_predict, judge_plain

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from app.finetune.samples import ClipSamples

SCENES = 12
"""Rendered scenes that show whether something was forgotten, two views of each."""


def judge_model(folder: Path, clips: Sequence[ClipSamples]) -> dict[str, Any]:
    """Judge a model on the frames that were held back, and on rendered scenes.

    Returns
    -------
    dict
        `clips`: of each clip a row of `f1`, `precision`, `recall`, `error_px` (None
        where nothing was hit), `hits`, `misses`, `false`; `all`: the same of all of
        them together; `scenes_f1`: on scenes of the synthetic source.
    """
    manifest = load_manifest(folder)
    thresholds = Thresholds(manifest.threshold_low, manifest.threshold_high)
    rows, whole = [], Tally()
    with closing(open_engine(EngineKind.OPENVINO, manifest)) as engine:
        for clip in clips:
            tally = Tally()
            tensors = Preprocessor(manifest.input, 1, 1)
            for sample in clip.held_back:
                planes = list(sample.planes[: manifest.input.frame_count])
                output = engine.infer(tensors.tensor(planes))
                found = probability_from_output(output, manifest.output)
                blobs = segment(found, thresholds, clip.pixel_map).blobs
                centres = np.stack([blobs.x_px, blobs.y_px], axis=1).astype(np.float64)
                tally.add(centres, [label.as_object() for label in sample.labels])
            rows.append({"clip": clip.name, **_row(tally)})
            whole.merge(tally)
        size = (manifest.input.width_px, manifest.input.height_px)
        scenes = judge_plain(engine_predict(engine), size, SCENES, thresholds)
    return {"clips": rows, "all": _row(whole), "scenes_f1": round(scenes.f1, 4)}


def _row(tally: Tally) -> dict[str, Any]:
    error_px = tally.error_px
    return {
        "f1": round(tally.f1, 4),
        "precision": round(tally.precision, 4),
        "recall": round(tally.recall, 4),
        "error_px": None if np.isnan(error_px) else round(error_px, 2),
        "hits": tally.hits,
        "misses": tally.misses,
        "false": tally.false,
    }
