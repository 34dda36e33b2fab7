"""The report of a conversion in the window: plots, steps, and the graph as trees."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtGui import QColor, QImage

from app.errors import ConsoleError
from app.graph_scopes import GraphStage, scope_of
from widgets.bar_chart import BarChart, BarRow
from widgets.graph_tree import GraphPanel
from widgets.report_panel import ReportPanel
from widgets.theme import Colour

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

REPORT: dict[str, Any] = {
    "seconds": 31.0,
    "samples": "32 frames of /home/me/ball.mp4",
    "steps": [
        {
            "name": "fold",
            "nodes_before": 200,
            "nodes_after": 80,
            "max_abs_diff": 1e-6,
            "mask_iou": 1.0,
        },
        {"name": "openvino", "nodes_before": 80, "nodes_after": 60},
    ],
    "speed": {
        "results": [
            {"engine": "tensorflow", "fps": 50.0, "ratio_to_reference": 1.0},
            {
                "engine": "tensorflow, after fold",
                "fps": 60.0,
                "ratio_to_reference": 1.2,
                "step": "fold",
            },
            {
                "engine": "openvino",
                "fps": 150.0,
                "ratio_to_reference": 3.0,
                "ms_p50": 6.6,
                "ms_p99": 8.0,
            },
        ]
    },
}


def test_nodes_overlap_difference_and_speed_are_plotted(qtbot: QtBot) -> None:
    panel = ReportPanel()
    qtbot.addWidget(panel)

    panel.show_report("mine", REPORT)

    assert panel.nodes.rows == (
        BarRow("as trained", (200,), ("200",)),
        BarRow("fold", (80,), ("80",)),
        BarRow("openvino", (60,), ("60",)),
    )
    assert [row.label for row in panel.overlap.rows] == ["fold"]
    assert panel.differences.rows[0].texts == ("1.0e-06",)
    assert panel.speed.rows[2].texts == ("150.0 fps, 3.00 x, 6.60 ms (p99 8.00)",)
    rows = [panel.steps.topLevelItem(at) for at in range(2)]
    assert [row and row.text(2) for row in rows] == ["60.0", "150.0"]
    assert (
        panel.title.text() == "mine: built in 31 s, compared on 32 frames of ball.mp4"
    )


def test_an_engine_without_a_report_says_so(qtbot: QtBot) -> None:
    panel = ReportPanel()
    qtbot.addWidget(panel)
    panel.show_report("mine", REPORT)

    panel.show_report("bundled", None)

    assert "was not built here" in panel.title.text()
    assert panel.nodes.rows == panel.speed.rows == ()


def _painted(chart: BarChart, colour: Colour) -> int:
    """How many pixels of a row have a colour, at most."""
    chart.resize(400, chart.sizeHint().height())
    image: QImage = chart.grab().toImage()
    wanted = QColor(colour.value).rgb()
    return max(
        sum(image.pixel(x, y) == wanted for x in range(image.width()))
        for y in range(image.height())
    )


def test_a_bar_is_as_long_as_its_value(qtbot: QtBot) -> None:
    series = (("a", Colour.SERIES_1), ("b", Colour.SERIES_2))
    chart = BarChart("Speed", series)
    qtbot.addWidget(chart)

    chart.show_rows([BarRow("x", (100.0, 25.0), ("100", "25"))])

    long, short = (_painted(chart, each) for _, each in series)
    assert long > 100
    assert abs(short / long - 0.25) < 0.03
    assert chart.accessibleDescription() == "x: 100, 25"


def test_a_figure_that_is_not_there_takes_no_room(qtbot: QtBot) -> None:
    chart = BarChart("Speed", (("a", Colour.SERIES_1), ("b", Colour.SERIES_2)))
    qtbot.addWidget(chart)
    chart.show_rows([BarRow("x", (100.0, 25.0), ("100", "25"))])
    both_px = chart.sizeHint().height()

    chart.show_rows([BarRow("x", (None, 25.0), ("", "25"))])

    assert chart.sizeHint().height() < both_px
    assert _painted(chart, Colour.SERIES_1) <= 10  # in the key alone
    assert _painted(chart, Colour.SERIES_2) > 100


def test_the_graph_is_a_tree_whose_branches_are_made_when_opened(qtbot: QtBot) -> None:
    panel = GraphPanel()
    qtbot.addWidget(panel)
    trained = scope_of([("a/b/c", "Conv2D", 30.0), ("a/d", "Relu", 10.0)])
    optimised = scope_of([("a/b/c", "Conv2D", None)])

    panel.show_graphs(
        (
            GraphStage("as trained", True, trained),
            GraphStage("optimised", False, optimised),
        )
    )

    before, after = panel.sides
    assert (before.choice.currentText(), after.choice.currentText()) == (
        "as trained",
        "optimised",
    )
    assert before.total.text() == "2 nodes, 0.04 ms on one thread"
    top = before.tree.topLevelItem(0)
    assert top is not None
    assert [top.text(column) for column in range(5)] == [
        *("a", "2", "1 Conv2D, 1 Relu", "40", "100.0")
    ]
    slowest = top.child(0)
    assert slowest is not None
    assert slowest.text(0) == "b"
    slowest.setExpanded(True)
    leaf = slowest.child(0)
    assert leaf is not None
    assert leaf.text(2) == "Conv2D"
    assert after.tree.isColumnHidden(3)


def test_why_there_is_no_graph_is_told(qtbot: QtBot) -> None:
    panel = GraphPanel()
    qtbot.addWidget(panel)

    panel.show_graphs(ConsoleError("no graphs were kept", hint="Build it again."))

    assert panel.note.text() == "No graphs were kept. Build it again."
