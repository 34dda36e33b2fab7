"""How alike true boxes and found ones are, from 0 to 1."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tests.benchmarks.tracking.sequences import Truth

FAR_BODIES = 2.0
"""Centres so far apart are not alike at all."""


def nearness(truth: Truth, box: NDArray[np.float64]) -> NDArray[np.float64]:
    """1 where centres are the same, 0 where they are `FAR_BODIES` apart."""
    apart = np.hypot(*(truth.box[:, None, :2] - box[None, :, :2]).transpose(2, 0, 1))
    body = np.sqrt(truth.box[:, 2] * truth.box[:, 3])[:, None]
    return np.maximum(0.0, 1 - apart / (FAR_BODIES * body))


def overlap(truth: Truth, box: NDArray[np.float64]) -> NDArray[np.float64]:
    """Intersection over union of the boxes."""
    first, second = truth.box[:, None], box[None]
    low = np.maximum(
        first[..., :2] - first[..., 2:] / 2, second[..., :2] - second[..., 2:] / 2
    )
    high = np.minimum(
        first[..., :2] + first[..., 2:] / 2, second[..., :2] + second[..., 2:] / 2
    )
    shared = np.prod(np.maximum(high - low, 0), axis=-1)
    whole = np.prod(first[..., 2:], axis=-1) + np.prod(second[..., 2:], axis=-1)
    return shared / (whole - shared)
