from typing import TYPE_CHECKING, List, Set

import numpy as np
import pytest

pytest.importorskip("cv2", reason="the scene is drawn with OpenCV")

from engines.scene import (
    SETTING_BOUNDS,
    Motion,
    Scene,
    SceneSettings,
    random_settings,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

SMALL = SceneSettings(width_px=160, height_px=120, seed=3)
BARE = SMALL._replace(
    noise_sigma=0.0, clutter=0, background=(100.0, 100.0), contrast=(90.0, 90.0)
)
SINGLE_MOTIONS = [motion for motion in Motion if motion is not Motion.MIXED]


def _light(image: "NDArray[np.uint8]", background: int) -> "NDArray[np.float64]":
    return np.abs(image.astype(np.float64) - background)


def _centroid(light: "NDArray[np.float64]") -> "NDArray[np.float64]":
    rows, columns = np.indices(light.shape)
    moments = [float((light * columns).sum()), float((light * rows).sum())]
    return np.array(moments) / float(light.sum())


def test_a_frame_is_the_same_whichever_frames_came_before() -> None:
    in_order = Scene(SMALL)
    frames = [in_order.render(index) for index in range(40)]

    backwards = Scene(SMALL)
    again = [backwards.render(index) for index in range(39, -1, -1)][::-1]

    assert all(np.array_equal(one, other) for one, other in zip(frames, again))


def test_another_seed_is_another_scene() -> None:
    one, other = Scene(SMALL), Scene(SMALL._replace(seed=4))

    assert not np.array_equal(one.render(5), other.render(5))


def test_a_frame_is_grey_of_the_size_asked_for_and_read_only() -> None:
    image = Scene(SMALL).render(0)

    assert image.shape == (120, 160)
    assert image.dtype == np.uint8
    assert not image.flags.writeable


@pytest.mark.parametrize("motion", SINGLE_MOTIONS)
def test_truth_is_where_the_light_is(motion: Motion) -> None:
    worst_px, measured = 0.0, 0
    for seed in range(6):
        # Objects that leave no room for rounding of faint streaks to whole greys.
        settings = BARE._replace(
            object_count=1, motion=motion, seed=seed, speed_px_s=(300.0, 1500.0)
        )
        scene = Scene(settings)
        for index in range(0, 90, 3):
            truth = scene.truth(index)
            if len(truth.id) != 1 or truth.visible_ratio[0] < 0.9999:
                continue
            centroid = _centroid(_light(scene.render(index), 100))
            error = centroid - (truth.x_px[0], truth.y_px[0])
            worst_px = max(worst_px, float(np.hypot(*error)))
            measured += 1

    assert measured > 20
    assert worst_px < 0.1


def test_velocity_is_what_positions_change_by() -> None:
    scene = Scene(SMALL._replace(motion=Motion.LINEAR, object_count=12))
    before, after = scene.truth(10), scene.truth(11)

    _, rows, next_rows = np.intersect1d(before.id, after.id, return_indices=True)

    assert len(rows) > 2
    moved = (after.x_px[next_rows] - before.x_px[rows]) * SMALL.frame_rate_hz
    np.testing.assert_allclose(moved, before.vx_px_s[rows], atol=0.5)


def test_a_streak_is_as_long_as_the_way_travelled_and_the_body() -> None:
    settings = BARE._replace(
        width_px=320,
        object_count=1,
        motion=Motion.LINEAR,
        speed_px_s=(4000.0, 4000.0),
        size_px=(8.0, 8.0),
        exposure_ratio=0.8,
    )
    scene = Scene(settings)
    index = next(i for i in range(500) if (scene.truth(i).visible_ratio > 0.9999).any())
    truth = scene.truth(index)

    rows, columns = np.nonzero(scene.mask(index))

    way = np.array([truth.vx_px_s[0], truth.vy_px_s[0]]) / 4000.0
    along = columns * way[0] + rows * way[1]
    # The body's extent along its way is at most its diameter, thin ends are faint.
    assert truth.length_px[0] == pytest.approx(8.0 + 4000.0 * 0.8 / 120.0, abs=0.01)
    assert truth.length_px[0] - 9.0 < np.ptp(along) + 1.0 < truth.length_px[0] + 1.0


def test_the_mask_marks_what_objects_change() -> None:
    settings = BARE._replace(object_count=4, speed_px_s=(100.0, 400.0))
    scene = Scene(settings)
    marked = changed = both = 0
    for index in range(0, 60, 6):
        mask = scene.mask(index)
        light = _light(scene.render(index), 100) > 25
        marked, changed = marked + mask.sum(), changed + light.sum()
        both += (mask & light).sum()

    assert both / (marked + changed - both) > 0.9


def test_more_objects_leave_the_background_as_it_is() -> None:
    with_objects, empty = (
        Scene(SMALL._replace(object_count=count, noise_sigma=0.0)) for count in (5, 0)
    )

    mask = with_objects.mask(8)
    same = with_objects.render(8) == empty.render(8)

    assert mask.any()
    assert not same[mask].all()
    assert same[:, mask.sum(axis=0) == 0].mean() > 0.97


def test_ids_never_come_back_and_the_number_alive_stays_about_the_same() -> None:
    scene = Scene(SMALL._replace(object_count=10, motion=Motion.LINEAR))
    gone: Set[int] = set()
    present: Set[int] = set()
    counts = []
    for index in range(400):
        now = set(scene.truth(index).id.tolist())
        gone |= present - now
        assert not (now & gone)
        present = now
        counts.append(len(now))

    assert len(gone) > 30
    assert 6.0 < np.mean(counts) <= 10.0


@pytest.mark.parametrize("motion", SINGLE_MOTIONS)
def test_objects_never_jump(motion: Motion) -> None:
    scene = Scene(SMALL._replace(motion=motion, speed_px_s=(300.0, 600.0)))
    for index in range(200):
        before, after = scene.truth(index), scene.truth(index + 1)
        _, rows, next_rows = np.intersect1d(before.id, after.id, return_indices=True)
        step = np.hypot(
            after.x_px[next_rows] - before.x_px[rows],
            after.y_px[next_rows] - before.y_px[rows],
        )
        # Gravity may double the speed of birth, and no more.
        assert (step < 2.5 * 600.0 / 120.0).all()


def test_a_bouncing_object_turns_at_the_frames_edge() -> None:
    scene = Scene(SMALL._replace(motion=Motion.BOUNCING, object_count=1))
    turns = []
    for index in range(600):
        before, after = scene.truth(index), scene.truth(index + 1)
        is_same = len(before.id) == 1 and np.array_equal(before.id, after.id)
        if is_same and before.vx_px_s[0] * after.vx_px_s[0] < 0:
            turns.append(min(after.x_px[0], 159 - after.x_px[0]))

    assert turns
    # Not further away than half a body and one frame's way.
    assert max(turns) < 9.0 + 4800.0 / 120.0


def test_an_object_behind_a_bar_is_listed_and_not_marked() -> None:
    settings = BARE._replace(occluders=3, object_count=8, speed_px_s=(200.0, 300.0))
    scene, bare = Scene(settings), Scene(settings._replace(occluders=0))
    hidden = 0
    for index in range(40):
        truth, free = scene.truth(index), bare.truth(index)
        assert np.array_equal(truth.id, free.id)
        hidden += ((truth.visible_ratio < 0.01) & (free.visible_ratio > 0.99)).sum()
        bars = Scene(settings._replace(object_count=0)).render(index) != 100
        assert not (scene.mask(index) & bars).any()

    assert hidden > 0


def test_an_object_that_enters_is_seen_in_part() -> None:
    scene = Scene(BARE._replace(speed_px_s=(100.0, 200.0), size_px=(20.0, 20.0)))
    ratios = np.concatenate([scene.truth(index).visible_ratio for index in range(100)])

    assert ((ratios > 0.1) & (ratios < 0.9)).any()
    assert ratios.min() >= 0.0
    assert ratios.max() <= 1.0


def test_noise_is_as_strong_as_asked_for_and_new_in_each_frame() -> None:
    scene = Scene(BARE._replace(object_count=0, noise_sigma=6.0))
    one, other = scene.render(0).astype(float), scene.render(1).astype(float)

    assert one.std() == pytest.approx(6.0, rel=0.05)
    assert (one - other).std() == pytest.approx(6.0 * np.sqrt(2.0), rel=0.05)


def test_the_background_moves_as_fast_as_asked_for() -> None:
    settings = SMALL._replace(
        object_count=0, noise_sigma=0.0, clutter=0, drift_px_s=960.0
    )
    scene = Scene(settings)
    here, there = (np.fft.fft2(scene.render(i).astype(float)) for i in (7, 8))

    phases = np.conj(here) * there
    correlation = np.fft.ifft2(phases / (np.abs(phases) + 1e-9)).real

    peak = np.array(np.unravel_index(int(correlation.argmax()), correlation.shape))
    half = np.array([60, 80])
    shift = (peak + half) % (2 * half) - half
    assert float(np.hypot(shift[0], shift[1])) == pytest.approx(8.0, abs=0.8)


def test_the_background_never_ends() -> None:
    scene = Scene(SMALL._replace(object_count=0, drift_px_s=5000.0))

    assert scene.render(100000).std() == pytest.approx(scene.render(0).std(), rel=0.5)


def test_shake_moves_objects_and_background_together() -> None:
    shaken, calm = (
        Scene(BARE._replace(jitter_px=jitter, object_count=3)) for jitter in (1.5, 0.0)
    )
    offsets: List[float] = []
    for index in range(0, 240, 3):
        truth, still = shaken.truth(index), calm.truth(index)
        _, rows, still_rows = np.intersect1d(truth.id, still.id, return_indices=True)
        dx = truth.x_px[rows] - still.x_px[still_rows]
        assert len(dx) == 0 or np.ptp(dx) < 0.01
        offsets.extend(dx[:1].tolist())

    assert np.std(offsets) == pytest.approx(1.5, rel=0.4)


def test_flicker_changes_the_brightness_from_frame_to_frame() -> None:
    scene = Scene(BARE._replace(object_count=0, flicker_ratio=0.1))
    means = [scene.render(index).mean() for index in range(12)]

    assert max(means) == pytest.approx(110.0, abs=1.5)
    assert min(means) == pytest.approx(90.0, abs=1.5)


def test_no_objects_is_a_scene_too() -> None:
    scene = Scene(SMALL._replace(object_count=0))

    assert len(scene.truth(3).x_px) == 0
    assert not scene.mask(3).any()


@pytest.mark.parametrize("name", sorted(SETTING_BOUNDS))
def test_a_setting_out_of_bounds_is_refused_by_name(name: str) -> None:
    highest = SETTING_BOUNDS[name][1]
    value = getattr(SMALL, name)
    beyond = (highest, highest + 1) if isinstance(value, tuple) else highest + 1

    with pytest.raises(ValueError, match=name):
        Scene(SceneSettings(**{name: beyond}))  # type: ignore[arg-type]  # one of any type


def test_an_upside_down_range_is_refused() -> None:
    with pytest.raises(ValueError, match="size_px"):
        Scene(SMALL._replace(size_px=(9.0, 4.0)))


def test_a_negative_index_is_refused() -> None:
    with pytest.raises(ValueError, match="-1"):
        Scene(SMALL).render(-1)


@pytest.mark.parametrize("seed", range(12))
def test_random_settings_make_a_scene_of_the_size_asked_for(seed: int) -> None:
    settings = random_settings(np.random.default_rng(seed), 96, 64)

    assert Scene(settings).render(seed).shape == (64, 96)


def test_random_settings_are_the_same_for_the_same_state() -> None:
    one, other = (random_settings(np.random.default_rng(7), 96, 64) for _ in range(2))

    assert one == other
