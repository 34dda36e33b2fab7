"""The pipelines for a Jetson, against what NVIDIA documents of each element."""

from __future__ import annotations

import re
import shlex
from typing import Any

import pytest

from app.sources.gstreamer.launch import (
    FLIPS,
    HARDWARE_CODECS,
    CsiRequest,
    csi_pipeline,
    hardware_rtp_pipeline,
    hardware_rtsp_pipeline,
)
from tests.fakes.jetson import DOCUMENTED

_FULL = CsiRequest(
    sensor=3,
    size_px=(1920, 1080),
    rate_hz=59.94,
    is_colour=True,
    flip="upper-left-diagonal",
    exposure_us=(34, 4000),
    gain=(1, 8.5),
    locks_exposure=True,
    locks_white_balance=True,
)
_PIPELINES = [
    csi_pipeline(CsiRequest()),
    csi_pipeline(_FULL),
    *(
        hardware_rtsp_pipeline("rtsp://h/s", codec, "tcp", is_colour=is_colour)
        for codec in HARDWARE_CODECS
        for is_colour in (False, True)
    ),
    *(
        hardware_rtp_pipeline("239.1.2.3", 5000, codec, 96, is_colour=False)
        for codec in HARDWARE_CODECS
    ),
]


def _elements(launch: str) -> list[tuple[str, dict[str, str]]]:
    """Names and properties; caps, which follow an element, are left out."""
    found = []
    for part in launch.split(" ! "):
        name, *words = shlex.split(part)
        if "/" not in name:
            pairs = (word.partition("=") for word in words)
            found.append((name, {key: value for key, _, value in pairs}))
    return found


def _is_taken(told: dict[str, Any], value: str) -> bool:
    kind = told["type"]
    if kind == "bool":
        return value in ("true", "false")
    if kind == "enum":
        return value in told["names"] or int(value) in range(len(told["names"]))
    if kind == "string":
        # Both ends of a range: NVIDIA's example is exposuretimerange="34000 358733000".
        return re.fullmatch(r"\d+(\.\d+)? \d+(\.\d+)?", value) is not None
    return bool(told["low"] <= float(value) <= told["high"])


@pytest.mark.parametrize("launch", _PIPELINES)
def test_each_of_nvidias_elements_has_the_properties_that_are_set(launch: str) -> None:
    boards = [each for each in _elements(launch) if each[0].startswith("nv")]

    assert boards
    for name, properties in boards:
        documented = DOCUMENTED[name]["properties"]
        assert set(properties) <= set(documented), name
        for key, value in properties.items():
            assert _is_taken(documented[key], value), (name, key, value)


@pytest.mark.parametrize("launch", _PIPELINES)
def test_elements_are_joined_by_pixels_that_both_document(launch: str) -> None:
    parts = [part.strip() for part in launch.split(" ! ")]
    for at, part in enumerate(parts):
        caps = re.match(r"video/x-raw(?:\(memory:(\w+)\))?,", part)
        if caps is None:
            continue
        memory = caps[1] or ""
        pixels = re.search(r"format=\(string\)(\w+)", part)
        assert pixels is not None
        for name, direction in ((parts[at - 1], "gives"), (parts[at + 1], "takes")):
            told = DOCUMENTED.get(name.split()[0])
            if told is not None:
                offered = {
                    each["memory"]: each["formats"]
                    for each in told[direction]
                    if "memory" in each
                }
                assert pixels[1] in offered[memory], (name, direction)


@pytest.mark.parametrize("launch", _PIPELINES)
def test_pixels_leave_the_devices_memory_before_the_sink(launch: str) -> None:
    converter, caps, sink = [part.strip() for part in launch.split(" ! ")][-3:]

    assert converter.split()[0] == "nvvidconv"
    assert caps in (
        "video/x-raw, format=(string)GRAY8",
        "video/x-raw, format=(string)BGRx",
    )
    assert sink.split()[0] == "appsink"


def test_flips_are_named_as_the_converter_numbers_them() -> None:
    assert list(FLIPS) == DOCUMENTED["nvvidconv"]["properties"]["flip-method"]["names"]


def test_the_decoder_gets_what_the_depayloader_gives() -> None:
    launch = hardware_rtp_pipeline("", 5000, "h265", 97, is_colour=False)
    names = [name for name, _ in _elements(launch)]

    assert names == [
        "udpsrc",
        "rtpjitterbuffer",
        "rtph265depay",
        "h265parse",
        "nvv4l2decoder",
        "nvvidconv",
        "appsink",
    ]
    assert "encoding-name=(string)H265, payload=(int)97" in launch
    taken = [each.get("media") for each in DOCUMENTED["nvv4l2decoder"]["takes"]]
    assert taken == ["video/x-h264", "video/x-h265"]
