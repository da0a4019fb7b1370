"""QGemm: onnxruntime's Gemm with its quantization built in."""

from __future__ import annotations

from .builder import GraphBuilder
from .convolving import accumulator_scale
from .gemm import transposed
from .multiplying import product
from .node import Node
from .quantization import activation_format, quantized_constant
from .registry import onnx_op
from .values import Refusal, Value
from .weighted_sum import integer_bias


@onnx_op("com.microsoft.QGemm")
def qgemm(node: Node, builder: GraphBuilder) -> Value:
    """Reads alpha * input * weights + bias; without an output scale the result is real."""
    if node.attributes.get("transA", 0):
        raise Refusal("transA mixes samples")
    transpose = bool(node.attributes.get("transB", 0))
    weights = quantized_constant(node, node.required(3, "weights"), 4, 5, 0 if transpose else 1)
    if transpose:
        weights = transposed(weights)
    source = builder.codes_as(node, 0, 1, 2)
    scale = accumulator_scale(node, source, weights, 1, node.attributes.get("alpha", 1.0))
    bias = integer_bias(node, 6, weights.codes.shape[1])
    total = product(node, builder, source, weights, bias, scale)
    if node.input(7) is None:
        return total
    return builder.quantized(total, node, activation_format(node, 7, 8))
