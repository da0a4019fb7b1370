"""Gemm between DequantizeLinear and QuantizeLinear."""

from __future__ import annotations

import numpy as np

from .builder import Builder
from .convolving import accumulator_scale
from .multiplying import product
from .node import Node
from .registry import onnx_op
from .values import QuantizedConstant, Refusal, Value
from .weighted_sum import read_bias, read_weights, refuse_unquantized, rounded_bias


@onnx_op("Gemm")
def gemm(node: Node, builder: Builder) -> Value:
    """Reads alpha * input * weights + beta * bias."""
    refuse_unquantized(node)
    if node.attributes.get("transA", 0):
        raise Refusal("transA mixes samples")
    weights = read_weights(node, 1, builder)
    if node.attributes.get("transB", 0):
        weights = transposed(weights)
    source = builder.view(node, 0).tensor
    alpha, beta = node.attributes.get("alpha", 1.0), node.attributes.get("beta", 1.0)
    scale = accumulator_scale(node, source, weights, 1, alpha)
    channels = weights.codes.shape[1]
    if beta == 1.0:
        bias = read_bias(node, 2, scale, channels, builder)
    else:
        real = np.broadcast_to(np.float32(beta) * node.required(2, "bias"), (1, channels)).ravel()
        bias = rounded_bias(node.name, real, scale, builder, "a bias times beta")
    return product(node, builder, source, weights, bias, scale)


def transposed(weights: QuantizedConstant) -> QuantizedConstant:
    """The weights with rows and columns exchanged."""
    if weights.codes.ndim != 2:
        raise Refusal(f"its weights are of shape {list(weights.codes.shape)}, expected a matrix")
    return QuantizedConstant(
        weights.codes.T,
        weights.bits,
        weights.signed,
        weights.scale,
        weights.zero_point,
        1 - weights.axis,
    )
