"""Time of the three networks on a GPU, by Keras on JAX.

    KERAS_BACKEND=jax python -m tests.benchmarks.networks_gpu

A batch is computed again and again on frames that lie on the GPU already; the time of
one is the median of rounds that each wait for their last result. The weights are
random: they do not change the time.
"""

from __future__ import annotations

import os
import statistics
import time

import numpy as np

from engines.training.networks import NETWORKS, build_network, multiply_accumulates

_BATCHES = (1, 16)
_ROUNDS = 20
_CALLS = 50


def main() -> None:
    """Print the table."""
    os.environ.setdefault("KERAS_BACKEND", "jax")
    import jax
    import keras

    print(f"{jax.devices()[0].device_kind}, jax {jax.__version__}")
    print(f"{'network':8} {'GFLOP':>6} {'format':>9} {'batch':>5} {'ms a frame':>10}")
    for policy in ("float32", "mixed_bfloat16"):
        keras.config.set_dtype_policy(policy)
        for name, settings in NETWORKS.items():
            network = build_network(settings)
            weights = (network.trainable_variables, network.non_trainable_variables)
            values = [[variable.value for variable in part] for part in weights]
            call = jax.jit(
                lambda frames, network=network, values=values: network.stateless_call(
                    *values, frames, training=False
                )[0]
            )
            gflop = 2e-9 * multiply_accumulates(network)
            for batch in _BATCHES:
                frames = np.random.default_rng(0).random(
                    (batch, settings.height_px, settings.width_px, 3), np.float32
                )
                taken_ms = _median_ms(call, jax.device_put(frames)) / batch
                kind = "fp32" if policy == "float32" else "bf16"
                print(f"{name:8} {gflop:6.2f} {kind:>9} {batch:5} {taken_ms:10.3f}")


def _median_ms(call, frames) -> float:
    call(frames).block_until_ready()
    rounds = []
    for _ in range(_ROUNDS):
        started = time.perf_counter()
        for _ in range(_CALLS):
            last = call(frames)
        last.block_until_ready()
        rounds.append((time.perf_counter() - started) * 1e3 / _CALLS)
    return statistics.median(rounds)


if __name__ == "__main__":
    main()
