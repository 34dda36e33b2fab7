"""The names and newest values of a graph's lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from widgets.overrides import override
from widgets.theme import Colour, scaled_font

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtGui import QPaintEvent

_FACTOR = 0.85
_SWATCH_PX = 10
_GAP_PX = 4
_LINE_PX = 2
_LEAST_PX = 60
# Two by two where three beside each other are not enough.
_MOST_COLUMNS = 3


class Series(NamedTuple):
    """One line of a graph."""

    field: str
    """Name in the samples."""
    name: str
    """As the operator reads it."""
    colour: Colour
    factor: float = 1.0
    """From the field's unit to the graph's."""
    is_limit: bool = False
    """A limit, drawn with dashes: state is not told by colour alone."""


class Legend(QWidget):
    """Entries in columns of equal width, painted without a layout.

    Parameters
    ----------
    series : sequence of Series
        In the order of their entries.
    """

    def __init__(self, series: Sequence[Series]) -> None:
        super().__init__()
        self._series = tuple(series)
        self._texts = ("",) * len(self._series)
        self._names_font = scaled_font(self.font(), _FACTOR)
        self._values_font = scaled_font(self.font(), _FACTOR, is_bold=True)
        names = QFontMetrics(self._names_font)
        self._name_widths_px = [names.horizontalAdvance(each.name) for each in series]
        self._pens = [_pen(each) for each in series]
        self._line_height_px = QFontMetrics(self._values_font).height()
        count = len(self._series)
        self._columns = count if count <= _MOST_COLUMNS else (count + 1) // 2
        self._rows = -(-count // self._columns)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    @property
    def texts(self) -> tuple[str, ...]:
        """The values as shown."""
        return self._texts

    def show_values(self, texts: Sequence[str]) -> None:
        """Show the newest value of every line, formatted."""
        if tuple(texts) != self._texts:
            self._texts = tuple(texts)
            self.update()

    @override
    def sizeHint(self) -> QSize:
        return QSize(_LEAST_PX * self._columns, self._line_height_px * self._rows)

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        align = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        for at, (series, text) in enumerate(
            zip(self._series, self._texts, strict=True)
        ):
            row, column = divmod(at, self._columns)
            width_px = self.width() // self._columns
            left_px = column * width_px
            top_px = row * self._line_height_px
            box = QRect(left_px, top_px, width_px - _GAP_PX, self._line_height_px)
            painter.setPen(self._pens[at])
            middle_px = box.center().y()
            painter.drawLine(left_px, middle_px, left_px + _SWATCH_PX, middle_px)
            box.setLeft(left_px + _SWATCH_PX + _GAP_PX)
            painter.setPen(Colour.MUTED.qcolor)
            painter.setFont(self._names_font)
            painter.drawText(box, align, series.name)
            box.setLeft(box.left() + self._name_widths_px[at] + _GAP_PX)
            painter.setPen(Colour.TEXT.qcolor)
            painter.setFont(self._values_font)
            painter.drawText(box, align, text)


def _pen(series: Series) -> QPen:
    style = Qt.PenStyle.DotLine if series.is_limit else Qt.PenStyle.SolidLine
    return QPen(series.colour.qcolor, _LINE_PX, style)
