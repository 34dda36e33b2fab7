from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from app.finetune.samples import clip_samples, lessons_of, split
from app.labels import Label, LabelsError
from engines.manifest import InputSpec

if TYPE_CHECKING:
    from pathlib import Path

SPEC = InputSpec(width_px=32, height_px=24, frame_count=3)


@pytest.fixture
def clip(tmp_path: Path) -> str:
    """Ten frames of 64 x 48; the grey level tells the frame's place."""
    for number in range(10):
        picture = np.full((48, 64), 10 * number, np.uint8)
        cv2.imwrite(str(tmp_path / f"{number:02}.png"), picture)
    return str(tmp_path)


def test_the_last_frames_are_held_back_and_share_no_picture() -> None:
    # given, when
    learned, held_back = split(range(20), 0.4)

    # then
    assert learned == list(range(12))
    assert held_back == [16, 17, 18, 19]


def test_a_frame_comes_with_its_neighbours(clip: str) -> None:
    # given
    labels = {3: [Label(32, 24, 8, 4)], 9: []}

    # when
    samples = clip_samples(clip, labels, SPEC, 0.5)

    # then
    (learned,), (held_back,) = samples.learned, samples.held_back
    assert learned.planes[:, 0, 0].tolist() == [10, 20, 30, 40, 50]
    assert held_back.planes[:, 0, 0].tolist() == [70, 80, 90, 90, 90]
    assert (learned.has_later, held_back.has_later) == (True, False)


def test_the_first_two_frames_cannot_be_judged(clip: str) -> None:
    # given, when
    samples = clip_samples(clip, {0: [], 1: [], 2: []}, SPEC, 0.01)

    # then
    assert [one.planes[2, 0, 0] for one in samples.learned] == [20]


def test_labels_of_frames_that_are_not_there_are_refused(clip: str) -> None:
    # given, when, then
    with pytest.raises(
        LabelsError, match="has 10 frames, and its labels name frame 12"
    ):
        clip_samples(clip, {3: [], 12: []}, SPEC, 0.3)


def test_ellipses_are_in_pixels_of_the_network(clip: str) -> None:
    # given
    upright = Label(31.5, 23.5, 12, 4, np.pi / 2)
    samples = clip_samples(clip, {3: [], 4: [upright], 9: []}, SPEC, 0.3)

    # when
    lessons = lessons_of([samples])

    # then
    assert lessons.planes.shape == (2, 5, 24, 32)
    assert lessons.frame.tolist() == [1]
    np.testing.assert_allclose(
        lessons.ellipse, [(15.5, 11.5, 3.0, 1.0, np.pi / 2)], atol=1e-6
    )
