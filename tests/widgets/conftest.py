"""Widgets are tested without a screen, in the console's theme."""

from __future__ import annotations

import gc
import os
from typing import TYPE_CHECKING

import pytest

# Before anything makes an application.
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from widgets.theme import apply_theme

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from PySide6.QtWidgets import QApplication


@pytest.fixture(autouse=True)
def theme(qapp: QApplication) -> None:
    """Dress the application, once."""
    if not qapp.styleSheet():
        apply_theme(qapp)


@pytest.fixture(autouse=True)
def widgets_die_in_the_gui_thread() -> Iterator[None]:
    """Collect the cycles of a test's widgets and timers here.

    Otherwise the thread that happens to allocate next may do it, and a timer that is
    destroyed outside the thread of its event loop leaves that loop a dead one to fire.
    """
    gc.disable()
    yield
    gc.enable()
    gc.collect()


@pytest.fixture(autouse=True)
def no_sessions(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keep the window from finding what the operator has recorded."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
