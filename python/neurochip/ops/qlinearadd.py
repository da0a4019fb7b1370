"""QLinearAdd."""

from __future__ import annotations

from ..layers import Add
from .builder import Builder
from .combining import qlinear
from .node import Node
from .registry import onnx_op
from .values import Value


@onnx_op("com.microsoft.QLinearAdd")
def qlinear_add(node: Node, builder: Builder) -> Value:
    """Reads a sum from codes to codes."""
    return qlinear(node, builder, Add)
