"""An engine that runs in another process."""

import logging
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, List, Optional, Tuple

from engines.base import Engine, EngineKind, EngineSpec, Precision
from engines.errors import EngineUnavailableError, FrameLostError
from engines.host.errors import HostGoneError, HostLostError, HostStartError
from engines.host.link import Deadlines, HostLink
from engines.host.machine import Capabilities
from engines.host.messages import OpenEngine
from engines.manifest import ModelManifest
from engines.reference import REFERENCE_MANIFEST

if TYPE_CHECKING:
    from numpy.typing import NDArray

log = logging.getLogger(__name__)

BACK_OFF_S = (0.1, 0.5)
"""Wait before the first, second ... new start; one death more gives up."""
_SILENT_DEATH = (
    "It printed nothing: it may have run out of memory, or been ended by somebody. Look"
    " at what else uses memory, and try it again."
)
# Two, so that an output stays as it is during the next inference.
_SLOT_COUNT = 2


class HostedEngine(Engine):
    """An engine in a process of its own, which is replaced when it dies.

    running ──host dies──▶ restarting ──first result──▶ running
       ▲  (FrameLostError)     │  ▲
       └───────────────────────┘  └──dies again, twice──▶ given up (HostLostError)

    The frame in the host at its death is lost, and `infer` says so; the next call
    starts a new host and waits for it, so nothing else is lost. Three deaths without
    a result in between give up: the frames go on to kill it. `cancel` ends such a
    wait from another thread.

    The kernel ends the host with the thread that opened the engine: as every engine,
    it is opened and closed in one thread, which outlives it.

    Parameters
    ----------
    python : Path
        Interpreter of the host: CPython from 3.6, with numpy and the engine's library.
    kind, manifest, precision, threads
        As for `engines.catalogue.open_engine`.
    deadlines : Deadlines
        How long to wait for a host.

    Raises
    ------
    HostError
        If no host comes up.
    EngineError
        If it cannot open the engine.
    """

    def __init__(
        self,
        python: Path,
        kind: EngineKind,
        manifest: Optional[ModelManifest] = None,
        precision: Optional[Precision] = None,
        threads: int = 1,
        deadlines: Deadlines = Deadlines(),  # noqa: B008  a value, never changed
    ) -> None:
        if manifest is None and kind is not EngineKind.REFERENCE:
            raise EngineUnavailableError(
                f"the {kind.value} engine needs a model", hint="Name a model folder."
            )
        self._python = python
        self._model = REFERENCE_MANIFEST if manifest is None else manifest
        self._order = OpenEngine(
            kind=kind.value,
            model_folder=None if manifest is None else str(manifest.folder.absolute()),
            precision=None if precision is None else precision.value,
            threads=threads,
            input_shape=self._model.input.shape,
            input_dtype=self._model.input.dtype,
            slot_count=_SLOT_COUNT,
        )
        self._deadlines = deadlines
        self._is_cancelled = threading.Event()
        # In words: an exception would keep its whole stack alive.
        self._deaths: List[Tuple[str, str]] = []
        self.restarts = 0
        """How often a new host was started after a death."""
        try:
            self._link: Optional[HostLink] = self._start()
        except HostGoneError as error:
            raise HostStartError(
                f"{python} did not become an engine host: {error.message}",
                hint=error.hint,
            ) from error

    @property
    def spec(self) -> EngineSpec:
        """What is running; the library names the host's Python too."""
        return self._spec

    @property
    def capabilities(self) -> Capabilities:
        """What the host's interpreter and machine have."""
        return self._capabilities

    @property
    def host_process_id(self) -> Optional[int]:
        """Number of the host's process; None while there is none."""
        return None if self._link is None else self._link.process_id

    @property
    def deaths_in_a_row(self) -> int:
        """How often a host died since the last result; any thread may ask."""
        return len(self._deaths)

    @property
    def host_infer_ms(self) -> float:
        """Duration of the newest inference within the host, its transport left out."""
        return 0.0 if self._link is None else self._link.infer_ms

    def infer(self, tensor: "NDArray[Any]") -> "NDArray[Any]":
        """Run the network once in the host; see `Engine.infer`.

        Raises
        ------
        FrameLostError
            If the host died over it, or `cancel` was called. The next call goes on.
        HostLostError
            If the host died too often and is given up.
        InferenceError
            As of any engine.
        """
        self.check_input(tensor)
        link = self._living_link()
        try:
            output = link.infer(tensor)
        except HostGoneError as error:
            self._bury(error)
            raise FrameLostError(
                f"a frame is lost: {error.message}", hint=error.hint or _SILENT_DEATH
            ) from error
        except FrameLostError:
            # Cancelled: the host still works on what nobody waits for.
            self._end_link()
            raise
        self._deaths.clear()
        return output

    def ping(self) -> float:
        """Time of a message to the host and back, in milliseconds.

        Raises
        ------
        HostGoneError
            If the host is dead.
        """
        return self._living_link().ping()

    def cancel(self) -> None:
        """End a wait for the host in another thread, for good."""
        self._is_cancelled.set()

    def close(self) -> None:
        """Stop the host and wait for its end. Calling it again does nothing."""
        self.cancel()
        if self._link is not None:
            self._link.stop()
            self._link = None

    def _living_link(self) -> HostLink:
        while self._link is None:
            if len(self._deaths) > len(BACK_OFF_S):
                raise self._given_up()
            if self._is_cancelled.wait(BACK_OFF_S[len(self._deaths) - 1]):
                raise FrameLostError("the engine is being closed")
            try:
                self._link = self._start()
            except HostGoneError as error:
                log.warning("%s", error.message)
                self._bury(error)
            else:
                self.restarts += 1
        return self._link

    def _start(self) -> HostLink:
        link = HostLink(self._python, self._order, self._deadlines, self._is_cancelled)
        opened = link.opened
        self._capabilities = link.capabilities
        self._spec = EngineSpec(
            kind=EngineKind(opened.kind),
            precision=Precision(opened.precision),
            device=opened.device,
            library=f"{opened.library}, hosted by Python {link.capabilities.python}",
            threads=opened.threads,
            model=self._model,
        )
        log.info(
            "engine host %d opened %s in %s; first inference %.0f ms",
            link.process_id,
            self._spec.kind.value,
            self._spec.library,
            opened.warm_up_ms,
        )
        return link

    def _bury(self, error: HostGoneError) -> None:
        """Note a death; gives up after too many in a row."""
        self._end_link()
        self._deaths.append((error.message, error.hint))
        if error.hint:
            log.warning("last lines of a host that died:\n%s", error.hint)
        if len(self._deaths) > len(BACK_OFF_S):
            raise self._given_up() from error

    def _end_link(self) -> None:
        if self._link is not None:
            self._link.end()
            self._link = None

    def _given_up(self) -> HostLostError:
        message, hint = self._deaths[-1]
        return HostLostError(
            f"the engine host died {len(self._deaths)} times without a result in"
            f" between; the last time: {message}",
            hint=hint or _SILENT_DEATH,
        )
