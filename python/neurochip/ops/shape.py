"""Shape, a constant because shapes are known at import."""

from __future__ import annotations

import numpy as np

from .builder import GraphBuilder, unquantized
from .node import Node
from .registry import onnx_op
from .values import Constant, QuantizedConstant, Refusal, Unknown, Value


@onnx_op("Shape")
def shape(node: Node, builder: GraphBuilder) -> Value:
    """Reads the input's shape, with as many samples as the model declares."""
    value = node.input(0)
    if value is None or isinstance(value, Unknown):
        raise Refusal(unquantized(node, 0))
    if isinstance(value, Constant):
        lengths = value.array.shape
    elif isinstance(value, QuantizedConstant):
        lengths = value.codes.shape
    else:
        lengths = (builder.batch, *value.shape)
    start, end = node.attributes.get("start", 0), node.attributes.get("end", len(lengths))
    return Constant(np.array(lengths[start:end], np.int64))
