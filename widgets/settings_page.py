"""A page of the settings dialog: a form made from a section."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.settings.draft import Draft, Key
from app.settings.model import section_type
from widgets.setting_row import SettingRow
from widgets.theme import MARGIN_PX

if TYPE_CHECKING:
    from collections.abc import Mapping


class SettingsPage(QWidget):
    """Edits one section of a draft.

    Who needs more than a form makes a subclass and adds its widgets to `panels`, below
    the form; `show_draft` tells them what the section would become.

    Parameters
    ----------
    section : str
        Its name.
    """

    value_changed = Signal(object, object)  # Key, the value as it is edited
    undo_requested = Signal(object)  # Key of a change to take back
    engines_requested = Signal()  # the window that builds and tries engines

    def __init__(self, section: str) -> None:
        super().__init__()
        self.section = section
        self.rows: dict[str, SettingRow] = {}
        self.panels = QVBoxLayout()
        column = QVBoxLayout(self)
        column.setContentsMargins(MARGIN_PX, 0, MARGIN_PX, MARGIN_PX)
        column.setSpacing(0)
        for name, field in section_type(section).model_fields.items():
            row = self.rows[name] = SettingRow(field)
            column.addWidget(row)
            self._connect(Key(section, name), row)
        column.addLayout(self.panels)
        column.addStretch()

    def show_draft(
        self, draft: Draft, faults: Mapping[Key, str], given: frozenset[Key]
    ) -> None:
        """Show what the section would become; tells nobody.

        Parameters
        ----------
        draft : Draft
        faults : mapping of Key to str
            Of the draft.
        given : frozenset of Key
            What the command line names.
        """
        for name, row in self.rows.items():
            key = Key(self.section, name)
            row.show_value(
                draft.value(key),
                faults.get(key, ""),
                is_changed=key in draft.changes,
                is_given=key in given,
            )

    def filter(self, words: str) -> bool:
        """Show only the settings that these words tell of; tells whether any does."""
        found = [row.filter(words) for row in self.rows.values()]
        return any(found)

    def _connect(self, key: Key, row: SettingRow) -> None:
        # Both are this page's: they end together.
        row.changed.connect(lambda value: self.value_changed.emit(key, value))
        row.undo_requested.connect(lambda: self.undo_requested.emit(key))
