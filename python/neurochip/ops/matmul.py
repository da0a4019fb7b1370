"""MatMul between DequantizeLinear and QuantizeLinear."""

from __future__ import annotations

import numpy as np

from .builder import GraphBuilder
from .convolving import accumulator_scale
from .multiplying import product
from .node import Node
from .registry import onnx_op
from .values import Value
from .weighted_sum import note_types, read_weights, refuse_unquantized


@onnx_op("MatMul")
def matmul(node: Node, builder: GraphBuilder) -> Value:
    """Reads input * weights; an Add that follows becomes the bias."""
    refuse_unquantized(node)
    weights = read_weights(node, 1, builder)
    source = builder.view(node, 0).tensor
    note_types(node, builder, source, weights)
    scale = accumulator_scale(node, source, weights, weights.codes.ndim - 1)
    bias = np.zeros(weights.codes.shape[-1], np.int64)
    return product(node, builder, source, weights, bias, scale)
