"""Tests of app/conversion_frames.py."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from app import conversion_frames
from app.conversion_frames import (
    SAMPLE_COUNT,
    save_frames_apart,
    save_prepared_frames,
)
from app.errors import SourceError, SourceFormatError, SourceNotFoundError
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


def test_a_process_of_their_own_makes_the_same_frames(tmp_path: Path) -> None:
    (tmp_path / "clip").mkdir()
    clip = _clip(tmp_path / "clip", 20)

    save_prepared_frames(clip, SPEC, tmp_path / "here.npz", lambda: False)
    save_frames_apart(clip, SPEC, tmp_path / "apart.npz", lambda: False)

    with np.load(tmp_path / "here.npz") as here, np.load(tmp_path / "apart.npz") as far:
        assert set(here) == set(far)
        assert all(np.array_equal(here[name], far[name]) for name in here)


@pytest.mark.parametrize(
    ("count", "kind"), [(0, SourceNotFoundError), (2, SourceFormatError)]
)
def test_what_is_wrong_there_is_told_here(
    tmp_path: Path, count: int, kind: type[SourceError]
) -> None:
    (tmp_path / "clip").mkdir()
    clip = _clip(tmp_path / "clip", count) if count else str(tmp_path / "none.mp4")

    spec = SPEC._replace(frame_count=3)
    with pytest.raises(kind) as caught:
        save_frames_apart(clip, spec, tmp_path / "frames.npz", lambda: False)

    assert caught.value.hint


def test_cancelled_it_ends_without_a_word(tmp_path: Path) -> None:
    (tmp_path / "clip").mkdir()
    clip = _clip(tmp_path / "clip", 20)

    save_frames_apart(clip, SPEC, tmp_path / "frames.npz", lambda: True)

    assert not (tmp_path / "frames.npz").exists()


def test_a_process_that_dies_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversion_frames.sys, "executable", "/bin/false")

    with pytest.raises(SourceError, match="status 1"):
        save_frames_apart("clip.mp4", SPEC, tmp_path / "frames.npz", lambda: False)
