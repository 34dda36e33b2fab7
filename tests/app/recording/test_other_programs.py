"""Sessions and their exports, read by the programs and libraries of others."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
from typing import TYPE_CHECKING

import av
import cv2
import numpy as np
import pandas
import pytest

from app.paths import ROOT
from app.recording.corrections import Corrections, Edit, EditKind
from app.recording.exports.formats import ExportFormat, export_session
from app.recording.session import Session
from tests.app.review.sessions import record
from tests.fakes import vlc
from tests.fakes.recording import make_frame, number_in

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FRAMES = 90
MISSING = 40
RECORDED = [at for at in range(FRAMES) if at != MISSING]
TRACKING = ROOT / ".venv-tracking" / "bin" / "python"

needs_ffmpeg = pytest.mark.skipif(
    shutil.which("ffprobe") is None, reason="needs ffprobe: apt-get install ffmpeg"
)
needs_vlc = pytest.mark.skipif(
    vlc.LIBRARY is None,
    reason="needs VLC's library: apt-get install libvlc5 vlc-plugin-base",
)
needs_trackeval = pytest.mark.skipif(
    not TRACKING.exists(), reason="needs TrackEval: tools/bootstrap.py tracking"
)


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    """Two tracks that pass each other, with one frame missing."""
    ways = {1: lambda at: (4 + at * 0.6, 15.0), 2: lambda at: (58 - at * 0.6, 33.0)}
    opened = Session(record(tmp_path, ways, FRAMES, missing=(MISSING,)))
    yield opened
    opened.close()


def _captured_us() -> list[int]:
    """When frames were taken, in whole microseconds from the first on."""
    times_us = [make_frame(at).timestamp_ns // 1000 for at in RECORDED]
    return [each - times_us[0] for each in times_us]


@needs_ffmpeg
def test_ffprobe_and_pyav_read_the_times_of_capture_to_the_microsecond(
    session: Session,
) -> None:
    path = session.folder / "video_000.mp4"

    probed = subprocess.run(
        [
            "ffprobe",
            "-v",
            "error",
            "-select_streams",
            "v:0",
            "-of",
            "json",
            "-show_entries",
            "stream=time_base:frame=pts",
            str(path),
        ],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        read_us = [frame.pts for frame in container.decode(stream)]
        base = stream.time_base
    exact_ns = session.frames.timestamp_ns.tolist()

    document = json.loads(probed)
    assert document["streams"][0]["time_base"] == str(base) == "1/1000000"
    assert [frame["pts"] for frame in document["frames"]] == _captured_us()
    assert read_us == _captured_us()
    # The index has them to the nanosecond.
    assert exact_ns == [make_frame(at).timestamp_ns for at in RECORDED]


@needs_ffmpeg
def test_ffmpeg_decodes_every_frame_without_a_complaint(session: Session) -> None:
    done = subprocess.run(
        [
            "ffmpeg",
            "-v",
            "error",
            "-i",
            str(session.folder / "video_000.mp4"),
            "-vsync",
            "0",
            "-f",
            "rawvideo",
            "-pix_fmt",
            "gray",
            "-",
        ],
        check=True,
        capture_output=True,
    )

    pictures = np.frombuffer(done.stdout, np.uint8).reshape(-1, 48, 64)
    assert done.stderr == b""
    assert [number_in(picture) for picture in pictures] == RECORDED


def test_opencv_reads_frames_and_their_times(session: Session) -> None:
    video = cv2.VideoCapture(str(session.folder / "video_000.mp4"))
    numbers, times_ms = [], []
    while True:
        is_read, picture = video.read()
        if not is_read:
            break
        numbers.append(number_in(picture[..., 1]))
        times_ms.append(video.get(cv2.CAP_PROP_POS_MSEC))
    video.release()

    assert numbers == RECORDED
    assert np.allclose(times_ms, np.array(_captured_us()) / 1000, atol=1e-3)


@needs_vlc
def test_vlc_plays_it_to_its_end(session: Session) -> None:
    shown = vlc.play(session.folder / "video_000.mp4", 64, 48)

    numbers = [number_in(picture) for picture in shown]
    assert shown[-1].shape == (48, 64)
    # It shows what its clock allows on a busy machine, in order, and the last one.
    assert numbers == sorted(numbers)
    assert set(numbers) <= set(RECORDED)
    assert numbers[-1] == RECORDED[-1]


def test_pandas_reads_the_database_as_it_is(session: Session) -> None:
    connection = sqlite3.connect(session.folder / "session.db")
    table = pandas.read_sql(
        "SELECT * FROM tracks JOIN frames USING (source_index) ORDER BY number, id",
        connection,
    )
    telemetry = pandas.read_sql("SELECT * FROM telemetry", connection)
    connection.close()

    first = table[table.id == 1]
    assert first.source_index.tolist() == RECORDED
    assert np.allclose(first.x_px, [4 + at * 0.6 for at in RECORDED], atol=1e-4)
    assert first.timestamp_ns.tolist() == [
        make_frame(at).timestamp_ns for at in RECORDED
    ]
    assert list(telemetry.columns) == ["time_ns", "sample"]


def test_pandas_reads_csv_and_parquet_as_the_same_table(session: Session) -> None:
    folder = session.folder / "exports"
    [csv_path, frames_path] = export_session(session, ExportFormat.CSV, folder)
    [parquet_path] = export_session(session, ExportFormat.PARQUET, folder)

    from_csv = pandas.read_csv(csv_path)
    from_parquet = pandas.read_parquet(parquet_path)

    assert len(pandas.read_csv(frames_path)) == len(RECORDED)
    assert len(from_csv) == 2 * len(RECORDED)
    pandas.testing.assert_frame_equal(
        from_csv, from_parquet, check_dtype=False, atol=1e-6
    )


def test_pandas_reads_deeplabcuts_tables(session: Session) -> None:
    csv_path, h5_path = export_session(
        session, ExportFormat.DLC, session.folder / "exports"
    )

    from_csv = pandas.read_csv(csv_path, header=[0, 1, 2, 3], index_col=0)
    from_h5 = pandas.read_hdf(h5_path)

    names = ["scorer", "individuals", "bodyparts", "coords"]
    assert list(from_h5.columns.names) == list(from_csv.columns.names) == names
    assert np.allclose(from_csv.to_numpy(), from_h5.to_numpy(), atol=1e-4)
    x = from_h5["peregrine"]["track1"]["centre"]["x"]
    assert np.allclose(x, [4 + at * 0.6 for at in RECORDED], atol=1e-4)


@needs_trackeval
@pytest.mark.slow
def test_trackeval_scores_a_corrected_session_against_the_recorded_one(
    session: Session, tmp_path: Path
) -> None:
    [truth, _, _] = export_session(session, ExportFormat.MOT, tmp_path / "out")
    Corrections(session.folder).add(Edit(EditKind.SWAP, 1, 2, from_number=30))
    [_, swapped, _] = export_session(session, ExportFormat.MOT, tmp_path / "swapped")
    (tmp_path / "trackers" / "ours" / "data").mkdir(parents=True)
    name = session.manifest.name
    shutil.copy(swapped, tmp_path / "trackers" / "ours" / "data" / f"{name}.txt")

    done = subprocess.run(
        [
            str(TRACKING),
            str(ROOT / "tests" / "fakes" / "score_mot.py"),
            str(truth.parents[2]),
            str(tmp_path / "trackers"),
            name,
            str(len(session.frames)),
        ],
        check=False,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    scores = json.loads(done.stdout.splitlines()[-1])
    assert scores["boxes"] == 2 * len(RECORDED)
    assert scores["IDSW"] == 2
    assert scores["MOTA"] == pytest.approx(1 - 2 / (2 * len(RECORDED)))
    assert scores["HOTA"] < 1


def test_exports_run_without_libraries_that_are_not_there(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    from app.errors import OutputError

    for name in ("pyarrow", "pyarrow.parquet", "pandas", "tables"):
        monkeypatch.setitem(sys.modules, name, None)
    folder = session.folder / "exports"

    written = export_session(session, ExportFormat.DLC, folder)
    with pytest.raises(OutputError, match="pyarrow") as refused:
        export_session(session, ExportFormat.PARQUET, folder)

    assert [path.name for path in written] == ["tracks_dlc.csv"]
    assert "pip install pyarrow" in refused.value.hint
    assert not list(folder.glob(".*"))
