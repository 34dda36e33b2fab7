"""A session as one HTML page that needs nothing else."""

from __future__ import annotations

import base64
import html
from dataclasses import asdict
from typing import TYPE_CHECKING

import cv2
import numpy as np

from app.recording.statistics import track_statistics

if TYPE_CHECKING:
    from pathlib import Path

    from app.recording.session import Session, TrackRows
    from app.recording.statistics import TrackStatistics

_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;color:#1b1f24}
h1{font-size:1.6rem}h2{font-size:1.15rem;margin-top:2rem}
table{border-collapse:collapse;font-variant-numeric:tabular-nums}
td,th{padding:.2rem .8rem;text-align:right;border-bottom:1px solid #d8dee4}
td:first-child,th:first-child{text-align:left}img,svg{max-width:100%}
.bad{color:#b42318;font-weight:600}
"""
_MOST_TRACKS = 200
_PLOT = (900, 420)


def write_report(session: Session, tracks: TrackRows, folder: Path) -> list[Path]:
    """Facts, a picture, the paths of all tracks and their figures."""
    path = folder / "report.html"
    manifest, frames = session.manifest, session.frames
    seconds = float(frames.time_s[-1]) if len(frames) else 0.0
    rate = (len(frames) - 1) / seconds if seconds else 0.0
    missing = sum(gap.count for gap in session.gaps())
    facts = {
        "Started": manifest.started_utc,
        "Source": str(manifest.source.get("title", "")),
        "Size": f"{manifest.width_px} x {manifest.height_px}",
        "Length": f"{seconds:.3f} s, {len(frames)} frames, {rate:.2f} a second",
        "Frames missing": str(missing),
        "Engine": " ".join(
            str(manifest.engine.get(name, ""))
            for name in ("kind", "precision", "model")
        ),
        "Video": manifest.codec,
        "State": manifest.state.value,
        "Notes": manifest.notes,
    }
    rows = "".join(
        f"<tr><th>{html.escape(name)}</th><td>{html.escape(value)}</td></tr>"
        for name, value in facts.items()
        if value.strip()
    )
    figures = track_statistics(frames, tracks)
    title = html.escape(manifest.name)
    events = "".join(
        f"<tr><td>{(event.time_ns - manifest.started_ns) * 1e-9:.3f} s</td>"
        f"<td>{html.escape(event.kind)}</td><td>{html.escape(event.text)}</td></tr>"
        for event in session.events()
    )
    path.write_text(
        f"<!doctype html><html lang='en'><meta charset='utf-8'><title>{title}</title>"
        f"<style>{_STYLE}</style><h1>{title}</h1><table>{rows}</table>"
        f"{_picture(session)}<h2>Paths</h2>{_paths(session, tracks)}"
        f"<h2>Tracks</h2>{_table(figures)}"
        f"<h2>Events</h2><table>{events}</table></html>\n",
        encoding="utf-8",
    )
    return [path]


def _picture(session: Session) -> str:
    if not len(session.frames):
        return ""
    image = session.video.image(len(session.frames) // 2)
    _, coded = cv2.imencode(".jpg", image)
    text = base64.b64encode(coded.tobytes()).decode("ascii")
    return f"<h2>Middle frame</h2><img alt='' src='data:image/jpeg;base64,{text}'>"


def _paths(session: Session, tracks: TrackRows) -> str:
    manifest = session.manifest
    ids = tracks.id
    lines = []
    for at, track_id in enumerate(np.unique(ids[tracks.columns["state"] == 1])):
        is_its = ids == track_id
        points = " ".join(
            f"{x:.1f},{y:.1f}"
            for x, y in zip(
                tracks.columns["x_px"][is_its],
                tracks.columns["y_px"][is_its],
                strict=True,
            )
        )
        hue = at * 137 % 360
        lines.append(
            f"<polyline points='{points}' fill='none' stroke='hsl({hue} 70% 42%)'"
            f" stroke-width='1.5'><title>track {track_id}</title></polyline>"
        )
        if at >= _MOST_TRACKS:
            break
    return (
        f"<svg viewBox='0 0 {manifest.width_px} {manifest.height_px}'"
        f" width='{_PLOT[0]}' style='background:#f4f6f8'>{''.join(lines)}</svg>"
    )


def _table(figures: list[TrackStatistics]) -> str:
    if not figures:
        return "<p>None.</p>"
    names = list(asdict(figures[0]))
    head = "".join(f"<th>{name.replace('_', ' ')}</th>" for name in names)
    body = "".join(
        "<tr>"
        + "".join(
            f"<td>{value:.2f}</td>" if isinstance(value, float) else f"<td>{value}</td>"
            for value in asdict(each).values()
        )
        + "</tr>"
        for each in figures
    )
    units = "<p>Lengths in pixels, times in seconds.</p>"
    return f"<table><tr>{head}</tr>{body}</table>{units}"
