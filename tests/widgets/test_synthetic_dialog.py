from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialogButtonBox, QDoubleSpinBox, QSpinBox

from app.sources.synthetic import SyntheticSource
from engines.scene import SETTING_BOUNDS
from widgets.synthetic_dialog import SyntheticDialog

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot


def open_dialog(qtbot: QtBot, uri: str = "") -> SyntheticDialog:
    dialog = SyntheticDialog(uri)
    qtbot.addWidget(dialog)
    dialog.open()
    return dialog


def test_the_scene_of_the_defaults_needs_no_options(qtbot: QtBot) -> None:
    dialog = open_dialog(qtbot)

    assert dialog.uri == "synthetic://"


@pytest.mark.parametrize(
    "uri",
    [
        "synthetic://?objects=20&seconds=20",
        "synthetic://?size=1280x720&fps=240&motion=ballistic",
        "synthetic://?speed=100-900&blur=0.25&noise=1.5&clutter=0&seed=7",
        "synthetic://?size=800x600",
    ],
)
def test_a_scene_survives_the_form(qtbot: QtBot, uri: str) -> None:
    dialog = open_dialog(qtbot, uri)

    assert dialog.uri == uri


def test_what_the_form_makes_can_be_opened(qtbot: QtBot) -> None:
    dialog = open_dialog(qtbot, "synthetic://?objects=3&speed=100-900&seconds=2")

    source = SyntheticSource(dialog.uri, is_paced=False)

    assert source.settings.object_count == 3
    assert source.settings.speed_px_s == (100.0, 900.0)


def test_nonsense_in_an_address_leaves_the_defaults(qtbot: QtBot) -> None:
    dialog = open_dialog(qtbot, "synthetic://?objects=many&objects=few")

    assert dialog.uri == "synthetic://"


def test_open_gives_the_address(qtbot: QtBot) -> None:
    dialog = open_dialog(qtbot, "synthetic://?objects=3")

    with qtbot.waitSignal(dialog.uri_chosen) as chosen:
        qtbot.keyClick(dialog, Qt.Key.Key_Return)

    assert chosen.args == ["synthetic://?objects=3"]
    assert not dialog.isVisible()


def test_speeds_the_wrong_way_round_are_told_and_refused(qtbot: QtBot) -> None:
    dialog = open_dialog(qtbot)
    buttons = dialog.findChildren(QDialogButtonBox)[0]
    open_button = buttons.button(QDialogButtonBox.StandardButton.Open)

    dialog.slowest.setValue(9000.0)

    assert not open_button.isEnabled()
    assert dialog.fault_text == "The lower speed comes first."


def test_no_field_offers_what_the_scene_refuses(qtbot: QtBot) -> None:
    dialog = open_dialog(qtbot)

    boxes: list[QSpinBox | QDoubleSpinBox] = []
    boxes += dialog.findChildren(QSpinBox)
    boxes += dialog.findChildren(QDoubleSpinBox)

    bounds = {(float(low), float(high)) for low, high in SETTING_BOUNDS.values()}
    a_day_s, most = (0.0, 24 * 3600.0), (0.0, 2.0**31 - 1)
    for box in boxes:
        assert (box.minimum(), box.maximum()) in bounds | {a_day_s, most}
