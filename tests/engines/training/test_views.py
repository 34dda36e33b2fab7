import cv2
import numpy as np
import pytest

from engines.scene import Scene, SceneSettings
from engines.training.views import Look, split_by_visibility, views


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
