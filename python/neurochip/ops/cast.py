"""Cast, on the host."""

from __future__ import annotations

from .builder import GraphBuilder
from .node import Node
from .registry import onnx_op
from .values import Value


@onnx_op("Cast")
def cast(node: Node, builder: GraphBuilder) -> Value:
    """Reads a change of type before the first QuantizeLinear or after the last layer."""
    return builder.host(node, 0)
