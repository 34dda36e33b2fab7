"""Tracking with the engine in another process, and that process dying."""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pytest

from app.pipeline import Pipeline, PipelineState
from app.sources.base import FrameMode
from engines.base import EngineKind
from engines.catalogue import open_engine
from engines.host.client import HostedEngine
from engines.host.errors import HostLostError
from main import main
from tests.engines.host.hosts import is_running, own_folders, this_python, write_python
from tests.fakes.sources import FakeSource

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from app.frames import FrameResult
    from app.handoff import Backlog
    from engines.base import Engine

SOURCE = partial(FakeSource, size=(160, 120))


@pytest.fixture(autouse=True)
def _own_folders() -> Iterator[None]:
    with own_folders():
        yield


@pytest.fixture(autouse=True)
def _same_switch_interval() -> Iterator[None]:
    before = sys.getswitchinterval()
    yield
    sys.setswitchinterval(before)


class Opener:
    """Opens a hosted engine and remembers it."""

    def __init__(self, python: Path | None = None) -> None:
        self.engine: HostedEngine | None = None
        self._python = python or this_python()

    def __call__(self) -> Engine:
        self.engine = HostedEngine(self._python, EngineKind.REFERENCE)
        return self.engine

    def kill(self) -> int:
        """Kill the host as it is; gives its number."""
        assert self.engine is not None
        process_id = self.engine.host_process_id
        assert process_id is not None
        os.kill(process_id, signal.SIGKILL)
        return process_id


@contextmanager
def _running(pipeline: Pipeline) -> Iterator[Backlog[FrameResult]]:
    results = pipeline.subscribe()
    pipeline.start()
    try:
        yield results
    finally:
        pipeline.stop()


def _all(results: Backlog[FrameResult]) -> list[FrameResult]:
    found = []
    while not results.is_drained:
        result = results.take(timeout_s=0.1)
        if result is not None:
            found.append(result)
    return found


def _blobs(make_engine: Callable[[], Engine]) -> list[list[float]]:
    pipeline = Pipeline(SOURCE(12), make_engine, FrameMode.EVERY_FRAME)
    with _running(pipeline) as results:
        return [result.blobs.x_px.tolist() for result in _all(results)]


def test_a_hosted_engine_finds_what_the_same_engine_finds_here() -> None:
    here = _blobs(partial(open_engine, EngineKind.REFERENCE))

    hosted = _blobs(Opener())

    assert len(np.concatenate(here)) > 5
    assert hosted == here


@pytest.mark.parametrize("mode", list(FrameMode))
def test_a_host_killed_while_tracking_costs_no_more_than_a_frame(
    mode: FrameMode,
) -> None:
    # Given a pipeline that tracks.
    opener = Opener()
    pipeline = Pipeline(SOURCE(120, delay_s=0.003), opener, mode)
    with _running(pipeline) as results:
        for _ in range(5):
            assert results.take(timeout_s=20.0) is not None

        # When the host is killed.
        killed = opener.kill()
        later = _all(results)

    # Then it goes on to the last frame with another host.
    status = pipeline.status()
    assert status.state is PipelineState.FINISHED
    assert later[-1].frame.index == 119
    assert opener.engine is not None
    assert opener.engine.restarts == 1
    assert not is_running(killed)
    # And every frame is accounted for.
    assert status.ledger.is_balanced
    assert status.ledger.pending == 0
    assert status.ledger.discarded <= 1
    if mode is FrameMode.EVERY_FRAME:
        assert status.ledger.inferred + status.ledger.discarded == 120


def test_a_host_that_dies_over_every_frame_is_the_fault_that_is_shown(
    tmp_path: Path,
) -> None:
    python = write_python(
        tmp_path,
        "import os, signal\n"
        "import engines.host.server as server\n"
        "def die(self, message): os.kill(os.getpid(), signal.SIGABRT)\n"
        "server.EngineHost._infer = die",
    )
    pipeline = Pipeline(SOURCE(20), Opener(python), FrameMode.EVERY_FRAME)

    with _running(pipeline) as results:
        found = _all(results)

    status = pipeline.status()
    assert found == []
    assert status.state is PipelineState.FAULTED
    assert isinstance(status.fault, HostLostError)
    assert "died 3 times" in status.fault.message
    assert "SIGABRT" in status.fault.message
    assert status.ledger.is_balanced
    assert status.ledger.pending == 0


def test_a_pipeline_stops_at_once_while_a_new_host_comes_up(tmp_path: Path) -> None:
    # Given a host that takes a minute to come up again.
    lived = tmp_path / "lived"
    python = write_python(
        tmp_path, "", before=f"[ -e {lived} ] && exec sleep 60; touch {lived}"
    )
    opener = Opener(python)
    pipeline = Pipeline(SOURCE(None), opener, FrameMode.EVERY_FRAME)
    with _running(pipeline) as results:
        assert results.take(timeout_s=20.0) is not None
        opener.kill()
        while results.take(timeout_s=0.3) is not None:
            pass

        # When the pipeline is stopped, then no thread is stuck.
        pipeline.stop()

    status = pipeline.status()
    assert status.state is PipelineState.STOPPED
    assert status.ledger.is_balanced


def test_the_command_line_tracks_with_a_hosted_engine(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "engines.host.client")

    status = main(
        [
            "track",
            "synthetic://?size=320x240&objects=3&seed=1",
            f"--out={tmp_path / 'out'}",
            "--engine=reference",
            f"--engine-host={sys.executable}",
            "--every-frame",
            "--frames=30",
        ]
    )

    printed = capsys.readouterr().out
    assert status == 0
    assert json.loads(printed.splitlines()[-1])["inferred"] == 30
    assert "opened reference in numpy" in caplog.text


def test_a_host_that_is_no_python_is_an_error_with_a_hint(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status = main(
        [
            "track",
            "synthetic://",
            f"--out={tmp_path / 'out'}",
            "--engine=reference",
            f"--engine-host={tmp_path / 'no_python'}",
        ]
    )

    assert status == 1
    assert "there is no program" in capsys.readouterr().err
