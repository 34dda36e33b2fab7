"""Nothing assumes 120 frames a second; live sources of other rates, end to end."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import cv2
import pytest

from app.errors import SourceLostError
from app.frames import TrackState
from app.pipeline import Pipeline
from app.sources.base import FrameMode
from app.sources.catalogue import open_source
from app.sources.live import LinkState, LiveSource
from app.sources.v4l2.capture import V4l2Capture, V4l2Request
from engines.reference import ReferenceEngine
from tests.fakes.v4l2 import FakeCamera, moving_square

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from app.sources.base import FrameSource


_SQUARES = 60


def _run(source: FrameSource, until: Callable[[Pipeline], bool]) -> Pipeline:
    pipeline = Pipeline(source, ReferenceEngine, FrameMode.LIVE)
    pipeline.start()
    deadline_s = time.monotonic() + 30
    try:
        while not until(pipeline) and not pipeline.status().state.is_over:
            assert time.monotonic() < deadline_s
            time.sleep(0.01)
    finally:
        pipeline.stop()
    return pipeline


@pytest.mark.parametrize("rate_hz", [30, 60, 120, 240, 500])
def test_a_scene_of_any_rate_is_tracked_and_accounted_for(rate_hz: int) -> None:
    uri = f"synthetic://?size=160x120&objects=2&fps={rate_hz}&frames={rate_hz // 2}"
    pipeline = _run(open_source(uri, is_paced=True), lambda _: False)

    status = pipeline.status()
    assert status.fault is None
    assert status.ledger.is_balanced
    assert status.ledger.pending == 0
    assert status.ledger.inferred > 0
    assert status.camera is not None
    # By the source's clock, which does not depend on how busy the machine is.
    assert status.camera.arrivals.rate_hz == pytest.approx(rate_hz, rel=0.01)


@pytest.mark.parametrize("rate_hz", [30, 500])
def test_a_camera_of_any_rate_keeps_its_times_and_numbers(rate_hz: int) -> None:
    camera = FakeCamera()
    request = V4l2Request("/dev/video0", "GREY", (320, 180), float(rate_hz))
    source = LiveSource(
        "v4l2:///dev/video0", V4l2Capture(request, open_device=camera.open_device)
    )
    pipeline = Pipeline(source, ReferenceEngine, FrameMode.LIVE)
    results = pipeline.subscribe()
    frames = []
    pipeline.start()
    try:
        while len(frames) < 20:
            result = results.take(0.1)
            if result is not None:
                frames.append(result.frame)
            assert not pipeline.status().state.is_over
    finally:
        pipeline.stop()

    status = pipeline.status()
    assert status.source is not None
    assert status.source.frame_rate_hz == rate_hz
    assert status.ledger.is_balanced
    # By the driver's clock each frame is where its number says, however late it came.
    for frame in frames:
        assert frame.timestamp_ns * 1e-9 * rate_hz == pytest.approx(
            frame.index, abs=1e-3
        )


@pytest.mark.parametrize("rate_hz", [30, 120, 500])
def test_an_id_lasts_at_any_rate(rate_hz: int, tmp_path: Path) -> None:
    for at in range(_SQUARES):
        cv2.imwrite(str(tmp_path / f"{at:03}.png"), moving_square(at, 320, 240))
    uri = f"folder://{tmp_path}?fps={rate_hz}"
    pipeline = Pipeline(
        open_source(uri, is_paced=False), ReferenceEngine, FrameMode.EVERY_FRAME
    )
    results = pipeline.subscribe()
    pipeline.start()
    found = []
    try:
        while not results.is_drained:
            result = results.take(0.1)
            if result is not None:
                found.append(result)
    finally:
        pipeline.stop()

    assert [each.frame.index for each in found] == list(range(_SQUARES))
    times_s = [each.frame.time_s for each in found]
    assert times_s == pytest.approx([at / rate_hz for at in range(_SQUARES)])
    confirmed = [
        each.tracks.id[each.tracks.state == TrackState.CONFIRMED].tolist()
        for each in found[_SQUARES // 2 :]
    ]
    assert confirmed[0]
    assert all(ids == confirmed[0] for ids in confirmed)


def test_a_camera_that_goes_and_comes_is_tracked_before_and_after() -> None:
    camera = FakeCamera()
    request = V4l2Request("/dev/video0", "GREY", (320, 180), 100.0)
    capture = V4l2Capture(request, open_device=camera.open_device)
    pulled: list[int] = []

    def until(pipeline: Pipeline) -> bool:
        status = pipeline.status()
        link = status.camera.report.link if status.camera else LinkState.UP
        if not pulled and status.ledger.inferred > 20:
            camera.is_plugged = False
            pulled.append(status.ledger.inferred)
        elif not camera.is_plugged and link is LinkState.LOST:
            camera.is_plugged = True
            pulled.append(status.ledger.inferred)
        return len(pulled) == 2 and status.ledger.inferred > pulled[1] + 20

    pipeline = _run(LiveSource("v4l2:///dev/video0", capture), until)

    status = pipeline.status()
    assert status.fault is None
    assert status.ledger.is_balanced
    assert status.ledger.lost > 0
    assert status.camera is not None
    assert status.camera.report.outages == 1


def test_a_camera_that_is_given_up_is_the_fault_that_is_shown() -> None:
    camera = FakeCamera()
    request = V4l2Request("/dev/video0", "GREY", (320, 180), 100.0)
    capture = V4l2Capture(request, open_device=camera.open_device)
    source = open_source("v4l2:///dev/video0?reconnect=0", is_paced=True)
    assert isinstance(source, LiveSource)
    source._capture = capture

    def until(pipeline: Pipeline) -> bool:
        if pipeline.status().ledger.inferred > 10:
            camera.is_plugged = False
        return False

    status = _run(source, until).status()

    assert isinstance(status.fault, SourceLostError)
    assert status.ledger.is_balanced
