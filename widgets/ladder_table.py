"""The steps of a conversion: nodes, difference, overlap and time, with the reasons."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QTreeWidget,
    QTreeWidgetItem,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from PySide6.QtWidgets import QWidget

_COLUMNS = ("Step", "Nodes", "fps", "Difference", "Mask IoU", "Seconds")
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class LadderTable(QTreeWidget):
    """One row a step; below it what was removed, kept and noted."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._shown: tuple[object, ...] = ()
        self.setColumnCount(len(_COLUMNS))
        self.setHeaderLabels(list(_COLUMNS))
        for column in range(1, len(_COLUMNS)):
            self.headerItem().setTextAlignment(column, _RIGHT)
        header = self.header()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        header.setStretchLastSection(False)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setAccessibleName("Steps of the conversion")

    def show_steps(
        self, steps: Sequence[dict[str, Any]], fps: Mapping[str, float]
    ) -> None:
        """Show the reports of steps, as a conversion tells them, and their speeds."""
        if (*steps, fps) == self._shown:
            return
        self._shown = (*steps, fps)
        self.clear()
        for step in steps:
            row = QTreeWidgetItem(_cells(step, fps.get(str(step.get("name", "")))))
            row.setToolTip(0, str(step.get("summary", "")))
            for column in range(1, len(_COLUMNS)):
                row.setTextAlignment(column, _RIGHT)
            for title, lines in _details(step):
                group = QTreeWidgetItem([title])
                for line in lines:
                    item = QTreeWidgetItem([line])
                    item.setToolTip(0, line)
                    group.addChild(item)
                    item.setFirstColumnSpanned(True)
                row.addChild(group)
                group.setFirstColumnSpanned(True)
            self.addTopLevelItem(row)


def _cells(step: dict[str, Any], fps: float | None) -> list[str]:
    difference, iou = step.get("max_abs_diff"), step.get("mask_iou")
    return [
        str(step.get("name", "")),
        f"{step.get('nodes_before', 0)} → {step.get('nodes_after', 0)}",
        "" if fps is None else f"{fps:.1f}",
        "" if difference is None else f"{difference:.1e}",
        "" if iou is None else f"{iou:.4f}",
        f"{step.get('seconds', 0.0):.2f}",
    ]


def _details(step: dict[str, Any]) -> list[tuple[str, list[str]]]:
    before, after = step.get("ops_before") or {}, step.get("ops_after") or {}
    changed = [
        f"{op}: {before.get(op, 0)} → {after.get(op, 0)}"
        for op in sorted({*before, *after})
        if before.get(op, 0) != after.get(op, 0)
    ]
    reasons = [
        f"{each['nodes']} {each['op']}: {each['reason']}"
        for each in step.get("reasons") or []
    ]
    kept = [
        f"{each['node']} ({each['op']}): {each['reason']}"
        for each in step.get("kept") or []
    ]
    groups = (
        ("Operations before and after", changed),
        ("Removed, and why", reasons),
        ("Left, and why", kept),
        ("Notes", list(step.get("notes") or [])),
    )
    return [(title, lines) for title, lines in groups if lines]
