"""What the networks find under one condition at a time, on rendered scenes.

    .venv/bin/python -m tests.benchmarks.network_conditions

Every row changes one thing about the same scenes: four objects of 10 px (full frame)
that move 1.5 body lengths a frame, of clear contrast, on a still camera with the
synthetic source's noise and blur. The command prints the table that the datasheet
shows; the scenes are decided by their seeds.
"""

from __future__ import annotations

import argparse
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engines.base import EngineKind
from engines.catalogue import open_engine
from engines.manifest import load_manifest
from engines.scene import SceneSettings
from engines.training.evaluate import answers, engine_predict, score
from engines.training.questions import SHRINK, questions_of
from tests.benchmarks.real_clips import NAMES, ROOT

if TYPE_CHECKING:
    from engines.training.questions import Question

_SEED = 31_000
_RATE_HZ = 120.0
_SIZE_PX = 10.0
_LENGTHS = 1.5


def _moving(size_px: float, lengths: float) -> dict[str, Any]:
    """Objects of one size that all move so many body lengths a frame."""
    speed = size_px * lengths * _RATE_HZ
    return {"size_px": (size_px, size_px), "speed_px_s": (speed, speed)}


CONDITIONS: dict[str, dict[str, dict[str, Any]]] = {
    "size of the object, px": {
        f"{size:g}": _moving(size, _LENGTHS) for size in (3, 5, 10, 20, 40, 80)
    },
    "speed, body lengths a frame": {
        f"{lengths:g}": _moving(_SIZE_PX, lengths)
        for lengths in (0.1, 0.2, 0.5, 1, 2, 5, 10)
    },
    "contrast, grey levels": {
        f"{grey:g}": {"contrast": (grey, grey)} for grey in (10, 20, 40, 80, 120)
    },
    "noise, grey levels": {
        f"{sigma:g}": {"noise_sigma": sigma} for sigma in (0, 3, 6, 12, 20)
    },
    "blur, share of the frame's time": {
        f"{share:g}": {"exposure_ratio": share} for share in (0.05, 0.5, 1)
    },
    "shaking camera, px": {
        f"{shake:g}": {"jitter_px": shake} for shake in (0, 0.5, 1, 2, 4)
    },
    "panning camera, px a frame": {
        f"{pan:g}": {"drift_px_s": pan * _RATE_HZ} for pan in (0.25, 1, 2, 4)
    },
    "distractors": {f"{count}": {"clutter": count} for count in (0, 6, 30, 100)},
    "bars before them": {f"{count}": {"occluders": count} for count in (0, 3, 8)},
    "flicker of the light": {
        f"{ratio:g}": {"flicker_ratio": ratio} for ratio in (0, 0.02, 0.06, 0.15)
    },
    "objects": {f"{count}": {"object_count": count} for count in (1, 4, 20, 60)},
}
"""By condition and level: what differs from the plain scene."""


def questions(changes: dict[str, Any], scenes: int) -> list[Question]:
    """Scenes under one condition."""
    given = {"object_count": 4, "contrast": (80.0, 80.0), "clutter": 6}
    given |= _moving(_SIZE_PX, _LENGTHS) | changes
    drawn = [
        SceneSettings(
            width_px=320 * SHRINK, height_px=240 * SHRINK, seed=_SEED + number, **given
        )
        for number in range(scenes)
    ]
    return questions_of(drawn, 2, processes=1)


def main() -> None:
    """Print the table, in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--models",
        type=Path,
        nargs="+",
        default=[ROOT / "resources/models" / n for n in NAMES],
        metavar="FOLDER",
    )
    parser.add_argument("--scenes", type=int, default=10, help="of each level")
    arguments = parser.parse_args()
    manifests = [load_manifest(folder) for folder in arguments.models]
    names = " | ".join(folder.name for folder in arguments.models)
    print(f"| condition | level | {names} |")
    print("| --- " * (2 + len(manifests)) + "|")
    for condition, levels in CONDITIONS.items():
        for level, changes in levels.items():
            asked = questions(changes, arguments.scenes)
            cells = []
            for manifest in manifests:
                thresholds = manifest.threshold_low, manifest.threshold_high
                with closing(open_engine(EngineKind.OPENVINO, manifest)) as engine:
                    given = answers(engine_predict(engine), asked)
                found = score(asked, given, *thresholds)
                cells.append(
                    f"{found.f1:.2f} ({found.precision:.2f}/{found.recall:.2f})"
                )
            print(f"| {condition} | {level} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
