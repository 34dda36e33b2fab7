"""Train a network: clips, training, evaluation, in one command.

    python -m engines.training --network default --folder out/training/default

Stopped at any time, the same command goes on. `python -m engines.training.export`
then writes the model's files.
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
import numpy as np

from engines.training.clips import ClipSettings, make_clips
from engines.training.evaluate import judge, keras_predict, print_scores
from engines.training.networks import (
    NETWORKS,
    build_network,
    multiply_accumulates,
    set_weights,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray


def main() -> None:
    """Run the command line."""
    options = _parser().parse_args()
    # The loader and the renderer run side by side already.
    cv2.setNumThreads(1)
    # JAX where it is installed: that is the machine with the large processor.
    has_jax = importlib.util.find_spec("jax") is not None
    os.environ.setdefault("KERAS_BACKEND", "jax" if has_jax else "tensorflow")
    folder = options.folder or Path("out/training") / options.network
    clip_settings = ClipSettings(count=options.clips, seed=options.seed)
    clips_path = options.clips_folder / f"clips-{options.clips}-{options.seed}.npy"
    if not clips_path.exists():
        make_clips(clip_settings, clips_path, options.processes)
    if options.only_clips:
        return
    _train_and_judge(options, np.load(clips_path, mmap_mode="r"), folder)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m engines.training", description="Train a network of Peregrine."
    )
    parser.add_argument("--network", choices=sorted(NETWORKS), default="default")
    parser.add_argument("--folder", type=Path, help="of the run; goes on if it exists")
    parser.add_argument("--clips", type=int, default=40_000, help="clips to learn from")
    parser.add_argument("--clips-folder", type=Path, default=Path("out/training"))
    parser.add_argument("--only-clips", action="store_true", help="make them and stop")
    parser.add_argument("--processes", type=int, help="that render; default every core")
    parser.add_argument("--steps", type=int, default=30_000)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--round", type=int, default=250, help="steps a checkpoint")
    parser.add_argument("--rate", type=float, default=2e-3, help="peak learning rate")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--scenes", type=int, default=150, help="to be judged on")
    return parser


def _train_and_judge(
    options: argparse.Namespace, clips: NDArray[np.uint8], folder: Path
) -> None:
    from engines.training.train import TrainingSettings, train

    settings = TrainingSettings(
        network=options.network,
        steps=options.steps,
        batch_size=options.batch,
        steps_per_round=options.round,
        peak_rate=options.rate,
        held_back=min(512, len(clips) // 8),
        seed=options.seed,
    )
    start_s = time.monotonic()
    weights = train(settings, clips, folder)
    trained_s = time.monotonic() - start_s
    network = build_network(NETWORKS[options.network])
    set_weights(network, weights)
    height_px, width_px = network.input.shape[1:3]
    report = {
        "network": options.network,
        "parameters": int(network.count_params()),
        "gflop": round(2e-9 * multiply_accumulates(network), 4),
        "clips": len(clips),
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
    (folder / "report.json").write_text(json.dumps(report, indent=2) + "\n")
    print(
        f"{report['network']}: {report['parameters']} parameters, {report['gflop']} "
        f"GFLOP, trained for {trained_s:.0f} s"
    )
    print_scores(report)


if __name__ == "__main__":
    main()
