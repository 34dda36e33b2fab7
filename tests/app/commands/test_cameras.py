from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

import main as command_line
from app.commands import cameras
from app.sources.v4l2.query import CameraDescription, describe_camera
from tests.fakes.v4l2 import FakeCamera

if TYPE_CHECKING:
    from _pytest.capture import CaptureFixture


@pytest.fixture(autouse=True)
def two_cameras(monkeypatch: pytest.MonkeyPatch) -> None:
    good = describe_camera("/dev/video0", FakeCamera().open_device)
    shy = CameraDescription("/dev/video2", "Shy", "", "", problem="Join the group.")
    assert good is not None
    monkeypatch.setattr(cameras, "list_cameras", lambda: (good, shy))


def test_cameras_are_listed_with_sizes_and_rates(capsys: CaptureFixture[str]) -> None:
    assert command_line.main(["cameras"]) == 0

    printed = capsys.readouterr().out
    assert "/dev/video0  vivid, platform:vivid-000" in printed
    assert "GREY    640x360  40, 30, 25, 15, 12.5, 10, 5, 4, 2, 1 fps" in printed
    assert "Join the group." in printed


def test_cameras_are_told_as_json(capsys: CaptureFixture[str]) -> None:
    assert command_line.main(["cameras", "--json"]) == 0

    told = json.loads(capsys.readouterr().out)
    assert [each["path"] for each in told] == ["/dev/video0", "/dev/video2"]
    assert {"pixels", "width_px", "height_px", "rates_hz"} <= set(told[0]["modes"][0])


def test_a_machine_without_cameras_is_told_so(
    monkeypatch: pytest.MonkeyPatch, capsys: CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cameras, "list_cameras", tuple)

    assert command_line.main(["cameras"]) == 0
    assert "No camera" in capsys.readouterr().out
