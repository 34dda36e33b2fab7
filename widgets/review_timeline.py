"""The timeline of a review: curves, events, gaps and a lane for each track."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPen, QPixmap, QPolygonF
from PySide6.QtWidgets import QScrollBar, QSizePolicy, QToolTip, QWidget

from app.review.runs import Run, runs_of
from app.review.timescale import TimeScale, time_text
from widgets.curve_strip import number_text, paint_curve, range_of, value_text
from widgets.overrides import override
from widgets.review_scene import track_colour
from widgets.theme import Colour, scaled_font

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from PySide6.QtCore import QEvent
    from PySide6.QtGui import QMouseEvent, QPaintEvent, QResizeEvent, QWheelEvent

    from app.review.analysis import Analysis
    from app.review.contents import Curve

_HEADER_PX = 104
_RULER_PX = 24
_STRIP_PX = 34
_EVENTS_PX = 18
_LANE_PX = 17
_BAR_PX = 11
_END_PX = 10
"""Right of the last frame, so that its mark can be seen."""
_SCROLL_PX = 10
_NOTCH = 120
_ZOOM_PER_NOTCH = 1.3
_PAN_PER_NOTCH = 0.12
_NEAR_PX = 5
_TEXT_FACTOR = 0.85
_LEAST_LANES = 3
_CURVE_COLOURS = (
    Colour.SERIES_1,
    Colour.SERIES_2,
    Colour.SERIES_3,
    Colour.SERIES_4,
    Colour.TEXT,
)
_MARK_COLOURS = {"mark": Colour.ACCENT, "fault": Colour.ERROR, "engine": Colour.WARNING}


class ReviewTimeline(QWidget):
    """Everything over one axis of time; a click goes there, a drag searches.

    The wheel zooms at the mouse; with Shift, or dragged with another button, it moves;
    with Ctrl it scrolls the lanes.
    """

    sought = Signal(float)  # time in the session to go to
    track_clicked = Signal(int, bool)  # id of a track; whether to add it to the chosen
    frame_hovered = Signal(float)  # time in the session under the mouse

    def __init__(self) -> None:
        super().__init__()
        self._analysis: Analysis | None = None
        self._scale = TimeScale(0.0)
        self._curves: tuple[Curve, ...] = ()
        self._lanes: list[int] = []
        self._runs: dict[int, list[Run]] = {}
        self._chosen: tuple[int, ...] = ()
        self._loop_s: tuple[float, float] | None = None
        self._now_s = 0.0
        self._drawn: QPixmap | None = None
        self._panned_from: QPointF | None = None
        self._is_seeking = False
        self._scroll = QScrollBar(Qt.Orientation.Vertical, self)
        self._scroll.valueChanged.connect(self._redraw)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("Timeline")

    # --- what is shown

    @property
    def scale(self) -> TimeScale:
        """Which times are seen."""
        return self._scale

    @property
    def lanes(self) -> tuple[int, ...]:
        """Ids of the tracks, from top to bottom."""
        return tuple(self._lanes)

    def show_analysis(self, analysis: Analysis) -> None:
        """Show a session, or what a correction made of it."""
        length_s = analysis.contents.length_s
        if self._analysis is None or self._scale.length_s != length_s:
            self._scale = TimeScale(length_s)
        self._analysis = analysis
        paths = analysis.believed
        order = np.lexsort((paths.ids, paths.first_s))
        self._lanes = [int(each) for each in paths.ids[order]]
        self._runs.clear()
        self._fit_scroll()
        self._redraw()

    def show_curves(self, curves: Sequence[Curve]) -> None:
        """Show these measurements above the lanes."""
        self._curves = tuple(curves)
        self._fit_scroll()
        self._redraw()

    def show_time(self, time_s: float) -> None:
        """Show where the picture is; what is seen follows it."""
        self._now_s = time_s
        followed = self._scale.including(time_s)
        if followed != self._scale and not self._is_seeking:
            self._scale = followed
            self._redraw()
        self.update()

    def show_loop(self, loop_s: tuple[float, float] | None) -> None:
        """Show what is repeated."""
        self._loop_s = loop_s
        self._redraw()

    def show_chosen(self, ids: Sequence[int]) -> None:
        """Show which tracks are chosen, and bring the first into sight."""
        if tuple(ids) == self._chosen:
            return
        self._chosen = tuple(ids)
        if ids and ids[0] in self._lanes:
            top = self._lanes.index(ids[0]) * _LANE_PX
            at, page = self._scroll.value(), self._scroll.pageStep()
            if not at <= top <= at + page - _LANE_PX:
                self._scroll.setValue(top - page // 2)
        self._redraw()

    def zoom_all(self) -> None:
        """Show the whole session."""
        self._scale = TimeScale(self._scale.length_s)
        self._redraw()

    def zoom(self, notches: float) -> None:
        """Zoom about where the picture is."""
        self._scale = self._scale.zoomed(_ZOOM_PER_NOTCH**notches, self._now_s)
        self._redraw()

    # --- geometry

    def x_of(self, time_s: float) -> float:
        """Where a time is, in pixels of the widget."""
        return _HEADER_PX + self._scale.ratio(time_s) * self._span_px()

    def y_of_lane(self, track_id: int) -> float:
        """The middle of a track's lane, in pixels of the widget."""
        at = self._lanes.index(track_id)
        return self._lanes_top() + at * _LANE_PX + _LANE_PX / 2 - self._scroll.value()

    def _time_at(self, x: float) -> float:
        return self._scale.time_s((x - _HEADER_PX) / self._span_px())

    def _span_px(self) -> float:
        return max(1.0, self.width() - _HEADER_PX - _SCROLL_PX - _END_PX)

    def _lanes_top(self) -> int:
        return _RULER_PX + _EVENTS_PX + len(self._curves) * _STRIP_PX

    def _lane_at(self, y: float) -> int | None:
        if y < self._lanes_top():
            return None
        row = int((y - self._lanes_top() + self._scroll.value()) // _LANE_PX)
        return self._lanes[row] if 0 <= row < len(self._lanes) else None

    def _fit_scroll(self) -> None:
        page = max(0, self.height() - self._lanes_top())
        self._scroll.setGeometry(
            self.width() - _SCROLL_PX, self._lanes_top(), _SCROLL_PX, page
        )
        whole = len(self._lanes) * _LANE_PX
        self._scroll.setRange(0, max(0, whole - page))
        self._scroll.setPageStep(page)
        self._scroll.setSingleStep(_LANE_PX)
        self._scroll.setVisible(whole > page)

    def _redraw(self) -> None:
        self._drawn = None
        self.update()

    # --- Qt

    @override
    def sizeHint(self) -> QSize:
        return QSize(900, 300)

    @override
    def minimumSizeHint(self) -> QSize:
        least = _RULER_PX + _EVENTS_PX + _LEAST_LANES * _LANE_PX
        return QSize(300, least)

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_scroll()
        self._redraw()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        ratio = self.devicePixelRatioF()
        if self._drawn is None or self._drawn.devicePixelRatio() != ratio:
            self._drawn = QPixmap(self.size() * ratio)
            self._drawn.setDevicePixelRatio(ratio)
            canvas = QPainter(self._drawn)
            canvas.setFont(scaled_font(self.font(), _TEXT_FACTOR))
            self._paint(canvas)
            canvas.end()
        painter = QPainter(self)
        painter.drawPixmap(0, 0, self._drawn)
        if self._analysis is not None:
            self._paint_head(painter)

    @override
    def wheelEvent(self, event: QWheelEvent) -> None:
        turned = event.angleDelta()
        notches = (turned.y() or turned.x()) / _NOTCH
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self._scroll.setValue(round(self._scroll.value() - notches * 3 * _LANE_PX))
        elif event.modifiers() & Qt.KeyboardModifier.ShiftModifier or not turned.y():
            self._scale = self._scale.moved(-notches * _PAN_PER_NOTCH)
        else:
            at_s = self._time_at(event.position().x())
            self._scale = self._scale.zoomed(_ZOOM_PER_NOTCH**notches, at_s)
        self._redraw()
        event.accept()

    @override
    def mousePressEvent(self, event: QMouseEvent) -> None:
        at = event.position()
        if event.button() != Qt.MouseButton.LeftButton:
            self._panned_from = at
            self.setCursor(Qt.CursorShape.ClosedHandCursor)
            return
        track_id = self._lane_at(at.y())
        is_added = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
        if track_id is not None:
            self.track_clicked.emit(track_id, is_added)
        if at.x() >= _HEADER_PX and not is_added:
            self._is_seeking = True
            self.sought.emit(self._time_at(at.x()))

    @override
    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        at = event.position()
        if self._panned_from is not None:
            part = (self._panned_from.x() - at.x()) / self._span_px()
            self._panned_from = at
            self._scale = self._scale.moved(part)
            self._redraw()
        elif self._is_seeking:
            self.sought.emit(self._time_at(at.x()))
        else:
            self._hover(event)

    @override
    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._panned_from = None
        self._is_seeking = False
        self.unsetCursor()

    @override
    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            if event.position().y() < _RULER_PX:
                self.zoom_all()
            else:
                self.mousePressEvent(event)

    @override
    def leaveEvent(self, event: QEvent) -> None:
        QToolTip.hideText()

    # --- what is under the mouse

    def _hover(self, event: QMouseEvent) -> None:
        text = self.text_at(event.position().x(), event.position().y())
        QToolTip.showText(event.globalPosition().toPoint(), text, self)

    def text_at(self, x: float, y: float) -> str:
        """What a point shows: track, event, gap or values, and the time."""
        if self._analysis is None:
            return ""
        if x < _HEADER_PX:
            track_id = self._lane_at(y)
            return "" if track_id is None else f"track {track_id}"
        time_s = self._time_at(x)
        number = int(np.searchsorted(self._times(), time_s, side="right")) - 1
        texts = [f"{time_text(time_s)}, frame {max(0, number)}"]
        if _RULER_PX <= y < _RULER_PX + _EVENTS_PX:
            texts += self._events_near(x)
        strip = int((y - _RULER_PX - _EVENTS_PX) // _STRIP_PX)
        if y >= _RULER_PX + _EVENTS_PX and strip < len(self._curves):
            texts.append(value_text(self._curves[strip], time_s))
        track_id = self._lane_at(y)
        if track_id is not None:
            texts.insert(0, f"track {track_id}, {self._state_at(track_id, time_s)}")
        return "\n".join(texts)

    def _times(self) -> NDArray[np.float64]:
        assert self._analysis is not None
        return self._analysis.contents.frames.time_s

    def _events_near(self, x: float) -> list[str]:
        assert self._analysis is not None
        contents = self._analysis.contents
        found = [
            f"{each.kind}: {each.text}" if each.text else each.kind
            for each in contents.moments
            if abs(self.x_of(each.time_s) - x) <= _NEAR_PX
        ]
        found += [
            each.text()
            for each in contents.gaps
            if self.x_of(each.start_s) - _NEAR_PX
            <= x
            <= self.x_of(each.end_s) + _NEAR_PX
        ]
        return found

    def _state_at(self, track_id: int, time_s: float) -> str:
        for run in self._runs_of(track_id):
            if run.start_s <= time_s <= run.end_s:
                return "seen" if run.is_seen else "predicted"
        return "not there"

    def _runs_of(self, track_id: int) -> list[Run]:
        if track_id not in self._runs:
            assert self._analysis is not None
            inferred_s = self._times()[self._analysis.contents.inferred]
            found = runs_of(self._analysis.believed, track_id, inferred_s)
            self._runs[track_id] = found
        return self._runs[track_id]

    # --- painting

    def _paint(self, painter: QPainter) -> None:
        painter.fillRect(self.rect(), Colour.WINDOW.qcolor)
        if self._analysis is None:
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._paint_ruler(painter)
        self._paint_events(painter)
        top = _RULER_PX + _EVENTS_PX
        for at, curve in enumerate(self._curves):
            colour = _CURVE_COLOURS[at % len(_CURVE_COLOURS)].qcolor
            strip = top + at * _STRIP_PX
            self._head(painter, strip, _STRIP_PX, self._title_of(curve), colour)
            area = QRectF(_HEADER_PX, strip, self._span_px(), _STRIP_PX)
            paint_curve(painter, curve, self._scale, area, colour)
        painter.setClipRect(0, self._lanes_top(), self.width(), self.height())
        self._paint_lanes(painter)

    def _title_of(self, curve: Curve) -> str:
        highest = range_of(curve, self._scale)[1]
        unit = f" {curve.unit}" if curve.unit else ""
        return f"{curve.name}\nto {number_text(highest)}{unit}"

    def _paint_ruler(self, painter: QPainter) -> None:
        painter.fillRect(0, 0, self.width(), _RULER_PX, Colour.SURFACE.qcolor)
        if self._loop_s is not None:
            left, right = (self.x_of(each) for each in self._loop_s)
            shade = Colour.ACCENT.qcolor.toRgb()
            shade.setAlpha(70)
            left = max(left, _HEADER_PX)
            painter.fillRect(QRectF(left, 0, right - left, _RULER_PX), shade)
        for tick_s, text in self._scale.ticks(int(self._span_px() // 90)):
            x = self.x_of(tick_s)
            painter.setPen(Colour.BORDER.qcolor)
            painter.drawLine(QPointF(x, _RULER_PX - 6), QPointF(x, _RULER_PX))
            faint = Colour.BORDER.qcolor.toRgb()
            faint.setAlpha(90)
            painter.setPen(faint)
            painter.drawLine(QPointF(x, _RULER_PX), QPointF(x, self.height()))
            painter.setPen(Colour.MUTED.qcolor)
            painter.drawText(QPointF(x + 3, _RULER_PX - 8), text)

    def _paint_events(self, painter: QPainter) -> None:
        assert self._analysis is not None
        contents = self._analysis.contents
        top, bottom = _RULER_PX + 2, _RULER_PX + _EVENTS_PX - 2
        self._head(painter, _RULER_PX, _EVENTS_PX, "events", Colour.MUTED.qcolor)
        painter.save()
        painter.setClipRect(_HEADER_PX, 0, self.width(), self.height())
        for gap in contents.gaps:
            left, right = self.x_of(gap.start_s), self.x_of(gap.end_s)
            area = QRectF(left, top, max(2.0, right - left), bottom - top)
            painter.fillRect(area, Colour.ERROR.qcolor)
        middle = (top + bottom) / 2
        painter.setPen(Qt.PenStyle.NoPen)
        for moment in contents.moments:
            x = self.x_of(moment.time_s)
            painter.setBrush(_MARK_COLOURS.get(moment.kind, Colour.MUTED).qcolor)
            corners = [(x, top), (x + 5, middle), (x, bottom), (x - 5, middle)]
            painter.drawPolygon(QPolygonF([QPointF(*each) for each in corners]))
        painter.restore()

    def _paint_lanes(self, painter: QPainter) -> None:
        top = self._lanes_top()
        first = self._scroll.value() // _LANE_PX
        count = (self.height() - top) // _LANE_PX + 2
        for row in range(first, min(first + count, len(self._lanes))):
            self._paint_lane(
                painter, self._lanes[row], top + row * _LANE_PX - self._scroll.value()
            )
        if not self._lanes:
            painter.setPen(Colour.MUTED.qcolor)
            area = QRectF(_HEADER_PX, top, self._span_px(), 2 * _LANE_PX)
            painter.drawText(area, Qt.AlignmentFlag.AlignCenter, "No tracks were found")

    def _paint_lane(self, painter: QPainter, track_id: int, top: int) -> None:
        is_chosen = track_id in self._chosen
        if is_chosen:
            painter.fillRect(0, top, self.width(), _LANE_PX, Colour.HOVER.qcolor)
        colour = track_colour(track_id)
        swatch = QRectF(10, top + (_LANE_PX - 8) / 2, 8, 8)
        painter.fillRect(swatch, colour)
        painter.setPen(Colour.TEXT.qcolor if is_chosen else Colour.MUTED.qcolor)
        painter.drawText(
            QRectF(26, top, _HEADER_PX - 30, _LANE_PX),
            Qt.AlignmentFlag.AlignVCenter,
            str(track_id),
        )
        painter.save()
        painter.setClipRect(
            _HEADER_PX,
            self._lanes_top(),
            self.width(),
            self.height(),
            Qt.ClipOperation.IntersectClip,
        )
        faded = QColor(colour)
        faded.setAlpha(90)
        for run in self._runs_of(track_id):
            if run.end_s < self._scale.start_s or run.start_s > self._scale.end_s:
                continue
            left, right = self.x_of(run.start_s), self.x_of(run.end_s)
            height = _BAR_PX if run.is_seen else _BAR_PX / 3
            area = QRectF(
                left, top + (_LANE_PX - height) / 2, max(1.5, right - left), height
            )
            painter.fillRect(area, colour if run.is_seen else faded)
        painter.restore()

    def _head(
        self, painter: QPainter, top: int, height: int, text: str, colour: QColor
    ) -> None:
        area = QRectF(10, top, _HEADER_PX - 14, height)
        painter.setPen(colour)
        painter.drawText(area, Qt.AlignmentFlag.AlignVCenter, text)
        painter.setPen(Colour.BORDER.qcolor)
        bottom = top + height - 0.5
        painter.drawLine(QPointF(0, bottom), QPointF(self.width(), bottom))

    def _paint_head(self, painter: QPainter) -> None:
        x = self.x_of(self._now_s)
        if not _HEADER_PX - 1 <= x <= self.width():
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(Colour.ACCENT.qcolor, 1.5))
        painter.drawLine(QPointF(x, _RULER_PX - 8), QPointF(x, self.height()))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(Colour.ACCENT.qcolor)
        head = [(x - 6, 2), (x + 6, 2), (x + 6, 10), (x, 17), (x - 6, 10)]
        painter.drawPolygon(QPolygonF([QPointF(*each) for each in head]))
