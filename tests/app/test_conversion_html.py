"""The page of a conversion and a bench: well-formed, whole and self-contained."""

from __future__ import annotations

from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

from app.conversion_html import conversion_page
from app.svg_charts import Bar, bar_chart, line_chart, log_dot_chart

_VOID = ("meta",)


class Reader(HTMLParser):
    """Collects a page's text and tags, and notices tags that are not closed."""

    def __init__(self):
        super().__init__()
        self.open, self.tags, self.links = [], [], []
        self.words = ""

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.links += [value for name, value in attributes if name in ("src", "href")]
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, _attributes):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, words):
        self.words += words


def read(page):
    reader = Reader()
    reader.feed(page)
    reader.close()
    return reader


def step(name, before, after, difference):
    return {
        "name": name,
        "summary": f"what {name} is for",
        "nodes_before": before,
        "nodes_after": after,
        "bytes_after": 4321,
        "seconds": 0.25,
        "max_abs_diff": difference,
        "mask_iou": 0.9876,
        "reasons": [{"nodes": 17, "op": "Identity", "reason": "passes <on> only"}],
        "kept": [{"node": "pad", "op": "Pad", "reason": "odd size"}],
        "notes": ["a note & more"],
    }


@pytest.fixture
def report():
    return {
        "model": "small <unet>",
        "target": "openvino",
        "steps": [
            step("freeze", 275, 182, 0.0),
            step("fold", 182, 104, 2.4e-7),
            step("openvino", 104, 90, None),
        ],
        "engine": {
            "path": "model.xml",
            "kind": "openvino",
            "precision": "fp32",
            "bytes": 98765,
        },
        "samples": "4 made-up pictures",
        "versions": {"numpy": "1.2.3"},
        "seconds": 3.5,
        "speed": None,
        "trials": [],
    }


@pytest.fixture
def speed():
    return {
        "threads": 1,
        "results": [
            {
                "engine": "tensorflow, as trained",
                "fps": 40.5,
                "ratio_to_reference": 1.0,
                "fps_by_round": [40.0, 41.0, 40.5],
            },
            {
                "engine": "openvino",
                "fps": 97.2,
                "ratio_to_reference": 2.4,
                "fps_by_round": [97.0, 98.0, 97.2],
            },
        ],
        "reason": "",
    }


def result(engine, fps, ratio):
    return {
        "engine": engine,
        "precision": "fp32",
        "threads": 1,
        "ms_p50": 1e3 / fps,
        "ms_p95": 2e3 / fps,
        "fps": fps,
        "ratio_to_reference": ratio,
        "mask_iou": None,
        "fps_by_round": [fps, fps * 1.1, fps * 0.9],
    }


@pytest.fixture
def bench():
    return {
        "model": "small",
        "reference": "tensorflow",
        "results": [result("tensorflow", 40.0, 1.0), result("openvino", 123.4, 3.08)],
        "skipped": [{"engine": "openvino:bf16", "reason": "no bf16 arithmetic"}],
        "machine": {
            "cpu": "A Processor",
            "peak_gflops": 110.5,
            "peak_gflops_by_threads": {"1": 110.5},
            "peak_how": "fp32 matrix product",
        },
        "gflop": 5.67,
        "samples": "4 made-up pictures",
        "rounds": 3,
        "versions": ["tensorflow 1.2"],
    }


def charts_of(page):
    """Label of every chart to the chart."""
    parts = page.split("<svg ")[1:]
    found = [
        ElementTree.fromstring("<svg " + one.split("</svg>")[0] + "</svg>")
        for one in parts
    ]
    return {one.get("aria-label"): one for one in found}


def test_speed_of_both_is_shown_as_bars_and_over_time(report, speed):
    page = conversion_page(dict(report, speed=speed))

    charts = charts_of(page)
    bars = charts["Frames a second by engine, 1 thread"]
    words = "".join(bars.itertext())
    assert "tensorflow, as trained" in words
    assert "97.2 fps, 2.40x" in words
    svg = "{http://www.w3.org/2000/svg}"
    widths = [float(one.get("width")) for one in bars.iter(svg + "rect")]
    assert widths[1] == pytest.approx(2.4 * widths[0], rel=0.01)
    over_time = charts["Frames a second over the run, 1 thread"]
    lines = [one.get("points").split() for one in over_time.iter(svg + "polyline")]
    assert [len(points) for points in lines] == [3, 3]


def test_why_the_speed_was_not_measured_is_told(report):
    speed = {"threads": 1, "results": [], "reason": "there is no GPU"}

    assert (
        "Not measured: there is no GPU."
        in read(conversion_page(dict(report, speed=speed))).words
    )


def test_every_try_of_a_search_is_a_row(report):
    trial = {
        "max_workspace_size_bytes": 256 << 20,
        "minimum_segment_size": 5,
        "fps": 61.25,
        "memory_bytes": 300 << 20,
        "engines": 2,
        "failure": "",
    }
    failed = dict.fromkeys(("fps", "memory_bytes", "engines")) | {
        "max_workspace_size_bytes": 64 << 20,
        "minimum_segment_size": 20,
        "failure": "no engine was made",
    }

    page = conversion_page(dict(report, trials=[trial, failed]))

    row = "<td>256</td><td>5</td><td>2</td><td>61.2</td><td>300</td><td></td>"
    assert row in page
    assert "<td>64</td><td>20</td><td>-</td><td>-</td><td>-</td><td>no engine" in page


def test_every_tag_is_closed_in_its_place(report, bench):
    reader = read(conversion_page(report, bench))

    assert reader.open == []


def test_the_nodes_of_every_step_are_there(report):
    words = read(conversion_page(report)).words

    assert all(f"{a} → {b}" in words for a, b in ((275, 182), (182, 104), (104, 90)))


def test_reasons_are_folded_and_written_as_they_are(report):
    reader = read(conversion_page(report))

    assert reader.tags.count("details") == len(report["steps"])
    assert "17 Identity: passes <on> only" in reader.words


def test_speeds_and_what_was_left_out_are_there(bench):
    words = read(conversion_page(None, bench)).words

    assert "123.4 fps, 3.08x" in words
    assert "openvino:bf16: no bf16 arithmetic" in words


def test_the_page_loads_nothing_and_runs_nothing(report, bench):
    reader = read(conversion_page(report, bench))

    assert reader.links == []
    assert not {"script", "link", "iframe", "img"} & set(reader.tags)


def test_a_longer_bar_stands_for_a_larger_value():
    chart = bar_chart(
        "title", [("a", [Bar(50, "50", "first")]), ("b", [Bar(100, "", "first")])]
    )

    rects = ElementTree.fromstring(chart).findall("{*}rect")
    half, whole = (float(one.get("width")) for one in rects)
    assert half == pytest.approx(whole / 2, abs=0.1)


def test_ten_times_the_difference_is_one_decade_on_the_axis():
    chart = log_dot_chart("title", [("a", 1e-7), ("b", 1e-6), ("c", 1e-5)], 1e-4)

    a, b, c = (
        float(one.get("cx"))
        for one in ElementTree.fromstring(chart).findall("{*}circle")
    )
    assert b - a == pytest.approx(c - b, abs=0.2)
    assert b > a


def test_no_difference_stands_at_the_axis_and_left_of_all_others():
    chart = log_dot_chart("title", [("a", 0.0), ("b", 1e-9)], 1e-4)

    a, b = (
        float(one.get("cx"))
        for one in ElementTree.fromstring(chart).findall("{*}circle")
    )
    assert a < b


def test_labels_of_lines_that_end_together_do_not_cover_each_other():
    chart = line_chart("title", "round", [(name, [5.0, 5.0]) for name in "abc"])

    heights = [
        float(one.get("y"))
        for one in ElementTree.fromstring(chart).findall("{*}text")
        if one.text in "abc"
    ]
    assert (
        min(b - a for a, b in zip(sorted(heights), sorted(heights)[1:], strict=False))
        >= 14
    )
