"""Conv between DequantizeLinear and QuantizeLinear."""

from __future__ import annotations

from .builder import GraphBuilder
from .convolving import accumulator_scale, convolution
from .node import Node
from .registry import onnx_op
from .sliding import lift, lower
from .values import Value
from .weighted_sum import note_types, read_bias, read_weights, refuse_unquantized


@onnx_op("Conv")
def conv(node: Node, builder: GraphBuilder) -> Value:
    """Reads a convolution of one or two dimensions, grouped or not."""
    refuse_unquantized(node)
    weights = read_weights(node, 1, builder)
    view = builder.view(node, 0)
    source = lift(node, builder, view).tensor
    note_types(node, builder, source, weights)
    scale = accumulator_scale(node, source, weights, 0)
    bias = read_bias(node, 2, scale, len(weights.codes), builder)
    total = convolution(node, source, weights, bias, scale)
    return lower(node, builder, total, total.shape, len(view.shape))
