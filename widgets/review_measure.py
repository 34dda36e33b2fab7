"""How pixels become metres in a session: a scale or a plane, and distances."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from app.errors import MeasureError
from app.recording.ground import Ground, GroundKind
from widgets.icons import icon
from widgets.review_scene import Shape
from widgets.review_view import Tool
from widgets.spin_boxes import DoubleSpinBox
from widgets.theme import GAP_PX, MARGIN_PX, Colour

if TYPE_CHECKING:
    from app.recording.zones import Point

_MOST_M = 100_000.0
# In turn around, from the first corner: right, then down.
_CORNERS_M = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))


class ReviewMeasure(QWidget):
    """Says how lengths are known, and lets the operator measure."""

    tool_wanted = Signal(object)  # Tool to draw with
    ground_changed = Signal(object)  # Ground to measure with, or None for pixels

    def __init__(self) -> None:
        super().__init__()
        self._ground: Ground | None = None
        self._distance: tuple[Point, Point] | None = None
        self._state = QLabel()
        self._state.setWordWrap(True)
        self._distance_text = QLabel()
        self._distance_text.setWordWrap(True)
        self._distance_text.setProperty("role", "title")
        self._scale = QPushButton(icon("ruler"), "Draw a &known length…")
        self._plane = QPushButton(icon("plane"), "Mark four points of the &ground…")
        self._measure = QPushButton(icon("distance"), "&Measure a distance")
        self._remove = QPushButton("&Back to pixels")
        self._lay_out()
        for button, tool in (
            (self._scale, Tool.SCALE),
            (self._plane, Tool.PLANE),
            (self._measure, Tool.DISTANCE),
        ):
            button.clicked.connect(
                lambda _=False, tool=tool: self.tool_wanted.emit(tool)
            )
        self._remove.clicked.connect(lambda: self.ground_changed.emit(None))
        self.show_ground(None)

    @property
    def state_text(self) -> str:
        """How lengths are known, as it is shown."""
        return self._state.text()

    @property
    def distance_text(self) -> str:
        """What was measured last."""
        return self._distance_text.text()

    def show_ground(self, ground: Ground | None) -> None:
        """Show how lengths are known."""
        self._ground = ground
        if ground is None:
            text = "Lengths are in pixels. With a known length, or four known points"
            text += " where the camera looks from the side, they are in metres."
        elif ground.kind is GroundKind.SCALE:
            start, end = ground.points_px
            length_m = ground.points_m[1][0]
            px_m = (
                (end[0] - start[0]) ** 2 + (end[1] - start[1]) ** 2
            ) ** 0.5 / length_m
            text = f"Lengths are in metres: {px_m:.1f} px are 1 m."
        else:
            text = "Lengths are in metres, on the plane through the four marked points."
        self._state.setText(text)
        self._remove.setEnabled(ground is not None)
        self._show_distance()

    def take(self, tool: Tool, points: tuple[Point, ...]) -> None:
        """Heed what was drawn: ask for its length, or measure it."""
        if tool is Tool.DISTANCE:
            self._distance = (points[0], points[1])
            self._show_distance()
            return
        kind = GroundKind.SCALE if tool is Tool.SCALE else GroundKind.PLANE
        dialog = GroundDialog(kind, points, self)
        dialog.ground_made.connect(self.ground_changed)
        dialog.open()

    def shapes(self) -> list[Shape]:
        """What to draw on the picture."""
        found = []
        ground = self._ground
        if ground is not None and ground.kind is GroundKind.SCALE:
            text = f"{ground.points_m[1][0]:g} m"
            found.append(Shape(ground.points_px, text, Colour.SERIES_3))
        elif ground is not None:
            found.append(
                Shape(ground.points_px, "ground", Colour.SERIES_3, is_closed=True)
            )
        if self._distance is not None:
            found.append(Shape(self._distance, self._distance_short(), Colour.WARNING))
        return found

    def _distance_short(self) -> str:
        assert self._distance is not None
        start, end = self._distance
        if self._ground is None:
            length_px = ((end[0] - start[0]) ** 2 + (end[1] - start[1]) ** 2) ** 0.5
            return f"{length_px:.1f} px"
        return f"{self._ground.distance_m(start, end):.3f} m"

    def _show_distance(self) -> None:
        text = "" if self._distance is None else f"Distance: {self._distance_short()}"
        self._distance_text.setText(text)

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(MARGIN_PX, GAP_PX, MARGIN_PX, MARGIN_PX)
        column.setSpacing(GAP_PX)
        column.addWidget(self._state)
        for button in (self._scale, self._plane, self._measure, self._remove):
            row = QHBoxLayout()
            row.addWidget(button)
            row.addStretch(1)
            column.addLayout(row)
        column.addWidget(self._distance_text)
        column.addStretch(1)


class GroundDialog(QDialog):
    """Asks for the length of a line, or where four points are.

    Parameters
    ----------
    kind : GroundKind
    points_px : tuple of points
        As drawn.
    parent : QWidget
    """

    ground_made = Signal(object)  # Ground

    def __init__(
        self, kind: GroundKind, points_px: tuple[Point, ...], parent: QWidget
    ) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._kind, self._points_px = kind, points_px
        self._fault = QLabel()
        self._fault.setProperty("role", "fault")
        self._fault.setWordWrap(True)
        self._buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel
        )
        form = QFormLayout()
        self.fields: list[DoubleSpinBox] = []
        if kind is GroundKind.SCALE:
            self.setWindowTitle("Known length")
            self.fields.append(_field(1.0))
            form.addRow("Length of the line", self.fields[0])
        else:
            self.setWindowTitle("Places of the four points")
            for at, corner in enumerate(_CORNERS_M, start=1):
                pair = [_field(value, least=-_MOST_M) for value in corner]
                self.fields += pair
                row = QHBoxLayout()
                for name, each in zip("xy", pair, strict=True):
                    each.setPrefix(f"{name}  ")
                    row.addWidget(each)
                form.addRow(f"Point {at}", row)
        column = QVBoxLayout(self)
        column.setContentsMargins(MARGIN_PX, MARGIN_PX, MARGIN_PX, MARGIN_PX)
        column.addLayout(form)
        column.addWidget(self._fault)
        column.addWidget(self._buttons)
        for each in self.fields:
            each.valueChanged.connect(self._check)
        self._buttons.accepted.connect(self._on_accepted)
        self._buttons.rejected.connect(self.reject)
        self.fields[0].selectAll()
        self._check()

    def _made(self) -> Ground:
        values = [each.value() for each in self.fields]
        if self._kind is GroundKind.SCALE:
            return Ground.scale(self._points_px[0], self._points_px[1], values[0])
        places = list(zip(values[::2], values[1::2], strict=True))
        return Ground.plane(self._points_px, places)

    def _check(self) -> None:
        fault = ""
        try:
            self._made()
        except MeasureError as error:
            fault = f"{error.message}. {error.hint}"
        self._fault.setText(fault[:1].upper() + fault[1:])
        ok = self._buttons.button(QDialogButtonBox.StandardButton.Ok)
        ok.setEnabled(not fault)

    def _on_accepted(self) -> None:
        self.ground_made.emit(self._made())
        self.accept()


def _field(value: float, least: float = 0.0) -> DoubleSpinBox:
    field = DoubleSpinBox()
    field.setRange(least, _MOST_M)
    field.setDecimals(3)
    field.setSuffix(" m")
    field.setValue(value)
    return field
