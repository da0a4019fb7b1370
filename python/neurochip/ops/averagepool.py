"""AveragePool between DequantizeLinear and QuantizeLinear."""

from __future__ import annotations

from .averaging import average, counted_pads
from .builder import GraphBuilder
from .node import Node
from .registry import onnx_op
from .sliding import lift, lower, slide
from .values import Value


@onnx_op("AveragePool")
def average_pool(node: Node, builder: GraphBuilder) -> Value:
    """Reads the mean over windows of one or two dimensions."""
    given = builder.view(node, 0)
    view = lift(node, builder, given)
    spatial = (view.shape[1], view.shape[2])
    windows = slide(node, spatial, node.attributes["kernel_shape"])
    mean = average(node, view, windows, counted_pads(node, windows))
    return lower(node, builder, mean, mean.shape, len(given.shape))
