"""Reshape."""

from __future__ import annotations

import numpy as np

from .builder import GraphBuilder
from .movement import SAMPLES, move, positions, rearrange
from .node import Node
from .registry import onnx_op
from .values import Constant, QuantizedConstant, Unknown, Value


@onnx_op("Reshape")
def reshape(node: Node, builder: GraphBuilder) -> Value:
    """Reads a constant shape whose first entry stands for the samples."""
    value = node.input(0)
    if value is None or isinstance(value, (Constant, QuantizedConstant, Unknown)):
        return move(node, builder)
    shape = node.required(1, "shape").astype(np.int64)
    copied = shape[:1] == 0 and not node.attributes.get("allowzero", 0)
    if shape.size and (shape[0] == builder.batch or copied or (shape[1:] > 0).all()):
        shape[0] = SAMPLES
    return rearrange(node, builder, value, positions(node, value.shape, shape))
