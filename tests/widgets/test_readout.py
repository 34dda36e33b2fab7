from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtGui import QColor, QImage

from widgets.readout import Readout
from widgets.theme import Colour

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot


@pytest.fixture
def readout(qtbot: QtBot) -> Readout:
    readout = Readout("Rate", "fps")
    qtbot.addWidget(readout)
    return readout


def has_colour(image: QImage, colour: Colour) -> bool:
    return any(
        QColor(image.pixel(x, y)) == colour.qcolor
        for x in range(image.width())
        for y in range(image.height())
    )


def test_a_value_is_painted(readout: Readout) -> None:
    before = readout.grab().toImage()

    readout.show_value("118.7")

    assert readout.text == "118.7"
    assert readout.grab().toImage() != before


def test_an_alarm_is_told_by_a_sign_and_not_by_colour_alone(readout: Readout) -> None:
    readout.show_value("3")
    calm = readout.grab().toImage()

    readout.show_value("3", is_alarming=True)

    alarming = readout.grab().toImage()
    caption = calm.rect().adjusted(0, 0, 0, -calm.height() // 2)
    assert has_colour(alarming, Colour.WARNING)
    assert alarming.copy(caption) != calm.copy(caption)


def test_a_longer_value_does_not_move_its_neighbours(readout: Readout) -> None:
    before = readout.sizeHint()

    readout.show_value("1 234 567.8")

    assert readout.sizeHint() == before


def test_the_unit_changes_with_a_value(readout: Readout) -> None:
    readout.show_value("1.2", "s")

    assert readout.unit == "s"
    assert readout.accessibleDescription() == "1.2 s"
