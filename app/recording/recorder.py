"""Records what a pipeline captures and finds, without making it wait."""

from __future__ import annotations

import logging
import re
import shutil
import threading
import time
from collections import deque
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from app.errors import ConsoleError, RecordingError
from app.frames import TrackState
from app.handoff import Backlog
from app.recording.codecs import choose_codec, open_encoder
from app.recording.feasibility import FeasibilityWatch
from app.recording.manifest import SessionManifest, SessionState
from app.recording.priority import ThreadPreference
from app.recording.ring import PreTriggerRing, ResultRing
from app.recording.rows import EventRow, GapRow, ResultRow
from app.recording.session_writer import SessionWriter, WriterCounts
from app.recording.status import FINISH_S, FrameLosses, RecordingState, RecordingStatus
from app.recording.video_segment import VideoSegment
from app.telemetry import DurationWindow
from app.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from app.frames import Frame, FrameResult
    from app.recording.encoder import EncodedFrame, Encoder
    from app.recording.settings import RecordingSettings
    from app.sources.base import SourceSpec
    from engines.base import EngineSpec

log = logging.getLogger(__name__)

_WAIT_S = 0.05
# Raw frames that wait for the encoder; more rides out longer stalls.
_RAW_BYTES = 128_000_000
_RAW_FRAMES = (8, 240)
# What waits for the encoder when it is late, and when it has caught up: parts of those.
_LATE, _IN_TIME = 0.2, 0.05
# Advice is given for as long as frames were lost this recently.
_RECENT_S = 2.0


@dataclass(frozen=True, slots=True)
class _Order:
    """What the operator, a timer or a zone asked for."""

    starts: bool
    time_ns: int
    name: str = ""
    reason: str = ""


class Recorder:
    """Takes every captured frame and every result, and writes sessions of them.

    The capture thread hands frames over and never waits: one that does not fit is
    counted. The encoder thread turns them into packets early, for packets are small:
    they wait in memory for a start, or for the disk. `SessionWriter` writes them.

        take_frame ──Backlog──▶ encoder ──▶ ring, until a start
        (capture)                  └──────▶ SessionWriter, from then on

    Parameters
    ----------
    sample : callable
        Gives measurements for the telemetry, twice a second.
    waits : bool
        Whether `take_frame` waits for room: where the source waits for the engine,
        it waits for the recorder too.
    open_segment : callable
        Makes the video files.
    """

    def __init__(
        self,
        sample: Callable[[], dict[str, float]],
        *,
        waits: bool = False,
        open_segment: Callable[[Path, Encoder], VideoSegment] = VideoSegment,
    ) -> None:
        self._sample = sample
        self._waits = waits
        self._open_segment = open_segment
        self._settings: RecordingSettings | None = None
        self._source: SourceSpec | None = None
        self._engine: EngineSpec | None = None
        self._raw_limit = _RAW_FRAMES[0]
        self._raw: Backlog[Frame] = Backlog(self._raw_limit)
        self._orders_lock = threading.Lock()
        self._orders: deque[_Order] = deque()
        self._takes_frames = self._is_wanted = False
        self._refused: deque[tuple[int, int]] = deque()
        self._worker = Worker("encoder", self._run, self._on_end, is_daemon=False)
        self._is_started = False
        self._is_over = False
        self._is_in_time = threading.Event()
        self._is_in_time.set()
        # The encoder thread's own.
        self._encoder: Encoder | None = None
        self._encoder_key: tuple[object, ...] = ()
        self._failed_encoders: frozenset[str] = frozenset()
        self._encode_times = DurationWindow(240)
        self._writer: SessionWriter | None = None
        self._writer_lock = threading.Lock()
        self._finished: list[SessionWriter] = []
        self._stop_ns: int | None = None
        self._stop_reason = ""
        self._first_ns: int | None = None
        self._last_index: int | None = None
        self._ring = PreTriggerRing(0.0)
        self._taken = 0
        self._encoder_losses = self._disk_losses = self._source_losses = 0
        self._lost_cause = ""
        self._lost_s = 0.0
        # The tracking thread's own.
        self._results = ResultRing(0.0)
        self._zone_left_ns: int | None = None
        self._is_zone_recording = False
        self._marks = 0
        self._fault_text = ""
        self._codec_label = ""
        self._feasibility = FeasibilityWatch(
            lambda: self._writer is not None or self._is_wanted
        )

    # --- whoever owns the pipeline

    def configure(self, settings: RecordingSettings) -> None:
        """Record like this from now on; a session that runs takes what it can.

        Quality and colour change with the next frame, in a new file of the session.
        """
        before = self._settings
        self._settings = settings
        if before is None or settings.pretrigger_s != before.pretrigger_s:
            self._ring = PreTriggerRing(settings.pretrigger_s)
            self._results = ResultRing(settings.pretrigger_s)
        self._takes_frames = self._is_wanted or settings.pretrigger_s > 0
        if self._source is not None and self._takes_frames:
            self._start_thread()
        self._find_out()
        if before is not None and self._writer is not None:
            self.note("settings", "recording settings", **_plain(settings))

    def start(self, name: str = "", reason: str = "") -> None:
        """Record from now on, and the seconds before that are held.

        Parameters
        ----------
        name : str
            Of the session's folder; empty makes one from the time and the source.
        reason : str
            What started it, for the events; empty means the operator.

        Raises
        ------
        RecordingError
            If nothing says where to.
        """
        if self._settings is None:
            raise RecordingError(
                "nothing says where to record", hint="Choose a folder for sessions."
            )
        with self._orders_lock:
            order = _Order(
                starts=True, time_ns=time.monotonic_ns(), name=name, reason=reason
            )
            self._orders.append(order)
        self._takes_frames = self._is_wanted = True
        if self._source is not None:
            self._start_thread()

    def stop(self, reason: str = "") -> None:
        """Record what was captured until now, and no more; does not wait."""
        with self._orders_lock:
            order = _Order(starts=False, time_ns=time.monotonic_ns(), reason=reason)
            self._orders.append(order)

    def mark(self, text: str = "") -> None:
        """Note this moment in the session."""
        if self._writer is not None:
            self._marks += 1
            self.note("mark", text or f"mark {self._marks}")

    def note(self, kind: str, text: str = "", /, **values: object) -> None:
        """Note an event in the session, if one is recorded."""
        writer = self._writer
        if writer is not None:
            writer.put_row(EventRow(time.monotonic_ns(), kind, text, dict(values)))

    def set_engine(self, engine: EngineSpec | None) -> None:
        """Tell what infers; another than before is an event of the session."""
        if engine is self._engine:
            return
        before, self._engine = self._engine, engine
        if before is not None:
            self.note("engine", "another engine infers", **_engine_facts(engine))

    def status(self) -> RecordingStatus:
        """One snapshot; any thread may ask."""
        with self._writer_lock:
            writer = self._writer
            shown = writer or (self._finished[-1] if self._finished else None)
        settings = self._settings
        is_finishing = shown is not None and writer is None and not shown.is_done
        watches_zone = settings is not None and settings.zone is not None
        is_armed = (settings is not None and settings.pretrigger_s > 0) or watches_zone
        state = RecordingState.ARMED if is_armed else RecordingState.OFF
        if is_finishing:
            state = RecordingState.FINISHING
        elif writer is not None or self._orders:
            state = RecordingState.RECORDING
        # Refused or waiting, and not yet entered into the session by the encoder.
        refused = len(self._refused) if writer is not None else 0
        unencoded = len(self._raw) if writer is not None else 0
        counts = shown.counts() if shown is not None else WriterCounts()
        losses = FrameLosses(
            self._source_losses,
            self._encoder_losses + refused,
            self._disk_losses + counts.lost,
        )
        taken = self._taken + refused + unencoded
        status = RecordingStatus(
            state=state,
            losses=losses,
            codec=self._codec_label,
            encode_ms=self._encode_times.percentiles_ms(50)[0],
            ring_s=self._ring.seconds if writer is None else 0.0,
            ring_bytes=self._ring.size_bytes,
            taken=taken,
            marks=self._marks,
            can_hold=self._feasibility.text,
            advice=self._advice(),
            can_lower=self._lower_settings() is not None,
            watches_zone=watches_zone,
            ended=self._fault_text,
        )
        if shown is None:
            return status
        return replace(
            status,
            folder=shown.folder,
            seconds=(counts.last_ns - counts.first_ns) * 1e-9,
            written=counts.frames,
            waiting=max(0, taken - losses.not_recorded - counts.frames),
            results=counts.results,
            samples=counts.samples,
            bytes_written=counts.bytes_written,
            free_bytes=shown.free_bytes,
            ended=self._fault_text or ("" if writer is not None else shown.ended),
        )

    def wait_until_in_time(self, timeout_s: float) -> bool:
        """Wait while the encoder is late; whether it is in time then.

        For those who may leave out frames, as the recorder may not.
        """
        return self._is_in_time.wait(timeout_s)

    def finish(self, deadline_s: float = FINISH_S) -> None:
        """Write what was taken and end; waits. The last results must be in.

        Raises
        ------
        WorkerStuckError
            If the disk does not take it in time.
        """
        self._is_over = True
        self._feasibility.request_stop()
        self._raw.close()
        if self._is_started:
            self._worker.join(deadline_s)
        for writer in self._finished:
            writer.join(deadline_s)

    def _find_out(self) -> None:
        """Measure what the machine can hold; a source that waits needs no answer."""
        source, settings = self._source, self._settings
        if source is not None and settings is not None and not self._waits:
            self._feasibility.ask(source, settings)

    # --- capture thread

    def open(self, source: SourceSpec) -> None:
        """Get ready for the frames of a source, once."""
        if self._source is not None:
            return
        depth = 3 if source.is_colour else 1
        frame_bytes = max(1, source.width_px * source.height_px * depth)
        least, most = _RAW_FRAMES
        self._raw_limit = max(least, min(most, _RAW_BYTES // frame_bytes))
        self._raw = Backlog(self._raw_limit)
        self._source = source
        if self._takes_frames:
            self._start_thread()
        self._find_out()

    def take_frame(self, frame: Frame) -> None:
        """Take a captured frame, or count it."""
        if not self._takes_frames:
            return
        if self._waits:
            while not self._raw.wait_for_room(0.1) and not self._is_over:
                pass
        if not self._raw.offer(frame):
            self._refused.append((frame.index, frame.captured_ns))
            self._lost_cause, self._lost_s = "encoder", time.monotonic()
        if not self._waits and len(self._raw) > _LATE * self._raw_limit:
            self._is_in_time.clear()

    # --- tracking thread

    def take_result(self, result: FrameResult) -> None:
        """Take what was found in a frame."""
        settings = self._settings
        if settings is None:
            return
        if settings.zone is not None:
            self._watch_zone(result, settings)
        with self._writer_lock:
            writer = self._writer
            if writer is None and self._finished and not self._finished[-1].is_done:
                # It still waits for the results of its last frames.
                writer = self._finished[-1]
            # Held for a start: one that has come and is not obeyed yet counts.
            is_held = self._writer is None and self._takes_frames
            if writer is None and not is_held:
                return
            row = ResultRow.of(result, keeps_mask=settings.keeps_masks)
            if writer is not None:
                writer.put_row(row)
            if is_held:
                self._results.add(row)

    def _watch_zone(self, result: FrameResult, settings: RecordingSettings) -> None:
        """Start with a track in the zone, stop some time after the last has left."""
        assert settings.zone is not None
        tracks, now_ns = result.tracks, result.frame.captured_ns
        is_sure = tracks.state == TrackState.CONFIRMED
        if settings.zone.holds(tracks.x_px[is_sure], tracks.y_px[is_sure]):
            self._zone_left_ns = now_ns
            if not self._is_zone_recording and self._writer is None:
                self._is_zone_recording = True
                self.start(reason="a track is in the zone")
        elif (
            self._is_zone_recording
            and self._zone_left_ns is not None
            and now_ns - self._zone_left_ns > settings.zone.after_s * 1e9
        ):
            self._is_zone_recording = False
            self.stop("the zone is empty")

    # --- encoder thread

    def _start_thread(self) -> None:
        if not self._is_started:
            self._is_started = True
            self._worker.start()

    def _run(self, stop: threading.Event) -> None:
        preference = ThreadPreference(is_live=not self._waits)
        while not stop.is_set() and not self._raw.is_drained:
            self._obey()
            frame = self._raw.take(_WAIT_S)
            if frame is not None:
                self._take(frame)
            self._look_at_end(frame)
            preference.look()
            if len(self._raw) <= _IN_TIME * self._raw_limit:
                self._is_in_time.set()
        self._obey()
        if self._writer is not None:
            self._end_session("the source has ended", waits_for_results=False)

    def _on_end(self, error: Exception | None) -> None:
        self._takes_frames = False
        self._is_in_time.set()
        if error is None:
            return
        self._fault_text = str(error)
        log.error("nothing is recorded any more", exc_info=error)
        if self._writer is not None:
            self._end_session(str(error), waits_for_results=False)

    def _obey(self) -> None:
        with self._orders_lock:
            order = self._orders.popleft() if self._orders else None
        if order is None:
            return
        if order.starts and self._writer is None:
            try:
                self._start_session(order)
            except ConsoleError as error:
                log.error("no session: %s %s", error, error.hint)  # noqa: TRY400
                self._fault_text = f"{error.message}. {error.hint}"
                self._idle()
        elif not order.starts and self._writer is not None:
            self._stop_ns, self._stop_reason = order.time_ns, order.reason

    def _start_session(self, order: _Order) -> None:
        source, settings = self._source, self._settings
        assert source is not None
        assert settings is not None
        self._fault_text = ""
        _require_room(settings)
        folder = settings.folder / (order.name or _folder_name(source, settings.folder))
        is_colour = source.is_colour and not settings.is_grey
        manifest = SessionManifest(
            state=SessionState.RECORDING,
            name=folder.name,
            started_utc="",
            started_ns=0,
            source=asdict(source),
            width_px=source.width_px,
            height_px=source.height_px,
            is_colour=is_colour,
            frame_rate_hz=source.frame_rate_hz,
            settings=_plain(settings),
        )
        writer = SessionWriter(
            folder,
            manifest,
            settings.reserve_bytes,
            self._sample,
            self._open_segment,
            is_live=not self._waits,
        )
        writer.start()
        self._taken = self._encoder_losses = self._disk_losses = 0
        self._source_losses = self._marks = 0
        # Frames may have been refused since the operator asked for it.
        self._lost_cause = "encoder" if self._refused else ""
        self._first_ns = self._stop_ns = None
        self._stop_reason = ""
        frames, gaps = self._ring.take()
        if not frames:
            # A file begins with a frame that needs no other.
            self._close_encoder()
            self._last_index = None
        event = EventRow(order.time_ns, "start", order.reason or "the operator")
        writer.put_row(event)
        for frame in frames:
            self._taken += 1
            self._give(writer, frame)
        for gap in gaps:
            self._count_gap(gap)
            writer.put_row(gap)
        with self._writer_lock:
            for row in self._results.take():
                writer.put_row(row)
            self._writer = writer
        log.info("recording to %s", folder)

    def _take(self, frame: Frame) -> None:
        # An order is given before the first frame that it is about.
        self._obey()
        if self._is_beyond(frame):
            self._end_session(self._stop_reason)
        if self._writer is None and not self._ring.length_s:
            return
        self._count_missing(frame)
        writer = self._writer
        if writer is not None:
            self._taken += 1
            if not writer.has_room:
                self._lose(frame, "disk")
                return
        started_ns = time.perf_counter_ns()
        try:
            packets = self._encoder_for(frame).encode(frame)
        except RecordingError as error:
            self._replace_encoder(frame, error)
            return
        self._encode_times.add((time.perf_counter_ns() - started_ns) * 1e-6)
        self._take_packets(packets)

    def _take_packets(self, packets: list[EncodedFrame]) -> None:
        for packet in packets:
            if self._writer is None:
                self._ring.add(packet)
            else:
                self._give(self._writer, packet)

    def _is_beyond(self, frame: Frame) -> bool:
        """Whether a frame comes after the end of the session."""
        settings = self._settings
        if self._writer is None or settings is None:
            return False
        if self._writer.has_ended:
            # The disk is full, or gone.
            return True
        if self._stop_ns is not None and frame.captured_ns > self._stop_ns:
            return True
        if self._first_ns is None:
            self._first_ns = frame.timestamp_ns
        limit_s = settings.seconds_limit
        if limit_s is None or frame.timestamp_ns - self._first_ns < limit_s * 1e9:
            return False
        self._stop_reason = f"{limit_s:g} s are over"
        return True

    def _give(self, writer: SessionWriter, frame: EncodedFrame) -> None:
        writer.note_engine(_engine_facts(self._engine))
        if not writer.put_frame(frame):
            self._disk_losses += 1

    def _look_at_end(self, frame: Frame | None) -> None:
        writer, settings = self._writer, self._settings
        if writer is None or settings is None:
            return
        self._tell_losses(writer)
        if writer.has_ended:
            self._end_session("")
            return
        if (
            frame is None
            and self._stop_ns is not None
            and time.monotonic_ns() > self._stop_ns
        ):
            self._end_session(self._stop_reason)

    def _tell_losses(self, writer: SessionWriter) -> None:
        losses = (self._source_losses, self._encoder_losses, self._disk_losses)
        writer.note_losses(
            dict(zip(("source", "encoder", "disk"), losses, strict=True))
        )

    def _end_session(self, reason: str, *, waits_for_results: bool = True) -> None:
        writer = self._writer
        assert writer is not None
        self._flush_encoder()
        while self._refused:
            index, time_ns = self._refused.popleft()
            if self._stop_ns is None or time_ns <= self._stop_ns:
                self._taken += 1
                self._last_index = index
                self._note_gap(GapRow(index, 1, "encoder", time_ns))
        self._tell_losses(writer)
        end = EventRow(time.monotonic_ns(), "stop", reason or "the operator")
        writer.put_row(end)
        writer.request_finish(reason, waits_for_results=waits_for_results)
        self._stop_ns = None
        self._is_zone_recording = False
        with self._writer_lock:
            self._finished.append(writer)
            self._writer = None
        self._idle()

    def _idle(self) -> None:
        self._is_wanted = False
        settings = self._settings
        self._takes_frames = settings is not None and settings.pretrigger_s > 0

    def _encoder_for(self, frame: Frame) -> Encoder:
        settings, source = self._settings, self._source
        assert settings is not None
        assert source is not None
        is_colour = frame.image.ndim == 3 and not settings.is_grey
        key = (frame.image.shape[:2], is_colour, settings.quality, settings.encoder)
        if self._encoder is None or key != self._encoder_key:
            self._close_encoder()
            self._ring.clear()
            size = (frame.width_px, frame.height_px, source.frame_rate_hz)
            trial = choose_codec(
                *size,
                is_colour=is_colour,
                quality=settings.quality,
                choice=settings.encoder,
                without=self._failed_encoders,
            )
            self._encoder = open_encoder(trial.codec, *size)
            self._encoder_key = key
            self._codec_label = trial.codec.label
        return self._encoder

    def _flush_encoder(self) -> None:
        """Take the last frames of an encoder and close it; what it keeps is lost."""
        if self._encoder is None:
            return
        try:
            self._take_packets(self._encoder.flush())
        except RecordingError as error:
            log.warning("the encoder kept its last frames: %s", error)
        for frame in self._encoder.held:
            self._lose(frame, "encoder")
        self._close_encoder()

    def _close_encoder(self) -> None:
        if self._encoder is not None:
            self._encoder.close()
        self._encoder = None

    def _replace_encoder(self, frame: Frame, error: RecordingError) -> None:
        """Go on with another encoder; what this one holds is lost."""
        encoder = self._encoder
        if encoder is None:
            # There is none left.
            raise error
        log.error("%s", error)
        self._failed_encoders |= {encoder.codec.encoder}
        self.note("encoder", str(error))
        is_held = frame in encoder.held
        self._flush_encoder()
        if not is_held:
            self._lose(frame, "encoder")

    # --- what is missing

    def _count_missing(self, frame: Frame) -> None:
        """Count the frames between the last one and this, by cause."""
        expected = frame.index if self._last_index is None else self._last_index + 1
        self._last_index = frame.index
        refused = 0
        while self._refused and self._refused[0][0] < frame.index:
            index, time_ns = self._refused.popleft()
            if index >= expected:
                refused += 1
                if self._writer is not None:
                    self._taken += 1
                self._note_gap(GapRow(index, 1, "encoder", time_ns))
        lost = frame.index - expected - refused
        if lost > 0:
            self._note_gap(GapRow(expected, lost, "source", frame.captured_ns))

    def _lose(self, frame: Frame, cause: str) -> None:
        self._note_gap(GapRow(frame.index, 1, cause, frame.captured_ns))

    def _note_gap(self, gap: GapRow) -> None:
        if self._writer is None:
            self._ring.add_gap(gap)
            return
        self._count_gap(gap)
        self._writer.put_row(gap)

    def _count_gap(self, gap: GapRow) -> None:
        if gap.cause == "source":
            self._source_losses += gap.count
            return
        if gap.cause == "encoder":
            self._encoder_losses += gap.count
        else:
            self._disk_losses += gap.count
        self._lost_cause, self._lost_s = gap.cause, time.monotonic()

    def _lower_settings(self) -> RecordingSettings | None:
        settings, source = self._settings, self._source
        if settings is None or source is None:
            return None
        return settings.lowered(is_colour=source.is_colour)

    def _advice(self) -> str:
        is_recent = time.monotonic() - self._lost_s < _RECENT_S
        if self._settings is None or not self._lost_cause or not is_recent:
            return ""
        what = "encoder" if self._lost_cause == "encoder" else "disk"
        lower = self._lower_settings()
        if lower is None:
            return f"the {what} is too slow"
        if lower.is_grey != self._settings.is_grey:
            return f"the {what} is too slow: record in grey"
        return f"the {what} is too slow: record in lower quality"


def _require_room(settings: RecordingSettings) -> None:
    """Refuse to begin what would have to end at once."""
    parents = (settings.folder, *settings.folder.parents)
    existing = next((each for each in parents if each.exists()), None)
    if existing is None:
        return
    free_bytes = shutil.disk_usage(existing).free
    if free_bytes < settings.reserve_bytes:
        raise RecordingError(
            f"only {free_bytes / 1e9:.2g} GB of the disk are free, and"
            f" {settings.reserve_bytes / 1e9:g} GB stay free",
            hint="Free some space, choose another folder, or leave less free.",
        )


def _folder_name(source: SourceSpec, parent: Path) -> str:
    moment = datetime.now().astimezone().strftime("%Y-%m-%d_%H-%M-%S")
    title = re.sub(r"[^A-Za-z0-9._-]+", "-", source.title).strip("-.")[:40]
    name = f"{moment}_{title}" if title else moment
    number = 2
    unique = name
    while (parent / unique).exists():
        unique = f"{name}_{number}"
        number += 1
    return unique


def _engine_facts(engine: EngineSpec | None) -> dict[str, object]:
    if engine is None:
        return {}
    return {
        "kind": engine.kind.value,
        "precision": engine.precision.value,
        "device": engine.device,
        "library": engine.library,
        "threads": engine.threads,
        "model": engine.model.name,
    }


def _plain(settings: RecordingSettings) -> dict[str, object]:
    values = asdict(settings)
    return values | {
        "folder": str(settings.folder),
        "quality": settings.quality.value,
        "encoder": settings.encoder.value,
    }
