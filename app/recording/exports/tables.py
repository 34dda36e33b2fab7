"""Tracks of a session as tables that other programs read."""

from __future__ import annotations

import csv
import importlib
from typing import TYPE_CHECKING, Any

import numpy as np

from app.errors import OutputError
from app.frames import TrackState
from app.recording.session import TRACK_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from app.recording.session import Session, TrackRows

_FRAME_COLUMNS = ("frame", "source_index", "time_s", "timestamp_ns")
_DIGITS = 6
_SCORER = "peregrine"


def write_csv(session: Session, tracks: TrackRows, folder: Path) -> list[Path]:
    """One row per track and frame, with a header; and one per frame."""
    path, frames_path = folder / "tracks.csv", folder / "frames.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([*_FRAME_COLUMNS, *TRACK_COLUMNS])
        writer.writerows(_rows(session, tracks))
    frames = session.frames
    with frames_path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([*_FRAME_COLUMNS, "segment", "pts_us", "captured_ns", "flags"])
        writer.writerows(
            zip(
                range(len(frames)),
                frames.source_index.tolist(),
                np.round(frames.time_s, 9).tolist(),
                frames.timestamp_ns.tolist(),
                frames.segment.tolist(),
                frames.pts_us.tolist(),
                frames.captured_ns.tolist(),
                frames.flags.tolist(),
                strict=True,
            )
        )
    return [path, frames_path]


def write_parquet(session: Session, tracks: TrackRows, folder: Path) -> list[Path]:
    """The same table, typed and compressed.

    Raises
    ------
    OutputError
        If pyarrow is not installed.
    """
    arrow = _library("pyarrow", "parquet")
    parquet = _library("pyarrow.parquet", "parquet")
    frames, number = session.frames, tracks.number
    columns: dict[str, Any] = {
        "frame": number,
        "source_index": frames.source_index[number],
        "time_s": frames.time_s[number],
        "timestamp_ns": frames.timestamp_ns[number],
    }
    for name in TRACK_COLUMNS:
        kind = np.int64 if name in ("id", "state", "blob") else np.float64
        columns[name] = tracks.columns[name].astype(kind)
    path = folder / "tracks.parquet"
    parquet.write_table(arrow.table(columns), path, compression="zstd")
    return [path]


def write_mot(session: Session, tracks: TrackRows, folder: Path) -> list[Path]:
    """What MOT Challenge and TrackEval read: confirmed tracks, frames from 1.

    As truth, and as what a tracker found: in truth the seventh number says whether a
    box counts, so that a confidence under 1 there would leave it out.
    """
    manifest = session.manifest
    root = folder / "mot" / manifest.name
    (root / "gt").mkdir(parents=True, exist_ok=True)
    path, info = root / "gt" / "gt.txt", root / "seqinfo.ini"
    found_path = root / "tracks.txt"
    with (
        path.open("w", encoding="utf-8") as truth,
        found_path.open("w", encoding="utf-8") as found,
    ):
        for row in _confirmed(tracks):
            number, track_id, x, y, width, height, confidence = row
            box = (
                f"{number + 1},{track_id},{x - width / 2:.3f},{y - height / 2:.3f},"
                f"{width:.3f},{height:.3f}"
            )
            truth.write(f"{box},1,1,1\n")
            found.write(f"{box},{confidence:.4f},-1,-1,-1\n")
    info.write_text(
        "[Sequence]\n"
        f"name={manifest.name}\nimDir=img1\nframeRate={manifest.frame_rate_hz:g}\n"
        f"seqLength={len(session.frames)}\nimWidth={manifest.width_px}\n"
        f"imHeight={manifest.height_px}\nimExt=.png\n",
        encoding="utf-8",
    )
    return [path, found_path, info]


def write_dlc(session: Session, tracks: TrackRows, folder: Path) -> list[Path]:
    """The table of DeepLabCut for several animals, with one point each.

    An HDF5 file with the same table is written where pandas and PyTables are
    installed.
    """
    rows = list(_confirmed(tracks))
    ids = sorted({row[1] for row in rows})
    names = [f"track{track_id}" for track_id in ids]
    column_of = {track_id: at for at, track_id in enumerate(ids)}
    values = np.full((len(session.frames), 3 * len(ids)), np.nan)
    for number, track_id, x, y, _, _, confidence in rows:
        at = 3 * column_of[track_id]
        values[number, at : at + 3] = x, y, confidence
    path = folder / "tracks_dlc.csv"
    coordinates = ("x", "y", "likelihood")
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["scorer"] + [_SCORER] * (3 * len(ids)))
        writer.writerow(["individuals"] + [name for name in names for _ in range(3)])
        writer.writerow(["bodyparts"] + ["centre"] * (3 * len(ids)))
        writer.writerow(["coords", *(coordinates * len(ids))])
        for number, row in enumerate(values):
            cells = ["" if np.isnan(each) else round(each, 4) for each in row.tolist()]
            writer.writerow([number, *cells])
    try:
        pandas = _library("pandas", "h5")
        _library("tables", "h5")
    except OutputError:
        return [path]
    header = pandas.MultiIndex.from_product(
        [[_SCORER], names, ["centre"], coordinates],
        names=["scorer", "individuals", "bodyparts", "coords"],
    )
    table = folder / "tracks_dlc.h5"
    pandas.DataFrame(values, columns=header).to_hdf(
        table, key="df_with_missing", mode="w"
    )
    return [path, table]


def _rows(session: Session, tracks: TrackRows) -> Iterator[list[Any]]:
    frames, number = session.frames, tracks.number
    lists = [
        number.tolist(),
        frames.source_index[number].tolist(),
        np.round(frames.time_s[number], 9).tolist(),
        frames.timestamp_ns[number].tolist(),
    ]
    for name in TRACK_COLUMNS:
        column = tracks.columns[name]
        is_whole = name in ("id", "state", "blob")
        lists.append(
            column.astype(np.int64).tolist()
            if is_whole
            else np.round(column, _DIGITS).tolist()
        )
    for row in zip(*lists, strict=True):
        # A number that there is none of is an empty cell.
        yield ["" if each != each else each for each in row]


def _confirmed(
    tracks: TrackRows,
) -> Iterator[tuple[int, int, float, float, float, float, float]]:
    is_sure = tracks.columns["state"] == TrackState.CONFIRMED
    names = ("x_px", "y_px", "width_px", "height_px", "confidence")
    return zip(
        tracks.number[is_sure].tolist(),
        tracks.id[is_sure].tolist(),
        *(tracks.columns[name][is_sure].tolist() for name in names),
        strict=True,
    )


def _library(name: str, what: str) -> Any:  # noqa: ANN401  it has no types
    try:
        return importlib.import_module(name)
    except ImportError as error:
        package = name.partition(".")[0]
        raise OutputError(
            f"{what} needs {package}, which is not installed",
            hint=f"Install it into the console's environment: pip install {package}.",
        ) from error
