"""Operators that only move values: reshape, transpose, slice, pad and their like.

What such a node does is found by running ONNX's own reference implementation on positions.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from ..formats import Tensor
from ..layers import Rearrange
from ..layers.rearrange import pick
from .builder import GraphBuilder, unquantized
from .expressions import Emit, Picked
from .node import Node
from .values import (
    Codes,
    Constant,
    Dequantized,
    Feed,
    Hosted,
    HostOp,
    LayerBuilder,
    QuantizedConstant,
    Refusal,
    Shape,
    Unknown,
    Value,
)

Index = NDArray[np.int32]
SAMPLES = 2
"""How many samples show whether a node treats them alike."""


def move(node: Node, builder: GraphBuilder) -> Value:
    """Translates a node that moves the values of its first input."""
    value = node.inputs[0]
    if isinstance(value, QuantizedConstant):
        return _moved_constant(node, value)
    if value is None or isinstance(value, (Constant, Unknown)):
        raise Refusal(unquantized(node, 0))
    others = [node.constant(n, "input") for n in range(1, len(node.inputs))]
    return rearrange(node, builder, value, positions(node, value.shape, *others))


def positions(node: Node, shape: Shape, *others: NDArray[np.generic] | None) -> Index:
    """From which flat position of the input each value of the output comes.

    Raises:
        Refusal: If the node does not treat every sample alike.
    """
    (moved, *_) = node.evaluate([numbered_samples(shape), *others])
    return within_sample(moved, shape)


def numbered_samples(shape: Shape) -> NDArray[np.int64]:
    """Samples of this shape whose values are their own flat positions, counted through."""
    count = SAMPLES * int(np.prod(shape))
    return np.arange(count, dtype=np.int64).reshape(SAMPLES, *shape)


def within_sample(moved: NDArray[np.generic], shape: Shape) -> Index:
    """The index within a sample, from what a node makes of `numbered_samples`.

    Raises:
        Refusal: If the samples are not moved alike.
    """
    size = int(np.prod(shape))
    if moved.ndim >= 2 and len(moved) == SAMPLES and np.array_equal(moved[0] + size, moved[1]):
        return np.asarray(moved[0], np.int32)
    raise Refusal(f"it mixes samples: {SAMPLES} of shape {list(shape)} become {list(moved.shape)}")


def rearrange(node: Node, builder: GraphBuilder, value: Value, index: Index) -> Value:
    """Moves a value of any kind as the index says; -1 stands for zero."""

    def emit(builder: LayerBuilder, tensor: Tensor, name: str) -> Tensor:
        return _emit(node, builder, tensor, index, name)

    host_op = HostOp(node.name, node.op_type, partial(pick, index=index, fill=0))
    moved = commute(node, builder, value, tuple(index.shape), emit, host_op)
    return replace(moved, index=index) if isinstance(moved, Picked) else moved


def commute(
    node: Node, builder: GraphBuilder, value: Value, shape: Shape, emit: Emit, host_op: HostOp
) -> Value:
    """Does what `emit` does to codes to a value of any kind."""
    if isinstance(value, Feed):
        return Feed(shape, value.dtype, (*value.ops, host_op))
    if isinstance(value, Hosted):
        return Hosted(shape, value.dtype, value.tensor, (*value.ops, host_op))
    if isinstance(value, Dequantized):
        return Dequantized(emit(builder, value.tensor, node.output_name))
    if isinstance(value, Codes):
        tensor = emit(builder, builder.tensor(value), node.output_name)
        return builder.quantized(Dequantized(tensor), node, tensor.format)
    if isinstance(value, (Constant, QuantizedConstant, Unknown)):
        raise Refusal(unquantized(node, 0))
    return Picked(value, shape, node.input_name(0), emit, host_op)


def _emit(node: Node, builder: LayerBuilder, tensor: Tensor, index: Index, name: str) -> Tensor:
    low, high = tensor.low, tensor.high
    if (index < 0).any():
        zero_point = tensor.format.zero_point
        low, high = min(low, zero_point), max(high, zero_point)
    output = Tensor(name, tuple(index.shape), tensor.format, low, high)
    return builder.emit(Rearrange(node.name, (tensor,), output, index))


def _moved_constant(node: Node, value: QuantizedConstant) -> QuantizedConstant:
    """Moves constant codes, and finds out along which axis their scales lie then."""
    others = [node.constant(n, "input") for n in range(1, len(node.inputs))]
    (codes,) = node.evaluate([value.codes, *others])
    axis = value.axis
    if not value.per_tensor:
        channel = np.broadcast_to(
            value.spread(np.arange(value.codes.shape[value.axis])), value.codes.shape
        )
        (moved,) = node.evaluate([np.ascontiguousarray(channel), *others])
        axis = _varying_axis(moved)
    return QuantizedConstant(codes, value.bits, value.signed, value.scale, value.zero_point, axis)


def _varying_axis(channel: NDArray[np.generic]) -> int:
    for axis in range(channel.ndim):
        count = channel.shape[axis]
        expected = np.arange(count).reshape([-1 if n == axis else 1 for n in range(channel.ndim)])
        if np.array_equal(channel, np.broadcast_to(expected, channel.shape)):
            return axis
    raise Refusal("it tears the channels of per-channel weights apart")
