"""Training: weights from clips, resumable after every round.

Written for Keras 3 on any backend. A run's folder holds `checkpoint.npz` (weights,
optimiser, round), `curves.csv` (one row a round) and, at the end, `weights.npz`.
"""

from __future__ import annotations

import csv
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from engines.training.clips import IGNORED, LEVELS_PER_WEIGHT
from engines.training.networks import (
    NETWORKS,
    build_network,
    load_weights,
    save_weights,
    set_weights,
    weights_of,
)
from engines.training.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Future
    from pathlib import Path

    from numpy.typing import NDArray

    _Samples = tuple[NDArray[np.uint8], NDArray[np.uint8]]
    """Frames (N, H, W, 3) and targets (N, H, W, 1)."""

_WARM_UP_RATIO = 0.03
_LOADERS = 4
"""Threads that make the next round's samples."""
_FOREGROUND_WEIGHT = 3.0
"""Weight of foreground pixels. Larger finds more, and draws blobs too large."""
_OPTIMISER = "optimiser/"
_ROUND = "round"


@dataclass(frozen=True)
class TrainingSettings:
    """How one network is trained."""

    network: str = "default"
    steps: int = 30_000
    batch_size: int = 64
    steps_per_round: int = 250
    """Steps between checkpoints. The samples of two rounds are held in memory: 77 kB
    each at the default size."""
    peak_rate: float = 2e-3
    """Highest learning rate: reached after the warm-up, then a cosine to zero."""
    weight_decay: float = 1e-3
    held_back: int = 512
    """Clips at the end that are never learned from: the curve's validation."""
    seed: int = 1

    @property
    def rounds(self) -> int:
        """Rounds of the whole training."""
        return -(-self.steps // self.steps_per_round)


def detection_loss(target: Any, logit: Any) -> Any:  # noqa: ANN401  tensors of any backend
    """Weighted cross entropy plus the overlap that is missing.

    Cross entropy alone is content with calling everything background; the overlap
    (Dice, over the whole batch) is not, however rare the foreground.

    Parameters
    ----------
    target : tensor, shape (N, H, W, 1)
        Levels as `clips.target_of` writes them.
    logit : tensor of float32, shape (N, H, W, 1)
        The network before its sigmoid.
    """
    from keras import ops

    level = ops.cast(target, "float32")
    is_foreground = ops.cast(level > IGNORED, "float32")
    counts = ops.cast(level != IGNORED, "float32")
    weight = counts + is_foreground * (
        _FOREGROUND_WEIGHT * level / LEVELS_PER_WEIGHT - 1.0
    )
    # The form that does not overflow: softplus of the logit towards the wrong side.
    entropy = ops.softplus(logit) - logit * is_foreground
    probability = ops.sigmoid(logit)
    shared = ops.sum(weight * probability * is_foreground)
    either = ops.sum(weight * (probability + is_foreground))
    missing_overlap = 1.0 - (2.0 * shared + 1.0) / (either + 1.0)
    return 10.0 * ops.mean(weight * entropy) + missing_overlap


def augmented(
    clips: NDArray[np.uint8], rng: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Flip clips, and change their light and contrast.

    Parameters
    ----------
    clips : ndarray of uint8, shape (N, H, W, 4)
        Three frames and the target. Not modified.
    rng : Generator
        Decides what happens to which.

    Returns
    -------
    tuple of two ndarrays of uint8
        Frames (N, H, W, 3) and targets (N, H, W, 1).
    """
    changed = np.empty_like(clips)
    unchanged = np.arange(256, dtype=np.uint8)
    for number, clip in enumerate(clips):
        # -1 flips both ways, 0 and 1 one way, 2 none.
        way = int(rng.integers(-1, 3))
        turned = cv2.flip(clip, way) if way < 2 else clip
        light = _random_light(rng)
        # One call for frames and target: OpenCV is fast on four channels.
        table = np.stack([light, light, light, unchanged], axis=-1)
        cv2.LUT(turned, table.reshape(256, 1, 4), dst=changed[number])
    tall = changed.reshape(-1, *changed.shape[2:])
    shape = clips.shape[:3]
    frames = cv2.cvtColor(tall, cv2.COLOR_BGRA2BGR).reshape(*shape, 3)
    targets = cv2.extractChannel(tall, 3).reshape(*shape, 1)
    return frames.astype(np.uint8, copy=False), targets.astype(np.uint8, copy=False)


def _random_light(rng: np.random.Generator) -> NDArray[np.uint8]:
    """Look-up table of grey levels: gamma, gain, offset, in half of cases inverted."""
    level = np.linspace(0.0, 1.0, 256)
    if rng.random() < 0.5:
        level = level[::-1]
    if rng.random() < 0.7:
        level = level ** np.exp(rng.uniform(-0.5, 0.5))
        gain = rng.uniform(0.5, 1.15)
        level = level * gain + rng.uniform(-0.1, 1.1 - gain)
    table: NDArray[np.uint8] = np.rint(np.clip(level, 0.0, 1.0) * 255).astype(np.uint8)
    return table


def train(
    settings: TrainingSettings, clips: NDArray[np.uint8], folder: Path
) -> dict[str, NDArray[np.float32]]:
    """Train one network, or go on where a run in this folder was stopped.

    Parameters
    ----------
    settings : TrainingSettings
        How.
    clips : ndarray of uint8, shape (N, H, W, 4)
        From `clips.make_clips`; may be a memory map.
    folder : Path
        Of the run; made if it is not there.

    Returns
    -------
    dict
        The weights, as `networks.weights_of` gives them; also in `weights.npz`.
    """
    import keras

    folder.mkdir(parents=True, exist_ok=True)
    keras.utils.set_random_seed(settings.seed)
    height_px, width_px = clips.shape[1:3]
    network = build_network(NETWORKS[settings.network], height_px, width_px)
    model = training_model(network)
    optimiser = _optimiser(settings)
    model.compile(optimizer=optimiser, loss=detection_loss)
    optimiser.build(model.trainable_variables)
    checkpoint = folder / "checkpoint.npz"
    start = _resume(checkpoint, network, optimiser) if checkpoint.exists() else 0
    curves = _Curves(folder / "curves.csv", start)
    progress = Progress("rounds", settings.rounds, start, every_s=10.0)

    learned, held_back = clips[: -settings.held_back], clips[-settings.held_back :]
    for number, (frames, targets) in _rounds(settings, learned, start):
        history = model.fit(
            frames,
            targets,
            batch_size=settings.batch_size,
            shuffle=False,
            validation_data=(held_back[..., :-1], held_back[..., -1:]),
            validation_batch_size=settings.batch_size,
            verbose=0,
        ).history
        loss, held_back_loss = history["loss"][0], history["val_loss"][0]
        step = (number + 1) * settings.steps_per_round
        curves.append(number, step, loss, held_back_loss)
        _save_checkpoint(checkpoint, network, optimiser, number + 1)
        progress.show(number + 1, f"loss {loss:.4f} held back {held_back_loss:.4f}")
    weights = weights_of(network)
    save_weights(folder / "weights.npz", weights)
    return weights


def training_model(network: Any) -> Any:  # noqa: ANN401
    """Wrap a network: frames as bytes in, logits out; the weights are the network's."""
    from keras import Input, Model, layers

    logits = Model(network.input, network.get_layer("probability").input)
    frames = Input(network.input.shape[1:], dtype="uint8")
    return Model(frames, logits(layers.Rescaling(1.0 / 255.0)(frames)))


def _optimiser(settings: TrainingSettings) -> Any:  # noqa: ANN401
    import keras

    warm_up = max(1, int(_WARM_UP_RATIO * settings.steps))
    rate = keras.optimizers.schedules.CosineDecay(
        settings.peak_rate * 0.01,
        decay_steps=max(1, settings.steps - warm_up),
        warmup_target=settings.peak_rate,
        warmup_steps=warm_up,
    )
    optimiser = keras.optimizers.AdamW(
        rate, weight_decay=settings.weight_decay, clipnorm=1.0
    )
    optimiser.exclude_from_weight_decay(var_names=["gamma", "beta", "bias"])
    return optimiser


def _rounds(
    settings: TrainingSettings, clips: NDArray[np.uint8], start: int
) -> Iterator[tuple[int, _Samples]]:
    """Rounds' numbers and samples; the next round's are made meanwhile.

    Keras' own loader of batches is not used: asked for several rounds it gives the
    first one's batches again each time, and now and then it waits for ever.
    """
    if start >= settings.rounds:
        return
    with ThreadPoolExecutor(_LOADERS) as loaders:
        coming, filled = _begin_round(settings, clips, start, loaders)
        for number in range(start, settings.rounds):
            samples = coming
            for batch in filled:
                batch.result()
            if number + 1 < settings.rounds:
                coming, filled = _begin_round(settings, clips, number + 1, loaders)
            yield number, samples


def _begin_round(
    settings: TrainingSettings,
    clips: NDArray[np.uint8],
    round_number: int,
    loaders: ThreadPoolExecutor,
) -> tuple[_Samples, list[Future[None]]]:
    """Begin to fill a round's samples; each batch is decided by seed and number."""
    size = settings.batch_size
    count = settings.steps_per_round * size
    frames = np.empty((count, *clips.shape[1:3], clips.shape[3] - 1), np.uint8)
    targets = np.empty((count, *clips.shape[1:3], 1), np.uint8)

    def fill(index: int) -> None:
        number = round_number * settings.steps_per_round + index
        rng = np.random.default_rng([settings.seed, number])
        chosen = np.sort(rng.integers(0, len(clips), size))
        rows = slice(index * size, (index + 1) * size)
        frames[rows], targets[rows] = augmented(clips[chosen], rng)

    filled = [loaders.submit(fill, index) for index in range(settings.steps_per_round)]
    return (frames, targets), filled


def _save_checkpoint(path: Path, network: Any, optimiser: Any, done: int) -> None:  # noqa: ANN401
    state = {
        f"{_OPTIMISER}{number}": np.asarray(variable.numpy())
        for number, variable in enumerate(optimiser.variables)
    }
    save_weights(
        path, {**weights_of(network), **state, _ROUND: np.asarray(done, np.float32)}
    )


def _resume(path: Path, network: Any, optimiser: Any) -> int:  # noqa: ANN401
    state = load_weights(path)
    start = int(state.pop(_ROUND))
    for number, variable in enumerate(optimiser.variables):
        variable.assign(state.pop(f"{_OPTIMISER}{number}"))
    set_weights(network, state)
    return start


class _Curves:
    """A table of losses, one row a round, flushed at once."""

    _HEAD = ("round", "step", "loss", "held_back_loss")

    def __init__(self, path: Path, start: int) -> None:
        self._path = path
        rows: list[list[str]] = []
        if start > 0 and path.exists():
            with path.open(newline="", encoding="utf-8") as file:
                rows = list(csv.reader(file))[1 : start + 1]
        with path.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([self._HEAD, *rows])

    def append(
        self, number: int, step: int, loss: float, held_back_loss: float
    ) -> None:
        row = (number, step, f"{loss:.5f}", f"{held_back_loss:.5f}")
        with self._path.open("a", newline="", encoding="utf-8") as file:
            csv.writer(file).writerow(row)
