"""What the kernel's `linux/videodev2.h` calls things: numbers and structures.

The numbers of the calls follow from the sizes of the structures, so that they are right
on 32 and on 64 bits.
"""

from __future__ import annotations

import ctypes
from ctypes import Structure, Union, c_char, c_int32, c_int64, c_long, c_uint8, c_uint32

CAPTURE = 1  # V4L2_BUF_TYPE_VIDEO_CAPTURE
MEMORY_MMAP = 1
FIELD_NONE = 1

CAP_CAPTURE = 0x0000_0001
CAP_CAPTURE_MPLANE = 0x0000_1000
CAP_STREAMING = 0x0400_0000
CAP_DEVICE_CAPS = 0x8000_0000
CAP_TIME_PER_FRAME = 0x1000

BUFFER_ERROR = 0x0040
CLOCK_MASK, CLOCK_MONOTONIC = 0xE000, 0x2000

DISCRETE = 1  # kind of an enumerated size or interval; 2 continuous, 3 stepwise

CONTROL_NEXT = 0x8000_0000
CONTROL_DISABLED, CONTROL_READ_ONLY, CONTROL_INACTIVE = 0x0001, 0x0004, 0x0010
CONTROL_WRITE_ONLY, CONTROL_HAS_PAYLOAD = 0x0040, 0x0100

EXPOSURE_AUTO = 0x009A_0901
EXPOSURE_ABSOLUTE = 0x009A_0902  # in 100 us
EXPOSURE_AUTO_PRIORITY = 0x009A_0903


class Capability(Structure):
    """Who the device is, and what it can do."""

    _fields_ = [
        ("driver", c_char * 16),
        ("card", c_char * 32),
        ("bus_info", c_char * 32),
        ("version", c_uint32),
        ("capabilities", c_uint32),
        ("device_caps", c_uint32),
        ("reserved", c_uint32 * 3),
    ]


class FormatDescription(Structure):
    """One pixel format of a list."""

    _fields_ = [
        ("index", c_uint32),
        ("type", c_uint32),
        ("flags", c_uint32),
        ("description", c_char * 32),
        ("pixel_format", c_uint32),
        ("mbus_code", c_uint32),
        ("reserved", c_uint32 * 3),
    ]


class Fraction(Structure):
    """A rational number."""

    _fields_ = [
        ("numerator", c_uint32),
        ("denominator", c_uint32),
    ]


class SizeEntry(Structure):
    """One frame size of a list.

    `values` are width and height, or least, largest and step of both.
    """

    _fields_ = [
        ("index", c_uint32),
        ("pixel_format", c_uint32),
        ("type", c_uint32),
        ("values", c_uint32 * 6),
        ("reserved", c_uint32 * 2),
    ]


class IntervalEntry(Structure):
    """One time between frames of a list.

    The first of `values`, or least, largest and step.
    """

    _fields_ = [
        ("index", c_uint32),
        ("pixel_format", c_uint32),
        ("width", c_uint32),
        ("height", c_uint32),
        ("type", c_uint32),
        ("values", Fraction * 3),
        ("reserved", c_uint32 * 2),
    ]


class PixelLayout(Structure):
    """Size and layout of a picture in memory."""

    _fields_ = [
        ("width", c_uint32),
        ("height", c_uint32),
        ("pixel_format", c_uint32),
        ("field", c_uint32),
        ("bytes_per_line", c_uint32),
        ("size_bytes", c_uint32),
        ("colour_space", c_uint32),
        ("private", c_uint32),
        ("flags", c_uint32),
        ("encoding", c_uint32),
        ("quantization", c_uint32),
        ("transfer", c_uint32),
    ]


class _FormatUnion(Union):
    _fields_ = [
        ("layout", PixelLayout),
        ("raw", c_uint8 * 200),
        ("alignment", c_long),
    ]


class Format(Structure):
    """The format that frames are captured in."""

    _fields_ = [
        ("type", c_uint32),
        ("of", _FormatUnion),
    ]


class CaptureParameters(Structure):
    """How fast frames are captured."""

    _fields_ = [
        ("capability", c_uint32),
        ("mode", c_uint32),
        ("time_per_frame", Fraction),
        ("extended_mode", c_uint32),
        ("read_buffers", c_uint32),
        ("reserved", c_uint32 * 4),
    ]


class _ParametersUnion(Union):
    _fields_ = [
        ("capture", CaptureParameters),
        ("raw", c_uint8 * 200),
    ]


class StreamParameters(Structure):
    """The parameters of the stream."""

    _fields_ = [
        ("type", c_uint32),
        ("of", _ParametersUnion),
    ]


class BufferRequest(Structure):
    """How many buffers the driver shall have."""

    _fields_ = [
        ("count", c_uint32),
        ("type", c_uint32),
        ("memory", c_uint32),
        ("capabilities", c_uint32),
        ("flags", c_uint8),
        ("reserved", c_uint8 * 3),
    ]


class Timestamp(Structure):
    """Seconds and microseconds."""

    _fields_ = [
        ("seconds", c_long),
        ("microseconds", c_long),
    ]


class _BufferUnion(Union):
    _fields_ = [
        ("offset", c_uint32),
        ("pointer", c_long),
    ]


class Buffer(Structure):
    """One buffer, with what is in it."""

    _fields_ = [
        ("index", c_uint32),
        ("type", c_uint32),
        ("bytes_used", c_uint32),
        ("flags", c_uint32),
        ("field", c_uint32),
        ("timestamp", Timestamp),
        ("timecode", c_uint8 * 16),
        ("sequence", c_uint32),
        ("memory", c_uint32),
        ("of", _BufferUnion),
        ("length", c_uint32),
        ("reserved2", c_uint32),
        ("request", c_int32),
    ]


class ControlDescription(Structure):
    """One control, with its bounds."""

    _fields_ = [
        ("id", c_uint32),
        ("type", c_uint32),
        ("name", c_char * 32),
        ("minimum", c_int64),
        ("maximum", c_int64),
        ("step", c_int64),
        ("default", c_int64),
        ("flags", c_uint32),
        ("element_size", c_uint32),
        ("elements", c_uint32),
        ("dimension_count", c_uint32),
        ("dimensions", c_uint32 * 4),
        ("reserved", c_uint32 * 32),
    ]


class _MenuUnion(Union):
    _fields_ = [
        ("name", c_char * 32),
        ("value", c_int64),
    ]


class MenuEntry(Structure):
    """One choice of a control that is a menu."""

    _pack_ = 1
    _fields_ = [
        ("id", c_uint32),
        ("index", c_uint32),
        ("of", _MenuUnion),
        ("reserved", c_uint32),
    ]


class ControlValue(Structure):
    """A control and its value."""

    _fields_ = [
        ("id", c_uint32),
        ("value", c_int32),
    ]


class _WideUnion(Union):
    _fields_ = [
        ("value", c_int32),
        ("wide", c_int64),
    ]


class WideValue(Structure):
    """A control and its value in 64 bits."""

    _pack_ = 1
    _fields_ = [
        ("id", c_uint32),
        ("size_bytes", c_uint32),
        ("reserved", c_uint32),
        ("of", _WideUnion),
    ]


class WideValues(Structure):
    """Some controls with values in 64 bits."""

    _fields_ = [
        ("which", c_uint32),
        ("count", c_uint32),
        ("fault_at", c_uint32),
        ("request", c_int32),
        ("reserved", c_uint32),
        ("controls", ctypes.POINTER(WideValue)),
    ]


_WRITE, _READ = 1, 2


def _call(
    direction: int,
    number: int,
    argument: type[ctypes._SimpleCData[int]] | type[Structure],
) -> int:
    """Number of a call, as the kernel's macro `_IOC` makes it."""
    return direction << 30 | ctypes.sizeof(argument) << 16 | ord("V") << 8 | number


QUERY_CAPABILITY = _call(_READ, 0, Capability)
ENUMERATE_FORMATS = _call(_READ | _WRITE, 2, FormatDescription)
GET_FORMAT = _call(_READ | _WRITE, 4, Format)
SET_FORMAT = _call(_READ | _WRITE, 5, Format)
REQUEST_BUFFERS = _call(_READ | _WRITE, 8, BufferRequest)
QUERY_BUFFER = _call(_READ | _WRITE, 9, Buffer)
QUEUE_BUFFER = _call(_READ | _WRITE, 15, Buffer)
DEQUEUE_BUFFER = _call(_READ | _WRITE, 17, Buffer)
STREAM_ON = _call(_WRITE, 18, ctypes.c_int)
STREAM_OFF = _call(_WRITE, 19, ctypes.c_int)
GET_PARAMETERS = _call(_READ | _WRITE, 21, StreamParameters)
SET_PARAMETERS = _call(_READ | _WRITE, 22, StreamParameters)
GET_CONTROL = _call(_READ | _WRITE, 27, ControlValue)
SET_CONTROL = _call(_READ | _WRITE, 28, ControlValue)
QUERY_MENU = _call(_READ | _WRITE, 37, MenuEntry)
GET_WIDE_CONTROLS = _call(_READ | _WRITE, 71, WideValues)
SET_WIDE_CONTROLS = _call(_READ | _WRITE, 72, WideValues)
ENUMERATE_SIZES = _call(_READ | _WRITE, 74, SizeEntry)
ENUMERATE_INTERVALS = _call(_READ | _WRITE, 75, IntervalEntry)
QUERY_CONTROL = _call(_READ | _WRITE, 103, ControlDescription)


def fourcc_text(code: int) -> str:
    """The four letters of a pixel format."""
    return code.to_bytes(4, "little").decode("ascii", "replace").rstrip(" \0")


def fourcc_code(text: str) -> int:
    """The number of four letters; the inverse of `fourcc_text`."""
    return int.from_bytes(text.ljust(4).encode("ascii"), "little")
