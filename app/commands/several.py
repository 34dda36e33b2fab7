"""One command for several sources at once."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable
    from pathlib import Path


def run_several(
    arguments: argparse.Namespace, command: Callable[[str, Path], list[str]]
) -> int:
    """Run it for each of `arguments.sources`; 0 if all of them ended well."""
    from app.side_by_side import run_side_by_side

    def say(text: str) -> None:
        if not arguments.json:
            print(text, file=sys.stderr, flush=True)

    outcomes = run_side_by_side(arguments.sources, arguments.out, command, say)
    document = [
        {
            "source": outcome.source,
            "folder": str(outcome.folder),
            "status": outcome.status,
            **outcome.figures,
        }
        for outcome in outcomes
    ]
    print(json.dumps({"sources": document}))
    return next((each.status for each in outcomes if each.status), 0)
