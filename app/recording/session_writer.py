"""Writes one session: its video, its database and its manifest."""

from __future__ import annotations

import errno
import logging
import shutil
import threading
import time
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from app.handoff import Backlog
from app.recording.database import SessionDatabase
from app.recording.encoder import EncodedFrame
from app.recording.lock import SessionLock
from app.recording.manifest import SessionManifest, SessionState
from app.recording.priority import ThreadPreference
from app.recording.rows import EventRow, GapRow, ResultRow, TelemetryRow
from app.recording.session_folder import ballast, claim_folder, output_error
from app.recording.stored import stored_frames
from app.recording.video_segment import VideoSegment
from app.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from app.recording.encoder import Encoder

log = logging.getLogger(__name__)

_WAIT_S = 0.05
_COMMIT_S = 0.1
_SYNC_S = 0.5
_CHECKPOINT_S = 5.0
# The network is behind the camera by some frames when the last one is written.
_RESULTS_S = 0.6
_ITEMS = 50_000
_QUEUE_BYTES = 64_000_000
# Of what is written, not all is on the disk: the kernel would hold gigabytes for a slow
# one, to be lost with the power or waited for at the end. As much as the disk takes in
# this time may be under way.
_BEHIND_S = 3.0
_BEHIND_BYTES = (2_000_000, 64_000_000)
_BEHIND_AT_FIRST_BYTES = 32_000_000
# Shorter ones tell nothing of the disk's speed.
_SYNC_TO_TELL_S = 0.05
# A file is begun anew now and then: one that is damaged later takes less with it.
_SEGMENT_S = 1800.0
T = TypeVar("T")

_Item: TypeAlias = EncodedFrame | ResultRow | GapRow | EventRow | TelemetryRow


@dataclass(frozen=True, slots=True)
class WriterCounts:
    """How far a writer is."""

    frames: int = 0
    """That can be read, whatever becomes of this process."""
    results: int = 0
    samples: int = 0
    """Rows of results and of measurements that can be read then."""
    lost: int = 0
    """Frames that it was given and could not write."""
    bytes_written: int = 0
    first_ns: int = 0
    last_ns: int = 0
    """Timestamps of the first and the last frame given to the file."""


class SessionWriter:
    """Writes what it is given into a session folder, in three threads.

    The recorder thread writes packets the moment they come and commits rows ten times a
    second. The sync thread has both on the disk twice a second, and watches how much
    of the disk is free; the checkpoint thread keeps the database's log short. None of
    them makes who gives it something wait, nor the other two.

    Parameters
    ----------
    folder : Path
        Of the session; made here, and must not hold anything.
    manifest : SessionManifest
        As far as it is known at the start.
    reserve_bytes : int
        Writing ends while this much of the disk is free.
    sample : callable
        Gives measurements for the telemetry, twice a second.
    open_segment : callable
        Makes the video files.
    is_live : bool
        Whether frames come at their own time.
    """

    def __init__(
        self,
        folder: Path,
        manifest: SessionManifest,
        reserve_bytes: int,
        sample: Callable[[], dict[str, float]],
        open_segment: Callable[[Path, Encoder], VideoSegment] = VideoSegment,
        *,
        is_live: bool = True,
    ) -> None:
        self.folder = folder
        self._is_live = is_live
        self._manifest = manifest
        self._reserve_bytes = reserve_bytes
        self._sample = sample
        self._open_segment = open_segment
        self._items: Backlog[_Item] = Backlog(_ITEMS)
        self._queue_lock = threading.Lock()
        self._queued_bytes = 0
        self._counts = WriterCounts()
        self._segments: list[VideoSegment] = []
        self._frames_before = 0
        self._segment_start_ns = 0
        self._first_captured_ns = 0
        self._last_given_ns = 0
        self._database: SessionDatabase | None = None
        self._ended = ""
        self._fault: Exception | None = None
        self._losses: dict[str, int] = {}
        self._engine: dict[str, object] = {}
        self._early: list[ResultRow] = []
        self._gap: GapRow | None = None
        self._finish_ns: int | None = None
        self._finish_due_s = 0.0
        self._is_done = threading.Event()
        self._free_bytes = 0
        self._synced_bytes = 0
        self._most_behind_bytes = float(_BEHIND_AT_FIRST_BYTES)
        self._sync_error: OSError | None = None
        # The recorder is never left behind by a process that ends in order.
        self._writer = Worker("recorder", self._run, self._on_end, is_daemon=False)
        self._syncer = Worker("sync", self._run_sync, self._on_sync_end)
        self._checkpointer = Worker(
            "checkpoint", self._run_checkpoints, self._on_sync_end
        )

    # --- the thread that encodes

    def start(self) -> None:
        """Make the folder and start the threads.

        Raises
        ------
        OutputError
            If the folder cannot be made, or holds something.
        """
        claim_folder(self.folder)
        self._free_bytes = shutil.disk_usage(self.folder).free
        for worker in (self._writer, self._syncer, self._checkpointer):
            worker.start()

    @property
    def has_room(self) -> bool:
        """Whether a frame would be taken: the disk has not fallen behind."""
        if self.has_ended:
            return False
        behind_bytes = self._counts.bytes_written - self._synced_bytes
        with self._queue_lock:
            queued_bytes = self._queued_bytes
        return queued_bytes < _QUEUE_BYTES and behind_bytes < self._most_behind_bytes

    def put_frame(self, frame: EncodedFrame) -> bool:
        """Give a frame; False where writing has ended."""
        with self._queue_lock:
            self._queued_bytes += frame.size_bytes
        self._last_given_ns = frame.captured_ns
        if self._items.offer(frame):
            return True
        with self._queue_lock:
            self._queued_bytes -= frame.size_bytes
        return False

    def request_finish(self, ended: str, *, waits_for_results: bool = True) -> None:
        """Write what was given, and the results of those frames, then end.

        Parameters
        ----------
        ended : str
            Why, for the manifest.
        waits_for_results : bool
            Whether results may still come.
        """
        self._ended = self._ended or ended
        wait_s = _RESULTS_S if waits_for_results else 0.0
        self._finish_due_s = time.monotonic() + wait_s
        self._finish_ns = time.monotonic_ns()

    # --- any thread

    def put_row(self, row: ResultRow | GapRow | EventRow | TelemetryRow) -> bool:
        """Give anything but a frame; False where writing has ended."""
        return self._items.offer(row)

    def note_losses(self, losses: dict[str, int]) -> None:
        """Tell how many frames are missing, by cause, for the manifest."""
        self._losses = losses

    def note_engine(self, engine: dict[str, object]) -> None:
        """Tell what infers, for the manifest."""
        self._engine = engine

    def counts(self) -> WriterCounts:
        """How far it is."""
        return self._counts

    @property
    def free_bytes(self) -> int:
        """Of the disk, half a second ago."""
        return self._free_bytes

    @property
    def has_ended(self) -> bool:
        """Whether it takes no more frames, because of the disk; finish it then."""
        return bool(self._ended) or self._is_done.is_set()

    @property
    def is_done(self) -> bool:
        """Whether everything is written and closed."""
        return self._is_done.is_set()

    @property
    def ended(self) -> str:
        """Why it ended; empty where it has not, or the operator ended it."""
        return self._ended

    @property
    def fault(self) -> Exception | None:
        """What ended it against everybody's will."""
        return self._fault

    def join(self, deadline_s: float) -> None:
        """Wait for the threads.

        Raises
        ------
        WorkerStuckError
            If they have not ended by then.
        """
        self._writer.join(deadline_s)
        self._syncer.join(1.0)
        self._checkpointer.join(1.0)

    # --- recorder thread

    def _run(self, stop: threading.Event) -> None:
        lock = SessionLock(self.folder)
        try:
            # First of all: without it nobody would know what the folder is.
            self._save(self._manifest)
            with ballast(self.folder, self._reserve_bytes) as give_back:
                self._database = SessionDatabase(self.folder)
                try:
                    self._write(stop)
                finally:
                    self._items.close()
                    while (item := self._items.take(0)) is not None:
                        self._put(item)
                    # A full disk now has room for indices, rows and manifest.
                    give_back()
                    self._close()
        finally:
            lock.release()

    def _write(self, stop: threading.Event) -> None:
        """Write what comes until it is finished.

        Where the disk fails, frames are counted as lost from then on: until whoever
        gives them has seen it, and finishes.
        """
        due_s = time.monotonic() + _COMMIT_S
        preference = ThreadPreference(is_live=self._is_live)
        while not stop.is_set() and not self._is_finished():
            item = self._items.take(_WAIT_S)
            if item is not None:
                self._put(item)
            now_s = time.monotonic()
            if now_s >= due_s:
                due_s = now_s + _COMMIT_S
                self._commit()
                preference.look()
            if self._sync_error is not None:
                self._fail(self._sync_error)
            elif self._free_bytes < self._reserve_bytes and not self._ended:
                gigabytes = self._reserve_bytes / 1e9
                self._ended = f"only {gigabytes:g} GB of the disk are free"

    def _is_finished(self) -> bool:
        if self._finish_ns is None or len(self._items):
            return False
        return time.monotonic() >= self._finish_due_s

    def _commit(self) -> None:
        assert self._database is not None
        if self._fault is not None:
            # What could not be committed is, when the ballast has made room for it.
            return
        try:
            self._database.commit()
        except OSError as error:
            self._fail(error)
        self._counts = replace(
            self._counts, results=self._database.results, samples=self._database.samples
        )

    def _fail(self, error: OSError) -> None:
        """Write no more; only the first error tells why."""
        if self._fault is None:
            self._fault = output_error(self.folder, error)
            self._ended = str(self._fault)

    def _put(self, item: _Item) -> None:
        assert self._database is not None
        if isinstance(item, EncodedFrame):
            self._put_frame(item)
        elif isinstance(item, ResultRow) and not self._first_captured_ns:
            self._early.append(item)
        elif isinstance(item, ResultRow):
            is_before_end = item.captured_ns <= self._last_given_ns
            is_ours = item.captured_ns >= self._first_captured_ns
            if is_ours and (self._finish_ns is None or is_before_end):
                self._database.add_result(item)
        elif isinstance(item, GapRow):
            self._put_gap(item)
        elif isinstance(item, EventRow):
            self._database.add_event(item)
        else:
            self._database.add_telemetry(item)

    def _put_gap(self, gap: GapRow) -> None:
        """Join frames that are missing one after another for the same reason."""
        last = self._gap
        if (
            last is not None
            and last.cause == gap.cause
            and last.first_index + last.count == gap.first_index
        ):
            self._gap = replace(last, count=last.count + gap.count)
            return
        self._end_gap()
        self._gap = gap

    def _end_gap(self) -> None:
        if self._gap is not None and self._database is not None:
            self._database.add_gap(self._gap)
        self._gap = None

    def _put_frame(self, frame: EncodedFrame) -> None:
        assert self._database is not None
        with self._queue_lock:
            self._queued_bytes -= frame.size_bytes
        if self._fault is not None:
            self._lose(frame.index, frame.captured_ns)
            return
        self._end_gap()
        try:
            segment = self._segment_for(frame)
            pts_us = segment.write(frame)
        except OSError as error:
            self._fail(error)
            self._lose(frame.index, frame.captured_ns)
            return
        times = (pts_us, frame.timestamp_ns, frame.captured_ns)
        number = len(self._segments) - 1
        self._database.add_frame(
            frame.index, number, *times, frame.size_bytes, is_key=frame.is_key
        )
        self._count(frame)

    def _count(self, frame: EncodedFrame) -> None:
        """Count a frame that the file has taken: the one before it can be read now."""
        counts = self._counts
        is_first = not self._first_captured_ns
        self._counts = replace(
            counts,
            frames=self._frames_before + self._segments[-1].readable,
            bytes_written=counts.bytes_written + frame.size_bytes,
            first_ns=frame.timestamp_ns if is_first else counts.first_ns,
            last_ns=frame.timestamp_ns,
        )
        if not is_first:
            return
        self._first_captured_ns = frame.captured_ns
        self._try(lambda: self._save(self._with_start(frame)))
        # Whether they belong to the session is known only now.
        for row in self._early:
            self._put(row)
        self._early.clear()

    def _lose(self, index: int, time_ns: int) -> None:
        """Count a frame that the disk did not take."""
        self._counts = replace(self._counts, lost=self._counts.lost + 1)
        self._put_gap(GapRow(index, 1, "disk", time_ns))

    def _segment_for(self, frame: EncodedFrame) -> VideoSegment:
        last = self._segments[-1] if self._segments else None
        is_long = frame.timestamp_ns - self._segment_start_ns > _SEGMENT_S * 1e9
        if (
            last is not None
            and last.encoder is frame.encoder
            and not (is_long and frame.is_key)
        ):
            return last
        if last is not None:
            last.close()
            self._frames_before += last.readable
        path = self.folder / f"video_{len(self._segments):03}.mp4"
        segment = self._open_segment(path, frame.encoder)
        self._segments.append(segment)
        self._segment_start_ns = frame.timestamp_ns
        self._save(
            self._manifest.changed(
                segments=tuple(each.path.name for each in self._segments),
                codec=frame.encoder.codec.label,
            )
        )
        return segment

    def _with_start(self, frame: EncodedFrame) -> SessionManifest:
        ago_s = (time.monotonic_ns() - frame.captured_ns) * 1e-9
        started = datetime.now(timezone.utc) - timedelta(seconds=ago_s)
        return self._manifest.changed(
            started_utc=started.isoformat(timespec="microseconds"),
            started_ns=frame.captured_ns,
            engine=self._engine,
        )

    def _save(self, manifest: SessionManifest) -> None:
        self._manifest = manifest
        manifest.save(self.folder)

    def _close(self) -> None:
        """Close the files; each is closed whatever becomes of the others."""
        database = self._database
        assert database is not None
        for segment in self._segments[-1:]:
            self._try(segment.close)
            readable = self._frames_before + segment.readable
            self._counts = replace(self._counts, frames=readable)
        self._end_gap()
        self._try(database.commit)
        if self._fault is not None:
            self._try(self._make_agree)
        tracks = self._try(database.count_tracks) or 0
        self._try(database.close)
        counts = replace(
            self._counts, results=database.results, samples=database.samples
        )
        self._counts = counts
        losses = dict(self._losses)
        losses["disk"] = losses.get("disk", 0) + counts.lost
        manifest = self._manifest.changed(
            state=SessionState.COMPLETE,
            frames=counts.frames,
            tracks=tracks,
            engine=self._engine,
            seconds=round((counts.last_ns - counts.first_ns) * 1e-9, 6),
            losses=losses,
            ended=self._ended,
        )
        self._try(lambda: self._save(manifest))

    def _make_agree(self) -> None:
        """Have the database tell what is in the video, after an error of the disk."""
        assert self._database is not None
        stored = stored_frames([segment.path for segment in self._segments])
        started_ns = self._first_captured_ns
        for index, time_ns in self._database.make_agree(stored, started_ns).removed:
            self._lose(index, time_ns)
        self._end_gap()
        self._database.commit()
        self._counts = replace(self._counts, frames=len(stored))

    def _try(self, act: Callable[[], T]) -> T | None:
        try:
            return act()
        except OSError as error:
            log.warning("%s is not closed in order: %s", self.folder, error)
            self._fail(error)
            return None

    def _on_end(self, error: Exception | None) -> None:
        self._items.close()
        if error is not None and self._fault is None:
            self._fault = error
            if isinstance(error, OSError):
                self._fault = output_error(self.folder, error)
            self._ended = str(self._fault)
        if self._fault is not None:
            log.error("recording to %s ended: %s", self.folder, self._fault)
        self._is_done.set()
        self._syncer.request_stop()
        self._checkpointer.request_stop()

    # --- sync thread

    def _run_sync(self, stop: threading.Event) -> None:
        ThreadPreference(is_live=self._is_live)
        while not stop.wait(_SYNC_S):
            self._free_bytes = shutil.disk_usage(self.folder).free
            database = self._database
            try:
                self._sync_video()
                if database is not None and not self._is_done.is_set():
                    database.sync()
            except OSError as error:
                if error.errno == errno.EBADF:
                    continue
                self._sync_error = error
            row = TelemetryRow(time.monotonic_ns(), self._sample())
            self._items.offer(row)
        for segment in self._segments:
            segment.release()

    def _sync_video(self) -> None:
        written_bytes = self._counts.bytes_written
        began_s = time.monotonic()
        for segment in self._segments[-2:]:
            segment.sync()
        took_s = time.monotonic() - began_s
        new_bytes = written_bytes - self._synced_bytes
        self._synced_bytes = written_bytes
        least, most = _BEHIND_BYTES
        if took_s < _SYNC_TO_TELL_S:
            self._most_behind_bytes = most
        else:
            in_time_bytes = new_bytes / took_s * _BEHIND_S
            self._most_behind_bytes = max(least, min(most, in_time_bytes))

    def _run_checkpoints(self, stop: threading.Event) -> None:
        while not stop.wait(_CHECKPOINT_S):
            if self._database is not None:
                try:
                    self._database.checkpoint()
                except OSError as error:
                    self._sync_error = error

    def _on_sync_end(self, error: Exception | None) -> None:
        if error is not None:
            log.error("the disk is not watched any more", exc_info=error)
            self._sync_error = OSError(0, f"the disk cannot be watched: {error}")
