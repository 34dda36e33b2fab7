"""Bars side by side: one row a label, one bar a value in it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QSizePolicy, QWidget

from widgets.overrides import override
from widgets.theme import GAP_PX, Colour, scaled_font

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtGui import QPaintEvent

_BAR_PX = 16
_TITLE_PX = 26
_KEY_PX = 22
_LEAST_BAR_PX = 60
_LOG_DECADES = 12


@dataclass(frozen=True, slots=True)
class BarRow:
    """One label with its bars."""

    label: str
    values: tuple[float | None, ...]
    """One for each series; None takes no room."""
    texts: tuple[str, ...]
    """What stands behind each bar."""


class BarChart(QWidget):
    """Draws rows of bars under a title; all bars have one scale from 0.

    Parameters
    ----------
    title : str
    series : sequence of (str, Colour)
        What the bars of a row mean; named below the title where there are several.
    is_log : bool
        Whether bars grow with the logarithm; 0 has no bar then.
    """

    def __init__(
        self,
        title: str,
        series: Sequence[tuple[str, Colour]],
        *,
        is_log: bool = False,
    ) -> None:
        super().__init__()
        self._title = title
        self._series = tuple(series)
        self._is_log = is_log
        self._rows: tuple[BarRow, ...] = ()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(title)

    @property
    def rows(self) -> tuple[BarRow, ...]:
        """What is drawn."""
        return self._rows

    def show_rows(
        self,
        rows: Sequence[BarRow],
        series: Sequence[tuple[str, Colour]] | None = None,
    ) -> None:
        """Draw these rows, under other series where some are given."""
        self._rows = tuple(rows)
        if series is not None:
            self._series = tuple(series)
        told = "; ".join(f"{row.label}: {', '.join(row.texts)}" for row in self._rows)
        self.setAccessibleDescription(told)
        self.setVisible(bool(rows))
        self.updateGeometry()
        self.update()

    @override
    def sizeHint(self) -> QSize:
        rows_px = sum(_height_px(row) + GAP_PX for row in self._rows)
        return QSize(360, _TITLE_PX + self._key_px + rows_px + GAP_PX)

    @override
    def minimumSizeHint(self) -> QSize:
        return QSize(240, self.sizeHint().height())

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._paint_title(painter)
        metrics = painter.fontMetrics()
        label_px = max(
            (metrics.horizontalAdvance(row.label) for row in self._rows), default=0
        )
        # Text is as wide as it says only to the next whole pixel.
        label_px = min(label_px + 2, self.width() // 2)
        text_px = max(
            (metrics.horizontalAdvance(t) for row in self._rows for t in row.texts),
            default=0,
        )
        left_px = label_px + GAP_PX
        room_px = max(_LEAST_BAR_PX, self.width() - left_px - text_px - 2 * GAP_PX)
        top_px = float(_TITLE_PX + self._key_px)
        for row in self._rows:
            painter.setPen(Colour.TEXT.qcolor)
            box = QRectF(0, top_px, label_px, _height_px(row))
            side = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
            label = metrics.elidedText(
                row.label, Qt.TextElideMode.ElideMiddle, label_px
            )
            painter.drawText(box, side, label)
            self._paint_bars(painter, row, left_px, top_px, room_px)
            top_px += _height_px(row) + GAP_PX

    @property
    def _key_px(self) -> int:
        return _KEY_PX if len(self._series) > 1 else 0

    def _paint_title(self, painter: QPainter) -> None:
        plain = painter.font()
        painter.setFont(scaled_font(plain, 1.0, is_bold=True))
        painter.setPen(Colour.TEXT.qcolor)
        side = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop
        painter.drawText(QRectF(0, 2, self.width(), _TITLE_PX), side, self._title)
        painter.setFont(scaled_font(plain, 1.0))
        if not self._key_px:
            return
        x_px = 0.0
        for name, colour in self._series:
            mark = QRectF(x_px, _TITLE_PX + 4, 10, 10)
            painter.fillRect(mark, colour.qcolor)
            painter.setPen(Colour.MUTED.qcolor)
            width_px = painter.fontMetrics().horizontalAdvance(name)
            box = QRectF(x_px + 15, _TITLE_PX, width_px + GAP_PX, 18)
            painter.drawText(box, Qt.AlignmentFlag.AlignVCenter, name)
            x_px += 15 + width_px + 2 * GAP_PX

    def _paint_bars(
        self, painter: QPainter, row: BarRow, left_px: float, top_px: float, room: float
    ) -> None:
        y_px = top_px - _BAR_PX
        for value, text, (_, colour) in zip(
            row.values, row.texts, self._series, strict=True
        ):
            if value is None:
                continue
            y_px += _BAR_PX
            width_px = room * self._share(value)
            if width_px > 0:
                bar = QRectF(left_px, y_px + 2, width_px, _BAR_PX - 4)
                painter.fillRect(bar, colour.qcolor)
            painter.setPen(Colour.MUTED.qcolor)
            behind_px = left_px + width_px + GAP_PX // 2
            box = QRectF(behind_px, y_px, self.width() - behind_px, _BAR_PX)
            painter.drawText(box, Qt.AlignmentFlag.AlignVCenter, text)

    def _share(self, value: float) -> float:
        """Length of a bar, of the longest possible one."""
        known = [each for row in self._rows for each in row.values if each]
        most = max(known, default=0.0)
        if most <= 0 or value <= 0:
            return 0.0
        if not self._is_log:
            return value / most
        decades = _LOG_DECADES + math.log10(value / most)
        return max(0.02, decades / _LOG_DECADES)


def _height_px(row: BarRow) -> int:
    return _BAR_PX * max(1, sum(value is not None for value in row.values))
