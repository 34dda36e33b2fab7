"""Tests of app/conversion_frames.py."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from app.conversion_frames import SAMPLE_COUNT, save_prepared_frames
from engines.manifest import InputSpec

if TYPE_CHECKING:
    from pathlib import Path

SPEC = InputSpec(8, 6)


def _clip(folder: Path, count: int) -> str:
    for index in range(count):
        picture = np.full((6, 8), index, np.uint8)
        cv2.imwrite(str(folder / f"{index:04}.png"), picture)
    return str(folder)


def _levels(tensors: np.ndarray) -> set[float]:
    return {float(one.mean()) for one in tensors}


def test_frames_for_the_ranges_are_none_of_those_compared(tmp_path: Path) -> None:
    (tmp_path / "clip").mkdir()
    path = tmp_path / "frames.npz"

    count = save_prepared_frames(
        _clip(tmp_path / "clip", 200), SPEC, path, lambda: False
    )

    with np.load(path) as archive:
        compared, calibration = archive["tensors"], archive["calibration"]
    assert count == len(compared) == SAMPLE_COUNT
    assert len(calibration) == SAMPLE_COUNT
    assert not _levels(compared) & _levels(calibration)


def test_a_clip_of_one_input_serves_for_both(tmp_path: Path) -> None:
    (tmp_path / "clip").mkdir()
    path = tmp_path / "frames.npz"
    clip = _clip(tmp_path / "clip", SPEC.frame_count)

    count = save_prepared_frames(clip, SPEC, path, lambda: False)

    with np.load(path) as archive:
        assert count == len(archive["tensors"]) == len(archive["calibration"]) == 1
