"""Controls of cameras that GStreamer reads: a played Jetson, and a test source."""

from __future__ import annotations

import threading
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from app import camera_desk
from app.camera_store import CameraStore
from app.errors import SourceLostError
from app.sources.cameras import open_camera
from app.sources.controls import Control, ControlKind
from app.sources.gstreamer.capture import GStreamerCapture
from tests.fakes.gstreamer import why_no_gstreamer
from tests.fakes.jetson import DOCUMENTED, install_jetson

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from app.sources.live import LiveSource

pytestmark = pytest.mark.skipif(
    bool(why_no_gstreamer()), reason=why_no_gstreamer() or "it is there"
)
_URI = "csi://0?size=320x180&fps=120"


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> CameraStore:
    """Where values are kept, empty at first; no camera of this machine is listed."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setattr(camera_desk.query, "list_cameras", tuple)
    from app.camera_store import camera_file

    return CameraStore(camera_file())


def _opened(uri: str) -> LiveSource:
    install_jetson()
    source = open_camera(uri)
    source.open()
    return source


@pytest.fixture
def csi() -> Iterator[LiveSource]:
    with closing(_opened(_URI)) as source:
        yield source


def _element(source: LiveSource) -> Any:
    capture = source._capture
    assert isinstance(capture, GStreamerCapture)
    return capture._pipeline.iterate_sources().next()[1]


def _named(controls: tuple[Control, ...]) -> dict[str, Control]:
    return {each.name: each for each in controls}


def test_a_csi_camera_is_listed_while_it_runs(csi: LiveSource) -> None:
    listed = camera_desk.list_cameras()
    csi.close()

    assert [(each.title, each.uri) for each in listed] == [("CSI camera 0", _URI)]
    assert listed[0].key == "CSI camera 0 at csi://0"
    assert camera_desk.list_cameras() == ()
    with pytest.raises(SourceLostError, match="does not run"):
        camera_desk.read_controls(_URI)


def test_every_control_that_the_element_documents_can_be_set(csi: LiveSource) -> None:
    before = camera_desk.read_controls(_URI)
    # What chooses the sensor, or prints, is no control.
    documented = set(DOCUMENTED["nvarguscamerasrc"]["properties"])
    controlled = documented - {"sensor-id", "sensor-mode", "silent"}
    # A property that holds two bounds is two controls.
    assert len(before) == len(controlled) + 3
    wanted = {
        each.name: each.minimum if each.value != each.minimum else each.maximum
        for each in before
        if not each.name.endswith("at most")
    }

    after = _named(camera_desk.set_controls(_URI, wanted))

    assert {name: after[name].value for name in wanted} == wanted
    element = _element(csi)
    assert element.get_property("exposuretimerange") == "358733000 358733000"
    assert element.get_property("gainrange") == "16 16"
    assert element.get_property("wbmode").value_nick == "off"
    assert element.get_property("saturation") == 0.0
    assert element.get_property("aelock") is True


def test_frames_go_on_while_a_control_is_set(csi: LiveSource) -> None:
    stop = threading.Event()

    def turn() -> None:
        step = 0
        while not stop.is_set():
            step += 1
            camera_desk.set_controls(_URI, {"Saturation": step % 200})

    turner = threading.Thread(target=turn)
    turner.start()
    frames = []
    try:
        while len(frames) < 30:
            frame = csi.read(0.5)
            if frame is not None:
                frames.append(frame.index)
    finally:
        stop.set()
        turner.join()

    assert sorted(set(frames)) == frames


def test_ends_of_a_range_stay_in_order(csi: LiveSource) -> None:
    del csi
    camera_desk.set_controls(_URI, {"Gain, at least": 500, "Gain, at most": 800})
    after = _named(camera_desk.set_controls(_URI, {"Gain, at most": 300}))

    assert after["Gain, at least"].value == 300
    assert after["Gain, at least"].value_text == "3.00"


def test_values_that_were_kept_are_set_before_the_first_frame(
    settings: CameraStore,
) -> None:
    kept = {"Saturation": 150, "Gain, at most": 400, "White balance": 5}
    settings.add_controls("CSI camera 0 at csi://0", kept)

    with closing(_opened(f"{_URI}&gain=2-8")) as source:
        element = _element(source)

    assert element.get_property("saturation") == 1.5
    assert element.get_property("wbmode").value_nick == "daylight"
    # What the address says goes before what was kept.
    assert element.get_property("gainrange") == "2 8"


def test_an_exposure_that_is_too_long_for_the_rate_is_said(csi: LiveSource) -> None:
    capture = csi._capture
    assert capture.warnings() == ()

    camera_desk.set_controls(_URI, {"Exposure, at least": 20_000})

    assert capture.warnings() == ("exposure 20 ms allows 50 fps",)


def test_a_pipeline_offers_what_its_source_lets_be_set_while_it_plays() -> None:
    uri = (
        "gst://videotestsrc is-live=true pattern=solid-color !"
        " video/x-raw,format=GRAY8,width=64,height=48,framerate=100/1"
    )
    with closing(_opened(uri)) as source:
        controls = _named(camera_desk.read_controls(uri))
        assert set(controls) == {"Foreground Color", "Background Color"}
        assert controls["Foreground Color"].kind is ControlKind.INTEGER
        bright = source.read(1.0)
        camera_desk.set_controls(uri, {"Foreground Color": 0x7F000000})
        dark = bright
        while dark is None or dark.image.max() > 20:
            dark = source.read(1.0)

    assert bright is not None
    assert bright.image.min() > 200
