"""Tracking compared with other trackers on the same detections.

    make tracking-benchmark                      # the tables of docs/tracking.md
    make tracking-benchmark ARGS="--data FOLDER" # and the sets that FOLDER holds
    make tracking-benchmark ARGS="--tune 40"     # choose the peers' settings anew
    make tracking-benchmark ARGS="--cost"        # time a frame, 1 to 1000 objects

Films, noise and searches have fixed seeds. The peers' settings are chosen on the tuning
part alone, by the mean HOTA over its fast data sets, from random settings; the tables
show the test part. Peers with their defaults see one draw of the noise only.
"""

from __future__ import annotations

import argparse
import json
import sys
import warnings
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tests.benchmarks.tracking.contestants import (
    Peregrine,
    PeregrineFilled,
    Perfect,
    follow,
    peers,
)
from tests.benchmarks.tracking.datasets import all_sets
from tests.benchmarks.tracking.scores import Score, hota_of, score
from tests.benchmarks.tracking.sequences import Detections, Film, Part, Truth

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.benchmarks.tracking.contestants import Contestant, Peer
    from tests.benchmarks.tracking.sequences import DataSet

    Makers = dict[str, Callable[[Film], Contestant]]
    Try = tuple[dict[str, Any], list[float]]
    """Settings, and their HOTA by data set."""

TUNED = Path(__file__).with_name("tuned.json")
HOPELESS = 40.0
"""Settings so many points behind the best, summed over the sets so far, are dropped."""
COST_OBJECTS = (1, 5, 20, 100, 300, 1000)
COST_SECONDS = 4.0
"""A tracker that takes longer for its frames is stopped."""


def main() -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder with mot15 and kickercam")
    parser.add_argument("--draws", type=int, default=3, help="draws of the noise")
    parser.add_argument("--sets", nargs="+", help="names of data sets (default: all)")
    parser.add_argument("--part", choices=[each.value for each in Part], default="test")
    parser.add_argument("--only", nargs="+", help="trackers whose names start so")
    parser.add_argument("--tune", type=int, metavar="N", help="settings to try")
    parser.add_argument(
        "--journal", type=Path, help="file of tries: a search goes on from there"
    )
    parser.add_argument("--cost", action="store_true", help="time a frame, no scores")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")  # what the peers' libraries say of themselves
    if arguments.cost:
        print_costs(_makers(json.loads(TUNED.read_text(encoding="utf-8"))))
        return 0
    sets = [
        each
        for each in all_sets(arguments.data)
        if not arguments.sets or each.name in arguments.sets
    ]
    if arguments.tune:
        starts = tuple(arguments.only or [""])
        tune(sets, arguments.tune, starts, arguments.journal)
        return 0
    makers = _makers(json.loads(TUNED.read_text(encoding="utf-8")))
    if arguments.only:
        starts = tuple(arguments.only)
        makers = {
            name: make for name, make in makers.items() if name.startswith(starts)
        }
    print_scores(sets, makers, Part(arguments.part), arguments.draws)
    return 0


def _makers(tuned: dict[str, dict[str, Any]]) -> Makers:
    makers: Makers = {
        "Peregrine": Peregrine,
        "Peregrine, one frame predicted": partial(Peregrine, predicted_frames=1),
        "Peregrine, gaps filled": PeregrineFilled,
        "Perfect association": Perfect,
    }
    for peer in peers():
        makers[peer.name] = peer.make
        if peer.name in tuned:
            makers[f"{peer.name} tuned"] = partial(peer.make, **tuned[peer.name])
    return makers


# Scores


def print_scores(
    sets: Sequence[DataSet], makers: Makers, part: Part, draws: int
) -> None:
    """A table for each data set, and the means."""
    hota: dict[str, dict[str, float]] = {}
    for each in sets:
        print(f"\n### {each.name}: {each.what}\n", flush=True)
        print(
            "| tracker | HOTA | lowest-highest | AssA | DetA | IDF1 | MOTA | LocA"
            " | switches | frames/s |\n"
            "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |"
        )
        films = [each.films(part, n) for n in range(draws if each.is_drawn else 1)]
        for name, make in makers.items():
            is_peer_as_it_is = name in {peer.name for peer in peers()}
            seen = films[:1] if is_peer_as_it_is else films
            mean, lowest, highest, rate_hz, crashes = measure(seen, make)
            print(
                f"| {name} | **{mean.hota:.1f}** | {lowest:.1f}-{highest:.1f}"
                f" | {mean.ass_a:.1f} | {mean.det_a:.1f} | {mean.idf1:.1f}"
                f" | {mean.mota:.1f} | {mean.loc_a:.1f} | {mean.switches}"
                f" | {rate_hz:.0f} |",
                flush=True,
            )
            for crash in crashes:
                print(f"<!-- {name}: {crash} -->")
            hota.setdefault(name, {})[each.name] = mean.hota
    print("\n### HOTA, all data sets\n")
    _print_summary(sets, hota)


def measure(
    films: Sequence[Sequence[Film]], make: Callable[[Film], Contestant]
) -> tuple[Score, float, float, float, list[str]]:
    """Mean score over draws, lowest and highest HOTA, frames/s, crashes."""
    scores, seconds, frames, crashes = [], 0.0, 0, []
    for draw in films:
        runs = [follow(make, film) for film in draw]
        scores.append(score(draw, [run.found for run in runs]))
        seconds += sum(run.seconds for run in runs)
        frames += sum(len(film.detections) for film in draw)
        crashes += [run.crash for run in runs if run.crash]
    hota = [each.hota for each in scores]
    rate_hz = frames / max(seconds, 1e-9)
    return Score.mean(scores), min(hota), max(hota), rate_hz, crashes


def _print_summary(sets: Sequence[DataSet], hota: dict[str, dict[str, float]]) -> None:
    fast = [each.name for each in sets if each.is_fast]
    slow = [each.name for each in sets if not each.is_fast]
    print(f"| tracker | {' | '.join(fast)} | mean of these | {' | '.join(slow)} |")
    print("| --- " * (len(sets) + 2) + "|")
    for name, by_set in hota.items():
        mean = np.mean([by_set[each] for each in fast]) if fast else np.nan
        cells = [
            *(f"{by_set[each]:.1f}" for each in fast),
            f"**{mean:.1f}**",
            *(f"{by_set[each]:.1f}" for each in slow),
        ]
        print(f"| {name} | {' | '.join(cells)} |")


# Tuning


def tune(
    sets: Sequence[DataSet], tries: int, starts: tuple[str, ...], journal: Path | None
) -> None:
    """Choose settings of the peers whose names start so, and keep them.

    All peers get their first try, then all their second, so that they had as many
    whenever this is stopped. The settings there are count as one more. What
    `journal` has of an earlier run is not tried again.
    """
    fast = [each.films(Part.TUNING, 0) for each in sets if each.is_fast]
    # The cheap ones first: most settings are dropped there.
    fast.sort(key=lambda films: sum(len(d.box) for f in films for d in f.detections))
    chosen = json.loads(TUNED.read_text(encoding="utf-8"))
    searches = [
        _Search(peer, fast, chosen.get(peer.name, {}), _tried(journal, peer.name))
        for peer in peers()
        if peer.name.startswith(starts)
    ]
    for number in range(tries + 1):
        for search in searches:
            settings, hota = search.go_on()
            chosen[search.peer.name] = search.best_settings
            print(
                f"{search.peer.name} {number}/{tries}: {np.mean(hota):.1f} of"
                f" {len(hota)} sets, best {np.mean(search.best_hota or 0):.1f}",
                flush=True,
            )
            if journal is not None and number >= search.known_tries:
                _note(journal, search.peer.name, settings, hota)
        TUNED.write_text(json.dumps(chosen, indent=1) + "\n", encoding="utf-8")


class _Search:
    """Random settings of one peer, and the best of them.

    Parameters
    ----------
    peer : Peer
    sets : sequence of lists of Film
    known : dict
        Settings to try before the random ones.
    tried : list of (dict, list of float)
        Settings and HOTA by set, of an earlier run.
    """

    def __init__(
        self,
        peer: Peer,
        sets: Sequence[Sequence[Film]],
        known: dict[str, Any],
        tried: list[Try],
    ) -> None:
        self.peer = peer
        self.best_hota: list[float] = []
        self.best_settings: dict[str, Any] = {}
        self._sets = sets
        self._random = np.random.default_rng([17, *peer.name.encode()])
        self._first = tried[0][0] if tried else known
        self._tried = tried
        self._count = 0

    @property
    def known_tries(self) -> int:
        """Tries that an earlier run made."""
        return len(self._tried)

    def go_on(self) -> Try:
        """Try the next settings, or take what an earlier run found."""
        settings = self.peer.draw(self._random) if self._count else self._first
        if self._count < len(self._tried):
            before, hota = self._tried[self._count]
            if before != settings:
                raise SystemExit("the journal is of another search: start a new one")
        else:
            hota = self._hota(settings)
        self._count += 1
        if len(hota) == len(self._sets) and sum(hota) > sum(self.best_hota):
            self.best_hota, self.best_settings = hota, settings
        return settings, hota

    def _hota(self, settings: dict[str, Any]) -> list[float]:
        """Of every set, or of the first ones where it is hopeless by then."""
        make = partial(self.peer.make, **settings)
        hota: list[float] = []
        for films in self._sets:
            hota.append(hota_of(films, [follow(make, film).found for film in films]))
            if sum(hota) < sum(self.best_hota[: len(hota)]) - HOPELESS:
                break
        return hota


def _tried(journal: Path | None, name: str) -> list[Try]:
    if journal is None or not journal.exists():
        return []
    lines = journal.read_text(encoding="utf-8").splitlines()
    tries = [json.loads(line) for line in lines]
    return [(each["settings"], each["hota"]) for each in tries if each["peer"] == name]


def _note(
    journal: Path, name: str, settings: dict[str, Any], hota: list[float]
) -> None:
    with journal.open("a", encoding="utf-8") as lines:
        lines.write(json.dumps({"peer": name, "settings": settings, "hota": hota}))
        lines.write("\n")


# Cost


def print_costs(makers: Makers) -> None:
    """Frames a second of every tracker alone, by the number of objects."""
    print(f"| tracker | {' | '.join(map(str, COST_OBJECTS))} |")
    print("| --- " * (len(COST_OBJECTS) + 1) + "|")
    films = [_crowd(objects) for objects in COST_OBJECTS]
    for name, make in makers.items():
        if name.startswith(("Peregrine,", "Perfect")):
            continue
        cells = [f"{_rate_hz(make, film):.0f}" for film in films]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


def _rate_hz(make: Callable[[Film], Contestant], film: Film) -> float:
    """The best of three runs: other programs only slow one down."""
    rates = []
    for _ in range(3):
        run = follow(make, film)
        if run.crash:
            return float("nan")
        rates.append(len(film.detections) / run.seconds)
        if run.seconds > COST_SECONDS:
            break
    return max(rates)


def _crowd(objects: int) -> Film:
    """Objects that cross a field, which grows with them, two body lengths a frame."""
    random = np.random.default_rng([23, objects])
    side_px = 80.0 * max(9.0, np.sqrt(objects))
    place = random.random((objects, 2)) * side_px
    angle = random.random(objects) * 2 * np.pi
    step = 16.0 * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    truth, detections = [], []
    for number in range(120 if objects <= 100 else 30):
        path = (place + step * number) % (2 * side_px)
        centre = side_px - np.abs(path - side_px)
        box = np.concatenate([centre, np.full((objects, 2), 8.0)], axis=1)
        truth.append(Truth.of(np.arange(objects), box))
        noisy = box + random.normal(0, 0.5, box.shape)
        is_seen = random.random(objects) > 0.05
        detections.append(Detections(noisy[is_seen], np.full(is_seen.sum(), 0.9)))
    return Film(f"crowd-{objects}", 120.0, truth, detections)


if __name__ == "__main__":
    sys.exit(main())
