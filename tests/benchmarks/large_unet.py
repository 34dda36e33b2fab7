"""Builds a U-Net of 5.7 GFLOP with seeded random weights, for `main.py bench`.

    .venv-engines/bin/python tests/benchmarks/large_unet.py FOLDER [--size WxH]
    .venv/bin/python main.py bench FOLDER

Its speed is that of a trained network of this structure. Its masks are not: a random
network's probabilities lie near the threshold in many more places than a trained
one's, so that a reduced precision costs it more.
"""

import argparse
import os
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np

from engines.convert.__main__ import size_px
from engines.convert.samples import made_up_samples
from engines.manifest import Colour, InputSpec
from tests.engines.convert.networks import (
    keras_of_version_2,
    tf,
    unet,
    use_random_statistics,
)

WIDTHS = (16, 32, 64, 128)
_SEED = 5
_LOGIT_SPREAD = 4.0
# So much of the pictures becomes foreground, above the probability of 0.7.
_FOREGROUND_RATIO = 0.15
_THRESHOLD_LOGIT = float(np.log(0.7 / 0.3))


def build(folder: Path, width_px: int, height_px: int) -> int:
    """Write the network as a SavedModel; gives its number of parameters."""
    keras = keras_of_version_2()
    keras.utils.set_random_seed(_SEED)
    model = unet(keras, height_px, width_px, widths=WIDTHS)
    use_random_statistics(keras, model, _SEED)
    _spread_the_output(model, width_px, height_px)

    @tf.function(
        input_signature=[tf.TensorSpec((None, height_px, width_px, 3), name="image")]
    )
    def serve(image):  # type: ignore[no-untyped-def]
        return {"mask": model(image, training=False)}

    tf.saved_model.save(model, str(folder), signatures={"serving_default": serve})
    return int(model.count_params())


def _spread_the_output(model, width_px: int, height_px: int) -> None:  # type: ignore[no-untyped-def]
    """Scale the last layer, which random weights leave at 0.5 everywhere."""
    last = model.get_layer("logit")
    spec = InputSpec(width_px, height_px, colour=Colour.RGB)
    tensors = made_up_samples(spec.shape, spec.dtype, spec).tensors
    probability = np.concatenate([model.predict(one, verbose=0) for one in tensors])
    logit = np.log(probability / (1.0 - probability))
    kernel, bias = last.get_weights()
    gain = _LOGIT_SPREAD / logit.std()
    level = np.quantile(gain * logit, 1.0 - _FOREGROUND_RATIO)
    last.set_weights([gain * kernel, gain * bias + _THRESHOLD_LOGIT - level])


def main() -> int:
    """Build it where the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--size", type=size_px, default=(318, 254), metavar="WxH")
    options = parser.parse_args()
    count = build(options.folder, *options.size)
    print(f"{options.folder}: {count} parameters")
    return 0


if __name__ == "__main__":
    sys.exit(main())
