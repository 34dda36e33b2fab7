from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel

from widgets.actions import ACTIONS, ActionSpec
from widgets.shortcuts_dialog import ShortcutsDialog

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot


@pytest.fixture
def dialog(qtbot: QtBot) -> ShortcutsDialog:
    dialog = ShortcutsDialog()
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    qtbot.addWidget(dialog)
    return dialog


@pytest.mark.parametrize("spec", [spec for spec in ACTIONS if spec.keys])
def test_every_action_with_a_key_is_listed(
    dialog: ShortcutsDialog, spec: ActionSpec
) -> None:
    words = [label.text() for label in dialog.findChildren(QLabel)]

    at = words.index(spec.tip)

    assert spec.shown_keys in words[:at]
    assert spec.plain_text in words[:at]
