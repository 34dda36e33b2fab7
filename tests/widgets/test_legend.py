from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtGui import QColor, QImage

from widgets.legend import Legend, Series
from widgets.theme import Colour

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

TWO = (
    Series("latency_p50_ms", "p50", Colour.SERIES_1),
    Series("latency_p99_ms", "p99", Colour.SERIES_2),
)


def colours_in(image: QImage) -> set[str]:
    return {
        QColor(image.pixel(x, y)).name()
        for x in range(image.width())
        for y in range(image.height())
    }


def test_every_line_has_its_colour(qtbot: QtBot) -> None:
    legend = Legend(TWO)
    qtbot.addWidget(legend)
    legend.resize(300, legend.sizeHint().height())

    colours = colours_in(legend.grab().toImage())

    assert {Colour.SERIES_1.value, Colour.SERIES_2.value} <= colours


def test_new_values_are_painted(qtbot: QtBot) -> None:
    legend = Legend(TWO)
    qtbot.addWidget(legend)
    legend.resize(300, legend.sizeHint().height())
    before = legend.grab().toImage()

    legend.show_values(["3.1", "9.9"])

    assert legend.texts == ("3.1", "9.9")
    assert legend.grab().toImage() != before


def test_four_entries_take_two_rows(qtbot: QtBot) -> None:
    two, four = Legend(TWO), Legend(TWO + TWO)
    qtbot.addWidget(two)
    qtbot.addWidget(four)

    assert four.sizeHint().height() == 2 * two.sizeHint().height()
