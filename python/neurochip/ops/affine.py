"""Sums and products with constants, whichever operator they are."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ..formats import Array
from .along_axes import combined
from .builder import Builder, unquantized
from .expressions import Pointwise
from .multiplying import Rows
from .node import Node
from .pointwise import Function, along_channels, apply
from .values import Constant, Feed, Hosted, QuantizedConstant, Refusal, Shape, Unknown, Value, View
from .weighted_sum import WeightedSum

Column = NDArray[np.float32]
"""One number a channel, or one in all."""


def constant_operand(node: Node) -> int | None:
    """Which of two inputs is constant; None if neither is."""
    for position in (1, 0):
        if isinstance(node.input(position), (Constant, QuantizedConstant)):
            return position
    return None


def with_constant(
    node: Node,
    builder: Builder,
    position: int,
    function: Callable[[Column], Function],
    fold: Callable[[WeightedSum, NDArray[np.float64]], WeightedSum] | None,
) -> Value:
    """A function of a value and the constant at `position`.

    Args:
        node: The node, of two inputs.
        builder: The graph under construction.
        position: Which input is the constant.
        function: From the constant to the function of one value.
        fold: How a weighted sum absorbs the constant, if it can.
    """
    other = 1 - position
    value = node.input(other)
    if isinstance(value, (Feed, Hosted)):
        return builder.host(node, other)
    array = node.required(position, "operand")
    if value is None or isinstance(value, (Constant, QuantizedConstant, Unknown)):
        raise Refusal(unquantized(node, other))
    if isinstance(value, View):
        return combined(
            node,
            other,
            value,
            array.astype(np.float32),
            lambda view, column: Pointwise(
                view, function(column), (node.host_op(other),), node.name
            ),
        )
    if isinstance(value, Rows) and fold is not None and _one_a_feature(array, value.shape):
        return value.of(fold(value.child, array.ravel().astype(np.float64)))
    column = along_channels(node, array, value.shape)
    if isinstance(value, WeightedSum) and fold is not None:
        return fold(value, column.ravel().astype(np.float64))
    return apply(node, builder, other, function(column))


def _one_a_feature(array: Array, shape: Shape) -> bool:
    """Whether a constant has one number for each entry of the last axis, or one in all."""
    length = array.shape[-1] if array.ndim else 1
    return array.ndim <= len(shape) + 1 and array.size == length and length in (1, shape[-1])
