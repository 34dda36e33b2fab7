"""The builds: what each does, how far it is, and what to do where it failed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from app.conversion_job import ConversionState
from widgets.theme import GAP_PX

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.build_queue import Build

_PER_MILLE = 1000


class BuildList(QScrollArea):
    """One box a build, the newest first."""

    cancelled = Signal(int)  # number of the build
    forgotten = Signal(int)  # number of the build
    repeated = Signal(object)  # Build, to be made once more
    chosen = Signal(object)  # Build whose steps are to be shown

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._boxes: dict[int, _Box] = {}
        self._empty = QLabel("Nothing is being built.")
        self._empty.setProperty("role", "muted")
        page = QWidget()
        self._column = QVBoxLayout(page)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.addWidget(self._empty)
        self._column.addStretch(1)
        self.setWidget(page)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)

    def show_builds(self, builds: Sequence[Build]) -> None:
        """Show these, oldest first in the sequence."""
        numbers = {each.number for each in builds}
        for number in [each for each in self._boxes if each not in numbers]:
            self._boxes.pop(number).deleteLater()
        for build in builds:
            box = self._boxes.get(build.number)
            if box is None:
                box = self._boxes[build.number] = _Box(build)
                box.cancel.clicked.connect(
                    lambda _=False, number=build.number: self._close(number)
                )
                box.again.clicked.connect(
                    lambda _=False, box=box: self.repeated.emit(box.build)
                )
                box.steps.clicked.connect(
                    lambda _=False, box=box: self.chosen.emit(box.build)
                )
                self._column.insertWidget(0, box)
            box.show_build(build)
        self._empty.setVisible(not builds)

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
        self._bar = QProgressBar()
        self._bar.setRange(0, _PER_MILLE)
        self._bar.setTextVisible(False)
        self._time = QLabel()
        self._time.setProperty("role", "muted")
        self.cancel = QPushButton("Cancel")
        self.again = QPushButton("Build again")
        self.steps = QPushButton("Steps")
        grid = QGridLayout(self)
        grid.setContentsMargins(GAP_PX, GAP_PX, GAP_PX, GAP_PX)
        grid.addWidget(self._title, 0, 0)
        grid.addWidget(self._time, 0, 1)
        grid.addWidget(self.steps, 0, 2)
        grid.addWidget(self.again, 0, 3)
        grid.addWidget(self.cancel, 0, 4)
        grid.addWidget(self._bar, 1, 0, 1, 5)
        grid.addWidget(self._text, 2, 0, 1, 5)
        grid.setColumnStretch(0, 1)

    def show_build(self, build: Build) -> None:
        self.build = build
        status = build.status
        state = status.state if status else None
        self.cancel.setText("Close" if build.is_over else "Cancel")
        self.cancel.setEnabled(state is not ConversionState.CANCELLING)
        self.again.setVisible(
            state in (ConversionState.FAILED, ConversionState.CANCELLED)
        )
        self.steps.setVisible(bool(status and status.steps))
        self._bar.setVisible(not build.is_over)
        self._text.setProperty(
            "role", "fault" if state is ConversionState.FAILED else "muted"
        )
        self._text.style().polish(self._text)
        if status is None:
            self._text.setText("waits for the build before it")
            self._time.clear()
            return
        self._bar.setValue(round(_PER_MILLE * status.done_ratio))
        self._text.setText(_text_of(build))
        expected = f" of about {build.expected_s:.0f} s" if build.expected_s else " s"
        self._time.setText(
            f"{status.seconds:.0f}{expected}" if not build.is_over else ""
        )


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
