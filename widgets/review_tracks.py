"""The tracks of a session: their figures, and what is wrong with them put right."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from widgets.figure_table import Column, FigureTable, save_csv
from widgets.theme import GAP_PX, MARGIN_PX

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtGui import QAction

    from app.recording.statistics import TrackStatistics
    from app.review.analysis import Analysis


def _columns(unit: str) -> tuple[Column, ...]:
    decimals = 0 if unit == "px" else 2
    return (
        Column("Track", "The track's id and colour", is_track=True),
        Column("From\ns", "When it was seen first", 3),
        Column("For\ns", "From its first to its last frame", 3),
        Column(f"Mean\n{unit}/s", "Its way through its time", decimals),
        Column(f"Top\n{unit}/s", "Highest speed of the fitted motion", decimals),
        Column(f"Acc.\n{unit}/s²", "Mean acceleration of the fitted motion", decimals),
        Column(f"Path\n{unit}", "Length of its way", decimals),
        Column("Heading\n°", "From first to last position; 90 is up", 0),
        Column("Frames", "In which it was seen"),
        Column("Dwell\ns", "In all zones together", 3),
    )


class ReviewTracks(QWidget):
    """A table of tracks, and buttons for the chosen ones.

    Parameters
    ----------
    actions : sequence of QAction
        That correct tracks.
    """

    track_chosen = Signal(int, bool)  # id of a track; whether to add it to the chosen
    track_opened = Signal(int)  # id of a track to go to the beginning of

    def __init__(self, actions: Sequence[QAction]) -> None:
        super().__init__()
        self.table = FigureTable(_columns("px"), "tracks")
        self._ids: list[int] = []
        self._chosen = QLabel()
        self._chosen.setProperty("role", "muted")
        self._chosen.setWordWrap(True)
        self._copy = QPushButton("&Copy")
        self._copy.setToolTip("Copy the chosen rows, or all (Ctrl+C in the table)")
        self._save = QPushButton("Keep as CS&V…")
        self._lay_out(actions)
        self.table.row_chosen.connect(
            lambda row, is_added: self.track_chosen.emit(self._ids[row], is_added)
        )
        self.table.row_opened.connect(
            lambda row: self.track_opened.emit(self._ids[row])
        )
        self._copy.clicked.connect(self.table.copy)
        self._save.clicked.connect(lambda: save_csv(self.table, self))
        self.show_chosen(())

    @property
    def chosen_text(self) -> str:
        """What it says of the chosen tracks."""
        return self._chosen.text()

    def show_analysis(self, analysis: Analysis) -> None:
        """Show the figures of all tracks."""
        self.table.show_titles(_columns(analysis.unit))
        dwell_s: dict[int, float] = {}
        for visit in analysis.visits:
            so_far_s = dwell_s.get(visit.track_id, 0.0)
            dwell_s[visit.track_id] = so_far_s + visit.dwell_s
        time_s = analysis.contents.frames.time_s
        self._ids = [each.id for each in analysis.statistics]
        self.table.show_rows(
            [
                (
                    each.id,
                    float(time_s[each.first]),
                    each.seconds,
                    *_if_moved(
                        each,
                        each.mean_speed,
                        each.top_speed,
                        each.mean_acceleration,
                        each.path,
                        each.heading_deg,
                    ),
                    each.frames,
                    dwell_s.get(each.id, 0.0),
                )
                for each in analysis.statistics
            ]
        )

    def show_chosen(self, ids: Sequence[int]) -> None:
        """Show which tracks are chosen."""
        self.table.show_chosen([self._ids.index(i) for i in ids if i in self._ids])
        if not ids:
            text = "Click a track in the picture, the timeline or the table."
        elif len(ids) == 1:
            text = (
                f"Track {ids[0]} is chosen. Ctrl+click a second one to swap or merge."
            )
        else:
            text = f"Tracks {ids[0]} and {ids[1]} are chosen."
        self._chosen.setText(text)

    def _lay_out(self, actions: Sequence[QAction]) -> None:
        correct = QHBoxLayout()
        correct.setSpacing(GAP_PX // 2)
        for action in actions:
            correct.addWidget(_ActionButton(action))
        correct.addStretch(1)
        out = QHBoxLayout()
        out.addStretch(1)
        out.addWidget(self._copy)
        out.addWidget(self._save)
        column = QVBoxLayout(self)
        column.setContentsMargins(MARGIN_PX, GAP_PX, MARGIN_PX, MARGIN_PX)
        column.setSpacing(GAP_PX)
        column.addWidget(self._chosen)
        column.addLayout(correct)
        column.addWidget(self.table, 1)
        column.addLayout(out)


def _if_moved(figures: TrackStatistics, *values: float) -> tuple[float, ...]:
    """What a single position tells nothing of is not a number."""
    return values if figures.frames > 1 else (math.nan,) * len(values)


class _ActionButton(QPushButton):
    """A button that follows an action."""

    def __init__(self, action: QAction) -> None:
        super().__init__()
        self._action = action
        self.clicked.connect(action.trigger)
        action.changed.connect(self._follow)
        self._follow()

    def _follow(self) -> None:
        self.setText(self._action.text().replace("&", ""))
        self.setToolTip(self._action.toolTip())
        self.setEnabled(self._action.isEnabled())
