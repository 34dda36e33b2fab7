"""What a review draws over its picture: zones, lines, measures, chosen tracks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPolygonF

from app.ink import track_colour_bgr
from widgets.theme import Colour

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from app.recording.zones import Point

    Place: TypeAlias = Callable[[float, float], QPointF]
    """Brings a point of the frame into the widget."""

_FILL_ALPHA = 34
_HANDLE_PX = 3.5
_RING_PX = 30.0
_ARROW_PX = 12.0
_PAD_PX = 4
_FUTURE_ALPHA = 170


@dataclass(frozen=True, slots=True)
class Shape:
    """Something drawn: open or closed, with words beside its first point."""

    points_px: tuple[Point, ...]
    text: str = ""
    colour: Colour = Colour.ACCENT
    is_closed: bool = False
    has_arrow: bool = False
    """Across its middle, towards what is right of it from its start."""
    is_chosen: bool = False
    name: str = ""
    """Of a zone or a line, whose points can be moved; empty for what cannot."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """A track that the operator has chosen, where it is."""

    track_id: int
    x_px: float
    y_px: float


@dataclass(frozen=True, slots=True)
class ReviewScene:
    """All that is drawn, of one frame."""

    shapes: tuple[Shape, ...] = ()
    chosen: tuple[Chosen, ...] = ()
    futures: tuple[tuple[int, NDArray[np.float64]], ...] = ()
    """Tracks, and where they will be: shape (N, 2)."""


def track_colour(track_id: int) -> QColor:
    """The colour of a track, as the picture has it."""
    blue, green, red = track_colour_bgr(track_id)
    return QColor(red, green, blue)


def paint_scene(painter: QPainter, scene: ReviewScene, place: Place) -> None:
    """Draw a scene."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    for track_id, points in scene.futures:
        _paint_future(painter, track_id, points, place)
    for shape in scene.shapes:
        paint_shape(painter, shape, place)
    for rank, chosen in enumerate(scene.chosen):
        middle = place(chosen.x_px, chosen.y_px)
        pen = QPen(Colour.TEXT.qcolor, 2.0)
        if rank:
            # Told from the first one by its line, not by colour alone.
            pen.setStyle(Qt.PenStyle.DashLine)
        painter.setPen(pen)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawEllipse(middle, _RING_PX, _RING_PX)


def paint_shape(painter: QPainter, shape: Shape, place: Place) -> None:
    """Draw a zone, a line or a measure."""
    points = [place(*point) for point in shape.points_px]
    if not points:
        return
    colour = QColor(shape.colour.qcolor)
    polygon = QPolygonF(points)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    if shape.is_closed:
        fill = QColor(colour)
        fill.setAlpha(_FILL_ALPHA * (2 if shape.is_chosen else 1))
        painter.setBrush(fill)
    # A dark line below keeps it visible on bright pictures.
    for pen in (QPen(QColor(0, 0, 0, 150), 4.0), QPen(colour, 2.0)):
        painter.setPen(pen)
        if shape.is_closed and len(points) > 2:
            painter.drawPolygon(polygon)
        else:
            painter.drawPolyline(polygon)
        painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setBrush(colour)
    painter.setPen(QPen(QColor(0, 0, 0, 150), 1.0))
    for point in points:
        painter.drawEllipse(point, _HANDLE_PX, _HANDLE_PX)
    if shape.has_arrow and len(points) == 2:
        _paint_arrow(painter, points[0], points[1], colour)
    if shape.text:
        _paint_words(painter, shape.text, points, shape.is_closed)


def _paint_future(
    painter: QPainter, track_id: int, points: NDArray[np.float64], place: Place
) -> None:
    colour = track_colour(track_id)
    colour.setAlpha(_FUTURE_ALPHA)
    painter.setPen(QPen(colour, 1.6, Qt.PenStyle.DotLine))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawPolyline(QPolygonF([place(x, y) for x, y in points.tolist()]))


def _paint_arrow(
    painter: QPainter, start: QPointF, end: QPointF, colour: QColor
) -> None:
    along = end - start
    length = float(np.hypot(along.x(), along.y()))
    if length < 1:
        return
    unit = along / length
    # On the screen, where y grows downwards, this is to the right.
    right = QPointF(-unit.y(), unit.x())
    middle = (start + end) / 2
    tip = middle + right * 2 * _ARROW_PX
    painter.setPen(QPen(colour, 2.0))
    painter.drawLine(middle, tip)
    wing = right * -_ARROW_PX * 0.6
    for side in (unit, -unit):
        painter.drawLine(tip, tip + wing + side * _ARROW_PX * 0.45)


def _paint_words(
    painter: QPainter, text: str, points: Sequence[QPointF], is_closed: bool
) -> None:
    metrics = painter.fontMetrics()
    width, height = metrics.horizontalAdvance(text), metrics.height()
    at = min(points, key=lambda point: point.y()) if is_closed else points[0]
    box = QRectF(
        at.x() + 2 * _PAD_PX,
        at.y() - height - 2 * _PAD_PX,
        width + 2 * _PAD_PX,
        height + _PAD_PX,
    )
    edge = painter.clipBoundingRect()
    box.moveLeft(max(edge.left(), min(box.left(), edge.right() - box.width())))
    box.moveTop(max(edge.top(), min(box.top(), edge.bottom() - box.height())))
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(20, 23, 27, 210))
    painter.drawRoundedRect(box, 3, 3)
    painter.setPen(Colour.TEXT.qcolor)
    painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)
