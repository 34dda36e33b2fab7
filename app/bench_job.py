"""Makes the engines that a bench measures, and runs it in a process of its own."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.conversion_frames import save_prepared_frames
from app.conversion_job import ConversionJob, ConversionState
from app.errors import ConsoleError
from app.hardware.log import HardwareLog
from app.paths import ROOT
from engines.base import Precision
from engines.bench.choices import CHOICES, Choice
from engines.convert.model_source import Location
from engines.convert.request import ConversionRequest
from engines.manifest import load_manifest

if TYPE_CHECKING:
    from collections.abc import Callable

_POLL_S = 0.1
# A process that holds TensorFlow took over 10 s to end on a busy machine.
_END_DEADLINE_S = 60.0
_TAIL_BYTES = 4000
_KEY_LENGTH = 16


class BenchFailedError(ConsoleError):
    """The engines could not be measured."""


@dataclass(frozen=True, slots=True)
class BenchRequest:
    """What the operator asks of a bench."""

    model: Path
    engines: tuple[str, ...]
    """Names of `engines.bench.choices.CHOICES`, the reference first."""
    python: Path
    """Interpreter that has the libraries."""
    cache: Path
    """Folder in which engines are looked for, and made where they are not there."""
    threads: tuple[int, ...] = (1,)
    seconds: float = 5.0
    """Of each engine on each number of threads."""
    clip: str = ""
    """Source of real frames; empty for made-up pictures."""
    size_px: tuple[int, int] | None = None
    input_name: str = ""
    output_name: str = ""


@dataclass(frozen=True, slots=True)
class BenchProgress:
    """How far a bench is."""

    activity: str
    done_ratio: float
    """0 to 1."""


class BenchJob:
    """One bench: conversions as they are needed, then the measuring.

    Everything happens in the thread that calls `run`. A KeyboardInterrupt there ends
    the child process and leaves nothing half-made.

    Parameters
    ----------
    request : BenchRequest
        What to measure.
    show : callable
        Called with a `BenchProgress` whenever something happened.
    """

    def __init__(
        self, request: BenchRequest, show: Callable[[BenchProgress], None]
    ) -> None:
        self._request = request
        self._show = show
        self._skipped: list[dict[str, str]] = []

    def run(self) -> dict[str, Any]:
        """Measure; gives the report that `engines.bench` wrote, with telemetry.

        Raises
        ------
        EngineError
            If the network cannot be read.
        ConsoleError
            If the clip cannot, no engine could be made, or the measuring failed.
        """
        folders = self._prepare()
        if not folders:
            reasons = "; ".join(f"{x['engine']}: {x['reason']}" for x in self._skipped)
            raise BenchFailedError(f"no engine could be made: {reasons}")
        with tempfile.TemporaryDirectory(prefix="peregrine-") as scratch:
            options = self._options(folders, Path(scratch))
            rows: list[dict[str, float]] = []
            with HardwareLog(lambda figures: rows.append(figures.to_row())):
                result = self._measure(options)
            result["telemetry"] = rows
        result["skipped"] = [*self._skipped, *result["skipped"]]
        return result

    def _prepare(self) -> dict[str, Path]:
        """Find or make every engine; gives the folder of each name."""
        made: dict[ConversionRequest, Path | None] = {}
        folders: dict[str, Path] = {}
        reasons: dict[ConversionRequest, str] = {}
        source_sha256 = Location(self._request.model).sha256()
        for number, name in enumerate(self._request.engines):
            wanted = self._conversion(CHOICES[name], source_sha256)
            if wanted not in made:
                share = 0.5 * number / len(self._request.engines)
                reasons[wanted] = self._convert(wanted, name, share)
                made[wanted] = None if reasons[wanted] else wanted.folder
            folder = made[wanted]
            if folder is None:
                self._skipped.append({"engine": name, "reason": reasons[wanted]})
            else:
                folders[name] = folder
        return folders

    def _conversion(self, choice: Choice, source_sha256: str) -> ConversionRequest:
        request = self._request
        wanted = ConversionRequest(
            model=request.model,
            target=choice.target,
            folder=Path(),
            precision=choice.file_precision,
            size_px=request.size_px,
            input_name=request.input_name,
            output_name=request.output_name,
        )
        facts = [source_sha256, wanted.parameters(), self._clip_of(wanted)]
        digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode())
        return wanted._replace(folder=request.cache / digest.hexdigest()[:_KEY_LENGTH])

    def _clip_of(self, wanted: ConversionRequest) -> str:
        # The frames shape int8 alone: other engines are the same whatever was shown.
        return self._request.clip if wanted.precision is Precision.INT8 else ""

    def _convert(self, wanted: ConversionRequest, name: str, share: float) -> str:
        """Make one engine unless it is there; gives why not, or nothing."""
        job = ConversionJob(wanted, self._request.python, self._clip_of(wanted))
        job.start()
        try:
            while not (status := job.status()).state.is_over:
                self._show(BenchProgress(f"{name}: {status.activity}", share))
                time.sleep(_POLL_S)
        finally:
            job.request_cancel()
            status = job.wait(_END_DEADLINE_S)
        if status.state is ConversionState.DONE:
            return ""
        return status.error.message if status.error else status.activity

    def _options(self, folders: dict[str, Path], scratch: Path) -> list[str]:
        request = self._request
        options = [str(request.model)]
        for name, folder in folders.items():
            options += ["--engine", f"{name}={folder}"]
        options += ["--threads", ",".join(map(str, request.threads))]
        options += ["--seconds", str(request.seconds)]
        if request.clip:
            self._show(BenchProgress(f"reading frames of {request.clip}", 0.5))
            path = scratch / "frames.npz"
            spec = load_manifest(next(iter(folders.values()))).input
            save_prepared_frames(request.clip, spec, path, lambda: False)
            options += ["--frames", str(path)]
        return options

    def _measure(self, options: list[str]) -> dict[str, Any]:
        """Run the child; gives its report."""
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
        last: dict[str, Any] = {}
        self._show(BenchProgress("opening the engines", 0.5))
        with (
            tempfile.TemporaryFile() as messages,
            subprocess.Popen(
                [str(self._request.python), "-m", "engines.bench", *options],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=messages,
                env=environment,
                # Ctrl+C in a terminal reaches this process, which ends the child.
                start_new_session=True,
            ) as child,
        ):
            assert child.stdout is not None
            try:
                for line in child.stdout:
                    last = json.loads(line)
                    self._take(last)
            finally:
                child.kill()
            messages.seek(0)
            words = (
                messages.read().decode("utf-8", "replace")[-_TAIL_BYTES:].split("\n")
            )
        if last.get("event") == "finished":
            report: dict[str, Any] = last["result"]
            return report
        if last.get("event") == "failed":
            error = last["error"]
            raise BenchFailedError(error["message"], hint=error["hint"])
        told = next((one for one in reversed(words) if one.strip()), "no message")
        raise BenchFailedError(
            f"the bench ended with status {child.returncode}: {told}",
            hint="A library may have crashed: leave out engines with --engines.",
        )

    def _take(self, event: dict[str, Any]) -> None:
        match event["event"]:
            case "opened":
                activity = f"{event['engine']} opened, {event['threads']} thread(s)"
                self._show(BenchProgress(activity, 0.5))
            case "measuring":
                done, count = event["done"], event["count"]
                activity = f"round {done} of {count}"
                self._show(BenchProgress(activity, 0.5 + 0.5 * done / count))
