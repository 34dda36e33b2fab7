"""A Jetson's elements of GStreamer, played: with the properties that NVIDIA documents.

`tests/data/jetson/elements.json` holds their names, types and bounds as
`gst-inspect-1.0` prints them on a board. The camera gives a moving square, the
converter copies luma, the decoder is a software one.
"""

from __future__ import annotations

import ctypes
import json
import time
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from app.sources.gstreamer.library import import_gstreamer
from tests.fakes.v4l2 import moving_square

DOCUMENTED: dict[str, dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "data" / "jetson" / "elements.json").read_text()
)
_KINDS = {"bool": bool, "int": int, "float": float, "string": str}


@cache
def install_jetson() -> None:
    """Make the elements known in this process. Calling it again does nothing."""
    gst, _ = import_gstreamer()
    import gi

    gi.require_version("GstBase", "1.0")
    from gi.repository import GObject, GstBase

    def properties_of(name: str) -> dict[str, tuple[Any, ...]]:
        return {
            key: _specification(GObject, f"{name}-{key}", told)
            for key, told in DOCUMENTED[name]["properties"].items()
        }

    def template(name: str, direction: str) -> Any:
        is_source = direction == "gives"
        return gst.PadTemplate.new(
            "src" if is_source else "sink",
            gst.PadDirection.SRC if is_source else gst.PadDirection.SINK,
            gst.PadPresence.ALWAYS,
            gst.Caps.from_string("; ".join(map(_caps, DOCUMENTED[name][direction]))),
        )

    class Kept:
        """Keeps its properties, as an element does."""

        def do_get_property(self, spec: Any) -> object:
            return self.__dict__.get(spec.name, spec.default_value)

        def do_set_property(self, spec: Any, value: object) -> None:
            self.__dict__[spec.name] = value

    class Camera(Kept, GstBase.PushSrc):  # type: ignore[misc,name-defined]
        __gstmetadata__ = ("NvArgusCameraSrc", "Video/Capture", "played", "tests")
        __gsttemplates__ = template("nvarguscamerasrc", "gives")
        __gproperties__ = properties_of("nvarguscamerasrc")

        def __init__(self) -> None:
            super().__init__()
            self.set_live(True)
            self.set_format(gst.Format.TIME)
            self.set_do_timestamp(True)
            self.index, self.began_s = 0, 0.0

        def do_set_caps(self, caps: Any) -> bool:
            self.caps = caps.get_structure(0)
            return True

        def do_gst_push_src_create(self, _buffer: object) -> tuple[Any, Any]:
            width, height = self.caps.get_value("width"), self.caps.get_value("height")
            _, rate, over = self.caps.get_fraction("framerate")
            if not self.index:
                self.began_s = time.monotonic()
            due_s = self.began_s + self.index * over / rate
            time.sleep(max(0.0, due_s - time.monotonic()))
            luma = moving_square(self.index, width, height)
            chroma = np.full(width * height // 2, 128, np.uint8)
            self.index += 1
            picture = gst.Buffer.new_wrapped(luma.tobytes() + chroma.tobytes())
            return gst.FlowReturn.OK, picture

    class Converter(Kept, GstBase.BaseTransform):  # type: ignore[misc,name-defined]
        __gstmetadata__ = ("NvVidConv Plugin", "Filter", "played", "tests")
        __gsttemplates__ = (
            template("nvvidconv", "takes"),
            template("nvvidconv", "gives"),
        )
        __gproperties__ = properties_of("nvvidconv")

        def do_transform_caps(
            self,
            direction: Any,
            caps: Any,
            other: Any,
        ) -> Any:
            is_sink = direction == gst.PadDirection.SINK
            found = (self.srcpad if is_sink else self.sinkpad).get_pad_template_caps()
            sized = gst.Caps.new_empty()
            for at in range(caps.get_size()):
                for each in range(found.get_size()):
                    made = found.get_structure(each).copy()
                    for key in ("width", "height", "framerate"):
                        if caps.get_structure(at).has_field(key):
                            made.set_value(key, caps.get_structure(at).get_value(key))
                    sized.append_structure_full(made, found.get_features(each).copy())
            return sized.intersect(other) if other else sized

        def do_set_caps(self, _given: Any, made: Any) -> bool:
            self.caps = made.get_structure(0)
            return True

        def do_get_unit_size(self, caps: Any) -> tuple[bool, int]:
            told = caps.get_structure(0)
            area = told.get_value("width") * told.get_value("height")
            parts = {"GRAY8": 2, "NV12": 3, "I420": 3, "BGRx": 8, "RGBA": 8}
            return True, area * parts[told.get_value("format")] // 2

        def do_transform(self, given: Any, made: Any) -> Any:
            # The pad's own are gone already while the pipeline is stopped.
            area = self.caps.get_value("width") * self.caps.get_value("height")
            with (
                given.map(gst.MapFlags.READ) as here,
                made.map(gst.MapFlags.WRITE) as there,
            ):
                luma = np.frombuffer(here.data, np.uint8, area)
                channels = 1 if self.caps.get_value("format") == "GRAY8" else 4
                pixels = np.frombuffer(there.data, np.uint8, area * channels)
                pixels.reshape(area, channels)[:] = luma[:, None]
            return gst.FlowReturn.OK

    class Decoder(Kept, gst.Bin):  # type: ignore[misc,name-defined]
        __gstmetadata__ = ("NVIDIA v4l2 video decoder", "Codec", "played", "tests")
        __gsttemplates__ = (
            template("nvv4l2decoder", "takes"),
            template("nvv4l2decoder", "gives"),
        )
        __gproperties__ = properties_of("nvv4l2decoder")

        def __init__(self) -> None:
            super().__init__()
            inside = gst.parse_bin_from_description(
                "openh264dec ! videoconvert ! capsfilter caps=video/x-raw,format=NV12",
                True,
            )
            self.add(inside)
            for name in ("sink", "src"):
                self.add_pad(gst.GhostPad.new(name, inside.get_static_pad(name)))

    for name, kind in (
        ("nvarguscamerasrc", Camera),
        ("nvvidconv", Converter),
        ("nvv4l2decoder", Decoder),
    ):
        GObject.type_register(kind)
        gst.Element.register(None, name, gst.Rank.NONE, kind)


def _caps(told: dict[str, Any]) -> str:
    if "media" in told:
        return str(told["media"])
    memory = f"(memory:{told['memory']})" if told["memory"] else ""
    formats = ", ".join(told["formats"])
    return f"video/x-raw{memory}, format=(string){{{formats}}}"


def _specification(gobject: Any, name: str, told: dict[str, Any]) -> tuple[Any, ...]:
    """One property, as PyGObject takes it."""
    kind, default = told["type"], told["default"]
    flags = gobject.ParamFlags.READWRITE
    if kind == "enum":
        number = told["names"].index(default)
        return _enum_type(name, tuple(told["names"])), name, name, number, flags
    if kind in ("int", "float"):
        return _KINDS[kind], name, name, told["low"], told["high"], default, flags
    return _KINDS[kind], name, name, default, flags


class _EnumValue(ctypes.Structure):
    _fields_ = (
        ("value", ctypes.c_int),
        ("name", ctypes.c_char_p),
        ("nick", ctypes.c_char_p),
    )


_kept: list[object] = []
"""GLib keeps pointers to these."""


def _enum_type(name: str, nicks: tuple[str, ...]) -> Any:
    """Register an enumeration, which PyGObject cannot."""
    from gi.repository import GObject

    values = (_EnumValue * (len(nicks) + 1))(
        *(
            _EnumValue(number, nick.encode(), nick.encode())
            for number, nick in enumerate(nicks)
        )
    )
    type_name = f"Played-{name}".encode()
    _kept.extend((values, type_name))
    glib = ctypes.CDLL("libgobject-2.0.so.0")
    glib.g_enum_register_static.restype = ctypes.c_size_t
    glib.g_enum_register_static(type_name, values)
    return GObject.type_from_name(type_name.decode())
