"""The events of a child process, as JSON lines on its stdout."""

import enum
import json
import os
import sys
import threading
from pathlib import Path
from typing import IO, Any

from engines.convert.errors import ConversionError
from engines.manifest import InputSpec


class EventStream:
    """Writes events to what was stdout, and keeps everybody else off it.

    Libraries print to stdout, from Python and from C. File descriptor 1 is pointed
    at stderr, so that no line of theirs gets between the events.
    """

    def __init__(self) -> None:
        sys.stdout.flush()
        self._file: IO[str] = os.fdopen(os.dup(1), "w", encoding="utf-8")
        os.dup2(2, 1)
        # A build tells its progress from threads of the library.
        self._lock = threading.Lock()

    def emit(self, event: str, **fields: Any) -> None:  # noqa: ANN401
        """Write one event."""
        document = {"event": event}
        document.update(fields)
        with self._lock:
            self._file.write(json.dumps(document) + "\n")
            self._file.flush()

    def ask_frames(self, spec: InputSpec) -> Path:
        """Ask who reads the events to prepare frames; waits for their path."""
        fields = {
            name: one.value if isinstance(one, enum.Enum) else one
            for name, one in spec._asdict().items()
        }
        self.emit("frames_wanted", input=fields)
        answer = sys.stdin.readline().strip()
        if not answer:
            raise ConversionError("no frames were given to compare with")
        return Path(answer)
