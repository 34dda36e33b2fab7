from __future__ import annotations

import csv
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from app.errors import OutputError
from app.frames import Blobs, Frame, FrameResult
from app.hardware.tree import Tree
from app.track_telemetry import TrackTelemetry
from app.tracking.tracker import Tracker
from tests.fakes.boards import build_board
from tests.fakes.statuses import status

if TYPE_CHECKING:
    from collections.abc import Iterator

PERIOD_NS = 100_000_000


@pytest.fixture
def tx2(tmp_path: Path) -> Tree:
    return Tree(build_board("tx2_r32_maxp_core_arm", tmp_path / "tx2"))


def results(count: int) -> Iterator[FrameResult]:
    """Ten a second, all of them captured within the second that has just passed."""
    began_ns = time.monotonic_ns() - 1_000_000_000
    for index in range(count):
        done_ns = began_ns + index * PERIOD_NS
        image = np.zeros((48, 64), np.uint8)
        frame = Frame(index, index * PERIOD_NS, done_ns - 5_000_000, image)
        blobs = Blobs.of([20.0], [24.0])
        tracks = Tracker().update(blobs, frame.time_s)
        mask = np.zeros((48, 64), np.bool_)
        yield FrameResult(frame, blobs, tracks, mask, (0, 0, 64, 48), done_ns)


def written(path: Path, tree: Tree, count: int) -> list[dict[str, str]]:
    with TrackTelemetry(path, status, tree) as telemetry:
        for result in results(count):
            telemetry.write(result)
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_rows_are_on_the_clocks_of_the_frames(tmp_path: Path, tx2: Tree) -> None:
    before_s = time.monotonic() - 1.1

    rows = written(tmp_path / "telemetry.csv", tx2, 8)

    # Twice a second, and the last.
    assert [row["frame"] for row in rows] == ["0", "5", "7"]
    assert [row["time_us"] for row in rows] == ["0", "500000", "700000"]
    assert before_s < float(rows[0]["time_s"]) < time.monotonic()
    assert float(rows[1]["time_s"]) - float(rows[0]["time_s"]) == pytest.approx(0.5)


def test_a_row_has_the_figures_of_feed_and_machine(tmp_path: Path, tx2: Tree) -> None:
    last = written(tmp_path / "telemetry.csv", tx2, 2)[-1]

    assert (last["infer_hz"], last["latency_p99_ms"]) == ("118.7", "9.87")
    assert (last["temperature_cpu_c"], last["power_total_w"]) == ("38.0", "3.177")
    assert last["emc_clock_mhz"] == ""
    assert "display_hz" not in last


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="No such file") as refusal:
        TrackTelemetry(tmp_path / "nowhere" / "telemetry.csv", status)

    assert refusal.value.hint


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's /dev/full")
def test_a_full_disk_is_said(tx2: Tree) -> None:
    with pytest.raises(OutputError, match="No space left"):
        written(Path("/dev/full"), tx2, 1)
