"""Tests that need Keras; they run where the engines' own environment is."""

import importlib.util

import numpy as np
import pytest

from engines.training.clips import ClipSettings, clips_of_scene
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
from engines.training.train import TrainingSettings, augmented, detection_loss, train

needs_keras = pytest.mark.skipif(
    importlib.util.find_spec("keras") is None,
    reason="keras is not installed in this interpreter",
)

TINY = NetworkSettings("tiny", 2, 3, 8, (8, 12), (0, 1), (8,), (0,))


@pytest.fixture(scope="module")
def clips():
    settings = ClipSettings(count=24, width_px=64, height_px=48, seed=9)
    made = [clip for number in range(6) for clip in clips_of_scene(settings, number)]
    return np.stack([np.dstack(clip) for clip in made])


def test_widths_and_counts_must_agree():
    # given, when, then
    with pytest.raises(ValueError, match="3 widths need 3 numbers for the encoder"):
        NetworkSettings("odd", 2, 3, 8, (8, 12, 16), (0, 1), (8, 12), (0, 1))


def test_augmentation_turns_frames_and_target_together(clips):
    # given
    marked = clips[:8].copy()
    marked[..., 3] = 0
    marked[:, 5, 7] = (255, 255, 255, 200)
    marked[:, 5, 7, :3] = 255
    marked[..., :3][marked[..., 3] == 0] = 0

    # when
    frames, targets = augmented(marked, np.random.default_rng(0))

    # then
    for frame, target in zip(frames, targets, strict=True):
        rows, columns = np.nonzero(target[..., 0] == 200)
        assert len(rows) == 1
        others = np.delete(frame[..., 2].ravel(), rows[0] * 64 + columns[0])
        assert (others != frame[rows[0], columns[0], 2]).all()


def test_augmentation_is_decided_by_the_generator(clips):
    # given, when
    first, again = (augmented(clips[:4], np.random.default_rng(3)) for _ in range(2))

    # then
    np.testing.assert_array_equal(first[0], again[0])


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
def test_the_default_size_has_a_level_that_must_be_padded():
    # given, when
    network = build_network(NETWORKS["default"])

    # then
    padded = [layer.name for layer in network.layers if layer.name.endswith("_pad")]
    assert padded != []


@needs_keras
def test_the_default_network_is_small_enough_for_one_core():
    # given, when
    network = build_network(NETWORKS["default"])

    # then
    assert 2e-9 * multiply_accumulates(network) < 0.3


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
    target = np.zeros((1, 4, 4, 1), np.uint8)
    target[0, 1, 1] = 32
    hidden = target.copy()
    hidden[0, 3, 3] = 1
    logit = np.full((1, 4, 4, 1), -3.0, np.float32)
    guessed = logit.copy()
    guessed[0, 3, 3] = 3.0

    # when
    plain = float(detection_loss(hidden, logit))
    with_guess = float(detection_loss(hidden, guessed))

    # then
    assert with_guess == pytest.approx(plain)
    assert float(detection_loss(target, guessed)) > float(detection_loss(target, logit))


class Run:
    """One training, stopped in the middle, gone on with, and asked for again."""

    def __init__(self, clips, folder):
        self.folder = folder
        self.batches = []
        self._train(10, clips)
        self.weights = self._train(20, clips)
        self.weights_again = self._train(20, clips)
        self.curves = [
            line.split(",")
            for line in (folder / "curves.csv").read_text().splitlines()[1:]
        ]

    def _train(self, steps, clips):
        def remembered(batch, rng):
            self.batches.append(batch.tobytes())
            return augmented(batch, rng)

        settings = TrainingSettings(
            "tiny", steps=steps, batch_size=4, steps_per_round=5, held_back=4
        )
        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(NETWORKS, "tiny", TINY)
            patch.setattr("engines.training.train.augmented", remembered)
            return train(settings, clips, self.folder)


@pytest.fixture(scope="module")
def run(clips, tmp_path_factory):
    return Run(clips, tmp_path_factory.mktemp("run"))


@needs_keras
def test_twenty_steps_reduce_the_loss(run):
    # given, when
    losses = [float(row[2]) for row in run.curves]

    # then
    assert losses[-1] < 0.9 * losses[0]


@needs_keras
def test_a_stopped_run_goes_on_where_it_was(run):
    # given, when
    rounds = [row[0] for row in run.curves]

    # then
    assert rounds == ["0", "1", "2", "3"]


@needs_keras
def test_every_step_learns_from_other_clips(run):
    # given, when, then
    assert len(set(run.batches)) == 20


@needs_keras
def test_a_finished_run_gives_its_weights_again(run):
    # given, when, then
    for name, value in run.weights.items():
        np.testing.assert_array_equal(run.weights_again[name], value)
