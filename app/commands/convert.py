"""`main.py convert`: turns a trained network into an engine, without a window."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.conversion_html import conversion_page
from app.conversion_job import (
    END_DEADLINE_S,
    ConversionJob,
    ConversionState,
    find_interpreter,
)
from app.errors import OutputError
from app.progress import percent_bar
from engines.base import Precision
from engines.convert import meaning, nvidia_parameters
from engines.convert.__main__ import shape, size_px, value
from engines.convert.request import ConversionRequest, Target
from engines.convert.tensorboard_log import FOLDER_NAME as LOG_FOLDER_NAME

if TYPE_CHECKING:
    import argparse

    from app.conversion_job import ConversionStatus

PAGE_NAME = "report.html"
_INTERRUPTED = 130
_POLL_S = 0.1
_JSON_OF_A_STEP = (
    "name",
    "nodes_before",
    "nodes_after",
    "removed",
    "max_abs_diff",
    "mask_iou",
    "seconds",
)


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "convert",
        help="turn a trained TensorFlow network into the smallest equal engine",
        description="Converts MODEL: a checkpoint with its .meta file, a frozen .pb, a"
        " SavedModel, a Keras file, ONNX, or a model folder. Writes a model folder.",
    )
    parser.add_argument("model", type=Path, metavar="MODEL")
    parser.add_argument(
        "--to",
        required=True,
        type=Target,
        choices=list(Target),
        metavar="TARGET",
        help="one of: " + ", ".join(target.value for target in Target),
    )
    parser.add_argument("--out", required=True, type=Path, metavar="DIR")
    parser.add_argument(
        "--size",
        type=size_px,
        metavar="WxH",
        help="input size, for a network that leaves it open",
    )
    parser.add_argument(
        "--precision",
        type=Precision,
        choices=list(Precision),
        default=Precision.FP32,
        metavar="P",
        help="fp32; for openvino also bf16 or int8, for tensorrt and tf-trt fp16 or"
        " int8 (default: fp32)",
    )
    parser.add_argument(
        "--frames",
        default="",
        metavar="CLIP",
        help="source of real frames to compare on, and to take the ranges of int8 from"
        " (default: made-up pictures)",
    )
    parser.add_argument(
        "--python",
        type=Path,
        metavar="PATH",
        help="interpreter with TensorFlow (default: what 'make engines' made)",
    )
    _add_details(parser)
    nvidia_parameters.add_options(parser)
    parser.add_argument(
        "--tensorboard",
        action="store_true",
        help="also write the graph of every step for TensorBoard",
    )
    parser.add_argument(
        "--json", action="store_true", help="print nothing but the last JSON line"
    )
    parser.set_defaults(run=run)


def _add_details(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("where the network does not say it itself")
    group.add_argument(
        "--input", default="", metavar="NAME", help="tensor that takes the image"
    )
    group.add_argument(
        "--output", default="", metavar="NAME", help="tensor that gives the mask"
    )
    group.add_argument(
        "--set",
        type=value,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="placeholder that is no input, and what it is at inference",
    )
    group.add_argument(
        "--shape",
        type=shape,
        metavar="N,N,...",
        help="whole input shape, for a network that takes no picture",
    )
    group.add_argument(
        "--manifest",
        type=Path,
        metavar="JSON",
        help="a manifest.json that says what input and output mean",
    )
    meaning.add_options(group)
    group.add_argument(
        "--rewrite-pads",
        action="store_true",
        help="write pads before skips as concatenations, for TensorRT's parsers",
    )
    group.add_argument(
        "--force", action="store_true", help="convert even if the engine is there"
    )


def run(arguments: argparse.Namespace) -> int:
    """Run the command; gives the exit status.

    Raises
    ------
    ConverterMissingError
        If no interpreter has TensorFlow.
    EngineError, ConsoleError
        Whatever ended the conversion.
    """
    request = ConversionRequest(
        model=arguments.model,
        target=arguments.to,
        folder=arguments.out,
        precision=arguments.precision,
        size_px=arguments.size,
        shape=arguments.shape,
        input_name=arguments.input,
        output_name=arguments.output,
        values=tuple(arguments.set),
        rewrites_pads=arguments.rewrite_pads,
        manifest=arguments.manifest,
        is_forced=arguments.force,
        writes_tensorboard=arguments.tensorboard,
        measures_speed=True,
        meaning=meaning.meaning_of(arguments),
        nvidia=nvidia_parameters.parameters_of(arguments),
    )
    request.require_supported()
    job = ConversionJob(request, find_interpreter(arguments.python), arguments.frames)
    status = _follow(job, shows_progress=sys.stderr.isatty())
    if status.error is not None:
        raise status.error
    if status.result is None:
        print("cancelled; nothing was written", file=sys.stderr)
        return _INTERRUPTED
    page = request.folder / PAGE_NAME
    _write_page(page, conversion_page(status.result))
    if not arguments.json:
        print(_text(status.result))
        print(f"report: {page}")
        if request.writes_tensorboard:
            print(f"graphs: tensorboard --logdir {request.folder / LOG_FOLDER_NAME}")
    print(json.dumps(_figures(status.result)))
    return 0


def _follow(job: ConversionJob, *, shows_progress: bool) -> ConversionStatus:
    """Run a job to its end, with progress on a terminal; Ctrl+C cancels it."""
    job.start()
    with percent_bar(is_shown=shows_progress) as bar:
        try:
            while not (status := job.status()).state.is_over:
                bar.set_description_str(status.activity, refresh=False)
                bar.update(int(100 * status.done_ratio) - bar.n)
                time.sleep(_POLL_S)
        except KeyboardInterrupt:
            job.request_cancel()
        status = job.wait(END_DEADLINE_S)
        if status.state is ConversionState.DONE:
            bar.update(100 - bar.n)
    return status


def _write_page(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise OutputError(
            f"cannot write {path}: {error.strerror}",
            hint="The engine is there; free space and run the command again.",
        ) from error


def _figures(result: dict[str, Any]) -> dict[str, Any]:
    return {
        "model": result["model"],
        "target": result["target"],
        "steps": [
            {name: step[name] for name in _JSON_OF_A_STEP} for step in result["steps"]
        ],
        "engine": result["engine"],
    }


def _text(result: dict[str, Any]) -> str:
    """The report for a person: a table, then what was kept and noted."""
    lines = ["step          nodes          bytes      max diff   mask IoU   seconds"]
    for step in result["steps"]:
        difference, iou = step["max_abs_diff"], step["mask_iou"]
        lines.append(
            f"{step['name']:<12}{step['nodes_before']:>6} ->{step['nodes_after']:>5}"
            f"{step['bytes_after']:>13,}"
            f"{'-' if difference is None else f'{difference:.2g}':>11}"
            f"{'-' if iou is None else f'{iou:.4f}':>11}{step['seconds']:>10.2f}"
        )
    for step in result["steps"]:
        lines += [f"{step['name']}: {note}" for note in step["notes"]]
        lines += [
            f"{step['name']}: kept {kept['node']} ({kept['op']}): {kept['reason']}"
            for kept in step["kept"]
        ]
    lines.append(f"compared on {result['samples']}")
    lines += _trial_lines(result["trials"])
    lines += _speed_lines(result["speed"])
    if result["cached"]:
        lines.append("the engine was there already; --force makes it anew")
    engine = result["engine"]
    lines.append(f"{engine['path']}: {engine['kind']}, {engine['precision']}")
    return "\n".join(lines)


def _trial_lines(trials: list[dict[str, Any]]) -> list[str]:
    """What a search tried, one line each."""
    if not trials:
        return []
    lines = ["workspace  segments of    engines      fps   memory"]
    for trial in trials:
        start = f"{_mib(trial['max_workspace_size_bytes']):>9}"
        start += f"{trial['minimum_segment_size']:>13}"
        if trial["failure"]:
            lines.append(f"{start}  {trial['failure']}")
        else:
            lines.append(
                f"{start}{trial['engines']:>11}{trial['fps']:>9.1f}"
                f"{_mib(trial['memory_bytes']):>9}"
            )
    return lines


def _mib(count: int) -> str:
    return f"{count / 2**20:.0f} MiB"


def _speed_lines(speed: dict[str, Any] | None) -> list[str]:
    if speed is None:
        return []
    if not speed["results"]:
        return [f"speed was not measured: {speed['reason']}"]
    lines = [
        f"{one['engine']}: {one['fps']:.1f} fps, {one['ratio_to_reference']:.2f} times"
        for one in speed["results"]
    ]
    return ["speed on one thread, side by side:", *lines]
