"""Imports what is needed late, without holding the window."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal

from app.process import accompany_window, name_thread

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_QT = ("PySide6", "pyqtgraph")


class LateImport(QObject):
    """Imports modules and what they import, which would hold the window for 0.5 s.

    What has no Qt in it is imported in a thread. What has is imported in the GUI
    thread, one module after another, with the window's events between them: before
    Python 3.12, Qt's binding keeps its classes in a table that it reads without the
    interpreter lock while a style sheet is applied, and a class that is made in another
    thread just then ends the process.

    Lives in the GUI thread.

    Parameters
    ----------
    *modules : str
        Their full names, imported in this order; of packages that use Qt.
    """

    done = Signal()  # a module that cannot be imported says so where it is used
    prepared = Signal()  # what has no Qt in it is there

    def __init__(self, *modules: str) -> None:
        super().__init__()
        self._modules = modules
        self._left: list[str] = []
        self._is_closed = False
        self._thread = threading.Thread(target=self._run, name="import", daemon=True)
        # PySide calls what `QTimer.singleShot` is given for 0 ms at once.
        self._turn = QTimer(self)
        self._turn.setSingleShot(True)
        self._turn.timeout.connect(self._go_on)
        self.prepared.connect(self._go_on)

    def start(self) -> None:
        """Begin, unless it has begun."""
        if self._thread.ident is None:
            self._thread.start()

    def close(self) -> None:
        """Wait for the end of what has begun; nothing more is imported."""
        self._is_closed = True
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        name_thread("import")
        accompany_window(is_busy=True)
        order = _Order(self._modules)
        for module in order.plain:
            if self._is_closed:
                return
            _import(module)
        self._left = list(order.of_qt)
        self.prepared.emit()

    def _go_on(self) -> None:
        if self._is_closed:
            return
        if not self._left:
            self.done.emit()
            return
        _import(self._left.pop(0))
        self._turn.start()


class _Order:
    """What modules import, each after what it imports itself.

    Only the packages of these modules are looked into.
    """

    def __init__(self, modules: Iterable[str]) -> None:
        modules = tuple(modules)
        # As keys: in order, and each once.
        self.plain: dict[str, None] = {}
        self.of_qt: dict[str, None] = {}
        self._own = {_family(each) for each in modules}
        self._seen: set[str] = set()
        for module in modules:
            self._add(module)

    def _add(self, module: str) -> None:
        if module in self._seen:
            return
        self._seen.add(module)
        family = _family(module)
        if family not in self._own:
            (self.of_qt if family in _QT else self.plain)[module] = None
            return
        for package, name in _imports_of(module):
            full = f"{package}.{name}" if package else name
            is_part = _family(full) in self._own and _source_of(full) is not None
            self._add(full if is_part or not package else package)
        self.of_qt[module] = None


def _family(module: str) -> str:
    return module.partition(".")[0]


def _import(module: str) -> None:
    with suppress(ImportError):
        importlib.import_module(module)


def _source_of(module: str) -> Path | None:
    """Where its source is; found without importing the packages above it."""
    family, *rest = module.split(".")
    spec = importlib.util.find_spec(family)
    if spec is None or spec.origin is None:
        return None
    place = Path(spec.origin)
    if rest:
        place = place.parent.joinpath(*rest)
    for path in (place, place.with_suffix(".py"), place / "__init__.py"):
        if path.is_file():
            return path
    return None


def _imports_of(module: str) -> Iterator[tuple[str, str]]:
    """Package and name of what a module imports; not what is for a type checker only.

    The package is empty for `import this`.
    """
    path = _source_of(module)
    if path is None:
        return
    for line in ast.parse(path.read_bytes()).body:
        if isinstance(line, ast.Import):
            yield from (("", each.name) for each in line.names)
        elif isinstance(line, ast.ImportFrom) and line.module:
            yield from ((line.module, each.name) for each in line.names)
