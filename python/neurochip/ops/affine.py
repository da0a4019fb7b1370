"""Sums and products with constants, whichever operator they are."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from .along_axes import combined
from .builder import GraphBuilder, unquantized
from .expressions import Pointwise
from .folding import Fold, folded
from .node import Node
from .pointwise import Function, along_channels, apply
from .values import Constant, Dequantized, Feed, Hosted, QuantizedConstant, Refusal, Unknown, Value

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
    builder: GraphBuilder,
    position: int,
    function: Callable[[Column], Function],
    fold: Fold | None,
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
    if not np.isfinite(array).all():
        raise Refusal("its constant holds numbers that are not finite")
    if isinstance(value, Dequantized):
        return combined(
            node,
            other,
            value,
            array.astype(np.float32),
            lambda view, column: Pointwise(
                view, function(column), (node.host_op(other),), node.name
            ),
        )
    absorbed = None if fold is None else folded(value, array, fold)
    if absorbed is not None:
        return absorbed
    return apply(node, builder, other, function(along_channels(node, array, value.shape)))
