"""A recorded session under review: reads, decodes and corrects it beside the window."""

from __future__ import annotations

import enum
import logging
import threading
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from app.errors import ConsoleError, SessionError
from app.frames import Blobs, Frame, FrameResult
from app.handoff import Backlog, LatestSlot
from app.recording.corrections import Corrections
from app.recording.exports.pictures import result_at
from app.recording.ground import load_ground, save_ground
from app.recording.session import Session
from app.recording.zones import ZonePlan, load_zones, save_zones
from app.review.analysis import Layers, analyse
from app.review.contents import read_contents
from app.review.trails import ReviewTrails
from app.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from app.recording.corrections import Edit
    from app.recording.ground import Ground
    from app.recording.session import TrackRows
    from app.review.analysis import Analysis
    from app.review.contents import SessionContents

log = logging.getLogger(__name__)

T = TypeVar("T")

_WAIT_S = 0.05
_JOIN_S = 5.0
_MOST_ASKED = 64
_NO_MASK = np.zeros((4, 4), np.bool_)


class ReviewPhase(enum.Enum):
    """LOADING ──▶ READY, or ──▶ FAILED."""

    LOADING = "loading"
    READY = "ready"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class ReviewStatus:
    """One snapshot of a review."""

    phase: ReviewPhase = ReviewPhase.LOADING
    loaded_ratio: float = 0.0
    analysis: Analysis | None = None
    """Another object after each change of the layers."""
    picture_problem: str = ""
    """Why the frame that was asked for last has no picture."""
    problems: tuple[ConsoleError, ...] = ()
    """What else could not be done, in order; grows."""
    fault: Exception | None = None
    """Why it failed."""


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What the window asked for last."""

    number: int = 0


class _Cancelled(Exception):  # noqa: N818  no error
    """The window was closed while the session was read."""


class Review:
    """Opens a session in a thread of its own; the window asks, and polls.

    The thread owns the files: it reads the session once, decodes the frame that is
    wanted and those that stepping back will want, and applies corrections, each of
    which it stores at once.

    Parameters
    ----------
    folder : Path
        Of the session.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.results: LatestSlot[FrameResult] = LatestSlot()
        """The frame that was asked for, for a display; `Frame.index` is its place in
        the recording."""
        self.trails = ReviewTrails()
        self._wanted: LatestSlot[_Wanted] = LatestSlot()
        self._last_wanted = _Wanted()
        self._asked: Backlog[Callable[[], None]] = Backlog(_MOST_ASKED)
        self._status_lock = threading.Lock()
        self._status = ReviewStatus()
        self._worker = Worker("review", self._run, self._on_end)
        # The thread's own.
        self._corrections: Corrections | None = None
        self._plan = ZonePlan()
        self._ground: Ground | None = None

    # --- the thread that owns the review

    def start(self) -> None:
        """Begin to read."""
        self._worker.start()

    def request_stop(self) -> None:
        """Ask the thread to stop; does not wait."""
        self._worker.request_stop()
        self._wanted.close()

    def stop(self) -> None:
        """Stop, and wait for the files to be closed.

        Raises
        ------
        WorkerStuckError
            If a disk does not answer.
        """
        self.request_stop()
        self._worker.join(_JOIN_S)

    def status(self) -> ReviewStatus:
        """One snapshot."""
        with self._status_lock:
            return self._status

    def show(self, number: int) -> None:
        """Want this frame as the next picture."""
        self._last_wanted = _Wanted(number)
        self._wanted.put(self._last_wanted)

    def correct(self, edit: Edit) -> None:
        """Make a correction."""
        self._ask(partial(self._correct, edit))

    def undo(self) -> None:
        """Take the last correction back."""
        self._ask(self._undo)

    def redo(self) -> None:
        """Make the correction again that was taken back."""
        self._ask(self._redo)

    def set_plan(self, plan: ZonePlan) -> None:
        """Have these zones and lines."""
        self._ask(partial(self._set_plan, plan))

    def set_ground(self, ground: Ground | None) -> None:
        """Measure with this; None measures in pixels."""
        self._ask(partial(self._set_ground, ground))

    def _ask(self, act: Callable[[], None]) -> None:
        self._asked.offer(act)
        self._wanted.put(self._last_wanted)

    # --- the review's thread

    def _run(self, stop: threading.Event) -> None:
        try:
            session = Session(self.folder)
        except OSError as error:
            raise SessionError(f"{self.folder} cannot be read: {error}") from error
        try:
            contents = self._load(session, stop)
            self._serve(session, contents, stop)
        except _Cancelled:
            pass
        finally:
            session.close()

    def _load(self, session: Session, stop: threading.Event) -> SessionContents:
        rows = max(1, session.track_rows())

        def on_rows(read: int) -> None:
            if stop.is_set():
                raise _Cancelled
            self._change(loaded_ratio=min(1.0, read / rows))

        contents = read_contents(session, on_rows)
        self._corrections = self._try(lambda: Corrections(self.folder), None)
        self._plan = self._try(lambda: load_zones(self.folder), ZonePlan())
        self._ground = self._try(lambda: load_ground(self.folder), None)
        self._analyse(contents)
        self._change(phase=ReviewPhase.READY, loaded_ratio=1.0)
        return contents

    def _serve(
        self, session: Session, contents: SessionContents, stop: threading.Event
    ) -> None:
        number = before = 0
        is_waiting = True
        while not stop.is_set():
            # Frames that stepping back will want are decoded while nobody asks.
            wanted = self._wanted.take(_WAIT_S if is_waiting else 0)
            is_changed = self._do_asked(contents)
            if wanted is None and not is_changed:
                is_waiting = not self._prepare(session, number, before)
                continue
            if wanted is not None and wanted.number != number:
                number, before = wanted.number, number
            if len(contents.frames):
                self._show(session, number)
            is_waiting = False

    def _do_asked(self, contents: SessionContents) -> bool:
        is_changed = False
        while (act := self._asked.take(0)) is not None:
            self._try(act, None)
            is_changed = True
        if is_changed:
            self._analyse(contents)
        return is_changed

    def _prepare(self, session: Session, number: int, before: int) -> bool:
        """Decode what stepping back will want; whether there was anything to do."""
        if number >= before:
            return False
        try:
            return session.video.prepare(number)
        except SessionError:
            # It is told when it is asked for.
            return False

    def _show(self, session: Session, number: int) -> None:
        analysis = self._status.analysis
        assert analysis is not None
        number = min(number, len(session.frames) - 1)
        problem = ""
        try:
            result = result_at(session, analysis.rows, number)
        except SessionError as error:
            problem = error.message
            result = _without_picture(session, analysis, number)
        if not analysis.is_inferred(number):
            result = replace(result, tracks=analysis.tracks_at(number))
        self._change(picture_problem=problem)
        self.results.put(replace(result, frame=replace(result.frame, index=number)))

    def _analyse(self, contents: SessionContents) -> None:
        corrections = self._corrections
        rows: TrackRows = contents.tracks
        edits: tuple[Edit, ...] = ()
        undone: tuple[Edit, ...] = ()
        if corrections is not None:
            edits, undone = corrections.edits, corrections.undone
            rows = corrections.applied(rows) if edits else rows
        layers = Layers(edits, undone, self._plan, self._ground)
        analysis = analyse(contents, layers, rows, self._status.analysis)
        self.trails.show(analysis)
        self._change(analysis=analysis)

    # --- what was asked for

    def _known_corrections(self) -> Corrections:
        if self._corrections is None:
            raise SessionError(
                "the stored corrections cannot be read, so none can be added",
                hint="Move corrections.json out of the session's folder.",
            )
        return self._corrections

    def _correct(self, edit: Edit) -> None:
        self._known_corrections().add(edit)

    def _undo(self) -> None:
        self._known_corrections().undo()

    def _redo(self) -> None:
        self._known_corrections().redo()

    def _set_plan(self, plan: ZonePlan) -> None:
        self._plan = plan
        save_zones(self.folder, plan)

    def _set_ground(self, ground: Ground | None) -> None:
        self._ground = ground
        save_ground(self.folder, ground)

    # --- how it stands

    def _try(self, act: Callable[[], T], otherwise: T) -> T:
        """Do something that may fail without ending the review."""
        try:
            return act()
        except ConsoleError as error:
            log.warning("%s: %s %s", self.folder.name, error, error.hint)
            self._change(problems=(*self._status.problems, error))
            return otherwise

    def _change(self, **changes: object) -> None:
        with self._status_lock:
            self._status = replace(self._status, **changes)  # type: ignore[arg-type]

    def _on_end(self, error: Exception | None) -> None:
        if error is not None:
            self._change(phase=ReviewPhase.FAILED, fault=error)
        self.results.close()


def _without_picture(session: Session, analysis: Analysis, number: int) -> FrameResult:
    """A frame whose picture cannot be had: its tracks can still be seen."""
    manifest, frames = session.manifest, session.frames
    dark = np.zeros((max(1, manifest.height_px), max(1, manifest.width_px)), np.uint8)
    dark.setflags(write=False)
    tracks = analysis.tracks_at(number)
    return FrameResult(
        frame=Frame(
            number,
            int(frames.timestamp_ns[number]),
            int(frames.captured_ns[number]),
            dark,
        ),
        blobs=Blobs.empty(),
        tracks=replace(tracks, blob=np.full(len(tracks), -1, np.int32)),
        mask=_NO_MASK,
        mask_area_px=(0.0, 0.0, float(manifest.width_px), float(manifest.height_px)),
        done_ns=int(frames.captured_ns[number]),
    )
