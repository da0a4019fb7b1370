"""QLinearAdd."""

from __future__ import annotations

from ..layers import Add
from .builder import GraphBuilder
from .combining import qlinear
from .node import Node
from .registry import onnx_op
from .values import Value


@onnx_op("com.microsoft.QLinearAdd")
def qlinear_add(node: Node, builder: GraphBuilder) -> Value:
    """Reads a sum from codes to codes."""
    return qlinear(node, builder, Add)
