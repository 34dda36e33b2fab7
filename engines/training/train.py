"""Training: several networks at once, on clips that are rendered as they are needed.

The largest network learns from what is true, the smaller ones from that and from
what the largest says. Written for Keras 3 on any backend. A run's folder holds
`checkpoint.npz` (weights, optimiser, randomness, round), `curves.csv` (one row a
round) and, at the end, a file of weights for every network.
"""

from __future__ import annotations

import csv
import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from keras import ops

from engines.training.backgrounds import background_tiles
from engines.training.conditions import ClipSize, draw_conditions
from engines.training.losses import detection_loss, lesson_loss
from engines.training.networks import (
    NETWORKS,
    build_network,
    load_weights,
    save_weights,
    set_weights,
    weights_of,
)
from engines.training.progress import Progress
from engines.training.render import ClipRenderer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from engines.training.conditions import Conditions

    Weights = dict[str, NDArray[np.float32]]

_WARM_UP_RATIO = 0.03
_OPTIMISER = "optimiser/"
_NOISE = "noise"
_MEAN = "mean/"
_AVERAGED = "averaged"
_ROUND = "round"


@dataclass(frozen=True)
class TrainingSettings:
    """How networks are trained."""

    networks: tuple[str, ...] = tuple(NETWORKS)
    """Smallest first: the last is the others' teacher."""
    steps: int = 12_000
    batch_size: int = 256
    steps_per_round: int = 100
    """Steps between checkpoints."""
    peak_rate: float = 3e-3
    """Highest learning rate: reached after the warm-up, then a cosine to zero."""
    weight_decay: float = 1e-3
    held_back: int = 512
    """Clips that are never learned from: the curve's validation."""
    textures: int = 120
    """Drawn backgrounds, beside the photographs."""
    seed: int = 1
    size: ClipSize = field(default_factory=ClipSize)
    scene_ratio: float = 0.0
    """Share of clips that look like the synthetic source's scenes."""
    start_folder: Path | None = None
    """Of a run, or of another folder with `NAME.npz`, whose weights to begin with."""
    averaged_rounds: int = 0
    """Rounds whose weights the result is about the mean of; 0 takes the last ones."""

    @property
    def rounds(self) -> int:
        """Rounds of the whole training."""
        return -(-self.steps // self.steps_per_round)


class Lessons(keras.Model):  # type: ignore[misc]  # keras has no types
    """Networks that learn together from one stream of clips.

    Parameters
    ----------
    renderer : ClipRenderer
        Makes the clips.
    networks : sequence of keras.Model
        From `networks.build_network`; the last teaches the others.
    """

    def __init__(self, renderer: ClipRenderer, networks: Sequence[Any]) -> None:
        super().__init__()
        self.renderer = renderer
        self.networks = [logits_of(network) for network in networks]
        self.built = True
        self._means = [keras.metrics.Mean(name=network.name) for network in networks]

    def call(self, conditions: Mapping[str, Any], training: bool = False) -> Any:  # noqa: ANN401
        """Loss of each network, shape (networks,)."""
        frames, weight, ignored = self.renderer(conditions)
        frames = frames / 255.0
        logits = [
            ops.cast(network(frames, training=training), "float32")
            for network in self.networks
        ]
        losses = [detection_loss(weight, ignored, logit) for logit in logits]
        for number, logit in enumerate(logits[:-1]):
            lesson = lesson_loss(weight, ignored, logit, logits[-1])
            losses[number] = losses[number] + lesson
        return ops.stack(losses)

    def compute_loss(
        self,
        x: Any = None,  # noqa: ANN401
        y: Any = None,  # noqa: ANN401, ARG002
        y_pred: Any = None,  # noqa: ANN401
        sample_weight: Any = None,  # noqa: ANN401, ARG002
        training: bool = True,  # noqa: ARG002
    ) -> Any:  # noqa: ANN401
        """Sum of the networks' losses."""
        del x
        return ops.sum(y_pred)

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any) -> Any:  # noqa: ANN401
        """Mean loss of each network."""
        del x, y, sample_weight
        for number, mean in enumerate(self._means):
            mean.update_state(y_pred[number])
        return {mean.name: mean.result() for mean in self._means}


def logits_of(network: Any) -> Any:  # noqa: ANN401
    """Give a network without its sigmoid; the weights are the same."""
    return keras.Model(network.input, network.get_layer("probability").input)


def train(settings: TrainingSettings, folder: Path) -> dict[str, Weights]:
    """Train networks, or go on where a run in this folder was stopped.

    Parameters
    ----------
    settings : TrainingSettings
        How.
    folder : Path
        Of the run; made if it is not there.

    Returns
    -------
    dict
        Weights of each network, as `networks.weights_of` gives them; also in
        `NAME.npz`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    keras.utils.set_random_seed(settings.seed)
    size = settings.size
    networks = {
        name: build_network(NETWORKS[name], size.height_px, size.width_px)
        for name in settings.networks
    }
    tiles = background_tiles(settings.seed, settings.textures)
    renderer = ClipRenderer(tiles, size, settings.seed)
    model = Lessons(renderer, list(networks.values()))
    optimiser = _optimiser(settings)
    # TensorFlow takes minutes to compile what it runs in seconds.
    is_compiled = keras.backend.backend() != "tensorflow"
    model.compile(optimizer=optimiser, jit_compile=is_compiled)
    drawn = _Drawer(settings, len(tiles))
    held_back = drawn.held_back()
    optimiser.build(model.trainable_variables)
    averages = _Averages(networks, settings.averaged_rounds)
    run = _Run(folder, networks, optimiser, renderer, averages)
    if settings.start_folder is not None:
        for name, network in networks.items():
            set_weights(network, load_weights(settings.start_folder / f"{name}.npz"))
    start = run.resume()
    curves = _Curves(folder / "curves.csv", settings.networks, start)
    progress = Progress("rounds", settings.rounds, start, every_s=10.0)
    for number, conditions in drawn.rounds(start):
        optimiser.learning_rate = learning_rate(settings, number)
        history = model.fit(
            conditions, batch_size=settings.batch_size, shuffle=False, verbose=0
        ).history
        held = model.evaluate(
            held_back, batch_size=settings.batch_size, verbose=0, return_dict=True
        )
        names = [network.name for network in networks.values()]
        losses = [float(history[name][0]) for name in names]
        held_losses = [float(held[name]) for name in names]
        step = (number + 1) * settings.steps_per_round
        curves.append(number, step, losses, held_losses)
        averages.add()
        run.save(number + 1)
        shown = ", ".join(
            f"{name} {loss:.3f} ({held_loss:.3f})"
            for name, loss, held_loss in zip(networks, losses, held_losses, strict=True)
        )
        progress.show(number + 1, f"loss (held back): {shown}")
    return run.finish()


def _optimiser(settings: TrainingSettings) -> Any:  # noqa: ANN401
    optimiser = keras.optimizers.AdamW(
        settings.peak_rate, weight_decay=settings.weight_decay, clipnorm=1.0
    )
    optimiser.exclude_from_weight_decay(var_names=["gamma", "beta", "bias"])
    return optimiser


def learning_rate(settings: TrainingSettings, number: int) -> float:
    """Rate of one round: it rises to the peak at once, and then falls along a cosine.

    Set from outside, so that a run of another length is not compiled anew.
    """
    warm_up = max(1, round(_WARM_UP_RATIO * settings.rounds))
    if number < warm_up:
        return settings.peak_rate * (number + 1) / (warm_up + 1)
    done = (number - warm_up) / max(1, settings.rounds - warm_up)
    return settings.peak_rate * 0.5 * (1.0 + math.cos(math.pi * done))


class _Drawer:
    """Draws the conditions of a run's clips; each round's are decided by its number."""

    def __init__(self, settings: TrainingSettings, tiles: int) -> None:
        self._settings = settings
        self._tiles = tiles

    def held_back(self) -> Conditions:
        # A round's number cannot be negative: none of its clips is one of these.
        return self._draw(2**32 - 1, self._settings.held_back)

    def rounds(self, start: int) -> Iterator[tuple[int, Conditions]]:
        """Rounds' numbers and conditions; the next round's are drawn meanwhile."""
        settings = self._settings
        count = settings.steps_per_round * settings.batch_size
        if start >= settings.rounds:
            return
        with ThreadPoolExecutor(1) as pool:
            coming = pool.submit(self._draw, start, count)
            for number in range(start, settings.rounds):
                conditions = coming.result()
                if number + 1 < settings.rounds:
                    coming = pool.submit(self._draw, number + 1, count)
                yield number, conditions

    def _draw(self, number: int, count: int) -> Conditions:
        rng = np.random.default_rng([self._settings.seed, number])
        settings = self._settings
        return draw_conditions(
            rng, count, settings.size, self._tiles, settings.scene_ratio
        )


class _Averages:
    """Running means of networks' weights, which differ less from seed to seed.

    Parameters
    ----------
    networks : mapping
        By name.
    rounds : int
        About how many rounds a mean goes back; 0 keeps none.
    """

    def __init__(self, networks: Mapping[str, Any], rounds: int) -> None:
        self._networks = networks
        self._rounds = rounds
        self.added = 0
        self.weights: dict[str, Weights] = {}

    def add(self) -> None:
        """Take in the weights of a round that has ended."""
        if not self._rounds:
            return
        self.added += 1
        share = 1.0 / min(self.added, self._rounds)
        for name, network in self._networks.items():
            now = weights_of(network)
            mean = self.weights.setdefault(name, now)
            for key, value in now.items():
                mean[key] = mean[key] + np.float32(share) * (value - mean[key])

    def found(self, name: str) -> Weights:
        """The mean of a network's weights; its last ones where none is kept."""
        return self.weights.get(name) or weights_of(self._networks[name])


class _Run:
    """What of a run is kept on disk."""

    def __init__(
        self,
        folder: Path,
        networks: Mapping[str, Any],
        optimiser: Any,  # noqa: ANN401
        renderer: ClipRenderer,
        averages: _Averages,
    ) -> None:
        self._folder = folder
        self._checkpoint = folder / "checkpoint.npz"
        self._networks = networks
        self._optimiser = optimiser
        self._renderer = renderer
        self._averages = averages

    def save(self, done: int) -> None:
        state = {_ROUND: np.asarray(done), _NOISE: self._renderer.noise_state()}
        for name, network in self._networks.items():
            for key, value in weights_of(network).items():
                state[f"{name}/{key}"] = value
        state[_AVERAGED] = np.asarray(self._averages.added)
        for name, mean in self._averages.weights.items():
            for key, value in mean.items():
                state[f"{_MEAN}{name}/{key}"] = value
        for number, variable in enumerate(self._optimiser.variables):
            state[f"{_OPTIMISER}{number}"] = np.asarray(variable.numpy())
        save_weights(self._checkpoint, state)

    def resume(self) -> int:
        """Take up the last checkpoint; rounds done, 0 if there is none."""
        if not self._checkpoint.exists():
            return 0
        state: dict[str, NDArray[Any]] = load_weights(self._checkpoint)
        self._renderer.set_noise_state(state[_NOISE])
        for number, variable in enumerate(self._optimiser.variables):
            variable.assign(state[f"{_OPTIMISER}{number}"])
        self._averages.added = int(state[_AVERAGED])
        for name, network in self._networks.items():
            set_weights(network, _part(state, f"{name}/"))
            mean = _part(state, f"{_MEAN}{name}/")
            if mean:
                self._averages.weights[name] = mean
        return int(state[_ROUND])

    def finish(self) -> dict[str, Weights]:
        found = {name: self._averages.found(name) for name in self._networks}
        for name, weights in found.items():
            save_weights(self._folder / f"{name}.npz", weights)
        return found


def _part(state: Mapping[str, NDArray[Any]], prefix: str) -> Weights:
    return {
        key[len(prefix) :]: value
        for key, value in state.items()
        if key.startswith(prefix)
    }


class _Curves:
    """A table of losses, one row a round, flushed at once."""

    def __init__(self, path: Path, networks: Sequence[str], start: int) -> None:
        self._path = path
        head = ["round", "step", *networks, *(f"{name}_held_back" for name in networks)]
        rows: list[list[str]] = []
        if start > 0 and path.exists():
            with path.open(newline="", encoding="utf-8") as file:
                rows = list(csv.reader(file))[1 : start + 1]
        with path.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([head, *rows])

    def append(
        self,
        number: int,
        step: int,
        losses: Sequence[float],
        held_back: Sequence[float],
    ) -> None:
        row = (number, step, *(f"{loss:.5f}" for loss in (*losses, *held_back)))
        with self._path.open("a", newline="", encoding="utf-8") as file:
            csv.writer(file).writerow(row)
