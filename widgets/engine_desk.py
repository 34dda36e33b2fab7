"""What stands behind the engines window: the list, the builds, and the trial."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtGui import QUndoStack

from app.conversion_job import ConversionState, find_interpreter
from app.engine_store import EngineState
from app.errors import ConsoleError
from app.hardware.memory_guard import conversion_need_mb, outlook
from app.worker import Worker
from engines.convert.model_source import Location
from engines.errors import EngineError
from widgets.edits import Edit

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from app.build_order import BuildOrder
    from app.build_queue import Build, BuildQueue
    from app.engine_choice import EngineChoice
    from app.engine_store import EngineStore, StoredEngine
    from app.engine_trial import TrialLimits
    from app.hardware.memory_guard import MemoryOutlook

log = logging.getLogger(__name__)

_POLL_MS = 250
_JOIN_S = 30.0


class EngineDesk(QObject):
    """Lists, builds, renames, deletes and tries engines; lives as long as the window.

    Builds go on while the engines window is closed. Lives in the GUI thread; the list
    is read in another, since it hashes the models that engines were made from.

    Parameters
    ----------
    store : EngineStore
    queue : BuildQueue
        Closed by `close`.
    """

    engines_changed = Signal(object)  # tuple of StoredEngine: the whole list
    builds_changed = Signal(object)  # tuple of Build: four times a second
    build_ended = Signal(object)  # Build: just now
    trial_wanted = Signal(object, object)  # EngineChoice and TrialLimits
    trial_cancelled = Signal()
    failed = Signal(object)  # ConsoleError or EngineError: what was asked is not done

    _listed = Signal(object)  # tuple of StoredEngine, from the thread that read it
    _list_ended = Signal(object)  # Exception or None, from there

    def __init__(self, store: EngineStore, queue: BuildQueue) -> None:
        super().__init__()
        self._store = store
        self._queue = queue
        self._engines: tuple[StoredEngine, ...] = ()
        self.edits = QUndoStack(self)
        """What was renamed and deleted, to be taken back by `undo`."""
        self._is_name_taken = False
        self._lister: Worker | None = None
        self._is_list_old = False
        self._listed.connect(self._on_listed)
        self._list_ended.connect(self._on_list_ended)
        self._timer = QTimer(self)
        self._timer.setInterval(_POLL_MS)
        self._timer.timeout.connect(self.poll)

    @property
    def memory_reserve_mb(self) -> float | None:
        """What builds must leave free; None leaves that to the console."""
        return self._queue.memory_reserve_mb

    @memory_reserve_mb.setter
    def memory_reserve_mb(self, asked_mb: float | None) -> None:
        self._queue.memory_reserve_mb = asked_mb

    def refresh(self) -> None:
        """Look at the list anew; `engines_changed` tells it."""
        if self._lister is not None:
            self._is_list_old = True
            return
        self._lister = Worker(
            "engines",
            lambda _: self._listed.emit(self._store.engines()),
            self._list_ended.emit,
        )
        self._lister.start()

    def outlook(self, order: BuildOrder) -> MemoryOutlook | None:
        """What a build would take of the memory; None where that cannot be said."""
        try:
            Location(order.model)
        except EngineError:
            return None
        request = order.to_request(self._store.folder)
        return outlook(conversion_need_mb(request), self.memory_reserve_mb)

    def log(self, number: int) -> str:
        """What happened in a build until now."""
        return self._queue.log(number)

    def free_name(self, wanted: str) -> str:
        """A name like this that no engine has, nor one that is being built."""
        builds = self._queue.builds()
        taken = {each.name for each in builds if not each.is_over}
        name, number = self._store.free_name(wanted), 2
        while name in taken:
            name = self._store.free_name(f"{wanted} {number}")
            number += 1
        return name

    def build(self, order: BuildOrder, name: str) -> bool:
        """Queue a build; whether it could be."""
        return self._try(
            lambda: self._start_building(order, self._store.folder_for(name))
        )

    def rebuild(self, engine: StoredEngine) -> bool:
        """Build an engine anew from its model; it stays until the new one is whole."""
        order = engine.order
        if order is None:
            return False
        return self._try(lambda: self._start_building(order, engine.folder))

    @property
    def outdated(self) -> tuple[StoredEngine, ...]:
        """Engines whose model, device or library is another one now, if it is there."""
        return tuple(
            each
            for each in self._engines
            if each.state in (EngineState.STALE, EngineState.UNFIT)
            and each.order is not None
            and each.order.model.exists()
        )

    def rebuild_outdated(self) -> int:
        """Rebuild every engine that is out of date; how many builds were queued."""
        return sum(self.rebuild(each) for each in self.outdated)

    def cancel(self, number: int) -> None:
        """End a build."""
        self._queue.cancel(number)
        self.poll()

    def forget(self, number: int) -> None:
        """Take a build that is over off the list."""
        self._queue.forget(number)
        self.poll()

    def rename(self, engine: StoredEngine, name: str) -> bool:
        """Give an engine another name; whether it has it."""
        renamed = _named(engine, name)
        return self._edit(
            f"rename {engine.name}",
            lambda: self._store.rename(engine, name),
            lambda: self._store.rename(renamed, engine.name),
        )

    def delete(self, engine: StoredEngine) -> bool:
        """Put an engine into the trash; whether it is gone."""
        deletion = _Deletion(self._store, engine)
        return self._edit(f"delete {engine.name}", deletion.do, self._undo_of(deletion))

    def undo(self) -> str:
        """Take back the last change of the list; what it was, empty for nothing."""
        text = self.edits.undoText()
        self.edits.undo()
        if self._is_name_taken:
            # The changes before meant the name that another engine has now.
            self._is_name_taken = False
            self.edits.clear()
        return text

    def redo(self) -> str:
        """Make the change again that was taken back last; what it is."""
        text = self.edits.redoText()
        self.edits.redo()
        return text

    def try_on_feed(self, engine: StoredEngine, limits: TrialLimits) -> None:
        """Ask for a trial of an engine on the live frames."""
        self.trial_wanted.emit(choice_of(engine), limits)

    def cancel_trial(self) -> None:
        """Ask for the end of the trial."""
        self.trial_cancelled.emit()

    def poll(self) -> None:
        """Move the builds on; the timer calls this, and so do tests."""
        ended = self._queue.poll()
        builds = self._queue.builds()
        self.builds_changed.emit(builds)
        for build in ended:
            status = build.status
            if status is not None and status.state is ConversionState.DONE:
                self.refresh()
            log.info("build of %s: %s", build.name, status and status.state.value)
            self.build_ended.emit(build)
        if all(each.is_over for each in builds):
            self._timer.stop()

    def close(self) -> None:
        """Cancel what is being built and wait for it; deleted engines go for good."""
        self._timer.stop()
        self._queue.close()
        if self._lister is not None:
            self._lister.join(_JOIN_S)
        self._store.empty_trash()

    def _on_listed(self, engines: tuple[StoredEngine, ...]) -> None:
        self._engines = engines
        self.engines_changed.emit(engines)

    def _on_list_ended(self, error: Exception | None) -> None:
        self._lister = None
        if self._is_list_old:
            self._is_list_old = False
            self.refresh()
        if error is not None:
            raise error

    def _start_building(self, order: BuildOrder, folder: Path) -> Build:
        build = self._queue.add(order, folder)
        self._timer.start()
        self.poll()
        return build

    def _edit(
        self, text: str, act: Callable[[], object], take_back: Callable[[], object]
    ) -> bool:
        edit = Edit(text, lambda: self._try(act), lambda: self._try(take_back))
        count = self.edits.index()
        self.edits.push(edit)
        return self.edits.index() > count

    def _undo_of(self, deletion: _Deletion) -> Callable[[], None]:
        def undo() -> None:
            self._is_name_taken = not deletion.undo()

        return undo

    def _try(self, act: Callable[[], object]) -> bool:
        try:
            act()
        except (ConsoleError, EngineError) as error:
            self.failed.emit(error)
            return False
        except OSError as error:
            self.failed.emit(
                ConsoleError(
                    f"that cannot be done: {error}", hint="Look at the folder."
                )
            )
            return False
        self.refresh()
        return True


class _Deletion:
    def __init__(self, store: EngineStore, engine: StoredEngine) -> None:
        self._store = store
        self._engine = engine
        self._kept = engine.folder

    def do(self) -> None:
        self._kept = self._store.delete(self._engine)

    def undo(self) -> bool:
        """Take it out of the trash; whether it has its name again."""
        before = self._engine.name
        name = self._store.free_name(before)
        self._store.restore(self._kept, name)
        self._engine = _named(self._engine, name)
        return name == before


def _named(engine: StoredEngine, name: str) -> StoredEngine:
    return replace(engine, name=name, folder=engine.folder.parent / name)


def choice_of(engine: StoredEngine) -> EngineChoice:
    """How an engine is opened on this machine."""
    try:
        converter = find_interpreter()
    except ConsoleError:
        converter = None
    return engine.choice(converter=converter)
