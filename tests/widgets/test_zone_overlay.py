from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt

from app.display import Picture
from app.overlay import View
from widgets.video_view import VideoView
from widgets.zone_overlay import ZoneOverlay

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

_LEFT = Qt.MouseButton.LeftButton
_CORNERS = (QPoint(40, 40), QPoint(200, 40), QPoint(200, 160))


@pytest.fixture
def overlay(qtbot: QtBot) -> ZoneOverlay:
    """Over a picture of 640 x 480 that is shown at half of its size."""
    view = VideoView()
    qtbot.addWidget(view)
    view.resize(320, 240)
    view.show()
    pixels = np.zeros((240, 320, 4), np.uint8)
    view.show_picture(Picture(pixels, 0, 640, 480, View.fit(640, 480, 320, 240), 5.0))
    return ZoneOverlay(view)


def _click(qtbot: QtBot, overlay: ZoneOverlay, *points: QPoint) -> None:
    for point in points:
        qtbot.mouseClick(overlay, _LEFT, pos=point)


def test_clicked_corners_are_told_in_pixels_of_the_frame(
    overlay: ZoneOverlay, qtbot: QtBot
) -> None:
    overlay.start_drawing()
    _click(qtbot, overlay, *_CORNERS)
    with qtbot.waitSignal(overlay.zone_drawn) as told:
        qtbot.keyClick(overlay, Qt.Key.Key_Return)

    [corners] = told.args
    assert corners == ((80.5, 80.5), (400.5, 80.5), (400.5, 320.5))
    assert not overlay.is_drawing


def test_clicking_the_first_corner_ends_it(overlay: ZoneOverlay, qtbot: QtBot) -> None:
    overlay.start_drawing()
    _click(qtbot, overlay, *_CORNERS)
    with qtbot.waitSignal(overlay.zone_drawn) as told:
        _click(qtbot, overlay, _CORNERS[0] + QPoint(2, 2))

    assert len(told.args[0]) == 3


def test_two_corners_are_no_zone_and_the_last_is_taken_back(
    overlay: ZoneOverlay, qtbot: QtBot
) -> None:
    overlay.start_drawing()
    _click(qtbot, overlay, *_CORNERS)
    qtbot.keyClick(overlay, Qt.Key.Key_Backspace)
    with qtbot.assertNotEmitted(overlay.zone_drawn):
        qtbot.keyClick(overlay, Qt.Key.Key_Return)

    assert overlay.is_drawing


def test_escape_leaves_the_zone_as_it_was(overlay: ZoneOverlay, qtbot: QtBot) -> None:
    overlay.show_zone(((10.0, 10.0), (300.0, 10.0), (300.0, 300.0)))
    overlay.start_drawing()
    _click(qtbot, overlay, *_CORNERS)
    with qtbot.assertNotEmitted(overlay.zone_drawn):
        qtbot.keyClick(overlay, Qt.Key.Key_Escape)

    assert not overlay.is_drawing
    assert overlay.isVisible()


def test_the_mouse_goes_through_to_the_picture_unless_a_zone_is_drawn(
    overlay: ZoneOverlay,
) -> None:
    lets_through = Qt.WidgetAttribute.WA_TransparentForMouseEvents
    overlay.show_zone(((10.0, 10.0), (300.0, 10.0), (300.0, 300.0)))
    before = overlay.testAttribute(lets_through)
    overlay.start_drawing()
    during = overlay.testAttribute(lets_through)
    overlay.cancel()

    assert before
    assert not during
    assert overlay.testAttribute(lets_through)


def test_a_zone_is_painted_where_it_is(overlay: ZoneOverlay) -> None:
    overlay.show_zone(((80.0, 80.0), (400.0, 80.0), (400.0, 320.0)))

    image = overlay._view.grab().toImage()

    inside, outside = image.pixelColor(170, 70), image.pixelColor(60, 150)
    assert inside.red() > outside.red()


def test_no_zone_shows_nothing(overlay: ZoneOverlay) -> None:
    overlay.show_zone(())

    assert overlay.isHidden()
