"""Fields for numbers."""

from __future__ import annotations

from PySide6.QtWidgets import QAbstractSpinBox, QDoubleSpinBox, QSpinBox

_INSET_PX = 6


class SpinBox(QSpinBox):
    """For whole numbers."""

    def __init__(self) -> None:
        super().__init__()
        _inset(self)


class DoubleSpinBox(QDoubleSpinBox):
    """For other numbers."""

    def __init__(self) -> None:
        super().__init__()
        _inset(self)


def _inset(box: QAbstractSpinBox) -> None:
    """Give its text the distance from the edge that other fields have.

    Padding in the style sheet does not move it.
    """
    box.lineEdit().setTextMargins(_INSET_PX, 0, 0, 0)
