"""Squeeze."""

from __future__ import annotations

import numpy as np

from .builder import GraphBuilder
from .movement import move, rearrange
from .node import Node
from .registry import onnx_op
from .values import Constant, QuantizedConstant, Unknown, Value


@onnx_op("Squeeze")
def squeeze(node: Node, builder: GraphBuilder) -> Value:
    """Reads the axes to drop; without any, all of length 1 but that of the samples."""
    value = node.input(0)
    given = "axes" in node.attributes or node.input(1) is not None
    if given or value is None or isinstance(value, (Constant, QuantizedConstant, Unknown)):
        return move(node, builder)
    shape = tuple(length for length in value.shape if length != 1)
    index = np.arange(int(np.prod(shape)), dtype=np.int32).reshape(shape)
    return rearrange(node, builder, value, index)
