"""Functions of one value, whichever operator they are."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from .builder import GraphBuilder, unquantized
from .expressions import Clamped, Pointwise
from .node import Node
from .values import (
    Codes,
    Constant,
    Dequantized,
    Feed,
    Hosted,
    QuantizedConstant,
    Refusal,
    Shape,
    Unknown,
    Value,
)

Function = Callable[[NDArray[np.float32]], NDArray[np.float32]]


def apply(node: Node, builder: GraphBuilder, position: int, function: Function) -> Value:
    """The node as a table over the codes of its input at `position`."""
    value = node.input(position)
    if isinstance(value, (Feed, Hosted)):
        return builder.host(node, position)
    if isinstance(value, Dequantized):
        return Pointwise(value, function, (node.host_op(position),), node.name)
    if isinstance(value, Pointwise):
        inner = value.function
        ops = (*value.host_ops, node.host_op(position))
        return Pointwise(value.view, lambda row: function(inner(row)), ops, node.name)
    raise Refusal(unquantized(node, position))


def clamp(node: Node, builder: GraphBuilder, low: float, high: float, position: int = 0) -> Value:
    """The node as a clamp of its input at `position`, which rounding commutes with."""
    value = node.input(position)
    if isinstance(value, (Feed, Hosted, Dequantized, Pointwise)):
        bounds = np.float32(low), np.float32(high)
        return apply(node, builder, position, lambda row: np.clip(row, *bounds))
    if value is None or isinstance(value, (Constant, QuantizedConstant, Codes, Unknown)):
        raise Refusal(unquantized(node, position))
    return Clamped(value, low, high, node.host_op(position))


def over_one_sample(array: NDArray[np.generic], shape: Shape) -> Shape | None:
    """The shape of a constant with as many axes as one sample of a value, to which it broadcasts.

    None if it does not, or differs between samples.
    """
    full = (1,) * (len(shape) + 1 - array.ndim) + array.shape
    fits = len(full) == len(shape) + 1 and full[0] == 1
    if not fits or any(n not in (1, whole) for n, whole in zip(full[1:], shape, strict=True)):
        return None
    return full[1:]


def along_channels(node: Node, array: NDArray[np.generic], shape: Shape) -> NDArray[np.float32]:
    """A constant operand as a column of one number a channel, or of one in all.

    Raises:
        Refusal: If it varies along another axis.
    """
    if array.size == 1 and array.ndim <= len(shape) + 1:
        return array.reshape(1, 1).astype(np.float32)
    full = (1,) * (len(shape) + 1 - array.ndim) + array.shape
    if (
        len(full) == len(shape) + 1
        and all(length == 1 for axis, length in enumerate(full) if axis != 1)
        and full[1] == shape[0]
    ):
        return array.reshape(-1, 1).astype(np.float32)
    raise Refusal(
        f"its constant of shape {list(array.shape)} is not one number a channel "
        f"of a value of shape {list(shape)}"
    )
