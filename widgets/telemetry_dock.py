"""The dock of graphs: rates, latency, stages of inference."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDockWidget, QLabel, QVBoxLayout, QWidget

from app.telemetry import TelemetryHistory
from widgets.legend import Series
from widgets.theme import GAP_PX, MARGIN_PX, Colour

if TYPE_CHECKING:
    from app.telemetry import TelemetrySample
    from widgets.graph_panel import GraphPanel

# Digits that change with every sample cannot be read.
_LEGEND_S = 0.3

_RATES = (
    Series("capture_hz", "capture", Colour.SERIES_1),
    Series("infer_hz", "infer", Colour.SERIES_2),
    Series("display_hz", "display", Colour.SERIES_3),
)
_LATENCIES = (
    Series("latency_p50_ms", "p50", Colour.SERIES_1),
    Series("latency_p99_ms", "p99", Colour.SERIES_2),
)
_STAGES = (
    Series("prepare_ms", "prepare", Colour.SERIES_1),
    Series("infer_ms", "infer", Colour.SERIES_2),
    Series("segment_ms", "segment", Colour.SERIES_3),
    Series("track_ms", "track", Colour.SERIES_4),
)


class TelemetryDock(QDockWidget):
    """Graphs of the last minute.

    It starts without them: the plotting library takes longer to import than the rest
    of the window, and nothing is to be plotted before the first picture. The owner
    calls `load_graphs` when that is painted; samples before it are kept.
    """

    def __init__(self) -> None:
        super().__init__("Telemetry")
        self.setObjectName("telemetryDock")
        self._history = TelemetryHistory()
        self._graphs: tuple[GraphPanel, ...] = ()
        self._legend_due_s = 0.0
        self._newest: TelemetrySample | None = None
        self._page = QWidget()
        self._empty = QLabel("Rates and latency of the last minute\nappear here.")
        self._empty.setProperty("role", "muted")
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._column = QVBoxLayout(self._page)
        self._column.setContentsMargins(MARGIN_PX, GAP_PX // 2, GAP_PX, GAP_PX)
        self._column.setSpacing(GAP_PX)
        self._column.addWidget(self._empty)
        self.setWidget(self._page)
        self.visibilityChanged.connect(self._on_visibility_changed)

    @property
    def graphs(self) -> tuple[GraphPanel, ...]:
        """Rates, latency and stages; empty before `load_graphs`."""
        return self._graphs

    def load_graphs(self) -> None:
        """Import the plotting library and make the graphs; again does nothing."""
        if self._graphs:
            return
        from widgets.graph_panel import GraphPanel

        self._graphs = (
            GraphPanel("Rate", "fps", _RATES),
            GraphPanel("Latency, arrival to result", "ms", _LATENCIES),
            GraphPanel("Stages of inference, median", "ms", _STAGES, decimals=2),
        )
        self._empty.hide()
        for graph in self._graphs:
            self._column.addWidget(graph, 1)
        self._on_visibility_changed(self._page.isVisible())

    def show_sample(self, sample: TelemetrySample) -> None:
        """Add one set of measurements and draw the last minute."""
        self._history.append(sample)
        self._newest = sample
        if self._page.isVisible():
            self._draw(sample)

    def clear(self) -> None:
        """Forget what was measured."""
        self._history.clear()
        self._newest = None
        self._legend_due_s = 0.0
        for graph in self._graphs:
            graph.clear()

    def _on_visibility_changed(self, is_visible: bool) -> None:
        """Draw what came while there was nothing to draw on."""
        self._legend_due_s = 0.0
        if is_visible and self._newest is not None:
            self._draw(self._newest)

    def _draw(self, sample: TelemetrySample) -> None:
        is_legend_due = sample.time_s >= self._legend_due_s
        if is_legend_due:
            self._legend_due_s = sample.time_s + _LEGEND_S
        for graph in self._graphs:
            graph.show_history(self._history, sample.time_s)
            if is_legend_due:
                graph.show_values(sample)
