"""DequantizeLinear: codes seen as the real numbers they stand for."""

from __future__ import annotations

from .builder import GraphBuilder
from .node import Node
from .quantization import quantized_constant
from .registry import onnx_op
from .values import Constant, Dequantized, Hosted, Value


@onnx_op("DequantizeLinear", "com.microsoft.DequantizeLinear")
def dequantize_linear(node: Node, builder: GraphBuilder) -> Value:
    """Reads weights, biases and activations."""
    value = node.input(0)
    if isinstance(value, Constant):
        return quantized_constant(node, value.array, 1, 2, node.attributes.get("axis", 1))
    if isinstance(value, Hosted):
        return builder.host(node, 0)
    return Dequantized(builder.codes_as(node, 0, 1, 2))
