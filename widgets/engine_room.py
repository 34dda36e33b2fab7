"""Brings the engines window and the feed together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer

from app.bench_store import BenchStore
from app.build_queue import BuildQueue
from app.engine_store import EngineStore
from app.paths import benches_folder, engines_folder
from widgets.bench_desk import BenchDesk
from widgets.engine_desk import EngineDesk
from widgets.engine_jobs import EngineJobs
from widgets.engine_window import EnginePanels, EngineWindow

if TYPE_CHECKING:
    from app.settings.model import Settings
    from widgets.console import Console
    from widgets.main_window import MainWindow
    from widgets.settings_desk import SettingsDesk


class EngineRoom:
    """Made when the operator first asks for the engines; builds go on until `close`.

    Parameters
    ----------
    console : Console
        Tries engines on its feed.
    window : MainWindow
        The engines window belongs to it.
    settings : SettingsDesk
        Says how much memory builds must leave.
    """

    def __init__(
        self, console: Console, window: MainWindow, settings: SettingsDesk
    ) -> None:
        self._desk = EngineDesk(EngineStore(engines_folder()), BuildQueue())
        self._jobs = EngineJobs()
        self._benches = BenchDesk(BenchStore(benches_folder()), self._desk.edits)
        self._console = console
        self._over = window
        self._panels = EnginePanels()
        self._window: EngineWindow | None = None
        self._timer = QTimer()
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._go_on)
        self._heed(settings.settings)
        settings.changed.connect(lambda _, now: self._heed(now))
        self._desk.trial_wanted.connect(console.try_engine)
        self._desk.trial_cancelled.connect(console.cancel_trial)

    def show(self) -> None:
        """Show the window, in front of others.

        The first time it is made in some turns of the event loop: in one it would hold
        the picture behind it for 0.2 s.
        """
        if self._window is None or self._timer.isActive():
            self._timer.start()
        else:
            self._go_on()

    def _go_on(self) -> None:
        if self._window is None:
            if not self._panels.make():
                self._window = self._make_window()
            self._timer.start()
        elif self._window.assemble():
            self._timer.start()
        else:
            self._window.show()
            self._window.raise_()
            self._window.activateWindow()

    def close(self) -> None:
        """Close the window, cancel the builds and wait for them."""
        self._timer.stop()
        if self._window is not None:
            self._window.close()
        self._benches.close()
        self._jobs.close()
        self._desk.close()

    def _heed(self, settings: Settings) -> None:
        reserve_mb = settings.hardware.memory_reserve_mb
        self._desk.memory_reserve_mb = self._jobs.memory_reserve_mb = reserve_mb

    def _make_window(self) -> EngineWindow:
        window = EngineWindow(
            self._desk, self._jobs, self._benches, self._panels, self._over
        )
        self._console.trial_failed.connect(window.show_error)
        self._console.bridge.status_taken.connect(
            lambda status: window.show_status(None if status.state.is_over else status)
        )
        return window
