"""TrackEval's measures of tracks against the truth."""

from __future__ import annotations

import contextlib
import io
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from trackeval.metrics import CLEAR, HOTA, Identity

from tests.benchmarks.tracking.likeness import nearness, overlap

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tests.benchmarks.tracking.sequences import Film, Found


class Score(NamedTuple):
    """Of one tracker on some films; ratios in percent."""

    hota: float
    ass_a: float
    det_a: float
    idf1: float
    mota: float
    loc_a: float
    switches: int

    @staticmethod
    def mean(scores: Sequence[Score]) -> Score:
        """Of every column; switches are rounded."""
        *ratios, switches = np.mean(scores, axis=0).tolist()
        return Score(*ratios, round(switches))


def score(films: Sequence[Film], found: Sequence[Sequence[Found]]) -> Score:
    """Measure the tracks of some films together."""
    # TrackEval prints how long it took.
    with contextlib.redirect_stdout(io.StringIO()):
        tables = [
            _table(film, tracks) for film, tracks in zip(films, found, strict=True)
        ]
        results = [_measured(metric, tables) for metric in (_HOTA, _CLEAR, _IDENTITY)]
    hota, clear, identity = results
    return Score(
        100 * float(np.mean(hota["HOTA"])),
        100 * float(np.mean(hota["AssA"])),
        100 * float(np.mean(hota["DetA"])),
        100 * float(identity["IDF1"]),
        100 * float(clear["MOTA"]),
        100 * float(np.mean(hota["LocA"])),
        int(clear["IDSW"]),
    )


def hota_of(films: Sequence[Film], found: Sequence[Sequence[Found]]) -> float:
    """`score(...).hota` alone, which takes half the time."""
    with contextlib.redirect_stdout(io.StringIO()):
        tables = [_table(*each) for each in zip(films, found, strict=True)]
        return 100 * float(np.mean(_measured(_HOTA, tables)["HOTA"]))


_HOTA = HOTA()
_CLEAR = CLEAR({"THRESHOLD": 0.5, "PRINT_CONFIG": False})
_IDENTITY = Identity({"THRESHOLD": 0.5, "PRINT_CONFIG": False})


def _measured(metric: object, tables: Sequence[dict]) -> dict:
    results = {
        str(number): metric.eval_sequence(table) for number, table in enumerate(tables)
    }
    return metric.combine_sequences(results)


def _table(film: Film, found: Sequence[Found]) -> dict:
    """The form that TrackEval's measures take: ids counted from 0."""
    true_ids, true_count = _renumbered([each.id for each in film.truth])
    found_ids, found_count = _renumbered([each.id for each in found])
    alike = overlap if film.is_scored_by_overlap else nearness
    return {
        "num_timesteps": len(film.truth),
        "gt_ids": true_ids,
        "tracker_ids": found_ids,
        "similarity_scores": [
            alike(truth, each.box)
            for truth, each in zip(film.truth, found, strict=True)
        ],
        "num_gt_ids": true_count,
        "num_tracker_ids": found_count,
        "num_gt_dets": sum(map(len, true_ids)),
        "num_tracker_dets": sum(map(len, found_ids)),
    }


def _renumbered(
    ids: Sequence[NDArray[np.int64]],
) -> tuple[list[NDArray[np.intp]], int]:
    for each in ids:
        if len(np.unique(each)) != len(each):
            raise ValueError(f"an id is twice in one frame: {each.tolist()}")
    known, rank = np.unique(np.concatenate(ids), return_inverse=True)
    ends = np.cumsum([len(each) for each in ids])[:-1]
    return np.split(rank, ends), len(known)
