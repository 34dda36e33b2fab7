"""Tests that need Keras; they run where the engines' own environment is."""

import importlib.util

import numpy as np
import pytest

from engines.training.backgrounds import EDGE_PX
from engines.training.conditions import ClipSize, draw_conditions
from engines.training.networks import (
    NETWORKS,
    NetworkSettings,
    build_network,
    load_weights,
    multiply_accumulates,
    save_weights,
    set_weights,
    weights_of,
)

needs_keras = pytest.mark.skipif(
    importlib.util.find_spec("keras") is None,
    reason="keras is not installed in this interpreter",
)

TINY = NetworkSettings("tiny", 2, 3, 8, (8, 12), (0, 1), (8,), (0,))


SMALL = NetworkSettings("small", 2, 3, 8, (8, 8), (0, 1), (8,), (0,))
SIZE = ClipSize(32, 24)


def test_widths_and_counts_must_agree():
    # given, when, then
    with pytest.raises(ValueError, match="3 widths need 3 numbers for the encoder"):
        NetworkSettings("odd", 2, 3, 8, (8, 12, 16), (0, 1), (8, 12), (0, 1))


@needs_keras
@pytest.mark.parametrize("name", sorted(NETWORKS))
@pytest.mark.parametrize("size", [(240, 320), (101, 133), (64, 97)])
def test_the_output_has_the_size_of_the_input(name, size):
    # given
    network = build_network(NETWORKS[name], *size)

    # when
    output = np.asarray(network(np.zeros((1, *size, 3), np.float32), training=False))

    # then
    assert output.shape == (1, *size, 1)
    assert 0.0 <= output.min() <= output.max() <= 1.0


@needs_keras
def test_the_size_of_a_camera_halved_has_a_level_that_must_be_padded():
    # given, when
    network = build_network(NETWORKS["medium"])

    # then
    padded = [layer.name for layer in network.layers if layer.name.endswith("_pad")]
    assert padded != []


@needs_keras
@pytest.mark.parametrize(
    ("name", "most_gflop"), [("fast", 0.2), ("medium", 0.65), ("large", 1.5)]
)
def test_a_network_takes_no_more_than_its_size_allows(name, most_gflop):
    # given, when
    network = build_network(NETWORKS[name], 256, 320)

    # then
    assert 2e-9 * multiply_accumulates(network) <= most_gflop


@needs_keras
def test_the_same_weights_work_at_every_size():
    # given
    trained = build_network(TINY, 48, 64)
    larger = build_network(TINY, 61, 83)

    # when
    set_weights(larger, weights_of(trained))

    # then
    frames = np.random.default_rng(0).random((1, 61, 83, 3), np.float32)
    part = np.asarray(trained(frames[:, :48, :64], training=False))
    whole = np.asarray(larger(frames, training=False))
    # Far from the cut the two see the same surroundings.
    np.testing.assert_allclose(whole[:, :16, :16], part[:, :16, :16], atol=1e-5)


@needs_keras
def test_weights_survive_their_file(tmp_path):
    # given
    weights = weights_of(build_network(TINY, 48, 64))

    # when
    save_weights(tmp_path / "weights.npz", weights)

    # then
    read = load_weights(tmp_path / "weights.npz")
    assert read.keys() == weights.keys()
    for name, value in weights.items():
        np.testing.assert_array_equal(read[name], value)


@needs_keras
def test_weights_of_another_network_are_refused():
    # given
    weights = weights_of(build_network(TINY, 48, 64))
    del weights["stem/kernel"]

    # when, then
    with pytest.raises(ValueError, match="missing \\['stem/kernel'\\]"):
        set_weights(build_network(TINY, 48, 64), weights)


@needs_keras
def test_the_loss_ignores_what_cannot_be_seen():
    # given
    from engines.training.losses import detection_loss

    weight = np.zeros((1, 4, 4, 1), np.float32)
    weight[0, 1, 1] = 1.0
    doubt = np.zeros_like(weight)
    doubt[0, 3, 3] = 1.0
    logit = np.full((1, 4, 4, 1), -3.0, np.float32)
    guessed = logit.copy()
    guessed[0, 3, 3] = 3.0

    # when
    plain, with_guess = (
        float(detection_loss(weight, doubt, x)) for x in (logit, guessed)
    )
    sure = [float(detection_loss(weight, 0.0 * doubt, x)) for x in (logit, guessed)]

    # then
    assert with_guess == pytest.approx(plain)
    assert sure[1] > sure[0]


@needs_keras
def test_who_agrees_with_the_teacher_has_no_lesson_to_learn():
    # given
    from engines.training.losses import lesson_loss

    blank = np.zeros((1, 4, 4, 1), np.float32)
    said = np.linspace(-4.0, 4.0, 16, dtype=np.float32).reshape(blank.shape)

    # when
    same = float(lesson_loss(blank, blank, said, said))
    other = float(lesson_loss(blank, blank, -said, said))

    # then
    assert same == pytest.approx(0.0, abs=1e-5)
    assert other > 1.0


def test_the_seed_decides_the_conditions():
    # given, when
    first, again, other = (
        draw_conditions(np.random.default_rng(seed), 4, SIZE, 2) for seed in (1, 1, 2)
    )

    # then
    assert first.keys() == other.keys()
    for name, values in first.items():
        np.testing.assert_array_equal(values, again[name])
    assert (first["object_at"] != other["object_at"]).any()


def _plain(**changes):
    """Conditions of one clip without camera, light, noise or anything in it."""
    drawn = draw_conditions(np.random.default_rng(0), 1, SIZE, 1)
    still = {name: np.zeros_like(values) for name, values in drawn.items()}
    still |= {
        "tile_scale": np.ones(1, np.float32),
        "light": np.ones((1, 3), np.float32),
    }
    still |= {
        "level": np.full(1, 100, np.float32),
        "exposure": np.full(1, 0.5, np.float32),
    }
    for name in ("shadow_radius", "object_diameter", "distractor_diameter"):
        still[name] = still[name] + 6.0
    for kind in ("object", "distractor"):
        for name, value in (
            *(("pitch", 1e5), ("density", 1.0), ("slim", 1.0), ("lobe_slim", 1.0)),
            *(("cut", 9.0), ("opacity", 1.0), ("softness", 1.0), ("contrast", 80.0)),
        ):
            still[f"{kind}_{name}"] = still[f"{kind}_{name}"] + np.float32(value)
    for name, value in changes.items():
        still[name][0, 0] = value
    return still


def _rendered(conditions):
    from engines.training.render import ClipRenderer

    tiles = np.full((1, EDGE_PX, EDGE_PX), 127, np.uint8)
    return [np.asarray(part) for part in ClipRenderer(tiles, SIZE, 1)(conditions)]


@needs_keras
def test_a_moving_object_is_wanted_where_it_is_in_the_last_frame():
    # given
    conditions = _plain(
        object_is_there=1.0,
        object_at=(20.0, 12.0),
        object_velocity=(6.0, 0.0),
        object_own_speed=6.0,
    )

    # when
    frames, weight, _ = _rendered(conditions)

    # then
    rows, columns = np.nonzero(weight[0, ..., 0])
    assert (rows.mean(), columns.mean()) == pytest.approx((12.0, 20.0), abs=0.6)
    assert frames[0, 12, 20].tolist() == pytest.approx([100, 100, 180], abs=25)
    assert abs(float(frames[0, 12, 8, 0]) - 100) > 30


@needs_keras
def test_what_stands_still_is_not_wanted():
    # given
    conditions = _plain(distractor_is_there=1.0, distractor_at=(20.0, 12.0))

    # when
    frames, weight, doubt = _rendered(conditions)

    # then
    assert frames[0, 12, 20, 2] > 150
    assert not weight.any()
    assert not doubt.any()


@needs_keras
def test_a_crowd_has_many_bodies_that_go_their_own_ways():
    # given
    conditions = _plain(
        object_is_there=1.0,
        object_at=(4.0, 4.0),
        object_velocity=(1.5, 0.0),
        object_own_speed=1.5,
        object_diameter=3.0,
        object_pitch=10.0,
    )

    # when
    frames, weight, _ = _rendered(conditions)

    # then
    moved = np.abs(frames[0, ..., 2] - frames[0, ..., 0]) > 20
    cells = [
        (row, column)
        for row in range(0, 20, 10)
        for column in range(0, 30, 10)
        if weight[0, row : row + 9, column : column + 9].any()
        and moved[row : row + 9, column : column + 9].any()
    ]
    assert len(cells) == 6


class Run:
    """One training, stopped in the middle, gone on with, and asked for again."""

    def __init__(self, folder):
        self.folder = folder
        self._train(10)
        self.weights = self._train(20)
        self.weights_again = self._train(20)
        self.curves = [
            line.split(",")
            for line in (folder / "curves.csv").read_text().splitlines()[1:]
        ]

    def _train(self, steps):
        from engines.training.train import TrainingSettings, train

        settings = TrainingSettings(
            ("small", "tiny"),
            steps=steps,
            batch_size=4,
            steps_per_round=5,
            held_back=4,
            textures=1,
            size=SIZE,
        )
        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(NETWORKS, "tiny", TINY)
            patch.setitem(NETWORKS, "small", SMALL)
            return train(settings, self.folder)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return Run(tmp_path_factory.mktemp("run"))


@needs_keras
def test_every_network_learns(run):
    # given, when
    first, last = ([float(loss) for loss in run.curves[row][2:4]] for row in (0, -1))

    # then
    assert last[0] < first[0]
    assert last[1] < first[1]


@needs_keras
def test_a_stopped_run_goes_on_where_it_was(run):
    # given, when
    rounds = [row[0] for row in run.curves]

    # then
    assert rounds == ["0", "1", "2", "3"]


@needs_keras
def test_a_finished_run_gives_its_weights_again(run):
    # given, when, then
    for network, weights in run.weights.items():
        for name, value in weights.items():
            np.testing.assert_array_equal(run.weights_again[network][name], value)
