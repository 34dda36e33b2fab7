"""Measures engines side by side, so that a busy machine hits all alike.

Every round gives each engine one short burst, in an order that moves on by one from
round to round. Engines are compared within a round, where the machine was as busy for
one as for the other, and the median over the rounds is taken.
"""

import time
from typing import TYPE_CHECKING, Any, Callable, Dict, List, NamedTuple, Sequence, Tuple

import numpy as np

from engines.base import Engine

if TYPE_CHECKING:
    from numpy.typing import NDArray

BURST_S = 0.25
MIN_ROUNDS = 3
_MIN_CALLS = 3
_WARM_UP_CALLS = 3


class Contender(NamedTuple):
    """An engine in the race, with the inputs it is run on."""

    name: str
    threads: int
    engine: Engine
    tensors: "Sequence[NDArray[Any]]"
    """In the layout and type that the engine takes."""

    @property
    def key(self) -> Tuple[str, int]:
        """Tells it from all others."""
        return self.name, self.threads


class Timings(NamedTuple):
    """Durations of one contender's inferences."""

    rounds_ms: Tuple[Tuple[float, ...], ...]
    """One tuple a round."""

    @property
    def all_ms(self) -> "NDArray[np.float64]":
        """Of all rounds."""
        return np.concatenate([np.asarray(one, np.float64) for one in self.rounds_ms])

    @property
    def round_medians_ms(self) -> "NDArray[np.float64]":
        """Median of each round."""
        return np.asarray([np.median(one) for one in self.rounds_ms], np.float64)


def warm_up(contenders: Sequence[Contender]) -> float:
    """Run each a few times, untimed but for the last; gives seconds of a call.

    The mean over the contenders. First calls allocate, choose kernels and, in
    TensorFlow, optimise the graph.
    """
    total_s = 0.0
    for contender in contenders:
        for index in range(_WARM_UP_CALLS):
            _infer(contender, index)
        start_s = time.perf_counter()
        _infer(contender, 0)
        total_s += time.perf_counter() - start_s
    return total_s / len(contenders)


def round_count(seconds: float, call_s: float) -> int:
    """How many rounds fill a contender's share of time.

    Parameters
    ----------
    seconds : float
        The share.
    call_s : float
        How long one inference takes, as `warm_up` tells.
    """
    return max(MIN_ROUNDS, round(seconds / max(BURST_S, (1 + _MIN_CALLS) * call_s)))


def measure(
    contenders: Sequence[Contender],
    rounds: int,
    on_round: Callable[[int], None],
    burst_s: float = BURST_S,
) -> Dict[Tuple[str, int], Timings]:
    """Time every contender in every round.

    Parameters
    ----------
    contenders : sequence of Contender
        Who takes part, warmed up; their engines were opened in this thread.
    rounds : int
        From 1.
    on_round : callable
        Called with the number of rounds done.
    burst_s : float
        How long one contender runs in one round. Longer bursts leave caches and
        clocks more like in steady use, and the rounds less alike.

    Returns
    -------
    dict
        Timings by `Contender.key`.
    """
    found: Dict[Tuple[str, int], List[Tuple[float, ...]]] = {
        one.key: [] for one in contenders
    }
    for number in range(rounds):
        first = number % len(contenders)
        for contender in (*contenders[first:], *contenders[:first]):
            found[contender.key].append(_burst(contender, burst_s))
        on_round(number + 1)
    return {key: Timings(tuple(one)) for key, one in found.items()}


def _burst(contender: Contender, burst_s: float) -> Tuple[float, ...]:
    # Not timed: the engine before it has emptied the caches.
    _infer(contender, 0)
    durations_ms: List[float] = []
    start_s = time.perf_counter()
    now_s = start_s
    while now_s - start_s < burst_s or len(durations_ms) < _MIN_CALLS:
        _infer(contender, len(durations_ms))
        end_s = time.perf_counter()
        durations_ms.append((end_s - now_s) * 1e3)
        now_s = end_s
    return tuple(durations_ms)


def _infer(contender: Contender, index: int) -> None:
    tensors = contender.tensors
    contender.engine.infer(tensors[index % len(tensors)])


def ratio_to_reference(own: Timings, reference: Timings) -> float:
    """How many times as fast as the reference: median over the rounds."""
    return float(np.median(reference.round_medians_ms / own.round_medians_ms))
