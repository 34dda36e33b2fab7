"""Results of benches: kept here, brought from other machines, and published ones."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.engine_bench import SCHEMA_VERSION
from app.errors import ConsoleError, OutputError
from app.paths import PUBLISHED_BENCHES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_MOST_BYTES = 10_000_000
_PERCENTILES = ("p50_ms", "p95_ms", "p99_ms")
_CSV = (
    *("machine", "engine", "kind", "precision", "threads", "when", "clip"),
    *("alone_fps", "alone_p50_ms", "alone_p95_ms", "alone_p99_ms"),
    *("whole_fps", "whole_p50_ms", "whole_p95_ms", "whole_p99_ms"),
    *("memory_mb", "temperature_before_c", "temperature_after_c"),
    *("is_beside_feed", "source"),
)


@dataclass(frozen=True)
class StoredBench:
    """One result."""

    path: Path
    document: dict[str, Any]
    """As `measure_engine` gave it."""

    @property
    def is_published(self) -> bool:
        """Whether it came with the console, out of a publication."""
        return self.path.parent == PUBLISHED_BENCHES

    @property
    def title(self) -> str:
        """Engine and machine, as a chart calls it."""
        return f"{self.engine}, {self.machine}"

    @property
    def engine(self) -> str:
        """Name of the engine."""
        return str(self.document["engine"].get("name", ""))

    @property
    def machine(self) -> str:
        """Name of the machine, without the marks of its maker."""
        name = str(self.document["machine"].get("name", ""))
        return re.sub(r"\((?:R|TM)\)", "", name)

    @property
    def is_beside_feed(self) -> bool:
        """Whether a feed took its share of the machine meanwhile."""
        return bool(self.document.get("is_beside_feed"))

    @property
    def when_text(self) -> str:
        """When it was measured, to the minute, in UTC; empty where it is published."""
        return str(self.document.get("when", ""))[:16].replace("T", " ")

    def is_of(self, machine: str) -> bool:
        """Whether it was measured on the machine of this name."""
        return bool(self.document["machine"].get("name") == machine)

    @property
    def note(self) -> str:
        """Where it comes from, or what else the machine did."""
        source = str(self.document.get("source") or "")
        if source:
            return source
        beside = ", beside a feed" if self.is_beside_feed else ""
        return f"{self.document.get('clip', '')}{beside}"

    def figure(self, part: str, name: str) -> float | None:
        """A figure of `alone` or `whole`; None where it was not measured."""
        found = (self.document.get(part) or {}).get(name)
        return None if found is None else float(found)

    def number(self, name: str) -> float | None:
        """A figure of the whole result; None where it was not measured."""
        found = self.document.get(name)
        return None if found is None else float(found)


class BenchStore:
    """Keeps results, one JSON file each.

    Parameters
    ----------
    folder : Path
        Made with the first result.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def benches(self) -> tuple[StoredBench, ...]:
        """Own results, newest first, then published ones; unreadable are left out."""
        found: list[StoredBench] = []
        for folder in (self.folder, PUBLISHED_BENCHES):
            if not folder.is_dir():
                continue
            part: list[StoredBench] = []
            for path in sorted(folder.glob("*.json")):
                try:
                    part.append(read_bench(path))
                except ConsoleError:
                    continue
            part.sort(key=lambda each: str(each.document.get("when", "")), reverse=True)
            found += part
        return tuple(found)

    def save(self, document: dict[str, Any]) -> StoredBench:
        """Keep a result.

        Raises
        ------
        OutputError
            If it cannot be written.
        """
        when = re.sub(r"\D", "", str(document.get("when", "")))[:14]
        name = re.sub(r"[^\w.-]+", "-", str(document["engine"].get("name", "engine")))
        path, number = self.folder / f"{when}-{name}.json", 2
        while path.exists():
            path, number = self.folder / f"{when}-{name}-{number}.json", number + 1
        kept = StoredBench(path, document)
        self.restore(kept)
        return kept

    def restore(self, bench: StoredBench) -> None:
        """Write a result that was deleted; raises as `save`."""
        beside = bench.path.with_name(f"{bench.path.name}.new")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            beside.write_text(json.dumps(bench.document, indent=1), encoding="utf-8")
            beside.replace(bench.path)
        except OSError as error:
            raise OutputError(
                f"cannot keep the result in {self.folder}: {error.strerror}",
                hint="Make room, or the folder writable.",
            ) from error

    def take_in(self, path: Path) -> StoredBench:
        """Copy a result of another machine.

        Raises
        ------
        ConsoleError
            If it is none, or cannot be kept.
        """
        return self.save(read_bench(path).document)

    def delete(self, bench: StoredBench) -> None:
        """Remove an own result; a published one stays.

        Raises
        ------
        OutputError
            If it cannot be removed.
        """
        if bench.is_published:
            return
        try:
            bench.path.unlink(missing_ok=True)
        except OSError as error:
            raise OutputError(
                f"cannot remove {bench.path}: {error.strerror}",
                hint="Make its folder writable.",
            ) from error


def read_bench(path: Path) -> StoredBench:
    """Read one result.

    Raises
    ------
    ConsoleError
        If it is none.
    """
    hint = "Choose a file that the bench of a console saved."
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ConsoleError(f"{path.name} is too large for a result", hint=hint)
        document = json.loads(path.read_text(encoding="utf-8"))
        version = document["schema_version"]
        if version != SCHEMA_VERSION:
            raise ConsoleError(
                f"{path.name} has version {version!r}, this console knows"
                f" {SCHEMA_VERSION}",
                hint=hint,
            )
        for part in ("engine", "machine", "alone"):
            document[part].keys()
        for part in ("alone", "whole"):
            for value in (document.get(part) or {}).values():
                float(value)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConsoleError(
            f"{path.name} is no result of a bench: {error}", hint=hint
        ) from error
    return StoredBench(path, document)


def csv_of(benches: Sequence[StoredBench]) -> str:
    """The figures as a table, one row a result."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_CSV)
    for bench in benches:
        engine, document = bench.document["engine"], bench.document
        speeds = [
            bench.figure(part, name)
            for part in ("alone", "whole")
            for name in ("fps", *_PERCENTILES)
        ]
        writer.writerow(
            [
                bench.machine,
                bench.engine,
                *(engine.get(name, "") for name in ("kind", "precision", "threads")),
                *(document.get(name, "") for name in ("when", "clip")),
                *speeds,
                *(document.get(name) for name in _CSV[-5:-2]),
                bool(document.get("is_beside_feed")),
                document.get("source", ""),
            ]
        )
    return text.getvalue()


def latency_ms(bench: StoredBench, name: str) -> float | None:
    """A percentile of the whole solution; where that was not run, of the network."""
    whole = bench.figure("whole", name)
    return bench.figure("alone", name) if whole is None else whole
