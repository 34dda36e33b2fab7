from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QMenu, QToolButton

from app.ledger import LedgerCounts
from app.pipeline import PipelineState
from tests.fakes.statuses import SOURCE, status
from widgets.actions import ActionId, make_actions
from widgets.transport_bar import TransportBar, time_text

if TYPE_CHECKING:
    from PySide6.QtGui import QAction
    from PySide6.QtWidgets import QApplication
    from pytestqt.qtbot import QtBot


@pytest.fixture
def actions(qapp: QApplication) -> dict[ActionId, QAction]:
    return make_actions(qapp)


@pytest.fixture
def bar(actions: dict[ActionId, QAction], qtbot: QtBot) -> TransportBar:
    bar = TransportBar(actions, QMenu())
    qtbot.addWidget(bar)
    bar.show()
    return bar


@pytest.mark.parametrize("state", [None, *PipelineState])
def test_every_state_has_a_word(bar: TransportBar, state: PipelineState | None) -> None:
    words = {None: "No source", PipelineState.FAULTED: "Fault"}

    bar.show_state(state)

    default = state.value.capitalize() if state else ""
    assert bar.state_text == words.get(state, default)


def test_states_differ_by_their_sign(bar: TransportBar) -> None:
    signs = []

    for state in PipelineState:
        bar.show_state(state)
        image = bar.findChildren(QLabel, "sign")[0].pixmap().toImage()
        signs.append(image.createAlphaMask())

    alike = [a == b for at, a in enumerate(signs) for b in signs[:at]]
    assert not any(alike)


def test_the_position_in_a_file_is_shown(bar: TransportBar) -> None:
    counts = LedgerCounts(numbered=1200, captured=1200, inferred=1200)

    bar.show_status(status(ledger=counts))

    assert bar.position_text == "0:10 / 0:20"


def test_a_source_without_an_end_has_no_position(bar: TransportBar) -> None:
    endless = replace(SOURCE, frame_count=None)

    bar.show_status(status(source=endless))

    assert bar.position_text == ""


def test_a_click_on_start_starts(
    bar: TransportBar, actions: dict[ActionId, QAction], qtbot: QtBot
) -> None:
    button = bar.widgetForAction(actions[ActionId.START])

    told: list[ActionId] = []
    for id_ in actions:
        actions[id_].triggered.connect(lambda _, which=id_: told.append(which))

    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)

    assert told == [ActionId.START]


def test_every_button_can_be_focused_by_key(bar: TransportBar) -> None:
    buttons = [each for each in bar.findChildren(QToolButton) if each.text()]

    assert buttons
    assert all(each.focusPolicy() & Qt.FocusPolicy.TabFocus for each in buttons)


def test_everything_fits_a_small_screen(bar: TransportBar) -> None:
    bar.show_status(status(state=PipelineState.FINISHED))

    assert bar.sizeHint().width() <= 1024


@pytest.mark.parametrize(
    ("time_s", "text"), [(0, "0:00"), (59.9, "0:59"), (61, "1:01")]
)
def test_times_are_minutes_and_seconds(time_s: float, text: str) -> None:
    assert time_text(time_s) == text
