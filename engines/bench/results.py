"""What a bench found: speed, ratio and mask of every engine."""

from typing import TYPE_CHECKING, Any, Dict, List, Mapping, NamedTuple, Optional, Tuple

import numpy as np

from engines.bench.rounds import Contender, Timings, ratio_to_reference
from engines.postprocessing import probability_from_output

if TYPE_CHECKING:
    from numpy.typing import NDArray


class BenchResult(NamedTuple):
    """One engine on one number of threads."""

    engine: str
    precision: str
    threads: int
    ms_p50: float
    ms_p95: float
    fps: float
    """One over the median."""
    ratio_to_reference: Optional[float]
    """How many times as fast; None where there is no reference."""
    mask_iou: Optional[float]
    """None where no picture has a mask, or there is no reference."""
    fps_by_round: Tuple[float, ...]

    def to_document(self) -> Dict[str, Any]:
        """Write it as JSON values."""
        document = dict(self._asdict())
        document["fps_by_round"] = list(self.fps_by_round)
        return document


def masks_of(contender: Contender) -> "List[NDArray[np.bool_]]":
    """Infer every picture once; gives what is foreground, by the upper threshold."""
    model = contender.engine.spec.model
    masks = []
    for tensor in contender.tensors:
        output = contender.engine.infer(tensor)
        probability = probability_from_output(output, model.output)
        masks.append(probability >= np.float32(model.threshold_high))
    return masks


def mask_iou(
    reference: "List[NDArray[np.bool_]]", masks: "List[NDArray[np.bool_]]"
) -> Optional[float]:
    """Intersection over union of all pictures together; None where all are empty."""
    both = sum(int(np.count_nonzero(a & b)) for a, b in zip(reference, masks))
    either = sum(int(np.count_nonzero(a | b)) for a, b in zip(reference, masks))
    return both / either if either else None


def collect(
    contenders: "List[Contender]",
    timings: Mapping[Tuple[str, int], Timings],
    reference: str,
) -> Tuple[BenchResult, ...]:
    """Compare every contender with the reference on as many threads.

    Parameters
    ----------
    contenders : list of Contender
        Those that were measured.
    timings : mapping
        By `Contender.key`.
    reference : str
        Name of the engine that the others are compared with.
    """
    masks = {one.threads: masks_of(one) for one in contenders if one.name == reference}
    results = []
    for one in contenders:
        own, base = timings[one.key], timings.get((reference, one.threads))
        expected = masks.get(one.threads)
        median_ms, p95_ms = np.percentile(own.all_ms, (50, 95))
        results.append(
            BenchResult(
                engine=one.name,
                precision=one.engine.spec.precision.value,
                threads=one.threads,
                ms_p50=round(float(median_ms), 4),
                ms_p95=round(float(p95_ms), 4),
                fps=round(1e3 / float(median_ms), 2),
                ratio_to_reference=(
                    None if base is None else round(ratio_to_reference(own, base), 4)
                ),
                mask_iou=(
                    None if expected is None else mask_iou(expected, masks_of(one))
                ),
                fps_by_round=tuple(
                    round(1e3 / float(each), 2) for each in own.round_medians_ms
                ),
            )
        )
    return tuple(results)
