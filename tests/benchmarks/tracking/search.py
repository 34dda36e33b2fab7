"""The peers' settings: the best of random ones on the tuning part."""

from __future__ import annotations

import json
from concurrent.futures import as_completed
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tests.benchmarks.tracking.contestants import Peer, follow, peers
from tests.benchmarks.tracking.runs import (
    TUNED,
    digest_of_films,
    films_of,
    pool,
    tuned_settings,
)
from tests.benchmarks.tracking.scores import hota_of
from tests.benchmarks.tracking.sequences import Part

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.benchmarks.tracking.sequences import DataSet

HOPELESS = 40.0
"""Settings so many points behind the first ones, summed over sets, are dropped."""


class Try(NamedTuple):
    """Settings of a peer that are to be tried."""

    peer: str
    settings: dict[str, Any]
    folder: Path | None
    sets: tuple[str, ...]
    """In this order."""
    first: tuple[float, ...]
    """HOTA by set of the peer's first settings; empty for these themselves."""


def tune(
    sets: Sequence[DataSet],
    folder: Path | None,
    tries: int,
    starts: tuple[str, ...],
    journal: Path,
    jobs: int,
) -> None:
    """Choose settings of the peers whose names start so, and keep them.

    The settings there are, or those that `journal` begins with, are the first try of
    each peer, and all others are measured by them: what is found does not depend on
    the order in which tries end. What `journal` holds is not tried again, so a search
    that was stopped goes on.

    Parameters
    ----------
    sets : sequence of DataSet
    folder : Path, optional
        Of the data sets that are not in the repository.
    tries : int
        Random settings of each peer.
    starts : tuple of str
    journal : Path
        One JSON object a line.
    jobs : int
        Tries that run side by side.
    """
    names = _cheap_first([each.name for each in sets if each.is_fast], folder)
    known = _Journal(journal, _digest(names, folder))
    chosen = tuned_settings()
    searched = [peer for peer in peers() if peer.name.startswith(starts)]
    with pool(jobs) as workers:

        def measure(some: Sequence[Try]) -> None:
            new = [each for each in some if known.hota(each) is None]
            futures = {workers.submit(_hota, each): each for each in new}
            for future in as_completed(futures):
                known.note(futures[future], future.result())

        start = [
            Try(
                peer.name,
                known.first(peer.name) or chosen.get(peer.name, {}),
                folder,
                names,
                (),
            )
            for peer in searched
        ]
        measure(start)
        drawn = {
            peer.name: _drawn(peer, first, tries, tuple(known.hota(first) or ()))
            for peer, first in zip(searched, start, strict=True)
        }
        # The peers in turn, so that they have about as many tries when it is stopped.
        measure([each for turn in zip(*drawn.values(), strict=True) for each in turn])
    for first in start:
        best = max(
            [first, *drawn[first.peer]],
            key=lambda each: _mean_of_all(known.hota(each), len(names)),
        )
        chosen[first.peer] = best.settings
        mean = _mean_of_all(known.hota(best), len(names))
        print(f"{first.peer}: {mean:.1f} with {best.settings}", flush=True)
    TUNED.write_text(json.dumps(chosen, indent=1) + "\n", encoding="utf-8")


def _cheap_first(names: Sequence[str], folder: Path | None) -> tuple[str, ...]:
    """Most settings are dropped after the first sets."""

    def detections(name: str) -> int:
        films = films_of(folder, name, Part.TUNING, 0)
        return sum(len(each.box) for film in films for each in film.detections)

    return tuple(sorted(names, key=detections))


def _digest(names: Sequence[str], folder: Path | None) -> str:
    films = (films_of(folder, name, Part.TUNING, 0) for name in names)
    return digest_of_films([film for some in films for film in some])


def _drawn(peer: Peer, first: Try, tries: int, hota: tuple[float, ...]) -> list[Try]:
    random = np.random.default_rng([17, *peer.name.encode()])
    return [
        first._replace(settings=peer.draw(random), first=hota) for _ in range(tries)
    ]


def _hota(each: Try) -> list[float]:
    """Of every set, or of the first ones where it is hopeless by then."""
    [peer] = [peer for peer in peers() if peer.name == each.peer]
    make = partial(peer.make, **each.settings)
    hota: list[float] = []
    for name in each.sets:
        films = films_of(each.folder, name, Part.TUNING, 0)
        hota.append(hota_of(films, [follow(make, film).found for film in films]))
        if each.first and sum(hota) < sum(each.first[: len(hota)]) - HOPELESS:
            break
    return hota


def _mean_of_all(hota: Sequence[float] | None, count: int) -> float:
    """Settings that were dropped, or not tried, are not chosen."""
    return float(np.mean(hota)) if hota and len(hota) == count else -1.0


class _Journal:
    """Tries and what came of them.

    Parameters
    ----------
    path : Path
    films : str
        Digest of the films: tries on others do not count.
    """

    def __init__(self, path: Path, films: str) -> None:
        self._path = path
        self._films = films
        self._hota: dict[str, list[float]] = {}
        self._first: dict[str, dict[str, Any]] = {}
        if path.exists():
            for line in path.read_text(encoding="utf-8").splitlines():
                row = json.loads(line)
                if row["films"] != films:
                    raise SystemExit(f"{path} is of other films: name another file")
                self._add(row["peer"], row["settings"], row["hota"])

    def first(self, peer: str) -> dict[str, Any] | None:
        return self._first.get(peer)

    def hota(self, each: Try) -> list[float] | None:
        return self._hota.get(_key(each.peer, each.settings))

    def note(self, each: Try, hota: list[float]) -> None:
        self._add(each.peer, each.settings, hota)
        row = {
            "films": self._films,
            "peer": each.peer,
            "settings": each.settings,
            "hota": hota,
        }
        with self._path.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(row) + "\n")
        print(f"{each.peer}: {np.mean(hota):.1f} of {len(hota)} sets", flush=True)

    def _add(self, peer: str, settings: dict[str, Any], hota: list[float]) -> None:
        self._first.setdefault(peer, settings)
        self._hota[_key(peer, settings)] = hota


def _key(peer: str, settings: dict[str, Any]) -> str:
    return json.dumps([peer, settings])
