"""`main.py finetune`: trains a network further on labelled clips of a scene."""

from __future__ import annotations

import argparse
import json
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.paths import DEFAULT_MODEL

if TYPE_CHECKING:
    from app.finetune.job import FinetuneProgress

_INTERRUPTED = 130


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "finetune",
        help="train a network further on labelled clips of your scene",
        description="Trains MODEL further on clips with some labelled frames, in"
        " minutes on a processor, and compares it before and after on labelled frames"
        " that it did not learn from. Ctrl-C stops; the same command goes on.",
    )
    parser.add_argument(
        "--clips",
        nargs="+",
        required=True,
        metavar="CLIP",
        help="video files, folders of images, or recorded sessions: the corrected"
        " tracks of a session are its labels",
    )
    parser.add_argument(
        "--labels",
        nargs="+",
        type=Path,
        default=[],
        metavar="FILE",
        help="labels of the clips that are no sessions, in their order: a table with"
        " frame, x, y (and width, height), or a file of the MOT Challenge",
    )
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="of the model; new"
    )
    parser.add_argument(
        "--model",
        type=Path,
        default=DEFAULT_MODEL,
        metavar="FOLDER",
        help="what to begin with (default: the bundled network)",
    )
    parser.add_argument(
        "--steps",
        type=_positive,
        default=400,
        metavar="N",
        help="more learn the scene better, and take longer (default: 400)",
    )
    parser.add_argument(
        "--held-back",
        type=_ratio,
        default=0.3,
        metavar="R",
        help="share of each clip's labelled frames, its last ones, that is judged on"
        " and not learned from (default: 0.3)",
    )
    parser.add_argument("--seed", type=int, default=1, metavar="N")
    parser.add_argument(
        "--python",
        type=Path,
        metavar="PATH",
        help="interpreter with TensorFlow (default: what 'make engines' made)",
    )
    parser.add_argument(
        "--json", action="store_true", help="print nothing but the last JSON line"
    )
    parser.set_defaults(run=run)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"at least 1, not {text}")
    return number


def _ratio(text: str) -> float:
    number = float(text)
    if not 0.0 < number < 1.0:
        raise argparse.ArgumentTypeError(f"between 0 and 1, not {text}")
    return number


def run(arguments: argparse.Namespace) -> int:
    """Run the command; gives the exit status.

    Raises
    ------
    ConsoleError, EngineError
        Whatever ended it.
    """
    from app.conversion_job import find_interpreter
    from app.finetune.job import PAGE_NAME, FinetuneJob, FinetuneRequest
    from app.finetune.report import text_of
    from app.progress import percent_bar

    request = FinetuneRequest(
        model=arguments.model,
        clips=paired(arguments.clips, arguments.labels),
        folder=arguments.out,
        python=find_interpreter(arguments.python),
        steps=arguments.steps,
        seed=arguments.seed,
        held_back_ratio=arguments.held_back,
    )
    shows_progress = sys.stderr.isatty()
    with percent_bar(is_shown=shows_progress) as bar:
        try:
            report = FinetuneJob(request, partial(_show, bar)).run()
        except KeyboardInterrupt:
            bar.close()
            print(
                f"stopped; {request.folder} keeps what is done, and the same command"
                " goes on from there",
                file=sys.stderr,
            )
            return _INTERRUPTED
    if not arguments.json:
        print(text_of(report))
        print(f"report: {request.folder / PAGE_NAME}")
    print(json.dumps(report))
    return 0


def paired(clips: list[str], labels: list[Path]) -> tuple[tuple[str, Path], ...]:
    """Give each clip its labels; a session without any has its own.

    Raises
    ------
    LabelsError
        If there are too many or too few.
    """
    from app.labels import LabelsError, is_session

    sessions = [clip for clip in clips if is_session(Path(clip))]
    if len(labels) == len(clips):
        return tuple(zip(clips, labels, strict=True))
    if len(labels) != len(clips) - len(sessions):
        raise LabelsError(
            f"{len(clips)} clips, {len(sessions)} of them sessions, and"
            f" {len(labels)} files of labels",
            hint="Give one after --labels for each clip that is no recorded session.",
        )
    rest = iter(labels)
    return tuple(
        (clip, Path(clip) if clip in sessions else next(rest)) for clip in clips
    )


def _show(bar: Any, progress: FinetuneProgress) -> None:  # noqa: ANN401
    bar.set_description_str(progress.activity, refresh=False)
    bar.update(max(0, int(100 * progress.done_ratio) - bar.n))
