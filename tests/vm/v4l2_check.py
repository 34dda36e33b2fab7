"""Checks the V4L2 source on a real driver; `tools/check_v4l2.py` runs it in a VM."""

from __future__ import annotations

import ctypes
import json
import sys
import time
from contextlib import closing
from typing import TYPE_CHECKING

import numpy as np

from app.errors import ConsoleError, SourceBusyError, SourceFormatError
from app.sources.base import EndOfSource
from app.sources.catalogue import open_source
from app.sources.controls import ControlKind
from app.sources.pixels import PIXEL_FORMATS
from app.sources.v4l2 import structs
from app.sources.v4l2.controls import list_controls, write_control
from app.sources.v4l2.device import DeviceNode
from app.sources.v4l2.query import list_cameras, list_modes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from app.frames import Frame
    from app.sources.live import Sample
    from app.sources.v4l2.device import Argument

_PATH = "/dev/video0"
_RECORDED = {
    structs.QUERY_CAPABILITY,
    structs.ENUMERATE_FORMATS,
    structs.ENUMERATE_SIZES,
    structs.ENUMERATE_INTERVALS,
    structs.QUERY_CONTROL,
    structs.QUERY_MENU,
    structs.GET_CONTROL,
    structs.GET_PARAMETERS,
    structs.GET_FORMAT,
}


def frames_of(uri: str, count: int, *, is_colour: bool = False) -> list[Frame]:
    source = open_source(f"{uri}&frames={count}", is_paced=True, is_colour=is_colour)
    frames: list[Frame] = []
    with closing(source):
        spec = source.open()
        while True:
            try:
                frame = source.read(1.0)
            except EndOfSource:
                break
            if frame is not None:
                frames.append(frame)
    shape = (spec.height_px, spec.width_px) + ((3,) if spec.is_colour else ())
    assert all(frame.image.shape == shape for frame in frames), shape
    return frames


def check_enumeration() -> str:
    cameras = list_cameras()
    assert len(cameras) == 1, cameras
    camera = cameras[0]
    assert camera.driver == "vivid", camera
    formats = {mode.pixels for mode in camera.modes}
    assert {"YUYV", "NV12", "GREY", "BA81"} <= formats, formats
    assert all(mode.rates_hz for mode in camera.modes)
    return f"{camera.title}: {len(formats)} formats, {len(camera.modes)} modes"


def check_formats() -> Iterator[str]:
    for pixels in ("GREY", "YUYV", "UYVY", "NV12", "BA81", "BG10", "BG12", "Y16"):
        for is_colour in (False, True):
            uri = f"v4l2://{_PATH}?format={pixels}&size=320x180"
            try:
                frames = frames_of(uri, 4, is_colour=is_colour)
            except SourceFormatError as error:
                yield f"{pixels}: not offered ({error.message})"
                break
            image = frames[-1].image
            assert image.std() > 10, (pixels, image.std())
            steps = np.diff([frame.index for frame in frames])
            yield f"{pixels} {image.shape}: mean {image.mean():.0f}, steps {steps}"


def check_clock() -> str:
    source = open_source(
        f"v4l2://{_PATH}?format=GREY&size=320x180&fps=25&frames=40", is_paced=True
    )
    stamps_ns: list[int] = []
    read = source._capture.read

    def noted(timeout_s: float) -> Sample | None:
        sample = read(timeout_s)
        if sample is not None:
            stamps_ns.append(sample.timestamp_ns)
        return sample

    source._capture.read = noted
    with closing(source):
        source.open()
        frames = []
        while len(frames) < 40:
            frame = source.read(1.0)
            if frame is not None:
                frames.append(frame)
        report = source.report()
    steps_ms = np.diff([frame.timestamp_ns for frame in frames]) * 1e-6
    numbers = np.diff([frame.index for frame in frames])
    # Frames have the driver's stamps, and not the times at which they were read.
    kept_ns = np.diff(stamps_ns)[-len(steps_ms) :]
    assert (kept_ns == np.diff([frame.timestamp_ns for frame in frames])).all()
    # By the driver's clock, frames are 40 ms apart however late they were read.
    error_ms = np.abs(steps_ms - 40 * numbers).max()
    assert error_ms < 20, steps_ms
    assert -100 < report.delay_p50_ms < 1000, report
    return (
        f"{len(frames)} stamps of the driver kept, {error_ms:.2f} ms from 40;"
        f" read {report.delay_p50_ms:.1f} ms after that time"
    )


def check_controls() -> str:
    with closing(DeviceNode(_PATH)) as device:
        controls = list_controls(device)
        kinds = {control.kind for control in controls}
        assert {
            ControlKind.INTEGER,
            ControlKind.BOOLEAN,
            ControlKind.MENU,
            ControlKind.INTEGER64,
        } <= kinds, kinds
        changed = 0
        for control in controls:
            is_fixed = control.is_read_only or control.is_inactive
            if is_fixed or control.kind not in (
                ControlKind.INTEGER,
                ControlKind.BOOLEAN,
                ControlKind.INTEGER64,
            ):
                continue
            if "error" in control.name.lower() or "inject" in control.name.lower():
                continue
            wanted = (
                control.minimum if control.value != control.minimum else control.maximum
            )
            write_control(device, control, wanted)
            now = {each.id: each for each in list_controls(device)}[control.id]
            assert now.value == wanted, (control, now)
            write_control(device, control, control.value)
            changed += 1
    return f"{len(controls)} controls, {changed} set and read back"


def check_losses() -> str:
    """Leave frames in the driver: what it drops then is counted."""
    source = open_source(f"v4l2://{_PATH}?format=GREY&size=320x180", is_paced=True)
    with closing(source):
        source.open()
        first = None
        while first is None:
            first = source.read(1.0)
        time.sleep(2.0)
        frames = []
        while len(frames) < 20:
            frame = source.read(1.0)
            if frame is not None:
                frames.append(frame)
        lost = frames[-1].index - len(frames)
        report = source.report()
    assert lost > 0
    assert report.driver_lost == lost, (report, lost)
    return f"{lost} frames lost at the driver while nobody read, all counted"


def check_busy() -> str:
    uri = f"v4l2://{_PATH}?format=GREY&size=320x180"
    with closing(open_source(uri, is_paced=True)) as first:
        first.open()
        with closing(open_source(uri, is_paced=True)) as second:
            try:
                second.open()
            except SourceBusyError as error:
                return f"{error.message} / {error.hint}"
    raise AssertionError("two programs had the camera at once")


def check_refusals() -> Iterator[str]:
    for query in ("format=MJPG", "size=12345x9", "format=GREY&size=1x1"):
        try:
            open_source(f"v4l2://{_PATH}?{query}", is_paced=True).open()
        except SourceFormatError as error:
            yield f"{error.message} / {error.hint}"
        else:
            raise AssertionError(f"{query} was taken")


def _hex(data: bytes) -> str:
    """Without the zeros at its end, of which there are many."""
    return data.rstrip(b"\0").hex()


def _is_read(request: int, asked: bytes) -> bool:
    """Whether an answer is about pixels that Peregrine reads, or about none."""
    lists = {
        structs.ENUMERATE_SIZES: structs.SizeEntry,
        structs.ENUMERATE_INTERVALS: structs.IntervalEntry,
    }
    if request not in lists:
        return True
    code = lists[request].from_buffer_copy(asked).pixel_format
    return structs.fourcc_text(code) in PIXEL_FORMATS


def record() -> None:
    """Print what the driver answers, for the fake of the tests."""
    answers = []

    class Recording(DeviceNode):
        def ioctl(self, request: int, argument: Argument) -> None:
            asked = bytes(argument)
            error = 0
            try:
                super().ioctl(request, argument)
            except OSError as caught:
                error = caught.errno
                raise
            finally:
                if request in _RECORDED and _is_read(request, asked):
                    given = bytes(argument)
                    answers.append([request, _hex(asked), error, _hex(given)])

    with closing(Recording(_PATH)) as device:
        device.ioctl(structs.QUERY_CAPABILITY, structs.Capability())
        list(list_modes(device))
        list_controls(device)
        device.ioctl(
            structs.GET_PARAMETERS, structs.StreamParameters(type=structs.CAPTURE)
        )
    print("\nRECORDING-BEGINS")
    text = json.dumps({"machine": ctypes.sizeof(ctypes.c_long) * 8, "answers": answers})
    for at in range(0, len(text), 1000):
        print(text[at : at + 1000])
    print("RECORDING-ENDS")


_CHECKS: tuple[Callable[[], str | Iterator[str]], ...] = (
    check_enumeration,
    check_formats,
    check_clock,
    check_controls,
    check_losses,
    check_busy,
    check_refusals,
)


def main() -> int:
    failed = 0
    for check in _CHECKS:
        try:
            said = check()
            for line in [said] if isinstance(said, str) else said:
                print(f"{check.__name__}: {line}", flush=True)
        except (AssertionError, ConsoleError, OSError) as error:
            failed += 1
            print(f"{check.__name__}: FAILED: {error!r}", flush=True)
    if "--record" in sys.argv:
        record()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
