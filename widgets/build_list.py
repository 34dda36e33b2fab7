"""The builds: one that runs, those that wait, and how the last ones ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from app.conversion_job import LOADING, ConversionState
from widgets.theme import GAP_PX

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.build_queue import Build

_PER_MILLE = 1000
_FIRST = "in the first build of this kind here"
_FIRST_TIP = (
    "How long it takes is known after it; steps that other builds had show their time"
)
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class BuildList(QScrollArea):
    """One box a build, the newest first."""

    cancelled = Signal(int)  # number of the build
    forgotten = Signal(int)  # number of the build
    repeated = Signal(object)  # Build, to be made once more
    advised = Signal(object)  # Build whose advice is to be followed
    chosen = Signal(object)  # Build whose steps are to be shown
    log_wanted = Signal(object)  # Build whose log is to be shown

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._boxes: dict[int, _Box] = {}
        self._empty = QLabel("Nothing is being built.")
        self._empty.setProperty("role", "muted")
        page = QWidget()
        self._column = QVBoxLayout(page)
        self._column.setContentsMargins(0, GAP_PX, GAP_PX, 0)
        self._column.addWidget(self._empty)
        self._column.addStretch(1)
        self.setWidget(page)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)

    @property
    def boxes(self) -> tuple[_Box, ...]:
        """One for each build, oldest first."""
        return tuple(self._boxes[number] for number in sorted(self._boxes))

    def show_builds(self, builds: Sequence[Build]) -> None:
        """Show these, oldest first in the sequence."""
        numbers = {each.number for each in builds}
        for number in [each for each in self._boxes if each not in numbers]:
            self._boxes.pop(number).deleteLater()
        for build in builds:
            box = self._boxes.get(build.number)
            if box is None:
                box = self._boxes[build.number] = self._make_box(build)
                self._column.insertWidget(0, box)
            box.show_build(build)
        self._empty.setVisible(not builds)

    def _make_box(self, build: Build) -> _Box:
        box, number = _Box(build), build.number
        box.cancel.clicked.connect(lambda: self._close(number))
        for button, signal in (
            (box.again, self.repeated),
            (box.next, self.advised),
            (box.steps, self.chosen),
            (box.log, self.log_wanted),
        ):
            # Box and list end together.
            button.clicked.connect(
                lambda _=False, signal=signal: signal.emit(box.build)
            )
        return box

    def _close(self, number: int) -> None:
        is_over = self._boxes[number].build.is_over
        (self.forgotten if is_over else self.cancelled).emit(number)


class _Box(QFrame):
    def __init__(self, build: Build) -> None:
        super().__init__()
        self.build = build
        self.setObjectName("buildBox")
        self._title = QLabel(build.name)
        self._title.setProperty("role", "title")
        self._text = QLabel()
        self._text.setWordWrap(True)
        self._text.setProperty("role", "muted")
        self._text.setTextFormat(Qt.TextFormat.PlainText)
        self._text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._bar = QProgressBar()
        self._bar.setRange(0, _PER_MILLE)
        self._bar.setTextVisible(False)
        self._time = QLabel()
        self._time.setProperty("role", "muted")
        self.cancel = QPushButton("Cancel")
        self.again = QPushButton("Build again")
        self.next = QPushButton()
        self.next.setObjectName("primary")
        self.steps = QPushButton("Steps")
        self.log = QPushButton("Log")
        self._table = _StepTable()
        row = QHBoxLayout()
        row.addWidget(self._title, 1)
        row.addWidget(self._time)
        for button in (self.log, self.steps, self.again, self.next, self.cancel):
            button.setAutoDefault(False)
            row.addWidget(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(GAP_PX, GAP_PX, GAP_PX, GAP_PX)
        column.addLayout(row)
        for part in (self._bar, self._text, self._table):
            column.addWidget(part)

    def show_build(self, build: Build) -> None:
        self.build = build
        status = build.status
        state = status.state if status else None
        self.cancel.setText("Close" if build.is_over else "Cancel")
        self.cancel.setEnabled(state is not ConversionState.CANCELLING)
        has_ended_badly = state in (ConversionState.FAILED, ConversionState.CANCELLED)
        self.again.setVisible(has_ended_badly)
        self.next.setVisible(build.advice is not None)
        if build.advice is not None:
            self.next.setText(build.advice.text)
            self.again.setVisible(build.advice.order != build.order)
        self.steps.setVisible(bool(status and status.steps))
        self.log.setVisible(status is not None)
        self._bar.setVisible(status is not None and not build.is_over)
        self._table.setVisible(status is not None and not build.is_over)
        role = "fault" if state is ConversionState.FAILED else "muted"
        if self._text.property("role") != role:
            self._text.setProperty("role", role)
            self._text.style().unpolish(self._text)
            self._text.style().polish(self._text)
        if status is None:
            self._text.setText("waits for the build before it")
            self._time.clear()
            return
        self._bar.setValue(round(_PER_MILLE * _done_ratio(build)))
        self._text.setText(_text_of(build))
        expected = f"of about {build.expected_s:.0f} s" if build.expected_s else _FIRST
        self._time.setText(
            "" if build.is_over else f"{status.seconds:.0f} s {expected}"
        )
        self._time.setToolTip("" if build.expected_s else _FIRST_TIP)
        if not build.is_over:
            self._table.show_build(build)


class _StepTable(QWidget):
    """Each step with how long it took, and how long it took the last time."""

    def __init__(self) -> None:
        super().__init__()
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setVerticalSpacing(2)
        self._grid.setColumnStretch(3, 1)
        self._names: tuple[str, ...] = ()
        self._cells: list[tuple[QLabel, QLabel, QLabel]] = []

    def show_build(self, build: Build) -> None:
        status = build.status
        if status is None:
            return
        names = (LOADING, *(status.step_names or tuple(build.expected)[1:]))
        if names != self._names:
            self._make(names)
        took, now = dict(status.step_times), status.step_name or LOADING
        for name, (sign, elapsed, expected) in zip(names, self._cells, strict=True):
            is_over = name in took
            sign.setText(("✓ " if is_over else "▶ " if name == now else "   ") + name)
            role = "title" if name == now and not is_over else "muted"
            if sign.property("role") != role:
                sign.setProperty("role", role)
                sign.style().unpolish(sign)
                sign.style().polish(sign)
            seconds = took.get(name, status.step_seconds if name == now else None)
            elapsed.setText("" if seconds is None else f"{seconds:.1f} s")
            others = {} if build.expected else build.expected_of_others
            known = build.expected.get(name, others.get(name))
            expected.setText("" if known is None else f"of about {known:.1f} s")

    def _make(self, names: tuple[str, ...]) -> None:
        for cells in self._cells:
            for cell in cells:
                cell.deleteLater()
        self._names, self._cells = names, []
        for line, _ in enumerate(names):
            cells = QLabel(), QLabel(), QLabel()
            cells[1].setAlignment(_RIGHT)
            cells[1].setMinimumWidth(70)
            cells[2].setProperty("role", "muted")
            for column, cell in enumerate(cells):
                self._grid.addWidget(cell, line, column)
            self._cells.append(cells)


def _done_ratio(build: Build) -> float:
    """By the time that steps took before, where that is known; else by their number."""
    status, expected_s = build.status, build.expected_s
    if status is None:
        return 0.0
    if not expected_s or status.state is ConversionState.DONE:
        return status.done_ratio
    over = dict(status.step_times)
    done_s = sum(build.expected.get(name, 0.0) for name in over)
    now_s = build.expected.get(status.step_name or LOADING, 0.0)
    return min(0.99, (done_s + min(status.step_seconds, now_s)) / expected_s)


def _text_of(build: Build) -> str:
    status = build.status
    if status is None:
        return ""
    if status.error is not None:
        return f"{status.error.message}. {status.error.hint}".replace(".. ", ". ")
    if status.state is ConversionState.DONE:
        return f"built in {status.seconds:.0f} s"
    if status.state is ConversionState.CANCELLED:
        return "cancelled; nothing was written"
    step = f"step {status.steps_done + 1} of {status.step_count}: "
    return (step if status.step_count else "") + status.activity
