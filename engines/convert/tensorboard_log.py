"""Writes what a conversion did as a log directory of TensorBoard.

    tensorboard --logdir FOLDER/tensorboard

Its Graphs page then offers one run a graph, `0 as trained` first; its Scalars page
shows nodes, difference and mask IoU by step. The events are written as records, since
TensorFlow's own writers refuse to work in TensorFlow 2's eager mode.
"""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, List, Mapping, Sequence

from engines.convert.graph import GraphDef

if TYPE_CHECKING:
    from engines.convert.report import StepReport

FOLDER_NAME = "tensorboard"
_FILE_NAME = "events.out.tfevents.{seconds}.peregrine"
_FILE_VERSION = "brain.Event:2"
# TensorBoard shows no values of constants: a log need not hold the weights again.
_MOST_VALUE_BYTES = 256


def write_log(
    graphs: Mapping[str, GraphDef], steps: "Sequence[StepReport]", folder: Path
) -> List[Path]:
    """Write one run for each graph, and one with the figures of the steps.

    Parameters
    ----------
    graphs : mapping of str to GraphDef
        What each is called, in the order in which they came about. Not modified.
    steps : sequence of StepReport
        The steps between them.
    folder : Path
        The log directory; made if it is not there.

    Returns
    -------
    list of Path
        The runs' folders.
    """
    import tensorflow as tf

    event = tf.compat.v1.Event
    runs = []
    for number, (name, graph) in enumerate(graphs.items()):
        run = folder / "{} {}".format(number, name.replace("/", "-"))
        content = without_weights(graph).SerializeToString()
        _write(run, [event(wall_time=time.time(), graph_def=content)])
        runs.append(run)
    figures = [
        event(wall_time=time.time(), step=number, summary=_summary(report))
        for number, report in enumerate(steps)
    ]
    if figures:
        run = folder / "steps"
        _write(run, figures)
        runs.append(run)
    return runs


def without_weights(graph: GraphDef) -> GraphDef:
    """Copy a graph, leaving type and shape of large constants and not their values."""
    copy = type(graph)()
    copy.CopyFrom(graph)
    for node in copy.node:
        if "value" not in node.attr or not node.attr["value"].HasField("tensor"):
            continue
        tensor = node.attr["value"].tensor
        if tensor.ByteSize() > _MOST_VALUE_BYTES:
            dtype, shape = tensor.dtype, type(tensor.tensor_shape)()
            shape.CopyFrom(tensor.tensor_shape)
            tensor.Clear()
            tensor.dtype = dtype
            tensor.tensor_shape.CopyFrom(shape)
    return copy


def _summary(report: "StepReport") -> Any:  # noqa: ANN401  a message of TensorFlow
    import tensorflow as tf

    found = {
        "nodes": report.nodes_after,
        "max_abs_diff": report.max_abs_diff,
        "mask_iou": report.mask_iou,
        "bytes": report.bytes_after,
    }
    summary = tf.compat.v1.Summary
    return summary(
        value=[
            summary.Value(tag=tag, simple_value=float(value))
            for tag, value in found.items()
            if value is not None
        ]
    )


def _write(run: Path, events: Sequence[Any]) -> None:
    """Write one event file, the version first as readers want it."""
    import tensorflow as tf

    run.mkdir(parents=True, exist_ok=True)
    seconds = int(time.time())
    path = run / _FILE_NAME.format(seconds=f"{seconds:010d}")
    first = tf.compat.v1.Event(wall_time=time.time(), file_version=_FILE_VERSION)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for one in (first, *events):
            writer.write(one.SerializeToString())
