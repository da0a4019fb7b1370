"""QLinearConv: a convolution with its quantization built in."""

from __future__ import annotations

from .builder import GraphBuilder
from .convolving import accumulator_scale, convolution
from .node import Node
from .quantization import activation_format, quantized_constant
from .registry import onnx_op
from .sliding import lift, lower
from .values import Dequantized, Value
from .weighted_sum import integer_bias


@onnx_op("QLinearConv")
def qlinear_conv(node: Node, builder: GraphBuilder) -> Value:
    """Reads a convolution from codes to codes."""
    weights = quantized_constant(node, node.required(3, "weights"), 4, 5, 0)
    output = activation_format(node, 6, 7)
    view = Dequantized(builder.codes_as(node, 0, 1, 2))
    source = lift(node, builder, view).tensor
    scale = accumulator_scale(node, source, weights, 0)
    bias = integer_bias(node, 8, len(weights.codes))
    total = convolution(node, source, weights, bias, scale)
    result = lower(node, builder, total, total.shape, len(view.shape))
    return builder.quantized(result, node, output)
