"""A slider for a ratio, with its name and value beside it."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSlider, QWidget

from widgets.theme import GAP_PX

_STEPS = 100
_NAME_PX = 62


class ValueSlider(QWidget):
    """Chooses a value from 0 to 1 in hundredths.

    Parameters
    ----------
    name : str
        Beside it; an `&` marks the letter that focuses it.
    tip : str
        What a larger value does.
    is_percent : bool
        Whether the value reads as per cent or as a fraction.
    """

    value_changed = Signal(float)  # the new value, 0 to 1

    def __init__(self, name: str, tip: str, *, is_percent: bool = False) -> None:
        super().__init__()
        self._is_percent = is_percent
        self._name = QLabel(name)
        self._slider = QSlider(Qt.Orientation.Horizontal)
        self._slider.setRange(0, _STEPS)
        self._slider.setPageStep(_STEPS // 10)
        self._slider.setAccessibleName(name.replace("&", ""))
        self._name.setBuddy(self._slider)
        self._text = QLabel()
        self._text.setAlignment(
            Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        )
        self.setToolTip(tip)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GAP_PX)
        row.addWidget(self._name)
        row.addWidget(self._slider, 1)
        row.addWidget(self._text)
        self._name.setMinimumWidth(_NAME_PX)
        self._text.setMinimumWidth(self.fontMetrics().horizontalAdvance("100 %"))
        self._show_text()
        self._slider.valueChanged.connect(self._on_slider_moved)

    @property
    def value(self) -> float:
        """The value, 0 to 1."""
        return self._slider.value() / _STEPS

    @property
    def text(self) -> str:
        """The value as shown."""
        return self._text.text()

    @property
    def slider(self) -> QSlider:
        """The part that takes the focus."""
        return self._slider

    def show_value(self, value: float) -> None:
        """Show a value that the operator did not choose; tells nobody."""
        with QSignalBlocker(self._slider):
            self._slider.setValue(round(value * _STEPS))
        self._show_text()

    def _show_text(self) -> None:
        at = self._slider.value()
        self._text.setText(f"{at} %" if self._is_percent else f"{at / _STEPS:.2f}")

    def _on_slider_moved(self) -> None:
        self._show_text()
        self.value_changed.emit(self.value)
