"""Networks of known structure for the tests of the conversion.

A small U-Net in the spirit of those that segment fast-moving objects: odd sizes, so
that the decoder pads before it joins a skip; batch norms, dropout and transposed
convolutions. Built the way a user would, through Keras, on TensorFlow 1.15 and 2.x.
"""

from typing import Any, Callable, Dict, NamedTuple, Sequence, Tuple

import numpy as np
import pytest

# A module of tests that imports this one is skipped where there is no TensorFlow.
tf = pytest.importorskip(
    "tensorflow", reason="TensorFlow is not installed for this Python"
)


class ExportedGraph(NamedTuple):
    """A frozen graph with the names of its ends."""

    graph: Any
    input_name: str
    output_name: str


def keras_of_version_2() -> Any:
    """Keras 2: TensorFlow's own before 2.16, the package `tf_keras` after."""
    if tf.__version__.startswith("1."):
        return tf.keras
    import tf_keras

    return tf_keras


def unet(
    keras: Any,
    height_px: int,
    width_px: int,
    channels: int = 3,
    widths: Tuple[int, ...] = (8, 16, 32, 64),
    convolutions: int = 2,
) -> Any:
    """Build the network; its weights are random."""
    layers = keras.layers

    def block(x: Any, width: int, name: str, drop: float = 0.0) -> Any:
        x = layers.Conv2D(
            width, 3, padding="same", use_bias=False, name=name + "_conv"
        )(x)
        x = layers.BatchNormalization(name=name + "_norm")(x)
        x = layers.ReLU(name=name + "_relu")(x)
        return layers.Dropout(drop, name=name + "_drop")(x) if drop else x

    image = layers.Input((height_px, width_px, channels), name="image")
    x, skips = image, []
    for level, width in enumerate(widths):
        for index in range(convolutions):
            drop = 0.1 if level > 0 and index == 0 else 0.0
            x = block(x, width, f"down{level}_{index}", drop)
        if level < len(widths) - 1:
            skips.append(x)
            x = layers.MaxPool2D(2, name=f"pool{level}")(x)
    for level in reversed(range(len(widths) - 1)):
        name, width, skip = f"up{level}", widths[level], skips[level]
        x = layers.Conv2DTranspose(
            width, 2, strides=2, use_bias=False, name=name + "_grow"
        )(x)
        x = layers.BatchNormalization(name=name + "_norm")(x)
        x = layers.ReLU(name=name + "_relu")(x)
        missing = [int(skip.shape[axis]) - int(x.shape[axis]) for axis in (1, 2)]
        if any(missing):
            amounts = tuple((gap // 2, gap - gap // 2) for gap in missing)
            x = layers.ZeroPadding2D(amounts, name=name + "_pad")(x)
        x = layers.Concatenate(name=name + "_join")([x, skip])
        for index in range(convolutions):
            drop = 0.1 if index == 0 else 0.0
            x = block(x, width, f"{name}_{index}", drop)
    x = layers.Conv2D(1, 1, name="logit")(x)
    mask = layers.Activation("sigmoid", name="mask")(x)
    return keras.Model(image, mask, name="unet")


def use_random_statistics(keras: Any, model: Any, seed: int = 0) -> None:
    """Give batch norms averages and scales that a wrong folding would show."""
    random = np.random.RandomState(seed)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            size = int(layer.gamma.shape[0])
            layer.set_weights(
                [
                    random.uniform(0.6, 1.4, size),
                    random.normal(0.0, 0.2, size),
                    random.normal(0.0, 0.1, size),
                    random.uniform(0.5, 1.5, size),
                ]
            )


def exported_unet(
    height_px: int = 254,
    width_px: int = 318,
    is_learning_phase_open: bool = False,
    with_control_flow_v2: bool = False,
    **structure: Any,
) -> ExportedGraph:
    """Build the network in a graph of its own and freeze it as it is.

    With the learning phase open the graph holds both the training and the
    inference branch of every batch norm and dropout, and a placeholder that chooses:
    what TensorFlow 1 exports from a training script.
    """
    v1 = tf.compat.v1
    keras = keras_of_version_2()
    if not tf.__version__.startswith("1."):
        switch = v1.enable_control_flow_v2 if with_control_flow_v2 else None
        (switch or v1.disable_control_flow_v2)()
    graph = tf.Graph()
    try:
        with graph.as_default(), v1.Session(graph=graph) as session:
            backend = keras.backend
            if not hasattr(backend, "set_session"):
                from tf_keras.src import backend  # type: ignore[no-redef]
            backend.set_session(session)
            if not is_learning_phase_open:
                backend.set_learning_phase(0)
            model = unet(keras, height_px, width_px, **structure)
            session.run(v1.global_variables_initializer())
            use_random_statistics(keras, model)
            output = model.outputs[0].op.name
            frozen = v1.graph_util.convert_variables_to_constants(
                session, graph.as_graph_def(), [output]
            )
            return ExportedGraph(frozen, model.inputs[0].op.name, output)
    finally:
        keras.backend.clear_session()
        if not tf.__version__.startswith("1."):
            v1.enable_control_flow_v2()


def graph_of(build: Callable[[Any], Any], shape: Sequence[int]) -> ExportedGraph:
    """Build a graph with constants from a function of its input tensor."""
    v1 = tf.compat.v1
    graph = tf.Graph()
    with graph.as_default():
        image = v1.placeholder(tf.float32, shape, name="image")
        tf.identity(build(image), name="result")
    return ExportedGraph(graph.as_graph_def(), "image", "result")


def random_array(*shape: int, **options: int) -> Any:
    """Draw float32 values that are the same on every run."""
    random = np.random.RandomState(options.get("seed", 0))
    return random.standard_normal(shape).astype(np.float32)


def run_graph(graph: Any, feed: Dict[str, Any], output: str) -> Any:
    """Run a graph once, with TensorFlow's own optimisations off."""
    from engines.convert.constants import session_config

    imported = tf.Graph()
    with imported.as_default():
        tf.import_graph_def(graph, name="")
    with tf.compat.v1.Session(graph=imported, config=session_config()) as session:
        tensors = {name + ":0": value for name, value in feed.items()}
        return session.run(output + ":0", tensors)
