from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.feed_options import FeedOptions
from app.frames import Frame, FrameResult, TrackState
from app.inference import FrameInference, track_frame
from app.pipeline import Pipeline
from app.recording.rows import ResultRow
from app.second_look import LookBudget, LookStatus, SecondLook, second_look_text
from app.segmentation import Thresholds
from app.sources.base import EndOfSource, FrameMode, SourceSpec
from app.tracking.tracker import Tracker
from engines.base import EngineKind
from engines.catalogue import open_engine
from engines.errors import InferenceError
from engines.host.client import HostedEngine
from engines.manifest import Colour, load_manifest
from tests.fakes.engines import FakeEngine

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.handoff import Backlog
    from engines.base import Engine

NETWORK, FRAME = (128, 96), (512, 384)
DOT_PX, STEP_PX = 3, 4
MODEL = Path(__file__).parents[2] / "resources" / "models" / "default"


def frame_at(index: int, size: tuple[int, int] = FRAME, *, is_colour=False) -> Frame:
    """A dark frame with a dot so small that the resize hides it."""
    shape = (size[1], size[0], 3) if is_colour else (size[1], size[0])
    image = np.full(shape, 20, np.uint8)
    x, y = 60 + STEP_PX * index, 120 + index
    image[y : y + DOT_PX, x : x + DOT_PX] = 230
    image.setflags(write=False)
    return Frame(index, round(index * 1e9 / 120), 0, image)


class Dots:
    """Obeys `FrameSource`."""

    def __init__(self, count: int, size: tuple[int, int] = FRAME) -> None:
        self._count, self._size, self._index = count, size, 0

    def open(self) -> SourceSpec:
        width, height = self._size
        return SourceSpec("dots", "dots", width, height, 120.0, None, False, False)

    def read(self, timeout_s: float) -> Frame:
        del timeout_s
        if self._index == self._count:
            raise EndOfSource
        self._index += 1
        return frame_at(self._index - 1, self._size)

    def close(self) -> None:
        pass


def followed(
    engine: Engine, look: SecondLook | None, count: int, size: tuple[int, int] = FRAME
) -> list[FrameResult]:
    """Infer and track frames in this thread."""
    inference, tracker = FrameInference(engine, look), Tracker()
    frames = [frame_at(index, size) for index in range(count)]
    thresholds = Thresholds(0.4, 0.6)
    results = []
    for index in range(count):
        stack = tuple(frames[max(0, index - 2) : index + 1])
        inferred = inference.infer(stack)
        if look is not None:
            look.expect_tracks()
        results.append(track_frame(inferred, thresholds, tracker))
        if look is not None:
            look.note(results[-1])
    return results


def second_look(pictures: int) -> SecondLook:
    look = SecondLook(waits_for_tracks=True)
    look.pictures = pictures
    return look


def run(pictures: int, count: int = 60, size: tuple[int, int] = FRAME) -> Pipeline:
    """A pipeline that has run to its end; its results wait in `results`."""
    pipeline = Pipeline(
        Dots(count, size), lambda: FakeEngine(NETWORK), FrameMode.EVERY_FRAME
    )
    pipeline.adjust(FeedOptions(second_look=pictures))
    return pipeline


def drained(results: Backlog[FrameResult]) -> list[FrameResult]:
    found = []
    while not results.is_drained:
        result = results.take(timeout_s=1.0)
        if result is not None:
            found.append(result)
    return found


def test_what_the_resize_hides_is_found_tracked_and_drawn() -> None:
    once = followed(FakeEngine(NETWORK), None, 60)
    again = followed(FakeEngine(NETWORK), second_look(1), 60)

    assert all(len(result.blobs) == 0 for result in once)
    last = again[-1]
    confirmed = last.tracks.state == TrackState.CONFIRMED
    assert confirmed.tolist() == [True]
    assert last.tracks.x_px[0] == pytest.approx(60 + STEP_PX * 59 + 1, abs=1)
    assert last.tracks.y_px[0] == pytest.approx(120 + 59 + 1, abs=1)
    assert sum(int(crop.mask.sum()) for crop in last.crops) == DOT_PX**2
    assert {crop.is_search for crop in last.crops} == {True, False}


def test_the_same_frames_give_the_same_crops_whatever_the_threads_do() -> None:
    runs = []
    for _ in range(2):
        pipeline = run(2)
        results = pipeline.subscribe()
        pipeline.start()
        found = drained(results)
        pipeline.stop()
        runs.append([[(c.left_px, c.top_px) for c in r.crops] for r in found])

    alone = followed(FakeEngine(NETWORK), second_look(2), 60)

    assert len(runs[0]) == 60
    assert runs[0] == runs[1]
    assert runs[0] == [[(c.left_px, c.top_px) for c in r.crops] for r in alone]


def test_a_pipeline_tells_what_the_second_look_costs() -> None:
    pipeline = run(2)
    results = pipeline.subscribe()
    pipeline.start()
    found = drained(results)
    pipeline.stop()

    status = pipeline.status()

    assert status.second_look.pictures == 2
    assert status.second_look.crops == pytest.approx(8, abs=0.1)
    assert status.second_look.look_ms > 0
    assert status.stages.look_ms > 0
    assert all(result.stages.look_ms > 0 for result in found)
    assert "of 8 crops a frame" in second_look_text(status.second_look)


def test_it_is_off_until_it_is_asked_for_and_can_be_turned_off() -> None:
    look = SecondLook(waits_for_tracks=True)
    engine = FakeEngine(NETWORK)
    assert not any(result.crops for result in followed(engine, look, 4))
    assert engine.inferred == 4

    look.pictures = 1
    assert all(len(result.crops) == 4 for result in followed(engine, look, 4))
    assert engine.inferred == 12

    look.pictures = 0
    assert not any(result.crops for result in followed(engine, look, 4))
    assert look.status() == LookStatus()


def test_there_is_none_where_the_network_sees_every_pixel_already() -> None:
    engine, look = FakeEngine(NETWORK), second_look(4)

    results = followed(engine, look, 5, (160, 130))

    assert not any(result.crops for result in results)
    assert engine.inferred == 5
    assert look.status().crops == 0


def test_frames_that_change_their_size_are_looked_at_by_their_new_one() -> None:
    look, engine = second_look(1), FakeEngine(NETWORK)
    inference = FrameInference(engine, look)

    shapes = []
    for size in ((512, 384), (700, 500), (512, 384)):
        inferred = inference.infer((frame_at(0, size),))
        shapes.append(inferred.looks[0].frame_px)

    assert shapes == [(512, 384), (700, 500), (512, 384)]


def test_an_engine_that_fails_over_a_crop_fails_the_frame() -> None:
    # The first inference is of the whole view.
    inference = FrameInference(FakeEngine(NETWORK, fails_at=1), second_look(1))

    with pytest.raises(InferenceError):
        inference.infer((frame_at(0),))


def test_nobody_waits_for_tracks_of_a_tracker_that_has_ended() -> None:
    look = second_look(1)
    look.expect_tracks()
    look.close()

    inferred = FrameInference(FakeEngine(NETWORK), look).infer((frame_at(0),))

    assert len(inferred.looks) == 1


class _Colourful(FakeEngine):
    """Foreground where the last of three channels is bright."""

    def __init__(self, colour: Colour) -> None:
        super().__init__(NETWORK)
        model = self._spec.model
        spec = model.input._replace(colour=colour)
        self._spec = self._spec._replace(model=model._replace(input=spec))

    def infer(self, tensor: np.ndarray) -> np.ndarray:
        return super().infer(tensor)[..., -1:]


@pytest.mark.parametrize("colour", list(Colour))
@pytest.mark.parametrize("is_colour", [False, True])
def test_crops_are_in_the_colours_that_the_network_takes(
    colour: Colour, is_colour: bool
) -> None:
    frame = frame_at(0, is_colour=is_colour)
    if is_colour:
        image = frame.image.copy()
        image[120:123, 60:63] = (0, 0, 230) if colour is Colour.RGB else (230, 230, 230)
        frame = Frame(
            0, 0, 0, image[..., ::-1].copy() if colour is Colour.RGB else image
        )
    look = second_look(4)
    inference = FrameInference(_Colourful(colour), look)

    peak = 0.0
    for _ in range(30):
        for picture in inference.infer((frame,)).looks:
            peak = max(peak, float(picture.probability.max()))

    assert peak == pytest.approx(230 / 255, abs=0.01)


def _hosted() -> Engine:
    return HostedEngine(Path(sys.executable), EngineKind.REFERENCE)


ENGINES: dict[str, Callable[[], Engine]] = {
    "reference": lambda: open_engine(EngineKind.REFERENCE),
    "openvino": lambda: open_engine(EngineKind.OPENVINO, load_manifest(MODEL)),
    "hosted": _hosted,
}


@pytest.mark.parametrize("name", list(ENGINES))
def test_any_engine_sees_in_a_crop_what_it_does_not_see_in_the_whole(name: str) -> None:
    with ENGINES[name]() as engine:
        size = (1280, 960)
        once = followed(engine, None, 40, size)
        again = followed(engine, second_look(4), 40, size)

    def errors(results: list[FrameResult]) -> list[float]:
        return [
            float(np.hypot(x - 61 - STEP_PX * n, y - 121 - n))
            for result in results
            for n in [result.frame.index]
            for x, y in zip(result.blobs.x_px, result.blobs.y_px, strict=True)
        ]

    seen = [error for error in errors(again[20:]) if error < 3]
    assert len(seen) >= 15
    assert len([error for error in errors(once[20:]) if error < 1]) < len(seen)


@given(
    period_ms=st.floats(2, 50),
    whole_ms=st.floats(0.5, 60),
    picture_ms=st.floats(0.5, 60),
    most=st.integers(0, 4),
)
def test_a_live_feed_is_given_no_more_than_there_is_time_for(
    period_ms: float, whole_ms: float, picture_ms: float, most: int
) -> None:
    budget = LookBudget(period_ms)
    spent_ms, counts = 0.0, []
    for _ in range(300):
        count = budget.pictures(most, whole_ms)
        counts.append(count)
        spent_ms += count * picture_ms
        if count:
            budget.note(count, count * picture_ms)

    assert all(0 <= count <= most for count in counts)
    left_ms = max(0.0, 0.85 * period_ms - whole_ms)
    # At first it takes a picture for as long as the whole view.
    assert spent_ms <= 300 * left_ms + 2 * most * max(picture_ms, whole_ms)
    if left_ms < 0.01:
        assert spent_ms == 0
    if left_ms > 1.01 * most * max(picture_ms, whole_ms):
        assert counts == [most] * 300


def test_time_for_half_a_picture_gives_every_other_frame_one() -> None:
    budget = LookBudget(10.0)
    counts = []
    for _ in range(40):
        count = budget.pictures(1, 6.5)
        counts.append(count)
        if count:
            budget.note(1, 4.0)

    assert sum(counts[20:]) == 10


def test_a_recorded_mask_holds_what_only_a_crop_showed() -> None:
    result = followed(FakeEngine(NETWORK), second_look(1), 60)[-1]

    mask = ResultRow.of(result, keeps_mask=True).mask

    assert not result.mask.any()
    assert mask is not None
    assert mask.shape == result.mask.shape
    rows, columns = np.nonzero(mask)
    assert columns.mean() * 4 == pytest.approx(result.blobs.x_px[0], abs=4)
    assert rows.mean() * 4 == pytest.approx(result.blobs.y_px[0], abs=4)
