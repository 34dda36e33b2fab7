"""Weights of a model of Peregrine, to train it further.

    python -m engines.training.start_weights --folder out/training/start \
        resources/models/default resources/models/medium resources/models/large

writes `NAME.npz` of each, as `python -m engines.training --from` reads them on a
machine without TensorFlow.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from engines.errors import EngineError, ManifestError
from engines.manifest import load_manifest
from engines.training.networks import (
    NETWORKS,
    NetworkSettings,
    build_network,
    save_weights,
    weights_of,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from engines.manifest import ModelManifest

_VALUE = "/.ATTRIBUTES/VARIABLE_VALUE"


class NotOursError(EngineError):
    """A model is none of the networks that can be trained here."""


def weights_of_model(
    manifest: ModelManifest,
) -> tuple[NetworkSettings, dict[str, NDArray[np.float32]]]:
    """Read the weights out of a model's SavedModel.

    Parameters
    ----------
    manifest : ModelManifest
        Of a model that `export` wrote.

    Returns
    -------
    tuple of NetworkSettings and dict
        The network of these weights, and they, as `networks.weights_of` gives them.

    Raises
    ------
    NotOursError
        If it is another network.
    """
    import tensorflow as tf

    hint = (
        "Only networks that were made here can be trained further: the bundled ones,"
        " and what came of them."
    )
    try:
        folder = manifest.path_of("saved-model")
        reader = tf.train.load_checkpoint(str(folder / "variables" / "variables"))
        # In the order of the network's own weights, as `export` writes them.
        count = len(reader.get_variable_to_shape_map())
        names = [f"weights/{number}{_VALUE}" for number in range(count)]
        values = [reader.get_tensor(name) for name in names if reader.has_tensor(name)]
    except (ManifestError, tf.errors.OpError, ValueError) as error:
        raise NotOursError(
            f"the model {manifest.name!r} has no weights to begin with: {error}", hint
        ) from error
    for settings in NETWORKS.values():
        network = build_network(settings)
        shapes = [tuple(variable.shape) for variable in network.weights]
        if shapes == [value.shape for value in values]:
            for variable, value in zip(network.weights, values, strict=True):
                variable.assign(value)
            return settings, weights_of(network)
    raise NotOursError(f"the model {manifest.name!r} is of another shape", hint)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m engines.training.start_weights",
        description="Write the weights of models for a training to begin with.",
    )
    parser.add_argument("models", type=Path, nargs="+", metavar="MODEL")
    parser.add_argument("--folder", type=Path, required=True)
    options = parser.parse_args()
    os.environ["KERAS_BACKEND"] = "tensorflow"
    options.folder.mkdir(parents=True, exist_ok=True)
    for model in options.models:
        settings, weights = weights_of_model(load_manifest(model))
        path = options.folder / f"{settings.name}.npz"
        save_weights(path, weights)
        print(f"{model}: {path}")


if __name__ == "__main__":
    main()
