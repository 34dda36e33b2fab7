"""Errors of the conversion.

EngineError
└── ConversionError             a network could not be converted
    ├── SourceFormatError           it is no graph, or none that can be read here
    ├── InputNotFoundError          no input, or it is not clear which one
    ├── OutputNotFoundError         no output, or it is not clear which one
    ├── SizeError                   the input's size is unknown or cannot be had
    ├── UnsupportedOperationError   the library lacks an operation of the graph
    ├── UnsupportedTargetError      this target or precision does not exist
    ├── MissingLibraryError         a library is not installed
    ├── OutOfMemoryError            there was not enough memory
    ├── OutputFolderError           the result cannot be written where it was asked
    ├── VerificationError           the result differs too much from the source
    ├── PlanBuildError              TensorRT gave up building a plan, and why
    ├── BuildCancelledError         a build was asked to stop, and did
    ├── NoSpeedUpError              TF-TRT made no engine: as slow as before
    └── NativeSegmentError          TensorRT does not run an engine, TensorFlow does
"""

from typing import Iterable

from engines.errors import EngineError


class ConversionError(EngineError):
    """A network could not be converted."""


class SourceFormatError(ConversionError):
    """The source is no graph, or none that this interpreter can read."""


class InputNotFoundError(ConversionError):
    """The graph has no input, or several and none was named."""


class OutputNotFoundError(ConversionError):
    """The graph has no output, or several and none was named."""


class SizeError(ConversionError):
    """The size of the input is unknown, or the graph cannot take it."""


class UnsupportedOperationError(ConversionError):
    """The library that should run the graph lacks one of its operations."""


class UnsupportedTargetError(ConversionError):
    """There is no such target, or not in that precision."""


class MissingLibraryError(ConversionError):
    """A library is not installed for this interpreter."""


class OutOfMemoryError(ConversionError):
    """There was not enough memory."""


class OutputFolderError(ConversionError):
    """The result cannot be written where it was asked."""


class VerificationError(ConversionError):
    """The result differs too much from the source."""


class PlanBuildError(ConversionError):
    """TensorRT gave up building a plan."""


class BuildCancelledError(ConversionError):
    """A build was asked to stop, and did."""


class NoSpeedUpError(ConversionError):
    """The converted graph has no engine: it is as slow as before."""


class NativeSegmentError(ConversionError):
    """An engine was put into the graph and then not made: TensorFlow runs it."""


def missing_library(library: str, install: str, needed_for: str) -> MissingLibraryError:
    """Tell which library is missing and the command that installs it."""
    return MissingLibraryError(
        f"{library} is not installed for this Python; {needed_for} needs it",
        hint=f"Install it with: {install}",
    )


def listing(names: Iterable[str], most: int = 12) -> str:
    """Join names for a message, the first few of many."""
    names = list(names)
    text = ", ".join(names[:most])
    return text if len(names) <= most else f"{text} and {len(names) - most} more"
