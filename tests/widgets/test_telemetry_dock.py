from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from PySide6.QtWidgets import QLabel

from app.paths import ROOT
from tests.fakes.statuses import sample
from widgets.telemetry_dock import TelemetryDock

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

    dock.show_sample(sample(0.4, capture_hz=121.0))

    assert dock.graphs[0].legend.texts == ("121.0", "118.7", "60.0")
    assert dock.graphs[1].legend.texts == ("3.1", "9.9")
    assert dock.graphs[2].legend.texts == ("0.20", "2.10", "0.50", "0.30")


def test_digits_change_less_often_than_lines(dock: TelemetryDock) -> None:
    dock.load_graphs()
    dock.show_sample(sample(10.0, capture_hz=121.0))

    dock.show_sample(sample(10.1, capture_hz=60.0))

    assert dock.graphs[0].legend.texts[0] == "121.0"


def test_graphs_are_loaded_once(dock: TelemetryDock) -> None:
    dock.load_graphs()
    first = dock.graphs

    dock.load_graphs()

    assert dock.graphs is first


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
