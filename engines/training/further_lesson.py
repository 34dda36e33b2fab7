"""One network that learns from arrays, a batch at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from engines.training.losses import detection_loss
from engines.training.networks import set_weights, weights_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from engines.training.labelled_frames import Lessons


class Pupil(keras.Model):  # type: ignore[misc]  # keras has no types
    """A network whose output is its loss."""

    def __init__(self, network: Any) -> None:  # noqa: ANN401
        super().__init__()
        logit = network.get_layer("probability").input
        self.logits = keras.Model(network.input, logit)
        self.built = True

    def call(self, given: Mapping[str, Any], training: bool = False) -> Any:  # noqa: ANN401, ARG002
        """Loss of a batch of lessons."""
        # The batches are small and half of one scene: the statistics of the
        # normalisation stay as they were.
        logit = self.logits(given["frames"], training=False)
        return detection_loss(given["weight"], given["doubt"], logit)

    def compute_loss(
        self,
        x: Any = None,  # noqa: ANN401, ARG002
        y: Any = None,  # noqa: ANN401, ARG002
        y_pred: Any = None,  # noqa: ANN401
        sample_weight: Any = None,  # noqa: ANN401, ARG002
        training: bool = True,  # noqa: ARG002
    ) -> Any:  # noqa: ANN401
        """Give the output, which is the loss."""
        return y_pred


class Lesson:
    """A network and its optimiser.

    Parameters
    ----------
    network : keras.Model
        From `networks.build_network`.
    weight_decay : float
        Of what is no bias and no normalisation.
    """

    def __init__(self, network: Any, weight_decay: float) -> None:  # noqa: ANN401
        self._network = network
        self._model = Pupil(network)
        self._optimiser = keras.optimizers.AdamW(
            1e-3, weight_decay=weight_decay, clipnorm=1.0
        )
        self._optimiser.exclude_from_weight_decay(var_names=["gamma", "beta", "bias"])
        self._model.compile(optimizer=self._optimiser, jit_compile=False)
        self._optimiser.build(self._model.trainable_variables)

    def learn(self, lessons: Lessons, rate: float) -> float:
        """Take one step; gives the loss before it."""
        self._optimiser.learning_rate = rate
        given = dict(zip(("frames", "weight", "doubt"), lessons, strict=True))
        # Keras keeps a running mean until it is told that another epoch begins.
        self._model.reset_metrics()
        return float(self._model.train_on_batch(given, return_dict=True)["loss"])

    def weights(self) -> dict[str, NDArray[np.float32]]:
        """Copy the network's weights."""
        return weights_of(self._network)

    def optimiser_state(self) -> list[NDArray[Any]]:
        """Copy what the optimiser remembers."""
        return [np.asarray(one.numpy()) for one in self._optimiser.variables]

    def restore(
        self,
        weights: Mapping[str, NDArray[np.float32]],
        optimiser_state: Sequence[NDArray[Any]],
    ) -> None:
        """Take up what was copied."""
        set_weights(self._network, weights)
        for variable, value in zip(
            self._optimiser.variables, optimiser_state, strict=True
        ):
            variable.assign(value)
