"""How far a build is, from what TensorRT tells of it.

TensorRT 9 and later report nested phases, each with a number of steps. Older ones
say nothing, but their log names every layer whose kernels are being timed.
"""

import re
import threading
from typing import Callable, Dict, List, NamedTuple, Optional, Set

from engines.tensorrt_adapter import LogLine


class BuildProgress(NamedTuple):
    """One event of a build."""

    done_ratio: float
    """0 to 1, never less than before."""
    phase: str
    """What is going on, in TensorRT's words."""


OnProgress = Callable[[BuildProgress], None]

# Where the time goes: a phase that outweighs the steps of its parent, the parent,
# and how many of its steps it is worth. Measured on small networks, where a step of
# these takes a hundred times as long as the other steps together.
_HEAVY = {
    "Building engine from subgraph": ("Building engine", 60),
    "Computing profile costs": ("Building engine from subgraph", 30),
    "Timing tactics": ("Computing profile costs", 20),
    "Timing graph nodes": ("Timing tactics", 20),
    "Determining refit engines": ("Computing profile costs", 20),
}


class _Phase:
    def __init__(self, name: str, parent: Optional["_Phase"], steps: int) -> None:
        self.name = name
        self.parent = parent
        self.done = 0.0
        self.children: List[_Phase] = []
        heavy = sum(weight for above, weight in _HEAVY.values() if above == name)
        self.units = max(1, steps) + heavy
        self.is_finished = False

    def ratio(self) -> float:
        if self.is_finished:
            return 1.0
        done = self.done
        for child in self.children:
            done += _weight(child, self) * child.ratio()
        return min(1.0, done / self.units)


def _weight(child: _Phase, parent: _Phase) -> float:
    above, weight = _HEAVY.get(child.name, ("", 0))
    if above == parent.name:
        return weight
    # A light phase fills the step of its parent that follows, and is then part of it.
    return 0.0 if child.is_finished else 1.0


class PhaseProgress:
    """Turns nested phases into one rising number.

    Called from TensorRT's threads.

    Parameters
    ----------
    on_progress : callable
        Told of every step that moves the number.
    """

    def __init__(self, on_progress: OnProgress) -> None:
        self._on_progress = on_progress
        self._lock = threading.Lock()  # guards the tree of phases
        self._phases: Dict[str, _Phase] = {}
        self._top: Optional[_Phase] = None
        self._ratio = 0.0

    def start(self, name: str, parent: Optional[str], steps: int) -> None:
        """Take note of a phase and how many steps it has."""
        with self._lock:
            above = self._phases.get(parent) if parent else None
            phase = _Phase(name, above, steps)
            self._phases[name] = phase
            if above is not None:
                above.children.append(phase)
            elif self._top is None:
                self._top = phase
        self._tell(name)

    def step(self, name: str) -> None:
        """Take note of a step that is done."""
        with self._lock:
            if name in self._phases:
                self._phases[name].done += 1
        self._tell(name)

    def finish(self, name: str) -> None:
        """Take note of a phase that is over, whatever became of its steps.

        The outermost phase finishes too when a build fails: that is not taken for
        the end.
        """
        with self._lock:
            phase = self._phases.get(name)
            if phase is not None and phase is not self._top:
                phase.is_finished = True
        self._tell(name)

    def _tell(self, phase: str) -> None:
        with self._lock:
            ratio = self._top.ratio() if self._top is not None else 0.0
            if ratio <= self._ratio:
                return
            self._ratio = ratio
        self._on_progress(BuildProgress(ratio, phase))


_TIMED = re.compile(r"Timing Runner: (.+?) \(\w+\)")
_LAYERS_LEFT = re.compile(r"After .*: (\d+) layers")
# Conversions between formats, of which nobody knows how many there will be.
_REFORMAT = re.compile("[Rr]eformat")
# The last part, after every kernel was timed, cannot be seen coming.
_LARGEST_RATIO = 0.95


class LogProgress:
    """Estimates how far a build is from TensorRT's log, before TensorRT 9.

    Parameters
    ----------
    layers : int
        Of the network; fused layers are counted off as the log tells of them.
    on_progress : callable
        Told of every layer.
    """

    def __init__(self, layers: int, on_progress: OnProgress) -> None:
        self._layers = max(1, layers)
        self._on_progress = on_progress
        self._timed: Set[str] = set()
        self._ratio = 0.0

    def hear(self, line: LogLine) -> None:
        """Read one message."""
        left = _LAYERS_LEFT.search(line.text)
        if left:
            self._layers = max(1, int(left.group(1)))
        timed = _TIMED.search(line.text)
        if timed is None or _REFORMAT.search(timed.group(1)):
            return
        self._timed.add(timed.group(1))
        ratio = _LARGEST_RATIO * min(1.0, len(self._timed) / self._layers)
        if ratio > self._ratio:
            self._ratio = ratio
            self._on_progress(BuildProgress(ratio, f"Timing {timed.group(1)}"))
