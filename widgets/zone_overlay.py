"""The zone that starts recordings, over the live picture; drawn with the mouse."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPen, QPolygonF
from PySide6.QtWidgets import QWidget

from app.recording.settings import LEAST_CORNERS
from widgets.overrides import override
from widgets.theme import GAP_PX, MARGIN_PX, Colour, scaled_font

if TYPE_CHECKING:
    from PySide6.QtGui import QKeyEvent, QMouseEvent, QPaintEvent

    from widgets.video_view import VideoView

_CORNER_PX = 4
_NEAR_PX = 10
_FILL_ALPHA, _DRAFT_ALPHA = 14, 40
_ADVICE = "Click the corners of the zone. Enter or a double click ends it, Esc cancels."


class ZoneOverlay(QWidget):
    """Lies over the picture: lets the mouse through unless a zone is being drawn.

    Parameters
    ----------
    view : VideoView
        Whose picture it lies over, and by which it places the corners.
    """

    zone_drawn = Signal(object)  # its corners, (x, y) in pixels of the frame

    def __init__(self, view: VideoView) -> None:
        super().__init__(view)
        self._view = view
        self._corners_px: tuple[tuple[float, float], ...] = ()
        self._draft: list[tuple[float, float]] = []
        self._is_drawing = False
        self._mouse = QPointF()
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAccessibleName("Zone")
        self.hide()
        view.installEventFilter(self)
        view.view_changed.connect(self.update)

    @property
    def is_drawing(self) -> bool:
        """Whether the operator is drawing."""
        return self._is_drawing

    def show_zone(self, corners_px: tuple[tuple[float, float], ...]) -> None:
        """Show a zone by its corners; none of them shows nothing."""
        self._corners_px = corners_px
        self._show()

    def start_drawing(self) -> None:
        """Have the operator click the corners; nothing happens without a picture."""
        if self._view.view is None:
            return
        self._is_drawing = True
        self._draft.clear()
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents, False)
        self.setMouseTracking(True)
        self.setCursor(Qt.CursorShape.CrossCursor)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._show()
        self.setFocus(Qt.FocusReason.OtherFocusReason)

    def cancel(self) -> None:
        """End drawing; the zone stays what it was."""
        self._is_drawing = False
        self._draft.clear()
        self.unsetCursor()
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._show()
        self._view.setFocus(Qt.FocusReason.OtherFocusReason)

    # --- Qt

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in (QEvent.Type.Resize, QEvent.Type.Show):
            self.setGeometry(self._view.rect())
        return super().eventFilter(watched, event)

    @override
    def event(self, event: QEvent) -> bool:
        # While it is drawn, Esc and Enter are about the zone and nothing else.
        if event.type() == QEvent.Type.ShortcutOverride and self._is_drawing:
            event.accept()
            return True
        return super().event(event)

    @override
    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.RightButton:
            self._take_back()
        elif event.button() == Qt.MouseButton.LeftButton:
            if self._draft and self._is_near_first(event.position()):
                self._finish()
            else:
                self._add(event.position())

    @override
    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._mouse = event.position()
        self.update()

    @override
    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        # The first click of the two has set this corner.
        self._finish()

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = event.key()
        if key == Qt.Key.Key_Escape:
            self.cancel()
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._finish()
        elif key == Qt.Key.Key_Backspace:
            self._take_back()
        else:
            super().keyPressEvent(event)

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        if self._view.view is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        colour = Colour.WARNING.qcolor
        fill = QColor(colour)
        fill.setAlpha(_DRAFT_ALPHA if self._is_drawing else _FILL_ALPHA)
        corners = self._draft if self._is_drawing else self._corners_px
        points = [self._place(*corner) for corner in corners]
        if not self._is_drawing:
            painter.setPen(QPen(colour, 1.5, Qt.PenStyle.DashLine))
            painter.setBrush(fill)
            painter.drawPolygon(QPolygonF(points))
            return
        painter.setPen(QPen(colour, 1.5))
        painter.setBrush(fill)
        painter.drawPolygon(QPolygonF([*points, self._mouse]))
        painter.setBrush(colour)
        for point in points:
            painter.drawEllipse(point, _CORNER_PX, _CORNER_PX)
        self._paint_advice(painter)

    # --- the corners

    def _show(self) -> None:
        self.setGeometry(self._view.rect())
        self.setVisible(self._is_drawing or bool(self._corners_px))
        self.update()

    def _add(self, at: QPointF) -> None:
        view = self._view.view
        if view is not None:
            ratio = view.device_pixel_ratio
            x, y = view.to_frame(at.x() * ratio, at.y() * ratio)
            self._draft.append((round(x, 1), round(y, 1)))
            self._mouse = at
            self.update()

    def _take_back(self) -> None:
        if self._draft:
            self._draft.pop()
            self.update()

    def _finish(self) -> None:
        if len(self._draft) < LEAST_CORNERS:
            return
        corners = tuple(self._draft)
        self.cancel()
        self.zone_drawn.emit(corners)

    def _place(self, x_px: float, y_px: float) -> QPointF:
        view = self._view.view
        assert view is not None
        u, v = view.to_view(x_px, y_px)
        return QPointF(u, v) / view.device_pixel_ratio

    def _is_near_first(self, at: QPointF) -> bool:
        away = at - self._place(*self._draft[0])
        return away.manhattanLength() < _NEAR_PX

    def _paint_advice(self, painter: QPainter) -> None:
        painter.setFont(scaled_font(self.font(), 1.1))
        size = painter.fontMetrics().boundingRect(_ADVICE).size()
        width = min(size.width() + 2 * MARGIN_PX, self.width())
        left = (self.width() - width) / 2
        area = QRectF(left, GAP_PX, width, size.height() + 2 * GAP_PX)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(0, 0, 0, 190))
        painter.drawRoundedRect(area, GAP_PX / 2, GAP_PX / 2)
        painter.setPen(Colour.TEXT.qcolor)
        painter.drawText(area, Qt.AlignmentFlag.AlignCenter, _ADVICE)
