"""The progress bar of commands."""

from __future__ import annotations

from typing import Any

from tqdm import tqdm


def progress_bar(**options: Any) -> Any:  # noqa: ANN401  tqdm has no types
    """Make a bar on standard error; the options are tqdm's.

    Its thread that looks after bars which stall is left out: every frame or event
    moves ours.
    """
    tqdm.monitor_interval = 0
    return tqdm(**options)
