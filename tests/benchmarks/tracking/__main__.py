"""Tracking compared with other trackers on the same detections.

    make tracking-benchmark                      # the tables of docs/tracking.md
    make tracking-benchmark ARGS="--data FOLDER" # and the sets that FOLDER holds
    make tracking-benchmark ARGS="--tune 100 --journal FILE"  # the peers' settings anew
    make tracking-benchmark ARGS="--cost"        # time a frame, 1 to 1000 objects
    make tracking-benchmark ARGS="--ablate"      # what each part of the tracker gives
    make tracking-benchmark ARGS="--flood"       # a minute of nothing but noise

Films, noise and searches have fixed seeds. The peers' settings are chosen on the tuning
part alone, by the mean HOTA over its fast data sets, from random settings; the tables
show the test part.
"""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from tests.benchmarks.tracking.ablation import ablations
from tests.benchmarks.tracking.cost import print_costs
from tests.benchmarks.tracking.datasets import all_sets
from tests.benchmarks.tracking.flood import print_flood
from tests.benchmarks.tracking.runs import Results, makers
from tests.benchmarks.tracking.search import tune
from tests.benchmarks.tracking.sequences import Part
from tests.benchmarks.tracking.streaks import streak_sets
from tests.benchmarks.tracking.tables import print_ablation, print_scores

if TYPE_CHECKING:
    from tests.benchmarks.tracking.sequences import DataSet


def main() -> int:
    """Print the tables."""
    arguments = _parser().parse_args()
    warnings.simplefilter("ignore")  # what the peers' libraries say of themselves
    starts = tuple(arguments.only or [""])
    chosen = {name: make for name, make in makers().items() if name.startswith(starts)}
    if arguments.flood:
        print_flood()
        return 0
    if arguments.cost:
        print_costs(chosen)
        return 0
    sets = [
        each
        for each in (*all_sets(arguments.data), *_streaks(arguments))
        if not arguments.sets or each.name in arguments.sets
    ]
    if arguments.tune:
        tune(
            sets,
            arguments.data,
            arguments.tune,
            starts,
            arguments.journal,
            arguments.jobs,
        )
        return 0
    how = (
        Part(arguments.part),
        arguments.draws,
        Results(arguments.results),
        arguments.jobs,
    )
    if arguments.ablate:
        drawn = [each for each in sets if each.is_drawn]
        parts = [name for name in ablations() if name.startswith(starts)]
        print_ablation(drawn, arguments.data, "Peregrine", parts, *how)
        return 0
    print_scores(sets, arguments.data, list(chosen), *how)
    return 0


def _streaks(arguments: argparse.Namespace) -> list[DataSet]:
    """Sets that are shown only where they are asked for."""
    wanted = arguments.sets or []
    is_wanted = arguments.ablate or any(name.startswith("Streak") for name in wanted)
    return streak_sets() if is_wanted and not arguments.tune else []


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder with mot15 and kickercam")
    parser.add_argument("--draws", type=int, default=3, help="draws of the noise")
    parser.add_argument("--sets", nargs="+", help="names of data sets (default: all)")
    parser.add_argument("--part", choices=[each.value for each in Part], default="test")
    parser.add_argument(
        "--only", nargs="+", help="trackers, or rows, whose names start so"
    )
    parser.add_argument(
        "--jobs",
        type=int,
        default=os.cpu_count() or 1,
        help="processes side by side; the figures are the same with any number",
    )
    parser.add_argument(
        "--results", type=Path, help="file of results: what it has is not run again"
    )
    parser.add_argument("--tune", type=int, metavar="N", help="settings to try")
    parser.add_argument(
        "--journal",
        type=Path,
        default=Path("tracking_tries.jsonl"),
        help="file of tries: a search goes on from there",
    )
    parser.add_argument("--cost", action="store_true", help="time a frame, no scores")
    parser.add_argument(
        "--ablate", action="store_true", help="what each part of the tracker gives"
    )
    parser.add_argument(
        "--flood", action="store_true", help="a minute of 10,000 detections a frame"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
