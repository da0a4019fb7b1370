"""QLinearMatMul: a matrix product with its quantization built in."""

from __future__ import annotations

import numpy as np

from .builder import GraphBuilder
from .convolving import accumulator_scale
from .multiplying import product
from .node import Node
from .quantization import activation_format, quantized_constant
from .registry import onnx_op
from .values import Value


@onnx_op("QLinearMatMul")
def qlinear_matmul(node: Node, builder: GraphBuilder) -> Value:
    """Reads a product from codes to codes."""
    weights = quantized_constant(node, node.required(3, "weights"), 4, 5, 1)
    output = activation_format(node, 6, 7)
    source = builder.codes_as(node, 0, 1, 2)
    scale = accumulator_scale(node, source, weights, 1)
    bias = np.zeros(weights.codes.shape[-1], np.int64)
    return builder.quantized(product(node, builder, source, weights, bias, scale), node, output)
