import numpy as np
import pytest

from engines.scene import SceneSettings
from engines.training.evaluate import answers, best_thresholds, detections, score
from engines.training.questions import Question, questions_of, random_scenes


def _question(*objects):
    """One object is (group, x_px, y_px)."""
    group, x, y = (np.array(column) for column in zip(*objects, strict=True))
    return Question(
        frames=np.zeros((24, 32, 3), np.uint8),
        group=group.astype(np.int64),
        x_px=x.astype(np.float32),
        y_px=y.astype(np.float32),
        reach_px=np.full(len(group), 5.0, np.float32),
        speed_px=np.full(len(group), 12.0, np.float32),
        size_px=np.full(len(group), 6.0, np.float32),
        is_whole=np.ones(len(group), np.bool_),
    )


def _map_with(*blobs):
    """One blob is (column, row, probability), two pixels wide and high."""
    probability = np.zeros((24, 32), np.float32)
    for column, row, value in blobs:
        probability[row : row + 2, column : column + 2] = value
    return probability


def test_a_blob_needs_one_pixel_above_the_high_threshold():
    # given
    probability = _map_with((4, 4, 0.9), (20, 10, 0.6))

    # when
    found = detections(probability, low=0.5, high=0.8)

    # then
    np.testing.assert_allclose(found, [[4.5, 4.5]])


def test_a_found_object_a_missed_one_and_an_invented_one_are_counted():
    # given
    question = _question((1, 9.5, 9.5), (2, 40.5, 20.5))
    probability = _map_with((4, 4, 0.9), (25, 18, 0.9))

    # when
    result = score([question], [probability], 0.5, 0.8)

    # then
    assert (result.found, result.missed, result.made_up) == (1, 1, 1)
    assert result.f1 == pytest.approx(0.5)
    assert result.median_error_px == pytest.approx(0.0, abs=1e-3)
    assert result.recall_by_speed["10-20 px"] == (1, 2)


def test_an_object_that_nobody_could_see_may_be_found_without_reward():
    # given
    question = _question((0, 9.5, 9.5))

    # when
    result = score([question], [_map_with((4, 4, 0.9))], 0.5, 0.8)

    # then
    assert (result.found, result.missed, result.made_up) == (0, 0, 0)


def test_two_detections_of_one_object_are_one_too_many():
    # given
    question = _question((1, 10.5, 9.5))
    probability = _map_with((4, 4, 0.9), (7, 4, 0.9))

    # when
    result = score([question], [probability], 0.5, 0.8)

    # then
    assert (result.found, result.made_up) == (1, 1)


def test_objects_that_touch_are_asked_for_once():
    # given
    question = _question((1, 9.5, 9.5), (1, 11.5, 9.5))

    # when
    result = score([question], [_map_with((4, 4, 0.9))], 0.5, 0.8)

    # then
    assert (result.found, result.missed) == (1, 0)


def test_the_best_thresholds_leave_out_weak_inventions():
    # given
    question = _question((1, 9.5, 9.5))
    probability = _map_with((4, 4, 0.97), (25, 18, 0.65))

    # when
    _, high = best_thresholds([question], [probability])

    # then
    assert high >= 0.7


def test_a_perfect_mask_answers_every_question():
    # given
    scene = SceneSettings(width_px=128, height_px=96, object_count=3, seed=5)
    questions = questions_of([scene], views_per_scene=3, processes=1)
    perfect = []
    for question in questions:
        probability = np.zeros(question.frames.shape[:2], np.float32)
        for x, y in zip(question.x_px, question.y_px, strict=True):
            row = min(47, max(0, round((y + 0.5) / 2 - 0.5)))
            column = min(63, max(0, round((x + 0.5) / 2 - 0.5)))
            probability[row, column] = 1.0
        perfect.append(probability)

    # when
    result = score(questions, perfect, 0.5, 0.8)

    # then
    assert result.found > 0
    assert (result.missed, result.made_up) == (0, 0)


def test_questions_are_answered_in_order_whatever_the_batch():
    # given
    questions = [_question((1, 5.0, 5.0)) for _ in range(5)]
    for number, question in enumerate(questions):
        question.frames[:] = 10 * number

    # when
    given = answers(lambda frames: frames[..., 2], questions, batch_size=2)

    # then
    np.testing.assert_allclose(
        [probability[0, 0] * 255 for probability in given],
        [0, 10, 20, 30, 40],
        rtol=1e-5,
    )


def test_scenes_of_another_seed_are_others():
    # given, when
    one, other = (random_scenes(3, seed, (64, 48)) for seed in (1, 2))

    # then
    assert {scene.seed for scene in one}.isdisjoint(scene.seed for scene in other)
