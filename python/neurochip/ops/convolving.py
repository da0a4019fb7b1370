"""Convolutions, whichever dialect they are written in."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..formats import Tensor
from .node import Node
from .sliding import map_of, slide
from .values import QuantizedConstant, Refusal
from .weighted_sum import ScaledAccumulator, per_output


def convolution(
    node: Node,
    source: Tensor,
    weights: QuantizedConstant,
    bias: NDArray[np.int64],
    scale: NDArray[np.float32],
) -> ScaledAccumulator:
    """The sum a convolution computes from codes of shape (channels, height, width)."""
    channels, height, width = map_of(node, source.shape)
    rank = weights.codes.ndim
    groups = int(node.attributes.get("group", 1))
    if rank == 3:
        filters = weights.centred[:, :, None, :]
    elif rank == 4:
        filters = weights.centred
    else:
        raise Refusal(f"its weights have {rank} axes; 3 (one dimension) and 4 (two) are supported")
    if groups < 1 or filters.shape[1] * groups != channels or len(filters) % groups:
        raise Refusal(
            f"its weights are of shape {list(weights.codes.shape)} with {groups} groups; "
            f"its input has {channels} channels"
        )
    windows = slide(node, (height, width), weights.codes.shape[2:])

    return ScaledAccumulator(
        name=node.name,
        source=source,
        shape=(len(filters), *windows.size),
        windows=windows,
        groups=groups,
        output_name=node.output_name,
        weights=filters,
        bias=bias,
        scale=scale,
    )


def accumulator_scale(
    node: Node, source: Tensor, weights: QuantizedConstant, axis: int, alpha: float = 1.0
) -> NDArray[np.float32]:
    """The product alpha * input scale * weight scale, in float32 and in this order.

    Raises:
        Refusal: If float32 does not hold it.
    """
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        left = np.float32(np.float32(alpha) * source.format.scale)
        scale = np.asarray(left * per_output(node, weights, axis), np.float32)
    if not np.isfinite(scale).all() or not scale.all():
        raise Refusal("the scales of its input and its weights make 0 or infinity in float32")
    return scale
