from __future__ import annotations

import dataclasses
import resource
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import av
import cv2
import numpy as np
import pytest

from app.annotated_video import AnnotatedVideo, write_annotated_picture
from app.errors import OutputError
from app.frames import Blobs, Frame, FrameResult, Tracks, Trail
from app.overlay import OverlayOptions, View

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

# Writing to it always fails for want of space.
FULL_DISK = Path("/dev/full")


def result_at(timestamp_ns: int, grey: int = 90) -> FrameResult:
    mask = np.zeros((9, 16), np.bool_)
    mask[3:6, 6:10] = True
    return FrameResult(
        frame=Frame(0, timestamp_ns, 0, np.full((90, 160, 3), grey, np.uint8)),
        blobs=Blobs.empty(),
        tracks=Tracks.empty(),
        mask=mask,
        mask_area_px=(0.0, 0.0, 160.0, 90.0),
        done_ns=0,
    )


def times_us(path: Path) -> list[int]:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        return [
            round(frame.pts * stream.time_base * 1_000_000)
            for frame in container.decode(stream)
            if frame.pts is not None and stream.time_base is not None
        ]


def first_frame(path: Path) -> NDArray[np.uint8]:
    with av.open(str(path)) as container:
        image = next(container.decode(video=0)).to_ndarray(format="bgr24")
        return image.astype(np.uint8, copy=False)


def test_every_frame_keeps_the_time_the_source_gave_it(tmp_path: Path) -> None:
    path = tmp_path / "annotated.mp4"

    with AnnotatedVideo(path, 160, 90, 120.0) as video:
        for time_us in (0, 8_333, 20_000, 31_001, 270_000):
            video.write(result_at(5_000_000_000 + time_us * 1000), ())

    assert times_us(path) == [0, 8_333, 20_000, 31_001, 270_000]


def test_the_video_shows_the_frame_and_what_is_drawn_over_it(tmp_path: Path) -> None:
    path = tmp_path / "annotated.mp4"

    with AnnotatedVideo(path, 160, 90, 120.0) as video:
        video.write(result_at(0), ())

    image = first_frame(path)
    assert image[10, 20] == pytest.approx([90, 90, 90], abs=4)
    assert image[45, 80].mean() > 120


def test_colours_survive_the_way_through_the_file(tmp_path: Path) -> None:
    path = tmp_path / "annotated.mp4"
    result = result_at(0)
    image = np.empty((90, 160, 3), np.uint8)
    image[:] = (40, 160, 220)
    coloured = dataclasses.replace(
        result, frame=dataclasses.replace(result.frame, image=image)
    )

    with AnnotatedVideo(path, 160, 90, 120.0) as video:
        video.write(coloured, ())

    assert first_frame(path)[10, 20] == pytest.approx([40, 160, 220], abs=6)


def test_the_file_says_how_its_colours_are_meant(tmp_path: Path) -> None:
    path = tmp_path / "annotated.mp4"

    with AnnotatedVideo(path, 160, 90, 120.0) as video:
        video.write(result_at(0), ())

    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
    bt601, limited_range = 6, 1
    assert (frame.colorspace, frame.color_range) == (bt601, limited_range)


def test_the_frame_is_fitted_into_the_size_of_the_video(tmp_path: Path) -> None:
    path = tmp_path / "annotated.mp4"

    with AnnotatedVideo(path, 321, 301, 120.0) as video:
        video.write(result_at(0, grey=200), ())

    image = first_frame(path)
    assert image.shape == (300, 320, 3)
    assert image[20, 160].mean() < 60
    assert image[150, 20].mean() == pytest.approx(200, abs=4)


def test_a_video_that_is_never_closed_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "annotated.mp4"
    video = AnnotatedVideo(path, 160, 90, 10.0)
    for frame in range(80):
        video.write(result_at(frame * 100_000_000), ())

    unfinished = tmp_path / "unfinished.mp4"
    unfinished.write_bytes(path.read_bytes())
    video.close()

    # The encoder looks some frames ahead, and they are not written yet.
    assert len(times_us(unfinished)) > 5


def test_closing_twice_does_nothing(tmp_path: Path) -> None:
    video = AnnotatedVideo(tmp_path / "annotated.mp4", 160, 90)
    video.write(result_at(0), ())
    video.close()

    video.close()

    assert times_us(tmp_path / "annotated.mp4") == [0]


def test_a_folder_that_is_missing_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot be written: No such file"):
        AnnotatedVideo(tmp_path / "missing" / "annotated.mp4", 160, 90)


def write_noise(video: AnnotatedVideo, frames: int) -> None:
    """Write what cannot be compressed, so that it soon reaches the disk."""
    rng = np.random.default_rng(1)
    for index in range(frames):
        result = result_at(index * 8_333_333)
        image = rng.integers(0, 256, (90, 160, 3), np.uint8)
        frame = dataclasses.replace(result.frame, image=image)
        video.write(dataclasses.replace(result, frame=frame), ())


def test_a_full_disk_is_told() -> None:
    with pytest.raises(OutputError, match="is full"):
        AnnotatedVideo(FULL_DISK, 160, 90)


@contextmanager
def no_more_bytes() -> Iterator[None]:
    """No file of this process can grow, the log of the tests included."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_file_that_cannot_grow_is_told(tmp_path: Path) -> None:
    video = AnnotatedVideo(tmp_path / "annotated.mp4", 160, 90)

    with no_more_bytes():
        with pytest.raises(OutputError, match="cannot be written: File too large"):
            write_noise(video, 120)
        with pytest.raises(OutputError):
            video.close()


def test_an_error_in_the_block_is_not_hidden_by_one_of_the_file(tmp_path: Path) -> None:
    def fail() -> None:
        video = AnnotatedVideo(tmp_path / "annotated.mp4", 160, 90)
        with ExitStack() as limits, video:
            write_noise(video, 1)
            limits.enter_context(no_more_bytes())
            raise KeyError("mine")

    with pytest.raises(KeyError):
        fail()


def test_a_picture_is_written_at_the_frames_own_size(tmp_path: Path) -> None:
    path = tmp_path / "annotated.png"

    write_annotated_picture(path, result_at(0), ())

    image = cv2.imread(str(path))
    assert image is not None
    assert image.shape == (90, 160, 3)
    assert tuple(image[10, 20]) == (90, 90, 90)
    assert image[45, 80].mean() > 110


def test_a_picture_shows_the_view_that_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "annotated.png"
    trail = Trail(1, np.array([[10, 10], [150, 80]], np.float32))
    nothing = OverlayOptions(shows_mask=False, shows_outlines=False, shows_trails=False)

    write_annotated_picture(
        path, result_at(0), (trail,), View.fit(160, 90, 320, 180), nothing
    )

    image = cv2.imread(str(path))
    assert image is not None
    assert image.shape == (180, 320, 3)
    assert (image == 90).all()


def test_a_picture_that_cannot_be_written_is_told() -> None:
    with pytest.raises(OutputError, match="is full"):
        write_annotated_picture(FULL_DISK, result_at(0), ())
