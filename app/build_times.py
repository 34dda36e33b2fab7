"""How long the steps of a build take here, learnt from the builds before."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from app.build_order import BuildOrder

log = logging.getLogger(__name__)

Seconds: TypeAlias = dict[str, float]
# A file of many builds stays small: of each kind the newest is kept.
_MOST_KEYS = 200


class BuildTimes:
    """Seconds by step of the last build of a kind, and of the same model if there was.

    Parameters
    ----------
    path : Path
        Of the file that keeps them; its folder is made with the first build.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[str, Seconds] = _read(path)

    def expected(self, order: BuildOrder) -> Seconds:
        """Seconds by step; empty where nothing like it was built here."""
        kind, exact = _keys(order)
        return dict(self._known.get(exact) or self._known.get(kind) or {})

    def of_others(self) -> Seconds:
        """Seconds by step of any build here, the newest that had the step."""
        return {name: s for steps in self._known.values() for name, s in steps.items()}

    def learn(self, order: BuildOrder, took: Mapping[str, float]) -> None:
        """Keep how long the steps of a build took."""
        for key in _keys(order):
            self._known.pop(key, None)
            self._known[key] = {name: round(s, 3) for name, s in took.items()}
        for key in list(self._known)[:-_MOST_KEYS]:
            del self._known[key]
        beside = self._path.with_name(f"{self._path.name}.new")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            beside.write_text(json.dumps(self._known, indent=1), encoding="utf-8")
            beside.replace(self._path)
        except OSError as error:
            # They hold until the console is closed.
            log.warning("times of builds are not kept: %s", error)


def _keys(order: BuildOrder) -> tuple[str, str]:
    kind = f"{order.target.value} {order.precision.value}"
    return kind, f"{kind} {order.model.absolute()}"


def _read(path: Path) -> dict[str, Seconds]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        return {
            str(key): {str(name): float(s) for name, s in steps.items()}
            for key, steps in document.items()
        }
    except (OSError, ValueError, AttributeError, TypeError) as error:
        log.debug("no times of builds: %s", error)
        return {}
