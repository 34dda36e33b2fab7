"""A line of text that shortens itself instead of widening the window."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QSizePolicy, QWidget

from widgets.overrides import override
from widgets.theme import Colour

if TYPE_CHECKING:
    from PySide6.QtGui import QPaintEvent

_LEAST_PX = 60


class ElidedLabel(QWidget):
    """Shows one line; what does not fit is in the tool tip.

    Parameters
    ----------
    colour : Colour
        Of the text.
    """

    def __init__(self, colour: Colour = Colour.TEXT) -> None:
        super().__init__()
        self._text = ""
        self._colour = colour
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    @property
    def text(self) -> str:
        """The whole text."""
        return self._text

    def show_text(self, text: str, tip: str = "") -> None:
        """Show a line.

        Parameters
        ----------
        text : str
            Without line breaks.
        tip : str
            Shown with the whole text while the mouse rests on it.
        """
        if text == self._text and not tip:
            return
        self._text = text
        self.setAccessibleName(text)
        self.setToolTip(f"{text}\n{tip}" if tip else text)
        self.update()

    @override
    def sizeHint(self) -> QSize:
        return QSize(_LEAST_PX, self.fontMetrics().height() + 2)

    @override
    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setPen(self._colour.qcolor)
        fitting = self.fontMetrics().elidedText(
            self._text, Qt.TextElideMode.ElideRight, self.width()
        )
        align = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        painter.drawText(self.rect(), align, fitting)
