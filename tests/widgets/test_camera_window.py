from __future__ import annotations

from concurrent.futures import Future
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QComboBox, QSpinBox

from app import camera_desk
from app.camera_store import CameraStore
from app.errors import ConsoleError, SourceDeniedError
from app.pipeline import CameraStatus
from app.sources.arrivals import ArrivalStatistics
from app.sources.live import LinkState, SourceReport
from app.sources.v4l2.query import CameraDescription, describe_camera
from tests.fakes.statuses import status as make_status
from tests.fakes.v4l2 import FakeCamera
from widgets.camera_desk import CameraDesk
from widgets.camera_window import CameraWindow
from widgets.source_watch import SourceWatch

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytestqt.qtbot import QtBot

    from app.pipeline import PipelineStatus


class Answers:
    """Obeys the feed process's `ask`; answers when it is told to."""

    def __init__(self) -> None:
        self.waiting: list[tuple[Callable[[], Any], Future[Any]]] = []

    def ask(self, question: Callable[[], Any]) -> Future[Any]:
        future: Future[Any] = Future()
        self.waiting.append((question, future))
        return future

    def answer(self) -> None:
        waiting, self.waiting = self.waiting, []
        for question, future in waiting:
            try:
                future.set_result(question())
            except ConsoleError as error:
                future.set_exception(error)


@pytest.fixture(autouse=True)
def camera(monkeypatch: pytest.MonkeyPatch) -> FakeCamera:
    camera = FakeCamera()
    found = describe_camera("/dev/video0", camera.open_device)
    shy = CameraDescription("/dev/video2", "Shy", "", "", problem="Join 'video'.")
    monkeypatch.setattr(camera_desk, "list_cameras", lambda: (found, shy))
    monkeypatch.setattr(camera_desk, "open_node", camera.open_device)
    return camera


@pytest.fixture
def answers() -> Answers:
    return Answers()


@pytest.fixture
def desk(answers: Answers, tmp_path: Path) -> CameraDesk:
    return CameraDesk(answers.ask, CameraStore(tmp_path / "cameras.json"))


@pytest.fixture
def window(desk: CameraDesk, answers: Answers, qtbot: QtBot) -> CameraWindow:
    window = CameraWindow(desk)
    qtbot.addWidget(window)
    window.look_again()
    _settle(desk, answers)
    return window


def _settle(desk: CameraDesk, answers: Answers) -> None:
    """Send what is to be sent, and take every answer."""
    for _ in range(4):
        desk._send()
        answers.answer()
        desk.poll()
    desk.keep()


def test_cameras_are_listed_with_those_that_cannot_be_used(
    window: CameraWindow,
) -> None:
    texts = [window.cameras.item(row).text() for row in range(window.cameras.count())]

    assert texts == ["vivid\n/dev/video0, up to 60 fps", "Shy\nJoin 'video'."]
    assert window.open_button.isEnabled()
    window.cameras.setCurrentRow(1)
    assert not window.open_button.isEnabled()


def test_without_a_camera_it_says_what_to_do(desk: CameraDesk, qtbot: QtBot) -> None:
    window = CameraWindow(desk)
    qtbot.addWidget(window)

    assert "rtsp://" in window.empty.text()
    assert not window.cameras.isVisibleTo(window)


def test_the_window_does_not_wait_for_a_camera(
    desk: CameraDesk, answers: Answers, qtbot: QtBot
) -> None:
    window = CameraWindow(desk)
    qtbot.addWidget(window)
    window.look_again()

    assert desk.is_waiting
    assert not window.refresh_button.isEnabled()
    _settle(desk, answers)
    assert window.refresh_button.isEnabled()
    assert not desk.is_waiting


def test_each_choice_narrows_the_next_one(window: CameraWindow) -> None:
    modes = window.modes
    modes.pixels.setCurrentIndex(modes.pixels.findData("YUYV"))
    modes.frame_size.setCurrentIndex(modes.frame_size.findData("640x360"))
    rates = [modes.rate.itemData(row) for row in range(modes.rate.count())]

    assert rates[1:4] == ["40", "30", "25"]
    modes.rate.setCurrentIndex(2)
    assert modes.uri == "v4l2:///dev/video0?format=YUYV&size=640x360&fps=30"
    assert modes.address.text() == modes.uri


def test_colour_is_a_choice_where_there_is_any(window: CameraWindow) -> None:
    modes = window.modes
    modes.colour.setChecked(True)
    assert "colour=yes" in modes.uri
    modes.pixels.setCurrentIndex(modes.pixels.findData("GREY"))

    assert not modes.colour.isEnabled()


def test_open_asks_for_the_camera_that_is_chosen(
    window: CameraWindow, qtbot: QtBot
) -> None:
    with qtbot.waitSignal(window.source_requested) as asked:
        qtbot.mouseClick(window.open_button, Qt.MouseButton.LeftButton)

    assert asked.args == ["v4l2:///dev/video0"]


def test_every_control_can_be_seen_and_set(
    window: CameraWindow, desk: CameraDesk, answers: Answers
) -> None:
    brightness = window.controls.editor("Brightness").findChildren(QSpinBox)[0]
    mute, menu = window.controls.editor("Mute"), window.controls.editor("Menu")
    assert isinstance(mute, QCheckBox)
    assert isinstance(menu, QComboBox)
    assert (brightness.value(), brightness.minimum(), brightness.maximum()) == (
        128,
        0,
        255,
    )
    assert [menu.itemText(row) for row in range(menu.count())] == [
        "Menu Item 1",
        "Menu Item 3",
        "Menu Item 4",
    ]
    brightness.setValue(77)
    mute.setChecked(True)
    menu.setCurrentIndex(0)
    menu.activated.emit(0)
    _settle(desk, answers)

    set_ = {each.name: each.value for each in window.controls.controls}
    assert (set_["Brightness"], set_["Mute"], set_["Menu"]) == (77, 1, 1)
    key = "vivid at platform:vivid-000"
    assert desk.store.controls(key) == {"Brightness": 77, "Mute": 1, "Menu": 1}


def test_what_cannot_be_set_is_not_offered(window: CameraWindow) -> None:
    assert not window.controls.editor("Read-Only Integer 32 Bits").isEnabled()


def test_a_slider_that_is_dragged_sends_its_last_value(
    window: CameraWindow, desk: CameraDesk, answers: Answers
) -> None:
    field = window.controls.editor("Contrast").findChildren(QSpinBox)[0]
    for value in (10, 20, 30):
        field.setValue(value)

    assert not answers.waiting
    desk._send()
    assert len(answers.waiting) == 1
    _settle(desk, answers)
    assert field.value() == 30


def test_a_button_is_pressed_and_not_kept(
    window: CameraWindow,
    desk: CameraDesk,
    answers: Answers,
    camera: FakeCamera,
    qtbot: QtBot,
) -> None:
    number = next(c.id for c in window.controls.controls if c.name == "Button")
    qtbot.mouseClick(window.controls.editor("Button"), Qt.MouseButton.LeftButton)
    _settle(desk, answers)

    assert camera.controls[number] in (0, 1)
    assert desk.store.controls("vivid at platform:vivid-000") == {}


def test_a_preset_brings_values_back(
    window: CameraWindow, desk: CameraDesk, answers: Answers
) -> None:
    field = window.controls.editor("Brightness").findChildren(QSpinBox)[0]
    field.setValue(200)
    _settle(desk, answers)
    window.save_preset(" night ")
    field.setValue(10)
    _settle(desk, answers)
    assert window.presets.currentText() == "night"
    window.load_button.click()
    _settle(desk, answers)

    assert field.value() == 200
    window.defaults_button.click()
    _settle(desk, answers)
    assert field.value() == 128
    window.remove_button.click()
    assert window.presets.count() == 0


def test_a_camera_that_refuses_says_why(
    window: CameraWindow, desk: CameraDesk, answers: Answers, camera: FakeCamera
) -> None:
    camera.is_denied = True
    window.controls.editor("Brightness").findChildren(QSpinBox)[0].setValue(3)
    _settle(desk, answers)

    message = window.message_bar.message
    assert message is not None
    assert "may not use /dev/video0" in message.text
    assert "usermod" in message.hint


def _status(report: SourceReport, capture_hz: float = 60.0) -> PipelineStatus:
    arrivals = ArrivalStatistics(500, 16.7, 0.4, 1.2, 1.0, (0,) * 16 + (499, 1))
    return replace(
        make_status(), capture_hz=capture_hz, camera=CameraStatus(report, arrivals)
    )


def test_the_real_rate_stands_beside_the_one_asked_for(window: CameraWindow) -> None:
    report = SourceReport(
        warnings=("it delivers 60 fps, 120 were asked for",), asked_rate_hz=120.0
    )
    window.show_status(_status(report))

    assert window.rate.measured == "60.0"
    assert window.rate.words == "It delivers 60 fps, 120 were asked for."
    assert not window.rate.grab().isNull()
    window.show_status(None)
    assert "Start a camera" in window.rate.words


def test_a_lost_camera_is_said_above_the_picture_until_it_is_back(
    qtbot: QtBot,
) -> None:
    from app.display import Display
    from widgets.feed_bridge import FeedBridge
    from widgets.message_bar import MessageBar

    bar = MessageBar()
    qtbot.addWidget(bar)
    bridge = FeedBridge(Display())
    watch = SourceWatch(bridge, bar)
    lost = SourceReport(link=LinkState.LOST, problem="the camera is gone. Plug it in.")

    watch.show_status(_status(lost))
    assert bar.message is not None
    assert "Plug it in." in bar.message.text
    bar.clear()
    watch.show_status(_status(lost))
    assert bar.message is None, "what the operator closed stays closed"
    watch.show_status(_status(SourceReport()))
    watch.show_status(_status(lost))
    assert bar.message is not None
    watch.show_status(_status(SourceReport()))
    assert bar.message is None


def test_figures_that_change_do_not_say_it_again(qtbot: QtBot) -> None:
    from app.display import Display
    from widgets.feed_bridge import FeedBridge
    from widgets.message_bar import MessageBar

    bar = MessageBar()
    qtbot.addWidget(bar)
    watch = SourceWatch(FeedBridge(Display()), bar)
    watch.show_status(_status(SourceReport(warnings=("it delivers 59.9 fps",))))
    bar.clear()
    watch.show_status(_status(SourceReport(warnings=("it delivers 60.25 fps",))))

    assert bar.message is None


def test_an_error_of_the_driver_can_be_pickled() -> None:
    import pickle

    error = SourceDeniedError("you may not", hint="Join the group.")

    again = pickle.loads(pickle.dumps(error))

    assert (again.message, str(again)) == ("you may not", "you may not")
