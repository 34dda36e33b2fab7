"""A table of figures."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication

from widgets.figure_table import Column, FigureTable

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

COLUMNS = (Column("Track", is_track=True), Column("Mean\npx/s", decimals=1))


@pytest.fixture
def table(qtbot: QtBot) -> FigureTable:
    made = FigureTable(COLUMNS, "tracks")
    qtbot.addWidget(made)
    made.show_rows([(2, 9.26), (10, 100.0), (1, math.nan)])
    return made


def test_numbers_are_sorted_as_numbers_and_the_unknown_first(
    table: FigureTable,
) -> None:
    by_track = [row[0] for row in table.texts]
    table.sortByColumn(1, Qt.SortOrder.AscendingOrder)

    assert by_track == ["1", "2", "10"]
    assert [row[1] for row in table.texts] == ["\N{EN DASH}", "9.3", "100.0"]


def test_the_order_stays_when_rows_change(table: FigureTable) -> None:
    table.sortByColumn(1, Qt.SortOrder.DescendingOrder)

    table.show_rows([(5, 1.0), (6, 3.0), (7, 2.0)])

    assert [row[0] for row in table.texts] == ["6", "7", "5"]


def test_choosing_tells_the_row_as_it_was_given(
    table: FigureTable, qtbot: QtBot
) -> None:
    with qtbot.waitSignal(table.row_chosen) as chosen:
        table.selectRow(2)
    with qtbot.assertNotEmitted(table.row_chosen):
        table.show_chosen([0, 2])
    with qtbot.waitSignal(table.row_opened) as opened:
        table.doubleClicked.emit(table.model().index(0, 0))

    assert chosen.args == [1, False]
    assert table.chosen == [2, 0]
    assert opened.args == [2]


def test_what_is_copied_has_titles_and_all_digits(table: FigureTable) -> None:
    table.show_chosen([0])

    table.copy()

    assert QGuiApplication.clipboard().text() == "Track\tMean px/s\n2\t9.26\n"
    assert table.csv().splitlines() == [
        "Track,Mean px/s",
        "1,nan",
        "2,9.26",
        "10,100.0",
    ]


def test_columns_widen_with_what_they_show_and_never_narrow(qtbot: QtBot) -> None:
    table = FigureTable((*COLUMNS, Column("Path", decimals=0)), "tracks")
    qtbot.addWidget(table)
    table.show_rows([(1, 599.0, 1.0)])
    few_digits_px = table.columnWidth(1)

    table.show_rows([(1, 596600000000.0, 1.0)])
    many_digits_px = table.columnWidth(1)
    table.show_rows([(1, 1.0, 1.0)])

    assert many_digits_px > few_digits_px
    assert many_digits_px >= table.sizeHintForColumn(1)
    assert table.columnWidth(1) == many_digits_px
