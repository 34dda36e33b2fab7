from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtGui import QColor

from app.telemetry import TelemetryHistory
from tests.fakes.statuses import sample
from widgets.graph_panel import GraphPanel, round_up
from widgets.legend import Series
from widgets.theme import Colour

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

SERIES = (
    Series("latency_p50_ms", "p50", Colour.SERIES_1),
    Series("latency_p99_ms", "p99", Colour.SERIES_2),
)


@pytest.fixture
def graph(qtbot: QtBot) -> GraphPanel:
    graph = GraphPanel("Latency", "ms", SERIES)
    qtbot.addWidget(graph)
    graph.resize(320, 160)
    graph.show()
    qtbot.waitExposed(graph)
    return graph


def history_of(p99s_ms: list[float]) -> TelemetryHistory:
    history = TelemetryHistory()
    for at, p99_ms in enumerate(p99s_ms):
        history.append(sample(at / 10, latency_p99_ms=p99_ms))
    return history


def columns_with(graph: GraphPanel, colour: Colour) -> set[int]:
    """Columns of the picture, below the legend, that hold a colour."""
    image = graph.grab().toImage()
    top = graph.legend.geometry().bottom() + 1
    return {
        x
        for x in range(image.width())
        for y in range(top, image.height())
        if QColor(image.pixel(x, y)) == colour.qcolor
    }


def test_a_history_is_drawn_up_to_the_right_edge(graph: GraphPanel) -> None:
    history = history_of([10.0] * 300)

    graph.show_history(history, now_s=29.9)

    columns = columns_with(graph, Colour.SERIES_2)
    assert max(columns) > 0.9 * graph.width()
    assert min(columns) > 0.5 * graph.width()


def test_the_legend_has_the_newest_values(graph: GraphPanel) -> None:
    graph.show_values(sample(0.1, latency_p99_ms=12.34))

    assert graph.legend.texts == ("3.1", "12.3")


def test_the_axis_holds_the_highest_value(graph: GraphPanel) -> None:
    graph.show_history(history_of([5.0, 41.0, 7.0]), now_s=0.2)

    assert graph.top == 50.0


def test_the_axis_keeps_its_range_while_values_come_near_its_end(
    graph: GraphPanel,
) -> None:
    graph.show_history(history_of([41.0]), now_s=0.0)

    graph.show_history(history_of([30.0]), now_s=0.0)

    assert graph.top == 50.0


def test_the_axis_follows_values_that_became_small(graph: GraphPanel) -> None:
    graph.show_history(history_of([410.0]), now_s=0.0)

    graph.show_history(history_of([4.0]), now_s=0.0)

    assert graph.top == 5.0


def test_what_left_the_minute_does_not_stretch_the_axis(graph: GraphPanel) -> None:
    history = history_of([4000.0, 9.0])

    graph.show_history(history, now_s=60.05)

    assert graph.top == 10.0


def test_a_cleared_graph_is_empty(graph: GraphPanel) -> None:
    graph.show_history(history_of([10.0] * 300), now_s=29.9)

    graph.clear()

    assert not columns_with(graph, Colour.SERIES_2)
    assert graph.legend.texts == ("", "")


@pytest.mark.parametrize(
    ("value", "end"),
    [(0.1, 0.1), (1.2, 1.2), (16, 20), (29, 30), (31, 40), (74, 75), (76, 100)],
)
def test_axes_end_at_round_numbers(value: float, end: float) -> None:
    assert round_up(value) == pytest.approx(end)


def test_an_axis_begins_where_its_values_do(qtbot: QtBot) -> None:
    panel = GraphPanel("Temperature", "°C", SERIES[1:], bottom=20.0)
    qtbot.addWidget(panel)
    panel.show_history(history_of([96.0, 101.0]), now_s=0.1)
    warm = panel.bottom, panel.top

    panel.show_history(history_of([12.0, 30.0]), now_s=0.1)

    assert warm == (20.0, 120.0)
    assert panel.bottom == 0.0
