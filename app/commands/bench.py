"""`main.py bench`: measures engines of one network side by side, without a window."""

from __future__ import annotations

import argparse
import json
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.bench_job import BenchJob, BenchRequest
from app.commands.arguments import add_second_look_argument
from app.conversion_html import conversion_page
from app.conversion_job import find_interpreter
from app.end_to_end import EndToEndRequest, measure_end_to_end, text_of_end_to_end
from app.engine_choice import EngineChoice
from app.errors import OutputError
from app.hardware.log import before_and_after
from app.paths import DEFAULT_MODEL, SAMPLE_CLIP, engine_cache_folder
from app.progress import percent_bar
from engines.bench.choices import CHOICES, choices_from_text, threads_from_text
from engines.convert.__main__ import size_px

if TYPE_CHECKING:
    from app.bench_job import BenchProgress

_INTERRUPTED = 130
_JSON_OF_A_RESULT = (
    "engine",
    "precision",
    "threads",
    "ms_p50",
    "ms_p95",
    "fps",
    "ratio_to_reference",
    "mask_iou",
)


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "bench",
        help="measure engines of one network side by side",
        description="Runs MODEL on several engines in one process, a short burst of"
        " each in turn, and compares them with the graph as trained in TensorFlow."
        " Engines that are not there yet are made first and kept for the next time.",
    )
    parser.add_argument(
        "model",
        type=Path,
        nargs="?",
        default=DEFAULT_MODEL,
        metavar="MODEL",
        help="model folder, or whatever 'convert' reads (default: the bundled network)",
    )
    parser.add_argument(
        "--engines",
        type=_engines,
        default=tuple(CHOICES),
        metavar="LIST",
        help="of: " + ",".join(CHOICES) + " (default: all)",
    )
    parser.add_argument(
        "--threads",
        type=_threads,
        default=(1, 2),
        metavar="LIST",
        help="threads of one inference (default: 1,2)",
    )
    parser.add_argument(
        "--seconds",
        type=_seconds,
        default=5.0,
        metavar="S",
        help="of each engine on each number of threads (default: 5)",
    )
    parser.add_argument(
        "--frames",
        default="",
        metavar="CLIP",
        help="source of real frames: masks are compared on them, and int8 takes its"
        " ranges from them (default: the bundled clip for the bundled network, else"
        " made-up pictures)",
    )
    parser.add_argument(
        "--python",
        type=Path,
        metavar="PATH",
        help="interpreter with TensorFlow (default: what 'make engines' made)",
    )
    parser.add_argument("--size", type=size_px, metavar="WxH", help="input size")
    parser.add_argument("--input", default="", metavar="NAME")
    parser.add_argument("--output", default="", metavar="NAME")
    parser.add_argument(
        "--html", type=Path, metavar="FILE", help="write a page with plots too"
    )
    parser.add_argument(
        "--json", action="store_true", help="print nothing but the last JSON line"
    )
    parser.add_argument(
        "--end-to-end",
        action="store_true",
        help="measure the whole solution (capture, inference, tracking, display,"
        " recording) on the network as trained in TensorFlow and on the best engine",
    )
    add_second_look_argument(parser, "; with --end-to-end")
    parser.set_defaults(run=run)


def _engines(text: str) -> tuple[str, ...]:
    try:
        return choices_from_text(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _threads(text: str) -> tuple[int, ...]:
    try:
        return threads_from_text(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0.0 < seconds <= 3600.0:
        raise argparse.ArgumentTypeError(f"seconds are above 0 to 3600, not {text}")
    return seconds


def run(arguments: argparse.Namespace) -> int:
    """Run the command; gives the exit status.

    Raises
    ------
    ConverterMissingError
        If no interpreter has TensorFlow.
    EngineError, ConsoleError
        Whatever ended the bench.
    """
    if arguments.end_to_end:
        return _run_end_to_end(arguments)
    is_bundled = arguments.model == DEFAULT_MODEL and SAMPLE_CLIP.is_file()
    request = BenchRequest(
        model=arguments.model,
        engines=arguments.engines,
        python=find_interpreter(arguments.python),
        cache=engine_cache_folder(),
        threads=arguments.threads,
        seconds=arguments.seconds,
        clip=arguments.frames or (str(SAMPLE_CLIP) if is_bundled else ""),
        size_px=arguments.size,
        input_name=arguments.input,
        output_name=arguments.output,
    )
    try:
        report = _follow(request, shows_progress=sys.stderr.isatty())
    except KeyboardInterrupt:
        print("cancelled", file=sys.stderr)
        return _INTERRUPTED
    if arguments.html is not None:
        _write(arguments.html, conversion_page(None, report))
    if not arguments.json:
        print(text_of(report))
    print(json.dumps(figures_of(report)))
    return 0


def _run_end_to_end(arguments: argparse.Namespace) -> int:
    request = EndToEndRequest(
        model=arguments.model,
        python=find_interpreter(arguments.python),
        clip=arguments.frames or str(SAMPLE_CLIP),
        best=EngineChoice(model=arguments.model, threads=min(arguments.threads)),
        seconds=arguments.seconds,
        threads=min(arguments.threads),
        second_look=arguments.second_look or 0,
    )
    with percent_bar(is_shown=sys.stderr.isatty()) as bar:
        try:
            report = measure_end_to_end(request, partial(_show, bar))
        except KeyboardInterrupt:
            print("cancelled", file=sys.stderr)
            return _INTERRUPTED
    if not arguments.json:
        print(text_of_end_to_end(report))
    print(json.dumps(report))
    return 0


def _show(bar: Any, progress: BenchProgress) -> None:  # noqa: ANN401
    bar.set_description_str(progress.activity, refresh=False)
    bar.update(int(100 * progress.done_ratio) - bar.n)


def _follow(request: BenchRequest, *, shows_progress: bool) -> dict[str, Any]:
    with percent_bar(is_shown=shows_progress) as bar:
        return BenchJob(request, partial(_show, bar)).run()


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise OutputError(
            f"cannot write {path}: {error.strerror}", hint="Choose another --html."
        ) from error


def figures_of(report: dict[str, Any]) -> dict[str, Any]:
    """Choose what `--json` prints."""
    return {
        "model": report["model"],
        "reference": report["reference"],
        "results": [
            {name: one[name] for name in _JSON_OF_A_RESULT} for one in report["results"]
        ],
        "machine": report["machine"],
        "skipped": report["skipped"],
        "gflop": report["gflop"],
        "samples": report["samples"],
        "rounds": report["rounds"],
        "telemetry": report.get("telemetry", []),
    }


def text_of(report: dict[str, Any]) -> str:
    """The report for a person: a table, then what it was measured on."""
    lines = [
        f"{'engine':<20}{'threads':>8}{'p50 ms':>10}{'p95 ms':>10}{'fps':>9}"
        f"{'ratio':>8}{'mask IoU':>10}{'of peak':>9}"
    ]
    machine = report["machine"]
    for one in report["results"]:
        iou, ratio = one["mask_iou"], one["ratio_to_reference"]
        share = share_of_peak(one, report)
        lines.append(
            f"{one['engine']:<20}{one['threads']:>8}{one['ms_p50']:>10.2f}"
            f"{one['ms_p95']:>10.2f}{one['fps']:>9.1f}"
            f"{'-' if ratio is None else f'{ratio:.2f}':>8}"
            f"{'-' if iou is None else f'{iou:.4f}':>10}"
            f"{'-' if share is None else f'{share:.0%}':>9}"
        )
    lines += [f"{x['engine']}: left out, {x['reason']}" for x in report["skipped"]]
    lines.append(
        f"ratio: times as fast as {report['reference']} in the same round, median of"
        f" {report['rounds']} rounds; masks compared on {report['samples']}"
    )
    peaks = ", ".join(
        f"{gflops} GFLOP/s on {threads} thread(s)"
        for threads, gflops in machine["peak_gflops_by_threads"].items()
    )
    lines.append(f"{machine['cpu']}: peak {peaks} ({machine['peak_how']})")
    if report["gflop"] is not None:
        lines.append(
            f"the network computes {report['gflop']:.2f} GFLOP; the share is of the"
            " fp32 peak, which bf16 and int8 may exceed"
        )
    machine_line = before_and_after(report.get("telemetry", []))
    return "\n".join([*lines, machine_line] if machine_line else lines)


def share_of_peak(one: dict[str, Any], report: dict[str, Any]) -> float | None:
    """Operations a second of one result, as a share of the measured fp32 peak."""
    peak = report["machine"]["peak_gflops_by_threads"].get(str(one["threads"]))
    if not peak or report["gflop"] is None:
        return None
    return float(report["gflop"] * one["fps"] / peak)
