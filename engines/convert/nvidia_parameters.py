"""What the operator can choose of the targets `tensorrt` and `tf-trt`.

One set for both, and for every version of TensorFlow and TensorRT: `plan.py` and
`tf_trt_parameters.py` tell what each version makes of it.
"""

import argparse
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from engines.base import Precision
from engines.convert.errors import UnsupportedTargetError
from engines.convert.memory import available_bytes, default_workspace_bytes
from engines.convert.plan import PlanParameters
from engines.convert.tf_trt_parameters import (
    MEBIBYTE,
    ProfileStrategy,
    TfTrtParameters,
)

# Both libraries have these; what is left belongs to one of them.
_OF_BOTH = ("workspace_mib", "calibration_frames")
_OF_TENSORRT = ("timing_cache",)


class NvidiaParameters(NamedTuple):
    """One conversion's parameters; the defaults suit a board of 8 GB."""

    workspace_mib: Optional[int] = None
    """Memory TensorRT may use while an engine runs. Larger admits faster kernels, and
    takes memory that a Jetson shares with everything else; None takes a quarter of
    what is free, 512 MiB for a plan and 256 MiB for TF-TRT at most."""
    calibration_frames: Optional[int] = None
    """Frames that int8 finds its ranges on. More give ranges that fit more pictures,
    and take longer; None takes all that were given."""
    timing_cache: Optional[Path] = None
    """File of measurements that makes the next build on this machine faster."""
    minimum_segment_size: int = 3
    """Least operations of a segment that becomes an engine. Larger makes fewer engines
    and leaves more to TensorFlow."""
    max_batch_size: int = 1
    """Pictures of one call, TensorFlow 1 only. Larger takes more memory."""
    maximum_cached_engines: int = 1
    """Engines kept for each segment, one a shape. Larger takes more memory."""
    denied_nodes: Tuple[str, ...] = ()
    """Nodes that stay in TensorFlow, TensorFlow 1 only."""
    dynamic_shapes: Optional[ProfileStrategy] = None
    """Whether engines take several shapes, and which; TensorFlow 2.5 and later."""
    is_dynamic_op: bool = False
    """Whether engines are made at the first call, TensorFlow 1 only."""
    uses_calibration: bool = True
    """Whether int8 finds its ranges on frames; else the graph must have them."""
    builds_at_runtime: bool = True
    """Whether a new shape gets its engine in the middle of a run, TensorFlow 2 only."""
    is_searched: bool = False
    """Whether to try several workspaces and segment sizes and keep the fastest."""

    def require_fitting(self, target: str) -> None:
        """Refuse what the target does not have, rather than ignore it.

        Raises
        ------
        UnsupportedTargetError
            Naming the option.
        """
        able: Tuple[str, ...] = ()
        if target == "tensorrt":
            able = (*_OF_BOTH, *_OF_TENSORRT)
        elif target == "tf-trt":
            able = tuple(name for name in self._fields if name not in _OF_TENSORRT)
        for name in self._fields:
            is_chosen = getattr(self, name) != getattr(_DEFAULTS, name)
            if is_chosen and name not in able:
                others = "tensorrt or tf-trt" if name in _OF_BOTH else "tf-trt"
                others = "tensorrt" if name in _OF_TENSORRT else others
                raise UnsupportedTargetError(
                    f"target {target} has no {_OPTIONS[name]}",
                    hint=f"Leave it out, or choose the target {others}.",
                )
        if self.calibration_frames is not None and self.calibration_frames < 1:
            raise UnsupportedTargetError("int8 needs one calibration frame at least")
        if target == "tensorrt":
            self.for_plan(Precision.FP32).require_valid()
        elif target == "tf-trt":
            self.for_tf_trt(Precision.FP32).require_valid()

    def for_plan(self, precision: Precision) -> PlanParameters:
        """What a plan takes of them."""
        workspace = self.workspace_mib
        return PlanParameters(
            precision=precision,
            workspace_bytes=None if workspace is None else workspace * MEBIBYTE,
            timing_cache=self.timing_cache,
            calibration_frames=self.calibration_frames,
        )

    def for_tf_trt(self, precision: Precision) -> TfTrtParameters:
        """What TF-TRT takes of them."""
        default = TfTrtParameters()
        if self.workspace_mib is None:
            workspace_bytes = min(
                default.max_workspace_size_bytes,
                default_workspace_bytes(available_bytes()),
            )
        else:
            workspace_bytes = self.workspace_mib * MEBIBYTE
        return TfTrtParameters(
            precision=precision,
            max_workspace_size_bytes=workspace_bytes,
            minimum_segment_size=self.minimum_segment_size,
            max_batch_size=self.max_batch_size,
            is_dynamic_op=self.is_dynamic_op,
            use_dynamic_shape=self.dynamic_shapes is not None,
            dynamic_shape_profile_strategy=(
                self.dynamic_shapes or default.dynamic_shape_profile_strategy
            ),
            maximum_cached_engines=self.maximum_cached_engines,
            denied_nodes=self.denied_nodes,
            use_calibration=self.uses_calibration,
            calibration_frames=self.calibration_frames,
            allow_build_at_runtime=self.builds_at_runtime,
        )

    def to_document(self) -> Dict[str, Any]:
        """Write as JSON values what the result depends on."""
        document = dict(self._asdict())
        del document["timing_cache"]
        strategy = self.dynamic_shapes
        document["dynamic_shapes"] = strategy.value if strategy else None
        document["denied_nodes"] = list(self.denied_nodes)
        return document

    @staticmethod
    def of_document(document: "Dict[str, Any]") -> "NvidiaParameters":
        """Read what `to_document` wrote; what is not in it has its default.

        Raises
        ------
        TypeError, ValueError
            If it is something else.
        """
        values = dict(document)
        if values.get("dynamic_shapes") is not None:
            values["dynamic_shapes"] = ProfileStrategy(values["dynamic_shapes"])
        if "denied_nodes" in values:
            values["denied_nodes"] = tuple(values["denied_nodes"])
        return NvidiaParameters(**values)

    def to_words(self) -> List[str]:
        """Write them as options that `add_options` reads."""
        words: List[str] = []
        for name, option in _OPTIONS.items():
            chosen = getattr(self, name)
            if chosen == getattr(_DEFAULTS, name):
                continue
            if isinstance(chosen, bool):
                words.append(option)
            elif isinstance(chosen, tuple):
                words.extend(f"{option}={node}" for node in chosen)
            elif isinstance(chosen, ProfileStrategy):
                words.append(f"{option}={chosen.value}")
            else:
                words.append(f"{option}={chosen}")
        return words


_DEFAULTS = NvidiaParameters()
_OPTIONS: Dict[str, str] = {
    "workspace_mib": "--workspace",
    "calibration_frames": "--calibration-frames",
    "timing_cache": "--timing-cache",
    "minimum_segment_size": "--min-segment",
    "max_batch_size": "--max-batch",
    "maximum_cached_engines": "--cached-engines",
    "denied_nodes": "--deny",
    "dynamic_shapes": "--dynamic-shapes",
    "is_dynamic_op": "--dynamic-op",
    "uses_calibration": "--no-calibration",
    "builds_at_runtime": "--no-build-at-runtime",
    "is_searched": "--search",
}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add one option for every parameter."""
    group = parser.add_argument_group("for the targets tensorrt and tf-trt")
    group.add_argument(
        "--workspace",
        type=int,
        metavar="MIB",
        help="memory TensorRT may use; more admits faster kernels"
        " (default: a quarter of what is free)",
    )
    group.add_argument(
        "--calibration-frames",
        type=int,
        metavar="N",
        help="frames that int8 finds its ranges on (default: all of --frames)",
    )
    group.add_argument(
        "--timing-cache",
        type=Path,
        metavar="FILE",
        help="tensorrt: measurements that make the next build here faster",
    )
    group.add_argument(
        "--min-segment",
        type=int,
        default=_DEFAULTS.minimum_segment_size,
        metavar="N",
        help="tf-trt: least operations of an engine; more make fewer engines"
        " (default: %(default)s)",
    )
    group.add_argument(
        "--max-batch",
        type=int,
        default=_DEFAULTS.max_batch_size,
        metavar="N",
        help="tf-trt of TensorFlow 1: pictures of one call (default: %(default)s)",
    )
    group.add_argument(
        "--cached-engines",
        type=int,
        default=_DEFAULTS.maximum_cached_engines,
        metavar="N",
        help="tf-trt: engines kept for each segment, one a shape"
        " (default: %(default)s)",
    )
    group.add_argument(
        "--deny",
        action="append",
        default=[],
        metavar="NODE",
        help="tf-trt of TensorFlow 1: node that stays in TensorFlow; may be repeated",
    )
    group.add_argument(
        "--dynamic-shapes",
        type=ProfileStrategy,
        choices=list(ProfileStrategy),
        metavar="STRATEGY",
        help="tf-trt of TensorFlow 2: engines take several shapes; one of: "
        + ", ".join(one.value for one in ProfileStrategy),
    )
    group.add_argument(
        "--dynamic-op",
        action="store_true",
        help="tf-trt of TensorFlow 1: make the engines at the first call",
    )
    group.add_argument(
        "--no-calibration",
        action="store_true",
        help="tf-trt in int8: the graph has its ranges already",
    )
    group.add_argument(
        "--no-build-at-runtime",
        action="store_true",
        help="tf-trt of TensorFlow 2: a shape that no engine was made for stays in"
        " TensorFlow",
    )
    group.add_argument(
        "--search",
        action="store_true",
        help="tf-trt: try several workspaces and segment sizes, keep the fastest",
    )


def parameters_of(options: argparse.Namespace) -> NvidiaParameters:
    """Collect what the options say."""
    return NvidiaParameters(
        workspace_mib=options.workspace,
        calibration_frames=options.calibration_frames,
        timing_cache=options.timing_cache,
        minimum_segment_size=options.min_segment,
        max_batch_size=options.max_batch,
        maximum_cached_engines=options.cached_engines,
        denied_nodes=tuple(options.deny),
        dynamic_shapes=options.dynamic_shapes,
        is_dynamic_op=options.dynamic_op,
        uses_calibration=not options.no_calibration,
        builds_at_runtime=not options.no_build_at_runtime,
        is_searched=options.search,
    )
