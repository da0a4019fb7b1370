"""Identity and Dropout, which does nothing at inference."""

from __future__ import annotations

from .builder import GraphBuilder
from .node import Node
from .registry import onnx_op
from .values import Refusal, Value


@onnx_op("Identity", "Dropout")
def identity(node: Node, builder: GraphBuilder) -> Value:
    """Passes its input on."""
    value = node.input(0)
    if value is None:
        raise Refusal("an input is missing")
    return value
