"""MaxPool, exact on codes: rounding is monotone."""

from __future__ import annotations

from functools import partial

import numpy as np

from ..formats import Array, Tensor
from ..layers import MaxPool
from ..layers.windows import pad_map
from .builder import GraphBuilder, unquantized
from .movement import commute, rearrange
from .node import Node
from .registry import onnx_op
from .sliding import NO_PADS, Sliding, map_of, slide
from .values import (
    Constant,
    HostOp,
    LayerBuilder,
    QuantizedConstant,
    Refusal,
    Shape,
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

    host_op = HostOp(node.name, node.op_type, partial(_largest, windows=windows))
    pooled = commute(node, builder, value, pooled_shape, emit, host_op)
    return rearrange(node, builder, pooled, _order((shape[0], pooled_shape[2]))) if flat else pooled


def _largest(real: Array, windows: Sliding) -> Array:
    """The largest number of each window."""
    views = windows.taps(pad_map(real, windows.pads, -np.inf))
    return np.asarray(np.maximum.reduce(list(views)))


def _order(shape: Shape) -> np.ndarray[tuple[int, ...], np.dtype[np.int32]]:
    return np.arange(int(np.prod(shape)), dtype=np.int32).reshape(shape)
