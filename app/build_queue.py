"""Builds engines one after another, each in a process of its own."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from app.build_advice import Advice, advise
from app.build_times import BuildTimes, Seconds
from app.conversion_html import conversion_page
from app.conversion_job import (
    END_DEADLINE_S,
    ConversionJob,
    ConversionState,
    ConversionStatus,
    find_interpreter,
)
from app.engine_store import LOG_NAME, PAGE_NAME
from app.errors import ConsoleError, WorkerStuckError
from app.paths import state_folder
from engines.errors import EngineError

if TYPE_CHECKING:
    from pathlib import Path

    from app.build_order import BuildOrder

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Build:
    """One build at one moment."""

    number: int
    name: str
    order: BuildOrder
    folder: Path
    status: ConversionStatus | None
    """None while it waits for those before it."""
    expected: Seconds = field(default_factory=dict)
    """How long each step took in the last build like it; empty where none was."""
    expected_of_others: Seconds = field(default_factory=dict)
    """The same of any build here; the first of its kind shares some of its steps."""
    advice: Advice | None = None
    """What to try next where it failed."""

    @property
    def expected_s(self) -> float | None:
        """How long the last build like it took."""
        return sum(self.expected.values()) if self.expected else None

    @property
    def is_over(self) -> bool:
        """Whether nothing more will happen."""
        return self.status is not None and self.status.state.is_over


class _Entry:
    def __init__(self, number: int, order: BuildOrder, folder: Path) -> None:
        self.number = number
        self.order = order
        self.folder = folder
        self.job: ConversionJob | None = None
        self.ended: ConversionStatus | None = None

    def status(self) -> ConversionStatus | None:
        return self.ended or (self.job.status() if self.job else None)


class BuildQueue:
    """Builds in the order they came; all methods are for one thread.

    `poll` moves it on: whoever has it calls that a few times a second.

    Parameters
    ----------
    python : Path, optional
        Interpreter that converts; None looks for one.
    times : BuildTimes, optional
        What is learnt from builds; None keeps it among the console's logs.
    """

    def __init__(
        self, python: Path | None = None, times: BuildTimes | None = None
    ) -> None:
        self._python = python
        self._times = times or BuildTimes(state_folder() / "build-times.json")
        self._entries: list[_Entry] = []
        self._count = 0
        self.memory_reserve_mb: float | None = None
        """What the next builds must leave free; None leaves that to the console."""

    def add(self, order: BuildOrder, folder: Path) -> Build:
        """Queue a build that makes a folder.

        Raises
        ------
        ConsoleError, EngineError
            If the target has no such precision, or the folder is being made already.
        """
        order.to_request(folder).require_supported()
        if any(each.folder == folder and not _is_over(each) for each in self._entries):
            raise ConsoleError(
                f"{folder.name!r} is being built already", hint="Choose another name."
            )
        self._count += 1
        entry = _Entry(self._count, order, folder)
        self._entries.append(entry)
        self.poll()
        return self._build_of(entry)

    def builds(self) -> tuple[Build, ...]:
        """All of them, oldest first."""
        return tuple(self._build_of(each) for each in self._entries)

    def cancel(self, number: int) -> None:
        """End a build; one that waits is not begun."""
        for each in self._entries:
            if each.number != number or _is_over(each):
                continue
            if each.job is not None:
                each.job.request_cancel()
            else:
                each.ended = ConversionStatus(
                    state=ConversionState.CANCELLED, activity="cancelled"
                )

    def log(self, number: int) -> str:
        """What happened in a build until now; empty for one that waits."""
        jobs = [each.job for each in self._entries if each.number == number]
        return jobs[0].log() if jobs and jobs[0] is not None else ""

    def forget(self, number: int) -> None:
        """Take a build that is over off the list."""
        self._entries = [
            each
            for each in self._entries
            if each.number != number or not _is_over(each)
        ]

    def poll(self) -> tuple[Build, ...]:
        """Finish what has ended, and begin the next; gives what ended just now."""
        ended: list[Build] = []
        for each in self._entries:
            if each.job is None or each.ended is not None:
                continue
            status = each.job.status()
            if not status.state.is_over:
                return tuple(ended)
            each.ended = self._finished(each, status)
            ended.append(self._build_of(each))
        for each in self._entries:
            if each.ended is None:
                self._begin(each)
                break
        return tuple(ended)

    def close(self) -> None:
        """Cancel everything, and wait for the process that runs."""
        for each in self._entries:
            self.cancel(each.number)
        for each in self._entries:
            if each.job is not None:
                try:
                    each.job.wait(END_DEADLINE_S)
                except WorkerStuckError as error:
                    log.error("%s", error.message)  # noqa: TRY400  expected

    def _begin(self, entry: _Entry) -> None:
        try:
            entry.folder.parent.mkdir(parents=True, exist_ok=True)
            python = find_interpreter(self._python)
            entry.job = ConversionJob(
                entry.order.to_request(entry.folder),
                python,
                entry.order.clip,
                self.memory_reserve_mb,
            )
            entry.job.start()
        except (ConsoleError, EngineError) as error:
            entry.ended = ConversionStatus(state=ConversionState.FAILED, error=error)
        except OSError as error:
            failure = ConsoleError(
                f"cannot write into {entry.folder.parent}: {error.strerror}",
                hint="Make room, or the folder writable.",
            )
            entry.ended = ConversionStatus(state=ConversionState.FAILED, error=failure)

    def _finished(self, entry: _Entry, status: ConversionStatus) -> ConversionStatus:
        if status.result is None:
            return status
        if not status.result.get("cached"):
            self._times.learn(entry.order, dict(status.step_times))
        try:
            entry.order.save(entry.folder)
            page = conversion_page(status.result)
            (entry.folder / PAGE_NAME).write_text(page, encoding="utf-8")
            if entry.job is not None:
                text = entry.job.log()
                (entry.folder / LOG_NAME).write_text(text, encoding="utf-8")
        except OSError as error:
            # The engine is there and works; only what tells about it is not.
            log.warning("no report beside %s: %s", entry.folder, error)
        return status

    def _build_of(self, entry: _Entry) -> Build:
        status = entry.status()
        return Build(
            number=entry.number,
            name=entry.folder.name,
            order=entry.order,
            folder=entry.folder,
            status=status,
            expected=self._times.expected(entry.order),
            expected_of_others=self._times.of_others(),
            advice=advise(entry.order, status) if status is not None else None,
        )


def _is_over(entry: _Entry) -> bool:
    status = entry.status()
    return status is not None and status.state.is_over
