"""Changes that can be taken back, one after another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtGui import QUndoCommand

from widgets.overrides import override

if TYPE_CHECKING:
    from collections.abc import Callable


class Edit(QUndoCommand):
    """One change; one that fails, or cannot be taken back, leaves the stack.

    Parameters
    ----------
    text : str
        What it does, as `delete ball_net`.
    act, take_back : callable
        Each tells whether it could.
    """

    def __init__(
        self, text: str, act: Callable[[], bool], take_back: Callable[[], bool]
    ) -> None:
        super().__init__(text)
        self._act = act
        self._take_back = take_back

    @override
    def redo(self) -> None:
        self.setObsolete(not self._act())

    @override
    def undo(self) -> None:
        self.setObsolete(not self._take_back())
