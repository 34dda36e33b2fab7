"""`python -m engines.convert`: one conversion in a process of its own.

Speaks JSON on stdout, one object a line, each with its `event`:

    started       the network was found: model, form
    source        it was loaded: inputs, outputs and which were chosen
    step_started  name, summary, index, count, steps: the names of all
    progress      done_ratio, phase: how far the step is, where it tells that
    step          report of a step
    frames_wanted input: how frames become its input; a line with the path of an
                  .npz of prepared inputs is read from stdin then
    finished      result: the report of the whole; with --look, which converts nothing,
                  inputs and outputs that the network could have
    failed        error: type, message, hint

Exit status 0 after `finished`, 1 after `failed`, 2 for a wrong command line. It may
be killed at any moment: the engine's folder appears whole or not at all.
"""

import argparse
import os
import sys
import traceback
from pathlib import Path
from typing import Dict, List, Optional, Tuple

from engines.base import Precision
from engines.convert import meaning, nvidia_parameters, tf_trt_log
from engines.convert.errors import OutOfMemoryError
from engines.convert.event_stream import EventStream
from engines.convert.request import ConversionRequest, Target
from engines.errors import EngineError


def parser() -> argparse.ArgumentParser:
    """Make the command line's parser."""
    made = argparse.ArgumentParser(
        prog="python -m engines.convert",
        description="Convert a trained network; events as JSON lines on stdout.",
    )
    made.add_argument("model", type=Path)
    made.add_argument("--to", required=True, type=Target, metavar="TARGET")
    made.add_argument("--out", required=True, type=Path, metavar="FOLDER")
    made.add_argument("--precision", type=Precision, default=Precision.FP32)
    made.add_argument("--size", type=size_px, metavar="WIDTHxHEIGHT")
    made.add_argument("--shape", type=shape, metavar="N,N,...")
    made.add_argument("--frames", type=Path, metavar="NPZ")
    made.add_argument("--frames-key", default="", metavar="TEXT")
    made.add_argument("--input", default="", metavar="NAME")
    made.add_argument("--output", default="", metavar="NAME")
    made.add_argument(
        "--set", type=value, action="append", default=[], metavar="NAME=VALUE"
    )
    made.add_argument("--rewrite-pads", action="store_true")
    made.add_argument("--manifest", type=Path, metavar="JSON")
    made.add_argument("--force", action="store_true")
    made.add_argument("--tensorboard", action="store_true")
    made.add_argument("--measure", action="store_true")
    made.add_argument("--look", action="store_true")
    meaning.add_options(made)
    nvidia_parameters.add_options(made)
    return made


def size_px(text: str) -> Tuple[int, int]:
    """Read `318x254`."""
    width, _, height = text.lower().partition("x")
    size = int(width), int(height)
    if min(size) < 1:
        raise argparse.ArgumentTypeError(f"a size is at least 1x1, not {text}")
    return size


def shape(text: str) -> Tuple[int, ...]:
    """Read `1,784`."""
    return tuple(int(one) for one in text.split(","))


def value(text: str) -> Tuple[str, float]:
    """Read `keep_prob=1`; `true` and `false` are 1 and 0."""
    name, _, number = text.rpartition("=")
    if not name:
        raise argparse.ArgumentTypeError(f"{text} is not NAME=VALUE")
    words = {"true": 1.0, "false": 0.0}
    return name, words[number.lower()] if number.lower() in words else float(number)


def request_of(options: argparse.Namespace) -> ConversionRequest:
    """Collect what the command line asks."""
    return ConversionRequest(
        model=options.model,
        target=options.to,
        folder=options.out,
        precision=options.precision,
        size_px=options.size,
        shape=options.shape,
        frames=options.frames,
        frames_key=options.frames_key,
        input_name=options.input,
        output_name=options.output,
        values=tuple(options.set),
        rewrites_pads=options.rewrite_pads,
        manifest=options.manifest,
        is_forced=options.force,
        writes_tensorboard=options.tensorboard,
        measures_speed=options.measure,
        only_looks=options.look,
        meaning=meaning.meaning_of(options),
        nvidia=nvidia_parameters.parameters_of(options),
    )


def main(arguments: Optional[List[str]] = None) -> int:
    """Convert; returns the exit status."""
    request = request_of(parser().parse_args(arguments))
    events = EventStream()
    # Before TensorFlow is imported: it reads them once.
    if request.target is Target.TF_TRT:
        tf_trt_log.set_environment()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    if not request.target.needs_gpu:
        os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
    try:
        from engines.convert.conversion import Conversion

        result = Conversion(request, events.emit, events.ask_frames).run()
    except EngineError as error:
        events.emit("failed", error=_document(error))
        return 1
    except MemoryError:
        hint = "Close other programs, or choose a smaller input size."
        shortage = OutOfMemoryError("not enough memory", hint=hint)
        events.emit("failed", error=_document(shortage))
        return 1
    except Exception as error:  # noqa: BLE001  the last frame of this process
        traceback.print_exc()
        message = f"{type(error).__name__}: {error}"
        hint = "This is a fault of the converter: please report it with its output."
        events.emit("failed", error=_document(EngineError(message, hint)))
        return 1
    events.emit("finished", result=result)
    return 0


def _document(error: EngineError) -> Dict[str, str]:
    return {"type": type(error).__name__, "message": error.message, "hint": error.hint}


if __name__ == "__main__":
    sys.exit(main())
