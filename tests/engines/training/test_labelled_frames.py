import numpy as np

from engines.training.labelled_frames import (
    LabelledFrames,
    drawn_lessons,
    target_of,
)


def _frames(ellipses, has_later=True):
    planes = np.zeros((1, 5, 48, 64), np.uint8)
    planes[0] += np.arange(5, dtype=np.uint8)[:, None, None] * 10 + 100
    table = np.array(ellipses, np.float32).reshape(-1, 5)
    rows = np.zeros(len(table), np.int64)
    return LabelledFrames(planes, np.array([has_later]), rows, table)


def test_the_core_is_wanted_and_the_rim_counts_for_nothing():
    # given, when
    weight, doubt = target_of(np.array([[20.0, 12.0, 8.0, 4.0, 0.0]]), 24, 40)

    # then
    rows, columns = np.nonzero(weight)
    assert (rows.mean(), columns.mean()) == (12.0, 20.0)
    assert (columns.max(), rows.max()) == (25, 14)
    assert doubt[12, 26] == doubt[12, 29] == 1.0
    assert doubt[12, 30] == doubt[12, 20] == 0.0
    assert not (doubt * weight).any()


def test_what_is_smaller_than_a_pixel_is_one():
    # given, when
    weight, _ = target_of(np.array([[7.4, 3.4, 0.1, 0.1, 0.0]]), 10, 20)

    # then
    assert np.argwhere(weight).tolist() == [[3, 7]]


def test_an_ellipse_lies_along_its_angle():
    # given, when
    weight, _ = target_of(np.array([[20.0, 20.0, 12.0, 2.0, np.pi / 4]]), 40, 40)

    # then
    assert weight[25, 25] > 0
    assert weight[15, 25] == 0


def test_a_crop_holds_what_the_frame_shows():
    # given
    frames = _frames([[50.0, 40.0, 3.0, 3.0, 0.0]], has_later=False)

    # when
    pictures, weight, doubt = drawn_lessons(
        frames, np.random.default_rng(1), 40, 24, 32
    )

    # then
    assert pictures.shape == (40, 24, 32, 3)
    assert weight.shape == doubt.shape == (40, 24, 32, 1)
    assert (weight.any(axis=(1, 2, 3)).sum()) >= 25
    # Oldest first: brighter from frame to frame, whatever the light.
    assert (np.diff(pictures[:, 0, 0], axis=1) > 0).all()


def test_a_clip_is_played_backwards_too():
    # given, when
    pictures, _, _ = drawn_lessons(_frames([]), np.random.default_rng(1), 40, 24, 32)

    # then
    directions = {float(np.sign(one[0, 0, 1] - one[0, 0, 0])) for one in pictures}
    assert directions == {-1.0, 1.0}


def test_the_seed_decides_the_lessons():
    # given
    frames = _frames([[50.0, 40.0, 3.0, 3.0, 0.0]])

    # when
    one, again = (
        drawn_lessons(frames, np.random.default_rng(3), 4, 24, 32) for _ in range(2)
    )

    # then
    for first, second in zip(one, again):
        np.testing.assert_array_equal(first, second)


def test_frames_survive_their_file(tmp_path):
    # given
    frames = _frames([[50.0, 40.0, 3.0, 3.0, 0.0]])

    # when
    frames.save(tmp_path / "frames.npz")

    # then
    read = LabelledFrames.load(tmp_path / "frames.npz")
    for one, other in zip(frames, read):
        np.testing.assert_array_equal(one, other)
