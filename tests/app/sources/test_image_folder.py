from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from app.errors import SourceFormatError, SourceLostError, SourceNotFoundError
from app.sources.image_folder import ImageFolderSource
from tests.app.sources.clips import picture, write_images

if TYPE_CHECKING:
    from pathlib import Path

    from app.frames import Frame


def _read(source: ImageFolderSource, count: int) -> list[Frame]:
    frames = [source.read(1.0) for _ in range(count)]
    return [frame for frame in frames if frame is not None]


def test_images_come_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    write_images(tmp_path, 12)

    with closing(ImageFolderSource(str(tmp_path), is_paced=False)) as source:
        spec = source.open()
        frames = _read(source, 12)

    assert spec.frame_count == 12
    for index, frame in enumerate(frames):
        assert np.array_equal(frame.image, picture(index))


def test_the_rate_decides_the_timestamps(tmp_path: Path) -> None:
    write_images(tmp_path, 3)

    with closing(ImageFolderSource(f"folder://{tmp_path}?fps=50", is_paced=False)) as (
        source
    ):
        spec = source.open()
        frames = _read(source, 3)

    assert spec.frame_rate_hz == 50.0
    assert [frame.timestamp_ns for frame in frames] == [0, 20_000_000, 40_000_000]


def test_without_a_rate_it_is_120_hz(tmp_path: Path) -> None:
    write_images(tmp_path, 1)

    with closing(ImageFolderSource(str(tmp_path), is_paced=False)) as source:
        assert source.open().frame_rate_hz == 120.0


@pytest.mark.parametrize("rate", ["0", "-5", "fast", "nan", "1e9", ""])
def test_a_bad_rate_is_refused(rate: str) -> None:
    with pytest.raises(SourceFormatError, match="fps") as caught:
        ImageFolderSource(f"folder:///images?fps={rate}", is_paced=False)

    assert repr(rate) in caught.value.message


def test_an_unknown_option_is_refused() -> None:
    with pytest.raises(SourceFormatError, match="'loop'"):
        ImageFolderSource("folder:///images?loop=1", is_paced=False)


def test_a_folder_without_a_name_is_refused() -> None:
    with pytest.raises(SourceFormatError, match="no path"):
        ImageFolderSource("folder://?fps=50", is_paced=False)


def test_other_files_in_the_folder_are_left_out(tmp_path: Path) -> None:
    write_images(tmp_path, 2)
    (tmp_path / "notes.txt").write_text("not an image")
    (tmp_path / "more.png").mkdir()

    with closing(ImageFolderSource(str(tmp_path), is_paced=False)) as source:
        assert source.open().frame_count == 2


def test_a_single_image_is_a_film_of_one_frame(tmp_path: Path) -> None:
    write_images(tmp_path, 3)
    path = tmp_path / "frame1.png"

    with closing(ImageFolderSource(str(path), is_paced=False)) as source:
        spec = source.open()
        frames = _read(source, 1)

    assert spec.frame_count == 1
    assert np.array_equal(frames[0].image, picture(1))


def test_deep_images_are_scaled_to_eight_bits(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "deep.png"), np.full((8, 8), 200 << 8, np.uint16))

    with closing(ImageFolderSource(str(tmp_path), is_paced=False)) as source:
        source.open()
        frames = _read(source, 1)

    assert frames[0].image.dtype == np.uint8
    assert frames[0].image[0, 0] == pytest.approx(200, abs=1)


def test_all_images_are_grey_if_the_first_is(tmp_path: Path) -> None:
    write_images(tmp_path, 1)
    cv2.imwrite(str(tmp_path / "frame1.png"), np.full((48, 64, 3), 90, np.uint8))

    with closing(ImageFolderSource(str(tmp_path), is_paced=False)) as source:
        spec = source.open()
        frames = _read(source, 2)

    assert not spec.is_colour
    assert frames[1].image.shape == (48, 64)


def test_an_empty_folder_is_refused_with_what_counts_as_an_image(
    tmp_path: Path,
) -> None:
    with pytest.raises(SourceFormatError, match="holds no images") as caught:
        ImageFolderSource(str(tmp_path), is_paced=False).open()

    assert ".png" in caught.value.hint


def test_a_pattern_without_matches_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(SourceNotFoundError):
        ImageFolderSource(str(tmp_path / "*.png"), is_paced=False).open()


def test_a_first_image_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "frame0.png").write_text("not an image")

    with pytest.raises(SourceFormatError, match=r"frame0\.png"):
        ImageFolderSource(str(tmp_path), is_paced=False).open()


@pytest.mark.parametrize("content", [b"", b"not an image"])
def test_an_unreadable_image_ends_the_film(tmp_path: Path, content: bytes) -> None:
    write_images(tmp_path, 3)
    (tmp_path / "frame2.png").write_bytes(content)

    with closing(ImageFolderSource(str(tmp_path), is_paced=False)) as source:
        source.open()
        frames = _read(source, 2)
        with pytest.raises(SourceLostError, match=r"frame2\.png"):
            source.read(0.0)

    assert len(frames) == 2


def test_an_image_that_vanished_ends_the_film(tmp_path: Path) -> None:
    write_images(tmp_path, 2)

    with closing(ImageFolderSource(str(tmp_path), is_paced=False)) as source:
        source.open()
        (tmp_path / "frame1.png").unlink()
        _read(source, 1)

        with pytest.raises(SourceLostError, match=r"frame1\.png"):
            source.read(0.0)


def test_an_image_of_another_size_ends_the_film(tmp_path: Path) -> None:
    write_images(tmp_path, 1)
    cv2.imwrite(str(tmp_path / "frame1.png"), np.zeros((20, 30), np.uint8))

    with closing(ImageFolderSource(str(tmp_path), is_paced=False)) as source:
        source.open()
        _read(source, 1)

        with pytest.raises(SourceLostError, match=r"30x20.*64x48"):
            source.read(0.0)
