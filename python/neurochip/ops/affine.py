"""Sums and products with constants, whichever operator they are."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from .builder import Builder, unquantized
from .node import Node
from .pointwise import Function, along_channels, apply
from .values import Constant, Feed, Hosted, QuantizedConstant, Refusal, Unknown, Value
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
    column = along_channels(node, array, value.shape)
    if isinstance(value, WeightedSum) and fold is not None:
        return fold(value, column.ravel().astype(np.float64))
    return apply(node, builder, other, function(column))
