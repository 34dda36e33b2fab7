"""Train the networks: clips, training, evaluation, in one command.

    python -m engines.training --folder out/training/run

Stopped at any time, the same command goes on. `python -m engines.training.export`
then writes the models' files.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import cv2

if TYPE_CHECKING:
    from engines.training.train import TrainingSettings

NAMES = ("fast", "medium", "large")


def main() -> None:
    """Run the command line."""
    options = _parser().parse_args()
    # The threads are the training library's.
    cv2.setNumThreads(1)
    # JAX where it is installed: that is the machine with the large processor.
    has_jax = importlib.util.find_spec("jax") is not None
    os.environ.setdefault("KERAS_BACKEND", "jax" if has_jax else "tensorflow")
    import keras

    from engines.training.train import TrainingSettings, train

    if options.mixed:
        keras.config.set_dtype_policy("mixed_bfloat16")
    settings = TrainingSettings(
        networks=tuple(name for name in NAMES if name in options.networks),
        steps=options.steps,
        batch_size=options.batch,
        steps_per_round=options.round,
        peak_rate=options.rate,
        held_back=options.held_back,
        seed=options.seed,
        scene_ratio=options.scene_ratio,
        start_folder=options.start,
        averaged_rounds=options.average,
    )
    start_s = time.monotonic()
    train(settings, options.folder)
    trained_s = time.monotonic() - start_s
    print(f"trained for {trained_s:.0f} s")
    keras.config.set_dtype_policy("float32")
    if options.scenes:
        for name in settings.networks:
            _judge(name, settings, options, trained_s)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m engines.training", description="Train networks of Peregrine."
    )
    parser.add_argument(
        "--networks",
        nargs="+",
        choices=NAMES,
        default=NAMES,
        help="the largest teaches",
    )
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path("out/training/run"),
        help="of the run; goes on if it exists",
    )
    parser.add_argument("--steps", type=int, default=12_000)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--round", type=int, default=100, help="steps a checkpoint")
    parser.add_argument("--rate", type=float, default=3e-3, help="peak learning rate")
    parser.add_argument("--held-back", type=int, default=512, help="clips to check on")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--from",
        dest="start",
        type=Path,
        metavar="FOLDER",
        help="with NAME.npz of each network, to begin with (default: from nothing)",
    )
    parser.add_argument(
        "--scene-ratio",
        type=float,
        default=0.0,
        metavar="R",
        help="share of clips that look like the synthetic source's (default: 0)",
    )
    parser.add_argument(
        "--average",
        type=int,
        default=0,
        metavar="N",
        help="give the mean weights of about the last N rounds (default: the last)",
    )
    parser.add_argument(
        "--mixed", action="store_true", help="bf16 arithmetic, for a GPU that has it"
    )
    parser.add_argument(
        "--scenes", type=int, default=150, help="to be judged on; 0 does not judge"
    )
    parser.add_argument("--processes", type=int, help="that render; default every core")
    return parser


def _judge(
    name: str, settings: TrainingSettings, options: argparse.Namespace, trained_s: float
) -> None:
    from engines.training.evaluate import judge, keras_predict, print_scores
    from engines.training.networks import (
        NETWORKS,
        build_network,
        load_weights,
        multiply_accumulates,
        set_weights,
    )

    network = build_network(NETWORKS[name])
    set_weights(network, load_weights(options.folder / f"{name}.npz"))
    height_px, width_px = network.input.shape[1:3]
    report = {
        "network": name,
        "parameters": int(network.count_params()),
        "gflop": round(2e-9 * multiply_accumulates(network), 4),
        "steps": settings.steps,
        "batch_size": settings.batch_size,
        "seed": settings.seed,
        "trained_s": round(trained_s, 1),
        **judge(
            keras_predict(network),
            (width_px, height_px),
            options.scenes,
            options.processes,
        ),
    }
    path = options.folder / f"{name}.json"
    path.write_text(json.dumps(report, indent=2) + "\n")
    print(f"{name}: {report['parameters']} parameters, {report['gflop']} GFLOP")
    print_scores(report)


if __name__ == "__main__":
    main()
