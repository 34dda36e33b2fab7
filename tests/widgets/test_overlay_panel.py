from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QToolButton

from app.overlay import OverlayOptions
from app.segmentation import Thresholds
from widgets.actions import ActionId, make_actions
from widgets.overlay_panel import OverlayPanel

if TYPE_CHECKING:
    from PySide6.QtGui import QAction
    from PySide6.QtWidgets import QApplication
    from pytestqt.qtbot import QtBot


@pytest.fixture
def actions(qapp: QApplication) -> dict[ActionId, QAction]:
    return make_actions(qapp)


@pytest.fixture
def panel(actions: dict[ActionId, QAction], qtbot: QtBot) -> OverlayPanel:
    panel = OverlayPanel(actions, OverlayOptions(mask_opacity=0.4))
    qtbot.addWidget(panel)
    return panel


def test_the_toggles_show_what_is_drawn(
    panel: OverlayPanel, actions: dict[ActionId, QAction]
) -> None:
    panel.show_options(OverlayOptions(shows_ids=False))

    assert not actions[ActionId.SHOW_IDS].isChecked()
    assert actions[ActionId.SHOW_TRAILS].isChecked()


def test_a_click_on_a_toggle_changes_what_is_drawn(
    panel: OverlayPanel, actions: dict[ActionId, QAction], qtbot: QtBot
) -> None:
    button = next(
        each
        for each in panel.findChildren(QToolButton)
        if each.defaultAction() is actions[ActionId.SHOW_TRAILS]
    )

    with qtbot.waitSignal(panel.options_changed) as changed:
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)

    assert changed.args == [OverlayOptions(mask_opacity=0.4, shows_trails=False)]


def test_predictions_are_drawn_when_asked_for(
    panel: OverlayPanel, actions: dict[ActionId, QAction], qtbot: QtBot
) -> None:
    assert not actions[ActionId.SHOW_PREDICTION].isChecked()

    with qtbot.waitSignal(panel.options_changed) as changed:
        actions[ActionId.SHOW_PREDICTION].trigger()

    assert changed.args == [OverlayOptions(mask_opacity=0.4, shows_prediction=True)]


def test_the_opacity_slider_changes_what_is_drawn(
    panel: OverlayPanel, qtbot: QtBot
) -> None:
    with qtbot.waitSignal(panel.options_changed) as changed:
        qtbot.keyClick(panel.opacity.slider, Qt.Key.Key_End)

    assert changed.args == [OverlayOptions(mask_opacity=1.0)]


@pytest.mark.parametrize(
    ("id_", "opacity"), [(ActionId.LESS_OPAQUE, 0.3), (ActionId.MORE_OPAQUE, 0.5)]
)
def test_keys_step_the_opacity(
    panel: OverlayPanel,
    actions: dict[ActionId, QAction],
    id_: ActionId,
    opacity: float,
) -> None:
    actions[id_].trigger()

    assert panel.options.mask_opacity == opacity
    assert panel.opacity.value == opacity


def test_opacity_stops_at_nothing(
    panel: OverlayPanel, actions: dict[ActionId, QAction]
) -> None:
    for _ in range(9):
        actions[ActionId.LESS_OPAQUE].trigger()

    assert panel.options.mask_opacity == 0.0


def test_thresholds_wait_for_a_network(panel: OverlayPanel) -> None:
    assert not panel.low.isEnabled()

    panel.show_thresholds(Thresholds(0.4, 0.6))

    assert panel.low.isEnabled()
    assert panel.thresholds == (0.4, 0.6)


def test_the_low_threshold_pushes_the_high_one(
    panel: OverlayPanel, qtbot: QtBot
) -> None:
    panel.show_thresholds(Thresholds(0.6, 0.6))

    with qtbot.waitSignal(panel.thresholds_changed) as changed:
        qtbot.keyClick(panel.low.slider, Qt.Key.Key_Right)

    assert changed.args == [Thresholds(0.61, 0.61)]


def test_the_high_threshold_pushes_the_low_one(
    panel: OverlayPanel, qtbot: QtBot
) -> None:
    panel.show_thresholds(Thresholds(0.6, 0.6))

    with qtbot.waitSignal(panel.thresholds_changed) as changed:
        qtbot.keyClick(panel.high.slider, Qt.Key.Key_Left)

    assert changed.args == [Thresholds(0.59, 0.59)]


def test_thresholds_from_outside_are_no_change_of_the_operator(
    panel: OverlayPanel, qtbot: QtBot
) -> None:
    with qtbot.assertNotEmitted(panel.thresholds_changed):
        panel.show_thresholds(Thresholds(0.2, 0.9))

    assert (panel.low.value, panel.high.value) == pytest.approx((0.2, 0.9))


def test_the_model_s_thresholds_can_be_asked_for(
    panel: OverlayPanel, qtbot: QtBot
) -> None:
    panel.show_thresholds(Thresholds(0.2, 0.9))
    reset = next(
        each
        for each in panel.findChildren(QToolButton)
        if each.accessibleName() == "Reset thresholds"
    )

    asked: list[bool] = []
    panel.thresholds_reset.connect(lambda: asked.append(True))

    qtbot.mouseClick(reset, Qt.MouseButton.LeftButton)

    assert asked == [True]
