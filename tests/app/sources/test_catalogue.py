from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from app.errors import SourceError, SourceFormatError
from app.sources.catalogue import SOURCE_SCHEMES, open_source
from app.sources.image_folder import ImageFolderSource
from app.sources.synthetic import SyntheticSource
from app.sources.video_file import VideoFileSource

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("uri", "kind"),
    [
        ("synthetic://", SyntheticSource),
        ("SYNTHETIC://?objects=2", SyntheticSource),
        ("clip.mp4", VideoFileSource),
        ("/somewhere/clip", VideoFileSource),
        ("file:///somewhere/clip.mp4", VideoFileSource),
        ("folder:///somewhere", ImageFolderSource),
        ("frames/*.png", ImageFolderSource),
        ("one.PNG", ImageFolderSource),
        ("file:///somewhere/one.jpg", ImageFolderSource),
    ],
)
def test_the_name_decides_the_kind_of_source(uri: str, kind: type) -> None:
    assert type(open_source(uri, is_paced=False)) is kind


def test_a_folder_is_a_folder_of_images(tmp_path: Path) -> None:
    for uri in (str(tmp_path), tmp_path.as_uri()):
        assert isinstance(open_source(uri, is_paced=False), ImageFolderSource)


def test_a_video_with_brackets_in_its_name_is_no_pattern(tmp_path: Path) -> None:
    path = tmp_path / "clip [1].mp4"
    path.touch()

    assert isinstance(open_source(str(path), is_paced=False), VideoFileSource)


@pytest.mark.parametrize("uri", ["http://camera/stream", "webrtc://x", "x://"])
def test_an_unknown_scheme_is_refused_with_those_there_are(uri: str) -> None:
    with pytest.raises(SourceFormatError) as caught:
        open_source(uri, is_paced=False)

    assert uri.partition(":")[0] in caught.value.message
    assert all(scheme in caught.value.hint for scheme in SOURCE_SCHEMES)


@pytest.mark.parametrize("uri", ["", "file://"])
def test_nothing_is_no_source(uri: str) -> None:
    with pytest.raises(SourceFormatError, match="no path"):
        open_source(uri, is_paced=False)


def test_an_option_given_twice_is_refused() -> None:
    with pytest.raises(SourceFormatError, match="noise is given twice"):
        open_source("synthetic://?noise=1&noise=2", is_paced=False)


@pytest.mark.parametrize("name", ["a" * 5000, "zero\0byte.mp4"])
def test_an_impossible_name_is_an_error_of_the_source(name: str) -> None:
    with pytest.raises(SourceError, match="cannot be looked at"):
        open_source(name, is_paced=False)


def test_the_home_folder_is_found(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))

    assert isinstance(open_source("~", is_paced=False), ImageFolderSource)
