"""The tables of docs/tracking.md."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tests.benchmarks.tracking.runs import Task
from tests.benchmarks.tracking.scores import Score

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.benchmarks.tracking.runs import Results
    from tests.benchmarks.tracking.sequences import DataSet, Part


def print_scores(
    sets: Sequence[DataSet],
    folder: Path | None,
    trackers: Sequence[str],
    part: Part,
    draws: int,
    results: Results,
    jobs: int,
) -> None:
    """A table for each data set, and the HOTA and IDF1 of all."""
    tasks = [
        Task(folder, each.name, part, draw, tracker)
        for each in sets
        for tracker in trackers
        for draw in range(draws if each.is_drawn else 1)
    ]
    found = zip(tasks, results.of(tasks, jobs), strict=True)
    means: dict[str, dict[str, Score]] = {}
    for each in sets:
        print(f"\n**{each.name}**: {each.what}\n")
        print(
            "| tracker | HOTA | lowest-highest | AssA | DetA | IDF1 | MOTA | LocA"
            " | switches |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- |"
        )
        for tracker in trackers:
            rows = [next(found)[1] for _ in range(draws if each.is_drawn else 1)]
            mean = Score.mean([row.score for row in rows])
            by_draw = [row.score.hota for row in rows]
            print(
                f"| {tracker} | **{mean.hota:.1f}**"
                f" | {min(by_draw):.1f}-{max(by_draw):.1f}"
                f" | {mean.ass_a:.1f} | {mean.det_a:.1f} | {mean.idf1:.1f}"
                f" | {mean.mota:.1f} | {mean.loc_a:.1f} | {mean.switches} |",
                flush=True,
            )
            for crash in (crash for row in rows for crash in row.crashes):
                print(f"<!-- {tracker}: {crash} -->")
            means.setdefault(tracker, {})[each.name] = mean
    for title, figure in (("HOTA", "hota"), ("IDF1", "idf1")):
        print(f"\n**{title}**\n")
        _print_summary(sets, means, figure)


def print_ablation(
    sets: Sequence[DataSet],
    folder: Path | None,
    whole: str,
    others: Sequence[str],
    part: Part,
    draws: int,
    results: Results,
    jobs: int,
) -> None:
    """HOTA of the whole, and what each of the others has more or less."""
    tasks = [
        Task(folder, each.name, part, draw, tracker)
        for tracker in (whole, *others)
        for each in sets
        for draw in range(draws)
    ]
    found = [each.score.hota for each in results.of(tasks, jobs)]
    hota = np.reshape(found, (1 + len(others), len(sets), draws)).mean(axis=2)
    names = " | ".join(each.name for each in sets)
    print(f"| HOTA | {names} | mean |\n{'| --- ' * (len(sets) + 2)}|")
    for tracker, row in zip((whole, *others), hota, strict=True):
        mark = ".1f" if tracker == whole else "+.1f"
        values = row if tracker == whole else row - hota[0]
        cells = " | ".join(f"{value:{mark}}" for value in values)
        print(f"| {tracker} | {cells} | **{values.mean():{mark}}** |", flush=True)


def _print_summary(
    sets: Sequence[DataSet], means: dict[str, dict[str, Score]], figure: str
) -> None:
    fast = [each.name for each in sets if each.is_fast]
    slow = [each.name for each in sets if not each.is_fast]
    print(f"| tracker | {' | '.join([*fast, 'mean', *slow])} |")
    print("| --- " * (len(sets) + 2) + "|")
    for tracker, scores in means.items():
        by_set = {name: getattr(each, figure) for name, each in scores.items()}
        mean = np.mean([by_set[each] for each in fast]) if fast else np.nan
        cells = [
            *(f"{by_set[each]:.1f}" for each in fast),
            f"**{mean:.1f}**",
            *(f"{by_set[each]:.1f}" for each in slow),
        ]
        print(f"| {tracker} | {' | '.join(cells)} |")
