"""The dock of graphs: the feed's rates and times, and the machine's own figures."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QDockWidget,
    QFrame,
    QLabel,
    QScrollArea,
    QScrollBar,
    QVBoxLayout,
    QWidget,
)

from app.hardware.figures import HardwareFigures
from app.telemetry import TelemetryEvents, TelemetryHistory
from widgets.elided_label import ElidedLabel
from widgets.telemetry_bar import SPANS_S, TelemetryBar
from widgets.telemetry_graphs import GRAPHS
from widgets.theme import GAP_PX, MARGIN_PX, Colour

if TYPE_CHECKING:
    from collections.abc import Iterable

    from PySide6.QtGui import QPixmap

    from app.telemetry import TelemetryEvent, TelemetrySample
    from widgets.graph_panel import GraphPanel
    from widgets.telemetry_graphs import GraphSpec

# Digits that change with every sample cannot be read.
_LEGEND_S = 0.3
# An hour at ten a second, and at two.
_FEED_SAMPLES, _MACHINE_SAMPLES = 36_000, 7_200
# A pixel of a long span is more than a second: drawing it anew shows nothing new.
_REDRAWS_OF_A_SPAN = 600
_NEWEST_EVENTS = 3
_OF_THE_FEED, _OF_THE_MACHINE = False, True


class TelemetryDock(QDockWidget):
    """Graphs on one axis of time, up to an hour back.

    It starts without them: the plotting library takes longer to import than the rest
    of the window, and nothing is to be plotted before the first picture. The owner
    calls `load_graphs` when that is painted; samples before it are kept.
    """

    graphs_chosen = Signal(object)  # tuple of str: names of those to be shown
    picture_requested = Signal()  # to save the graphs as they are seen
    table_requested = Signal()  # to save everything that was measured

    def __init__(self) -> None:
        super().__init__("Telemetry")
        self.setObjectName("telemetryDock")
        self.histories = (
            TelemetryHistory(_FEED_SAMPLES),
            TelemetryHistory(_MACHINE_SAMPLES, HardwareFigures),
        )
        self.events = TelemetryEvents()
        self._newest: dict[bool, TelemetrySample | HardwareFigures] = {}
        self._panels: dict[str, GraphPanel] = {}
        self._shown: tuple[str, ...] = tuple(
            spec.id for spec in GRAPHS if spec.is_first
        )
        self._is_loaded = False
        self._span_s = 60.0
        self._paused_s: float | None = None
        self._newest_s = 0.0
        self._freeze_s: float | None = None
        self._legend_due_s = 0.0
        self._drawn_s = -math.inf
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.timeout.connect(self._load_later)
        self._page = QWidget()
        self.bar = TelemetryBar()
        self._empty = QLabel("Rates and latency of the last minute\nappear here.")
        self._empty.setProperty("role", "muted")
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._stack = QWidget()
        self._column = QVBoxLayout(self._stack)
        self._past = QScrollBar(Qt.Orientation.Horizontal)
        self._past.setAccessibleName("Time that is looked at")
        self._past.hide()
        self._words = [ElidedLabel(Colour.MUTED) for _ in range(_NEWEST_EVENTS)]
        self._lay_out()
        self._connect()

    @property
    def graphs(self) -> tuple[GraphPanel, ...]:
        """Those that are shown; empty before `load_graphs`."""
        return tuple(self._panels[id_] for id_ in self._shown if id_ in self._panels)

    @property
    def shown(self) -> tuple[str, ...]:
        """Names of the graphs that are chosen."""
        return self._shown

    @property
    def is_paused(self) -> bool:
        """Whether the graphs stand still; measuring goes on."""
        return self._paused_s is not None

    @property
    def events_text(self) -> str:
        """The newest events of the span that is seen, one a line, newest first."""
        return "\n".join(label.text for label in self._words if label.text)

    def load_graphs(self) -> None:
        """Import the plotting library and make the graphs; again does nothing."""
        while self.load_graph():
            pass

    def load_graph(self) -> bool:
        """Make one graph that is missing, which takes 30 ms; whether one still is."""
        if not self._is_loaded:
            self._is_loaded = True
            self._empty.hide()
        is_missing = self._show_graphs(most=1)
        if not is_missing:
            self._on_visibility_changed(self._page.isVisible())
        return is_missing

    def choose_graphs(self, ids: Iterable[str]) -> None:
        """Show these graphs; names that are not known are left out."""
        wanted = set(ids)
        self._shown = tuple(spec.id for spec in GRAPHS if spec.id in wanted)
        self.bar.show_chosen(self._shown)
        if self._is_loaded:
            self._show_graphs()
            self._redraw()

    def show_sample(self, sample: TelemetrySample) -> None:
        """Add one set of measurements of the feed and draw."""
        self.histories[_OF_THE_FEED].append(sample)
        self._newest[_OF_THE_FEED] = sample
        self._draw_newest(sample.time_s, _OF_THE_FEED)

    def show_figures(self, figures: HardwareFigures) -> None:
        """Add one set of measurements of the machine and draw."""
        is_first = _OF_THE_MACHINE not in self._newest
        self.histories[_OF_THE_MACHINE].append(figures)
        self._newest[_OF_THE_MACHINE] = figures
        if is_first:
            self.bar.show_known(self._known_graphs(figures))
            if self._is_loaded and self._show_graphs(most=1):
                self._later.start()
        self._draw_newest(figures.time_s, _OF_THE_MACHINE)

    def show_event(self, event: TelemetryEvent) -> None:
        """Mark a time in every graph."""
        self.events.append(event)
        if event.is_alarming and self.bar.freezes and not self.is_paused:
            # What follows it is worth to be seen as well.
            self._freeze_s = event.time_s + self._span_s / 3

    def pause(self, at_s: float | None = None) -> None:
        """Let the graphs stand still at a time, now where none is given."""
        self._paused_s = time.monotonic() if at_s is None else at_s
        self._freeze_s = None
        self.bar.show_paused(is_paused=True)
        self._set_past()
        self._past.show()
        self._redraw()

    def resume(self) -> None:
        """Let the graphs follow the time again."""
        self._paused_s = None
        self.bar.show_paused(is_paused=False)
        self._past.hide()
        self._redraw()

    def show_span(self, span_s: float) -> None:
        """See this much time."""
        self._span_s = span_s
        self.bar.show_span(span_s)
        self._set_past()
        self._redraw()

    def grab_graphs(self) -> QPixmap:
        """A picture of the graphs that are chosen, also of those scrolled away."""
        return self._stack.grab()

    def end_lines(self) -> None:
        """Another source follows: the lines do not go on, the history does."""
        if len(self.histories[_OF_THE_FEED]):
            self.histories[_OF_THE_FEED].append_gap(time.monotonic())

    def clear(self) -> None:
        """Forget what was measured."""
        for history in self.histories:
            history.clear()
        self._newest.clear()
        self._legend_due_s = 0.0
        for graph in self._panels.values():
            graph.clear()

    def _lay_out(self) -> None:
        self._column.setContentsMargins(0, 0, GAP_PX // 2, 0)
        self._column.setSpacing(GAP_PX)
        self._column.addWidget(self._empty)
        scroll = QScrollArea()
        scroll.setWidget(self._stack)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        page = QVBoxLayout(self._page)
        page.setContentsMargins(MARGIN_PX, GAP_PX // 2, GAP_PX, GAP_PX)
        page.setSpacing(GAP_PX // 2)
        page.addWidget(self.bar)
        page.addWidget(scroll, 1)
        page.addWidget(self._past)
        for label in self._words:
            label.hide()
            page.addWidget(label)
        self.setWidget(self._page)

    def _connect(self) -> None:
        self.visibilityChanged.connect(self._on_visibility_changed)
        self.bar.graphs_chosen.connect(self._on_graphs_chosen)
        self.bar.span_chosen.connect(self.show_span)
        self.bar.pause_toggled.connect(self._on_pause_toggled)
        self.bar.picture_requested.connect(self.picture_requested)
        self.bar.table_requested.connect(self.table_requested)
        self._past.valueChanged.connect(self._on_past_moved)
        self.bar.show_chosen(self._shown)
        self.bar.show_span(self._span_s)

    def _known_graphs(self, figures: HardwareFigures) -> tuple[str, ...]:
        known = figures.known()
        return tuple(
            spec.id
            for spec in GRAPHS
            if not spec.is_of_machine or any(s.field in known for s in spec.series)
        )

    def _load_later(self) -> None:
        """Make what is missing, one in each turn of the event loop."""
        if self.load_graph():
            self._later.start()

    def _show_graphs(self, most: int = len(GRAPHS)) -> bool:
        """Make what is missing, and show what is chosen and can be measured.

        Makes no more than `most`; tells whether one is missing still.
        """
        from widgets.graph_panel import GraphPanel

        figures = self._newest.get(_OF_THE_MACHINE)
        known = None
        if isinstance(figures, HardwareFigures):
            known = self._known_graphs(figures)
        for at, spec in enumerate(GRAPHS):
            is_known = known is None or spec.id in known
            # Of a machine that has not told yet, nothing is promised.
            is_known = is_known and not (spec.is_of_machine and known is None)
            is_shown = spec.id in self._shown and is_known
            if is_shown and spec.id not in self._panels:
                if not most:
                    return True
                most -= 1
                panel = GraphPanel(
                    spec.title, spec.unit, spec.series, spec.decimals, spec.bottom
                )
                panel.zoomed.connect(self._on_zoomed)
                self._panels[spec.id] = panel
                above = sum(each.id in self._panels for each in GRAPHS[:at])
                self._column.insertWidget(above, panel, 1)
            if spec.id in self._panels:
                self._panels[spec.id].setVisible(is_shown)
        return False

    def _draw_newest(self, now_s: float, is_of_machine: bool) -> None:
        if self._freeze_s is not None and now_s >= self._freeze_s:
            self.pause(now_s)
        if self.is_paused or not self._page.isVisible():
            return
        if not is_of_machine:
            if now_s - self._drawn_s < self._span_s / _REDRAWS_OF_A_SPAN / 2:
                return
            self._drawn_s = now_s
        is_legend_due = is_of_machine or now_s >= self._legend_due_s
        if is_legend_due and not is_of_machine:
            self._legend_due_s = now_s + _LEGEND_S
        self._draw(now_s, [is_of_machine], with_values=is_legend_due)

    def _redraw(self) -> None:
        """Draw everything, at the time that is looked at."""
        if not self._newest or not self._page.isVisible():
            return
        newest_s = max(sample.time_s for sample in self._newest.values())
        end_s = newest_s if self._paused_s is None else self._paused_s
        self._draw(end_s, list(self._newest), with_values=True)

    def _draw(self, end_s: float, kinds: list[bool], *, with_values: bool) -> None:
        events = self.events.within(end_s - self._span_s, end_s)
        for spec in GRAPHS:
            panel = self._panels.get(spec.id)
            if panel is None or spec.id not in self._shown:
                continue
            if spec.is_of_machine not in kinds or panel.isHidden():
                continue
            history = self.histories[spec.is_of_machine]
            panel.show_history(history, end_s, self._span_s, events)
            if with_values:
                panel.show_values(self._at(spec, end_s))
        if with_values:
            self._show_words(events)

    def _at(self, spec: GraphSpec, end_s: float) -> object:
        """The sample at the right edge."""
        newest = self._newest[spec.is_of_machine]
        if not self.is_paused:
            return newest
        history = self.histories[spec.is_of_machine]
        names = history.names
        times_s = history.column("time_s")
        at = max(0, int(np.searchsorted(times_s, end_s, side="right")) - 1)
        values = {name: float(history.column(name)[at]) for name in names}
        return type(newest)(**values)

    def _show_words(self, events: tuple[TelemetryEvent, ...]) -> None:
        offset_s = time.time() - time.monotonic()
        lines = [
            f"{time.strftime('%H:%M:%S', time.localtime(offset_s + each.time_s))}"
            f" {each.text}"
            for each in reversed(events)
        ]
        for at, label in enumerate(self._words):
            label.setVisible(at < len(lines))
            label.show_text(lines[at] if at < len(lines) else "", "\n".join(lines))

    def _set_past(self) -> None:
        """Let the scroll bar reach from the oldest sample to the newest."""
        if self._paused_s is None or not self._newest:
            return
        oldest_s = min(h.column("time_s")[0] for h in self.histories if len(h))
        newest_s = max(sample.time_s for sample in self._newest.values())
        self._past.blockSignals(True)
        self._past.setRange(min(0, round(10 * (oldest_s + self._span_s - newest_s))), 0)
        self._past.setPageStep(round(10 * self._span_s))
        self._past.setSingleStep(max(1, round(self._span_s)))
        self._past.setValue(round(10 * (self._paused_s - newest_s)))
        self._past.blockSignals(False)
        self._newest_s = newest_s

    def _on_past_moved(self, tenths: int) -> None:
        self._paused_s = self._newest_s + tenths / 10
        self._redraw()

    def _on_zoomed(self, steps: int) -> None:
        at = SPANS_S.index(self._span_s) - steps
        if 0 <= at < len(SPANS_S):
            self.show_span(SPANS_S[at])

    def _on_pause_toggled(self, is_paused: bool) -> None:
        if is_paused:
            self.pause()
        else:
            self.resume()

    def _on_graphs_chosen(self, ids: tuple[str, ...]) -> None:
        self.choose_graphs(ids)
        self.graphs_chosen.emit(self._shown)

    def _on_visibility_changed(self, is_visible: bool) -> None:
        """Draw what came while there was nothing to draw on."""
        self._legend_due_s = 0.0
        if is_visible:
            self._redraw()
