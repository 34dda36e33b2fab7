"""Errors of the console.

ConsoleError
├── SourceError             frames cannot be had
│   ├── SourceNotFoundError     nothing is there under that name
│   ├── SourceFormatError       it is there and is not what it should be
│   ├── SourceBusyError         somebody else has it
│   ├── SourceDeniedError       the operator may not use it
│   ├── SourceUnavailableError  what reads it is not installed
│   └── SourceLostError         it gave frames and then failed
├── OutputError             results cannot be written
├── SettingsError           settings cannot be read, written or accepted
├── RecordingError          frames cannot be recorded
├── SessionError            a recorded session cannot be read
├── MeasureError            what was drawn gives no measure
├── FeedLostError           the process that runs the feed has ended
└── WorkerStuckError        a thread did not stop in time
"""


class ConsoleError(Exception):
    """What went wrong, and what the operator can do about it.

    Parameters
    ----------
    message : str
        What happened, with the value that caused it.
    hint : str
        What the operator can do next; empty if nothing.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class SourceError(ConsoleError):
    """Frames cannot be had."""


class SourceNotFoundError(SourceError):
    """Nothing is there under that name."""


class SourceFormatError(SourceError):
    """The source is there and is not what it should be."""


class SourceBusyError(SourceError):
    """Somebody else has the source."""


class SourceDeniedError(SourceError):
    """The operator may not use the source."""


class SourceUnavailableError(SourceError):
    """What reads such a source is not installed."""


class SourceLostError(SourceError):
    """The source gave frames and then failed."""


class OutputError(ConsoleError):
    """Results cannot be written."""


class RecordingError(ConsoleError):
    """Frames cannot be recorded."""


class SessionError(ConsoleError):
    """A recorded session cannot be read."""


class MeasureError(ConsoleError):
    """What was drawn gives no measure."""


class SettingsError(ConsoleError):
    """Settings cannot be read, written or accepted."""


class FeedLostError(ConsoleError):
    """The process that runs the feed has ended."""


class WorkerStuckError(ConsoleError):
    """A thread did not stop in time."""
