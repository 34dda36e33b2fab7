"""`main.py review`: a session in a window of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication

import main as program
from app.recording.manifest import SessionState, load_session_manifest
from tests.app.review.sessions import record
from widgets.review_window import ReviewWindow

if TYPE_CHECKING:
    from pathlib import Path

    import pytest
    from pytestqt.qtbot import QtBot


def _close_when_read(titles: list[str]) -> QTimer:
    """Close the review once its session is read."""

    def look() -> None:
        for window in QApplication.topLevelWidgets():
            is_read = isinstance(window, ReviewWindow) and window.bridge.analysis
            if is_read and window.isVisible():
                titles.append(window.windowTitle())
                window.close()

    timer = QTimer()
    timer.timeout.connect(look)
    timer.start(20)
    return timer


def test_an_unfinished_session_is_recovered_and_reviewed(
    tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    del qtbot  # It looks after windows that are left.
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    folder = record(tmp_path, {1: lambda at: (at * 0.5, 20.0)}, 30)
    manifest = load_session_manifest(folder)
    manifest.changed(state=SessionState.RECORDING).save(folder)
    titles: list[str] = []
    timer = _close_when_read(titles)

    status = program.main(["review", str(folder)])
    timer.stop()

    assert status == 0
    assert titles == ["session - Review"]
    assert load_session_manifest(folder).state is SessionState.RECOVERED


def test_what_is_no_session_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert program.main(["review", str(tmp_path)]) == 1
    assert "is no session" in capsys.readouterr().err


def test_without_a_display_it_says_what_can_be_done(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)

    assert program.main(["review", str(tmp_path)]) == 1
    told = capsys.readouterr().err
    assert "needs a window" in told
    assert "verify" in told
