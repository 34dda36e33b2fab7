"""The panel of recordings, the list of sessions, and what stands between."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

from app.recording.settings import (
    EncoderChoice,
    Quality,
    RecordingSettings,
    TriggerZone,
)
from app.recording.status import FrameLosses, RecordingState, RecordingStatus
from tests.fakes.statuses import status
from widgets.actions import ActionId, make_actions
from widgets.main_window import MainWindow
from widgets.recording_desk import RecordingDesk
from widgets.recording_panel import RecordingPanel

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytestqt.qtbot import QtBot

RECORDING = RecordingStatus(
    state=RecordingState.RECORDING,
    folder=Path("/data/take-1"),
    seconds=12.34,
    taken=1500,
    written=1480,
    losses=FrameLosses(source=1, encoder=12, disk=3),
    bytes_written=25_000_000,
    free_bytes=73_000_000_000,
    codec="H.264 (x264), grey, good",
    encode_ms=1.4,
    marks=2,
    advice="the encoder is too slow: record in lower quality",
    can_lower=True,
)


@pytest.fixture
def panel(qtbot: QtBot) -> Iterator[RecordingPanel]:
    parent = QWidget()
    qtbot.addWidget(parent)
    made = RecordingPanel(make_actions(parent), RecordingSettings(Path("/data")))
    qtbot.addWidget(made)
    # The actions live as long as their parent.
    yield made
    parent.close()


def test_a_recording_shows_its_size_and_what_is_lost_by_cause(
    panel: RecordingPanel,
) -> None:
    panel.show_status(RECORDING)

    assert panel.state_text == "Recording"
    assert panel.figures_text.startswith("12.3 s")
    assert "25.0 MB" in panel.figures_text
    assert "12 by the encoder" in panel.losses_text
    assert "3 by the disk" in panel.losses_text
    assert "record in lower quality" in panel.losses_text


def test_what_was_just_recorded_is_one_click_from_its_review(
    panel: RecordingPanel, qtbot: QtBot
) -> None:
    panel.show_status(RECORDING)
    is_offered_meanwhile = panel.review_button.isVisibleTo(panel)
    panel.show_status(replace(RECORDING, state=RecordingState.OFF))

    with qtbot.waitSignal(panel.review_requested) as asked:
        panel.review_button.click()

    assert not is_offered_meanwhile
    assert panel.review_button.isVisibleTo(panel)
    assert asked.args == [Path("/data/take-1")]


def test_the_held_seconds_and_their_memory_are_shown(panel: RecordingPanel) -> None:
    armed = RecordingStatus(
        state=RecordingState.ARMED, ring_s=2.9, ring_bytes=1_900_000
    )

    panel.show_status(armed)

    assert panel.figures_text == "2.9 s held in 1.9 MB of memory"
    assert panel.losses_text == ""


def test_choices_are_told_and_shown_ones_are_not(
    panel: RecordingPanel, qtbot: QtBot
) -> None:
    shown = RecordingSettings(Path("/data"), quality=Quality.SMALL, pretrigger_s=2.0)
    with qtbot.assertNotEmitted(panel.settings_changed):
        panel.show_settings(shown)

    with qtbot.waitSignal(panel.settings_changed) as told:
        panel.form.grey.click()

    assert told.args[0].is_grey
    assert told.args[0].quality is Quality.SMALL
    assert told.args[0].pretrigger_s == 2.0


def test_what_this_machine_can_hold_is_shown_until_it_records(
    panel: RecordingPanel,
) -> None:
    panel.show_status(RecordingStatus(can_hold="the disk: 50 MB/s"))
    before = panel.can_hold_text
    panel.show_status(RECORDING)

    assert before == "The disk: 50 MB/s"
    assert panel.can_hold_text == ""


def test_one_button_lowers_the_quality_while_frames_are_lost(
    panel: RecordingPanel, qtbot: QtBot
) -> None:
    panel.show_status(RecordingStatus())
    assert panel.lower_button.isHidden()
    panel.show_status(RECORDING)
    assert not panel.lower_button.isHidden()

    told: list[RecordingSettings] = []
    panel.settings_changed.connect(told.append)
    for _ in range(3):
        qtbot.mouseClick(panel.lower_button, Qt.MouseButton.LeftButton)

    # In grey at last: there is nothing less.
    assert [(each.quality, each.is_grey) for each in told] == [
        (Quality.SMALL, False),
        (Quality.SMALL, True),
    ]


def test_the_timer_and_the_encoder_are_chosen(panel: RecordingPanel) -> None:
    panel.form.limit.setValue(90.0)
    panel.form.encoder.setCurrentIndex(1)
    panel.form.pretrigger.setValue(2.5)

    assert panel.settings.seconds_limit == 90.0
    assert panel.settings.encoder is EncoderChoice.SOFTWARE
    assert panel.settings.pretrigger_s == 2.5


def test_a_zone_is_kept_with_its_time_and_removed(panel: RecordingPanel) -> None:
    corners = ((1.0, 2.0), (30.0, 4.0), (5.0, 60.0))
    panel.form.take_zone(corners)
    panel.form.after.setValue(7.0)
    zone = panel.settings.zone
    panel.form.remove.click()

    assert zone == TriggerZone(corners, 7.0)
    assert panel.settings.zone is None
    assert panel.form.remove.isHidden()


class _Feed:
    """Notes what a desk asks of a feed."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def configure_recording(self, settings: RecordingSettings) -> None:
        self.asked.append(f"configure {settings.quality.value}")

    def start_recording(self) -> None:
        self.asked.append("start")

    def stop_recording(self) -> None:
        self.asked.append("stop")

    def mark(self) -> None:
        self.asked.append("mark")


def test_the_actions_record_mark_and_stop(qtbot: QtBot) -> None:
    window, feed = MainWindow(), _Feed()
    qtbot.addWidget(window)
    desk = RecordingDesk(window, lambda: feed)
    window.show_status(status())
    window.actions_by_id[ActionId.RECORD].setEnabled(True)

    window.actions_by_id[ActionId.RECORD].trigger()
    window.show_status(status(recording=RECORDING))
    window.actions_by_id[ActionId.MARK].trigger()
    window.actions_by_id[ActionId.RECORD].trigger()

    assert feed.asked == ["configure good", "start", "mark", "stop"]
    desk.deleteLater()
    window.close()


def test_losing_frames_brings_the_panel_forward(qtbot: QtBot) -> None:
    window = MainWindow()
    qtbot.addWidget(window)
    window.recording_dock.hide()

    window.show_status(status(recording=RECORDING))

    assert not window.recording_dock.isHidden()
    window.close()
