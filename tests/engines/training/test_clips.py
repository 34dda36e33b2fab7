import cv2
import numpy as np
import pytest

from engines.scene import Scene, SceneSettings
from engines.training.clips import (
    IGNORED,
    ClipSettings,
    Look,
    clips_of_scene,
    make_clips,
    split_by_visibility,
    target_of,
    views,
)
from engines.training.disturbances import degrade, pass_before

SMALL = ClipSettings(count=6, width_px=64, height_px=48, clips_per_scene=3, seed=4)


def _clear_scene(look: Look) -> SceneSettings:
    width_px, height_px = look.scene_size
    return SceneSettings(
        width_px=width_px,
        height_px=height_px,
        object_count=3,
        contrast=(90.0, 100.0),
        size_px=(12.0, 14.0),
        noise_sigma=1.0,
        clutter=0,
        seed=3,
    )


def test_the_same_seed_makes_the_same_clips():
    # given, when
    first = clips_of_scene(SMALL, 1)
    again = clips_of_scene(SMALL, 1)

    # then
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a.frames, b.frames)
        np.testing.assert_array_equal(a.target, b.target)


def test_another_scene_makes_other_clips():
    # given, when
    first, other = clips_of_scene(SMALL, 1)[0], clips_of_scene(SMALL, 2)[0]

    # then
    assert (first.frames != other.frames).any()


def test_the_number_of_processes_does_not_change_the_clips(tmp_path):
    # given
    path = tmp_path / "clips.npy"

    # when
    make_clips(SMALL, path, processes=2)

    # then
    made = np.load(path)
    wanted = [clip for number in (0, 1) for clip in clips_of_scene(SMALL, number)]
    assert made.shape == (6, 48, 64, 4)
    np.testing.assert_array_equal(made, [np.dstack(clip) for clip in wanted])


def test_a_mask_marks_what_differs_from_the_empty_scene_in_the_last_frame():
    # given
    look = Look(64, 48, shrink=2)
    settings = _clear_scene(look)
    empty = Scene(settings._replace(object_count=0))

    # when
    view = next(views(settings, look, 1))

    # then
    size = (look.width_px, look.height_px)
    background = cv2.resize(empty.render(7), size, interpolation=cv2.INTER_AREA)
    differs = cv2.absdiff(view.frames[:, :, 2], background) > 10
    assert view.visible.sum() > 20
    assert differs[view.visible].mean() > 0.95
    assert not differs[
        ~cv2.dilate(view.visible.astype(np.uint8), None).astype(bool)
    ].any()


def test_a_panning_view_sees_the_background_move():
    # given
    look = Look(64, 48, shrink=1, margin_px=8, pan_px=(3.0, 0.0))
    settings = _clear_scene(look)._replace(object_count=0, noise_sigma=0.0)

    # when
    view = next(views(settings, look, 1))

    # then
    np.testing.assert_array_equal(view.frames[:, 3:, 1], view.frames[:, :-3, 2])


@pytest.mark.parametrize(
    ("grey", "visible", "doubtful"), [(60, 16, 0), (7, 0, 16), (3, 0, 0)]
)
def test_an_object_is_clear_doubtful_or_absent_by_its_strength(grey, visible, doubtful):
    # given
    mask = np.zeros((20, 20), np.bool_)
    mask[4:8, 4:8] = True
    signal = mask.astype(np.uint8) * np.uint8(grey)
    unrest = np.ones((20, 20), np.uint8)

    # when
    seen, faint = split_by_visibility(mask, signal, unrest)

    # then
    assert (seen.sum(), faint.sum()) == (visible, doubtful)


def test_an_object_that_drowns_in_noise_is_not_asked_for():
    # given
    mask = np.zeros((20, 20), np.bool_)
    mask[4:6, 4:6] = True
    signal = mask.astype(np.uint8) * np.uint8(20)
    unrest = np.full((20, 20), 30, np.uint8)

    # when
    seen, faint = split_by_visibility(mask, signal, unrest)

    # then
    assert not (seen | faint).any()


def test_a_pixel_of_a_small_object_weighs_more_than_one_of_a_large():
    # given
    visible = np.zeros((40, 40), np.bool_)
    visible[2:4, 2:4] = True
    visible[10:30, 10:30] = True
    doubtful = np.zeros_like(visible)
    doubtful[36, 36] = True

    # when
    target = target_of(visible, doubtful)

    # then
    assert target[2, 2] > target[20, 20] > target[36, 36] == IGNORED > target[0, 0]


def test_what_passes_before_the_scene_hides_what_it_covers():
    # given
    rng = np.random.default_rng(2)
    frames = np.full((48, 64, 3), 100, np.uint8)

    # when
    cover = pass_before(frames, rng)

    # then
    assert cover.any()
    np.testing.assert_array_equal(frames[:4, :4][~cover[:4, :4]], 100)


def test_degraded_frames_stay_similar():
    # given
    clear = clips_of_scene(SMALL, 0)[0].frames

    # when
    worst = 0.0
    for seed in range(30):
        frames = clear.copy()
        degrade(frames, np.random.default_rng(seed))
        worst = max(worst, float(np.abs(frames.astype(float) - clear).mean()))

    # then
    assert 0.0 < worst < 40.0
