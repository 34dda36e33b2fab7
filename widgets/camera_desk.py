"""Between the camera window and the process that has the cameras."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from PySide6.QtCore import QObject, QTimer, Signal

from app import camera_desk
from app.errors import ConsoleError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from concurrent.futures import Future

    from app.camera_store import CameraStore
    from app.sources.v4l2.query import CameraDescription

    T = TypeVar("T")

_POLL_MS = 30
# A slider is moved faster than some drivers answer.
_SEND_MS = 60
# Writing waits for the disk, and the window with it.
_KEEP_MS = 600


class CameraDesk(QObject):
    """Asks for cameras and controls, and tells when the answer is there.

    The window never waits: questions are answered in the feed's process, and looked
    for by a timer here.

    Parameters
    ----------
    ask : callable
        Has a question answered there.
    store : CameraStore
        Where what the operator sets is kept.
    """

    listed = Signal(object)  # tuple of CameraDescription
    controls_read = Signal(object, object)  # CameraDescription, tuple of Control
    failed = Signal(object)  # ConsoleError
    idle = Signal()  # every question is answered

    def __init__(
        self, ask: Callable[[Callable[[], Any]], Future[Any]], store: CameraStore
    ) -> None:
        super().__init__()
        self._ask = ask
        self.store = store
        self._waiting: list[tuple[Future[Any], Callable[[Any], None]]] = []
        self._unsent: dict[str, int] = {}
        self._unkept: dict[str, int] = {}
        self._camera: CameraDescription | None = None
        self._poll_timer = QTimer(self)
        self._poll_timer.setInterval(_POLL_MS)
        self._poll_timer.timeout.connect(self.poll)
        self._send_timer = QTimer(self)
        self._send_timer.setInterval(_SEND_MS)
        self._send_timer.setSingleShot(True)
        self._send_timer.timeout.connect(self._send)

        self._keep_timer = QTimer(self)
        self._keep_timer.setInterval(_KEEP_MS)
        self._keep_timer.setSingleShot(True)
        self._keep_timer.timeout.connect(self.keep)

    @property
    def is_waiting(self) -> bool:
        """Whether an answer is still to come."""
        return bool(self._waiting or self._unsent)

    def refresh(self) -> None:
        """Ask which cameras there are."""
        self._put(camera_desk.list_cameras, self.listed.emit)

    def read(self, camera: CameraDescription) -> None:
        """Ask for the controls of a camera."""
        self._send()
        self.keep()
        self._camera = camera
        self._put(
            partial(camera_desk.read_controls, camera.path),
            partial(self.controls_read.emit, camera),
        )

    def set_control(self, name: str, value: int, *, is_kept: bool = True) -> None:
        """Set a control of the camera read last; the last of many values counts."""
        if self._camera is None:
            return
        self._unsent[name] = value
        if is_kept:
            self._unkept[name] = value
            self._keep_timer.start()
        if not self._send_timer.isActive():
            self._send_timer.start()

    def set_all(self, values: Mapping[str, int]) -> None:
        """Set many, and keep these and no others."""
        if self._camera is None:
            return
        self._unsent, self._unkept = {}, {}
        self._keep(partial(self.store.save_controls, self._camera.key, values))
        self._set(self._camera, values)

    def save_preset(self, name: str, values: Mapping[str, int]) -> None:
        """Keep values under a name, for the camera read last."""
        if self._camera is not None:
            self._keep(partial(self.store.save_preset, self._camera.key, name, values))

    def remove_preset(self, name: str) -> None:
        """Forget a preset of the camera read last."""
        if self._camera is not None:
            self._keep(partial(self.store.remove_preset, self._camera.key, name))

    def keep(self) -> None:
        """Write what was set, which waits for a slider to come to rest."""
        values, self._unkept = self._unkept, {}
        if values and self._camera is not None:
            self._keep(partial(self.store.add_controls, self._camera.key, values))

    def poll(self) -> None:
        """Look for answers; the timer calls this, and so do tests."""
        waiting, self._waiting = self._waiting, []
        answered: list[tuple[Future[Any], Callable[[Any], None]]] = []
        for each in waiting:
            (answered if each[0].done() else self._waiting).append(each)
        for future, take in answered:
            error = future.exception()
            if error is None:
                take(future.result())
            elif isinstance(error, ConsoleError):
                self.failed.emit(error)
            else:
                raise error
        if not self._waiting:
            self._poll_timer.stop()
            self.idle.emit()

    def close(self) -> None:
        """Ask and look no more."""
        for timer in (self._send_timer, self._keep_timer, self._poll_timer):
            timer.stop()
        self.keep()
        self._waiting.clear()

    def _put(self, question: Callable[[], Any], take: Callable[[Any], None]) -> None:
        self._waiting.append((self._ask(question), take))
        self._poll_timer.start()

    def _send(self) -> None:
        values, self._unsent = self._unsent, {}
        if values and self._camera is not None:
            self._set(self._camera, values)

    def _set(self, camera: CameraDescription, values: Mapping[str, int]) -> None:
        self._put(
            partial(camera_desk.set_controls, camera.path, dict(values)),
            partial(self.controls_read.emit, camera),
        )

    def _keep(self, save: Callable[[], None]) -> None:
        try:
            save()
        except ConsoleError as error:
            self.failed.emit(error)
