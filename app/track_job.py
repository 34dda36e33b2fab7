"""Tracks one source from start to end, without a window, and writes the results."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.annotated_video import AnnotatedVideo, write_annotated_picture
from app.errors import OutputError
from app.feed_options import FeedOptions
from app.frames import TrackState
from app.pipeline import Pipeline, PipelineState
from app.progress import progress_bar
from app.second_look import second_look_figures, second_look_text
from app.sources.base import FrameMode
from app.sources.catalogue import open_source
from app.track_table import TrackTable
from app.track_telemetry import TrackTelemetry
from app.trails import Trails

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from types import TracebackType

    from app.frames import FrameResult, Trail
    from app.handoff import Backlog
    from app.pipeline import PipelineStatus
    from app.sources.base import SourceSpec
    from engines.base import Engine


@dataclass(frozen=True, slots=True)
class TrackOutcome:
    """What a job did."""

    status: PipelineStatus
    folder: Path
    seconds: float
    """From the first result to the last."""
    is_interrupted: bool

    def figures(self) -> dict[str, Any]:
        """The figures as one JSON object."""
        ledger = self.status.ledger
        between = max(ledger.inferred - 1, 0)
        return {
            "frames": ledger.captured,
            "inferred": ledger.inferred,
            "replaced": ledger.replaced,
            "lost": ledger.lost,
            "fps": round(between / self.seconds, 2) if self.seconds else 0.0,
            "latency_ms": {
                "p50": round(self.status.latency_p50_ms, 3),
                "p99": round(self.status.latency_p99_ms, 3),
            },
            "tracks": self.status.tracks_born,
            "second_look": second_look_figures(self.status.second_look),
        }

    def text(self) -> str:
        """The same for a person."""
        figures = self.figures()
        engine, stages = self.status.engine, self.status.stages
        latency = figures["latency_ms"]
        lines = [
            f"{figures['frames']} frames, {figures['inferred']} inferred,"
            f" {figures['replaced']} replaced, {figures['lost']} lost at the source",
            f"{figures['fps']} frames a second; latency p50 {latency['p50']:.1f} ms,"
            f" p99 {latency['p99']:.1f} ms",
            f"{figures['tracks']} tracks",
            f"median ms a frame: prepare {stages.prepare_ms:.2f}, infer"
            f" {stages.infer_ms:.2f}, segment {stages.segment_ms:.2f}, track"
            f" {stages.track_ms:.2f}",
        ]
        if self.status.second_look.pictures:
            lines.append(second_look_text(self.status.second_look))
        if engine is not None:
            lines.append(
                f"{engine.model.name} in {engine.precision.value} on {engine.library},"
                f" {engine.threads} thread(s), {engine.device}"
            )
        lines.append(f"written to {self.folder}")
        return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class TrackJob:
    """Tracks one source from start to end and writes the results.

    Raises what ended the pipeline, after everything before it has been written.
    """

    source: str
    folder: Path
    make_engine: Callable[[], Engine]
    mode: FrameMode = FrameMode.EVERY_FRAME
    frame_limit: int | None = None
    writes_video: bool = False
    seconds_limit: float | None = None
    """Stop after this time, by the wall clock."""
    takes_colour: bool = False
    """Whether the network looks at colour: a camera's is converted only then."""
    second_look: int = 0
    """Further inferences of each frame at most, at full resolution."""

    def run(self, *, shows_progress: bool) -> TrackOutcome:
        """Do it; Ctrl-C ends it early and keeps what was written.

        Raises
        ------
        ConsoleError, EngineError
            If the source, the engine or an output fails.
        """
        _make_folder(self.folder)
        pipeline = Pipeline(
            open_source(
                self.source,
                is_paced=self.mode is FrameMode.LIVE,
                is_colour=self.takes_colour,
            ),
            self.make_engine,
            self.mode,
            frame_limit=self.frame_limit,
        )
        pipeline.adjust(FeedOptions(second_look=self.second_look))
        results = pipeline.subscribe()
        is_interrupted = False
        times_ns: list[int] = []
        with ExitStack() as stack:
            outputs = stack.enter_context(
                _Outputs(self.folder, pipeline.status, writes_video=self.writes_video)
            )
            bar = stack.enter_context(
                progress_bar(unit="frame", disable=not shows_progress)
            )
            stack.callback(pipeline.stop)
            pipeline.start()
            try:
                for result in _drain(results, pipeline, self.seconds_limit):
                    outputs.write(result)
                    times_ns = [*times_ns[:1], result.done_ns]
                    bar.total = _length_of(pipeline.source_spec, self.frame_limit)
                    bar.update()
            except KeyboardInterrupt:
                is_interrupted = True
        status = pipeline.status()
        if status.state is PipelineState.FAULTED and status.fault is not None:
            raise status.fault
        return TrackOutcome(
            status=status,
            folder=self.folder,
            seconds=(times_ns[-1] - times_ns[0]) * 1e-9 if times_ns else 0.0,
            is_interrupted=is_interrupted,
        )


class _Outputs:
    """The files of one job; a context manager."""

    def __init__(
        self,
        folder: Path,
        read_status: Callable[[], PipelineStatus],
        *,
        writes_video: bool,
    ) -> None:
        self._folder = folder
        self._writes_video = writes_video
        self._files = ExitStack()
        self._table = self._files.enter_context(TrackTable(folder / "tracks.csv"))
        self._telemetry = self._files.enter_context(
            TrackTelemetry(folder / "telemetry.csv", read_status)
        )
        self._video: AnnotatedVideo | None = None
        self._trails = Trails()
        self._busiest: tuple[int, FrameResult, tuple[Trail, ...]] | None = None

    def write(self, result: FrameResult) -> None:
        """Add one result to every file."""
        self._table.write(result)
        self._telemetry.write(result)
        self._trails.update(result.tracks, result.frame.time_s)
        tracks = result.tracks
        confirmed = int((tracks.state == TrackState.CONFIRMED).sum())
        if self._busiest is None or confirmed > self._busiest[0]:
            self._busiest = (confirmed, result, self._trails.snapshot())
        if self._writes_video:
            self._video_for(result).write(result, self._trails.snapshot())

    def __enter__(self) -> _Outputs:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._files.close()
        if self._busiest is not None:
            _, result, trails = self._busiest
            write_annotated_picture(self._folder / "annotated.png", result, trails)

    def _video_for(self, result: FrameResult) -> AnnotatedVideo:
        if self._video is None:
            self._video = self._files.enter_context(
                AnnotatedVideo(
                    self._folder / "annotated.mp4",
                    result.frame.width_px,
                    result.frame.height_px,
                )
            )
        return self._video


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"cannot make the folder {folder}: {error.strerror}",
            hint="Name another folder with --out.",
        ) from error


def _drain(
    results: Backlog[FrameResult], pipeline: Pipeline, seconds_limit: float | None
) -> Iterator[FrameResult]:
    """Give every result; ends when the pipeline has, or the time is up."""
    deadline_s: float | None = None
    while not results.is_drained:
        result = results.take(timeout_s=0.1)
        if result is None:
            continue
        now_s = time.monotonic()
        if deadline_s is None and seconds_limit is not None:
            deadline_s = now_s + seconds_limit
        if deadline_s is not None and now_s > deadline_s:
            pipeline.request_stop()
        yield result


def _length_of(source: SourceSpec | None, frame_limit: int | None) -> int | None:
    """Frames to come, where that is known."""
    lengths = [frame_limit, source.frame_count if source else None]
    return min((length for length in lengths if length is not None), default=None)
