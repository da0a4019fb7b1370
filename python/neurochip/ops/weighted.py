"""Convolutions and matrix products: Conv, Gemm, MatMul and their QLinear forms."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..formats import Tensor
from .movement import rearrange
from .node import GraphBuilder, Node, activation_format, quantized_constant
from .registry import onnx_op
from .sliding import NO_PADS, Sliding, lift, lower, map_of, slide
from .values import Constant, Dequantized, QuantizedConstant, Refusal, Value
from .weighted_sum import (
    ScaledAccumulator,
    integer_bias,
    note_types,
    per_output,
    read_bias,
    read_weights,
    refuse_unquantized,
    rounded_bias,
)


def convolution(
    node: Node,
    source: Tensor,
    weights: QuantizedConstant,
    bias: NDArray[np.int64],
    scale: NDArray[np.float32],
) -> ScaledAccumulator:
    """The sum a convolution computes from codes of shape (channels, height, width)."""
    channels, height, width = map_of(node, source.shape)
    rank = weights.codes.ndim
    groups = int(node.attributes.get("group", 1))
    if rank == 3:
        filters = weights.centred[:, :, None, :]
    elif rank == 4:
        filters = weights.centred
    else:
        raise Refusal(f"its weights have {rank} axes; 3 (one dimension) and 4 (two) are supported")
    if groups < 1 or filters.shape[1] * groups != channels or len(filters) % groups:
        raise Refusal(
            f"its weights are of shape {list(weights.codes.shape)} with {groups} groups; "
            f"its input has {channels} channels"
        )
    windows = slide(node, (height, width), weights.codes.shape[2:])

    return ScaledAccumulator(
        name=node.name,
        source=source,
        shape=(len(filters), *windows.size),
        windows=windows,
        groups=groups,
        output_name=node.output_name,
        weights=filters,
        bias=bias,
        scale=scale,
    )


def accumulator_scale(
    node: Node, source: Tensor, weights: QuantizedConstant, axis: int, alpha: float = 1.0
) -> NDArray[np.float32]:
    """The product alpha * input scale * weight scale, in float32 and in this order.

    Raises:
        Refusal: If float32 does not hold it.
    """
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        left = np.float32(np.float32(alpha) * source.format.scale)
        scale = np.asarray(left * per_output(node, weights, axis), np.float32)
    if not np.isfinite(scale).all() or not scale.all():
        raise Refusal("the scales of its input and its weights make 0 or infinity in float32")
    return scale


@onnx_op("Conv")
def conv(node: Node, builder: GraphBuilder) -> Value:
    """Reads a convolution of one or two dimensions, grouped or not."""
    refuse_unquantized(node)
    weights = read_weights(node, 1, builder)
    view = builder.view(node, 0)
    source = lift(node, builder, view).tensor
    note_types(node, builder, source, weights)
    scale = accumulator_scale(node, source, weights, 0)
    bias = read_bias(node, 2, scale, len(weights.codes), builder)
    total = convolution(node, source, weights, bias, scale)
    return lower(node, builder, total, total.shape, len(view.shape))


@onnx_op("QLinearConv")
def qlinear_conv(node: Node, builder: GraphBuilder) -> Value:
    """Reads a convolution from codes to codes."""
    weights = quantized_constant(node, node.required(3, "weights"), 4, 5, 0)
    output = activation_format(node, 6, 7)
    view = Dequantized(builder.codes_as(node, 0, 1, 2))
    source = lift(node, builder, view).tensor
    scale = accumulator_scale(node, source, weights, 0)
    bias = integer_bias(node, 8, len(weights.codes))
    total = convolution(node, source, weights, bias, scale)
    result = lower(node, builder, total, total.shape, len(view.shape))
    return builder.quantized(result, node, output)


def product(
    node: Node,
    builder: GraphBuilder,
    source: Tensor,
    weights: QuantizedConstant,
    bias: NDArray[np.int64],
    scale: NDArray[np.float32],
) -> Value:
    """The product of each row of codes with weights (features in, features out)."""
    if weights.codes.ndim != 2:
        raise Refusal(f"its weights are of shape {list(weights.codes.shape)}, expected a matrix")
    filters = weights.centred.T
    features = source.shape[-1]
    if filters.shape[1] != features:
        raise Refusal(f"its weights expect {filters.shape[1]} features; its input has {features}")
    if len(source.shape) > 1:
        return _row_by_row(node, builder, source, filters, bias, scale)
    return ScaledAccumulator(
        name=node.name,
        source=source,
        shape=(len(filters),),
        windows=None,
        groups=1,
        output_name=node.output_name,
        weights=filters,
        bias=bias,
        scale=scale,
    )


def _row_by_row(
    node: Node,
    builder: GraphBuilder,
    source: Tensor,
    filters: NDArray[np.signedinteger[Any]],
    bias: NDArray[np.int64],
    scale: NDArray[np.float32],
) -> Value:
    """The same product for every row: a 1 x 1 convolution with the features as channels."""
    *rows, features = source.shape
    count = int(np.prod(rows))
    order = np.arange(count * features, dtype=np.int32).reshape(count, features)
    as_map = rearrange(node, builder, Dequantized(source), order.T.reshape(features, count, 1))
    if not isinstance(as_map, Dequantized):
        raise AssertionError("a moved view is a view")
    total = ScaledAccumulator(
        name=node.name,
        source=as_map.tensor,
        shape=(len(filters), count, 1),
        windows=Sliding((1, 1), (1, 1), NO_PADS, NO_PADS, (1, 1), (count, 1)),
        groups=1,
        output_name=node.output_name,
        weights=filters[:, :, None, None],
        bias=bias,
        scale=scale,
    )
    order = np.arange(count * len(filters), dtype=np.int32).reshape(len(filters), count)
    return rearrange(node, builder, total, order.T.reshape(*rows, len(filters)))


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


@onnx_op("QLinearMatMul")
def qlinear_matmul(node: Node, builder: GraphBuilder) -> Value:
    """Reads a product from codes to codes."""
    weights = quantized_constant(node, node.required(3, "weights"), 4, 5, 1)
    output = activation_format(node, 6, 7)
    source = builder.codes_as(node, 0, 1, 2)
    scale = accumulator_scale(node, source, weights, 1)
    bias = np.zeros(weights.codes.shape[-1], np.int64)
    return builder.quantized(product(node, builder, source, weights, bias, scale), node, output)
