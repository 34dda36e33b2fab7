"""The face: every import of PySide6 and pyqtgraph is in this package."""
