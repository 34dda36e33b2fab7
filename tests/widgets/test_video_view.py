from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QImage, QWheelEvent
from PySide6.QtWidgets import QApplication

from app.display import Picture
from app.overlay import View
from widgets.theme import Colour
from widgets.video_view import VideoView

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray
    from pytestqt.qtbot import QtBot

WIDTH, HEIGHT = 400, 300


@pytest.fixture
def view(qtbot: QtBot) -> VideoView:
    """A view of 400 by 300 without a picture."""
    view = VideoView()
    qtbot.addWidget(view)
    view.resize(WIDTH, HEIGHT)
    view.show()
    qtbot.waitExposed(view)
    return view


@pytest.fixture
def fitted(view: VideoView) -> VideoView:
    """A view that knows frames of 200 by 150: twice their size fits."""
    view.set_frame_size(200, 150)
    return view


def picture_for(
    view: View, frame_size_px: tuple[int, int] = (200, 150), seed: int = 1
) -> Picture:
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 256, (view.height_px, view.width_px, 4), np.uint8)
    image[..., 3] = 255
    image.setflags(write=False)
    return Picture(image, 0, *frame_size_px, view, latency_ms=1.0)


def shown(view: VideoView) -> NDArray[np.uint8]:
    """What is painted, as blue, green, red, 255."""
    image = view.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), -1)
    pixels: NDArray[np.uint8] = rows[:, : 4 * image.width()].copy()
    return pixels.reshape(image.height(), image.width(), 4)


def turn_wheel(view: VideoView, at: QPointF, notches: float) -> None:
    event = QWheelEvent(
        at,
        view.mapToGlobal(at),
        QPoint(),
        QPoint(0, round(notches * 120)),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(view, event)


def drag(view: VideoView, qtbot: QtBot, start: QPoint, end: QPoint) -> None:
    qtbot.mousePress(view, Qt.MouseButton.LeftButton, pos=start)
    qtbot.mouseMove(view, pos=end)
    qtbot.mouseRelease(view, Qt.MouseButton.LeftButton, pos=end)


def current(view: VideoView) -> View:
    assert view.view is not None
    return view.view


# --- what is painted


def test_a_picture_is_painted_as_it_is(fitted: VideoView) -> None:
    picture = picture_for(current(fitted))

    fitted.show_picture(picture)

    np.testing.assert_array_equal(shown(fitted), picture.image)


def test_the_newest_picture_takes_the_place_of_the_one_before(
    fitted: VideoView,
) -> None:
    fitted.show_picture(picture_for(current(fitted), seed=1))
    newest = picture_for(current(fitted), seed=2)

    fitted.show_picture(newest)

    np.testing.assert_array_equal(shown(fitted), newest.image)


def test_a_picture_for_another_view_is_stretched_to_where_it_belongs(
    fitted: VideoView,
) -> None:
    before = current(fitted)
    image = np.zeros((HEIGHT, WIDTH, 4), np.uint8)
    image[100:140, 200:260] = 255
    image.setflags(write=False)
    fitted.show_picture(Picture(image, 0, 200, 150, before, 1.0))

    turn_wheel(fitted, QPointF(230, 120), 3)

    rows, columns = np.nonzero(shown(fitted)[..., 0] > 128)
    now = current(fitted)
    corner = now.to_view(*before.to_frame(200, 100))
    assert (columns.min(), rows.min()) == pytest.approx(corner, abs=1.5)


def test_a_view_without_a_picture_says_what_to_do(view: VideoView) -> None:
    painted = shown(view)

    background = np.array(Colour.WINDOW.qcolor.getRgb()[2::-1])
    is_written = np.abs(painted[..., :3].astype(int) - background).max(axis=2) > 100
    rows, columns = np.nonzero(is_written)
    assert np.ptp(columns) > WIDTH / 2
    assert rows.mean() == pytest.approx(HEIGHT / 2, abs=HEIGHT / 6)


def test_a_cleared_view_shows_no_picture(fitted: VideoView) -> None:
    empty = shown(fitted)
    fitted.show_picture(picture_for(current(fitted)))

    fitted.clear()

    np.testing.assert_array_equal(shown(fitted), empty)


def test_focus_by_keyboard_is_seen_and_focus_by_mouse_is_not(
    fitted: VideoView,
) -> None:
    fitted.show_picture(picture_for(current(fitted)))
    fitted.activateWindow()

    fitted.setFocus(Qt.FocusReason.MouseFocusReason)
    by_mouse = shown(fitted)
    fitted.clearFocus()
    fitted.setFocus(Qt.FocusReason.TabFocusReason)

    accent = Colour.ACCENT.qcolor.getRgb()[2::-1]
    assert tuple(shown(fitted)[1, 200, :3]) == accent
    assert tuple(by_mouse[1, 200, :3]) != accent


# --- which view is wanted


def test_the_size_of_the_first_picture_tells_the_size_of_frames(
    view: VideoView, qtbot: QtBot
) -> None:
    first = picture_for(View.fit(640, 480, 640, 480), frame_size_px=(640, 480))

    with qtbot.waitSignal(view.view_changed) as signal:
        view.show_picture(first)

    assert signal.args == [View.fit(640, 480, WIDTH, HEIGHT)]


def test_frames_of_another_size_are_fitted(fitted: VideoView) -> None:
    fitted.zoom_in()

    fitted.set_frame_size(1000, 200)

    assert current(fitted) == View.fit(1000, 200, WIDTH, HEIGHT)


def test_frames_of_the_same_size_leave_the_view_as_it_is(fitted: VideoView) -> None:
    fitted.zoom_in()
    zoomed = current(fitted)

    fitted.set_frame_size(200, 150)

    assert current(fitted) is zoomed


def test_a_fitted_view_stays_fitted_when_the_window_grows(fitted: VideoView) -> None:
    fitted.resize(800, 300)

    assert current(fitted) == View.fit(200, 150, 800, 300)


def test_a_zoomed_view_keeps_its_scale_when_the_window_grows(
    fitted: VideoView,
) -> None:
    fitted.zoom_actual()

    fitted.resize(800, 600)

    assert current(fitted).scale == pytest.approx(1.0)
    assert (current(fitted).width_px, current(fitted).height_px) == (800, 600)


def test_the_wheel_keeps_the_point_under_the_cursor(fitted: VideoView) -> None:
    at = QPointF(301, 77)
    point = current(fitted).to_frame(at.x(), at.y())

    turn_wheel(fitted, at, 4)

    assert current(fitted).scale > 4
    there = current(fitted).to_view(*point)
    assert there == pytest.approx((at.x(), at.y()), abs=1e-6)


def test_the_wheel_cannot_make_the_frame_vanish(fitted: VideoView) -> None:
    turn_wheel(fitted, QPointF(10, 10), -100)

    assert current(fitted).scale == pytest.approx(0.5)


def test_dragging_moves_the_frame_with_the_mouse(
    fitted: VideoView, qtbot: QtBot
) -> None:
    fitted.zoom_in()
    grabbed = current(fitted).to_frame(120, 100)

    drag(fitted, qtbot, QPoint(120, 100), QPoint(150, 90))

    assert current(fitted).to_view(*grabbed) == pytest.approx((150, 90), abs=1e-6)


def test_moving_without_a_button_leaves_the_view(
    fitted: VideoView, qtbot: QtBot
) -> None:
    before = current(fitted)

    qtbot.mouseMove(fitted, pos=QPoint(150, 90))

    assert current(fitted) is before


def test_the_frame_cannot_be_dragged_out_of_the_window(
    fitted: VideoView, qtbot: QtBot
) -> None:
    fitted.zoom_in()

    for _ in range(20):
        drag(fitted, qtbot, QPoint(10, 10), QPoint(390, 290))

    x, y = current(fitted).to_frame(WIDTH / 2 - 0.5, HEIGHT / 2 - 0.5)
    assert (x, y) == pytest.approx((-0.5, -0.5))


def test_a_double_click_fits_the_frame(fitted: VideoView, qtbot: QtBot) -> None:
    fitted.zoom_in()

    qtbot.mouseDClick(fitted, Qt.MouseButton.LeftButton)

    assert current(fitted) == View.fit(200, 150, WIDTH, HEIGHT)


@pytest.mark.parametrize(
    ("key", "scale"), [("1", 1.0), ("+", 2.5), ("-", 1.6), ("=", 2.5)]
)
def test_keys_zoom(fitted: VideoView, qtbot: QtBot, key: str, scale: float) -> None:
    qtbot.keyClicks(fitted, key)

    assert current(fitted).scale == pytest.approx(scale)


def test_the_key_f_fits_the_frame(fitted: VideoView, qtbot: QtBot) -> None:
    fitted.zoom_in()

    qtbot.keyClicks(fitted, "f")

    assert current(fitted) == View.fit(200, 150, WIDTH, HEIGHT)


def test_an_arrow_key_shows_more_of_its_side(fitted: VideoView, qtbot: QtBot) -> None:
    fitted.zoom_in()
    before = current(fitted)

    qtbot.keyClick(fitted, Qt.Key.Key_Right)

    assert current(fitted).left_px > before.left_px
    assert current(fitted).top_px == before.top_px


def test_zooming_without_a_frame_does_nothing(view: VideoView) -> None:
    turn_wheel(view, QPointF(10, 10), 1)
    view.zoom_actual()

    assert view.view is None


# --- what the mouse is on


def test_the_point_of_the_frame_under_the_mouse_is_told(
    fitted: VideoView, qtbot: QtBot
) -> None:
    with qtbot.waitSignal(fitted.frame_point_hovered) as signal:
        qtbot.mouseMove(fitted, pos=QPoint(201, 100))

    # The frame's pixel 100 is on the screen's pixels 200 and 201.
    assert signal.args == pytest.approx([100.25, 49.75])


def test_beside_the_frame_no_point_is_told(view: VideoView, qtbot: QtBot) -> None:
    view.set_frame_size(100, 300)
    qtbot.mouseMove(view, pos=QPoint(200, 100))
    told: list[str] = []
    view.frame_point_hovered.connect(lambda *_: told.append("a point"))
    view.hover_ended.connect(lambda: told.append("none"))

    qtbot.mouseMove(view, pos=QPoint(20, 100))

    qtbot.waitUntil(lambda: bool(told))
    assert told == ["none"]


# --- drag and drop


def offer(view: VideoView, url: QUrl) -> QDragEnterEvent:
    data = QMimeData()
    data.setUrls([url])
    event = QDragEnterEvent(
        QPoint(50, 50),
        Qt.DropAction.CopyAction,
        data,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    event.ignore()
    QApplication.sendEvent(view, event)
    return event


def test_a_dropped_file_is_told(view: VideoView, qtbot: QtBot, tmp_path: Path) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(tmp_path / "clip one.mp4"))])
    event = QDropEvent(
        QPointF(50, 50),
        Qt.DropAction.CopyAction,
        data,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    offer(view, data.urls()[0])

    with qtbot.waitSignal(view.file_dropped) as signal:
        QApplication.sendEvent(view, event)

    assert signal.args == [str(tmp_path / "clip one.mp4")]


def test_a_file_that_is_dragged_over_is_invited(view: VideoView) -> None:
    before = shown(view)

    event = offer(view, QUrl.fromLocalFile("/clip.mp4"))

    assert event.isAccepted()
    assert (shown(view) != before).any()


def test_a_link_that_is_dragged_over_is_not_invited(view: VideoView) -> None:
    event = offer(view, QUrl("https://example.org/clip.mp4"))

    assert not event.isAccepted()


# --- dense screens


class DenseView(VideoView):
    """A view on a screen with four device pixels for one of the desktop."""

    def devicePixelRatioF(self) -> float:  # noqa: N802  Qt's name
        return 2.0


def test_pictures_for_a_dense_screen_have_its_pixels(qtbot: QtBot) -> None:
    view = DenseView()
    qtbot.addWidget(view)
    view.resize(WIDTH, HEIGHT)

    view.set_frame_size(200, 150)

    assert view.view == View.fit(200, 150, 2 * WIDTH, 2 * HEIGHT, 2.0)


def test_on_a_dense_screen_the_wheel_keeps_the_point_under_the_cursor(
    qtbot: QtBot,
) -> None:
    view = DenseView()
    qtbot.addWidget(view)
    view.resize(WIDTH, HEIGHT)
    view.set_frame_size(200, 150)
    point = current(view).to_frame(2 * 301, 2 * 77)

    turn_wheel(view, QPointF(301, 77), 4)

    assert current(view).to_view(*point) == pytest.approx((602, 154), abs=1e-6)
