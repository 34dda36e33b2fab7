"""The graph of a network as a tree of its scopes, before and after side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QSplitter,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from app.errors import ConsoleError
from widgets.theme import GAP_PX

if TYPE_CHECKING:
    from app.graph_scopes import GraphStage, Scope

_COLUMNS = ("Scope", "Nodes", "Operations", "µs", "%")
_TIME, _SHARE = 3, 4
_SCOPE_PX = 150
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_SCOPE = Qt.ItemDataRole.UserRole


class GraphPanel(QWidget):
    """Two trees of an engine's network; each shows one stage of its conversion."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.note = QLabel()
        self.note.setProperty("role", "muted")
        self.note.setWordWrap(True)
        self.sides = (StageTree("Left graph"), StageTree("Right graph"))
        self._split = QSplitter(Qt.Orientation.Horizontal)
        for side in self.sides:
            self._split.addWidget(side)
        self._split.setChildrenCollapsible(False)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, GAP_PX, 0, 0)
        column.addWidget(self.note)
        column.addWidget(self._split, 1)
        self.show_graphs(None)

    def show_graphs(self, found: tuple[GraphStage, ...] | ConsoleError | None) -> None:
        """Show the graphs of an engine, or why there are none; None for no engine."""
        stages: tuple[GraphStage, ...] = ()
        text = "Choose an engine that was built here."
        if isinstance(found, ConsoleError):
            text = f"{found.message[0].upper()}{found.message[1:]}. {found.hint}"
        elif found is not None:
            stages = found
            text = "What the network was and what became of it, by scope."
        self.note.setText(text)
        self._split.setVisible(bool(stages))
        self.sides[0].show_stages(stages, 0)
        self.sides[1].show_stages(stages, 1)


class StageTree(QWidget):
    """One stage of a conversion, and the choice of which."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._stages: tuple[GraphStage, ...] = ()
        self.choice = QComboBox()
        self.choice.setAccessibleName(name)
        self.total = QLabel()
        self.total.setProperty("role", "muted")
        self.tree = QTreeWidget()
        self.tree.setColumnCount(len(_COLUMNS))
        self.tree.setHeaderLabels(list(_COLUMNS))
        for at in (1, _TIME, _SHARE):
            self.tree.headerItem().setTextAlignment(at, _RIGHT)
        self.tree.setUniformRowHeights(True)
        self.tree.setAccessibleName(f"{name} by scope")
        header = self.tree.header()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Interactive)
        header.setSectionResizeMode(2, QHeaderView.ResizeMode.Stretch)
        header.resizeSection(0, _SCOPE_PX)
        header.setStretchLastSection(False)
        row = QHBoxLayout()
        row.addWidget(self.choice)
        row.addWidget(self.total, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(row)
        column.addWidget(self.tree, 1)
        self.choice.currentIndexChanged.connect(self._on_chosen)
        self.tree.itemExpanded.connect(_fill)

    def show_stages(self, stages: tuple[GraphStage, ...], first: int) -> None:
        """Offer these, and show one of them."""
        self._stages = stages
        self.choice.blockSignals(True)
        self.choice.clear()
        for stage in stages:
            self.choice.addItem(stage.title)
        self.choice.setCurrentIndex(min(first, len(stages) - 1))
        self.choice.blockSignals(False)
        self._on_chosen(self.choice.currentIndex())

    def _on_chosen(self, at: int) -> None:
        self.tree.clear()
        self.total.clear()
        if not 0 <= at < len(self._stages):
            return
        stage = self._stages[at]
        root = stage.root
        text = f"{root.count} nodes"
        if stage.is_timed and root.time_us:
            text += f", {root.time_us / 1e3:.2f} ms on one thread"
        self.total.setText(text)
        for column in (_TIME, _SHARE):
            self.tree.setColumnHidden(column, not stage.is_timed)
        _add(self.tree.invisibleRootItem(), root, root.time_us)
        first = self.tree.topLevelItem(0)
        if first is not None:
            # What takes most of the time is seen at once.
            first.setExpanded(True)


def _fill(item: QTreeWidgetItem) -> None:
    """Make what is below an item, once it is opened: a network has thousands."""
    first = item.child(0)
    if first is not None and first.data(0, _SCOPE) is None:
        item.takeChild(0)
        scope, total_us = item.data(0, _SCOPE)
        _add(item, scope, total_us)


def _add(parent: QTreeWidgetItem, scope: Scope, total_us: float | None) -> None:
    slowest_first = sorted(
        scope.children.values(), key=lambda each: (-(each.time_us or 0.0), each.name)
    )
    for each in slowest_first:
        item = QTreeWidgetItem(_cells(each, total_us))
        item.setData(0, _SCOPE, (each, total_us))
        item.setToolTip(2, each.ops_text(most=50))
        for column in (1, _TIME, _SHARE):
            item.setTextAlignment(column, _RIGHT)
        if each.children:
            item.addChild(QTreeWidgetItem())
        parent.addChild(item)


def _cells(scope: Scope, total_us: float | None) -> list[str]:
    time_us = scope.time_us
    share = ""
    if time_us is not None and total_us:
        share = f"{100 * time_us / total_us:.1f}"
    return [
        scope.name,
        str(scope.count),
        scope.ops_text(),
        "" if time_us is None else f"{time_us:.0f}",
        share,
    ]
