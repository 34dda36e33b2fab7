from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from app.errors import OutputError
from app.frames import Blobs, Frame, FrameResult
from app.track_table import COLUMNS, TrackTable
from app.tracking.tracker import Tracker


def _results(count: int) -> list[FrameResult]:
    """A spot that moves 10 px a frame, tracked."""
    tracker = Tracker()
    results = []
    for index in range(count):
        frame = Frame(index, index * 8_333_333, 0, np.zeros((48, 640), np.uint8))
        blobs = Blobs.of([20.0 + 10 * index], [24.0])
        tracks = tracker.update(blobs, frame.time_s)
        mask = np.zeros((48, 640), np.bool_)
        results.append(FrameResult(frame, blobs, tracks, mask, (0, 0, 640, 48), 0))
    return results


def test_each_row_is_one_track_in_one_frame(tmp_path: Path) -> None:
    path = tmp_path / "tracks.csv"

    with TrackTable(path) as table:
        for result in _results(12):
            table.write(result)

    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    last = rows[-1]
    assert tuple(last) == COLUMNS
    assert (last["frame"], last["time_us"]) == ("11", "91666")
    assert (last["track_id"], last["state"]) == ("1", "confirmed")
    assert float(last["x_px"]) == pytest.approx(130, abs=0.5)
    assert float(last["vx_px_s"]) == pytest.approx(1200, rel=0.05)


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="No such file") as refusal:
        TrackTable(tmp_path / "nowhere" / "tracks.csv")

    assert refusal.value.hint


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's /dev/full")
def test_a_full_disk_is_said() -> None:
    def fill() -> None:
        with TrackTable(Path("/dev/full")) as table:
            for result in _results(12):
                table.write(result)

    with pytest.raises(OutputError, match="No space left"):
        fill()
