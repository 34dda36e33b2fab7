"""The progress bar of commands."""

from __future__ import annotations

from typing import Any

from tqdm import tqdm

_PERCENT = "{percentage:3.0f}% {bar} {desc} [{elapsed}]"


def percent_bar(*, is_shown: bool) -> Any:  # noqa: ANN401  tqdm has no types
    """Make a bar that goes from 0 to 100, with what is being done beside it."""
    return progress_bar(total=100, bar_format=_PERCENT, disable=not is_shown)


def progress_bar(**options: Any) -> Any:  # noqa: ANN401  tqdm has no types
    """Make a bar on standard error; the options are tqdm's.

    Its thread that looks after bars which stall is left out: every frame or event
    moves ours.
    """
    tqdm.monitor_interval = 0
    return tqdm(**options)
