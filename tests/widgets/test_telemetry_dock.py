from __future__ import annotations

import gc
import subprocess
import sys
import tracemalloc
from typing import TYPE_CHECKING

import pytest
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QComboBox, QLabel, QScrollBar

from app.hardware.figures import HardwareFigures
from app.paths import ROOT
from app.telemetry import TelemetryEvent
from tests.fakes.statuses import sample
from widgets.telemetry_dock import TelemetryDock
from widgets.theme import Colour

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot


@pytest.fixture
def dock(qtbot: QtBot) -> TelemetryDock:
    dock = TelemetryDock()
    qtbot.addWidget(dock)
    dock.resize(340, 480)
    dock.show()
    return dock


def test_an_empty_dock_tells_what_comes(dock: TelemetryDock) -> None:
    words = [label.text() for label in dock.findChildren(QLabel)]

    assert any("appear here" in text for text in words)


def test_graphs_show_what_was_measured_before_they_were_loaded(
    dock: TelemetryDock,
) -> None:
    dock.show_sample(sample(0.0))

    dock.load_graphs()

    assert dock.graphs[1].legend.texts == ("3.1", "9.9")


def test_samples_are_drawn_once_the_graphs_are_loaded(dock: TelemetryDock) -> None:
    dock.show_sample(sample(0.0))
    dock.load_graphs()

    dock.show_sample(sample(0.4, capture_hz=121.0, look_ms=1.7))

    assert dock.graphs[0].legend.texts == ("121.0", "118.7", "60.0")
    assert dock.graphs[1].legend.texts == ("3.1", "9.9")
    assert dock.graphs[2].legend.texts == ("0.20", "2.10", "0.50", "0.30", "1.70")


def test_digits_change_less_often_than_lines(dock: TelemetryDock) -> None:
    dock.load_graphs()
    dock.show_sample(sample(10.0, capture_hz=121.0))

    dock.show_sample(sample(10.1, capture_hz=60.0))

    assert dock.graphs[0].legend.texts[0] == "121.0"


def test_graphs_are_loaded_once(dock: TelemetryDock) -> None:
    dock.load_graphs()
    first = dock.graphs

    dock.load_graphs()

    assert dock.graphs == first


def test_a_hidden_dock_draws_nothing(dock: TelemetryDock) -> None:
    dock.load_graphs()
    dock.hide()

    dock.show_sample(sample(0.0))

    assert dock.graphs[0].legend.texts == ("", "", "")


def test_what_came_while_it_was_hidden_is_drawn_when_it_is_shown(
    dock: TelemetryDock,
) -> None:
    dock.load_graphs()
    dock.hide()
    dock.show_sample(sample(0.0))

    dock.show()

    assert dock.graphs[1].legend.texts == ("3.1", "9.9")


def test_clearing_forgets_the_source_before(dock: TelemetryDock) -> None:
    dock.load_graphs()
    dock.show_sample(sample(0.0, latency_p99_ms=900.0))

    dock.clear()

    dock.show_sample(sample(0.1))
    assert dock.graphs[1].top == pytest.approx(10.0, rel=0.6)


def test_the_window_starts_without_the_plotting_library() -> None:
    code = "import sys, widgets.application; sys.exit('pyqtgraph' in sys.modules)"

    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False)

    assert done.returncode == 0


# --- the machine, chosen graphs, the past


def figures(time_s: float, **changes: float) -> HardwareFigures:
    known = {
        "temperature_cpu_c": 41.0,
        "temperature_hottest_c": 61.0,
        "temperature_limit_c": 95.0,
        "cpu_load_ratio": 0.5,
    }
    return HardwareFigures(time_s, **{**known, **changes})


def titles(dock: TelemetryDock) -> list[str]:
    return [graph.accessibleName() for graph in dock.graphs if not graph.isHidden()]


def texts_of(dock: TelemetryDock, title: str) -> tuple[str, ...]:
    (graph,) = (each for each in dock.graphs if each.accessibleName() == title)
    return graph.legend.texts


def test_a_graph_of_the_machine_comes_with_its_first_figures(
    dock: TelemetryDock,
) -> None:
    dock.load_graphs()
    assert "Temperature" not in titles(dock)

    dock.show_figures(figures(1.0))

    assert "Temperature" in titles(dock)
    nothing = "\N{EN DASH}"
    assert texts_of(dock, "Temperature") == ("41.0", nothing, "61.0", "95.0")


def test_what_the_machine_does_not_tell_cannot_be_chosen(dock: TelemetryDock) -> None:
    dock.load_graphs()
    dock.show_figures(figures(1.0))

    offered = {action.text(): action for action in dock.bar.findChildren(QAction)}

    assert offered["Load"].isEnabled()
    assert not offered["Power (not told by this machine)"].isEnabled()


def test_graphs_are_shown_as_chosen_and_the_choice_is_told(
    dock: TelemetryDock, qtbot: QtBot
) -> None:
    dock.load_graphs()
    dock.show_figures(figures(1.0))
    offered = {action.text(): action for action in dock.bar.findChildren(QAction)}

    with qtbot.waitSignal(dock.graphs_chosen) as told:
        offered["Load"].trigger()
    offered["Latency, arrival to result"].trigger()

    assert told.args == [("rate", "latency", "stages", "temperature", "load")]
    assert titles(dock) == [
        "Rate",
        "Stages of inference, median",
        "Temperature",
        "Load",
    ]


def test_a_ratio_is_shown_in_percent(dock: TelemetryDock) -> None:
    dock.choose_graphs(["load"])
    dock.load_graphs()

    dock.show_figures(figures(1.0, cpu_load_ratio=0.634))

    assert texts_of(dock, "Load")[0] == "63"


def test_a_pause_stops_the_picture_and_not_the_measuring(dock: TelemetryDock) -> None:
    dock.load_graphs()
    for tick in range(100):
        dock.show_sample(sample(tick / 10, capture_hz=float(tick)))

    dock.pause(5.0)
    dock.show_sample(sample(10.0, capture_hz=500.0))

    assert texts_of(dock, "Rate")[0] == "50.0"
    assert len(dock.histories[0]) == 101
    dock.resume()
    assert texts_of(dock, "Rate")[0] == "500.0"


def test_the_past_is_reached_with_the_scroll_bar(dock: TelemetryDock) -> None:
    dock.load_graphs()
    dock.show_span(15.0)
    for tick in range(600):
        dock.show_sample(sample(tick / 10, capture_hz=float(tick)))
    (past,) = (
        bar
        for bar in dock.findChildren(QScrollBar)
        if bar.accessibleName() == "Time that is looked at"
    )
    assert past.isHidden()

    dock.pause(59.9)
    past.setValue(-200)

    assert past.isVisible()
    assert past.minimum() == round(10 * (15.0 - 59.9))
    assert texts_of(dock, "Rate")[0] == "399.0"


def test_the_wheel_changes_the_span_of_all_graphs(dock: TelemetryDock) -> None:
    dock.load_graphs()
    dock.show_sample(sample(0.0))
    combo = dock.findChild(QComboBox)
    assert combo is not None

    dock.graphs[1].zoomed.emit(-1)

    assert combo.currentText() == "5 min"
    for _ in range(5):
        dock.graphs[0].zoomed.emit(-1)
    assert combo.currentText() == "1 h"


def test_events_are_marked_and_told(dock: TelemetryDock) -> None:
    dock.load_graphs()
    dock.show_event(TelemetryEvent(9.0, "recording"))
    dock.show_event(TelemetryEvent(9.5, "throttling", is_alarming=True))

    dock.show_sample(sample(10.0))

    newest, before = dock.events_text.splitlines()
    assert newest.endswith("throttling")
    assert before.endswith("recording")
    image = dock.graphs[0].grab().toImage()
    colours = {
        image.pixelColor(x, y).name()
        for x in range(image.width())
        for y in range(image.height() // 2, image.height())
    }
    assert Colour.WARNING.value in colours


def test_an_alarm_freezes_the_graphs_a_little_later(dock: TelemetryDock) -> None:
    dock.load_graphs()
    freeze = next(
        action
        for action in dock.bar.findChildren(QAction)
        if action.text() == "Pause soon after an alarm"
    )
    freeze.trigger()
    dock.show_event(TelemetryEvent(10.0, "throttling", is_alarming=True))

    dock.show_sample(sample(29.0))
    assert not dock.is_paused
    dock.show_sample(sample(30.1))

    assert dock.is_paused


def test_another_source_ends_the_lines_and_keeps_the_past(dock: TelemetryDock) -> None:
    dock.load_graphs()
    dock.show_sample(sample(0.0))

    dock.end_lines()

    column = dock.histories[0].column("capture_hz")
    assert column[0] == 120.0
    assert len(column) == 2
    assert column[1] != column[1]


def test_a_picture_of_the_graphs_has_their_colours(dock: TelemetryDock) -> None:
    dock.load_graphs()
    for tick in range(100):
        dock.show_sample(sample(tick / 10))

    image = dock.grab_graphs().toImage()

    colours = {
        image.pixelColor(x, y).name()
        for x in range(image.width())
        for y in range(0, image.height(), 2)
    }
    assert {Colour.SERIES_1.value, Colour.SERIES_2.value} <= colours


@pytest.mark.slow
def test_an_hour_is_kept_and_the_next_takes_no_more_memory(dock: TelemetryDock) -> None:
    dock.load_graphs()

    def measure(from_s: int) -> None:
        """An hour as the console has it: ten samples a second, one of the machine."""
        # Hidden, for drawing all of them would take an hour as well.
        dock.hide()
        for second in range(from_s, from_s + 3600):
            for tick in range(10):
                dock.show_sample(sample(second + tick / 10))
            dock.show_figures(figures(float(second)))
            dock.show_event(TelemetryEvent(float(second), "recording"))
        dock.show()
        for span_s in (15.0, 900.0, 3600.0):
            dock.show_span(span_s)

    measure(0)
    gc.collect()
    tracemalloc.start()
    try:
        measure(3600)
        gc.collect()
        grown_bytes, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    feed, machine = dock.histories
    assert feed.column("time_s")[[0, -1]].tolist() == [3600.0, 7199.9]
    assert machine.column("time_s")[-1] - machine.column("time_s")[0] >= 3599.0
    # The last 500 events, and the lines as they are drawn; an hour of samples is 20 MB.
    assert grown_bytes < 1_000_000
