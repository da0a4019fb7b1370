"""Gemm between DequantizeLinear and QuantizeLinear."""

from __future__ import annotations

import numpy as np

from .builder import GraphBuilder
from .convolving import accumulator_scale
from .multiplying import product
from .node import Node
from .registry import onnx_op
from .values import Constant, QuantizedConstant, Refusal, Value
from .weighted_sum import note_types, read_bias, read_weights, refuse_unquantized, rounded_bias


@onnx_op("Gemm")
def gemm(node: Node, builder: GraphBuilder) -> Value:
    """Reads alpha * input * weights + beta * bias."""
    refuse_unquantized(node)
    if node.attributes.get("transA", 0):
        raise Refusal("transA mixes samples")
    weights = read_weights(node, 1, builder)
    if node.attributes.get("transB", 0):
        weights = transposed(weights)
    source = builder.view(node, 0).tensor
    note_types(node, builder, source, weights)
    alpha, beta = node.attributes.get("alpha", 1.0), node.attributes.get("beta", 1.0)
    scale = accumulator_scale(node, source, weights, 1, alpha)
    channels = weights.codes.shape[1]
    _note_shape(node, builder)
    if beta == 1.0:
        bias = read_bias(node, 2, scale, channels, builder)
    else:
        real = np.broadcast_to(np.float32(beta) * node.required(2, "bias"), (1, channels)).ravel()
        bias = rounded_bias(node.name, real, scale, builder, "a bias times beta")
    return product(node, builder, source, weights, bias, scale)


def _note_shape(node: Node, builder: GraphBuilder) -> None:
    """Says so if onnxruntime leaves the product in float32 because of its bias."""
    bias = node.input(2)
    if isinstance(bias, Constant) and bias.array.ndim != 1:
        builder.note(
            f"{node.name!r} has a float bias of shape {list(bias.array.shape)}: in integers here, "
            "in float32 by onnxruntime"
        )


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
