"""What the training minimises: errors on rare, small foreground; a teacher's doubts."""

from __future__ import annotations

from typing import Any

from keras import ops

Tensor = Any
"""Of whichever library Keras runs on."""

FOREGROUND_WEIGHT = 3.0
"""Weight of foreground pixels. Larger finds more, and draws blobs too large."""
HARD_BACKGROUND = 4.0
"""What a background pixel that is taken for foreground weighs more than an easy one."""
MISSED_SHARE = 0.55
"""Of the overlap's errors, what the missed ones count; the rest is for made up ones."""
LESSON = 0.5
"""Weight of what a larger network says beside what is true."""


def pixel_weights(weight: Tensor, ignored: Tensor, logit: Tensor) -> Tensor:
    """How much each pixel counts.

    Parameters
    ----------
    weight, ignored : tensor of float32, shape (N, H, W, 1)
        As `render.ClipRenderer` gives them.
    logit : tensor of float32, shape (N, H, W, 1)
        The network before its sigmoid: background that it gets wrong counts more,
        and what counts more there is not learned from.
    """
    wrong = ops.square(ops.stop_gradient(ops.sigmoid(logit)))
    is_foreground = ops.cast(weight > 0.0, "float32")
    background = (1.0 - is_foreground) * (1.0 + HARD_BACKGROUND * wrong)
    return (1.0 - ignored) * (FOREGROUND_WEIGHT * weight + background)


def detection_loss(weight: Tensor, ignored: Tensor, logit: Tensor) -> Tensor:
    """Weighted cross entropy plus the overlap that is missing.

    Cross entropy alone is content with calling everything background; the overlap
    (Tversky, over the whole batch) is not, however rare the foreground.

    Parameters
    ----------
    weight, ignored, logit : tensor
        As of `pixel_weights`.
    """
    counts = pixel_weights(weight, ignored, logit)
    is_foreground = ops.cast(weight > 0.0, "float32")
    entropy = _entropy(is_foreground, logit)
    probability = ops.sigmoid(logit)
    shared = ops.sum(counts * probability * is_foreground)
    missed = ops.sum(counts * (1.0 - probability) * is_foreground)
    made_up = ops.sum(counts * probability * (1.0 - is_foreground))
    errors = MISSED_SHARE * missed + (1.0 - MISSED_SHARE) * made_up
    missing_overlap = 1.0 - (shared + 1.0) / (shared + errors + 1.0)
    return 10.0 * ops.mean(counts * entropy) + missing_overlap


def lesson_loss(
    weight: Tensor, ignored: Tensor, logit: Tensor, teacher: Tensor
) -> Tensor:
    """How far a network is from what a larger one says, which learns nothing by it.

    Parameters
    ----------
    weight, ignored, logit : tensor
        As of `pixel_weights`.
    teacher : tensor
        The larger network's logit.
    """
    said = ops.stop_gradient(ops.sigmoid(teacher))
    counts = pixel_weights(weight, ignored, logit)
    # Less what remains when the two agree, so that agreement costs nothing.
    surplus = _entropy(said, logit) - _entropy(said, ops.stop_gradient(teacher))
    return 10.0 * LESSON * ops.mean(counts * surplus)


def _entropy(wanted: Tensor, logit: Tensor) -> Tensor:
    # The form that does not overflow.
    return ops.softplus(logit) - logit * wanted
