"""One graph over time. Importing it imports pyqtgraph, which takes time."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pyqtgraph
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGraphicsScene, QLabel, QSizePolicy, QVBoxLayout, QWidget

from widgets.legend import Legend
from widgets.overrides import override
from widgets.theme import Colour, scaled_font

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from PySide6.QtGui import QWheelEvent

    from app.telemetry import TelemetryEvent, TelemetryHistory
    from widgets.legend import Series

SPAN_S = 60.0

_AXIS_PX = 48
_TICK_FACTOR = 0.75
# With three divisions of y that can be told apart, and the times below.
_LEAST_PX = 76
_END_PX = 6
# Seconds a division, and what they are called.
_DIVISIONS_S = {15.0: 5.0, 60.0: 20.0, 300.0: 60.0, 900.0: 300.0, 3600.0: 1200.0}
_NOTHING = "\N{EN DASH}"


class GraphPanel(QWidget):
    """Lines over a span of time, with a legend for the newest values.

    The range of x moves only with the span, and nothing is smoothed: an update of six
    such graphs took 2 ms, with a moving range and a grid 33 ms.

    Parameters
    ----------
    title : str
        What is shown.
    unit : str
        Of y.
    series : sequence of Series
        The lines.
    decimals : int
        Of the values in the legend.
    bottom : float
        Where y begins, as long as no value is below it.
    """

    zoomed = Signal(int)  # 1 to see less time, -1 to see more

    def __init__(
        self,
        title: str,
        unit: str,
        series: Sequence[Series],
        decimals: int = 1,
        bottom: float = 0.0,
    ) -> None:
        super().__init__()
        self._span_s = 0.0
        self._series = tuple(series)
        self._decimals = decimals
        self._usual_bottom = bottom
        self._bottom = self._top = 0.0
        self._title = QLabel(title)
        self._title.setProperty("role", "muted")
        self.legend = Legend(series)
        self._plot = _make_plot(self, unit)
        self._events = [
            _add_curve(self._plot, colour, Qt.PenStyle.DashLine)
            for colour in (Colour.MUTED, Colour.WARNING)
        ]
        self._curves = [
            _add_curve(
                self._plot,
                entry.colour,
                Qt.PenStyle.DotLine if entry.is_limit else Qt.PenStyle.SolidLine,
            )
            for entry in series
        ]
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(1)
        column.addWidget(self._title)
        column.addWidget(self.legend)
        column.addWidget(self._plot, 1)
        self.setAccessibleName(title)
        # The layout alone would let the plot shrink.
        least_px = self._title.sizeHint().height() + self.legend.sizeHint().height()
        self.setMinimumHeight(least_px + _LEAST_PX)
        self._fit(1.0, bottom)
        self._show_span(SPAN_S)

    @property
    def series(self) -> tuple[Series, ...]:
        """The lines."""
        return self._series

    @property
    def top(self) -> float:
        """The upper end of the y axis."""
        return self._top

    @property
    def bottom(self) -> float:
        """The lower end of the y axis."""
        return self._bottom

    def show_history(
        self,
        history: TelemetryHistory,
        now_s: float,
        span_s: float = SPAN_S,
        events: Sequence[TelemetryEvent] = (),
    ) -> None:
        """Draw what a history holds.

        Parameters
        ----------
        history : TelemetryHistory
            At least one sample.
        now_s : float
            The time at the right edge, on the clock of the samples.
        span_s : float
            From the left edge to the right one.
        events : sequence of TelemetryEvent
            Of that span.
        """
        self._show_span(span_s)
        names = [series.field for series in self._series]
        times_s, columns = history.span(names, now_s - span_s, now_s)
        times_s = times_s - now_s
        highest, lowest = 0.0, self._usual_bottom
        for series, curve, column in zip(
            self._series, self._curves, columns, strict=True
        ):
            values = column * series.factor
            # The first sample may lie outside, for the line to reach the edge.
            seen = values[times_s >= -span_s]
            top = _highest(seen)
            lowest = np.fmin(lowest, _lowest(seen))
            has_gaps = bool(np.isnan(values).any())
            connect = "finite" if has_gaps else "all"
            curve.setData(
                times_s, values, skipFiniteCheck=not has_gaps, connect=connect
            )
            if top > highest:
                highest = top
        self._fit(highest, lowest)
        self._show_events(events, now_s)

    def show_values(self, sample: object) -> None:
        """Show the newest values in the legend."""
        self.legend.show_values(
            [
                self._text(getattr(sample, series.field) * series.factor)
                for series in self._series
            ]
        )

    def clear(self) -> None:
        """Draw nothing."""
        for curve in self._curves:
            curve.setData([], [])
        for curve in self._events:
            curve.setData([], [])
        self.legend.show_values([""] * len(self._series))

    @override
    def wheelEvent(self, event: QWheelEvent) -> None:
        event.accept()
        turned = event.angleDelta().y()
        if turned:
            self.zoomed.emit(1 if turned > 0 else -1)

    def _text(self, value: float) -> str:
        return _NOTHING if math.isnan(value) else f"{value:.{self._decimals}f}"

    def _show_span(self, span_s: float) -> None:
        if span_s == self._span_s:
            return
        self._span_s = span_s
        self._plot.setXRange(-span_s, 0.0, padding=0)
        self._plot.getAxis("bottom").setTicks([_time_ticks(span_s)])

    def _show_events(self, events: Sequence[TelemetryEvent], now_s: float) -> None:
        for is_alarming, curve in zip((False, True), self._events, strict=True):
            times_s = [
                each.time_s - now_s
                for each in events
                if each.is_alarming is is_alarming
            ]
            if not times_s and not curve.isVisible():
                continue
            curve.setVisible(bool(times_s))
            ends = np.tile([self._bottom, self._top], len(times_s))
            curve.setData(np.repeat(times_s, 2), ends, connect="pairs")

    def _fit(self, highest: float, lowest: float) -> None:
        """Set the range of y, rarely: each change draws the axis anew."""
        bottom = self._usual_bottom if lowest >= self._usual_bottom else 0.0
        top = self._top
        if highest > top or highest <= 0.3 * top:
            top = round_up(max(highest * 1.05, 2 * bottom, 0.1))
        if (bottom, top) != (self._bottom, self._top):
            self._bottom, self._top = bottom, top
            self._plot.setYRange(bottom, top, padding=0)
            ends = bottom, (bottom + top) / 2, top
            ticks = [(value, f"{value:g}") for value in ends]
            self._plot.getAxis("left").setTicks([ticks])


def round_up(value: float) -> float:
    """Find the next of 1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6 and 7.5 times a power of ten.

    Parameters
    ----------
    value : float
        Over 0.
    """
    power = 10.0 ** math.floor(math.log10(value))
    for step in (1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 7.5):
        if value <= step * power * (1 + 1e-9):
            return step * power
    return 10.0 * power


def _make_plot(panel: QWidget, unit: str) -> Any:  # noqa: ANN401  pyqtgraph has no types
    plot = pyqtgraph.PlotWidget(background=Colour.SURFACE.value)
    plot.setMouseEnabled(x=False, y=False)
    plot.setMenuEnabled(False)
    plot.hideButtons()
    plot.disableAutoRange()
    # Three curves need no search tree: an update takes a quarter less without it.
    plot.scene().setItemIndexMethod(QGraphicsScene.ItemIndexMethod.NoIndex)
    plot.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Expanding)
    plot.setMinimumHeight(_LEAST_PX)
    font = scaled_font(panel.font(), _TICK_FACTOR)
    for name in ("left", "bottom"):
        axis = plot.getAxis(name)
        axis.setTickFont(font)
        axis.setPen(Colour.BORDER.value)
        axis.setTextPen(Colour.MUTED.value)
        axis.setStyle(tickLength=-4, autoExpandTextSpace=False)
    # Room for half a label at the ends of both axes.
    plot.plotItem.layout.setContentsMargins(0, _END_PX, 2 * _END_PX, 0)
    plot.getAxis("bottom").setStyle(hideOverlappingLabels=False)
    left = plot.getAxis("left")
    left.setWidth(_AXIS_PX)
    left.enableAutoSIPrefix(False)
    plot.setLabel("left", unit, **{"font-size": f"{font.pointSizeF()}pt"})
    return plot


def _add_curve(
    plot: Any,  # noqa: ANN401  pyqtgraph has no types
    colour: Colour,
    style: Qt.PenStyle,
) -> Any:  # noqa: ANN401  pyqtgraph has no types
    # Pens wider than 1 are drawn as filled outlines: three times slower.
    pen = pyqtgraph.mkPen(colour.value, width=1, style=style)
    curve = pyqtgraph.PlotCurveItem(pen=pen)
    plot.addItem(curve)
    return curve


def _highest(values: NDArray[np.float64]) -> float:
    """The largest value; not a number where there is none."""
    return float(np.fmax.reduce(values)) if len(values) else math.nan


def _lowest(values: NDArray[np.float64]) -> float:
    """The smallest value; not a number where there is none."""
    return float(np.fmin.reduce(values)) if len(values) else math.nan


def _time_ticks(span_s: float) -> list[tuple[float, str]]:
    """Name the divisions of a span; the first with its unit."""
    step_s = _DIVISIONS_S[span_s]
    is_minutes = span_s > 60.0
    unit_s, unit = (60.0, "min") if is_minutes else (1.0, "s")
    count = round(span_s / step_s)
    return [
        (
            -number * step_s,
            f"-{number * step_s / unit_s:g}{f' {unit}' if number == count else ''}"
            if number
            else "0",
        )
        for number in range(count, -1, -1)
    ]
