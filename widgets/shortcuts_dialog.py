"""Lists every action and its keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFrame,
    QGridLayout,
    QLabel,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from widgets.actions import ACTIONS, ActionGroup
from widgets.theme import GAP_PX, MARGIN_PX

if TYPE_CHECKING:
    from collections.abc import Sequence

    from widgets.actions import ActionSpec

_SIZE_PX = (700, 600)
_START = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
# Keys that belong to no action.
_PICTURE_KEYS = (
    ("Space", "Pause or go on, while the picture has the focus"),
    ("Arrow keys", "Move the picture, while it has the focus"),
    ("Wheel, drag", "Zoom at the mouse; move the picture"),
    ("Double click", "Show the whole frame"),
    ("Esc", "Close the message above the picture, leave full screen"),
    ("Tab, Shift+Tab", "Go to the next control, or to the one before"),
)


class KeysDialog(QDialog):
    """One line an action, by group.

    Parameters
    ----------
    groups : sequence
        Headings with their lines: keys, what they do in a word, and in a sentence.
    parent : QWidget, optional
    """

    def __init__(
        self,
        groups: Sequence[tuple[str, Sequence[tuple[str, str, str]]]],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Keyboard shortcuts")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        page = QWidget()
        grid = QGridLayout(page)
        grid.setHorizontalSpacing(2 * MARGIN_PX)
        grid.setVerticalSpacing(GAP_PX // 2)
        grid.setColumnStretch(2, 1)
        for heading, lines in groups:
            _add_group(grid, heading, lines)
        area = QScrollArea()
        area.setWidget(page)
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.setContentsMargins(MARGIN_PX, MARGIN_PX, MARGIN_PX, MARGIN_PX)
        column.addWidget(area, 1)
        column.addWidget(buttons)
        self.resize(*_SIZE_PX)


class ShortcutsDialog(KeysDialog):
    """The keys of the console; made from the table of actions."""

    def __init__(self, parent: QWidget | None = None) -> None:
        groups = [
            (
                group.value,
                [
                    _line_of(spec)
                    for spec in ACTIONS
                    if spec.group is group and spec.keys
                ],
            )
            for group in ActionGroup
        ]
        mouse = [(keys, "", tip) for keys, tip in _PICTURE_KEYS]
        super().__init__([*groups, ("Mouse and focus", mouse)], parent)


def _line_of(spec: ActionSpec) -> tuple[str, str, str]:
    return spec.shown_keys, spec.plain_text, spec.tip


def _add_group(
    grid: QGridLayout, heading: str, lines: Sequence[tuple[str, str, str]]
) -> None:
    row = grid.rowCount()
    title = QLabel(heading)
    title.setProperty("role", "heading")
    grid.addWidget(title, row, 0, 1, 3)
    for offset, (keys, text, tip) in enumerate(lines, start=1):
        grid.addWidget(_key_label(keys), row + offset, 0, _START)
        grid.addWidget(QLabel(text), row + offset, 1, _START)
        explanation = QLabel(tip)
        explanation.setProperty("role", "muted")
        explanation.setWordWrap(True)
        grid.addWidget(explanation, row + offset, 2)


def _key_label(keys: str) -> QLabel:
    label = QLabel(keys)
    label.setProperty("role", "keys")
    return label
