"""A number with its caption and unit, painted without a layout."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter
from PySide6.QtWidgets import QSizePolicy, QWidget

from widgets.overrides import override
from widgets.theme import Colour, scaled_font

if TYPE_CHECKING:
    from PySide6.QtGui import QPaintEvent

_CAPTION_FACTOR = 0.8
_UNIT_GAP_PX = 4


class Readout(QWidget):
    """Shows one value that changes often.

    Labels in a layout make the whole window lay itself out again when a text grows;
    this repaints its own few pixels, and only when the text differs.

    Parameters
    ----------
    caption : str
        What the number is, in a word.
    unit : str
        Behind the number; empty for a count.
    widest : str
        The longest value; reserves the width.
    factor : float
        Size of the number, times the font's.
    """

    def __init__(
        self, caption: str, unit: str = "", widest: str = "000.0", factor: float = 1.0
    ) -> None:
        super().__init__()
        self._caption = caption
        self._unit = unit
        self._text = "\N{EN DASH}"
        self._is_alarming = False
        self._caption_font = scaled_font(self.font(), _CAPTION_FACTOR)
        self._value_font = scaled_font(self.font(), factor, is_bold=True)
        self._hint = self._measured(widest)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Expanding)
        self.setAccessibleName(caption)

    @property
    def text(self) -> str:
        """The value as shown, without its unit."""
        return self._text

    @property
    def unit(self) -> str:
        """The unit as shown."""
        return self._unit

    @property
    def is_alarming(self) -> bool:
        """Whether the value is shown as one to look at."""
        return self._is_alarming

    def show_value(
        self, text: str, unit: str | None = None, *, is_alarming: bool = False
    ) -> None:
        """Show a value.

        Parameters
        ----------
        text : str
            Formatted, without its unit.
        unit : str, optional
            Shown from now on; None leaves the unit as it is.
        is_alarming : bool
            Whether the operator should look at it; marked by a sign and a colour.
        """
        unit = self._unit if unit is None else unit
        if (text, unit, is_alarming) == (self._text, self._unit, self._is_alarming):
            return
        self._unit = unit
        self._text = text
        self._is_alarming = is_alarming
        self.setAccessibleDescription(f"{text} {self._unit}".strip())
        self.update()

    @override
    def sizeHint(self) -> QSize:
        return self._hint

    @override
    def minimumSizeHint(self) -> QSize:
        return self._hint

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        caption_px = QFontMetrics(self._caption_font).height()
        painter.setFont(self._caption_font)
        painter.setPen(Colour.MUTED.qcolor)
        caption = f"! {self._caption}" if self._is_alarming else self._caption
        painter.drawText(
            0, 0, self.width(), caption_px, Qt.AlignmentFlag.AlignLeft, caption
        )
        below = QRect(0, caption_px, self.width(), self.height() - caption_px)
        align = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignBottom
        colour = Colour.WARNING if self._is_alarming else Colour.TEXT
        painter.setPen(colour.qcolor)
        painter.setFont(self._value_font)
        painter.drawText(below, align, self._text)
        if self._unit:
            value = QFontMetrics(self._value_font)
            unit_px = value.horizontalAdvance(self._text) + _UNIT_GAP_PX
            # On the number's base line, not on the bottom of its box.
            lift_px = value.descent() - QFontMetrics(self.font()).descent()
            painter.setFont(self.font())
            painter.setPen(Colour.MUTED.qcolor)
            painter.drawText(below.adjusted(unit_px, 0, 0, -lift_px), align, self._unit)

    def _measured(self, widest: str) -> QSize:
        caption = QFontMetrics(self._caption_font)
        value = QFontMetrics(self._value_font)
        width_px = value.horizontalAdvance(widest)
        if self._unit:
            unit = QFontMetrics(self.font())
            width_px += _UNIT_GAP_PX + unit.horizontalAdvance(self._unit)
        alarm_px = caption.horizontalAdvance(f"! {self._caption}")
        return QSize(max(width_px, alarm_px) + 2, caption.height() + value.height())
