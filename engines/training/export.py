r"""Write trained networks as models: SavedModel, frozen graph, ONNX and manifest.

    python -m engines.training.export --run out/training/run --models resources/models

Needs TensorFlow and tf2onnx. What was written is read back by three libraries and
refused unless all of them give the same probabilities.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from engines.convert.graph import Terminals
from engines.convert.recipe import graph_steps
from engines.manifest import (
    InputSpec,
    ModelManifest,
    OutputSpec,
    save_manifest,
    sha256_of_file,
)
from engines.scene import Scene, SceneSettings
from engines.training.networks import (
    NETWORKS,
    NetworkSettings,
    build_network,
    load_weights,
    multiply_accumulates,
    set_weights,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

INPUT_NAME = "frames"
OUTPUT_NAME = "probability"
ONNX_OPSET = 13
"""Read by TensorRT 8.2 on a Jetson TX2."""
LARGEST_DIFFERENCE = 5e-5
"""Between the probabilities of any two files, on the same frames."""
THRESHOLDS = (0.3, 0.9)
"""Low and high: near the best of all three sizes on the two real clips kept for tuning
(`tests/benchmarks/real_clips.py --thresholds`; 0.2 and 0.9 scored a little higher)."""
FILES = {
    "saved-model": "saved_model",
    "frozen-graph": "frozen.pb",
    "onnx": "model.onnx",
}


class ExportError(RuntimeError):
    """The files written do not compute the same."""


def export(
    settings: NetworkSettings,
    weights: dict[str, NDArray[np.float32]],
    folder: Path,
    thresholds: tuple[float, float],
    notes: str = "",
) -> dict[str, float]:
    """Write a model's folder and check what was written.

    Parameters
    ----------
    settings : NetworkSettings
        The network; written at its default size.
    weights : dict
        From `networks.weights_of`.
    folder : Path
        Of the model; replaced whole when everything agrees.
    thresholds : tuple of two float
        Low and high, for the manifest.
    notes : str
        For the manifest.

    Returns
    -------
    dict
        Largest difference of each file's probabilities from the Keras network's.

    Raises
    ------
    ExportError
        If one is above `LARGEST_DIFFERENCE`; the folder is then as it was.
    """
    import tensorflow as tf

    network = build_network(settings)
    set_weights(network, weights)
    shape = (1, settings.height_px, settings.width_px, settings.frame_count)
    with tempfile.TemporaryDirectory(dir=folder.parent) as unfinished:
        made = Path(unfinished)
        _write_saved_model(network, made / FILES["saved-model"], shape)
        graph = _frozen(network, shape)
        optimised = optimised_graph(graph).SerializeToString(deterministic=True)
        (made / FILES["frozen-graph"]).write_bytes(optimised)
        _write_onnx(graph, made / FILES["onnx"])
        frames = _rendered_frames(settings)
        wanted = network(tf.constant(frames), training=False).numpy()
        differences = {
            name: float(np.abs(output - wanted).max())
            for name, output in _outputs(made, frames).items()
        }
        if max(differences.values()) > LARGEST_DIFFERENCE:
            raise ExportError(
                f"the written files differ from the network: {differences}"
            )
        save_manifest(_manifest(settings, made, thresholds, notes), made)
        _replace(folder, made)
    return differences


def _rendered_frames(settings: NetworkSettings) -> NDArray[np.float32]:
    """Frames as the network meets them: noise alone would not wake it."""
    scene = Scene(
        SceneSettings(width_px=settings.width_px, height_px=settings.height_px)
    )
    planes = [scene.render(index) for index in range(settings.frame_count)]
    return np.stack(planes, -1)[None].astype(np.float32) / np.float32(255.0)


def _write_saved_model(network: Any, path: Path, shape: tuple[int, ...]) -> None:  # noqa: ANN401
    import tensorflow as tf

    # Keras' own export writes every variable twice.
    module = tf.Module()
    module.weights = [variable.value for variable in network.weights]
    module.infer = tf.function(
        lambda frames: {OUTPUT_NAME: network(frames, training=False)},
        input_signature=[tf.TensorSpec((None, *shape[1:]), tf.float32, INPUT_NAME)],
    )
    tf.saved_model.save(module, str(path), signatures=module.infer)


def _frozen(network: Any, shape: tuple[int, ...]) -> Any:  # noqa: ANN401  a GraphDef
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import (
        convert_variables_to_constants_v2,
    )
    from tensorflow.python.framework.meta_graph import (
        strip_graph_default_valued_attrs,
    )

    # A batch of one, fixed: every runtime then knows every shape.
    @tf.function(input_signature=[tf.TensorSpec(shape, tf.float32, INPUT_NAME)])  # type: ignore[untyped-decorator]  # tensorflow has no types
    def infer(frames: Any) -> Any:  # noqa: ANN401
        return tf.identity(network(frames, training=False), name=OUTPUT_NAME)

    function = convert_variables_to_constants_v2(infer.get_concrete_function())
    # TensorFlow 1.15 refuses attributes that it does not know, also where they say
    # nothing; without their defaults it reads this graph.
    bundle = tf.compat.v1.MetaGraphDef(graph_def=function.graph.as_graph_def())
    strip_graph_default_valued_attrs(bundle)
    return bundle.graph_def


def optimised_graph(graph: Any) -> Any:  # noqa: ANN401  a GraphDef
    """Take a frozen graph down the ladder; its ends keep their names."""
    ends = Terminals((INPUT_NAME,), (OUTPUT_NAME,))
    for step in graph_steps((), rewrites_pads=False):
        graph = step.rewrite(graph, ends).graph
    return graph


def _write_onnx(graph: Any, path: Path) -> None:  # noqa: ANN401
    import tf2onnx

    model, _ = tf2onnx.convert.from_graph_def(
        graph,
        input_names=[f"{INPUT_NAME}:0"],
        output_names=[f"{OUTPUT_NAME}:0"],
        opset=ONNX_OPSET,
    )
    # Names without TensorFlow's output number, as the manifest gives them.
    for value, name in (
        (model.graph.input[0], INPUT_NAME),
        (model.graph.output[0], OUTPUT_NAME),
    ):
        for node in model.graph.node:
            for names in (node.input, node.output):
                names[:] = [name if old == value.name else old for old in names]
        value.name = name
    path.write_bytes(model.SerializeToString())


def _outputs(
    folder: Path, frames: NDArray[np.float32]
) -> dict[str, NDArray[np.float32]]:
    """Run every file written by a library that reads it."""
    import onnxruntime
    import openvino
    import tensorflow as tf

    saved = tf.saved_model.load(str(folder / FILES["saved-model"]))
    serve = saved.signatures["serving_default"]
    outputs = {"saved-model": serve(tf.constant(frames))[OUTPUT_NAME].numpy()}

    graph = tf.compat.v1.GraphDef()
    graph.ParseFromString((folder / FILES["frozen-graph"]).read_bytes())
    with tf.Graph().as_default() as imported:
        tf.import_graph_def(graph, name="")
        with tf.compat.v1.Session(graph=imported) as session:
            outputs["frozen-graph"] = session.run(
                f"{OUTPUT_NAME}:0", {f"{INPUT_NAME}:0": frames}
            )

    onnx = onnxruntime.InferenceSession(
        str(folder / FILES["onnx"]), providers=["CPUExecutionProvider"]
    )
    outputs["onnx"] = onnx.run([OUTPUT_NAME], {INPUT_NAME: frames})[0]

    core = openvino.Core()
    for form in ("onnx", "frozen-graph"):
        compiled = core.compile_model(
            core.read_model(str(folder / FILES[form])),
            "CPU",
            {"INFERENCE_PRECISION_HINT": "f32"},
        )
        outputs[f"openvino from {form}"] = compiled([frames])[0]
    return outputs


def _manifest(
    settings: NetworkSettings, folder: Path, thresholds: tuple[float, float], notes: str
) -> ModelManifest:
    return ModelManifest(
        name=settings.name,
        input=InputSpec(
            width_px=settings.width_px,
            height_px=settings.height_px,
            frame_count=settings.frame_count,
            name=INPUT_NAME,
        ),
        output=OutputSpec(name=OUTPUT_NAME),
        threshold_low=thresholds[0],
        threshold_high=thresholds[1],
        files=dict(FILES),
        sha256={
            form: sha256_of_file(folder / name)
            for form, name in FILES.items()
            if (folder / name).is_file()
        },
        notes=notes,
    )


def _replace(folder: Path, made: Path) -> None:
    """Put new files in place of the old ones; what else lies there stays."""
    folder.mkdir(parents=True, exist_ok=True)
    for item in made.iterdir():
        place = folder / item.name
        if place.is_dir():
            shutil.rmtree(place)
        shutil.move(str(item), str(place))


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m engines.training.export",
        description="Write trained networks as models of Peregrine.",
    )
    parser.add_argument("--run", type=Path, required=True, help="folder of a training")
    parser.add_argument(
        "--models", type=Path, required=True, help="folder with a folder for each model"
    )
    parser.add_argument(
        "--thresholds",
        type=float,
        nargs=2,
        default=THRESHOLDS,
        metavar=("LOW", "HIGH"),
        help="for the manifests (default: %(default)s)",
    )
    options = parser.parse_args()
    os.environ["KERAS_BACKEND"] = "tensorflow"
    low, high = options.thresholds
    for name, settings in NETWORKS.items():
        path = options.run / f"{name}.npz"
        if not path.exists():
            continue
        folder = options.models / name
        differences = export(
            settings, load_weights(path), folder, (low, high), _notes(settings)
        )
        for form, difference in differences.items():
            print(f"{form:28s} differs from Keras by at most {difference:.2e}")
        shutil.copyfile(options.run / "curves.csv", folder / "curves.csv")
        size = sum(item.stat().st_size for item in folder.rglob("*"))
        print(f"{folder}: {size / 1000:.0f} kB")


def _notes(settings: NetworkSettings) -> str:
    network = build_network(settings)
    return (
        f"{network.count_params()} parameters,"
        f" {2e-9 * multiply_accumulates(network):.3g} GFLOP. Trained on rendered clips"
        " only; docs/networks.md says how, and what it finds."
    )


if __name__ == "__main__":
    main()
