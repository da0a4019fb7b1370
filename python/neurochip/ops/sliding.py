"""Sliding windows: kernel, strides, pads and dilations of a node, all spelled out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ..formats import Array
from ..layers.weighted import Pads, Pair, taps
from .movement import rearrange
from .node import GraphBuilder, Node
from .values import Dequantized, Refusal, Shape, Value

MAX_MAP = 1 << 24
"""Positions of a map, with its padding; checked before any is allocated."""

NO_PADS: Pads = (0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Sliding:
    """How windows lie on a map of two dimensions."""

    kernel: Pair
    strides: Pair
    pads: Pads
    """As far as the windows reach, which rounding up can push beyond the declared pads."""
    declared: Pads
    dilations: Pair
    size: Pair
    """Height and width of the output."""

    def taps(self, padded: Array) -> Iterator[Array]:
        """For each position of the kernel, what it meets of a padded map, of the output's size."""
        for _, _, seen in taps(padded, self.kernel, self.strides, self.dilations, self.size):
            yield seen


def slide(node: Node, spatial: Pair, kernel: Sequence[int]) -> Sliding:
    """Reads how a node's windows lie on a map; one-dimensional nodes get height 1."""
    axes = len(kernel)
    strides = _pair(node.attributes.get("strides"), axes, 1)
    dilations = _pair(node.attributes.get("dilations"), axes, 1)
    size = _pair(kernel, axes, 1)
    pads = _declared_pads(node, spatial, size, strides, dilations, axes)
    count = _started_windows if node.attributes.get("ceil_mode", 0) else _whole_windows
    extents = [dilations[axis] * (size[axis] - 1) + 1 for axis in (0, 1)]
    heights = count(spatial[0], extents[0], strides[0], (pads[0], pads[2]))
    widths = count(spatial[1], extents[1], strides[1], (pads[1], pads[3]))
    padded = (spatial[0] + pads[0] + heights[1]) * (spatial[1] + pads[1] + widths[1])
    if padded > MAX_MAP:
        raise Refusal(f"its padded map has {padded} positions, at most {MAX_MAP} are supported")
    if heights[0] < 1 or widths[0] < 1:
        raise Refusal(f"its window {list(kernel)} is larger than the map {list(spatial)}")
    reach = (pads[0], pads[1], heights[1], widths[1])
    return Sliding(size, strides, reach, pads, dilations, (heights[0], widths[0]))


def map_of(node: Node, shape: Shape) -> tuple[int, int, int]:
    """(channels, height, width) of a value; one-dimensional maps get height 1."""
    if len(shape) == 3:
        return shape[0], shape[1], shape[2]
    if len(shape) == 2:
        return shape[0], 1, shape[1]
    raise Refusal(f"its input has shape {list(shape)}; maps of one or two dimensions are supported")


def lift(node: Node, builder: GraphBuilder, view: Dequantized) -> Dequantized:
    """The view with a height, which a one-dimensional map lacks."""
    if len(view.shape) == 3:
        return view
    lifted = _reshaped(node, builder, view, map_of(node, view.shape))
    if not isinstance(lifted, Dequantized):
        raise AssertionError("a moved view is a view")
    return lifted


def lower(node: Node, builder: GraphBuilder, value: Value, shape: Shape, rank: int) -> Value:
    """The value without the height that `lift` added to a map of this rank."""
    if rank == 3:
        return value
    return _reshaped(node, builder, value, (shape[0], shape[2]))


def _reshaped(node: Node, builder: GraphBuilder, value: Value, shape: Shape) -> Value:
    index = np.arange(int(np.prod(shape)), dtype=np.int32).reshape(shape)
    return rearrange(node, builder, value, index)


def _pair(values: Sequence[int] | None, axes: int, absent: int) -> Pair:
    """Positive numbers along height and width."""
    if axes > 2:
        raise Refusal(f"it slides along {axes} axes; one or two are supported")
    numbers = [absent] * axes if values is None else [int(value) for value in values]
    if len(numbers) != axes or min(numbers) < 1 or max(numbers) > MAX_MAP:
        raise Refusal(f"its window has {numbers} where {axes} positive numbers are expected")
    return (absent, numbers[0]) if axes == 1 else (numbers[0], numbers[1])


def _declared_pads(
    node: Node, spatial: Pair, kernel: Pair, strides: Pair, dilations: Pair, axes: int
) -> Pads:
    mode = node.attributes.get("auto_pad", "NOTSET") or "NOTSET"
    if mode == "VALID":
        return 0, 0, 0, 0
    if mode == "NOTSET":
        pads = [int(width) for width in node.attributes.get("pads") or [0] * (2 * axes)]
        if len(pads) != 2 * axes or min(pads) < 0:
            raise Refusal(f"its pads are {pads}, expected {2 * axes} numbers from 0 up")
        return (0, pads[0], 0, pads[1]) if axes == 1 else (pads[0], pads[1], pads[2], pads[3])
    begin, end = [], []
    for length, size, stride, dilation in zip(spatial, kernel, strides, dilations, strict=True):
        windows = -(-length // stride)
        total = max(0, (windows - 1) * stride + dilation * (size - 1) + 1 - length)
        smaller, larger = total // 2, total - total // 2
        begin.append(smaller if mode == "SAME_UPPER" else larger)
        end.append(larger if mode == "SAME_UPPER" else smaller)
    return begin[0], begin[1], end[0], end[1]


def _whole_windows(length: int, extent: int, stride: int, pads: Pair) -> Pair:
    """How many windows fit along an axis, and the end padding as declared."""
    room = length + sum(pads) - extent
    return (room // stride + 1 if room >= 0 else 0), pads[1]


def _started_windows(length: int, extent: int, stride: int, pads: Pair) -> Pair:
    """How many windows start within an axis (`ceil_mode`), and the end padding they reach."""
    room = length + sum(pads) - extent
    if room < 0:
        return 0, pads[1]
    windows = -(-room // stride) + 1
    if (windows - 1) * stride >= length + pads[0]:
        windows -= 1  # the last one would start in the padding
    return windows, max(pads[1], (windows - 1) * stride + extent - length - pads[0])
