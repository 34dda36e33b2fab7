"""Collects garbage in the GUI thread, and in no other."""

from __future__ import annotations

import gc

from PySide6.QtCore import QObject, QTimer

_LOOK_MS = 250
# Python's own measure: fewer new objects than these are not looked through.
_FEWEST = 700
# Each generation is collected this many times less often than the younger one.
_OLDER = 10


class GuiCollector(QObject):
    """Lets the objects of cycles die in the GUI thread while it runs.

    Python looks for cycles in whichever thread allocates just then. A timer, a widget
    or a font that is part of one would be destroyed there, while the GUI thread may be
    about to use it, and that ends the process. It also chooses the moment: here it is
    between two events, never within the display's or a sensor's work.

    Lives in the GUI thread.
    """

    def __init__(self) -> None:
        super().__init__()
        self._count = 0
        self._timer = QTimer(self)
        self._timer.setInterval(_LOOK_MS)
        self._timer.timeout.connect(self.look)

    def start(self) -> None:
        """Take over from Python."""
        gc.disable()
        self._timer.start()

    def stop(self) -> None:
        """Leave it to Python again: only the GUI thread is left."""
        self._timer.stop()
        gc.enable()

    def look(self) -> None:
        """Collect what is due; the timer calls this, and so do tests."""
        if gc.get_count()[0] < _FEWEST:
            return
        self._count += 1
        generation = 0
        if self._count % _OLDER == 0:
            generation = 2 if self._count % _OLDER**2 == 0 else 1
        gc.collect(generation)
