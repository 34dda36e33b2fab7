"""A session as one HTML page that needs nothing else."""

from __future__ import annotations

import base64
from html import escape
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from app.frames import TrackState
from app.recording.ground import load_ground
from app.recording.paths import TrackPaths
from app.recording.statistics import track_figures
from app.recording.zones import crossings, load_zones, visits

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from app.recording.ground import Ground
    from app.recording.session import Session, TrackRows
    from app.recording.statistics import TrackFigures
    from app.recording.zones import ZonePlan

_STYLE = """
:root{color-scheme:light dark}
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:64rem;padding:0 1rem}
h1{font-size:1.6rem}h2{font-size:1.15rem;margin-top:2rem}
table{border-collapse:collapse;font-variant-numeric:tabular-nums;
display:block;overflow-x:auto}
td,th{padding:.2rem .55rem;text-align:right;border-bottom:1px solid #8884}
td:first-child,th:first-child{text-align:left}.words td{text-align:left}
figure{margin:0;position:relative;max-width:900px}
figure img{display:block;width:100%}figure svg{position:absolute;inset:0}
svg.paths{background:#8882;max-width:100%}
"""
_WORDS = "<table class='words'>"
_MOST_TRACKS = 200
_WIDTH_PX = 900
_PLOT_PX = (140, 26)
_PLOT_POINTS = 140


class _Found(NamedTuple):
    """What the page shows of the tracks."""

    seen: TrackPaths
    figures: list[TrackFigures]
    ground: Ground | None
    plan: ZonePlan

    @property
    def unit(self) -> str:
        return "px" if self.ground is None else "m"


def write_report(session: Session, tracks: TrackRows, folder: Path) -> list[Path]:
    """Facts, a picture, zones, the ways of all tracks and their figures.

    In metres where the review of the session has measured the ground.
    """
    seen = TrackPaths.of(session.frames, tracks, (TrackState.CONFIRMED,))
    ground = load_ground(session.folder)
    figures = track_figures(seen, ground)
    found = _Found(seen, figures, ground, load_zones(session.folder))
    title = escape(session.manifest.name)
    path = folder / "report.html"
    path.write_text(
        f"<!doctype html><html lang='en'><meta charset='utf-8'><title>{title}</title>"
        f"<style>{_STYLE}</style><h1>{title}</h1>{_facts(session)}"
        f"{_picture(session, found.plan)}{_zones(found)}"
        f"<h2>Ways</h2>{_ways(session, found)}"
        f"<h2>Tracks</h2>{_tracks(session, found)}"
        f"<h2>Events</h2>{_events(session)}</html>\n",
        encoding="utf-8",
    )
    return [path]


def _facts(session: Session) -> str:
    manifest, frames = session.manifest, session.frames
    seconds = float(frames.time_s[-1]) if len(frames) else 0.0
    rate = (len(frames) - 1) / seconds if seconds else 0.0
    engine = (manifest.engine.get(name) for name in ("kind", "precision", "model"))
    facts = {
        "Started": manifest.started_utc,
        "Source": str(manifest.source.get("title", "")),
        "Size": f"{manifest.width_px} x {manifest.height_px} px",
        "Length": f"{seconds:.3f} s, {len(frames)} frames, {rate:.2f} a second",
        "Frames missing": str(sum(gap.count for gap in session.gaps())),
        "Engine": " ".join(str(word) for word in engine if word),
        "Video": manifest.codec,
        "State": manifest.state.value,
        "Notes": manifest.notes,
    }
    known = [(name, value) for name, value in facts.items() if value.strip()]
    return f"{_WORDS}{_rows(known)}</table>"


def _picture(session: Session, plan: ZonePlan) -> str:
    """The middle frame, with zones and lines over it."""
    if not len(session.frames):
        return ""
    image = session.video.image(len(session.frames) // 2)
    _, coded = cv2.imencode(".jpg", image)
    text = base64.b64encode(coded.tobytes()).decode("ascii")
    shapes = [
        _shape("polygon", zone.name, zone.corners_px, "#c2489d") for zone in plan.zones
    ]
    shapes += [
        _shape("polyline", line.name, (line.start_px, line.end_px), "#d9822b")
        for line in plan.lines
    ]
    height, width = image.shape[:2]
    return (
        f"<h2>Middle frame</h2><figure><img alt='' src='data:image/jpeg;base64,{text}'>"
        f"<svg viewBox='0 0 {width} {height}'>{''.join(shapes)}</svg></figure>"
    )


def _shape(
    kind: str, name: str, points: Sequence[tuple[float, float]], colour: str
) -> str:
    x, y = points[0]
    return (
        f"<{kind} points='{_points(points)}' fill='{colour}' fill-opacity='.15'"
        f" stroke='{colour}' stroke-width='2'/><text x='{x:.1f}' y='{y - 5:.1f}'"
        f" fill='{colour}' stroke='#000' stroke-width='3' paint-order='stroke'>"
        f"{escape(name)}</text>"
    )


def _zones(found: _Found) -> str:
    """Who was in each zone, and who crossed each line."""
    rows: list[tuple[object, ...]] = []
    for zone in found.plan.zones:
        stays = visits(found.seen, zone)
        tracks = len({each.track_id for each in stays})
        dwell_s = sum(each.dwell_s for each in stays)
        text = f"{tracks} tracks, {len(stays)} visits, {dwell_s:.3f} s together"
        rows.append((zone.name, text))
    for line in found.plan.lines:
        ways = [each.is_forward for each in crossings(found.seen, line)]
        text = f"{sum(ways)} from left to right, {len(ways) - sum(ways)} back"
        rows.append((line.name, text))
    if not rows:
        return ""
    return f"<h2>Zones and lines</h2>{_WORDS}{_rows(rows)}</table>"


def _ways(session: Session, found: _Found) -> str:
    manifest, seen = session.manifest, found.seen
    lines = []
    for at, own in enumerate(seen.slices()[:_MOST_TRACKS]):
        points = np.stack([seen.x_px[own], seen.y_px[own]], axis=1).tolist()
        lines.append(
            f"<polyline points='{_points(points)}' fill='none'"
            f" stroke='hsl({at * 137 % 360} 70% 46%)' stroke-width='1.5'>"
            f"<title>track {seen.ids[at]}</title></polyline>"
        )
    more = len(seen) - len(lines)
    note = f"<p>{more} more tracks are not drawn.</p>" if more > 0 else ""
    return (
        f"<svg class='paths' viewBox='0 0 {manifest.width_px} {manifest.height_px}'"
        f" width='{_WIDTH_PX}'>{''.join(lines)}</svg>{note}"
    )


def _tracks(session: Session, found: _Found) -> str:
    """The figures of each track, and how its speed went."""
    if not found.figures:
        return "<p>None.</p>"
    unit, time_s = found.unit, session.frames.time_s
    titles = (
        "Track",
        "From s",
        "For s",
        "Frames",
        f"Path {unit}",
        f"Mean {unit}/s",
        f"Top {unit}/s",
        f"Acceleration {unit}/s²",
        "Heading °",
        "Speed",
    )
    rows = [
        (
            each.id,
            f"{time_s[each.first]:.3f}",
            f"{each.seconds:.3f}",
            each.frames,
            f"{each.path:.2f}",
            f"{each.mean_speed:.2f}",
            f"{each.top_speed:.2f}",
            f"{each.mean_acceleration:.2f}",
            f"{each.heading_deg:.0f}",
        )
        for each, _ in found.figures
    ]
    plots = [
        _speed_plot(found.seen.time_s[own], each.motion.speed)
        for each, own in zip(found.figures, found.seen.slices(), strict=True)
    ]
    head = "".join(f"<th>{title}</th>" for title in titles)
    body = "".join(
        f"<tr>{_cells(row)}<td>{plot}</td></tr>"
        for row, plot in zip(rows, plots, strict=True)
    )
    where = "Lengths are in metres on the ground." if unit == "m" else ""
    return f"<table><tr>{head}</tr>{body}</table><p>{where}</p>"


def _speed_plot(time_s: NDArray[np.float64], speed: NDArray[np.float64]) -> str:
    """Speed over time from 0 to the track's highest, as a small line."""
    known = np.flatnonzero(~np.isnan(speed))
    if len(known) < 2:
        return ""
    known = known[:: max(1, len(known) // _PLOT_POINTS)]
    width, height = _PLOT_PX
    at_s = time_s[known]
    right = width * (at_s - at_s[0]) / max(at_s[-1] - at_s[0], 1e-9)
    down = (height - 1) * (1 - speed[known] / max(speed[known].max(), 1e-9)) + 0.5
    points = _points(np.stack([right, down], axis=1).tolist())
    return (
        f"<svg width='{width}' height='{height}'><polyline points='{points}'"
        " fill='none' stroke='currentColor'/></svg>"
    )


def _events(session: Session) -> str:
    started_ns = session.manifest.started_ns
    rows = [
        (f"{(event.time_ns - started_ns) * 1e-9:.3f} s", event.kind, event.text)
        for event in session.events()
    ]
    return f"{_WORDS}{_rows(rows)}</table>"


def _rows(rows: Iterable[Sequence[object]]) -> str:
    return "".join(f"<tr>{_cells(row)}</tr>" for row in rows)


def _cells(row: Sequence[object]) -> str:
    return "".join(f"<td>{escape(str(value))}</td>" for value in row)


def _points(points: Iterable[Sequence[float]] | NDArray[np.float64]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
