"""Errors of the engines.

EngineError
├── ManifestError           a manifest is missing, unreadable or contradicts itself
├── EngineUnavailableError  this machine or interpreter lacks what the engine needs
├── EngineLoadError         the engine's file cannot be loaded
│   └── PlanMismatchError   it was built for another device, version or precision
└── InferenceError          a loaded engine refused or failed an inference
    └── FrameLostError      this one frame is lost; the next call may succeed
"""


class EngineError(Exception):
    """What went wrong in an engine, and what the operator can do about it.

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


class ManifestError(EngineError):
    """A manifest is missing, unreadable or contradicts itself."""


class EngineUnavailableError(EngineError):
    """The machine or interpreter lacks what the engine needs."""


class EngineLoadError(EngineError):
    """The engine's file cannot be loaded."""


class PlanMismatchError(EngineLoadError):
    """The engine was built for another device, library version or precision."""


class InferenceError(EngineError):
    """A loaded engine refused its input or failed."""


class FrameLostError(InferenceError):
    """One frame is lost with the process that had it; the next call may succeed."""
