"""Matrix products, whichever dialect they are written in."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..formats import Tensor
from .builder import GraphBuilder
from .movement import rearrange
from .node import Node
from .sliding import NO_PADS, Sliding
from .values import Dequantized, QuantizedConstant, Refusal, Value
from .weighted_sum import ScaledAccumulator


def product(
    node: Node,
    builder: GraphBuilder,
    source: Tensor,
    weights: QuantizedConstant,
    bias: NDArray[np.int64],
    scale: NDArray[np.float32],
) -> Value:
    """The product of each row of codes with weights (features in, features out)."""
    if weights.codes.ndim != 2:
        raise Refusal(f"its weights are of shape {list(weights.codes.shape)}, expected a matrix")
    filters = weights.centred.T
    features = source.shape[-1]
    if filters.shape[1] != features:
        raise Refusal(f"its weights expect {filters.shape[1]} features; its input has {features}")
    if len(source.shape) > 1:
        return _row_by_row(node, builder, source, filters, bias, scale)
    return ScaledAccumulator(
        name=node.name,
        source=source,
        shape=(len(filters),),
        windows=None,
        groups=1,
        output_name=node.output_name,
        weights=filters,
        bias=bias,
        scale=scale,
    )


def _row_by_row(
    node: Node,
    builder: GraphBuilder,
    source: Tensor,
    filters: NDArray[np.signedinteger[Any]],
    bias: NDArray[np.int64],
    scale: NDArray[np.float32],
) -> Value:
    """The same product for every row: a 1 x 1 convolution with the features as channels."""
    *rows, features = source.shape
    count = int(np.prod(rows))
    order = np.arange(count * features, dtype=np.int32).reshape(count, features)
    as_map = rearrange(node, builder, Dequantized(source), order.T.reshape(features, count, 1))
    if not isinstance(as_map, Dequantized):
        raise AssertionError("a moved view is a view")
    total = ScaledAccumulator(
        name=node.name,
        source=as_map.tensor,
        shape=(len(filters), count, 1),
        windows=Sliding((1, 1), (1, 1), NO_PADS, NO_PADS, (1, 1), (count, 1)),
        groups=1,
        output_name=node.output_name,
        weights=filters[:, :, None, None],
        bias=bias,
        scale=scale,
    )
    order = np.arange(count * len(filters), dtype=np.int32).reshape(len(filters), count)
    return rearrange(node, builder, total, order.T.reshape(*rows, len(filters)))
