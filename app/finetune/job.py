"""Trains a network further on labelled clips, in a process of its own."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from app.durable import write_whole
from app.errors import ConsoleError, OutputError
from app.finetune.judge import judge_model
from app.finetune.report import html_of
from app.finetune.samples import clip_samples, lessons_of
from app.labels import LabelsError, read_labels
from app.paths import ROOT
from app.process import yield_process
from engines.manifest import Colour, load_manifest
from engines.training.further import CHECKPOINT, REHEARSAL

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.finetune.report import Report
    from app.finetune.samples import ClipSamples
    from engines.manifest import ModelManifest

STATE_NAME = "unfinished.json"
"""In a folder whose training can go on: what it is a training of."""
REPORT_NAME = "finetune.json"
PAGE_NAME = "report.html"
_TAIL_BYTES = 4000
_FRAME_COUNT = 3


class FinetuneError(ConsoleError):
    """A network cannot be trained further."""


@dataclass(frozen=True, slots=True)
class FinetuneRequest:
    """What the operator asks for."""

    model: Path
    """Folder of the model to begin with."""
    clips: tuple[tuple[str, Path], ...]
    """Sources and their labels."""
    folder: Path
    """Of the model that is made."""
    python: Path
    """Interpreter with TensorFlow."""
    steps: int = 400
    """Larger learns the scene better, and takes longer."""
    seed: int = 1
    held_back_ratio: float = 0.3
    """Share of the labelled frames that is judged on and not learned from."""


@dataclass(frozen=True, slots=True)
class FinetuneProgress:
    """How far it is."""

    activity: str
    done_ratio: float
    """0 to 1."""


class FinetuneJob:
    """One training: reads, trains in a child process, judges, reports.

    Everything happens in the thread that calls `run`. A KeyboardInterrupt there ends
    the child after the step it is at; the same request then goes on.

    Parameters
    ----------
    request : FinetuneRequest
    show : callable
        Called with a `FinetuneProgress` whenever something happened.
    """

    def __init__(
        self, request: FinetuneRequest, show: Callable[[FinetuneProgress], None]
    ) -> None:
        self._request = request
        self._show = show

    def run(self) -> Report:
        """Train; gives the report, which is also in the folder.

        Raises
        ------
        ConsoleError, EngineError
            If clips, labels or model cannot be used, the folder is taken, or the
            training fails.
        KeyboardInterrupt
            If it was stopped; the folder keeps what is done.
        """
        request, started_s = self._request, time.monotonic()
        manifest = load_manifest(request.model)
        _require_ours(manifest)
        clips = self._read(manifest)
        self._take_folder(_digest(request, manifest))
        with tempfile.TemporaryDirectory(prefix="peregrine-") as scratch:
            frames = Path(scratch) / "frames.npz"
            lessons_of(clips).save(frames)
            made = self._train(frames)
        self._show(FinetuneProgress("judging the network as it was", 0.96))
        before = judge_model(request.model, clips)
        self._show(FinetuneProgress("judging the network as it is now", 0.98))
        after = judge_model(request.folder, clips)
        is_better = after["all"]["f1"] > before["all"]["f1"]
        report = {
            "model": str(request.model),
            "result": str(request.folder),
            "recommended": str(request.folder if is_better else request.model),
            "is_better": is_better,
            "before": before,
            "after": after,
            "learned": [len(clip.learned) for clip in clips],
            "held_back": [len(clip.held_back) for clip in clips],
            "steps": request.steps,
            "seed": request.seed,
            "seconds": round(time.monotonic() - started_s, 1),
            **made,
        }
        self._finish(report)
        return report

    def _read(self, manifest: ModelManifest) -> list[ClipSamples]:
        found, request = [], self._request
        for number, (clip, labels) in enumerate(request.clips):
            share = 0.1 * number / len(request.clips)
            self._show(FinetuneProgress(f"reading {clip}", share))
            found.append(
                clip_samples(
                    clip, read_labels(labels), manifest.input, request.held_back_ratio
                )
            )
        learned = sum(len(clip.learned) for clip in found)
        held_back = sum(len(clip.held_back) for clip in found)
        if not learned or not held_back:
            raise LabelsError(
                f"{learned} labelled frames to learn from, {held_back} to judge on",
                hint="Label more frames, and some of them at least 5 frames later"
                " than the others.",
            )
        return found

    def _take_folder(self, digest: str) -> None:
        """Make the folder, or take up what an earlier try left in it.

        Raises
        ------
        OutputError
            If it holds something else.
        """
        folder = self._request.folder
        state = folder / STATE_NAME
        hint = "Choose a new folder with --out; nothing was changed."
        try:
            if state.exists():
                if json.loads(state.read_text(encoding="utf-8")).get("of") != digest:
                    raise OutputError(
                        f"{folder} holds the beginning of another training",
                        hint="Give the same clips, labels and options to go on, or"
                        " choose a new folder with --out.",
                    )
                return
            if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
                raise OutputError(f"{folder} is there already", hint=hint)
            folder.mkdir(parents=True, exist_ok=True)
            write_whole(state, json.dumps({"of": digest}))
        except (OSError, ValueError) as error:
            raise OutputError(f"cannot use {folder}: {error}", hint=hint) from error

    def _train(self, frames: Path) -> dict[str, Any]:
        """Run the child; gives what it tells of the network."""
        request = self._request
        command = [str(request.python), "-m", "engines.training.further"]
        command += ["--model", str(request.model.absolute())]
        command += ["--frames", str(frames)]
        command += ["--folder", str(request.folder.absolute())]
        command += ["--steps", str(request.steps), "--seed", str(request.seed)]
        self._show(FinetuneProgress("loading the network", 0.1))
        with (
            tempfile.TemporaryFile() as messages,
            subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=messages,
                env={
                    **os.environ,
                    "PYTHONPATH": str(ROOT),
                    "PYTHONUNBUFFERED": "1",
                    "CUDA_VISIBLE_DEVICES": os.environ.get(
                        "CUDA_VISIBLE_DEVICES", "-1"
                    ),
                },
                # Ctrl+C in a terminal reaches this process, which ends the child.
                start_new_session=True,
            ) as child,
        ):
            # A feed beside it comes first.
            yield_process(child.pid)
            last = self._followed(child)
            return _outcome(last, child.wait(), messages)

    def _followed(self, child: subprocess.Popen[bytes]) -> dict[str, Any]:
        """Read the child's events to their end; gives the last one."""
        assert child.stdout is not None
        last: dict[str, Any] = {}
        try:
            for line in child.stdout:
                last = json.loads(line)
                self._take(last)
        except KeyboardInterrupt:
            self._show(FinetuneProgress("stopping after this step", 0.0))
            child.terminate()
            # Who is impatient asks again: a checkpoint is then at most a round old.
            with suppress(KeyboardInterrupt):
                child.wait()
            raise
        finally:
            child.kill()
        return last

    def _take(self, event: dict[str, Any]) -> None:
        match event["event"]:
            case "started":
                text = f"training on from step {event['done']}" * (event["done"] > 0)
                self._show(FinetuneProgress(text or "rendering clips", 0.1))
            case "rehearsal":
                share = 0.1 + 0.15 * event["done"] / event["count"]
                self._show(FinetuneProgress("rendering clips to rehearse", share))
            case "training":
                share = 0.25 + 0.65 * event["done"] / event["count"]
                steps = f"step {event['done']} of {event['count']}"
                text = f"{steps}, loss {event['loss']:.3f}"
                self._show(FinetuneProgress(text, share))
            case "exporting":
                self._show(FinetuneProgress("writing the model", 0.9))

    def _finish(self, report: Report) -> None:
        """Write the report; only then is nothing left to go on with."""
        folder = self._request.folder
        try:
            write_whole(folder / REPORT_NAME, json.dumps(report, indent=2))
            write_whole(folder / PAGE_NAME, html_of(report))
            for name in (CHECKPOINT, REHEARSAL, STATE_NAME):
                (folder / name).unlink(missing_ok=True)
        except OSError as error:
            raise OutputError(
                f"cannot write into {folder}: {error.strerror}",
                hint="Make room, and give the same command again: it goes on.",
            ) from error


def _require_ours(manifest: ModelManifest) -> None:
    spec = manifest.input
    if spec.frame_count != _FRAME_COUNT or spec.colour is not Colour.GREY:
        raise FinetuneError(
            f"the model {manifest.name!r} does not take three grey frames",
            hint="Only the bundled networks, and what came of them, are trained here.",
        )


def _digest(request: FinetuneRequest, manifest: ModelManifest) -> str:
    """What a training is made of: it goes on only with the same."""
    facts = [dict(manifest.sha256), request.steps, request.seed]
    facts.append(request.held_back_ratio)
    for clip, labels in request.clips:
        source = labels / "corrections.json" if labels.is_dir() else labels
        known = source.read_bytes() if source.is_file() else b""
        facts += [clip, str(labels), hashlib.sha256(known).hexdigest()]
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _outcome(
    last: dict[str, Any], returncode: int, messages: IO[bytes]
) -> dict[str, Any]:
    """What a finished child told.

    Raises
    ------
    FinetuneError
        If it did not finish.
    """
    if last.get("event") == "finished":
        return {name: last[name] for name in ("parameters", "gflop")}
    if last.get("event") == "failed":
        raise FinetuneError(last["error"]["message"], hint=last["error"]["hint"])
    if returncode == -signal.SIGKILL:
        raise FinetuneError(
            "the training was killed, as the system does when memory runs out",
            hint="Close other programs and give the same command again: it goes on.",
        )
    messages.seek(max(0, messages.seek(0, os.SEEK_END) - _TAIL_BYTES))
    words = messages.read().decode("utf-8", "replace").strip().splitlines()
    raise FinetuneError(
        f"the training ended with status {returncode}: {words[-1] if words else '-'}",
        hint="Is it a Python with TensorFlow? 'make engines' makes one. The same"
        " command goes on where it was.",
    )
