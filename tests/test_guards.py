"""The guards guard: a test that leaves something behind fails."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from app.paths import ROOT

if TYPE_CHECKING:
    from pathlib import Path

CASES = """
import threading
import warnings

import pytest
from PySide6.QtCore import QTimer, qWarning
from PySide6.QtWidgets import QDialog, QFileDialog, QMessageBox, QWidget


def test_clean(qtbot):
    widget = QWidget()
    qtbot.addWidget(widget)
    widget.show()
    thread = threading.Thread(target=lambda: None)
    thread.start()


def test_leaves_a_thread():
    threading.Thread(target=threading.Event().wait, args=(30,), daemon=True).start()


def test_leaves_a_window(qapp):
    test_leaves_a_window.kept = QWidget()
    test_leaves_a_window.kept.show()


def test_runs_a_modal_dialog(qapp):
    QDialog().exec()


def test_asks_a_question(qapp):
    QMessageBox.question(None, "Sure?", "Sure?")


def test_asks_for_a_file(qapp):
    QFileDialog.getOpenFileName()


def test_warns():
    warnings.warn("old", DeprecationWarning)


def test_makes_qt_warn(qapp):
    qWarning("strange")


def test_fails_in_a_thread():
    thread = threading.Thread(target=lambda: 1 / 0)
    thread.start()
    thread.join()


def test_fails_in_a_slot(qtbot):
    QTimer.singleShot(0, lambda: 1 / 0)
    qtbot.wait(50)
"""


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What pytest says of the cases, with the guards and settings of this suite."""
    folder: Path = tmp_path_factory.mktemp("guards")
    shutil.copy(ROOT / "tests" / "conftest.py", folder)
    (folder / "test_cases.py").write_text(CASES)
    command = [sys.executable, "-m", "pytest", "-c", str(ROOT / "pyproject.toml")]
    command += ["--rootdir", str(folder), "-rA", "-p", "no:cacheprovider", str(folder)]
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )
    return done.stdout


def summary_of(report: str, case: str) -> str:
    """The line of the summary for a case; empty if it passed."""
    found = re.search(rf"^(?:FAILED|ERROR) \S+::{case}\b.*$", report, re.MULTILINE)
    return found.group() if found else ""


def test_a_clean_test_passes(report: str) -> None:
    assert re.search(r"^PASSED \S+::test_clean$", report, re.MULTILINE)
    assert summary_of(report, "test_clean") == ""


def test_a_thread_that_is_left_is_a_failure(report: str) -> None:
    assert "left threads running" in summary_of(report, "test_leaves_a_thread")


def test_a_window_that_is_left_is_a_failure(report: str) -> None:
    assert "left windows open" in summary_of(report, "test_leaves_a_window")


@pytest.mark.parametrize(
    "case",
    ["test_runs_a_modal_dialog", "test_asks_a_question", "test_asks_for_a_file"],
)
def test_a_dialog_that_would_wait_is_a_failure(report: str, case: str) -> None:
    assert "would have blocked" in summary_of(report, case)


def test_a_warning_is_a_failure(report: str) -> None:
    assert "DeprecationWarning: old" in summary_of(report, "test_warns")


def test_a_warning_of_qt_is_a_failure(report: str) -> None:
    assert summary_of(report, "test_makes_qt_warn")


def test_an_error_in_a_thread_is_a_failure(report: str) -> None:
    assert summary_of(report, "test_fails_in_a_thread")


def test_an_error_in_a_slot_is_a_failure(report: str) -> None:
    assert summary_of(report, "test_fails_in_a_slot")
