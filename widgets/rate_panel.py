"""How evenly frames come from the source that runs: figures and a histogram."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from app.sources.live import LinkState
from widgets.overrides import override
from widgets.readout import Readout
from widgets.theme import GAP_PX, Colour, scaled_font

if TYPE_CHECKING:
    from PySide6.QtGui import QPaintEvent

    from app.pipeline import PipelineStatus
    from app.sources.arrivals import ArrivalStatistics

_NOTHING = "Start a camera to see how evenly its frames come."
_TICKS = 3
_SMALL = 0.8


class RatePanel(QWidget):
    """Shows what a live source delivers, beside what was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self._measured = Readout("Delivered", "fps", "0000.0", 1.3)
        self._asked = Readout("Asked for", "fps", "0000.0", 1.3)
        self._jitter = Readout("Jitter p99", "ms", "000.00", 1.3)
        self._delay = Readout("To the console", "ms", "000.0", 1.3)
        self._lost = Readout("Lost at the driver", "", "0000000", 1.3)
        self._outages = Readout("Outages", "", "0000", 1.3)
        self._histogram = _Histogram()
        self._words = QLabel(_NOTHING)
        self._words.setWordWrap(True)
        self._words.setProperty("role", "muted")
        self._jitter.setToolTip(
            "By the source's clock: how far 99 of 100 intervals are from the usual one"
        )
        self._delay.setToolTip("From the driver's time stamp to the arrival here")
        row = QHBoxLayout()
        row.setSpacing(2 * GAP_PX)
        for readout in (
            self._measured,
            self._asked,
            self._jitter,
            self._delay,
            self._lost,
            self._outages,
        ):
            row.addWidget(readout)
        row.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GAP_PX)
        column.addLayout(row)
        column.addWidget(self._histogram, 1)
        column.addWidget(self._words)
        self.show_status(None)

    @property
    def words(self) -> str:
        """What is said below the figures."""
        return self._words.text()

    @property
    def measured(self) -> str:
        """The rate as shown."""
        return self._measured.text

    @property
    def lost(self) -> str:
        """Frames lost at the driver, as shown."""
        return self._lost.text

    def show_status(self, status: PipelineStatus | None) -> None:
        """Show how the running source fares; None while none does."""
        camera = status.camera if status is not None else None
        if status is None or camera is None or status.source is None:
            for readout in self.findChildren(Readout):
                readout.show_value("\N{EN DASH}")
            self._histogram.show_statistics(None)
            self._words.setText(_NOTHING)
            return
        report, arrivals = camera.report, camera.arrivals
        asked_hz = report.asked_rate_hz or status.source.frame_rate_hz
        is_slow = status.capture_hz < 0.95 * asked_hz
        is_settled = arrivals.count > asked_hz
        self._measured.show_value(
            f"{status.capture_hz:.1f}", is_alarming=is_slow and is_settled
        )
        self._asked.show_value(f"{asked_hz:g}")
        self._jitter.show_value(f"{arrivals.jitter_p99_ms:.2f}")
        self._delay.show_value(f"{report.delay_p50_ms:.1f}")
        lost = status.ledger.lost - report.outage_lost
        self._lost.show_value(f"{lost}", is_alarming=lost > 0)
        self._outages.show_value(f"{report.outages}", is_alarming=report.outages > 0)
        self._histogram.show_statistics(arrivals)
        self._words.setText(_said(report.text, report.link, status))


def _said(text: str, link: LinkState, status: PipelineStatus) -> str:
    if text:
        return text if link is LinkState.LOST else f"{text[0].upper()}{text[1:]}."
    title = status.source.title if status.source else ""
    return f"{title} delivers what was asked for."


class _Histogram(QWidget):
    """Columns of how many intervals had which length."""

    def __init__(self) -> None:
        super().__init__()
        self._statistics: ArrivalStatistics | None = None
        self._font = scaled_font(self.font(), _SMALL)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("Histogram of the time between frames")

    def show_statistics(self, statistics: ArrivalStatistics | None) -> None:
        """Show these; None shows none."""
        self._statistics = statistics
        self.update()

    @override
    def sizeHint(self) -> QSize:
        return QSize(320, 130)

    @override
    def minimumSizeHint(self) -> QSize:
        return QSize(200, 90)

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), Colour.WINDOW.qcolor)
        statistics = self._statistics
        if statistics is None or not statistics.histogram:
            return
        painter.setFont(self._font)
        text_px = painter.fontMetrics().height()
        area = QRectF(self.rect()).adjusted(8, text_px + 4, -8, -text_px - 4)
        counts = statistics.histogram
        width = area.width() / len(counts)
        most = max(counts)
        for at, count in enumerate(counts):
            # One interval among hundreds is still to be seen.
            height = max(area.height() * count / most, 2.0) if count else 0.0
            is_far = at >= len(counts) // 2
            colour = Colour.WARNING if is_far else Colour.SERIES_1
            painter.fillRect(
                QRectF(
                    area.left() + at * width,
                    area.bottom() - height,
                    max(1.0, width - 1),
                    height,
                ),
                colour.qcolor,
            )
        painter.setPen(Colour.MUTED.qcolor)
        painter.drawText(
            QRectF(8, 2, area.width(), text_px),
            Qt.AlignmentFlag.AlignLeft,
            f"Time between frames, the last {statistics.count}",
        )
        span_ms = statistics.bin_ms * len(counts)
        for tick in range(_TICKS + 1):
            x = area.left() + area.width() * tick / _TICKS
            more = "+" if tick == _TICKS else ""
            text = f"{span_ms * tick / _TICKS:.3g}{more} ms"
            wide = painter.fontMetrics().horizontalAdvance(text)
            left = min(max(area.left(), x - wide / 2), area.right() - wide)
            painter.drawText(
                QRectF(left, area.bottom() + 2, wide + 2, text_px),
                Qt.AlignmentFlag.AlignLeft,
                text,
            )
