"""Brings the engines window and the feed together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.bench_store import BenchStore
from app.build_queue import BuildQueue
from app.engine_store import EngineStore
from app.paths import benches_folder, engines_folder
from widgets.bench_desk import BenchDesk
from widgets.engine_desk import EngineDesk
from widgets.engine_jobs import EngineJobs
from widgets.engine_window import EngineWindow

if TYPE_CHECKING:
    from app.pipeline import PipelineStatus
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
        self.window = EngineWindow(self._desk, self._jobs, self._benches, window)
        self._heed(settings.settings)
        settings.changed.connect(lambda _, now: self._heed(now))
        self._desk.trial_wanted.connect(console.try_engine)
        self._desk.trial_cancelled.connect(console.cancel_trial)
        console.trial_failed.connect(self.window.show_error)
        console.bridge.status_taken.connect(self._on_status_taken)

    def show(self) -> None:
        """Show the window, in front of others."""
        self.window.show()
        self.window.raise_()
        self.window.activateWindow()

    def close(self) -> None:
        """Close the window, cancel the builds and wait for them."""
        self.window.close()
        self._benches.close()
        self._jobs.close()
        self._desk.close()

    def _heed(self, settings: Settings) -> None:
        reserve_mb = settings.hardware.memory_reserve_mb
        self._desk.memory_reserve_mb = self._jobs.memory_reserve_mb = reserve_mb

    def _on_status_taken(self, status: PipelineStatus) -> None:
        self.window.show_status(None if status.state.is_over else status)
