"""How fast this processor multiplies matrices: what engines' speed is a share of.

    python -m engines.bench.peak THREADS

prints GFLOP/s of numpy's single-precision product. OpenBLAS takes its number of
threads from the environment when it is loaded, so each number has a process.
"""

import os
import subprocess
import sys
import time
from typing import Any, Callable, NamedTuple

import numpy as np

_SIDE = 1024
_PRODUCTS = 30
_TIMEOUT_S = 120.0
_THREAD_VARIABLES = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")


class Peak(NamedTuple):
    """The fastest product of matrices on so many threads."""

    threads: int
    gflops: float
    """1e9 operations a second, one to multiply and one to add for each product."""
    how: str


def best_gflops(product: Callable[[], Any]) -> float:
    """Fastest of several products of two square matrices of side 1024."""
    product()
    best_s = float("inf")
    for _ in range(_PRODUCTS):
        start_s = time.perf_counter()
        product()
        best_s = min(best_s, time.perf_counter() - start_s)
    return 2.0 * _SIDE**3 / best_s / 1e9


def numpy_peak(threads: int) -> Peak:
    """Measure numpy's product in a process of its own; 0 where that failed."""
    environment = dict(os.environ)
    environment.update({name: str(threads) for name in _THREAD_VARIABLES})
    command = [sys.executable, "-m", "engines.bench.peak", str(threads)]
    how = "fp32 matrix product of numpy"
    try:
        output = subprocess.check_output(command, env=environment, timeout=_TIMEOUT_S)
    except (subprocess.SubprocessError, OSError):
        return Peak(threads, 0.0, how)
    return Peak(threads, float(output), how)


def tensorflow_peak(threads: int) -> Peak:
    """Measure the product of TensorFlow, which may know newer instructions."""
    import tensorflow as tf

    v1 = tf.compat.v1
    graph = tf.Graph()
    with graph.as_default():
        matrix = tf.constant(np.ones((_SIDE, _SIDE), np.float32))
        matrix = v1.placeholder_with_default(matrix, (_SIDE, _SIDE))
        # Only the operation is run: fetching the product would time its copying.
        result = tf.matmul(matrix, matrix).op
    config = v1.ConfigProto(
        device_count={"GPU": 0},
        intra_op_parallelism_threads=threads,
        inter_op_parallelism_threads=1,
        use_per_session_threads=True,
    )
    with v1.Session(graph=graph, config=config) as session:
        run = session.make_callable(result)
        return Peak(threads, best_gflops(run), "fp32 matrix product of TensorFlow")


def peak(threads: int, has_tensorflow: bool) -> Peak:
    """Measure the peak on so many threads: the faster of the libraries that are here.

    Taking the slower one would make every share look better than it is.
    """
    found = numpy_peak(threads)
    if has_tensorflow:
        found = max(found, tensorflow_peak(threads), key=lambda one: one.gflops)
    return found


if __name__ == "__main__":
    _matrix = np.ones((_SIDE, _SIDE), np.float32)
    sys.stdout.write(f"{best_gflops(lambda: _matrix @ _matrix):.2f}\n")
