"""What can be chosen of a TF-TRT conversion, and what each TensorFlow calls it.

One set for TensorFlow 1.15 to 2.17, whose converters take different ones of it, under
different names and in different places. What a version takes is read from its own
signatures.
"""

import enum
import inspect
from typing import Any, Dict, NamedTuple, Optional, Tuple

from engines.base import Precision
from engines.convert.errors import UnsupportedTargetError

MEBIBYTE = 1 << 20
# TensorRT before 8.4 keeps the workspace in a signed 32-bit number.
_LARGEST_WORKSPACE_BYTES = 1 << 30
_PRECISIONS = (Precision.FP32, Precision.FP16, Precision.INT8)


class ProfileStrategy(enum.Enum):
    """Which shapes an engine with open sizes is made for, of those it was built with.

    The values are TensorFlow's.
    """

    RANGE = "Range"
    """All from the smallest to the largest."""
    OPTIMAL = "Optimal"
    """Each of them, and no other."""
    RANGE_AND_OPTIMAL = "Range+Optimal"
    """All between, fastest at each of them."""


class TfTrtParameters(NamedTuple):
    """One conversion's parameters, for every version."""

    precision: Precision = Precision.FP16
    """Fastest arithmetic that may be chosen. Lower is faster and less exact."""
    max_workspace_size_bytes: int = 256 * MEBIBYTE
    """Memory TensorRT may use while an engine runs. Larger admits faster kernels, and
    takes memory that a Jetson shares with everything else."""
    minimum_segment_size: int = 3
    """Least operations of a segment that becomes an engine. Larger makes fewer engines
    and leaves more to TensorFlow; smaller changes between them more often."""
    max_batch_size: int = 1
    """Pictures of one call, TensorFlow 1 only. Larger takes more memory."""
    is_dynamic_op: bool = False
    """Whether engines are made at the first call, not now, TensorFlow 1 only. Costs
    minutes at every start; TensorFlow 2 always does it, and keeps what was made."""
    use_dynamic_shape: bool = False
    """Whether engines take several shapes, TensorFlow 2.5 and later. Slower than one
    shape."""
    dynamic_shape_profile_strategy: ProfileStrategy = ProfileStrategy.RANGE
    """Read with `use_dynamic_shape` only."""
    maximum_cached_engines: int = 1
    """Engines that are kept for each segment, one a shape. Larger takes more memory
    and is of use only where shapes change."""
    denied_nodes: Tuple[str, ...] = ()
    """Nodes that stay in TensorFlow. More leave more segments, each slower."""
    use_calibration: bool = True
    """Whether int8 finds its ranges on frames; else the graph must have them."""
    calibration_frames: Optional[int] = None
    """Frames that int8 finds its ranges on. More fit more pictures, and take longer;
    None takes all."""
    allow_build_at_runtime: bool = True
    """Whether a shape that no engine was made for gets one in the middle of a run;
    else TensorFlow runs it."""

    def require_valid(self) -> None:
        """Refuse values that TensorFlow would fail on, or take in silence.

        Raises
        ------
        UnsupportedTargetError
            Naming the value and its bounds.
        """
        if self.precision not in _PRECISIONS:
            raise UnsupportedTargetError(
                f"TF-TRT has no precision {self.precision.value}",
                hint="Choose fp32, fp16 or int8.",
            )
        bounds = {
            "max_workspace_size_bytes": (MEBIBYTE, _LARGEST_WORKSPACE_BYTES),
            # With 2, TensorFlow ends the process on some graphs.
            "minimum_segment_size": (3, 10000),
            "max_batch_size": (1, 1024),
            "maximum_cached_engines": (1, 100),
        }
        for name, (least, most) in bounds.items():
            value = getattr(self, name)
            if not least <= value <= most:
                raise UnsupportedTargetError(
                    f"{name} is {value}",
                    hint=f"It must be at least {least} and at most {most}.",
                )

    @property
    def needs_frames(self) -> bool:
        """Whether the conversion looks at frames for the ranges of int8."""
        return self.precision is Precision.INT8 and self.use_calibration

    def to_document(self) -> Dict[str, Any]:
        """Write them as JSON values."""
        document = dict(self._asdict())
        document["precision"] = self.precision.value
        strategy = self.dynamic_shape_profile_strategy
        document["dynamic_shape_profile_strategy"] = strategy.value
        document["denied_nodes"] = list(self.denied_nodes)
        return document


def arguments_v1(parameters: TfTrtParameters, converter: Any) -> Dict[str, Any]:  # noqa: ANN401
    """Arguments of `TrtGraphConverter`, input and session left to the caller.

    Raises
    ------
    UnsupportedTargetError
        If this version cannot do what is asked.
    """
    known = _names_of(converter.__init__)
    if parameters.use_dynamic_shape:
        raise _not_in_this_version("use_dynamic_shape")
    is_dynamic = parameters.is_dynamic_op or parameters.needs_frames
    arguments = {
        "precision_mode": parameters.precision.name,
        "max_workspace_size_bytes": parameters.max_workspace_size_bytes,
        "minimum_segment_size": parameters.minimum_segment_size,
        # A converter whose engines wait for their first call refuses a batch size.
        "max_batch_size": None if is_dynamic else parameters.max_batch_size,
        "is_dynamic_op": is_dynamic,
        "maximum_cached_engines": parameters.maximum_cached_engines,
        "use_calibration": parameters.use_calibration,
    }
    is_renamed = "nodes_denylist" in known  # TensorFlow 2.4
    names = list(parameters.denied_nodes)
    arguments["nodes_denylist" if is_renamed else "nodes_blacklist"] = names
    return arguments


def arguments_v2(
    parameters: TfTrtParameters,
    trt_convert: Any,  # noqa: ANN401  a module
) -> Dict[str, Any]:
    """Arguments of `TrtGraphConverterV2`, input left to the caller.

    Raises
    ------
    UnsupportedTargetError
        If this version cannot do what is asked.
    """
    known = _names_of(trt_convert.TrtGraphConverterV2.__init__)
    if parameters.denied_nodes:
        raise UnsupportedTargetError(
            "the TF-TRT of TensorFlow 2 leaves no nodes out by name: {}".format(
                ", ".join(parameters.denied_nodes)
            ),
            hint="Leave them in, or convert with TensorFlow 1.15.",
        )
    common = {
        "max_workspace_size_bytes": parameters.max_workspace_size_bytes,
        "precision_mode": parameters.precision.name,
        "minimum_segment_size": parameters.minimum_segment_size,
        "maximum_cached_engines": parameters.maximum_cached_engines,
        "use_calibration": parameters.use_calibration,
        "allow_build_at_runtime": parameters.allow_build_at_runtime,
    }
    arguments: Dict[str, Any] = {}
    if "use_dynamic_shape" in known:
        arguments["use_dynamic_shape"] = parameters.use_dynamic_shape
        arguments["dynamic_shape_profile_strategy"] = (
            parameters.dynamic_shape_profile_strategy.value
        )
    elif parameters.use_dynamic_shape:
        raise _not_in_this_version("use_dynamic_shape")
    if "max_workspace_size_bytes" in known:  # TensorFlow 2.12 and before
        arguments.update(common)
        return arguments
    defaults = trt_convert.DEFAULT_TRT_CONVERSION_PARAMS
    taken = {name: one for name, one in common.items() if name in defaults._fields}
    arguments["conversion_params"] = defaults._replace(**taken)
    return arguments


def _names_of(function: Any) -> Tuple[str, ...]:  # noqa: ANN401
    # Decorated by TensorFlow; the names are those of the function beneath.
    return tuple(inspect.signature(inspect.unwrap(function)).parameters)


def _not_in_this_version(name: str) -> UnsupportedTargetError:
    return UnsupportedTargetError(
        f"the TF-TRT of this TensorFlow has no {name}",
        hint="Leave it out: a network of one size is faster without.",
    )
