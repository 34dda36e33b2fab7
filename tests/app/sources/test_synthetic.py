from __future__ import annotations

import time
from contextlib import closing

import numpy as np
import pytest

from app.errors import SourceFormatError
from app.sources.base import EndOfSource
from app.sources.synthetic import OPTION_NAMES, SyntheticSource
from engines.scene import Motion, Scene, SceneSettings

SMALL = "synthetic://?size=64x48&objects=2"


def test_every_option_reaches_the_scene() -> None:
    uri = (
        "synthetic://?size=320x240&fps=200&objects=20&motion=bouncing&speed=100-900"
        "&body=4-9&blur=0.25&contrast=20-60&background=10-90&noise=4&clutter=8"
        "&drift=30&shake=0.5&occluders=2&flicker=0.1&seed=7&frames=5&seconds=9"
    )

    settings = SyntheticSource(uri, is_paced=False).settings

    assert all(f"{name}=" in uri for name in OPTION_NAMES)
    assert settings == SceneSettings(
        width_px=320,
        height_px=240,
        frame_rate_hz=200.0,
        object_count=20,
        motion=Motion.BOUNCING,
        speed_px_s=(100.0, 900.0),
        size_px=(4.0, 9.0),
        exposure_ratio=0.25,
        contrast=(20.0, 60.0),
        background=(10.0, 90.0),
        noise_sigma=4.0,
        clutter=8,
        drift_px_s=30.0,
        jitter_px=0.5,
        occluders=2,
        flicker_ratio=0.1,
        seed=7,
    )


def test_one_number_is_a_range_too() -> None:
    source = SyntheticSource("synthetic://?body=7", is_paced=False)

    assert source.settings.size_px == (7.0, 7.0)


def test_without_options_it_is_the_scene_of_the_defaults() -> None:
    assert SyntheticSource(is_paced=False).settings == SceneSettings()


def test_an_unknown_option_is_refused_with_those_there_are() -> None:
    with pytest.raises(SourceFormatError, match="'colour'") as caught:
        SyntheticSource("synthetic://?colour=red", is_paced=False)

    assert all(name in caught.value.hint for name in OPTION_NAMES)


@pytest.mark.parametrize(
    ("option", "allowed"),
    [
        ("noise=loud", "a number from 0 to 60"),
        ("noise=", "a number from 0 to 60"),
        ("noise=nan", "a number from 0 to 60"),
        ("objects=2.5", "a whole number from 0 to 1000"),
        ("blur=1.5", "a number from 0 to 1"),
        ("motion=sideways", "linear, ballistic, bouncing, manoeuvring, mixed"),
        ("body=9-5", "from 1 to 400"),
        ("speed=fast", "600-4800"),
        ("size=640", "640x480"),
        ("size=4x4", "16x16 to 7680x4320"),
        ("seconds=0", "above 0"),
        ("seconds=inf", "above 0"),
        ("frames=many", "above 0"),
    ],
)
def test_a_bad_value_is_refused_with_what_is_allowed(option: str, allowed: str) -> None:
    key, _, value = option.partition("=")

    with pytest.raises(SourceFormatError) as caught:
        SyntheticSource(f"synthetic://?{option}", is_paced=False)

    assert key in caught.value.message
    assert repr(value) in caught.value.message
    assert allowed in caught.value.hint


def test_a_name_is_refused() -> None:
    with pytest.raises(SourceFormatError, match="demo"):
        SyntheticSource("synthetic://demo?objects=3", is_paced=False)


def test_frames_are_those_of_the_scene() -> None:
    source = SyntheticSource(f"{SMALL}&seed=4", is_paced=False)
    with closing(source):
        source.open()
        frames = [source.read(0.0) for _ in range(3)]

    scene = Scene(source.settings)
    for index, frame in enumerate(frames):
        assert frame is not None
        assert np.array_equal(frame.image, scene.render(index))


def test_the_truth_can_be_asked_after_closing() -> None:
    source = SyntheticSource(SMALL, is_paced=False)
    with closing(source):
        source.open()

    truth = source.scene.truth(3)

    assert np.array_equal(truth.x_px, Scene(source.settings).truth(3).x_px)


def test_seconds_limit_the_number_of_frames() -> None:
    source = SyntheticSource(f"{SMALL}&fps=100&seconds=0.05", is_paced=False)
    with closing(source):
        spec = source.open()
        for _ in range(5):
            source.read(0.0)

        with pytest.raises(EndOfSource):
            source.read(0.0)

    assert spec.frame_count == 5


def test_paced_frames_come_at_their_time() -> None:
    source = SyntheticSource(f"{SMALL}&fps=50&frames=6", is_paced=True)
    with closing(source):
        spec = source.open()
        began_ns = time.monotonic_ns()
        frames = [source.read(1.0) for _ in range(6)]

    arrivals_ns = [frame.captured_ns for frame in frames if frame is not None]
    lateness_ns = np.array(arrivals_ns) - began_ns - np.arange(6) * 20_000_000
    assert spec.is_live
    # Never early; late by as much as a busy machine makes it.
    assert lateness_ns.min() >= 0
    assert np.median(lateness_ns) < 20_000_000


def test_a_frame_that_is_not_due_is_not_given() -> None:
    source = SyntheticSource(f"{SMALL}&fps=2", is_paced=True)
    with closing(source):
        source.open()
        first = source.read(0.0)

        too_early = source.read(0.01)

    assert first is not None
    assert too_early is None


def test_a_reader_that_comes_late_loses_frames() -> None:
    source = SyntheticSource(f"{SMALL}&fps=200", is_paced=True)
    with closing(source):
        source.open()
        source.read(0.1)
        time.sleep(0.1)

        frame = source.read(0.1)

    assert frame is not None
    assert frame.index >= 20
    assert frame.timestamp_ns == frame.index * 5_000_000


def test_a_reader_that_is_a_little_late_loses_none() -> None:
    source = SyntheticSource(f"{SMALL}&fps=5", is_paced=True)
    with closing(source):
        source.open()
        source.read(0.1)
        time.sleep(0.25)

        frame = source.read(0.1)

    assert frame is not None
    assert frame.index == 1


def test_unpaced_frames_are_never_lost() -> None:
    source = SyntheticSource(f"{SMALL}&fps=1000", is_paced=False)
    with closing(source):
        spec = source.open()
        source.read(0.0)
        time.sleep(0.05)

        frame = source.read(0.0)

    assert not spec.is_live
    assert frame is not None
    assert frame.index == 1
