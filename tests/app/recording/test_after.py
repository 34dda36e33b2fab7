"""What one does with a session afterwards: export, correct, replay, list."""

from __future__ import annotations

import csv
import json
import math
from dataclasses import replace
from typing import TYPE_CHECKING

import av
import cv2
import numpy as np
import pytest

import main as program
from app.errors import OutputError
from app.recording.corrections import Corrections, Edit, EditKind
from app.recording.exports.formats import ExportFormat, export_session
from app.recording.ground import Ground
from app.recording.library import (
    list_sessions,
    note_session,
    rename_session,
    trash_session,
)
from app.recording.recorder import Recorder
from app.recording.session import Session
from app.recording.settings import RecordingSettings
from app.recording.statistics import track_statistics
from app.sources.base import EndOfSource
from app.sources.catalogue import open_source
from tests.fakes.recording import make_frame, make_result, source_spec

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FRAMES = 40


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    """Three tracks over forty frames, one frame of which is missing."""
    recorder = Recorder(dict, waits=True)
    recorder.configure(
        RecordingSettings(tmp_path, reserve_bytes=1_000_000, keeps_masks=True)
    )
    recorder.open(source_spec())
    recorder.start("session")
    for at in range(FRAMES + 1):
        if at == 7:
            continue
        frame = make_frame(at)
        recorder.take_frame(frame)
        recorder.take_result(make_result(frame))
    recorder.finish()
    opened = Session(tmp_path / "session")
    yield opened
    opened.close()


def test_csv_has_a_row_for_each_track_and_frame(session: Session) -> None:
    paths = export_session(session, ExportFormat.CSV, session.folder / "exports")

    with paths[0].open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 3 * FRAMES
    assert rows[-1]["source_index"] == "40"
    assert rows[-1]["frame"] == "39"
    assert float(rows[0]["x_px"]) == 10.0
    assert rows[-1]["timestamp_ns"] == str(make_frame(40).timestamp_ns)


def test_mot_counts_frames_from_one_and_gives_boxes(session: Session) -> None:
    path, found, info = export_session(
        session, ExportFormat.MOT, session.folder / "exports"
    )

    first = path.read_text().splitlines()[0].split(",")
    assert first == ["1", "1", "6.000", "16.000", "8.000", "8.000", "1", "1", "1"]
    assert found.read_text().splitlines()[0].split(",")[6:] == ["0.9000", *["-1"] * 3]
    assert len(path.read_text().splitlines()) == 3 * FRAMES
    assert f"seqLength={FRAMES}" in info.read_text()


def test_dlc_has_four_header_rows_and_a_row_for_each_frame(session: Session) -> None:
    path = export_session(session, ExportFormat.DLC, session.folder / "exports")[0]

    with path.open(newline="") as file:
        rows = list(csv.reader(file))
    assert [row[0] for row in rows[:4]] == [
        "scorer",
        "individuals",
        "bodyparts",
        "coords",
    ]
    assert rows[1][1:4] == ["track1"] * 3
    assert len(rows) == 4 + FRAMES
    assert float(rows[4][1]) == 10.0


def test_the_annotated_video_has_every_frame_at_its_time(session: Session) -> None:
    path = export_session(session, ExportFormat.VIDEO, session.folder / "exports")[0]

    with av.open(str(path)) as container:
        times_us = [
            round(frame.pts * frame.time_base * 1_000_000)
            for frame in container.decode(container.streams.video[0])
        ]
    exact_us = np.round(session.frames.time_s * 1e6).astype(int).tolist()
    assert times_us == exact_us


def test_png_frames_are_the_recorded_ones(session: Session) -> None:
    folder = export_session(session, ExportFormat.PNG, session.folder / "exports")[0]

    images = sorted(folder.iterdir())
    last = cv2.imread(str(images[-1]), cv2.IMREAD_GRAYSCALE)
    assert len(images) == FRAMES
    assert np.array_equal(last, session.video.image(FRAMES - 1))


def test_the_report_stands_alone(session: Session) -> None:
    path = export_session(session, ExportFormat.HTML, session.folder / "exports")[0]

    page = path.read_text()
    # The way of each track, and how its speed went.
    assert page.count("<title>track") == 3
    assert page.count("<polyline") == 6
    assert "data:image/jpeg;base64," in page
    assert "src='http" not in page
    assert "href" not in page


def test_parquet_says_what_it_needs_or_is_the_same_table(session: Session) -> None:
    folder = session.folder / "exports"
    try:
        import pyarrow.parquet as parquet
    except ImportError:
        with pytest.raises(OutputError, match="pyarrow") as refused:
            export_session(session, ExportFormat.PARQUET, folder)
        assert "pip install pyarrow" in refused.value.hint
        return
    path = export_session(session, ExportFormat.PARQUET, folder)[0]
    assert parquet.read_table(path).num_rows == 3 * FRAMES


def _ids_at(session: Session, number: int) -> list[int]:
    rows = Corrections(session.folder).applied(session.tracks())
    at = rows.at(number)
    order = np.argsort(at.x_px)
    return [int(each) for each in at.id[order]]


def test_corrections_are_a_layer_that_can_be_undone(session: Session) -> None:
    recorded = (session.folder / "session.db").read_bytes()
    corrections = Corrections(session.folder)
    corrections.add(Edit(EditKind.SWAP, 1, 2, from_number=20))
    corrections.add(Edit(EditKind.DELETE, 3))
    corrections.add(Edit(EditKind.SPLIT, 1, 9, from_number=30))

    assert _ids_at(session, 19) == [1, 2]
    assert _ids_at(session, 20) == [2, 1]
    assert _ids_at(session, 30) == [2, 9]
    assert corrections.undo() == Edit(EditKind.SPLIT, 1, 9, from_number=30)
    assert _ids_at(session, 30) == [2, 1]
    assert corrections.redo() is not None
    assert _ids_at(session, 30) == [2, 9]
    for _ in range(3):
        corrections.undo()
    assert _ids_at(session, 30) == [1, 2, 3]
    assert (session.folder / "session.db").read_bytes() == recorded


def test_merging_keeps_the_first_where_both_are_seen(session: Session) -> None:
    Corrections(session.folder).add(Edit(EditKind.MERGE, 1, 3))

    assert _ids_at(session, 5) == [1, 2]


def test_statistics_tell_how_fast_a_track_is(session: Session) -> None:
    figures = track_statistics(session.frames, session.tracks())

    # Two pixels a frame: 240 a second, but for the jitter of the first and last.
    assert [each.id for each in figures] == [1, 2, 3]
    assert figures[0].path == pytest.approx(80.0)
    assert figures[0].mean_speed == pytest.approx(240.0, rel=0.02)
    assert figures[0].heading_deg == 0.0
    ground = Ground.scale((0.0, 0.0), (100.0, 0.0), length_m=1.0)
    in_metres = track_statistics(session.frames, session.tracks(), ground)
    assert in_metres[0].path == pytest.approx(0.8)


def test_a_session_is_a_source_with_its_numbers_and_times(session: Session) -> None:
    source = open_source(str(session.folder), is_paced=False)
    spec = source.open()
    frames = []
    while True:
        try:
            frame = source.read(0.1)
        except EndOfSource:
            break
        assert frame is not None
        frames.append(frame)
    source.close()

    assert spec.frame_count == FRAMES
    assert [frame.index for frame in frames] == [at for at in range(41) if at != 7]
    start_ns = make_frame(0).timestamp_ns
    assert frames[-1].timestamp_ns == make_frame(40).timestamp_ns - start_ns


def test_sessions_are_listed_renamed_noted_and_thrown_away(tmp_path: Path) -> None:
    recorder = Recorder(dict, waits=True)
    recorder.configure(RecordingSettings(tmp_path, reserve_bytes=1_000_000))
    recorder.open(source_spec())
    recorder.start("first")
    recorder.take_frame(make_frame(0))
    recorder.finish()

    folder = rename_session(tmp_path / "first", "a good one")
    note_session(folder, "fast")
    entry = list_sessions(tmp_path)[0]
    (tmp_path / "taken").mkdir()
    with pytest.raises(OutputError, match="exists already"):
        rename_session(folder, "taken")
    trashed = trash_session(folder)

    assert (entry.manifest.name, entry.manifest.notes) == ("a good one", "fast")
    assert entry.manifest.frames == 1
    assert list_sessions(tmp_path) == []
    assert (trashed / "video_000.mp4").exists()


@pytest.mark.slow
def test_record_verify_and_replay_from_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "take one"
    source = "synthetic://?objects=3&seconds=1&seed=2"
    options = ["--every-frame", "--reserve", "0.01", "--json"]

    recorded = program.main(["record", source, "--out", str(folder), *options])
    record = json.loads(capsys.readouterr().out.splitlines()[-1])
    verified = program.main(["verify", str(folder), "--json"])
    verify = json.loads(capsys.readouterr().out)
    replayed = program.main(["replay", str(folder), "--json"])
    replay = json.loads(capsys.readouterr().out)
    again = program.main(["record", source, "--out", str(folder), *options])
    refusal = capsys.readouterr().err

    assert recorded == verified == replayed == 0
    assert record["frames"] == record["captured"] == verify["frames"] == 120
    assert record["not_recorded"] == 0
    assert verify["problems"] == []
    # The video is compressed: what is found in it hardly differs.
    assert replay["frames"] == 120
    assert replay["agreement"] > 0.8
    assert math.isfinite(replay["distance_px"])
    assert again == 1
    assert "overwritten" in refusal


def test_results_of_a_frame_come_back_as_they_were(session: Session) -> None:
    tracks = session.tracks().at(12)
    was = make_result(make_frame(13)).tracks

    assert np.array_equal(tracks.x_px, was.x_px)
    assert np.array_equal(tracks.id, was.id)
    assert replace(tracks).sigma_px.tolist() == was.sigma_px.tolist()


def test_verify_tells_in_json_also_of_what_cannot_be_opened(
    session: Session, capsys: pytest.CaptureFixture[str]
) -> None:
    database = session.folder / "session.db"
    damaged = bytearray(database.read_bytes())
    damaged[2048:20000] = bytes(17952)
    database.write_bytes(damaged)

    status = program.main(["verify", str(session.folder), "--json"])
    report = json.loads(capsys.readouterr().out)
    no_session = program.main(["verify", str(session.folder.parent), "--json"])
    told = json.loads(capsys.readouterr().out)

    assert status == no_session == 1
    assert "session.db" in report["problems"][0]
    assert "is no session" in told["problems"][0]
    assert told["frames"] == 0
