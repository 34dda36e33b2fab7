"""A recording whose process is killed, in the console as it runs."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

from app.pipeline import PipelineState
from app.recording.library import list_sessions, recover_sessions
from app.recording.manifest import SessionState
from app.recording.session import Session
from app.recording.settings import RecordingSettings
from app.recording.verify import verify_session
from app.remote_feed import FeedProcess
from app.sources.base import FrameMode
from app.sources.catalogue import open_source
from tests.fakes.engines import FakeEngine
from tests.fakes.recording import wait_until

if TYPE_CHECKING:
    from pathlib import Path

_SOURCE = "synthetic://?size=160x120&objects=3"


@pytest.mark.slow
def test_a_killed_feed_leaves_a_session_that_is_found_repaired_and_listed(
    tmp_path: Path,
) -> None:
    process = FeedProcess()
    make_source = partial(open_source, _SOURCE, is_paced=True)
    feed = process.make_feed(make_source, FakeEngine, FrameMode.LIVE)
    feed.start()
    feed.configure_recording(RecordingSettings(tmp_path, reserve_bytes=1_000_000))
    feed.start_recording()
    wait_until(lambda: feed.status().recording.written > 150, 40.0)
    told = feed.status().recording

    process.kill()
    wait_until(lambda: feed.status().state.is_over)
    fault = feed.status().fault
    process.close()
    [unfinished] = list_sessions(tmp_path)
    [recovered] = recover_sessions(tmp_path)
    [listed] = list_sessions(tmp_path)
    session = Session(listed.folder)
    report = verify_session(session)
    session.close()

    assert feed.status().state is PipelineState.FAULTED
    assert fault is not None
    assert unfinished.manifest.state is SessionState.RECORDING
    assert not unfinished.is_recording
    assert recovered.state is listed.manifest.state is SessionState.RECOVERED
    assert report.frames >= told.written
    assert report.results >= told.results
    assert report.problems == ()
