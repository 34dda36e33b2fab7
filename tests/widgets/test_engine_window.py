"""The engines window on a converter that is a few lines of Python."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QInputDialog, QMessageBox

from app.build_queue import BuildQueue
from app.conversion_job import ConversionState
from app.engine_choice import EngineChoice
from app.engine_store import EngineStore
from app.engine_trial import EngineFigures, TrialPhase, TrialStatus
from app.errors import ConsoleError
from engines.base import Precision
from engines.convert.request import Target
from tests.app.test_build_queue import _CONVERTER
from tests.app.test_engine_store import _make
from widgets.engine_desk import EngineDesk
from widgets.engine_window import EngineWindow

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytestqt.qtbot import QtBot

_PATIENCE_MS = 20_000


@pytest.fixture
def store(tmp_path: Path) -> EngineStore:
    return EngineStore(tmp_path / "engines")


@pytest.fixture
def desk(store: EngineStore, tmp_path: Path) -> Iterator[EngineDesk]:
    code = tmp_path / "converter.py"
    code.write_text(_CONVERTER)
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} {code} "$@"\n')
    python.chmod(0o755)
    desk = EngineDesk(store, BuildQueue(python))
    yield desk
    desk.close()


@pytest.fixture
def window(desk: EngineDesk, qtbot: QtBot) -> EngineWindow:
    window = EngineWindow(desk)
    qtbot.addWidget(window)
    with qtbot.waitExposed(window):
        window.show()
    return window


def _names(window: EngineWindow) -> list[str]:
    cells = (window.table.item(row, 0) for row in range(window.table.rowCount()))
    return [cell.text() for cell in cells if cell is not None]


def _states(window: EngineWindow) -> list[ConversionState | None]:
    boxes = window.builds._boxes.values()
    return [box.build.status.state if box.build.status else None for box in boxes]


def _fill(window: EngineWindow, tmp_path: Path, name: str) -> None:
    model = tmp_path / "net.keras"
    model.touch()
    form = window.form
    form.show_model(model)
    form.target.setCurrentIndex(form.target.findData(Target.ONNX))
    form.name.setText(name)


def test_a_network_is_built_by_the_button(
    window: EngineWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    _fill(window, tmp_path, "mine")

    qtbot.mouseClick(window.form.build, Qt.MouseButton.LeftButton)

    assert window.tabs.currentWidget() is window.builds
    qtbot.waitUntil(
        lambda: _states(window) == [ConversionState.DONE], timeout=_PATIENCE_MS
    )
    assert "built" in (window.message_bar.message or "").text  # type: ignore[union-attr]


def test_a_build_is_cancelled_and_built_again(
    window: EngineWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    _fill(window, tmp_path, "slow")
    window.form.submit()
    [box] = window.builds._boxes.values()

    qtbot.mouseClick(box.cancel, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(
        lambda: _states(window) == [ConversionState.CANCELLED], timeout=_PATIENCE_MS
    )
    assert box.again.isVisible()
    qtbot.mouseClick(box.again, Qt.MouseButton.LeftButton)

    assert _states(window) == [ConversionState.RUNNING]


def test_a_failed_build_says_why(
    window: EngineWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    _fill(window, tmp_path, "bad")

    window.form.submit()

    qtbot.waitUntil(
        lambda: _states(window) == [ConversionState.FAILED], timeout=_PATIENCE_MS
    )
    message = window.message_bar.message
    assert message is not None
    assert "too odd" in message.text.lower()


def test_a_network_that_is_not_there_is_refused(window: EngineWindow) -> None:
    window.form.show_model(Path("none.pb"))

    window.form.submit()

    message = window.message_bar.message
    assert message is not None
    assert "there is no" in message.text.lower()
    assert _states(window) == []


def test_a_size_that_is_none_is_refused(window: EngineWindow, tmp_path: Path) -> None:
    _fill(window, tmp_path, "mine")
    window.form.input_size.setText("big")

    window.form.submit()

    assert window.message_bar.message is not None
    assert _states(window) == []


def test_precisions_are_those_of_the_target(window: EngineWindow) -> None:
    form = window.form

    form.target.setCurrentIndex(form.target.findData(Target.OPENVINO))
    form.precision.setCurrentIndex(form.precision.findData(Precision.INT8))
    form.target.setCurrentIndex(form.target.findData(Target.ONNX))

    assert form.precision.count() == 1
    assert form.precision.currentData() is Precision.FP32


def test_engines_are_listed_renamed_and_deleted(
    window: EngineWindow, store: EngineStore, desk: EngineDesk, qtbot: QtBot
) -> None:
    _make(store, "mine")
    desk.refresh()
    window.table.choose("mine")

    qtbot.mouseClick(window.rename_button, Qt.MouseButton.LeftButton)
    dialog = window.findChild(QInputDialog)
    dialog.setTextValue("ours")
    dialog.accept()

    assert _names(window) == ["bundled", "ours"]
    window.table.choose("ours")
    qtbot.mouseClick(window.delete_button, Qt.MouseButton.LeftButton)
    box = window.findChild(QMessageBox)
    [button] = [each for each in box.buttons() if each.text() == "Delete"]
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert _names(window) == ["bundled"]


def test_a_name_that_is_taken_is_refused(
    window: EngineWindow, store: EngineStore, desk: EngineDesk
) -> None:
    _make(store, "mine")
    _make(store, "ours")
    desk.refresh()
    engine = next(each for each in store.engines() if each.name == "mine")

    assert not desk.rename(engine, "ours")

    message = window.message_bar.message
    assert message is not None
    assert "there is an engine" in message.text.lower()


def test_an_engine_is_tried_with_the_limits_of_the_form(
    window: EngineWindow, store: EngineStore, desk: EngineDesk, qtbot: QtBot
) -> None:
    _make(store, "mine")
    desk.refresh()
    window.table.choose("mine")
    window._is_feed_on = True
    window._enable()
    window.trial.iou.setValue(0.5)
    wanted: list[tuple[object, object]] = []
    desk.trial_wanted.connect(lambda *both: wanted.append(both))

    qtbot.mouseClick(window.try_button, Qt.MouseButton.LeftButton)

    [(choice, limits)] = wanted
    assert isinstance(choice, EngineChoice)
    assert choice.model == store.folder / "mine"
    assert limits.min_mask_iou == 0.5  # type: ignore[attr-defined]
    assert window.tabs.currentWidget() is window.trial


def test_without_a_feed_nothing_can_be_tried(window: EngineWindow) -> None:
    window.show_status(None)

    assert not window.try_button.isEnabled()


def test_the_trial_is_told_in_figures_and_words(window: EngineWindow) -> None:
    panel = window.trial
    trial = TrialStatus(
        1,
        TrialPhase.REJECTED,
        frames=40,
        running=EngineFigures(4.0, 5.0, 3),
        tried=EngineFigures(8.0, 9.0, 2),
        mask_iou=0.8,
        reason="its masks overlap by 0.8",
        hint="Lower the limit.",
    )

    panel.show_trial(trial)

    assert "rejected" in panel._headline.text()
    assert panel._reason.text() == "Its masks overlap by 0.8. Lower the limit."
    assert panel._cells[0][1].text() == "8.00 ms"
    assert panel._overlap.text() == "0.8000"
    assert not panel.cancel.isVisible()


def test_a_trial_that_goes_on_can_be_cancelled(
    window: EngineWindow, desk: EngineDesk, qtbot: QtBot
) -> None:
    window.tabs.setCurrentWidget(window.trial)
    window.trial.show_trial(TrialStatus(1, TrialPhase.SHADOW))

    with qtbot.waitSignal(desk.trial_cancelled):
        qtbot.mouseClick(window.trial.cancel, Qt.MouseButton.LeftButton)


def test_an_unexpected_name_is_said(window: EngineWindow) -> None:
    window.show_error(ConsoleError("the disk is full", hint="Make room."))

    message = window.message_bar.message
    assert message is not None
    assert message.text == "The disk is full."
