"""Trackers on films, side by side on the processor's cores, and what is kept of it."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import warnings
from concurrent.futures import ProcessPoolExecutor
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tests.benchmarks.tracking.ablation import ablations
from tests.benchmarks.tracking.contestants import Perfect, follow, peers
from tests.benchmarks.tracking.datasets import all_sets
from tests.benchmarks.tracking.peregrine import Peregrine, PeregrineFilled
from tests.benchmarks.tracking.scores import Score, score
from tests.benchmarks.tracking.streaks import streak_sets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import Future

    from tests.benchmarks.tracking.contestants import Contestant
    from tests.benchmarks.tracking.sequences import Film, Part

    Makers = dict[str, Callable[[Film], Contestant]]

TUNED = Path(__file__).with_name("tuned.json")
TRACKER = Path(__file__).resolve().parents[3] / "app" / "tracking"


class Task(NamedTuple):
    """A tracker and the films of a data set that it is to follow."""

    folder: Path | None
    """Of the data sets that are not in the repository."""
    data_set: str
    part: Part
    draw: int
    tracker: str


class Result(NamedTuple):
    """What came of a task."""

    score: Score
    crashes: list[str]


def makers() -> Makers:
    """Every tracker of the tables."""
    tuned = tuned_settings()
    makers: Makers = {
        "Peregrine": Peregrine,
        "Peregrine, predicted": partial(Peregrine, least_chance=0.7),
        "Peregrine, gaps filled": PeregrineFilled,
        "Perfect association": Perfect,
    }
    for peer in peers():
        makers[peer.name] = peer.make
        if peer.name in tuned:
            makers[f"{peer.name} tuned"] = partial(peer.make, **tuned[peer.name])
    return makers


def tuned_settings() -> dict[str, dict[str, Any]]:
    """Of the peers, by name."""
    settings: dict[str, dict[str, Any]] = json.loads(TUNED.read_text(encoding="utf-8"))
    return settings


@cache
def films_of(folder: Path | None, data_set: str, part: Part, draw: int) -> list[Film]:
    """The films of a data set, made once for each process."""
    sets = [*all_sets(folder), *streak_sets()]
    [found] = [each for each in sets if each.name == data_set]
    return found.films(part, draw)


def pool(jobs: int) -> ProcessPoolExecutor:
    """Processes that know the films made so far."""
    return ProcessPoolExecutor(
        jobs,
        mp_context=multiprocessing.get_context("fork"),
        # What the peers' libraries say of themselves.
        initializer=partial(warnings.simplefilter, "ignore"),
    )


def run(task: Task) -> Result:
    """Follow and score."""
    films = films_of(task.folder, task.data_set, task.part, task.draw)
    make = {**makers(), **ablations()}[task.tracker]
    runs = [follow(make, film) for film in films]
    crashes = [each.crash for each in runs if each.crash]
    return Result(score(films, [each.found for each in runs]), crashes)


class Results:
    """Results by task, kept in a file where one is given.

    A result counts as long as neither the films nor the tracker have changed: the
    peers' settings and the files of `app/tracking`.

    Parameters
    ----------
    path : Path, optional
        File of one JSON object a line.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._known: dict[str, Result] = {}
        if path is not None and path.exists():
            for line in path.read_text(encoding="utf-8").splitlines():
                row = json.loads(line)
                result = Result(Score(*row["score"]), row["crashes"])
                self._known[json.dumps(row["task"])] = result

    def of(self, tasks: Sequence[Task], jobs: int) -> Iterator[Result]:
        """Give the results in the order of the tasks."""
        keys = [_key(task) for task in tasks]  # makes all films, too
        with pool(jobs) as workers:
            futures = {}
            for key, task in zip(keys, tasks, strict=True):
                if key not in self._known:
                    futures[key] = workers.submit(run, task)
                    futures[key].add_done_callback(partial(self._keep, key))
            for key in keys:
                yield futures[key].result() if key in futures else self._known[key]

    def _keep(self, key: str, future: Future[Result]) -> None:
        if self._path is not None and not future.exception():
            score, crashes = future.result()
            row = {"task": json.loads(key), "score": score, "crashes": crashes}
            with self._path.open("a", encoding="utf-8") as lines:
                lines.write(json.dumps(row) + "\n")


def _key(task: Task) -> str:
    films = films_of(task.folder, task.data_set, task.part, task.draw)
    name = task.tracker
    return json.dumps(
        {
            "set": task.data_set,
            "part": task.part.value,
            "draw": task.draw,
            "films": digest_of_films(films),
            "tracker": name,
            "version": _version(name),
        }
    )


def _version(tracker: str) -> object:
    if tracker.endswith(" tuned"):
        return tuned_settings()[tracker.removesuffix(" tuned")]
    if tracker.startswith("Peregrine"):
        return _digest_of_files()
    return None


def digest_of_films(films: Sequence[Film]) -> str:
    """The same on every machine, though the last bits of their numbers are not."""
    digest = hashlib.sha256()
    for film in films:
        for truth, seen in zip(film.truth, film.detections, strict=True):
            for array in (truth.id, truth.box, seen.box, seen.confidence):
                digest.update(np.rint(array * 1000.0).astype(np.int64).tobytes())
    return digest.hexdigest()[:16]


@cache
def _digest_of_files() -> str:
    digest = hashlib.sha256()
    for path in sorted(TRACKER.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
