"""Pipelines that are really slowed, each in one part: the verdict names that part.

What is slowed takes several times as long as it may, so that another program's work
changes nothing, and a verdict is awaited and has to hold.
"""

from __future__ import annotations

import hashlib
import os
import re
import signal
import subprocess
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from app import display as display_module
from app import inference, pipeline
from app.display import Display
from app.evidence import Cause
from app.hardware.cpu import CpuReader
from app.hardware.readings import Cpu, HardwareSample
from app.hardware.tree import Tree
from app.paths import SAMPLE_CLIP
from app.pipeline import Pipeline
from app.recording import recorder, session_writer
from app.recording.encoder import FrameEncoder
from app.recording.settings import RecordingSettings
from app.recording.video_segment import VideoSegment
from app.sources import video_file
from app.sources.base import FrameMode
from app.sources.catalogue import open_source
from app.tracking.tracker import Tracker
from app.verdict import Judge, Verdict
from engines.preprocessing import Preprocessor
from tests.fakes.boards import build_board, read_board, write
from tests.fakes.engines import FakeEngine
from tests.fakes.sources import FakeSource

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from app.sources.base import FrameSource

pytestmark = pytest.mark.slow

IDLE = HardwareSample(cpu=Cpu((), 0.4, 0.35))
_RATE_HZ = 20.0
_SLOW_S = 0.1
_PATIENCE_S = 25.0
# So many verdicts in a row, a tenth of a second apart, are no accident.
_HOLDS = 8


class Looks:
    """A pipeline, with all that may slow it, and who judges it."""

    def __init__(self, pipeline_: Pipeline, display: Display | None) -> None:
        self._pipeline = pipeline_
        self._display = display
        self._judge = Judge()
        self.clock = "14:03"
        self.hardware: Callable[[], HardwareSample] = lambda: IDLE

    def until(self, cause: Cause) -> Verdict:
        """Look until a cause holds; the last verdict where it never does."""
        end_s = time.monotonic() + _PATIENCE_S
        in_a_row = 0
        verdict = Verdict()
        while in_a_row < _HOLDS and time.monotonic() < end_s:
            shown_hz = self._display.status().display_hz if self._display else None
            verdict = self._judge.look(
                self._pipeline.status(),
                shown_hz,
                self.hardware(),
                time.monotonic(),
                self.clock,
            )
            in_a_row = in_a_row + 1 if verdict.cause is cause else 0
            time.sleep(0.1)
        return verdict


@contextmanager
def looking(
    source: FrameSource,
    engine: FakeEngine | None = None,
    *,
    has_display: bool = False,
    sessions: Path | None = None,
) -> Iterator[Looks]:
    """Run a pipeline; with `sessions` it records there."""
    running = Pipeline(source, lambda: engine or FakeEngine(), FrameMode.LIVE)
    with ExitStack() as stack:
        display = None
        if has_display:
            display = Display()
            display.set_feed(running.results, running.trails)
            display.start()
            stack.callback(display.stop)
        if sessions is not None:
            running.configure_recording(RecordingSettings(sessions, reserve_bytes=1))
            running.start_recording("session")
        running.start()
        stack.callback(running.stop)
        yield Looks(running, display)


def camera(*, delay_s: float = 0.022, **more: Any) -> FakeSource:
    """A source that gives twice what it says: a busy machine changes nothing."""
    return FakeSource(None, rate_hz=_RATE_HZ, delay_s=delay_s, is_live=True, **more)


def slow_down(monkeypatch: pytest.MonkeyPatch, owner: object, name: str) -> None:
    """Make a function take longer."""
    function = getattr(owner, name)

    def slow(*arguments: Any, **options: Any) -> Any:
        time.sleep(_SLOW_S)
        return function(*arguments, **options)

    monkeypatch.setattr(owner, name, slow)


def test_none_is_named_where_all_is_well(tmp_path: Path) -> None:
    with looking(camera(), has_display=True, sessions=tmp_path) as looks:
        verdict = looks.until(Cause.WELL)

    assert verdict.cause is Cause.WELL
    assert verdict.text.startswith("Keeps up")
    assert verdict.advice == ""


@pytest.mark.parametrize(
    ("owner", "name", "cause"),
    [
        (Preprocessor, "plane", Cause.PREPARE),
        (FakeEngine, "infer", Cause.ENGINE),
        (inference, "segment", Cause.SEGMENT),
        (Tracker, "update", Cause.TRACK),
    ],
)
def test_a_slowed_stage_is_named(
    monkeypatch: pytest.MonkeyPatch, owner: object, name: str, cause: Cause
) -> None:
    slow_down(monkeypatch, owner, name)

    with looking(camera(), has_display=True) as looks:
        verdict = looks.until(cause)

    assert verdict.cause is cause
    assert re.search(r" \d+ of \d+ fps", verdict.text)


def test_a_slow_camera_is_named() -> None:
    with looking(camera(delay_s=_SLOW_S)) as looks:
        verdict = looks.until(Cause.CAMERA)

    assert verdict.cause is Cause.CAMERA
    assert "of 20 fps arrive" in verdict.text


def test_a_video_that_is_slow_to_decode_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slow_down(monkeypatch, video_file, "_image_of")

    with looking(open_source(str(SAMPLE_CLIP), is_paced=True)) as looks:
        verdict = looks.until(Cause.DECODE)

    assert verdict.cause is Cause.DECODE
    assert "of 120 fps arrive" in verdict.text


@pytest.mark.parametrize(
    ("owner", "name"), [(FrameEncoder, "encode"), (VideoSegment, "write")]
)
def test_a_recording_that_loses_frames_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, owner: object, name: str
) -> None:
    slow_down(monkeypatch, owner, name)
    # Little room for what waits: without, it is lost only after a minute.
    monkeypatch.setattr(recorder, "_RAW_FRAMES", (4, 4))
    monkeypatch.setattr(session_writer, "_QUEUE_BYTES", 100)

    with looking(camera(), has_display=True, sessions=tmp_path) as looks:
        verdict = looks.until(Cause.RECORDING)

    assert verdict.cause is Cause.RECORDING
    assert "frames a second are lost" in verdict.text


def test_a_slow_display_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{__name__}._SLOW_S", 0.4)
    slow_down(monkeypatch, display_module, "compose")

    with looking(camera(), has_display=True) as looks:
        verdict = looks.until(Cause.DISPLAY)

    assert verdict.cause is Cause.DISPLAY
    assert "inference keeps up" in verdict.text


# --- the machine: other programs, heat, power mode


class BusyEngine(FakeEngine):
    """Computes for 10 ms a frame; alone on a core it keeps up."""

    def infer(self, tensor: Any) -> Any:
        end_s = time.thread_time() + 0.01
        block = bytes(1 << 16)
        while time.thread_time() < end_s:
            hashlib.sha256(block)
        return super().infer(tensor)


@contextmanager
def other_programs() -> Iterator[None]:
    """Keep every core busy, by processes that are not ours."""
    script = f"""
        for number in $(seq {4 * (os.cpu_count() or 1)}); do
            timeout 60 sh -c 'while :; do :; done' > /dev/null &
            echo $!
        done
    """
    started = subprocess.run(
        ["sh", "-c", script], stdout=subprocess.PIPE, text=True, check=True
    )
    try:
        yield
    finally:
        for process in started.stdout.split():
            os.kill(int(process), signal.SIGTERM)


def test_other_programs_are_the_cause(monkeypatch: pytest.MonkeyPatch) -> None:
    # As for an operator who may not run threads before those of others.
    monkeypatch.setattr(pipeline, "hurry_thread", lambda _: None)
    cpu = CpuReader(Tree(), os.getpid())
    read_s, sample = 0.0, HardwareSample()

    def read() -> HardwareSample:
        nonlocal read_s, sample
        if time.monotonic() - read_s > 0.5:
            read_s, sample = time.monotonic(), cpu.read()
        return sample

    with other_programs(), looking(camera(), BusyEngine()) as looks:
        looks.hardware = read
        verdict = looks.until(Cause.CPU)

    assert verdict.cause is Cause.CPU
    assert verdict.advice == "Close other programs."
    assert "% by this program" in dict(verdict.evidence)["CPU"]


_TX2_ZONES = "/sys/devices/virtual/thermal/thermal_zone"
_TX2_COOLER = "/sys/class/thermal/cooling_device0"


def heat_tx2(root: Path, milli_c: int, *, is_throttled: bool) -> None:
    """Let a TX2 get hot; its kernel lowers the clocks, as it says itself."""
    for zone in (0, 1):
        write(root, f"{_TX2_ZONES}{zone}/temp", str(milli_c))
    write(root, f"{_TX2_COOLER}/type", "cpu-balanced")
    write(root, f"{_TX2_COOLER}/cur_state", str(4 * is_throttled))


def test_a_tx2_that_heats_up_is_the_cause_since_it_did(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow_down(monkeypatch, FakeEngine, "infer")
    changes = {"/var/lib/nvpmodel/status": "pmode:0000"}
    root = build_board("tx2_r32_maxp_core_arm", tmp_path, changes)
    heat_tx2(root, 60_000, is_throttled=False)
    with looking(camera()) as looks:
        looks.hardware = lambda: read_board(root)
        cool = looks.until(Cause.ENGINE)

        heat_tx2(root, 96_500, is_throttled=True)
        hot = looks.until(Cause.THERMAL)
        looks.clock = "14:09"
        later = looks.until(Cause.THERMAL)

        heat_tx2(root, 70_000, is_throttled=False)
        cool_again = looks.until(Cause.ENGINE)

    assert cool.cause is Cause.ENGINE
    assert hot.cause is Cause.THERMAL
    assert hot.text.startswith("Thermal throttling since 14:03: it slows the engine")
    assert "since 14:03" in later.text
    lines = dict(later.evidence)
    assert lines["Hottest"] == "BCPU-therm 96.5 °C, limit 101 °C"
    assert lines["Throttling"] == ("cooling device cpu-balanced is active since 14:03")
    assert later.remedy is not None
    assert "target_pwm" in later.remedy.apply
    assert cool_again.cause is Cause.ENGINE


def test_an_orin_past_its_limit_is_the_cause(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow_down(monkeypatch, FakeEngine, "infer")
    root = build_board("agx_orin_r36", tmp_path)
    with looking(camera()) as looks:
        looks.hardware = lambda: read_board(root)
        cool = looks.until(Cause.ENGINE)

        write(root, "/sys/class/thermal/thermal_zone8/temp", "97000")
        hot = looks.until(Cause.THERMAL)

    assert (cool.cause, hot.cause) == (Cause.ENGINE, Cause.THERMAL)


def test_a_hot_board_that_keeps_up_is_well(tmp_path: Path) -> None:
    root = build_board("tx2_r32_maxp_core_arm", tmp_path)
    heat_tx2(root, 96_500, is_throttled=True)
    with looking(camera()) as looks:
        looks.hardware = lambda: read_board(root)
        verdict = looks.until(Cause.WELL)

    assert verdict.cause is Cause.WELL


def test_a_board_in_a_slow_mode_is_the_cause(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow_down(monkeypatch, FakeEngine, "infer")
    root = build_board("tx2_r32_maxp_core_arm", tmp_path)
    with looking(camera()) as looks:
        looks.hardware = lambda: read_board(root)
        verdict = looks.until(Cause.POWER_MODE)

    assert verdict.cause is Cause.POWER_MODE
    assert "MAXP_CORE_ARM" in verdict.text
    assert verdict.remedy is not None
    assert verdict.remedy.command == "sudo nvpmodel -m 0"


def test_clocks_that_follow_the_load_can_be_pinned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow_down(monkeypatch, FakeEngine, "infer")
    changes = {"/var/lib/nvpmodel/status": "pmode:0000"}
    root = build_board("tx2_r32_maxp_core_arm", tmp_path, changes)
    with looking(camera()) as looks:
        looks.hardware = lambda: read_board(root)
        verdict = looks.until(Cause.ENGINE)

    assert verdict.cause is Cause.ENGINE
    assert verdict.is_behind
    assert verdict.remedy is not None
    assert "jetson_clocks" in verdict.remedy.apply
