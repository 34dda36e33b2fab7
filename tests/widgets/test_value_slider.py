from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import Qt

from widgets.value_slider import ValueSlider

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot


@pytest.fixture
def slider(qtbot: QtBot) -> ValueSlider:
    slider = ValueSlider("&High", "Larger finds less")
    qtbot.addWidget(slider)
    return slider


def test_a_key_moves_it_and_says_so(slider: ValueSlider, qtbot: QtBot) -> None:
    slider.show_value(0.5)

    with qtbot.waitSignal(slider.value_changed) as changed:
        qtbot.keyClick(slider.slider, Qt.Key.Key_Right)

    assert changed.args == [pytest.approx(0.51)]
    assert slider.text == "0.51"


def test_a_value_from_outside_is_no_change_of_the_operator(
    slider: ValueSlider, qtbot: QtBot
) -> None:
    with qtbot.assertNotEmitted(slider.value_changed):
        slider.show_value(0.25)

    assert slider.value == 0.25
    assert slider.text == "0.25"


def test_per_cent_read_as_such(qtbot: QtBot) -> None:
    slider = ValueSlider("Opacity", "", is_percent=True)
    qtbot.addWidget(slider)

    slider.show_value(0.35)

    assert slider.text == "35 %"
