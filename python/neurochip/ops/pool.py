"""Pools: the largest value or the mean of windows, of whole maps, or over any axes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from ..formats import Array, Tensor
from ..layers import AveragePool, MaxPool
from ..layers.weighted import Pads, pad_map
from .axes import counted
from .movement import commute, rearrange
from .node import GraphBuilder, Node, activation_format, unquantized
from .registry import onnx_op
from .sliding import NO_PADS, Sliding, lift, lower, map_of, slide
from .values import (
    Constant,
    Dequantized,
    HostOp,
    LayerBuilder,
    QuantizedConstant,
    Refusal,
    Shape,
    Target,
    Unknown,
    Value,
)


@onnx_op("MaxPool")
def max_pool(node: Node, builder: GraphBuilder) -> Value:
    """Reads the largest value of each window."""
    if len(node.proto.output) > 1 and node.proto.output[1]:
        raise Refusal("its indices are used; only the values are supported")
    value = node.input(0)
    if value is None or isinstance(value, (Constant, QuantizedConstant, Unknown)):
        raise Refusal(unquantized(node, 0))
    channels, height, width = map_of(node, value.shape)
    windows = slide(node, (height, width), node.attributes["kernel_shape"])
    return pool_map(node, builder, value, (channels, height, width), windows)


@onnx_op("GlobalMaxPool")
def global_max_pool(node: Node, builder: GraphBuilder) -> Value:
    """Reads the largest value of each channel."""
    value = node.input(0)
    if value is None or isinstance(value, (Constant, QuantizedConstant, Unknown)):
        raise Refusal(unquantized(node, 0))
    channels, height, width = map_of(node, value.shape)
    windows = Sliding((height, width), (1, 1), NO_PADS, NO_PADS, (1, 1), (1, 1))
    return pool_map(node, builder, value, (channels, height, width), windows)


def pool_map(
    node: Node, builder: GraphBuilder, value: Value, shape: tuple[int, int, int], windows: Sliding
) -> Value:
    """The largest value of each window, for a value of any kind."""
    if isinstance(value, (Constant, QuantizedConstant, Unknown)):
        raise Refusal(unquantized(node, 0))
    flat = len(value.shape) == 2
    if flat:
        value = rearrange(node, builder, value, _order(shape))
    pooled_shape = (shape[0], *windows.size)

    def emit(builder: LayerBuilder, tensor: Tensor, name: str) -> Tensor:
        output = Tensor(name, pooled_shape, tensor.format, tensor.low, tensor.high)
        layer = MaxPool(
            node.name,
            (tensor,),
            output,
            windows.kernel,
            windows.strides,
            windows.pads,
            windows.dilations,
        )
        return builder.emit(layer)

    host_op = LargestOnHost(node.name, node.op_type, windows)
    pooled = commute(node, builder, value, pooled_shape, emit, host_op)
    return rearrange(node, builder, pooled, _order((shape[0], pooled_shape[2]))) if flat else pooled


@dataclass(frozen=True, slots=True, eq=False)
class LargestOnHost(HostOp):
    """The largest of real numbers in each window."""

    windows: Sliding

    def evaluate(self, array: Array) -> Array:
        """One number per window."""
        views = self.windows.taps(pad_map(array, self.windows.pads, -np.inf))
        return np.asarray(np.maximum.reduce(list(views)))


def _order(shape: Shape) -> np.ndarray[tuple[int, ...], np.dtype[np.int32]]:
    return np.arange(int(np.prod(shape)), dtype=np.int32).reshape(shape)


@dataclass(frozen=True, slots=True, eq=False)
class Average:
    """The mean of a view over each window."""

    view: Dequantized
    windows: Sliding
    counts: NDArray[np.int64]
    counts_padding: bool
    """Whether the padding counts, as zeros."""
    host_op: HostOp

    @property
    def shape(self) -> Shape:
        """Without the sample axis."""
        return (self.view.shape[0], *self.windows.size)

    @property
    def beyond_padding(self) -> bool:
        """Whether padding counts, and windows reach beyond all of it."""
        return self.counts_padding and self.windows.pads != self.windows.declared

    @property
    def whole_map(self) -> bool:
        """Whether one window covers the map and nothing else."""
        return self.windows.kernel == self.view.shape[1:] and not any(self.windows.pads)

    def quantize(self, builder: LayerBuilder, target: Target) -> Tensor:
        """Adds the layer, with input scale / (output scale * count) formed in float32."""
        builder.note_float(self.host_op.name, self.view.tensor.format, target.format)
        divisors = target.format.scale * self.counts.astype(np.float32)
        multiplier = (self.view.tensor.format.scale / divisors).astype(np.float32)
        if not self.whole_map:
            builder.note(
                f"{self.host_op.name!r}: sums of part of a map are rounded once, from the exact "
                "integer; onnxruntime sums in float32, which differs by one level in rare ties"
            )
        if self.beyond_padding:
            builder.note(
                f"{self.host_op.name!r}: windows that reach beyond its padding (`ceil_mode`) are "
                "divided by their part inside of it, as ONNX specifies; onnxruntime's integer "
                "kernel divides by the whole kernel, which can differ by many levels"
            )
        layer = AveragePool(
            name=self.host_op.name,
            inputs=(self.view.tensor,),
            output=target.tensor(self.shape),
            kernel=self.windows.kernel,
            strides=self.windows.strides,
            pads=self.windows.pads,
            dilations=self.windows.dilations,
            counts=self.counts,
            multiplier=multiplier,
            global_=self.whole_map,
        )
        return builder.emit(layer)

    def finish(self, builder: LayerBuilder) -> tuple[Tensor, tuple[HostOp, ...]]:
        """Leaves the mean to the host."""
        return self.view.tensor, (self.host_op,)


def average(node: Node, view: Dequantized, windows: Sliding, counted: Pads) -> Average:
    """The mean over windows; of the padding, only `counted` rows and columns count, as zeros."""
    _, height, width = view.shape
    top, left, bottom, right = windows.pads
    inside = np.zeros((1, 1, top + height + bottom, left + width + right), np.int64)
    rows = slice(top - counted[0], top + height + counted[2])
    columns = slice(left - counted[1], left + width + counted[3])
    inside[:, :, rows, columns] = 1
    counts = np.zeros((1, 1, *windows.size), np.int64)
    for seen in windows.taps(inside):
        counts += seen
    if (counts == 0).any():
        raise Refusal("one of its windows lies in the padding alone")
    host_op = MeanOnHost(node.name, node.op_type, windows, counts.astype(np.float32))
    counts_padding = bool(node.attributes.get("count_include_pad", 0))
    return Average(view, windows, counts[0, 0], counts_padding, host_op)


@dataclass(frozen=True, slots=True, eq=False)
class MeanOnHost(HostOp):
    """The mean over windows of real numbers."""

    windows: Sliding
    counts: NDArray[np.float32]
    """(1, 1, *windows.size)."""

    def evaluate(self, array: Array) -> Array:
        """One number per window."""
        views = self.windows.taps(pad_map(array, self.windows.pads, 0))
        return np.asarray(sum(views) / self.counts)


def counted_pads(node: Node, windows: Sliding) -> Pads:
    """The padding that counts: all that is declared, or none."""
    if node.attributes.get("count_include_pad", 0):
        return windows.declared
    return NO_PADS


def whole_map(view: Dequantized) -> Sliding:
    """The single window that covers a view."""
    kernel = (view.shape[1], view.shape[2])
    return Sliding(kernel, (1, 1), NO_PADS, NO_PADS, (1, 1), (1, 1))


@onnx_op("AveragePool")
def average_pool(node: Node, builder: GraphBuilder) -> Value:
    """Reads the mean over windows of one or two dimensions."""
    given = builder.view(node, 0)
    view = lift(node, builder, given)
    spatial = (view.shape[1], view.shape[2])
    windows = slide(node, spatial, node.attributes["kernel_shape"])
    mean = average(node, view, windows, counted_pads(node, windows))
    return lower(node, builder, mean, mean.shape, len(given.shape))


@onnx_op("GlobalAveragePool")
def global_average_pool(node: Node, builder: GraphBuilder) -> Value:
    """Reads the mean of each channel."""
    given = builder.view(node, 0)
    view = lift(node, builder, given)
    mean = average(node, view, whole_map(view), NO_PADS)
    return lower(node, builder, mean, mean.shape, len(given.shape))


@onnx_op("com.microsoft.QLinearAveragePool")
def qlinear_average_pool(node: Node, builder: GraphBuilder) -> Value:
    """Reads the mean over windows, from codes to codes."""
    refuse_channels_last(node)
    given = Dequantized(builder.codes_as(node, 0, 1, 2))
    view = lift(node, builder, given)
    windows = slide(node, (view.shape[1], view.shape[2]), node.attributes["kernel_shape"])
    mean = average(node, view, windows, counted_pads(node, windows))
    result = lower(node, builder, mean, mean.shape, len(given.shape))
    return builder.quantized(result, node, activation_format(node, 3, 4))


def refuse_channels_last(node: Node) -> None:
    """Refuses nodes that onnxruntime has rewritten for one machine."""
    if node.attributes.get("channels_last", 0):
        raise Refusal("it is channels_last; save the model before onnxruntime optimizes it")


@onnx_op("com.microsoft.QLinearGlobalAveragePool")
def qlinear_global_average_pool(node: Node, builder: GraphBuilder) -> Value:
    """Reads the mean of each channel, from codes to codes."""
    refuse_channels_last(node)
    given = Dequantized(builder.codes_as(node, 0, 1, 2))
    view = lift(node, builder, given)
    mean = average(node, view, whole_map(view), NO_PADS)
    result = lower(node, builder, mean, mean.shape, len(given.shape))
    return builder.quantized(result, node, activation_format(node, 3, 4))


@onnx_op("ReduceMean")
def reduce_mean(node: Node, builder: GraphBuilder) -> Value:
    """Reads the mean over some axes, an attribute or an input."""
    view = builder.view(node, 0)
    builder.note(
        f"{node.name!r}: ReduceMean is rounded once, from the exact integer sum, like "
        "GlobalAveragePool; onnxruntime computes it in float32"
    )
    return channel_means(node, builder, view, node.constant(1, "axes"))


def channel_means(
    node: Node,
    builder: GraphBuilder,
    view: Dequantized,
    axes: np.ndarray[tuple[int, ...], np.dtype[np.generic]] | None,
) -> Value:
    """The mean over some axes, in the shape the node asks for.

    Axes that stay become channels, and those that go a map, which one window covers.
    """
    rank = len(view.shape) + 1
    given = node.attributes.get("axes") if axes is None else axes.tolist()
    chosen = sorted(set(counted(given or [], rank)))
    if not chosen or chosen[0] == 0:
        told = "all axes" if not chosen else f"axes {given} of {rank}"
        raise Refusal(f"it averages {told}, samples included")
    means = _as_map(node, builder, view, chosen)
    mean = average(node, means, whole_map(means), NO_PADS)
    lengths = [1 if axis in chosen else length for axis, length in enumerate(view.shape, 1)]
    if not node.attributes.get("keepdims", 1):
        lengths = [length for axis, length in enumerate(view.shape, 1) if axis not in chosen]
    index = np.arange(means.shape[0], dtype=np.int32).reshape(lengths)
    return mean if index.shape == mean.shape else rearrange(node, builder, mean, index)


def _as_map(
    node: Node, builder: GraphBuilder, view: Dequantized, chosen: Sequence[int]
) -> Dequantized:
    """The view with the axes that stay in front, as channels of a map of the others."""
    if chosen == list(range(2, len(view.shape) + 1)):
        return lift(node, builder, view)
    stay = [axis - 1 for axis in range(1, len(view.shape) + 1) if axis not in chosen]
    order = np.arange(prod(view.shape), dtype=np.int32).reshape(view.shape)
    moved = order.transpose(*stay, *(axis - 1 for axis in chosen))
    channels = prod(view.shape[axis] for axis in stay)
    index = np.ascontiguousarray(moved.reshape(channels, -1, 1))
    arranged = rearrange(node, builder, view, index)
    assert isinstance(arranged, Dequantized), "a moved view is a view"
    return arranged


@onnx_op("com.microsoft.QLinearReduceMean")
def qlinear_reduce_mean(node: Node, builder: GraphBuilder) -> Value:
    """Reads the mean of each channel, from codes to codes."""
    view = Dequantized(builder.codes_as(node, 0, 1, 2))
    mean = channel_means(node, builder, view, None)
    return builder.quantized(mean, node, activation_format(node, 3, 4))
