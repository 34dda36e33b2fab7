"""One setting of a form: name, editor, what it does, and what is wrong with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGridLayout, QLabel, QToolButton, QWidget

from widgets.icons import icon
from widgets.setting_editors import make_editor
from widgets.theme import FIELD_PX, GAP_PX

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

_TOP = Qt.AlignmentFlag.AlignTop
_TITLE_PX = 160
_CHANGED = "•"


class SettingRow(QWidget):
    """A name, an editor, and texts below it.

    Parameters
    ----------
    field : FieldInfo
    """

    changed = Signal(object)  # the value as it is edited, right or wrong
    undo_requested = Signal()

    def __init__(self, field: FieldInfo) -> None:
        super().__init__()
        self._title = str(field.title)
        self._text = f"{field.title} {field.description}".casefold()
        self.editor = make_editor(field)
        self.editor.name(self._title, str(field.description))
        self.label = QLabel(self._title)
        self.label.setBuddy(self.editor)
        self.label.setToolTip(str(field.description))
        self.undo = QToolButton()
        self.undo.setIcon(icon("reset"))
        self.undo.setToolTip("Undo this change")
        self.undo.setAccessibleName(f"Undo {self._title}")
        self.undo.setAutoRaise(True)
        self.undo.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        # Its place stays free: the rows do not move when something is changed.
        policy = self.undo.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self.undo.setSizePolicy(policy)
        self._description = _wrapped(str(field.description), "muted")
        self._fault = _wrapped("", "fault")
        self._given = _wrapped("Given on the command line.", "muted")
        self._lay_out()
        self.editor.changed.connect(self._on_edited)
        self.undo.clicked.connect(self.undo_requested)

    @property
    def fault_text(self) -> str:
        """What is wrong with the value; empty if nothing is."""
        return self._fault.text()

    @property
    def is_given_shown(self) -> bool:
        """Whether it says that the command line gives the value."""
        return not self._given.isHidden()

    @property
    def is_marked(self) -> bool:
        """Whether it is shown as changed."""
        return self.label.text().endswith(_CHANGED)

    def show_value(
        self, value: object, fault: str, *, is_changed: bool, is_given: bool
    ) -> None:
        """Show a value and how it stands; tells nobody.

        Parameters
        ----------
        value : object
        fault : str
            What is wrong with it; empty if nothing is.
        is_changed : bool
            Whether it differs from what is in use.
        is_given : bool
            Whether it comes from the command line.
        """
        # What is being typed stays as it is typed.
        if self.editor.value != value:
            self.editor.show_value(value)
        self.label.setText(f"{self._title} {_CHANGED}" if is_changed else self._title)
        self.undo.setVisible(is_changed)
        self._given.setVisible(is_given and not is_changed)
        self._fault.setText(fault and f"{fault[0].upper()}{fault[1:]}.")
        self._fault.setVisible(bool(fault))

    def filter(self, words: str) -> bool:
        """Show the row only if these words are in its texts; tells whether."""
        is_wanted = words.casefold() in self._text
        self.setVisible(is_wanted)
        return is_wanted

    def _lay_out(self) -> None:
        # A label is as high as a field and stays beside the first of several.
        self.label.setMinimumHeight(FIELD_PX)
        self.label.setFixedWidth(_TITLE_PX)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, GAP_PX)
        grid.setHorizontalSpacing(GAP_PX)
        grid.setVerticalSpacing(GAP_PX // 2)
        grid.setColumnStretch(1, 1)
        grid.addWidget(self.label, 0, 0, _TOP)
        grid.addWidget(self.editor, 0, 1, _TOP)
        grid.addWidget(self.undo, 0, 2, _TOP)
        texts = (self._fault, self._given, self._description)
        for line, each in enumerate(texts, start=1):
            grid.addWidget(each, line, 1)

    def _on_edited(self) -> None:
        self.changed.emit(self.editor.value)


def _wrapped(text: str, role: str) -> QLabel:
    label = QLabel(text)
    label.setProperty("role", role)
    label.setWordWrap(True)
    label.setTextFormat(Qt.TextFormat.PlainText)
    return label
