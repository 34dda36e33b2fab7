"""Converts networks that were made elsewhere, and prints a table.

    .venv-engines/bin/python tests/benchmarks/foreign_graphs.py [FOLDER] [--to TARGET]

FOLDER holds frozen graphs (`*.pb`) and SavedModels; further ones are built from
keras.applications with random weights, at small sizes. Each is converted in a process
of its own, since a library may crash. A network counts as done when it was converted
with a difference of at most 1e-4, or declined with a reason.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[2]
TOLERANCE = 1e-4

# Name, input size; random weights, so nothing is fetched.
APPLICATIONS: dict[str, int] = {
    "MobileNet": 64,
    "MobileNetV2": 64,
    "MobileNetV3Small": 64,
    "ResNet50": 64,
    "ResNet50V2": 64,
    "DenseNet121": 64,
    "EfficientNetB0": 64,
    "EfficientNetV2B0": 64,
    "InceptionV3": 96,
    "Xception": 96,
    "NASNetMobile": 64,
    "VGG16": 48,
}

# What the graphs of tensorflow-onnx's tests do not say themselves.
HINTS: dict[str, tuple[str, ...]] = {
    "regression_graphdef_frozen": ("--shape", "5"),
    "regression_saved_model": ("--shape", "5"),
    "gru_frozen": ("--shape", "1,784"),
}


class Network(NamedTuple):
    """One network to convert."""

    name: str
    path: Path
    options: tuple[str, ...]


class Outcome(NamedTuple):
    """What became of it."""

    nodes_before: int
    """Of the frozen graph."""
    nodes_after: int
    max_abs_diff: float
    seconds: float
    refusal: str
    """Why it was declined; empty where it was converted."""


def networks_in(folder: Path) -> list[Network]:
    """Frozen graphs and SavedModels of a folder."""
    saved = [path for path in folder.iterdir() if (path / "saved_model.pb").is_file()]
    return [
        Network(path.stem, path, HINTS.get(path.stem, ()))
        for path in sorted([*folder.glob("*.pb"), *saved])
    ]


_BUILDER = """
import sys
import numpy as np
import tensorflow as tf
from engines.convert.samples import made_up_samples
from engines.manifest import Colour, InputSpec
build = getattr(tf.keras.applications, sys.argv[1])
size = int(sys.argv[2])
shape = (size, size, 3)
model = build(weights=None, input_shape=shape, classes=10, classifier_activation=None)
random = np.random.RandomState(0)
for layer in model.layers:
    if isinstance(layer, tf.keras.layers.BatchNormalization):
        layer.momentum = 0.0
        for weight in (layer.gamma, layer.beta):
            if weight is not None:
                weight.assign(weight + 0.1 * random.standard_normal(weight.shape))
# One pass in training mode gives the moving averages of real signals. Without it
# they fade out on the way, and any two graphs would give the same.
rescales = any(type(layer).__name__ == "Rescaling" for layer in model.layers)
scale = 1.0 if rescales else 1.0 / 255.0
spec = InputSpec(size, size, colour=Colour.RGB, scale=scale)
pictures = np.concatenate(made_up_samples(spec.shape, "float32", spec).tensors)
noise = random.uniform(0, 255 * scale, (8, *shape)).astype("float32")
model(noise, training=True)
# Outputs of order 1, so that differences mean the same for every network.
spread = float(np.std(model(pictures, training=False)))
result = tf.keras.layers.Rescaling(1.0 / spread)(model.output)
tf.keras.Model(model.input, result).save(sys.argv[3])
"""


def application(name: str, folder: Path) -> Network:
    """Build a network of keras.applications and save it."""
    path = folder / f"{name}.keras"
    arguments = [sys.executable, "-c", _BUILDER, name, str(APPLICATIONS[name])]
    environment = dict(os.environ, PYTHONPATH=str(ROOT))
    subprocess.check_call(
        [*arguments, str(path)], stderr=subprocess.DEVNULL, env=environment
    )
    return Network(name, path, ())


def convert(network: Network, target: str, folder: Path) -> Outcome:
    """Convert one network in a process of its own."""
    command = [sys.executable, "-m", "engines.convert", str(network.path)]
    command += ["--to", target, "--out", str(folder / network.name), *network.options]
    environment = dict(os.environ, PYTHONPATH=str(ROOT))
    done = subprocess.run(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
        check=False,
    )
    lines = done.stdout.decode("utf-8").splitlines()
    last: dict[str, Any] = json.loads(lines[-1]) if lines else {}
    if last.get("event") == "finished":
        steps = last["result"]["steps"]
        return Outcome(
            nodes_before=steps[0]["nodes_after"],
            # Of the graph: an engine counts nodes its own way.
            nodes_after=steps[-2]["nodes_after"],
            max_abs_diff=max(step["max_abs_diff"] for step in steps),
            seconds=last["result"]["seconds"],
            refusal="",
        )
    if last.get("event") == "failed":
        refusal = "{type}: {message}".format(**last["error"])
        return Outcome(0, 0, 0.0, 0.0, refusal)
    return Outcome(0, 0, 0.0, 0.0, f"crashed with status {done.returncode}")


def show(network: Network, outcome: Outcome) -> bool:
    """Print a row; tells whether it is as it should be."""
    if outcome.refusal:
        print(f"| {network.name} | declined | {outcome.refusal} |")
        return not outcome.refusal.startswith("crashed")
    is_equal = outcome.max_abs_diff <= TOLERANCE
    print(
        "| {} | {} -> {} | {:.1e}{} | {:.1f} s |".format(
            network.name,
            outcome.nodes_before,
            outcome.nodes_after,
            outcome.max_abs_diff,
            "" if is_equal else " NOT EQUAL",
            outcome.seconds,
        ),
        flush=True,
    )
    return is_equal


def main(arguments: Sequence[str]) -> int:
    """Convert all; 0 if every one was converted equal, or declined."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--to", default="tensorflow")
    parser.add_argument("--only", default="", help="names that contain this")
    options = parser.parse_args(arguments)
    good = True
    with tempfile.TemporaryDirectory() as scratch:
        networks = networks_in(options.folder) if options.folder else []
        for network in networks:
            if options.only in network.name:
                good &= show(network, convert(network, options.to, Path(scratch)))
        for name in APPLICATIONS:
            if options.only in name:
                network = application(name, Path(scratch))
                good &= show(network, convert(network, options.to, Path(scratch)))
                network.path.unlink()
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
