"""The strip along the bottom: rate, latency, tracks, ledger, source, cursor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from app.second_look import second_look_text
from widgets.elided_label import ElidedLabel
from widgets.readout import Readout
from widgets.theme import GAP_PX, MARGIN_PX, Colour
from widgets.verdict_line import VerdictLine

if TYPE_CHECKING:
    from app.ledger import LedgerCounts
    from app.pipeline import PipelineStatus
    from app.sources.base import SourceSpec
    from app.verdict import Verdict

# Read from two metres away.
_HEADLINE_FACTOR = 2.0
_NOTHING = "\N{EN DASH}"

_LEDGER_TIPS = {
    "captured": "Frames that arrived here",
    "inferred": "Went through the network and the tracker",
    "replaced": "A newer frame took their place while they waited (live)",
    "lost": "Never arrived: gaps in the numbers the source gives its frames",
    "skipped": "Arrived while a live source was paused",
    "discarded": "Were waiting when the feed stopped",
}
_LOSSES = ("lost",)


class StatusStrip(QWidget):
    """Shows one status of a pipeline; painted only where a text differs."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("statusStrip")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._rate = Readout("Rate", "fps", "000.0", _HEADLINE_FACTOR)
        self._p50 = Readout("Latency p50", "ms", "00.0", _HEADLINE_FACTOR)
        self._p99 = Readout("Latency p99", "ms", "00.0", _HEADLINE_FACTOR)
        self._tracks = Readout("Tracks", "", "00", _HEADLINE_FACTOR)
        self._rate.setToolTip("Frames inferred per second")
        self._p50.setToolTip(
            "From arrival of a frame to its result: half of the frames are faster"
        )
        self._p99.setToolTip(
            "From arrival of a frame to its result: 99 of 100 frames are faster"
        )
        self._tracks.setToolTip("Confirmed tracks in the newest result")
        self._ledger = {
            name: Readout(name.capitalize(), "", "000 000") for name in _LEDGER_TIPS
        }
        self._source = ElidedLabel()
        self._engine = ElidedLabel(Colour.MUTED)
        self._cursor_x = ElidedLabel(Colour.MUTED)
        self._cursor_y = ElidedLabel(Colour.MUTED)
        self.verdict_line = VerdictLine()
        for name, tip in _LEDGER_TIPS.items():
            self._ledger[name].setToolTip(tip)
        self._lay_out()
        self.clear()

    @property
    def source_text(self) -> str:
        """The source as named."""
        return self._source.text

    @property
    def engine_text(self) -> str:
        """The engine as named."""
        return self._engine.text

    @property
    def cursor_text(self) -> str:
        """The point under the mouse."""
        return f"{self._cursor_x.text} {self._cursor_y.text}"

    def show_status(self, status: PipelineStatus) -> None:
        """Show a pipeline's figures."""
        self._rate.show_value(rate_text(status.infer_hz))
        self._p50.show_value(*latency_texts(status.latency_p50_ms))
        self._p99.show_value(*latency_texts(status.latency_p99_ms))
        self._tracks.show_value(str(status.confirmed_tracks))
        self._rate.setToolTip(
            "Frames inferred per second; "
            f"the source gives {rate_text(status.capture_hz)} fps"
        )
        self._show_ledger(status.ledger)
        if status.source is not None:
            self._source.show_text(_source_text(status.source), status.source.uri)
        if status.engine is not None:
            self._engine.show_text(_engine_text(status), _engine_tip(status))

    def show_verdict(self, verdict: Verdict) -> None:
        """Show what limits the feed."""
        self.verdict_line.show_verdict(verdict)

    def show_cursor(self, x_px: float, y_px: float) -> None:
        """Show where in the frame the mouse is."""
        self._cursor_x.show_text(f"x {x_px:.1f}")
        self._cursor_y.show_text(f"y {y_px:.1f}")

    def hide_cursor(self) -> None:
        """Show that the mouse is not on the frame."""
        self._cursor_x.show_text("")
        self._cursor_y.show_text("")

    def clear(self) -> None:
        """Show that there is no source."""
        for readout in (
            self._rate,
            self._p50,
            self._p99,
            self._tracks,
            *self._ledger.values(),
        ):
            readout.show_value(_NOTHING)
        self._source.show_text("No source")
        self._engine.show_text("")
        self.verdict_line.clear()
        self.hide_cursor()

    def _lay_out(self) -> None:
        rows = QVBoxLayout(self)
        rows.setContentsMargins(MARGIN_PX, GAP_PX // 2, MARGIN_PX, GAP_PX // 2)
        rows.setSpacing(0)
        row = QHBoxLayout()
        rows.addLayout(row)
        rows.addWidget(self.verdict_line)
        row.setSpacing(MARGIN_PX)
        for readout in (self._rate, self._p50, self._p99, self._tracks):
            row.addWidget(readout)
        row.addWidget(_line())
        for readout in self._ledger.values():
            row.addWidget(readout)
        row.addWidget(_line())
        row.addLayout(_stacked(self._source, self._engine), 1)
        row.addLayout(_stacked(self._cursor_x, self._cursor_y))
        cursor_px = self.fontMetrics().horizontalAdvance("x 0000.0")
        self._cursor_x.setFixedWidth(cursor_px)
        self._cursor_y.setFixedWidth(cursor_px)

    def _show_ledger(self, counts: LedgerCounts) -> None:
        for name, readout in self._ledger.items():
            count = getattr(counts, name)
            is_alarming = name in _LOSSES and count > 0
            readout.show_value(count_text(count), is_alarming=is_alarming)


def count_text(count: int) -> str:
    """Write a count with thousands set apart."""
    return f"{count:,}".replace(",", "\N{NO-BREAK SPACE}")


def rate_text(rate_hz: float) -> str:
    """Write a rate in frames per second."""
    return f"{rate_hz:.1f}" if rate_hz else _NOTHING


def latency_texts(latency_ms: float) -> tuple[str, str]:
    """Write a latency in three digits, and its unit."""
    if not latency_ms:
        return _NOTHING, "ms"
    if latency_ms >= 999.5:
        return f"{latency_ms / 1e3:.1f}", "s"
    return f"{latency_ms:.1f}" if latency_ms < 99.95 else f"{latency_ms:.0f}", "ms"


def _source_text(source: SourceSpec) -> str:
    """Name a source with its size and rate."""
    size = f"{source.width_px} x {source.height_px}"
    return f"{source.title}  ·  {size}  ·  {source.frame_rate_hz:g} fps"


def _engine_text(status: PipelineStatus) -> str:
    """Name an engine with its precision and threads, and what it does beside."""
    engine, look = status.engine, status.second_look
    assert engine is not None
    threads = "1 thread" if engine.threads == 1 else f"{engine.threads} threads"
    text = f"{engine.kind.value}  ·  {engine.precision.value}  ·  {threads}"
    if not look.pictures:
        return text
    return f"{text}  ·  {look.crops:.1f} crops, {look.look_ms:.1f} ms"


def _engine_tip(status: PipelineStatus) -> str:
    if status.engine is None:
        return ""
    engine = status.engine
    tip = f"{engine.model.name}\n{engine.library}\n{engine.device}"
    look = status.second_look
    return f"{tip}\n{second_look_text(look)}" if look.pictures else tip


def _stacked(above: QWidget, below: QWidget) -> QVBoxLayout:
    column = QVBoxLayout()
    column.setSpacing(0)
    column.addStretch()
    column.addWidget(above)
    column.addWidget(below)
    column.addStretch()
    return column


def _line() -> QFrame:
    line = QFrame()
    line.setFrameShape(QFrame.Shape.VLine)
    line.setFrameShadow(QFrame.Shadow.Plain)
    line.setProperty("role", "line")
    return line
