from __future__ import annotations

import errno
import time
from contextlib import closing
from typing import TYPE_CHECKING

import numpy as np
import pytest

from app.errors import (
    SourceBusyError,
    SourceDeniedError,
    SourceFormatError,
    SourceLostError,
    SourceNotFoundError,
)
from app.sources.controls import ControlKind
from app.sources.live import LinkState, LiveOptions, LiveSource
from app.sources.v4l2 import capture as capture_module
from app.sources.v4l2 import device, query, structs
from app.sources.v4l2.capture import V4l2Capture, V4l2Request, choose_mode
from app.sources.v4l2.controls import list_controls, write_control
from app.sources.v4l2.query import VideoMode, describe_camera, list_cameras
from tests.fakes.v4l2 import FakeCamera

if TYPE_CHECKING:
    from pathlib import Path

    from app.frames import Frame

_GREY = V4l2Request("/dev/video0", "GREY", (320, 180), 200.0)


def _source(camera: FakeCamera, request: V4l2Request = _GREY) -> LiveSource:
    capture = V4l2Capture(request, open_device=camera.open_device)
    return LiveSource("v4l2:///dev/video0", capture, LiveOptions(stall_s=0.1))


def _read(source: LiveSource, count: int) -> list[Frame]:
    frames: list[Frame] = []
    deadline_s = time.monotonic() + 10
    while len(frames) < count and time.monotonic() < deadline_s:
        frame = source.read(0.05)
        if frame is not None:
            frames.append(frame)
    assert len(frames) == count
    return frames


def test_what_a_recorded_driver_offers_is_read() -> None:
    described = describe_camera("/dev/video0", FakeCamera().open_device)

    assert described is not None
    assert (described.driver, described.title) == ("vivid", "vivid")
    assert described.bus == "platform:vivid-000"
    modes = {(mode.pixels, mode.size): mode for mode in described.modes}
    assert modes["GREY", "640x360"].rates_hz[:3] == (40.0, 30.0, 25.0)
    assert {"YUYV", "NV12", "BA81", "BG10", "BG12"} <= {each for each, _ in modes}


def test_all_controls_of_a_recorded_driver_are_read() -> None:
    with closing(FakeCamera().open_device("/dev/video0")) as node:
        controls = {each.name: each for each in list_controls(node)}

    brightness = controls["Brightness"]
    assert (brightness.minimum, brightness.maximum, brightness.step) == (0, 255, 1)
    assert brightness.kind is ControlKind.INTEGER
    assert controls["Boolean"].kind is ControlKind.BOOLEAN
    menu = controls["Menu"]
    assert menu.kind is ControlKind.MENU
    # The driver's menu has a hole, which is left out.
    assert [value for value, _ in menu.choices] == [1, 3, 4]
    assert menu.value_text == dict(menu.choices)[menu.value]
    assert controls["Read-Only Integer 32 Bits"].is_read_only


def test_a_control_is_set() -> None:
    camera = FakeCamera()
    with closing(camera.open_device("/dev/video0")) as node:
        control = next(c for c in list_controls(node) if c.name == "Brightness")
        write_control(node, control, 17)

        again = next(c for c in list_controls(node) if c.name == "Brightness")
    assert again.value == 17


def test_saved_controls_are_set_before_the_first_frame() -> None:
    camera = FakeCamera()
    wanted = {"Brightness": 31, "No Such Control": 4, "Contrast": 100_000}
    asked: list[str] = []

    def saved(key: str) -> dict[str, int]:
        asked.append(key)
        return wanted

    capture = V4l2Capture(_GREY, saved, camera.open_device)
    with closing(capture):
        capture.open()

    with closing(camera.open_device("/dev/video0")) as node:
        values = {each.name: each.value for each in list_controls(node)}
    assert asked == ["vivid at platform:vivid-000"]
    assert values["Brightness"] == 31
    assert values["Contrast"] == 255


@pytest.mark.parametrize("pixels", ["GREY", "YUYV"])
def test_frames_come_with_the_drivers_times(pixels: str) -> None:
    request = V4l2Request("/dev/video0", pixels, (320, 180), 200.0)
    with closing(_source(FakeCamera(), request)) as source:
        spec = source.open()
        frames = _read(source, 40)

    assert (spec.width_px, spec.height_px, spec.frame_rate_hz) == (320, 180, 200.0)
    steps = np.diff([frame.index for frame in frames])
    periods_ms = np.diff([frame.timestamp_ns for frame in frames]) * 1e-6
    # However late a frame was read: the driver stamped it when it was taken.
    assert np.allclose(periods_ms, steps * 5.0, atol=0.01)
    assert all(frame.image.max() == 220 for frame in frames)


def test_dropped_frames_are_lost_at_the_driver() -> None:
    camera = FakeCamera(lost={12, 13, 30})
    with closing(_source(camera)) as source:
        source.open()
        frames = _read(source, 40)
        report = source.report()

    numbers = {frame.index for frame in frames}
    assert report.driver_lost == frames[-1].index + 1 - len(frames) >= 3
    assert len(numbers) == 40


def test_an_exposure_too_long_for_the_rate_is_said() -> None:
    camera = FakeCamera(exposure_ticks=200)
    with closing(_source(camera)) as source:
        source.open()
        source._judge_due_s = 0
        _read(source, 2)

        assert "exposure 20 ms allows 50 fps" in source.report().text


def test_an_exposure_that_fits_is_not_worth_a_word() -> None:
    with closing(_source(FakeCamera(exposure_ticks=40))) as source:
        source.open()
        source._judge_due_s = 0
        _read(source, 2)

        assert "exposure" not in source.report().text


def test_an_unplugged_camera_is_found_again() -> None:
    camera = FakeCamera()
    with closing(_source(camera)) as source:
        source.open()
        _read(source, 5)
        camera.is_plugged = False
        while source.report().link is LinkState.UP:
            source.read(0.05)
        assert "/dev/video0" in source.report().problem
        assert "Plug" in source.report().problem
        camera.is_plugged = True

        assert len(_read(source, 5)) == 5
        assert source.report().outages == 1


@pytest.mark.parametrize("fault", ["is_stalled", "is_garbage", "has_foreign_format"])
def test_a_camera_that_gives_nothing_good_is_started_anew(fault: str) -> None:
    camera = FakeCamera()
    with closing(_source(camera)) as source:
        source.open()
        _read(source, 5)
        setattr(camera, fault, True)
        while source.report().link is LinkState.UP:
            source.read(0.05)
        setattr(camera, fault, False)

        assert len(_read(source, 5)) == 5
        assert camera.opened >= 2


def test_a_single_damaged_frame_is_a_lost_one() -> None:
    camera = FakeCamera()
    with closing(_source(camera)) as source:
        source.open()
        _read(source, 5)
        camera.is_garbage = True
        while source.read(0.05) is not None:
            pass
        camera.is_garbage = False
        _read(source, 3)

        assert source.report().outages == 0
        assert source.report().driver_lost >= 1


def test_a_camera_in_use_is_said_to_be() -> None:
    camera = FakeCamera(is_busy=True)
    with pytest.raises(SourceBusyError, match="/dev/video0 is in use") as caught:
        _source(camera).open()

    assert "Close" in caught.value.hint


def test_two_sources_cannot_have_one_camera() -> None:
    camera = FakeCamera()
    with closing(_source(camera)) as first:
        first.open()
        with pytest.raises(SourceBusyError):
            _source(camera).open()


def test_who_may_not_use_it_is_told_which_group_to_join() -> None:
    with pytest.raises(SourceDeniedError, match="permission denied") as caught:
        _source(FakeCamera(is_denied=True)).open()

    assert "sudo usermod -aG" in caught.value.hint
    assert "video" in caught.value.hint


def test_the_group_is_that_of_the_node(tmp_path: Path) -> None:
    import grp

    node = tmp_path / "video9"
    node.touch()
    with (
        pytest.raises(SourceDeniedError) as caught,
        device.driver_errors(str(node), "opening it"),
    ):
        raise OSError(errno.EACCES, "Permission denied")

    assert repr(grp.getgrgid(node.stat().st_gid).gr_name) in caught.value.hint


def test_the_program_that_has_a_camera_is_named(tmp_path: Path) -> None:
    import subprocess

    node = tmp_path / "video9"
    node.touch()
    with (
        node.open() as held,
        subprocess.Popen(["/bin/sleep", "30"], stdin=held) as other,
    ):
        try:
            with (
                pytest.raises(SourceBusyError, match="in use by sleep"),
                device.driver_errors(str(node), "opening it"),
            ):
                raise OSError(errno.EBUSY, "Device or resource busy")
        finally:
            other.kill()


def test_a_camera_that_is_not_there_is_told_with_those_that_are(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(device, "_DEVICES", tmp_path)
    (tmp_path / "video3").mkdir()
    with pytest.raises(SourceNotFoundError, match="there is no /dev/video0") as caught:
        _source(FakeCamera(is_plugged=False)).open()

    assert "/dev/video3" in caught.value.hint


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.ENODEV, SourceLostError),
        (errno.EINVAL, SourceFormatError),
        (errno.ENOTTY, SourceFormatError),
    ],
)
def test_what_the_driver_says_becomes_a_typed_fault(number: int, kind: type) -> None:
    with pytest.raises(kind) as caught, device.driver_errors("/dev/video0", "GREY"):
        raise OSError(number, "said")

    assert "/dev/video0" in caught.value.message
    assert caught.value.hint


def test_a_file_is_no_camera(tmp_path: Path) -> None:
    path = tmp_path / "video0"
    path.touch()
    capture = V4l2Capture(V4l2Request(str(path)))

    # A real node, and the real call: the kernel refuses it.
    with pytest.raises(SourceFormatError, match="refuses telling who it is"):
        capture.open()


def test_all_cameras_are_listed_with_those_that_refuse(tmp_path: Path) -> None:
    good, bad = FakeCamera(), FakeCamera(is_denied=True)
    for number, name in enumerate(("Good Camera", "Shy Camera")):
        (tmp_path / f"video{number}").mkdir()
        (tmp_path / f"video{number}" / "name").write_text(f"{name}\n")

    def open_device(path: str) -> object:
        return (good if path == "/dev/video0" else bad).open_device(path)

    found = list_cameras(open_device, tmp_path)

    assert [each.path for each in found] == ["/dev/video0", "/dev/video1"]
    assert found[0].modes
    assert not found[0].problem
    assert found[1].title == "Shy Camera"
    assert "usermod" in found[1].problem


def _mode(pixels: str, size: str, *rates: float) -> VideoMode:
    width, _, height = size.partition("x")
    return VideoMode(pixels, int(width), int(height), rates)


_MODES = [
    _mode("MJPG", "1280x720", 120.0, 60.0, 30.0),
    _mode("MJPG", "640x480", 120.0, 60.0),
    _mode("MJPG", "1920x1080", 60.0, 30.0),
    _mode("YUYV", "1280x720", 10.0),
    _mode("YUYV", "640x480", 120.0, 30.0),
    _mode("GREY", "640x480", 120.0),
    _mode("H264", "1920x1080", 240.0),
]


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (V4l2Request("/dev/video0"), ("MJPG", "1280x720")),
        (V4l2Request("/dev/video0", rate_hz=60), ("MJPG", "1920x1080")),
        (V4l2Request("/dev/video0", size_px=(640, 480)), ("GREY", "640x480")),
        (
            V4l2Request("/dev/video0", size_px=(640, 480), is_colour=True),
            ("YUYV", "640x480"),
        ),
        (V4l2Request("/dev/video0", pixels="YUYV"), ("YUYV", "640x480")),
        (
            V4l2Request("/dev/video0", pixels="YUYV", size_px=(1280, 720)),
            ("YUYV", "1280x720"),
        ),
        (
            V4l2Request("/dev/video0", size_px=(1920, 1080), rate_hz=120),
            ("MJPG", "1920x1080"),
        ),
    ],
)
def test_the_mode_that_fits_best_is_chosen(
    request_: V4l2Request, expected: tuple[str, str]
) -> None:
    mode = choose_mode(_MODES, request_)

    assert (mode.pixels, mode.size) == expected


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        (V4l2Request("/dev/video0", pixels="NV12"), "MJPG, YUYV"),
        (V4l2Request("/dev/video0", size_px=(333, 222)), "640x480"),
        (
            V4l2Request("/dev/video0", pixels="GREY", size_px=(1280, 720)),
            "640x480",
        ),
    ],
)
def test_what_a_camera_has_not_is_refused_with_what_it_has(
    request_: V4l2Request, said: str
) -> None:
    with pytest.raises(SourceFormatError) as caught:
        choose_mode(_MODES, request_)

    assert said in caught.value.hint


def test_a_camera_with_nothing_readable_is_refused() -> None:
    with pytest.raises(SourceFormatError, match="only H264"):
        choose_mode([_mode("H264", "640x480", 30.0)], V4l2Request("/dev/video0"))


def test_numbers_of_the_calls_are_those_of_the_kernel() -> None:
    # From linux/videodev2.h on 64 bits, as strace prints them.
    assert hex(structs.QUERY_CAPABILITY) == "0x80685600"
    assert hex(structs.SET_FORMAT) == "0xc0d05605"
    assert hex(structs.DEQUEUE_BUFFER) == "0xc0585611"
    assert hex(structs.QUERY_CONTROL) == "0xc0e85667"
    assert hex(structs.SET_PARAMETERS) == "0xc0cc5616"


@pytest.mark.parametrize("text", ["MJPG", "GREY", "Y16", "BA81"])
def test_four_letters_go_there_and_back(text: str) -> None:
    assert structs.fourcc_text(structs.fourcc_code(text)) == text


def test_the_node_is_opened_through_one_place() -> None:
    assert capture_module.open_node is query.open_node is device.open_node
