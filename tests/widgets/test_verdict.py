from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QLabel, QPushButton, QWidget

from app.evidence import Cause
from app.hardware.remedies import RootRemedy
from app.verdict import Verdict
from widgets.remedy_dialog import RemedyDialog
from widgets.verdict_dialog import VerdictDialog
from widgets.verdict_line import VerdictLine

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

SLOW = Verdict(
    Cause.ENGINE,
    "Engine-bound: 8.0 ms a frame, 78 of 120 fps",
    (("Inferred", "78.0 fps"), ("CPU", "40 % of all cores")),
    "Choose a faster engine.",
)
WELL = Verdict(Cause.WELL, "Keeps up: 120 of 120 fps", (("Inferred", "120 fps"),))
MODE = RootRemedy("Switch to MAXN", "nvpmodel -m 0", "nvpmodel -m 3")


def words(widget: QWidget) -> list[str]:
    labels = widget.findChildren(QLabel)
    return [label.text() for label in labels if not label.isHidden() and label.text()]


def test_the_line_says_what_limits(qtbot: QtBot) -> None:
    line = VerdictLine()
    qtbot.addWidget(line)
    assert line.text() == "Nothing runs: nothing limits it"

    line.show_verdict(SLOW)

    assert line.text() == SLOW.text


def test_well_and_limited_differ_by_more_than_a_colour(qtbot: QtBot) -> None:
    line = VerdictLine()
    qtbot.addWidget(line)
    line.show_verdict(WELL)
    well = line.icon().pixmap(16, 16).toImage()

    line.show_verdict(SLOW)
    limited = line.icon().pixmap(16, 16).toImage()

    shapes = [
        [
            image.pixelColor(x, y).alpha() > 128
            for y in range(image.height())
            for x in range(image.width())
        ]
        for image in (well, limited)
    ]
    assert shapes[0] != shapes[1]


def test_the_dialog_shows_advice_and_every_figure(qtbot: QtBot) -> None:
    parent = QWidget()
    qtbot.addWidget(parent)
    dialog = VerdictDialog(parent)

    dialog.show_verdict(SLOW)

    assert words(dialog) == [
        SLOW.text,
        SLOW.advice,
        "Inferred",
        "78.0 fps",
        "CPU",
        "40 % of all cores",
    ]


def test_evidence_that_is_gone_is_not_shown(qtbot: QtBot) -> None:
    parent = QWidget()
    qtbot.addWidget(parent)
    dialog = VerdictDialog(parent)
    dialog.show_verdict(SLOW)

    dialog.show_verdict(WELL)

    assert words(dialog) == [WELL.text, "Inferred", "120 fps"]
    assert dialog.text == "Keeps up: 120 of 120 fps\nInferred: 120 fps"


@pytest.mark.parametrize("obstacle", ["", "Nobody asks for the password."])
def test_the_exact_command_is_shown_before_it_is_run(
    qtbot: QtBot, obstacle: str
) -> None:
    parent = QWidget()
    qtbot.addWidget(parent)
    dialog = RemedyDialog(MODE, obstacle=obstacle, parent=parent)

    shown = dialog.informativeText()

    assert "nvpmodel -m 0" in shown
    assert obstacle in dialog.text()
    assert ("nvpmodel -m 3" in shown) is not bool(obstacle)
    buttons = [button.text() for button in dialog.findChildren(QPushButton)]
    assert ("Run as root" in buttons) is not bool(obstacle)


def test_only_the_button_agrees(qtbot: QtBot) -> None:
    parent = QWidget()
    qtbot.addWidget(parent)
    agreed: list[RootRemedy] = []

    for answer in ("Cancel", "Copy command", "Run as root"):
        dialog = RemedyDialog(MODE, obstacle="", parent=parent)
        dialog.agreed.connect(agreed.append)
        dialog.open()
        (button,) = (
            each
            for each in dialog.findChildren(QPushButton)
            if each.text().replace("&", "") == answer
        )
        button.click()
        assert bool(agreed) is (answer == "Run as root")
        dialog.close()

    assert agreed == [MODE]
    assert QGuiApplication.clipboard().text() == "sudo nvpmodel -m 0"


def test_a_verdict_with_a_remedy_offers_it(qtbot: QtBot) -> None:
    parent = QWidget()
    qtbot.addWidget(parent)
    dialog = VerdictDialog(parent)
    dialog.show_verdict(SLOW)
    dialog.show()
    (button,) = (
        each
        for each in dialog.findChildren(QPushButton)
        if each.text() == "Put it right…"
    )
    assert not button.isVisible()

    dialog.show_verdict(replace(SLOW, remedy=MODE))
    with qtbot.waitSignal(dialog.remedy_requested) as told:
        button.click()

    assert told.args == [MODE]
