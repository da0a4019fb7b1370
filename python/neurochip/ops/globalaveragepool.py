"""GlobalAveragePool between DequantizeLinear and QuantizeLinear."""

from __future__ import annotations

from .averaging import average, whole_map
from .builder import GraphBuilder
from .node import Node
from .registry import onnx_op
from .sliding import NO_PADS, lift, lower
from .values import Value


@onnx_op("GlobalAveragePool")
def global_average_pool(node: Node, builder: GraphBuilder) -> Value:
    """Reads the mean of each channel."""
    given = builder.view(node, 0)
    view = lift(node, builder, given)
    mean = average(node, view, whole_map(view), NO_PADS)
    return lower(node, builder, mean, mean.shape, len(given.shape))
