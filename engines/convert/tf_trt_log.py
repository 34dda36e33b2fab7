"""What TF-TRT says while it converts and runs: the only place where it gives reasons.

TensorFlow's C++ side writes to file descriptor 2, past Python, in words that changed
with its versions; those of 1.15 to 2.17 are read.
"""

import contextlib
import os
import re
import sys
import tempfile
from typing import Dict, Iterator, List, NamedTuple, Tuple

# Read once by TensorFlow, when it is loaded: without them it keeps its reasons.
ENVIRONMENT = {
    "TF_CPP_MIN_LOG_LEVEL": "0",
    "TF_CPP_VMODULE": "segment=1,convert_graph=1",
    "TF_TRT_SHOW_DETAILED_REPORT": "1",
    # Else it takes all of a memory that a Jetson shares with everything else.
    "TF_FORCE_GPU_ALLOW_GROWTH": "true",
}


def set_environment() -> None:
    """Ask TensorFlow for its reasons; to be called before it is imported."""
    os.environ.update(ENVIRONMENT)


class CapturedText:
    """What was written to file descriptor 2; complete when the capture is over."""

    text = ""


@contextlib.contextmanager
def captured_stderr() -> Iterator[CapturedText]:
    """Capture file descriptor 2 meanwhile, and pass it on afterwards.

    Into a file, not a pipe: TensorFlow writes megabytes while it holds the
    interpreter's lock, and nobody could empty a pipe.
    """
    captured = CapturedText()
    sys.stderr.flush()
    with tempfile.TemporaryFile() as file:
        kept = os.dup(2)
        os.dup2(file.fileno(), 2)
        try:
            yield captured
        finally:
            sys.stderr.flush()
            os.dup2(kept, 2)
            os.close(kept)
            file.seek(0)
            content = file.read()
            captured.text = content.decode("utf-8", "replace")
            with contextlib.suppress(OSError):  # nobody reads it any more
                os.write(2, content)


class KeptSegment(NamedTuple):
    """A segment that did not become an engine."""

    engine: str
    """Name that the engine would have had."""
    reason: str
    nodes: Tuple[str, ...]
    """Empty where the log does not list them."""


class Fallback(NamedTuple):
    """An engine that TensorFlow runs itself, after all."""

    engine: str
    reason: str


class ConversionLog(NamedTuple):
    """What the log tells of a conversion."""

    unconverted: Dict[str, str]
    """Operation to why some of it stayed in TensorFlow; empty where it is not said."""
    excluded: Dict[str, str]
    """Node to why it stayed."""
    replaced: Tuple[str, ...]
    """Engines that were put into the graph."""
    kept: Tuple[KeptSegment, ...]
    candidates: int
    """Segments large enough for an engine."""
    largest_dropped: int
    """Operations in the largest segment that was too small; 0 for none."""


_UNCONVERTED_LIST = re.compile(
    r"There are \d+ ops of \d+ different types in the graph that are not converted to "
    r"TensorRT: (.*?),? \(For more information"
)
_REPORTED_LINE = re.compile(
    r"^\s*- (?:(?P<op>\w+) -> \d+x|\[Count: \d+x\] (?P<reason>.*))$", re.MULTILINE
)
_EXCLUDED = re.compile(
    r"Not a TF-TRT candidate, \(Op type: [^)]*\), \(Op name: ([^)]*)\), "
    r"\(Reason: (.*)\)"
)
_CANDIDATES = re.compile(r"Number of TensorRT candidate segments: (\d+)")
_DROPPED = re.compile(r"has only (\d+) (?:effective )?nodes, dropping")
_REPLACED = re.compile(
    r"Replaced segment \d+ consisting of \d+ nodes by (\S+)\."
    r"|TensorRT node (\S+) added for segment \d+ consisting of \d+ nodes succeeded"
)
_KEPT = re.compile(
    r"Cannot replace segment \d+ consisting of \d+ nodes by (\S+?)"
    r"(?: reason: (.*?))? \(keeping original segment\)"
    r"|TensorRT node (\S+) added for segment \d+ consisting of \d+ nodes failed: (.*?)"
    r"(?:\.? Fallback to TF\.*)?$"
)
_SEGMENT_NODES = re.compile(r"Segment consists of nodes: (.*?),?\s*$")
_CREATION_FAILED = re.compile(
    r"Engine creation for (\S+) failed\. The native segment will be used instead\."
    r"(?: Reason: (.*))?"
)
_EXECUTION_FAILED = re.compile(
    r"Failed to execute engine(?:: (.*?))?,? [Rr]etrying with native segment for (\S+)"
)
_RETRIEVAL_FAILED = re.compile(r"(.*) failed\. Running native segment for (\S+)")
_PREFIX = re.compile(r"^\S+ \S+ [IWEF] \S+\] (?:TF-TRT Warning: )?")


def read_conversion_log(text: str) -> ConversionLog:
    """Read what was captured while a graph was converted."""
    listed = _UNCONVERTED_LIST.search(text)
    names = listed.group(1).split(", ") if listed else []
    unconverted = {name: "" for name in names if name}
    unconverted.update(_reported(text))
    replaced: List[str] = []
    kept: List[KeptSegment] = []
    is_last_kept = False
    for line in text.splitlines():
        found = _REPLACED.search(line)
        if found:
            replaced.append(found.group(1) or found.group(2))
            is_last_kept = False
        found = _KEPT.search(line)
        if found:
            engine, reason, older_engine, older_reason = found.groups()
            why = reason or older_reason or ""
            kept.append(KeptSegment(engine or older_engine, why, ()))
            is_last_kept = True
        found = _SEGMENT_NODES.search(line)
        if found and is_last_kept:
            kept[-1] = kept[-1]._replace(nodes=tuple(found.group(1).split(", ")))
    candidates = _CANDIDATES.search(text)
    dropped = [int(count) for count in _DROPPED.findall(text)]
    return ConversionLog(
        unconverted=unconverted,
        excluded=dict(_EXCLUDED.findall(text)),
        replaced=tuple(replaced),
        kept=tuple(kept),
        candidates=int(candidates.group(1)) if candidates else 0,
        largest_dropped=max(dropped, default=0),
    )


def _reported(text: str) -> Dict[str, str]:
    """Read the table of TensorFlow 2.7 and later: operations, each with reasons."""
    reasons: Dict[str, str] = {}
    operation = ""
    _, _, table = text.partition("non-converted OP Report:")
    for line in _REPORTED_LINE.finditer(table):
        if line.group("op"):
            operation = line.group("op")
            reasons[operation] = ""
        elif operation and not reasons[operation]:
            # The first is the most frequent one.
            reasons[operation] = line.group("reason").strip()
    return reasons


def read_fallbacks(text: str) -> Tuple[Fallback, ...]:
    """Find engines that TensorFlow ran itself, in what was captured meanwhile."""
    found: Dict[str, Fallback] = {}
    for line in text.splitlines():
        for fallback in _fallbacks_in(_PREFIX.sub("", line)):
            # The first line has the cause, those behind it are consequences.
            found.setdefault(fallback.engine, fallback)
    return tuple(found.values())


def _fallbacks_in(line: str) -> Iterator[Fallback]:
    created = _CREATION_FAILED.search(line)
    if created:
        yield Fallback(created.group(1), created.group(2) or "it could not be created")
    executed = _EXECUTION_FAILED.search(line)
    if executed:
        yield Fallback(executed.group(2), executed.group(1) or "it could not be run")
    retrieved = _RETRIEVAL_FAILED.search(line)
    if retrieved and not executed:
        yield Fallback(retrieved.group(2), retrieved.group(1))
