"""One measurement over time, as a strip of a timeline."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QColor, QPainter, QPen, QPolygonF

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from app.review.contents import Curve
    from app.review.timescale import TimeScale

_EDGE_PX = 4


def paint_curve(
    painter: QPainter, curve: Curve, scale: TimeScale, area: QRectF, colour: QColor
) -> None:
    """Draw what is seen of a curve, from 0 or its lowest value to its highest."""
    lowest, highest = range_of(curve, scale)
    cut = _cut(curve, scale)
    time_s, values = curve.time_s[cut], curve.values[cut]
    if not len(values):
        return
    height = (area.height() - 2 * _EDGE_PX) / ((highest - lowest) or 1.0)
    x = area.left() + (time_s - scale.start_s) * (area.width() / scale.span_s)
    y = area.bottom() - _EDGE_PX - (values - lowest) * height
    painter.save()
    painter.setClipRect(area)
    painter.setPen(QPen(colour, 1.0))
    for piece_x, piece_y in _thinned(time_s, x, y):
        points = zip(piece_x.tolist(), piece_y.tolist(), strict=True)
        painter.drawPolyline(QPolygonF([QPointF(*each) for each in points]))
    painter.restore()


def range_of(curve: Curve, scale: TimeScale) -> tuple[float, float]:
    """The least, or 0, and the most of what is seen of a curve."""
    values = curve.values[_cut(curve, scale)]
    known = values[np.isfinite(values)]
    if not len(known):
        return 0.0, 0.0
    return min(0.0, float(known.min())), float(known.max())


def _cut(curve: Curve, scale: TimeScale) -> slice:
    """What is seen of a curve, and one value more on both sides."""
    seen_s = scale.start_s, scale.end_s
    first, last = np.searchsorted(curve.time_s, seen_s, side="right")
    return slice(max(0, int(first) - 1), int(last) + 1)


def _thinned(
    time_s: NDArray[np.float64], x: NDArray[np.float64], y: NDArray[np.float64]
) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Pieces between gaps, with the least and the most of every pixel."""
    is_known = np.isfinite(y)
    steps = np.diff(time_s)
    usual = float(np.median(steps)) if len(steps) else 0.0
    is_break = np.r_[True, (steps > 3 * usual + 0.1) | ~is_known[1:] | ~is_known[:-1]]
    pieces = []
    bounds = [*np.flatnonzero(is_break).tolist(), len(x)]
    for first, last in pairwise(bounds):
        piece_x, piece_y = x[first:last], y[first:last]
        piece_y = piece_y[is_known[first:last]]
        piece_x = piece_x[is_known[first:last]]
        if len(piece_x) > 4 and len(piece_x) > 2 * (piece_x[-1] - piece_x[0]):
            pixel = np.floor(piece_x)
            starts = np.flatnonzero(np.r_[True, np.diff(pixel) > 0])
            low = np.minimum.reduceat(piece_y, starts)
            high = np.maximum.reduceat(piece_y, starts)
            piece_x = np.repeat(piece_x[starts], 2)
            piece_y = np.stack([low, high], axis=1).ravel()
        if len(piece_x):
            pieces.append((piece_x, piece_y))
    return pieces


def value_text(curve: Curve, time_s: float) -> str:
    """Write the value of a curve that is nearest to a time."""
    if not len(curve.time_s):
        return curve.name
    after = min(int(np.searchsorted(curve.time_s, time_s)), len(curve.time_s) - 1)
    before = max(0, after - 1)
    nearer = min((before, after), key=lambda at: abs(curve.time_s[at] - time_s))
    value = float(curve.values[nearer])
    text = number_text(value) if np.isfinite(value) else "unknown"
    return f"{curve.name} {text} {curve.unit}".rstrip()


def number_text(value: float) -> str:
    """Write a value in about three digits."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
