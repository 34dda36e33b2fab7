from __future__ import annotations

import time
from contextlib import closing
from fractions import Fraction
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest

from app.errors import SourceFormatError, SourceLostError, SourceNotFoundError
from app.paths import SAMPLE_CLIP
from app.sources.base import EndOfSource
from app.sources.video_file import VideoFileSource, _Clock
from tests.app.sources.clips import cut, picture, write_sound, write_video

if TYPE_CHECKING:
    from pathlib import Path

    from app.frames import Frame


def _read_all(source: VideoFileSource) -> list[Frame]:
    """Frames up to the end; what a lost source gave stays in `frames`."""
    frames: list[Frame] = []
    _read_into(frames, source)
    return frames


def _read_into(frames: list[Frame], source: VideoFileSource) -> None:
    try:
        while True:
            frame = source.read(1.0)
            assert frame is not None
            frames.append(frame)
    except EndOfSource:
        return


def _open_all(path: Path) -> list[Frame]:
    with closing(VideoFileSource(str(path), is_paced=False)) as source:
        source.open()
        return _read_all(source)


def test_frames_show_what_was_written(tmp_path: Path) -> None:
    path = write_video(tmp_path / "clip.mkv", 5, codec="ffv1", pix_fmt="gray")

    frames = _open_all(path)

    assert len(frames) == 5
    for index, frame in enumerate(frames):
        assert np.abs(frame.image.astype(int) - picture(index)).max() <= 2


@pytest.mark.parametrize(
    ("codec", "pix_fmt"),
    [("mpeg4", "yuv420p"), ("mjpeg", "yuvj420p"), ("ffv1", "bgr0")],
)
def test_colour_frames_are_bgr(tmp_path: Path, codec: str, pix_fmt: str) -> None:
    path = write_video(tmp_path / "clip.mkv", 3, codec=codec, pix_fmt=pix_fmt)

    frame = _open_all(path)[2]

    # Coding blurs the square's edges, and nothing else.
    difference = np.abs(frame.image.astype(int) - picture(2, is_colour=True))
    assert frame.image.shape == (48, 64, 3)
    assert np.median(difference) <= 3


def test_the_spec_tells_what_the_file_is(tmp_path: Path) -> None:
    path = write_video(tmp_path / "clip.mp4", 7)

    with closing(VideoFileSource(str(path), is_paced=True)) as source:
        spec = source.open()

    assert (spec.title, spec.uri) == ("clip.mp4", str(path))
    assert (spec.width_px, spec.height_px) == (64, 48)
    assert spec.frame_rate_hz == pytest.approx(120.0)
    assert spec.frame_count == 7
    assert not spec.is_live


def test_timestamps_are_those_of_the_file(tmp_path: Path) -> None:
    times_ms = [50, 58, 66, 120, 121]
    path = write_video(tmp_path / "clip.mkv", 5, codec="mjpeg", pix_fmt="yuvj420p",
                       times_ms=times_ms)  # fmt: skip

    frames = _open_all(path)

    expected_ns = [(time_ms - 50) * 1_000_000 for time_ms in times_ms]
    assert [frame.timestamp_ns for frame in frames] == expected_ns


def test_a_stream_without_timestamps_takes_the_frame_rate(tmp_path: Path) -> None:
    path = write_video(tmp_path / "clip.mjpeg", 4, codec="mjpeg", pix_fmt="yuvj420p")

    with closing(VideoFileSource(str(path), is_paced=False)) as source:
        rate_hz = source.open().frame_rate_hz
        frames = _read_all(source)

    times_s = np.array([frame.time_s for frame in frames])
    np.testing.assert_allclose(times_s, np.arange(4) / rate_hz, atol=1e-6)


def test_times_increase_even_where_the_file_says_otherwise() -> None:
    clock, stored = _Clock(rate_hz=100.0), [None, 500, 500, 490, 520, None, 700]
    times_ms = []
    for pts in stored:
        frame = av.VideoFrame(16, 16, "gray")
        frame.pts, frame.time_base = pts, Fraction(1, 1000)
        times_ms.append(clock.timestamp_ns(frame) // 1_000_000)

    # The stored clock is read from the first stamp on: 500 ms is where 10 ms is due.
    assert times_ms == [0, 10, 20, 30, 40, 50, 210]


def test_a_turned_video_stands_upright(tmp_path: Path) -> None:
    path = write_video(tmp_path / "clip.mp4", 2, rotation_deg=90)

    with closing(VideoFileSource(str(path), is_paced=False)) as source:
        spec = source.open()
        frames = _read_all(source)

    assert (spec.width_px, spec.height_px) == (48, 64)
    upright = np.rot90(picture(0))
    assert np.median(np.abs(frames[0].image[..., 0].astype(int) - upright)) <= 3


def test_paced_frames_come_at_their_time(tmp_path: Path) -> None:
    path = write_video(tmp_path / "clip.mp4", 7)

    with closing(VideoFileSource(str(path), is_paced=True)) as source:
        source.open()
        began_ns = time.monotonic_ns()
        frames = _read_all(source)

    assert frames[-1].captured_ns - began_ns >= frames[-1].timestamp_ns


def test_a_frame_that_is_not_due_is_given_later(tmp_path: Path) -> None:
    path = write_video(tmp_path / "clip.mp4", 2, times_ms=[0, 80])

    with closing(VideoFileSource(str(path), is_paced=True)) as source:
        source.open()
        source.read(0.0)
        too_early = source.read(0.0)
        frame = source.read(1.0)

    assert too_early is None
    assert frame is not None
    assert frame.index == 1


def test_a_missing_file_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(SourceNotFoundError, match=r"gone\.mp4"):
        VideoFileSource(str(tmp_path / "gone.mp4"), is_paced=False).open()


def test_a_folder_is_no_video(tmp_path: Path) -> None:
    with pytest.raises(SourceFormatError, match="is a folder"):
        VideoFileSource(str(tmp_path), is_paced=False).open()


def test_an_empty_file_is_no_video(tmp_path: Path) -> None:
    path = tmp_path / "empty.mp4"
    path.touch()

    with pytest.raises(SourceFormatError, match="0 bytes"):
        VideoFileSource(str(path), is_paced=False).open()


def test_a_text_is_no_video(tmp_path: Path) -> None:
    path = tmp_path / "text.mp4"
    path.write_text("not a video\n" * 50)

    with pytest.raises(SourceFormatError, match="cannot be read as video") as caught:
        VideoFileSource(str(path), is_paced=False).open()

    assert caught.value.hint


def test_sound_is_no_video(tmp_path: Path) -> None:
    path = write_sound(tmp_path / "sound.wav")

    with pytest.raises(SourceFormatError, match="sound and no picture"):
        VideoFileSource(str(path), is_paced=False).open()


def test_a_video_without_a_single_good_frame_is_refused(tmp_path: Path) -> None:
    path = write_video(tmp_path / "clip.mp4", 5, codec="mjpeg", pix_fmt="yuvj420p")
    content = bytearray(path.read_bytes())
    begin, end = content.index(b"mdat") + 4, content.index(b"moov") - 4
    content[begin:end] = bytes(end - begin)
    path.write_bytes(content)

    with pytest.raises(SourceFormatError, match="no frame of"):
        VideoFileSource(str(path), is_paced=False).open()


def test_a_file_without_its_index_says_so(tmp_path: Path) -> None:
    path = cut(write_video(tmp_path / "clip.mp4", 30), keep_ratio=0.6)

    with pytest.raises(SourceFormatError) as caught:
        VideoFileSource(str(path), is_paced=False).open()

    assert "index" in caught.value.hint


@pytest.mark.parametrize(
    ("name", "options", "declared"),
    [
        ("index first.mp4", {"movflags": "faststart"}, "of 30"),
        ("clusters.mkv", {}, r"0\.25 s declared"),
        ("index last.avi", {}, "of 30"),
    ],
)
def test_a_cut_video_gives_what_it_has_and_says_where_it_ends(
    tmp_path: Path, name: str, options: dict[str, str], declared: str
) -> None:
    path = write_video(
        tmp_path / name, 30, codec="mjpeg", pix_fmt="yuvj420p", options=options
    )
    whole = _open_all(path)
    cut(path, keep_ratio=0.6)

    frames: list[Frame] = []
    with closing(VideoFileSource(str(path), is_paced=False)) as source:
        source.open()
        with pytest.raises(SourceLostError, match=declared) as caught:
            _read_into(frames, source)

    assert 10 < len(frames) < 22
    assert f"after {len(frames)} frames" in caught.value.message
    for frame, original in zip(frames, whole, strict=False):
        assert np.array_equal(frame.image, original.image)


def test_damage_within_a_video_is_told_and_what_came_before_is_given(
    tmp_path: Path,
) -> None:
    path = write_video(tmp_path / "clip.mp4", 40, codec="mjpeg", pix_fmt="yuvj420p")
    content = bytearray(path.read_bytes())
    middle, length = len(content) // 2, len(content) // 8
    content[middle : middle + length] = bytes(length)
    path.write_bytes(content)

    frames: list[Frame] = []
    with closing(VideoFileSource(str(path), is_paced=False)) as source:
        source.open()
        with pytest.raises(SourceLostError, match="is damaged after"):
            _read_into(frames, source)

    assert 10 < len(frames) < 30


def test_after_a_loss_there_is_nothing_more(tmp_path: Path) -> None:
    path = write_video(tmp_path / "clip.mp4", 30, options={"movflags": "faststart"})
    cut(path, keep_ratio=0.6)
    with closing(VideoFileSource(str(path), is_paced=False)) as source:
        source.open()
        with pytest.raises(SourceLostError):
            _read_all(source)

        with pytest.raises(EndOfSource):
            source.read(0.0)


def test_frames_that_were_waiting_for_their_order_are_not_lost(tmp_path: Path) -> None:
    path = write_video(
        tmp_path / "clip.mp4", 30, codec="libx264", options={"movflags": "faststart"}
    )
    whole = _open_all(path)
    cut(path, keep_ratio=0.9)

    frames: list[Frame] = []
    with closing(VideoFileSource(str(path), is_paced=False)) as source:
        source.open()
        with pytest.raises(SourceLostError):
            _read_into(frames, source)

    assert len(whole) == 30
    assert 5 < len(frames) < 30
    assert [frame.index for frame in frames] == list(range(len(frames)))


def test_a_video_cut_out_of_a_stream_begins_with_its_first_good_frame(
    tmp_path: Path,
) -> None:
    path = write_video(tmp_path / "clip.ts", 40, codec="mpeg2video")
    content = path.read_bytes()
    path.write_bytes(content[188 * (len(content) // 188 // 3) :])

    frames = _open_all(path)

    assert 5 < len(frames) < 40
    assert frames[0].timestamp_ns == 0


def test_options_are_refused() -> None:
    with pytest.raises(SourceFormatError, match="speed"):
        VideoFileSource("file:///clip.mp4?speed=2", is_paced=False)


def test_the_clip_that_ships_is_twenty_seconds_of_fast_objects() -> None:
    with closing(VideoFileSource(str(SAMPLE_CLIP), is_paced=False)) as source:
        spec = source.open()
        frame = source.read(1.0)

    assert (spec.width_px, spec.height_px, spec.frame_rate_hz) == (640, 480, 120.0)
    assert spec.frame_count == 2400
    assert frame is not None
    assert frame.image.std() > 5
