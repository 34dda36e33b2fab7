"""One graph of the last minute. Importing it imports pyqtgraph, which takes time."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pyqtgraph
from PySide6.QtWidgets import QGraphicsScene, QLabel, QSizePolicy, QVBoxLayout, QWidget

from widgets.legend import Legend
from widgets.theme import Colour, scaled_font

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.telemetry import TelemetryHistory, TelemetrySample
    from widgets.legend import Series

SPAN_S = 60.0

_AXIS_PX = 48
_TICK_FACTOR = 0.75
_LEAST_PX = 60
_END_PX = 6
_TIME_TICKS = [(-60.0, "-60 s"), (-40.0, "-40"), (-20.0, "-20"), (0.0, "0")]


class GraphPanel(QWidget):
    """Lines over the last 60 seconds, with a legend for the newest values.

    The range of x never moves and nothing is smoothed: an update of six such graphs
    took 2 ms, with a moving range and a grid 33 ms.

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
    """

    def __init__(
        self, title: str, unit: str, series: Sequence[Series], decimals: int = 1
    ) -> None:
        super().__init__()
        self._series = tuple(series)
        self._decimals = decimals
        self._top = 0.0
        self._title = QLabel(title)
        self._title.setProperty("role", "muted")
        self.legend = Legend(series)
        self._plot = _make_plot(self, unit)
        self._curves = [_add_curve(self._plot, entry.colour) for entry in series]
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(1)
        column.addWidget(self._title)
        column.addWidget(self.legend)
        column.addWidget(self._plot, 1)
        self.setAccessibleName(title)
        self._fit(1.0)

    @property
    def top(self) -> float:
        """The upper end of the y axis."""
        return self._top

    def show_history(self, history: TelemetryHistory, now_s: float) -> None:
        """Draw what a history holds.

        Parameters
        ----------
        history : TelemetryHistory
            At least one sample.
        now_s : float
            The time at the right edge, on the clock of the samples.
        """
        times_s = history.column("time_s") - now_s
        highest = 0.0
        for series, curve in zip(self._series, self._curves, strict=True):
            values = history.column(series.field)
            curve.setData(times_s, values, skipFiniteCheck=True)
            highest = max(highest, float(values[times_s >= -SPAN_S].max(initial=0.0)))
        self._fit(highest)

    def show_values(self, sample: TelemetrySample) -> None:
        """Show the newest values in the legend."""
        values = (getattr(sample, series.field) for series in self._series)
        self.legend.show_values([f"{value:.{self._decimals}f}" for value in values])

    def clear(self) -> None:
        """Draw nothing."""
        for curve in self._curves:
            curve.setData([], [])
        self.legend.show_values([""] * len(self._series))

    def _fit(self, highest: float) -> None:
        """Set the range of y, rarely: each change draws the axis anew."""
        if highest <= self._top and highest > 0.3 * self._top:
            return
        top = round_up(max(highest * 1.05, 0.1))
        if top != self._top:
            self._top = top
            self._plot.setYRange(0.0, top, padding=0)
            ticks = [(value, f"{value:g}") for value in (0.0, top / 2, top)]
            self._plot.getAxis("left").setTicks([ticks])


def round_up(value: float) -> float:
    """Find the next of 1, 1.5, 2, 3, 5 and 7.5 times a power of ten.

    Parameters
    ----------
    value : float
        Over 0.
    """
    power = 10.0 ** math.floor(math.log10(value))
    for step in (1.0, 1.5, 2.0, 3.0, 5.0, 7.5):
        if value <= step * power * (1 + 1e-9):
            return step * power
    return 10.0 * power


def _make_plot(panel: QWidget, unit: str) -> Any:  # noqa: ANN401  pyqtgraph has no types
    plot = pyqtgraph.PlotWidget(background=Colour.SURFACE.value)
    plot.setMouseEnabled(x=False, y=False)
    plot.setMenuEnabled(False)
    plot.hideButtons()
    plot.setXRange(-SPAN_S, 0.0, padding=0)
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
    plot.getAxis("bottom").setTicks([_TIME_TICKS])
    return plot


def _add_curve(plot: Any, colour: Colour) -> Any:  # noqa: ANN401  pyqtgraph has no types
    # Pens wider than 1 are drawn as filled outlines: three times slower.
    pen = pyqtgraph.mkPen(colour.value, width=1)
    curve = pyqtgraph.PlotCurveItem(pen=pen)
    plot.addItem(curve)
    return curve
