"""What a recorder that died left behind, beside what it had said was written."""

from __future__ import annotations

import statistics
import subprocess
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import cv2

from app.paths import ROOT
from app.recording.recovery import recover_session
from app.recording.session import Session
from app.recording.verify import verify_session
from tests.fakes.recording import told_by

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.recording import Told

_SECOND_NS = 1_000_000_000
_KINDS = ("frames", "results", "samples")


def start_recorder(folder: Path, *options: str) -> subprocess.Popen[str]:
    """Record 640x480 grey at 120 a second into `folder`/session, until it is killed."""
    command = [sys.executable, "-m", "tests.fakes.recording", str(folder), *options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)


@dataclass
class Losses:
    """Adds up what was lost, over many ends."""

    ends: int = 0
    early: int = 0
    """Before anything was written."""
    told: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_KINDS, 0))
    lost: dict[str, list[int]] = field(
        default_factory=lambda: {kind: [] for kind in _KINDS}
    )
    old: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_KINDS, 0))
    """Told over a second before the end."""
    old_kept: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_KINDS, 0))
    problems: list[str] = field(default_factory=list)

    def count(self, folder: Path, output: str, ended_ns: int) -> None:
        """Look at a session, first without any repair, and add it.

        Parameters
        ----------
        output : str
            Of the recorder.
        ended_ns : int
            When it died, by the monotonic clock.
        """
        told = told_by(output)
        if not (folder / "session.json").exists():
            self.early += 1
            if told and told[-1].frames:
                self.problems.append(f"{told[-1].frames} frames told, and no session")
            return
        unrepaired = _frames_of_opencv(folder / "video_000.mp4")
        recover_session(folder)
        session = Session(folder)
        report = verify_session(session)
        samples = len(session.telemetry())
        session.close()
        self.ends += 1
        self.problems += report.problems
        if report.frames != unrepaired:
            self.problems.append(f"{unrepaired} frames before repair, {report.frames}")
        here = {"frames": unrepaired, "results": report.results, "samples": samples}
        old = [each for each in told if each.time_ns < ended_ns - _SECOND_NS]
        for kind in _KINDS:
            last = getattr(told[-1], kind) if told else 0
            self.told[kind] += last
            self.lost[kind].append(max(0, last - here[kind]))
            before = _told(old, kind)
            self.old[kind] += before
            self.old_kept[kind] += min(before, here[kind])

    def print(self) -> None:
        """Print it as a table."""
        print(f"ends                     {self.ends}, and {self.early} before a frame")
        print(f"problems after recovery  {len(self.problems)} {self.problems[:3]}")
        names = {"frames": "frames", "results": "track rows", "samples": "telemetry"}
        for kind in _KINDS:
            share = 100 * self.old_kept[kind] / max(1, self.old[kind])
            print(
                f"{names[kind]:12} told {self.told[kind]:7}, lost a time: median"
                f" {statistics.median(self.lost[kind]):g}, worst"
                f" {max(self.lost[kind])}; of {self.old[kind]} told over a second"
                f" before: {share:.2f} % readable"
            )


def _told(told: list[Told], kind: str) -> int:
    return int(getattr(told[-1], kind)) if told else 0


def _frames_of_opencv(path: Path) -> int:
    video = cv2.VideoCapture(str(path))
    count = 0
    while video.read()[0]:
        count += 1
    video.release()
    return count
