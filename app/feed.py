"""The `Feed` protocol: a pipeline as the window sees it, wherever it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from app.engine_trial import TrialLimits
    from app.feed_options import FeedOptions
    from app.frames import FrameResult, Trail
    from app.handoff import LatestSlot
    from app.pipeline import PipelineStatus
    from app.recording.settings import RecordingSettings
    from app.segmentation import Thresholds
    from engines.base import Engine


class TrailSource(Protocol):
    """Where the display takes trails from."""

    def snapshot(self, until_s: float | None = None) -> tuple[Trail, ...]:
        """The trails as they were at a time, in the order of their tracks' birth."""
        ...


class Feed(Protocol):
    """A source, an engine and a tracker at work: `Pipeline` says what each call does.

    Made by one thread, which alone calls it; `results` and `trails` are for the
    display.
    """

    @property
    def results(self) -> LatestSlot[FrameResult]:
        """The newest result; for one reader, the display."""
        ...

    @property
    def trails(self) -> TrailSource:
        """As they were after the newest result."""
        ...

    def start(self) -> None:
        """Begin; errors show in `status`."""
        ...

    def pause(self) -> None:
        """Hold it: a file waits, a live source's frames are skipped."""
        ...

    def resume(self) -> None:
        """Go on after `pause`."""
        ...

    def step(self) -> None:
        """Let one more frame through while paused."""
        ...

    def set_thresholds(self, thresholds: Thresholds | None) -> None:
        """Use other thresholds from the next frame on; None takes the model's."""
        ...

    def adjust(self, options: FeedOptions) -> None:
        """Track and trail by other options from the next frame on."""
        ...

    def try_engine(
        self, make_engine: Callable[[], Engine], limits: TrialLimits
    ) -> None:
        """Try another engine on the live frames; it takes over if it is as good."""
        ...

    def cancel_trial(self) -> None:
        """Reject the engine that is tried; the one before infers on."""
        ...

    def configure_recording(self, settings: RecordingSettings) -> None:
        """Record like this from now on; holds the last seconds where it is told to."""
        ...

    def start_recording(self) -> None:
        """Record every captured frame from now on; configure it first."""
        ...

    def stop_recording(self) -> None:
        """End the recording with the frames captured until now; does not wait."""
        ...

    def mark(self) -> None:
        """Note this moment in the session that is recorded."""
        ...

    def tell_machine(self, figures: Mapping[str, float]) -> None:
        """Take what the machine says, by names with units, for the session."""
        ...

    def request_stop(self) -> None:
        """Ask it to stop; does not wait."""
        ...

    def stop(self) -> None:
        """Stop and wait.

        Raises
        ------
        WorkerStuckError
            If it does not stop.
        """
        ...

    def abandon(self) -> None:
        """Let go of one that does not stop, by force where that can be done."""
        ...

    def status(self) -> PipelineStatus:
        """One consistent snapshot."""
        ...
