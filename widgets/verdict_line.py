"""One line that says what limits the feed; a click shows why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSize
from PySide6.QtWidgets import QPushButton, QSizePolicy

from widgets.icons import icon
from widgets.overrides import override
from widgets.theme import Colour

if TYPE_CHECKING:
    from app.verdict import Verdict

_ICON_PX = 16
_LEAST_PX = 120
_NOTHING = "Nothing runs: nothing limits it"


class VerdictLine(QPushButton):
    """Shows a verdict; as wide as there is room."""

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("role", "verdict")
        self.setFlat(True)
        self.setIconSize(QSize(_ICON_PX, _ICON_PX))
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setToolTip("What limits the rate; click for the evidence")
        self._shown = ("", "")
        self._show("idle", _NOTHING)

    def show_verdict(self, verdict: Verdict) -> None:
        """Show a verdict, or that there is none."""
        if verdict.is_empty:
            self._show("idle", verdict.text or _NOTHING)
        else:
            self._show("done" if verdict.is_well else "warning", verdict.text)

    def clear(self) -> None:
        """Show that nothing runs."""
        self._show("idle", _NOTHING)

    @override
    def minimumSizeHint(self) -> QSize:
        return QSize(_LEAST_PX, super().minimumSizeHint().height())

    def _show(self, sign: str, text: str) -> None:
        if (sign, text) == self._shown:
            return
        self._shown = (sign, text)
        colours = {"done": Colour.ACCENT, "warning": Colour.WARNING}
        self.setIcon(icon(sign, colours.get(sign, Colour.MUTED)))
        self.setText(text)
        self.setAccessibleName(f"Verdict: {text}")
