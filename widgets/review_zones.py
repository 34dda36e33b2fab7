"""Zones and lines of a session, and who was in them or crossed them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from app.recording.zones import Line, Zone, ZonePlan
from widgets.figure_table import Column, FigureTable, save_csv
from widgets.icons import icon
from widgets.review_scene import Shape
from widgets.review_view import Tool
from widgets.theme import GAP_PX, MARGIN_PX, Colour

if TYPE_CHECKING:
    from app.recording.zones import Point
    from app.review.analysis import Analysis

_COLUMNS = (
    Column("Time s", "When it crossed, or came in", 3),
    Column("Track", "Its id and colour", is_track=True),
    Column("Where", "The zone or the line"),
    Column("What", "Which way it crossed, or how the visit began and ended"),
    Column("Dwell s", "How long it was in the zone", 3),
)
_LIST_PX = 130


class ReviewZones(QWidget):
    """A list of zones and lines with their counts, and a table of what happened."""

    tool_wanted = Signal(object)  # Tool to draw with
    plan_changed = Signal(object)  # ZonePlan to have from now on
    moment_chosen = Signal(float, int)  # time in the session, id of a track
    choice_changed = Signal()  # another zone or line is chosen

    def __init__(self) -> None:
        super().__init__()
        self._plan = ZonePlan()
        self._counts: dict[str, str] = {}
        self._moments: list[tuple[float, int]] = []
        self._list = QListWidget()
        self._list.setMaximumHeight(_LIST_PX)
        self._list.setAccessibleName("Zones and lines")
        self._draw_zone = QPushButton(icon("zone"), "Draw &zone")
        self._draw_line = QPushButton(icon("line"), "Draw &line")
        self._delete = QPushButton("&Delete")
        self._hint = QLabel(
            "Draw a zone or a line on the picture; drag its corners. F2 renames."
        )
        self._hint.setProperty("role", "muted")
        self.table = FigureTable(_COLUMNS, "zones")
        self._save = QPushButton("Keep as CS&V…")
        self._lay_out()
        self._draw_zone.clicked.connect(lambda: self.tool_wanted.emit(Tool.ZONE))
        self._draw_line.clicked.connect(lambda: self.tool_wanted.emit(Tool.LINE))
        self._delete.clicked.connect(self._on_delete_clicked)
        self._list.itemChanged.connect(self._on_renamed)
        self._list.itemSelectionChanged.connect(self._on_selected)
        self.table.row_chosen.connect(lambda row, _: self._on_row_chosen(row))
        self._save.clicked.connect(lambda: save_csv(self.table, self))
        self._on_selected()

    @property
    def plan(self) -> ZonePlan:
        """The zones and lines."""
        return self._plan

    @property
    def texts(self) -> list[str]:
        """What the list says, from top to bottom."""
        return [self._list.item(row).text() for row in range(self._list.count())]

    def count_text(self, name: str) -> str:
        """Who was there, in short."""
        return self._counts.get(name, "")

    def show_analysis(self, analysis: Analysis) -> None:
        """Show zones and lines, and what happened there."""
        self._plan = analysis.layers.plan
        self._counts = _counts(analysis)
        if tuple(self.texts) != self._plan.names:
            self._fill_list()
        crossed = [
            (
                each.time_s,
                each.track_id,
                each.line,
                "with the arrow" if each.is_forward else "against the arrow",
                float("nan"),
            )
            for each in analysis.crossings
        ]
        visited = [
            (
                each.entered_s,
                each.track_id,
                each.zone,
                _visit_text(is_entry=each.is_entry, is_exit=each.is_exit),
                each.dwell_s,
            )
            for each in analysis.visits
        ]
        rows = sorted([*crossed, *visited])
        self._moments = [(row[0], row[1]) for row in rows]
        self.table.show_rows(rows)

    def add(self, tool: Tool, points: tuple[Point, ...]) -> None:
        """Add what was drawn."""
        plan = self._plan
        if tool is Tool.ZONE:
            zone = Zone(plan.free_name("zone"), points)
            self._change(replace(plan, zones=(*plan.zones, zone)))
        else:
            line = Line(plan.free_name("line"), points[0], points[1])
            self._change(replace(plan, lines=(*plan.lines, line)))

    def move_point(self, name: str, number: int, x_px: float, y_px: float) -> None:
        """Have a corner of a zone, or an end of a line, somewhere else."""
        self._plan = self._plan.with_point(name, number, (x_px, y_px))
        self.choice_changed.emit()

    def keep_points(self) -> None:
        """Keep points where they were moved to."""
        self.plan_changed.emit(self._plan)

    def shapes(self) -> list[Shape]:
        """What to draw on the picture."""
        chosen = self._chosen_name()
        found = []
        for zone in self._plan.zones:
            text = f"{zone.name}: {self.count_text(zone.name)}"
            found.append(
                Shape(
                    zone.corners_px,
                    text,
                    Colour.SERIES_4,
                    is_closed=True,
                    is_chosen=zone.name == chosen,
                    name=zone.name,
                )
            )
        for line in self._plan.lines:
            ends = (line.start_px, line.end_px)
            text = f"{line.name}: {self.count_text(line.name)}"
            found.append(
                Shape(ends, text, Colour.SERIES_2, has_arrow=True, name=line.name)
            )
        return found

    def _change(self, plan: ZonePlan) -> None:
        self._plan = plan
        self._fill_list()
        self.plan_changed.emit(plan)

    def _fill_list(self) -> None:
        self._list.blockSignals(True)
        self._list.clear()
        for kind, named in (("zone", self._plan.zones), ("line", self._plan.lines)):
            for each in named:
                item = QListWidgetItem(icon(kind), each.name)
                item.setFlags(item.flags() | Qt.ItemFlag.ItemIsEditable)
                item.setData(Qt.ItemDataRole.UserRole, each.name)
                self._list.addItem(item)
        self._list.blockSignals(False)
        self._on_selected()

    def _chosen_name(self) -> str:
        chosen = self._list.selectedItems()
        return str(chosen[0].data(Qt.ItemDataRole.UserRole)) if chosen else ""

    def _on_selected(self) -> None:
        self._delete.setEnabled(bool(self._chosen_name()))
        self.choice_changed.emit()

    def _on_delete_clicked(self) -> None:
        self._change(self._plan.without(self._chosen_name()))

    def _on_renamed(self, item: QListWidgetItem) -> None:
        old, new = str(item.data(Qt.ItemDataRole.UserRole)), item.text().strip()
        if not new or new in self._plan.names:
            self._fill_list()
            return
        plan = self._plan
        self._change(
            ZonePlan(
                tuple(
                    replace(zone, name=new) if zone.name == old else zone
                    for zone in plan.zones
                ),
                tuple(
                    replace(line, name=new) if line.name == old else line
                    for line in plan.lines
                ),
            )
        )

    def _on_row_chosen(self, row: int) -> None:
        self.moment_chosen.emit(*self._moments[row])

    def _lay_out(self) -> None:
        buttons = QHBoxLayout()
        for button in (self._draw_zone, self._draw_line):
            buttons.addWidget(button)
        buttons.addStretch(1)
        buttons.addWidget(self._delete)
        out = QHBoxLayout()
        out.addStretch(1)
        out.addWidget(self._save)
        column = QVBoxLayout(self)
        column.setContentsMargins(MARGIN_PX, GAP_PX, MARGIN_PX, MARGIN_PX)
        column.setSpacing(GAP_PX)
        column.addWidget(self._hint)
        column.addLayout(buttons)
        column.addWidget(self._list)
        column.addWidget(self.table, 1)
        column.addLayout(out)


def _counts(analysis: Analysis) -> dict[str, str]:
    """Who was in each zone and crossed each line, in short."""
    found = {}
    for zone in analysis.layers.plan.zones:
        own = [visit for visit in analysis.visits if visit.zone == zone.name]
        tracks = len({visit.track_id for visit in own})
        dwell_s = sum(visit.dwell_s for visit in own)
        what = "1 track" if tracks == 1 else f"{tracks} tracks"
        found[zone.name] = f"{what}, {dwell_s:.2f} s"
    for line in analysis.layers.plan.lines:
        ways = [
            each.is_forward for each in analysis.crossings if each.line == line.name
        ]
        forward = sum(ways)
        found[line.name] = f"{forward} with the arrow, {len(ways) - forward} against"
    return found


def _visit_text(*, is_entry: bool, is_exit: bool) -> str:
    begins = "came in" if is_entry else "was inside"
    ends = "went out" if is_exit else "stayed"
    return f"{begins}, {ends}"
