"""The picture: shows what the display composed, and says which part is wanted."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QImage, QPainter, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.overlay import View
from widgets.overrides import override
from widgets.theme import MARGIN_PX, Colour, scaled_font

if TYPE_CHECKING:
    from PySide6.QtCore import QEvent, QMimeData
    from PySide6.QtGui import (
        QDragEnterEvent,
        QDragLeaveEvent,
        QDropEvent,
        QFocusEvent,
        QKeyEvent,
        QMouseEvent,
        QPaintEvent,
        QResizeEvent,
        QWheelEvent,
    )

    from app.display import Picture

_NOTCH = 120
_ZOOM_PER_NOTCH = 1.25
_LEAST_OF_FIT = 0.5
"""How much smaller than fitted a frame can get."""
_KEY_STEP_RATIO = 0.1

_INVITATION = "Open a video, a folder, or start the synthetic source"
_ADVICE = "or drop a video or a folder of images here"
_DROP = "Drop to open"
_KEYBOARD = (
    Qt.FocusReason.TabFocusReason,
    Qt.FocusReason.BacktabFocusReason,
    Qt.FocusReason.ShortcutFocusReason,
)
_DIRECTIONS = {
    Qt.Key.Key_Left: (1, 0),
    Qt.Key.Key_Right: (-1, 0),
    Qt.Key.Key_Up: (0, 1),
    Qt.Key.Key_Down: (0, -1),
}


class VideoView(QWidget):
    """Shows pictures, and lets the operator zoom and move them.

    The wheel zooms at the mouse, dragging moves, a double click or F fits the frame, 1
    shows its pixels as they are, + and - and the arrow keys do what they say.

    A picture is drawn as it is. One that was composed for another view, which comes
    while the display catches up, is stretched to where it belongs.
    """

    view_changed = Signal(object)  # View: what pictures should be composed for
    frame_point_hovered = Signal(float, float)  # x and y in pixels of the frame
    hover_ended = Signal()  # the mouse is not on the frame any more
    file_dropped = Signal(str)  # path of a file or a folder

    def __init__(self) -> None:
        super().__init__()
        self._picture: Picture | None = None
        self._image = QImage()
        self._frame_size_px = (0, 0)
        self._view: View | None = None
        self._is_fitted = True
        self._dragged_from: QPointF | None = None
        self._is_hovered = False
        self._is_drop_offered = False
        self._has_keyboard_focus = False
        self._keys = {
            Qt.Key.Key_F: self.zoom_fit,
            Qt.Key.Key_1: self.zoom_actual,
            Qt.Key.Key_Plus: self.zoom_in,
            Qt.Key.Key_Equal: self.zoom_in,
            Qt.Key.Key_Minus: self.zoom_out,
        }
        # Every pixel is painted here: Qt need not clear them first.
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setMouseTracking(True)
        self.setAcceptDrops(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("Video")
        self.setAccessibleDescription(
            "F fits the frame, 1 shows its pixels as they are, + and - zoom, "
            "arrow keys move"
        )

    # --- what is shown

    def show_picture(self, picture: Picture) -> None:
        """Show a picture; its memory is borrowed until the next one."""
        self.set_frame_size(picture.frame_width_px, picture.frame_height_px)
        height, width = picture.image.shape[:2]
        self._image = QImage(
            picture.image.data,
            width,
            height,
            picture.image.strides[0],
            QImage.Format.Format_RGB32,
        )
        self._image.setDevicePixelRatio(picture.view.device_pixel_ratio)
        self._picture = picture
        self.update()

    def set_frame_size(self, width_px: int, height_px: int) -> None:
        """Tell how large frames are; other frames than before are fitted."""
        if (width_px, height_px) != self._frame_size_px:
            self._frame_size_px = (width_px, height_px)
            self.zoom_fit()

    def clear(self) -> None:
        """Show that there is nothing to show."""
        self._picture, self._image = None, QImage()
        self._frame_size_px = (0, 0)
        self._view = None
        self._end_hover()
        self.update()

    # --- what part of the frame is shown

    @property
    def view(self) -> View | None:
        """What pictures should be composed for; None before the first frame."""
        return self._view

    def zoom_fit(self) -> None:
        """Show the whole frame, and go on doing so when the window changes."""
        self._is_fitted = True
        self._change(self._fitting())

    def zoom_actual(self) -> None:
        """Show one pixel of the frame as one pixel of the screen."""
        if self._view is not None:
            self._zoom(1 / self._view.scale)

    def zoom_in(self) -> None:
        """Show less of the frame, larger."""
        self._zoom(_ZOOM_PER_NOTCH)

    def zoom_out(self) -> None:
        """Show more of the frame, smaller."""
        self._zoom(1 / _ZOOM_PER_NOTCH)

    # --- Qt

    @override
    def sizeHint(self) -> QSize:
        return QSize(960, 720)

    @override
    def minimumSizeHint(self) -> QSize:
        return QSize(320, 240)

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        # Moving to another screen sends no resize event.
        if self._view and self._view.device_pixel_ratio != self.devicePixelRatioF():
            self._adapt()
        painter = QPainter(self)
        if self._picture is None:
            painter.fillRect(self.rect(), Colour.WINDOW.qcolor)
        elif self._picture.view == self._view:
            painter.drawImage(QPointF(), self._image)
        else:
            painter.fillRect(self.rect(), Colour.WINDOW.qcolor)
            painter.drawImage(self._place_of(self._picture), self._image)
        if self._is_drop_offered:
            painter.fillRect(self.rect(), QColor(0, 0, 0, 150))
            self._paint_words(painter, _DROP, "")
        elif self._picture is None:
            self._paint_words(painter, _INVITATION, _ADVICE)
        if self._has_keyboard_focus:
            self._paint_border(painter, Colour.ACCENT, inset=1)

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._adapt()

    @override
    def wheelEvent(self, event: QWheelEvent) -> None:
        notches = event.angleDelta().y() / _NOTCH
        if notches:
            at = self._device_pixel(event.position())
            self._zoom(_ZOOM_PER_NOTCH**notches, at)
        event.accept()

    @override
    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() in (Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton):
            self._dragged_from = event.position()
            if self._view is not None:
                self.setCursor(Qt.CursorShape.ClosedHandCursor)

    @override
    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._dragged_from is not None and self._view is not None:
            moved = (event.position() - self._dragged_from) * self.devicePixelRatioF()
            self._dragged_from = event.position()
            self._move(moved.x(), moved.y())
        self._hover(event.position())

    @override
    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._dragged_from = None
        self.unsetCursor()

    @override
    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self.zoom_fit()

    @override
    def leaveEvent(self, event: QEvent) -> None:
        self._end_hover()

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = Qt.Key(event.key())
        if key in self._keys:
            self._keys[key]()
        elif key in _DIRECTIONS and self._view is not None:
            right, down = _DIRECTIONS[key]
            step = _KEY_STEP_RATIO * min(self._view.width_px, self._view.height_px)
            self._move(right * step, down * step)
        else:
            super().keyPressEvent(event)

    @override
    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self._has_keyboard_focus = event.reason() in _KEYBOARD
        self.update()

    @override
    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self._has_keyboard_focus = False
        self.update()

    @override
    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if _path_in(event.mimeData()):
            event.acceptProposedAction()
            self._offer_drop(is_offered=True)

    @override
    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        self._offer_drop(is_offered=False)

    @override
    def dropEvent(self, event: QDropEvent) -> None:
        self._offer_drop(is_offered=False)
        event.acceptProposedAction()
        self.file_dropped.emit(_path_in(event.mimeData()))

    # --- arithmetic

    def _fitting(self) -> View | None:
        """The view that shows the whole frame; None without one."""
        ratio = self.devicePixelRatioF()
        width, height = round(self.width() * ratio), round(self.height() * ratio)
        if not all(self._frame_size_px) or not width or not height:
            return None
        return View.fit(*self._frame_size_px, width, height, ratio)

    def _adapt(self) -> None:
        """Follow the widget's size and screen."""
        fitting = self._fitting()
        if fitting is None or self._view is None or self._is_fitted:
            self._change(fitting)
            return
        resized = self._view.resized(fitting.width_px, fitting.height_px)
        ratio = fitting.device_pixel_ratio
        self._change_within_frame(replace(resized, device_pixel_ratio=ratio))

    def _zoom(self, factor: float, about: tuple[float, float] | None = None) -> None:
        """Zoom about a point in view coordinates, or about the middle."""
        view, fitting = self._view, self._fitting()
        if view is None or fitting is None:
            return
        u, v = about or ((view.width_px - 1) / 2, (view.height_px - 1) / 2)
        least = _LEAST_OF_FIT * min(fitting.scale, 1.0)
        self._is_fitted = False
        self._change_within_frame(view.zoomed(max(factor, least / view.scale), u, v))

    def _move(self, right: float, down: float) -> None:
        if self._view is not None:
            self._is_fitted = False
            self._change_within_frame(self._view.moved(right, down))

    def _change_within_frame(self, view: View) -> None:
        self._change(view.kept_on(*self._frame_size_px))

    def _change(self, view: View | None) -> None:
        if view is not None and view != self._view:
            self._view = view
            self.update()
            self.view_changed.emit(view)

    def _device_pixel(self, at: QPointF) -> tuple[float, float]:
        """View coordinates of the pixel that the mouse points at."""
        ratio = self.devicePixelRatioF()
        return at.x() * ratio, at.y() * ratio

    def _place_of(self, picture: Picture) -> QRectF:
        """Where a picture composed for another view belongs in this widget."""
        was, now = picture.view, self._view or picture.view
        ratio = now.device_pixel_ratio
        grown = now.scale / was.scale / ratio
        return QRectF(
            (was.left_px - now.left_px) * now.scale / ratio,
            (was.top_px - now.top_px) * now.scale / ratio,
            was.width_px * grown,
            was.height_px * grown,
        )

    def _hover(self, at: QPointF) -> None:
        if self._view is None:
            return
        x, y = self._view.to_frame(*self._device_pixel(at))
        width, height = self._frame_size_px
        if -0.5 <= x < width - 0.5 and -0.5 <= y < height - 0.5:
            self._is_hovered = True
            self.frame_point_hovered.emit(x, y)
        else:
            self._end_hover()

    def _end_hover(self) -> None:
        if self._is_hovered:
            self._is_hovered = False
            self.hover_ended.emit()

    # --- painting

    def _offer_drop(self, *, is_offered: bool) -> None:
        self._is_drop_offered = is_offered
        self.update()

    def _paint_words(self, painter: QPainter, title: str, advice: str) -> None:
        accent = Colour.ACCENT if self._is_drop_offered else Colour.BORDER
        self._paint_border(painter, accent, inset=2 * MARGIN_PX)
        area = self.rect().adjusted(
            4 * MARGIN_PX, 0, -4 * MARGIN_PX, -self.height() // 2
        )
        wrapped = Qt.TextFlag.TextWordWrap | Qt.AlignmentFlag.AlignHCenter
        painter.setFont(scaled_font(self.font(), 2.0, is_bold=True))
        painter.setPen(Colour.TEXT.qcolor)
        painter.drawText(area, wrapped | Qt.AlignmentFlag.AlignBottom, title)
        painter.setFont(scaled_font(self.font(), 1.3))
        painter.setPen(Colour.MUTED.qcolor)
        area.translate(0, area.height() + MARGIN_PX)
        painter.drawText(area, wrapped | Qt.AlignmentFlag.AlignTop, advice)

    def _paint_border(self, painter: QPainter, colour: Colour, inset: int) -> None:
        is_dashed = inset > 1
        pen = QPen(colour.qcolor, 2)
        if is_dashed:
            pen.setStyle(Qt.PenStyle.DashLine)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, is_dashed)
        painter.setPen(pen)
        radius = MARGIN_PX if is_dashed else 0
        frame = self.rect().adjusted(inset, inset, -inset, -inset)
        painter.drawRoundedRect(frame, radius, radius)


def _path_in(data: QMimeData) -> str:
    """The first file or folder that is dragged; empty if there is none."""
    # Empty for what is not on this machine.
    paths = (url.toLocalFile() for url in data.urls())
    return next(filter(None, paths), "")
