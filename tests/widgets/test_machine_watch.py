"""The watch on a recorded board that heats up, beside a console without a feed."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from PySide6.QtCore import QObject, QSettings, Signal
from PySide6.QtWidgets import QDialog, QFileDialog, QPushButton

from app.errors import SourceLostError
from app.hardware.monitor import HardwareMonitor
from app.hardware.remedies import RemedyRunner
from app.pipeline import PipelineState
from app.recording.status import RecordingState, RecordingStatus
from app.settings.hardware import HardwareOptions
from app.settings.in_use import SettingsInUse
from app.settings.model import Settings
from app.settings.store import SettingsStore
from engines.base import Precision
from tests.fakes.boards import build_board, read_board, write
from tests.fakes.engines import FakeEngine
from tests.fakes.statuses import sample, status
from widgets.machine_watch import MachineWatch, watch_machine
from widgets.main_window import MainWindow
from widgets.memory import Memory
from widgets.message_bar import Message, Remedy
from widgets.remedy_dialog import RemedyDialog
from widgets.settings_desk import SettingsDesk
from widgets.verdict_dialog import VerdictDialog

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytestqt.qtbot import QtBot

    from app.hardware.readings import HardwareSample


class _Bridge(QObject):
    status_taken = Signal(object)
    sample_taken = Signal(object)
    picture_period_s = 1 / 60


class _Monitor(HardwareMonitor):
    """Reads a tree whenever it is asked, without threads."""

    def __init__(self, root: Path) -> None:
        super().__init__([])
        self._root = root

    def sample(self) -> HardwareSample:
        return read_board(self._root)


class Bench:
    """A watch, its window, and the tree of a TX2 in its fastest mode."""

    def __init__(self, qtbot: QtBot, folder: Path) -> None:
        changes = {"/var/lib/nvpmodel/status": "pmode:0000"}
        self.root = build_board("tx2_r32_maxp_core_arm", folder / "tx2", changes)
        self.bridge = _Bridge()
        self.runner = RemedyRunner(("env",))
        self.memory = Memory(
            QSettings(str(folder / "window.ini"), QSettings.Format.IniFormat)
        )
        self.window = MainWindow()
        qtbot.addWidget(self.window)
        self.window.show()
        console: Any = SimpleNamespace(bridge=self.bridge)
        self.watch = MachineWatch(
            _Monitor(self.root), self.runner, console, self.window, self.memory
        )

    def heat(self, milli_c: int) -> None:
        for zone in (0, 1):
            path = f"/sys/devices/virtual/thermal/thermal_zone{zone}/temp"
            write(self.root, path, str(milli_c))
        self.watch.poll()

    @property
    def message(self) -> Message | None:
        return self.window.message_bar.message

    def dialog(self, kind: type[QDialog]) -> Any:
        return next(each for each in self.window.findChildren(kind) if each.isVisible())


@pytest.fixture
def bench(qtbot: QtBot, tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(qtbot, tmp_path)
    yield bench
    bench.watch.close()


def test_the_disk_is_watched_where_recordings_go(
    bench: Bench, qtbot: QtBot, tmp_path: Path
) -> None:
    desk = SettingsDesk(
        SettingsInUse(SettingsStore(tmp_path / "settings.json")), bench.window
    )
    desk.change("recording", folder=tmp_path / "sessions")
    console: Any = SimpleNamespace(bridge=bench.bridge)
    watch = watch_machine(console, bench.window, bench.memory, desk)
    watch.start()

    def folder() -> str:
        watch.poll()
        return watch.sample.disk.folder if watch.sample.disk is not None else ""

    qtbot.waitUntil(lambda: folder() == str(tmp_path / "sessions"), timeout=10_000)
    desk.change("recording", folder=tmp_path / "elsewhere")
    qtbot.waitUntil(lambda: folder() == str(tmp_path / "elsewhere"), timeout=10_000)
    watch.close()
    desk.close()

    assert watch.sample.disk is not None
    assert watch.sample.disk.free_mb > 0


def test_a_machine_that_is_well_says_nothing(bench: Bench) -> None:
    bench.watch.poll()

    assert bench.message is None
    assert bench.window.telemetry_dock.histories[1].column("power_total_w") == [3.177]


def test_a_board_that_heats_up_is_told_with_the_remedy(bench: Bench) -> None:
    bench.heat(97_500)

    assert bench.message is not None
    assert "BCPU-therm has 98 °C" in bench.message.text
    assert "echo 255 > /sys/devices/pwm-fan/target_pwm" in bench.message.hint
    assert bench.message.remedy is Remedy.PUT_RIGHT


def test_the_limits_of_the_settings_are_heeded_at_once(bench: Bench) -> None:
    bench.heat(80_000)
    assert bench.message is not None
    assert bench.message.text.startswith("The fan stands still")

    options = HardwareOptions(near_limit_c=30.0, reading_period_s=2.0)
    bench.watch.heed(Settings(hardware=options))
    bench.watch.poll()

    assert bench.message.text.startswith("BCPU-therm has 80 °C")


def test_settings_that_forbid_it_run_nothing_as_root(bench: Bench) -> None:
    bench.watch.heed(Settings(hardware=HardwareOptions(runs_remedies=False)))
    bench.heat(97_500)

    bench.window.remedy_chosen.emit(Remedy.PUT_RIGHT)

    dialog = bench.dialog(RemedyDialog)
    assert "By the settings (Hardware) nothing is run as root" in dialog.text()
    buttons = [each.text() for each in dialog.findChildren(QPushButton)]
    assert "Run as root" not in buttons
    dialog.close()


def test_the_message_goes_with_its_cause(bench: Bench) -> None:
    bench.heat(97_500)

    bench.heat(50_000)

    assert bench.message is None


def test_what_the_operator_closed_stays_closed_until_it_comes_again(
    bench: Bench,
) -> None:
    bench.heat(97_500)
    for _ in range(2):
        # The fan that stands still is told next.
        bench.window.message_bar.clear()
        bench.watch.poll()
    assert bench.message is None

    bench.heat(50_000)
    bench.heat(97_500)

    assert bench.message is not None


def test_an_alarm_takes_no_error_s_place(bench: Bench) -> None:
    fault = Message.of_error(SourceLostError("the camera is gone"))
    bench.window.show_message(fault)

    bench.heat(97_500)

    assert bench.message is fault


def test_nothing_is_run_before_the_operator_agrees(bench: Bench, qtbot: QtBot) -> None:
    fan = bench.root / "sys/devices/pwm-fan/target_pwm"
    bench.heat(97_500)
    alarm = bench.watch._alarms[0]
    assert alarm.remedy is not None
    here = alarm.remedy.apply.replace("/sys", f"{bench.root}/sys")
    back = alarm.remedy.restore.replace("/sys", f"{bench.root}/sys")
    object.__setattr__(alarm.remedy, "apply", here)
    object.__setattr__(alarm.remedy, "restore", back)

    bench.window.message_bar._button.click()
    dialog = bench.dialog(RemedyDialog)
    assert fan.read_text() == "0\n"
    (agree,) = (
        each
        for each in dialog.findChildren(QPushButton)
        if each.text() == "Run as root"
    )
    with qtbot.waitSignal(bench.watch._remedy_ended) as ended:
        agree.click()

    assert ended.args == [None]
    assert fan.read_text() == "255\n"
    bench.watch.close()
    assert fan.read_text() == "0\n"


def test_changes_of_the_feed_are_events(bench: Bench) -> None:
    bench.bridge.status_taken.emit(status())
    recording = RecordingStatus(state=RecordingState.RECORDING)
    bench.bridge.status_taken.emit(status(recording=recording))
    bench.bridge.status_taken.emit(status())
    bench.bridge.status_taken.emit(status(state=PipelineState.STOPPED))

    events = bench.window.telemetry_dock.events.within(0.0, 1e12)

    assert [each.text for each in events] == [
        "source serve.mp4",
        "recording",
        "recording ended",
        "feed stopped",
    ]


def test_another_engine_is_an_event(bench: Bench) -> None:
    engine = FakeEngine().spec
    bench.bridge.status_taken.emit(status(engine=engine))
    bench.bridge.status_taken.emit(status(engine=engine))
    quantised = engine._replace(precision=Precision.INT8)
    bench.bridge.status_taken.emit(status(engine=quantised))

    events = bench.window.telemetry_dock.events.within(0.0, 1e12)

    assert [each.text for each in events] == [
        "source serve.mp4",
        "engine reference int8",
    ]


def test_the_evidence_is_shown_on_click_and_kept_up_to_date(bench: Bench) -> None:
    bench.watch.poll()
    bench.bridge.sample_taken.emit(sample(1.0))
    bench.bridge.status_taken.emit(status())

    bench.window.status_strip.verdict_line.click()
    dialog = bench.dialog(VerdictDialog)
    assert "Hottest: BCPU-therm 38.0 °C, limit 101 °C" in dialog.text
    bench.heat(45_000)
    bench.bridge.status_taken.emit(status())

    assert "BCPU-therm 45.0 °C" in dialog.text


def test_the_graphs_that_were_chosen_are_kept(bench: Bench) -> None:
    dock = bench.window.telemetry_dock

    dock.bar.graphs_chosen.emit(("rate", "power"))

    assert bench.memory.graphs == ("rate", "power")
    assert dock.shown == ("rate", "power")


def test_the_table_is_saved_where_the_operator_says(
    bench: Bench, tmp_path: Path
) -> None:
    bench.watch.poll()
    path = tmp_path / "measured.csv"

    bench.window.telemetry_dock.table_requested.emit()
    dialog = bench.dialog(QFileDialog)
    dialog.fileSelected.emit(str(path))
    dialog.close()

    assert "3.177" in path.read_text()
    assert bench.message is not None
    assert str(path) in bench.message.text


def test_a_file_that_cannot_be_written_is_told(bench: Bench, tmp_path: Path) -> None:
    bench.window.telemetry_dock.picture_requested.emit()
    dialog = bench.dialog(QFileDialog)
    dialog.fileSelected.emit(str(tmp_path / "no" / "picture.png"))
    dialog.close()

    assert bench.message is not None
    assert "annot write" in bench.message.text
