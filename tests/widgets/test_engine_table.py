"""The list of engines."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QStyledItemDelegate

from app.engine_store import EngineStore
from widgets.engine_table import EngineTable

if TYPE_CHECKING:
    from pathlib import Path

    from PySide6.QtCore import QSize
    from pytestqt.qtbot import QtBot


class _Counting(QStyledItemDelegate):
    """Counts the cells that are measured."""

    count = 0

    def sizeHint(self, option: Any, index: Any) -> QSize:
        self.count += 1
        return super().sizeHint(option, index)


def test_a_list_shown_anew_measures_each_cell_once_or_twice(
    qtbot: QtBot, tmp_path: Path
) -> None:
    one = EngineStore(tmp_path).engines()[0]
    engines = [replace(one, name=f"engine {number}") for number in range(20)]
    table = EngineTable()
    qtbot.addWidget(table)
    delegate = _Counting(table)
    table.setItemDelegate(delegate)
    table.show()
    table.show_engines(engines)
    delegate.count = 0

    table.show_engines(engines)

    cells = table.rowCount() * table.columnCount()
    assert 0 < delegate.count <= 2 * cells
    assert table.item(19, 0).text() == "engine 19"
