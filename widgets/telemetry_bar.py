"""What the operator chooses above the graphs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QMenu, QToolButton, QWidget

from widgets.icons import icon
from widgets.telemetry_graphs import GRAPHS
from widgets.theme import GAP_PX, Colour

if TYPE_CHECKING:
    from collections.abc import Iterable

SPANS_S = (15.0, 60.0, 300.0, 900.0, 3600.0)
_NAMES = ("15 s", "1 min", "5 min", "15 min", "1 h")


class TelemetryBar(QWidget):
    """Which graphs, how much time, pause, save."""

    graphs_chosen = Signal(object)  # tuple of str: names of all that are chosen
    span_chosen = Signal(float)  # seconds
    pause_toggled = Signal(bool)  # whether the graphs stand still
    picture_requested = Signal()
    table_requested = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._choices = {spec.id: QAction(spec.title, self) for spec in GRAPHS}
        self._freeze = QAction("Pause soon after an alarm", self)
        self._graphs = _menu_button("Graphs", "Which graphs are shown")
        self._save = _menu_button("Save", "Save what was measured")
        self._span = QComboBox()
        self._pause = QToolButton()
        self._fill()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GAP_PX // 2)
        for widget in (self._graphs, self._span, self._pause, self._save):
            row.addWidget(widget)
        row.addStretch()
        self._connect()

    @property
    def freezes(self) -> bool:
        """Whether the graphs are to stand still soon after an alarm."""
        return self._freeze.isChecked()

    def show_chosen(self, ids: Iterable[str]) -> None:
        """Check the graphs that are shown."""
        chosen = set(ids)
        for id_, action in self._choices.items():
            action.setChecked(id_ in chosen)

    def show_known(self, ids: Iterable[str]) -> None:
        """Offer only what this machine tells."""
        known = set(ids)
        for spec in GRAPHS:
            action = self._choices[spec.id]
            action.setEnabled(spec.id in known)
            missing = "" if spec.id in known else " (not told by this machine)"
            action.setText(f"{spec.title}{missing}")

    def show_span(self, span_s: float) -> None:
        """Show how much time is seen."""
        self._span.setCurrentIndex(SPANS_S.index(span_s))

    def show_paused(self, *, is_paused: bool) -> None:
        """Show whether the graphs stand still."""
        self._pause.setChecked(is_paused)
        self._pause.setIcon(icon("start" if is_paused else "pause", Colour.TEXT))

    def _fill(self) -> None:
        menu = self._graphs.menu()
        for action in self._choices.values():
            action.setCheckable(True)
            menu.addAction(action)
        menu.addSeparator()
        self._freeze.setCheckable(True)
        menu.addAction(self._freeze)
        save = self._save.menu()
        save.addAction("Picture…", self.picture_requested.emit)
        save.addAction("Table…", self.table_requested.emit)
        self._span.addItems(_NAMES)
        self._span.setToolTip("How much time is seen; the wheel changes it too")
        self._span.setAccessibleName("Span")
        self._pause.setCheckable(True)
        self._pause.setIcon(icon("pause", Colour.TEXT))
        self._pause.setToolTip("Let the graphs stand still; measuring goes on")
        self._pause.setAccessibleName("Pause graphs")

    def _connect(self) -> None:
        for action in self._choices.values():
            action.triggered.connect(self._on_choice)
        self._span.activated.connect(self._on_span_chosen)
        self._pause.clicked.connect(self.pause_toggled)

    def _on_choice(self) -> None:
        chosen = (id_ for id_, action in self._choices.items() if action.isChecked())
        self.graphs_chosen.emit(tuple(chosen))

    def _on_span_chosen(self, at: int) -> None:
        self.span_chosen.emit(SPANS_S[at])


def _menu_button(text: str, tip: str) -> QToolButton:
    button = QToolButton()
    button.setText(f"{text} \N{BLACK DOWN-POINTING SMALL TRIANGLE}")
    button.setToolTip(tip)
    button.setAccessibleName(text)
    button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
    button.setMenu(QMenu(button))
    return button
