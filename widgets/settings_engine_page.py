"""The page of model and engine: its form, and the way to where engines are built."""

from __future__ import annotations

from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton

from widgets.settings_page import SettingsPage
from widgets.theme import GAP_PX


class EnginePage(SettingsPage):
    """Asks for the engines window, too."""

    def __init__(self, section: str) -> None:
        super().__init__(section)
        text = QLabel(
            "Engines are built, compared and tried on the live picture in a window of"
            " their own. One that takes over there becomes the engine here."
        )
        text.setWordWrap(True)
        text.setProperty("role", "muted")
        self.open = QPushButton("Build and &try engines…")
        self.open.setToolTip("Open the engines window (Ctrl+B); the feed goes on")
        self.open.setObjectName("buildEngines")
        self.open.setAutoDefault(False)
        self.open.clicked.connect(self.engines_requested)
        row = QHBoxLayout()
        row.setContentsMargins(0, GAP_PX, 0, 0)
        row.addWidget(self.open)
        row.addStretch(1)
        self.panels.setSpacing(GAP_PX)
        self.panels.addWidget(text)
        self.panels.addLayout(row)
