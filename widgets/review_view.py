"""The picture of a review: tracks are chosen on it, zones and measures drawn."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QPainter

from widgets.overrides import override
from widgets.review_scene import ReviewScene, Shape, paint_scene, paint_shape
from widgets.theme import MARGIN_PX, Colour
from widgets.video_view import VideoView

if TYPE_CHECKING:
    from PySide6.QtGui import QKeyEvent, QMouseEvent, QPaintEvent

    from app.display import Picture
    from app.recording.zones import Point

_CLICK_PX = 4.0
_CLOSE_PX = 10.0
_ARROWS = (Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Up, Qt.Key.Key_Down)


class Tool(enum.Enum):
    """What clicks on the picture do."""

    CHOOSE = "choose"
    """Choose tracks."""
    ZONE = "zone"
    LINE = "line"
    SCALE = "scale"
    """Draw a line of known length."""
    PLANE = "plane"
    """Mark four points whose places are known."""
    DISTANCE = "distance"
    """Measure from one point to another."""


_POINTS = {Tool.LINE: 2, Tool.SCALE: 2, Tool.PLANE: 4, Tool.DISTANCE: 2}
_ADVICE = {
    Tool.ZONE: "Click the corners of the zone. Enter or a double click ends it,"
    " Backspace takes a corner back, Esc gives up.",
    Tool.LINE: "Click both ends of the line. It counts who crosses it, and which way.",
    Tool.SCALE: "Click both ends of something whose length you know.",
    Tool.PLANE: "Click four points of the ground whose places you know, in turn around"
    " it: the corners of a court, a table or a tile.",
    Tool.DISTANCE: "Click two points to measure how far they are from each other.",
}


class ReviewView(VideoView):
    """Shows a review's pictures; a drag moves them also while something is drawn."""

    point_clicked = Signal(float, float, bool)  # x, y of the frame; whether to add
    drawn = Signal(object, object)  # Tool, and a tuple of points of the frame
    point_moved = Signal(str, int, float, float)  # name, number of its point, x, y
    point_left = Signal()  # the point that was moved stays where it is
    tool_ended = Signal()  # the operator gave up drawing

    def __init__(self) -> None:
        super().__init__()
        self._scene = ReviewScene()
        self._tool = Tool.CHOOSE
        self._points: list[Point] = []
        self._mouse: QPointF | None = None
        self._pressed_at: QPointF | None = None
        self._held: tuple[str, int] | None = None
        self._note = ""
        self.setAcceptDrops(False)
        self.setAccessibleName("Picture of the session")

    @property
    def tool(self) -> Tool:
        """What clicks do."""
        return self._tool

    @property
    def picture(self) -> Picture | None:
        """The picture that is shown."""
        return self._picture

    @property
    def note(self) -> str:
        """What is said in the picture's middle."""
        return self._note

    @property
    def scene(self) -> ReviewScene:
        """What is drawn over the picture."""
        return self._scene

    def show_scene(self, scene: ReviewScene) -> None:
        """Draw this over the picture."""
        self._scene = scene
        self.update()

    def show_note(self, text: str) -> None:
        """Say something in the picture's middle, as why there is none."""
        self._note = text
        self.update()

    def use(self, tool: Tool) -> None:
        """Let clicks do this from now on."""
        self._tool = tool
        self._points.clear()
        is_drawing = tool is not Tool.CHOOSE
        self.setCursor(
            Qt.CursorShape.CrossCursor if is_drawing else Qt.CursorShape.ArrowCursor
        )
        if is_drawing:
            self.setFocus()
        self.update()

    def give_up(self) -> bool:
        """Stop drawing; whether there was anything to stop."""
        if self._tool is Tool.CHOOSE:
            return False
        self.use(Tool.CHOOSE)
        self.tool_ended.emit()
        return True

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        if self._picture is None:
            painter = QPainter(self)
            painter.fillRect(self.rect(), Colour.WINDOW.qcolor)
            self._paint_note(painter)
            return
        super().paintEvent(event)
        painter = QPainter(self)
        painter.setClipRect(self._frame_area())
        paint_scene(painter, self._scene, self._place)
        painter.setClipping(False)
        if self._points:
            hover = [self._frame_point(self._mouse)] if self._mouse else []
            points = (*self._points, *hover)
            is_zone = self._tool in (Tool.ZONE, Tool.PLANE)
            shape = Shape(points, colour=Colour.WARNING, is_closed=is_zone)
            paint_shape(painter, shape, self._place)
        self._paint_note(painter)
        if self._tool is not Tool.CHOOSE:
            self._paint_advice(painter)

    @override
    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._held = self._point_at(event.position())
            if self._held is not None:
                return
            self._pressed_at = event.position()
        super().mousePressEvent(event)

    @override
    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._mouse = event.position()
        if self._held is not None:
            self.point_moved.emit(*self._held, *self._frame_point(event.position()))
            return
        super().mouseMoveEvent(event)
        if self._points:
            self.update()

    @override
    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._held is not None:
            self._held = None
            self.point_left.emit()
            return
        super().mouseReleaseEvent(event)
        if self._tool is not Tool.CHOOSE:
            self.setCursor(Qt.CursorShape.CrossCursor)
        pressed_at, self._pressed_at = self._pressed_at, None
        if pressed_at is None or self.view is None:
            return
        moved = event.position() - pressed_at
        if abs(moved.x()) + abs(moved.y()) <= _CLICK_PX:
            self._click(event.position(), event.modifiers())

    @override
    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self._pressed_at = None
        if self._tool is Tool.CHOOSE:
            super().mouseDoubleClickEvent(event)
        elif self._tool is Tool.ZONE:
            self._end()

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = Qt.Key(event.key())
        if key in _ARROWS:
            # They step through the session.
            event.ignore()
        elif self._points and key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._end()
        elif self._points and key == Qt.Key.Key_Backspace:
            self._points.pop()
            self.update()
        else:
            super().keyPressEvent(event)

    def _click(self, at: QPointF, modifiers: Qt.KeyboardModifier) -> None:
        x_px, y_px = self._frame_point(at)
        if self._tool is Tool.CHOOSE:
            is_added = bool(modifiers & Qt.KeyboardModifier.ControlModifier)
            self.point_clicked.emit(x_px, y_px, is_added)
            return
        if self._tool is Tool.ZONE and len(self._points) > 2:
            away = self._place(*self._points[0]) - at
            if abs(away.x()) + abs(away.y()) <= _CLOSE_PX:
                self._end()
                return
        self._points.append((x_px, y_px))
        if len(self._points) == _POINTS.get(self._tool, 0):
            self._end()
        self.update()

    def _end(self) -> None:
        least = _POINTS.get(self._tool, 3)
        if len(self._points) < least:
            return
        tool, points = self._tool, tuple(self._points)
        self.use(Tool.CHOOSE)
        self.drawn.emit(tool, points)

    def _point_at(self, at: QPointF) -> tuple[str, int] | None:
        """The point of a zone or a line under the mouse: its name and number."""
        if self._tool is not Tool.CHOOSE or self.view is None:
            return None
        for shape in self._scene.shapes:
            for number, point in enumerate(shape.points_px if shape.name else ()):
                if (self._place(*point) - at).manhattanLength() <= _CLOSE_PX:
                    return shape.name, number
        return None

    def _place(self, x_px: float, y_px: float) -> QPointF:
        view = self.view
        assert view is not None
        u, v = view.to_view(x_px, y_px)
        ratio = view.device_pixel_ratio
        return QPointF((u + 0.5) / ratio, (v + 0.5) / ratio)

    def _frame_area(self) -> QRectF:
        width, height = self._frame_size_px
        return QRectF(self._place(-0.5, -0.5), self._place(width - 0.5, height - 0.5))

    def _frame_point(self, at: QPointF) -> Point:
        view = self.view
        assert view is not None
        return view.to_frame(*self._device_pixel(at))

    def _paint_note(self, painter: QPainter) -> None:
        if not self._note:
            return
        area = self.rect().adjusted(
            4 * MARGIN_PX, MARGIN_PX, -4 * MARGIN_PX, -MARGIN_PX
        )
        flags = Qt.TextFlag.TextWordWrap | Qt.AlignmentFlag.AlignCenter
        painter.setPen(Colour.MUTED.qcolor)
        painter.drawText(area, flags, self._note)

    def _paint_advice(self, painter: QPainter) -> None:
        area = self.rect().adjusted(MARGIN_PX, MARGIN_PX, -MARGIN_PX, -MARGIN_PX)
        flags = Qt.TextFlag.TextWordWrap | Qt.AlignmentFlag.AlignHCenter
        text = _ADVICE[self._tool]
        box = painter.fontMetrics().boundingRect(area, flags, text)
        backdrop = Colour.WINDOW.qcolor.toRgb()
        backdrop.setAlpha(215)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(backdrop)
        painter.drawRoundedRect(box.adjusted(-10, -5, 10, 5), 4, 4)
        painter.setPen(Colour.TEXT.qcolor)
        painter.drawText(area, flags | Qt.AlignmentFlag.AlignTop, text)
