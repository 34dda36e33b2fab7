"""The panel of recordings, the list of sessions, and what stands between."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PySide6.QtWidgets import QWidget

from app.recording.settings import Quality, RecordingSettings
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


def test_the_held_seconds_and_their_memory_are_shown(panel: RecordingPanel) -> None:
    armed = RecordingStatus(
        state=RecordingState.ARMED, ring_s=2.9, ring_bytes=1_900_000
    )

    panel.show_status(armed)

    assert panel.figures_text == "2.9 s held, 1.9 MB"
    assert panel.losses_text == ""


def test_choices_are_told_and_shown_ones_are_not(
    panel: RecordingPanel, qtbot: QtBot
) -> None:
    shown = RecordingSettings(Path("/data"), quality=Quality.SMALL, pretrigger_s=2.0)
    with qtbot.assertNotEmitted(panel.settings_changed):
        panel.show_settings(shown)

    with qtbot.waitSignal(panel.settings_changed) as told:
        panel._grey.click()

    assert told.args[0].is_grey
    assert told.args[0].quality is Quality.SMALL
    assert told.args[0].pretrigger_s == 2.0


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
