"""QLinearConcat: (scale, zero point, then each part with its scale and zero point)."""

from __future__ import annotations

from .builder import GraphBuilder
from .concat import join_real
from .node import Node
from .quantization import activation_format
from .registry import onnx_op
from .values import Dequantized, Value


@onnx_op("com.microsoft.QLinearConcat")
def qlinear_concat(node: Node, builder: GraphBuilder) -> Value:
    """Reads parts of different scales, each through its own table."""
    positions = range(2, len(node.inputs), 3)
    views: list[Value | None] = [
        Dequantized(builder.codes_as(node, n, n + 1, n + 2)) for n in positions
    ]
    joined = join_real(node, builder, positions, views)
    return builder.quantized(joined, node, activation_format(node, 0, 1))
