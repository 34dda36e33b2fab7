"""Starts a conversion in a process of its own, follows it, cancels it."""

from __future__ import annotations

import contextlib
import enum
import hashlib
import importlib.util
import json
import os
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from app.conversion_frames import save_frames_apart
from app.errors import ConsoleError
from app.hardware.memory_guard import require_memory_to_convert
from app.paths import ROOT
from app.process import accompany_window, yield_process
from app.worker import Worker
from engines import errors as engine_errors
from engines.convert import errors as conversion_errors
from engines.convert.errors import ConversionError, OutOfMemoryError
from engines.convert.output_folder import unfinished_folder
from engines.convert.plan_build import unfinished_cache
from engines.errors import EngineError
from engines.manifest import Colour, Fit, InputSpec, Layout

if TYPE_CHECKING:
    from engines.convert.request import ConversionRequest

KILL_AFTER_S = 5.0
# A process that holds TensorFlow took over 10 s to end on a busy machine, killed too.
END_DEADLINE_S = KILL_AFTER_S + 60.0
LOADING = "loading"
"""What comes before the first step: the libraries, and the network."""
_POLL_S = 0.1
_TAIL_BYTES = 4000
_LOG_BYTES = 100_000


class ConverterMissingError(ConsoleError):
    """No interpreter has the libraries that convert networks."""


class ConversionState(enum.Enum):
    """Where a job is.

    RUNNING ──▶ DONE
       │   └──▶ FAILED
       └─cancel─▶ CANCELLING ──▶ CANCELLED
    """

    RUNNING = "running"
    CANCELLING = "cancelling"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_over(self) -> bool:
        """Whether nothing more will happen."""
        return self not in (ConversionState.RUNNING, ConversionState.CANCELLING)


@dataclass(frozen=True, slots=True)
class ConversionStatus:
    """A job at one moment."""

    state: ConversionState = ConversionState.RUNNING
    activity: str = "starting"
    """What is going on, in words."""
    step_name: str = ""
    steps_done: int = 0
    step_count: int = 0
    """0 until the network is loaded."""
    step_names: tuple[str, ...] = ()
    """Of all steps, once the network is loaded."""
    step_seconds: float = 0.0
    """How long the present step has taken until now."""
    step_times: tuple[tuple[str, float], ...] = ()
    """Names of the steps that are over and how long they took, `LOADING` first."""
    step_ratio: float = 0.0
    """Share of the step that is done, 0 to 1, where the step tells it."""
    steps: tuple[dict[str, Any], ...] = ()
    """Reports of the steps that are done, as `StepReport.to_document` writes them."""
    inputs: tuple[dict[str, Any], ...] = ()
    """Inputs the network could have: `name`, `dtype`, `shape`."""
    outputs: tuple[dict[str, Any], ...] = ()
    result: dict[str, Any] | None = None
    """Report of the whole, once it is DONE."""
    error: ConsoleError | EngineError | None = None
    """Why it is FAILED."""
    seconds: float = 0.0

    @property
    def done_ratio(self) -> float:
        """Share of the steps that is done, 0 to 1."""
        if self.state is ConversionState.DONE:
            return 1.0
        if not self.step_count:
            return 0.0
        return (self.steps_done + self.step_ratio) / self.step_count


def find_interpreter(named: Path | None = None) -> Path:
    """Find the Python that converts: the one named, `.venv-engines`, or this one.

    Raises
    ------
    ConverterMissingError
        If there is none.
    """
    if named is not None:
        if not os.access(named, os.X_OK) or named.is_dir():
            raise ConverterMissingError(
                f"there is no Python at {named}",
                hint="Name one that has TensorFlow with --python.",
            )
        return named.absolute()
    own = ROOT / ".venv-engines" / "bin" / "python"
    if os.access(own, os.X_OK):
        return own
    if importlib.util.find_spec("tensorflow") is not None:
        return Path(sys.executable)
    raise ConverterMissingError(
        "no Python with TensorFlow was found: conversions run in one of their own",
        hint="Make it with 'make engines', or name one with --python PATH.",
    )


class ConversionJob:
    """One conversion in a child process.

    Methods may be called from any thread and do not wait, but `wait`.

    Parameters
    ----------
    request : ConversionRequest
        What to convert.
    python : Path
        The interpreter that does it, see `find_interpreter`.
    clip : str
        Source of real frames to compare and to quantise on; empty for made-up ones.
    memory_reserve_mb : float, optional
        What must stay free; None leaves that to the console.
    """

    def __init__(
        self,
        request: ConversionRequest,
        python: Path,
        clip: str = "",
        memory_reserve_mb: float | None = None,
    ) -> None:
        self._clip = clip
        self._memory_reserve_mb = memory_reserve_mb
        if clip:
            request = request._replace(frames_key=_key_of(clip))
        self._request = request
        self._command = [str(python), "-m", "engines.convert", *_arguments(request)]
        self._lock = threading.Lock()
        self._status = ConversionStatus()
        self._started_s = self._step_started_s = 0.0
        self._told: list[str] = []
        self._messages: IO[bytes] | None = None
        self._library_text = ""
        self._worker = Worker("conversion", self._run, self._end, is_daemon=False)

    def start(self) -> None:
        """Start the child process."""
        self._started_s = self._step_started_s = time.monotonic()
        self._worker.start()

    def status(self) -> ConversionStatus:
        """How far it is."""
        with self._lock:
            status = self._status
        if status.state.is_over:
            return status
        now_s = time.monotonic()
        return replace(
            status,
            seconds=now_s - self._started_s,
            step_seconds=now_s - self._step_started_s,
        )

    def log(self) -> str:
        """What happened when, and below it what the libraries said."""
        with self._lock:
            if self._messages is not None:
                self._library_text = _text_of(self._messages)
            parts = [*self._told, "", self._library_text]
        return "\n".join(parts).strip("\n") + "\n"

    def request_cancel(self) -> None:
        """Ask the child to end; what it has begun is deleted."""
        with self._lock:
            if not self._status.state.is_over:
                self._status = replace(
                    self._status,
                    state=ConversionState.CANCELLING,
                    activity="cancelling",
                )
        self._worker.request_stop()

    def wait(self, deadline_s: float) -> ConversionStatus:
        """Wait for the end.

        Raises
        ------
        WorkerStuckError
            If it has not come after `deadline_s`.
        """
        self._worker.join(deadline_s)
        return self.status()

    def _run(self, stop: threading.Event) -> None:
        accompany_window()
        require_memory_to_convert(
            self._request, asked_reserve_mb=self._memory_reserve_mb
        )
        with (
            tempfile.TemporaryFile() as messages,
            tempfile.TemporaryDirectory(prefix="peregrine-") as scratch,
            subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=messages,
                env={
                    **os.environ,
                    "PYTHONPATH": str(ROOT),
                    "PYTHONUNBUFFERED": "1",
                    # What it leaves there when it is ended goes with the folder.
                    "TMPDIR": scratch,
                },
                # Ctrl+C in a terminal reaches this process, which cancels.
                start_new_session=True,
            ) as child,
        ):
            with self._lock:
                self._messages = messages
            # The feed goes on meanwhile, and comes first.
            yield_process(child.pid)
            try:
                self._follow(child, stop, Path(scratch))
            finally:
                child.kill()
                child.wait()
                with self._lock:
                    self._library_text, self._messages = _text_of(messages), None
                leftover = unfinished_folder(self._request.folder.absolute(), child.pid)
                shutil.rmtree(leftover, ignore_errors=True)
                cache = self._request.nvidia.timing_cache
                if cache is not None:
                    unfinished_cache(cache).unlink(missing_ok=True)
            if not self.status().state.is_over:
                self._ended_without_a_word(child.returncode, _tail(messages))

    def _follow(
        self, child: subprocess.Popen[bytes], stop: threading.Event, scratch: Path
    ) -> None:
        assert child.stdout is not None
        kill_at_s: float | None = None
        pending = b""
        with selectors.DefaultSelector() as selector:
            selector.register(child.stdout, selectors.EVENT_READ)
            while True:
                if stop.is_set() and kill_at_s is None:
                    child.terminate()
                    kill_at_s = time.monotonic() + KILL_AFTER_S
                if kill_at_s is not None and time.monotonic() > kill_at_s:
                    child.kill()
                if not selector.select(_POLL_S):
                    continue
                block = os.read(child.stdout.fileno(), 65536)
                if not block:
                    child.wait()
                    return
                *lines, pending = (pending + block).split(b"\n")
                for line in lines:
                    self._take(json.loads(line), child, scratch, stop)

    def _take(
        self,
        event: dict[str, Any],
        child: subprocess.Popen[bytes],
        scratch: Path,
        stop: threading.Event,
    ) -> None:
        match event["event"]:
            case "started":
                self._set(activity=f"loading {event['model']} ({event['form']})")
            case "source":
                self._set(
                    inputs=tuple(event["inputs"]), outputs=tuple(event["outputs"])
                )
            case "step_started":
                self._end_step()
                self._set(
                    step_names=tuple(event.get("steps", ())),
                    step_name=event["name"],
                    activity=event["summary"],
                    steps_done=event["index"],
                    step_count=event["count"],
                    step_ratio=0.0,
                )
            case "progress":
                self._set(
                    step_ratio=event["done_ratio"],
                    activity=f"{self.status().step_name}: {event['phase']}",
                )
            case "step":
                self._set(steps=(*self.status().steps, event["report"]))
            case "frames_wanted":
                self._set(activity=f"reading frames of {self._clip}")
                path, spec = scratch / "frames.npz", _input_spec(event["input"])
                save_frames_apart(self._clip, spec, path, stop.is_set)
                assert child.stdin is not None
                # A child that died meanwhile reads nothing; its end tells why.
                with contextlib.suppress(BrokenPipeError):
                    os.write(child.stdin.fileno(), f"{path}\n".encode())
            case "finished":
                self._end_step()
                self._set(state=ConversionState.DONE, result=event["result"])
            case "failed":
                self._set(state=ConversionState.FAILED, error=_error(event["error"]))

    def _end_step(self) -> None:
        """Note how long the present step took; the next one begins."""
        status, now_s = self.status(), time.monotonic()
        took = (status.step_name or LOADING, now_s - self._step_started_s)
        self._step_started_s = now_s
        self._set(step_times=(*status.step_times, took))

    def _ended_without_a_word(self, returncode: int, tail: str) -> None:
        if self.status().state is ConversionState.CANCELLING:
            self._set(state=ConversionState.CANCELLED, activity="cancelled")
            return
        error: EngineError = ConversionError(
            f"the converter ended with status {returncode}: {tail or 'no message'}",
            hint="Is it a Python with TensorFlow? 'make engines' makes one.",
        )
        if returncode == -signal.SIGKILL:
            error = OutOfMemoryError(
                "the converter was killed, as the system does when memory runs out",
                hint="Close other programs, or choose a smaller input size.",
            )
        elif returncode < 0:
            name = signal.Signals(-returncode).name
            error = ConversionError(
                f"a library of the converter crashed ({name}): {tail or 'no message'}",
                hint="Nothing was written. Another target may work.",
            )
        self._set(state=ConversionState.FAILED, error=error)

    def _end(self, error: Exception | None) -> None:
        if error is None:
            return
        known = isinstance(error, (ConsoleError, EngineError))
        shown = error if known else ConversionError(f"{type(error).__name__}: {error}")
        self._set(state=ConversionState.FAILED, error=shown)

    def _set(self, **changes: Any) -> None:  # noqa: ANN401  fields of the status
        with self._lock:
            is_cancelling = self._status.state is ConversionState.CANCELLING
            if is_cancelling and not changes.get("state", self._status.state).is_over:
                changes.pop("activity", None)
            seconds = time.monotonic() - self._started_s
            before = self._status.activity
            self._status = replace(self._status, seconds=seconds, **changes)
            error = changes.get("error")
            if self._status.activity != before or error is not None:
                said = self._status.activity if error is None else error.message
                self._told.append(f"{seconds:8.1f} s  {said}")


def _arguments(request: ConversionRequest) -> list[str]:
    arguments = [
        str(request.model),
        *("--to", request.target.value),
        *("--out", str(request.folder)),
        *("--precision", request.precision.value),
    ]
    if request.size_px is not None:
        arguments += ["--size", "{}x{}".format(*request.size_px)]
    if request.shape is not None:
        arguments += ["--shape", ",".join(map(str, request.shape))]
    for option, text in (
        ("--frames", str(request.frames or "")),
        ("--frames-key", request.frames_key),
        ("--input", request.input_name),
        ("--output", request.output_name),
        ("--manifest", str(request.manifest or "")),
    ):
        if text:
            arguments += [option, text]
    for name, value in request.values:
        arguments += ["--set", f"{name}={value}"]
    for option, is_chosen in (
        ("--rewrite-pads", request.rewrites_pads),
        ("--force", request.is_forced),
        ("--tensorboard", request.writes_tensorboard),
        ("--measure", request.measures_speed),
        ("--look", request.only_looks),
    ):
        if is_chosen:
            arguments.append(option)
    return [*arguments, *request.meaning.to_words(), *request.nvidia.to_words()]


def _key_of(clip: str) -> str:
    """Name a clip for the cache: another file under the same path is another clip."""
    digest = hashlib.sha256(clip.encode("utf-8"))
    path = Path(clip)
    if path.is_file():
        facts = path.stat()
        digest.update(f"{facts.st_size} {facts.st_mtime_ns}".encode())
    return digest.hexdigest()


def _input_spec(fields: dict[str, Any]) -> InputSpec:
    return InputSpec(
        **{
            **fields,
            "colour": Colour(fields["colour"]),
            "layout": Layout(fields["layout"]),
            "fit": Fit(fields["fit"]),
        }
    )


def _error(document: dict[str, str]) -> EngineError:
    """Make the child's error again, of the class it had there."""
    name = document["type"]
    for module in (conversion_errors, engine_errors):
        kind = getattr(module, name, None)
        if isinstance(kind, type) and issubclass(kind, EngineError):
            return kind(document["message"], document["hint"])
    return ConversionError(document["message"], document["hint"])


def _text_of(messages: IO[bytes]) -> str:
    """Last of what the child's libraries wrote; the file's place does not move."""
    size = os.fstat(messages.fileno()).st_size
    start = max(0, size - _LOG_BYTES)
    return os.pread(messages.fileno(), size - start, start).decode("utf-8", "replace")


def _tail(messages: IO[bytes]) -> str:
    """Last words of the child, for an error."""
    size = messages.seek(0, os.SEEK_END)
    messages.seek(max(0, size - _TAIL_BYTES))
    lines = messages.read().decode("utf-8", "replace").strip().splitlines()
    return str(lines[-1]) if lines else ""
