"""What happened while a session was recorded: events, marks and gaps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from widgets.figure_table import Column, FigureTable
from widgets.theme import GAP_PX, MARGIN_PX

if TYPE_CHECKING:
    from app.review.analysis import Analysis

_COLUMNS = (
    Column("Time s", "In the session", 3),
    Column("Event"),
    Column("What"),
)


class ReviewEvents(QWidget):
    """A table of events; choosing one goes there."""

    moment_chosen = Signal(float)  # time in the session

    def __init__(self) -> None:
        super().__init__()
        self._times_s: list[float] = []
        self._facts = QLabel()
        self._facts.setWordWrap(True)
        self._facts.setProperty("role", "muted")
        self.table = FigureTable(_COLUMNS, "events")
        column = QVBoxLayout(self)
        column.setContentsMargins(MARGIN_PX, GAP_PX, MARGIN_PX, MARGIN_PX)
        column.setSpacing(GAP_PX)
        column.addWidget(self._facts)
        column.addWidget(self.table, 1)
        self.table.row_chosen.connect(
            lambda row, _: self.moment_chosen.emit(self._times_s[row])
        )

    @property
    def times_s(self) -> list[float]:
        """Of the events, in order."""
        return self._times_s

    @property
    def facts_text(self) -> str:
        """What it says of the session."""
        return self._facts.text()

    def show_analysis(self, analysis: Analysis) -> None:
        """Show what happened."""
        contents = analysis.contents
        manifest = contents.manifest
        rows = [(each.time_s, each.kind, each.text) for each in contents.moments]
        rows += [(each.start_s, "gap", each.text()) for each in contents.gaps]
        rows.sort()
        self._times_s = [row[0] for row in rows]
        self.table.show_rows(rows)
        missing = sum(each.count for each in contents.gaps)
        engine = " ".join(
            str(manifest.engine[name])
            for name in ("kind", "precision", "model")
            if manifest.engine.get(name)
        )
        facts = [
            f"{manifest.width_px} x {manifest.height_px}, {manifest.codec}",
            f"Engine: {engine}" if engine else "",
            f"{missing} frames are missing" if missing else "No frame is missing",
            f"Ended: {manifest.ended}" if manifest.ended else "",
            f"Recovered: {manifest.recovery}" if manifest.recovery else "",
            manifest.notes,
        ]
        self._facts.setText("\n".join(fact for fact in facts if fact.strip()))
