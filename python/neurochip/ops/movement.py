"""Operators that only move values: reshape, transpose, slice, pad and their like.

What such a node does is found by running ONNX's own reference implementation on positions.
"""

from __future__ import annotations

from dataclasses import replace
from math import prod

import numpy as np
from numpy.typing import NDArray

from ..formats import Tensor
from ..layers import Rearrange
from .axes import counted
from .expressions import Emit, Picked
from .node import GraphBuilder, Node, unquantized
from .registry import onnx_op
from .values import (
    MAX_VALUES,
    Codes,
    Constant,
    Dequantized,
    Feed,
    Hosted,
    HostOp,
    Index,
    LayerBuilder,
    MoveOnHost,
    QuantizedConstant,
    Refusal,
    Shape,
    Unknown,
    Value,
)

SAMPLES = 2
"""How many samples show whether a node treats them alike."""


@onnx_op("DepthToSpace", "Flatten", "Gather", "SpaceToDepth", "Transpose", "Unsqueeze")
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

    host_op = MoveOnHost(node.name, node.op_type, index)
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


@onnx_op("Identity", "Dropout")
def identity(node: Node, builder: GraphBuilder) -> Value:
    """Passes its input on."""
    value = node.input(0)
    if value is None:
        raise Refusal("an input is missing")
    return value


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


@onnx_op("Slice")
def slice_(node: Node, builder: GraphBuilder) -> Value:
    """Reads starts, ends, axes and steps; a slice along the samples must keep them all."""
    value = node.input(0)
    if value is None or isinstance(value, (Constant, QuantizedConstant, Unknown)):
        return move(node, builder)
    starts, ends = (node.required(n, what).copy() for n, what in ((1, "starts"), (2, "ends")))
    rank = len(value.shape) + 1
    given = node.constant(3, "axes")
    axes = np.arange(len(starts)) if given is None else np.array(counted(given, rank))
    steps = node.constant(4, "steps")
    if any(each.shape != starts.shape for each in (ends, axes, steps) if each is not None):
        raise Refusal("its starts, ends, axes and steps are not equally many")
    for position in np.flatnonzero(axes == 0):
        step = 1 if steps is None else steps[position]
        if starts[position] != 0 or ends[position] < builder.batch or step != 1:
            raise Refusal("it selects some of the samples")
        ends[position] = SAMPLES
    others = (starts, ends, axes, steps)
    return rearrange(node, builder, value, positions(node, value.shape, *others))


@onnx_op("Pad")
def pad(node: Node, builder: GraphBuilder) -> Value:
    """Reads constant, edge and reflect padding; the constant must be the real number 0."""
    value = node.input(0)
    if value is None or isinstance(value, (Constant, QuantizedConstant, Unknown)):
        raise Refusal("")
    widths = _widths(node, len(value.shape) + 1)
    _refuse_large(value.shape, widths)
    if node.attributes.get("mode", "constant") != "constant":
        others = [node.constant(n, "input") for n in range(1, len(node.inputs))]
        return rearrange(node, builder, value, positions(node, value.shape, *others))
    fill = node.constant(2, "padding value")
    number = float(node.attributes.get("value", 0.0) if fill is None else fill)
    zero = value.target.format.zero_point if isinstance(value, Codes) else 0
    if number != zero:
        raise Refusal(f"it pads with {number:g}; only zero padding is supported")
    return rearrange(node, builder, value, _padded(value.shape, widths))


def _widths(node: Node, rank: int) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    """(2, axes): what is added before and after, samples first."""
    pads = node.attributes["pads"] if "pads" in node.attributes else node.required(1, "pads")
    axes = node.constant(3, "axes")
    chosen = list(range(rank)) if axes is None else counted(axes, rank)
    widths = np.zeros((2, rank), np.int64)
    widths[:, chosen] = np.asarray(pads).reshape(2, -1)
    return widths


def _refuse_large(
    shape: tuple[int, ...], widths: np.ndarray[tuple[int, ...], np.dtype[np.int64]]
) -> None:
    """Refuses more values than are ever read, before any is made."""
    added = [max(0, int(begin)) + max(0, int(end)) for begin, end in widths[:, 1:].T]
    padded = [length + width for length, width in zip(shape, added, strict=True)]
    if prod(padded) > MAX_VALUES:
        raise Refusal(f"it pads to shape {padded}, at most {MAX_VALUES} values are supported")


def _padded(
    shape: tuple[int, ...], widths: np.ndarray[tuple[int, ...], np.dtype[np.int64]]
) -> np.ndarray[tuple[int, ...], np.dtype[np.int32]]:
    if widths[:, 0].any():
        raise Refusal("it pads the samples")
    source = np.arange(int(np.prod(shape)), dtype=np.int32).reshape(shape)
    cut = tuple(
        slice(max(0, -begin), length - max(0, -end))
        for length, begin, end in zip(shape, widths[0, 1:], widths[1, 1:], strict=True)
    )
    added = [(max(0, begin), max(0, end)) for begin, end in widths[:, 1:].T]
    return np.pad(source[cut], added, constant_values=-1)
