"""What a conversion did: nodes, overlap and speed as plots, steps as a table."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from app.step_speeds import fps_by_step
from widgets.bar_chart import BarChart, BarRow
from widgets.ladder_table import LadderTable
from widgets.theme import GAP_PX, Colour

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_STEPS_PX = 240


class ReportPanel(QScrollArea):
    """Shows the report of an engine, or the steps of a build that goes on."""

    tensorboard_requested = Signal()
    page_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.title = QLabel()
        self.title.setProperty("role", "title")
        self.title.setWordWrap(True)
        self.steps = LadderTable()
        self.steps.setMinimumHeight(_STEPS_PX)
        self.nodes = BarChart("Nodes after each step", (("", Colour.SERIES_3),))
        self.speed = BarChart(
            "Frames a second, network alone, one thread", (("", Colour.SERIES_1),)
        )
        self.overlap = BarChart(
            "Overlap of masks with the network as trained (IoU)",
            (("", Colour.SERIES_4),),
        )
        self.differences = BarChart(
            "Largest difference from the network as trained (logarithmic)",
            (("", Colour.SERIES_2),),
            is_log=True,
        )
        self.tensorboard = QPushButton("Open in T&ensorBoard")
        self.tensorboard.setToolTip(
            "Start TensorBoard on the graph of every step, and open it in the browser"
        )
        self.page = QPushButton("Open as page")
        self.page.setToolTip(
            "Open the report as a page of its own, to print or to send"
        )
        self._lay_out()
        self.tensorboard.clicked.connect(self.tensorboard_requested)
        self.page.clicked.connect(self.page_requested)
        self.show_report("", None)

    def show_report(self, name: str, report: dict[str, Any] | None) -> None:
        """Show what `ConversionReport.to_document` gave; None where there is none."""
        self.show_steps((report or {}).get("steps") or (), fps_by_step(report or {}))
        if report is None:
            self.title.setText(
                f"{name} was not built here: there is no report of it."
                if name
                else "Choose an engine that was built here."
            )
            self.speed.show_rows(())
            return
        took = f"built in {report.get('seconds', 0.0):.0f} s"
        # A clip is told by its name: its folder would fill the line.
        samples = re.sub(r"\S*/(?=\S)", "", str(report.get("samples", "")))
        compared = f"compared on {samples}"
        self.title.setText(f"{name}: {took}, {compared}")
        speed = report.get("speed") or {}
        self.speed.show_rows([_speed_row(one) for one in speed.get("results") or ()])

    def show_steps(
        self, steps: Sequence[dict[str, Any]], fps: Mapping[str, float] | None = None
    ) -> None:
        """Show these steps, as a conversion tells them, with the speeds by step."""
        self.steps.show_steps(steps, fps or {})
        self.nodes.show_rows(_nodes_rows(steps))
        overlaps = [(_name(step), step.get("mask_iou")) for step in steps]
        self.overlap.show_rows(
            [
                BarRow(name, (iou,), (f"{iou:.4f}",))
                for name, iou in overlaps
                if iou is not None
            ]
        )
        differences = [(_name(step), step.get("max_abs_diff")) for step in steps]
        self.differences.show_rows(
            [
                BarRow(name, (most,), (f"{most:.1e}" if most else "none",))
                for name, most in differences
                if most is not None
            ]
        )

    def show_building(self, name: str, steps: Sequence[dict[str, Any]]) -> None:
        """Show a build's steps until now."""
        self.show_steps(steps)
        self.title.setText(f"{name}: steps of the build")
        self.speed.show_rows(())
        self.enable(has_page=False, has_graphs=False)

    def enable(self, *, has_page: bool, has_graphs: bool) -> None:
        """Say what of it is on the disk."""
        self.page.setEnabled(has_page)
        self.tensorboard.setEnabled(has_graphs)

    def _lay_out(self) -> None:
        buttons = QHBoxLayout()
        buttons.addWidget(self.title, 1)
        buttons.addWidget(self.tensorboard)
        buttons.addWidget(self.page)
        for button in (self.tensorboard, self.page):
            button.setAutoDefault(False)
        content = QWidget()
        column = QVBoxLayout(content)
        column.setContentsMargins(0, GAP_PX, GAP_PX, 0)
        column.setSpacing(GAP_PX)
        column.addLayout(buttons)
        for part in (
            self.speed,
            self.nodes,
            self.overlap,
            self.differences,
            self.steps,
        ):
            column.addWidget(part)
        column.addStretch(1)
        self.setWidget(content)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)


def _name(step: dict[str, Any]) -> str:
    return str(step.get("name", ""))


def _nodes_rows(steps: Sequence[dict[str, Any]]) -> list[BarRow]:
    counts = [("as trained", int(step.get("nodes_before", 0))) for step in steps[:1]]
    counts += [(_name(step), int(step.get("nodes_after", 0))) for step in steps]
    return [BarRow(name, (count,), (str(count),)) for name, count in counts]


def _speed_row(one: dict[str, Any]) -> BarRow:
    fps = one.get("fps", 0.0)
    text = f"{fps:.1f} fps, {one.get('ratio_to_reference', 1.0):.2f} x"
    if one.get("ms_p99"):
        text += f", {one['ms_p50']:.2f} ms (p99 {one['ms_p99']:.2f})"
    return BarRow(str(one.get("engine", "")), (fps,), (text,))
